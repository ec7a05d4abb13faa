"""The write journal and what the library remembers, on a real library: real columns, real crashes, real undo."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import textwrap
import threading
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

from calibre.db.legacy import LibraryDatabase
from calibre.ebooks.metadata.book.base import Metadata
from calibre_plugins.koreader_progress.library.read_progress import asks_for_all_users, write_progress
from calibre_plugins.koreader_progress.memory import book_memory
from calibre_plugins.koreader_progress.settings import config
from calibre_plugins.koreader_progress.memory import journal_writer
from calibre_plugins.koreader_progress.sync import asked_library, pull
from calibre_plugins.koreader_progress.sync import repair
from calibre_plugins.koreader_progress.sync import undo
from calibre_plugins.koreader_progress.sync import undo_plan
from calibre_plugins.koreader_progress.sync import unlinking
from calibre_plugins.koreader_progress.memory import journal as write_journal
from calibre_plugins.koreader_progress.memory.book_names import BookName, BookNames

DOCUMENT = "a" * 32


PROFILE: Any = {**config.new_profile("home", "Home", "acc"), "columns": [{"column": "#pct"}, {"column": "#dev"}]}


def record(percentage: float, timestamp: int = 100) -> dict[str, Any]:
    return {
        "document": DOCUMENT,
        "percentage": percentage,
        "progress": "/body/DocFragment[1]",
        "device": "Kobo",
        "device_id": "K",
        "timestamp": timestamp,
    }


def plan_of(updates: list[Any], percentage: float = 0.4, timestamp: int = 100, **more: Any) -> Any:
    ids = {update["book_id"] for update in updates}
    told = record(percentage, timestamp)
    base = {key: told[key] for key in told if key != "device_id"}
    return {
        "updates": updates,
        "conflicts": [],
        "skipped": [],
        "unanswered": [],
        "bases": [{"book_id": book_id, **base, "values": {"#pct": 40}} for book_id in ids],
        "placeless": [],
        "observations": [{"book_id": book_id, "at": 110.0, "progress": told} for book_id in ids],
        "digests": [],
        "local_changes": [],
        "review": [],
        **more,
    }


def update(book_id: int, column: str, before: Any, after: Any) -> Any:
    return {
        "book_id": book_id,
        "column": column,
        "before": before,
        "after": after,
        "why": {"code": "synced", "data": {}},
    }


class JournalAndMemory(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(dir=os.environ["TEST_FOLDER"]))
        self.db = LibraryDatabase(str(self.folder / "library"))
        self.db.create_custom_column("pct", "Percent", "int", False)
        self.db.create_custom_column("dev", "Device", "text", False)
        self.db.close()
        self.db = LibraryDatabase(str(self.folder / "library"))
        self.api = self.db.new_api
        self.ids: list[Any] = [self.api.create_book_entry(Metadata(f"Book {number}", ["Ann"])) for number in range(3)]
        self.uuids = {book_id: self.api.field_for("uuid", book_id) for book_id in self.ids}
        self.names = BookNames(self.uuids)
        self.journal = write_journal.WriteJournal(self.folder / "journal", "library: one")

    def tearDown(self) -> None:
        self.db.close()

    def cells(self) -> dict[Any, Any]:
        return {(i, column): self.api.field_for(column, i) for i in self.ids for column in ("#pct", "#dev")}

    def read(self, book: BookName, column: str) -> Any:
        book_id = self.names.book_of(book)
        return None if book_id is None else self.api.field_for(column, book_id)

    def begin(self, kind: Any = "pull", undoes: str | None = None, at: float | None = None) -> Any:
        return self.journal.begin_run(kind, "home", "acc", self.names, undoes, at)

    def repaired(self) -> list[Any]:
        return repair.repair(self.api, self.journal)

    def write(self, updates: list[Any]) -> list[Any]:
        done = []
        for each in updates:
            if self.api.field_for(each["column"], each["book_id"]) == each["before"]:
                self.api.set_field(each["column"], {each["book_id"]: each["after"]})
                done.append(each)
        return done

    def run_of(self, updates: list[Any], kind: Any = "pull", undoes: str | None = None) -> list[Any]:
        writer = self.begin(kind, undoes)
        writer.record(
            updates, undoes=None if undoes is None else {each["book_id"]: each["book_id"] for each in updates}
        )
        written = self.write(updates)
        writer.finish(written)
        return written

    def undo(self, run: write_journal.Run, only: list[int] | None = None) -> list[Any]:
        again = self.journal.is_redone_by_undoing(run)
        return self.run_of(undo_plan.plan_undo(run, self.names, again, only).updates, "undo", run.id)

    def test_undoing_a_run_restores_every_cell_and_undoing_that_writes_it_again(self) -> None:
        first, second, _ = self.ids
        self.api.set_field("#pct", {first: 7})
        before = self.cells()
        self.run_of(
            [update(first, "#pct", 7, 40), update(first, "#dev", None, "Kobo"), update(second, "#pct", None, 1)]
        )
        after = self.cells()
        self.undo(self.journal.runs()[0])
        self.assertEqual(self.cells(), before)
        undo, pull = self.journal.runs()
        self.assertEqual(pull.standing, [])
        self.undo(undo)
        self.assertEqual(self.cells(), after)
        self.assertEqual(len(self.journal.runs()[2].standing), 3)
        self.undo(self.journal.runs()[0])
        self.assertEqual(self.cells(), before)
        self.assertEqual(self.journal.runs()[3].standing, [])

    def test_undo_leaves_what_the_reader_changed_since_and_can_be_limited_to_a_book(self) -> None:
        first, second, third = self.ids
        self.run_of([update(i, "#pct", None, 40) for i in self.ids])
        self.api.set_field("#pct", {first: 50})
        run = self.journal.runs()[0]
        self.undo(run, [first, second])
        self.assertEqual([self.api.field_for("#pct", i) for i in self.ids], [50, None, 40])
        self.assertEqual({entry.book.id for entry in self.journal.runs()[-1].standing}, {first, third})

    def test_a_book_deleted_since_is_left_out_of_an_undo(self) -> None:
        first, second, _ = self.ids
        self.run_of([update(first, "#pct", None, 40), update(second, "#pct", None, 41)])
        names = BookNames({i: uuid for i, uuid in self.uuids.items() if i != first})
        planned = undo_plan.plan_undo(self.journal.runs()[0], names, again=False)
        self.assertEqual([each["book_id"] for each in planned.updates], [second])
        self.assertEqual([(each.book.id, each.reason) for each in planned.left], [(first, "gone")])

    def test_a_crash_between_journal_and_write_is_repaired_at_the_next_start(self) -> None:
        """A child process is killed after its first cell: calibre's own database holds one of the two."""
        first, second, _ = self.ids
        script = textwrap.dedent(
            f"""
            import importlib, os, signal
            importlib.import_module("calibre.customize.ui")
            from calibre_plugins.koreader_progress.memory import book_names
            from calibre_plugins.koreader_progress.memory import journal as write_journal
            from calibre.db.legacy import LibraryDatabase
            api = LibraryDatabase({str(self.folder / "library")!r}).new_api
            journal = write_journal.WriteJournal({str(self.folder / "journal")!r}, "library: one")
            writer = journal.begin_run("pull", "home", "acc", book_names.BookNames({self.uuids!r}))
            why = {{"code": "synced", "data": {{}}}}
            writer.record([dict(book_id=i, column="#pct", before=None, after=40, why=why) for i in ({first}, {second})])
            api.set_field("#pct", {{ {first}: 40 }})
            os.kill(os.getpid(), signal.SIGKILL)
            """
        )
        path = self.folder / "crash.py"
        path.write_text(script)
        self.db.close()
        debug = os.path.join(os.environ.get("KOREADER_PROGRESS_CALIBRE", ""), "calibre-debug")
        child = subprocess.run([debug, "-e", str(path)], capture_output=True, timeout=60)
        self.assertEqual(child.returncode, -9, child.stderr)
        self.db = LibraryDatabase(str(self.folder / "library"))
        self.api = self.db.new_api
        # As the disk may have it: the last line was half written.
        file = next((self.folder / "journal" / "library__one").iterdir())
        file.write_bytes(file.read_bytes() + b'{"what": "cel')
        self.assertFalse(self.journal.runs()[0].ended)
        self.assertEqual([entry.book.id for entry in self.repaired()[0].standing], [first])
        self.assertEqual(self.repaired(), [])
        run = self.journal.runs()[0]
        self.assertTrue(run.ended)
        self.undo(run)
        self.assertEqual([self.api.field_for("#pct", i) for i in self.ids], [None, None, None])

    def test_nothing_is_announced_later_than_it_is_written(self) -> None:
        writer = self.begin()
        writer.record([update(self.ids[0], "#pct", None, 40)])
        # Another reader of the disk sees the announcement at once, while the run is under way.
        self.assertEqual([entry.after for entry in self.journal.runs()[0].entries], [40])
        writer.finish([])
        self.assertEqual(self.journal.runs()[0].standing, [])

    def test_a_folder_that_cannot_be_written_stops_the_run_before_it_begins(self) -> None:
        (self.folder / "file").write_text("")
        with self.assertRaises(OSError):
            write_journal.WriteJournal(self.folder / "file", "x").begin_run("pull", "home", "acc", self.names)

    def test_old_runs_are_dropped_and_open_ones_kept(self) -> None:
        open_run = self.begin(at=1)
        open_run.close()
        for at in range(2, 6):
            self.begin(at=at).finish([])
        self.journal.prune(keep=2)
        self.assertEqual([run.at for run in self.journal.runs()], [5, 4, 1])

    def test_a_base_is_kept_once_its_cells_are_written(self) -> None:
        first, second, third = self.ids
        plan = plan_of([update(i, "#pct", None, 40) for i in self.ids])
        written = self.write(plan["updates"][:2])
        outcome = book_memory.Outcome(written=written, failed={third})
        book_memory.remember(self.api, "acc", PROFILE, plan, outcome, self.ids, 105, 110)
        remembered = book_memory.recall(self.api, "acc", self.ids)
        self.assertEqual(remembered[first]["base"]["percentage"], 0.4)
        self.assertEqual(remembered[second]["written"], {"#pct": 40})
        self.assertIsNone(remembered[third]["base"])
        self.assertEqual(remembered[third]["declined"], [])
        self.assertEqual(remembered[third]["observations"][0]["progress"], record(0.4))
        self.assertEqual(book_memory.recall(self.api, "another account", self.ids)[first]["base"], None)

    def test_what_was_left_unticked_is_declined_and_leaves_the_base(self) -> None:
        first = self.ids[0]
        plan = plan_of([update(first, "#pct", None, 40), update(first, "#dev", None, "Kobo")])
        book_memory.remember(
            self.api, "acc", PROFILE, plan, book_memory.Outcome(written=plan["updates"][:1]), [first], 105, 110
        )
        remembered = book_memory.recall(self.api, "acc", [first])[first]
        self.assertIsNone(remembered["base"])
        self.assertEqual(remembered["written"], {"#pct": 40})
        self.assertEqual([said["percentage"] for said in remembered["declined"]], [0.4])

    def test_a_conflict_decided_for_either_side_is_remembered(self) -> None:
        first, second, _ = self.ids
        asked = plan_of([update(i, "#pct", None, 40) for i in (first, second)])
        conflicts = [
            {"book_id": base["book_id"], "theirs": record(0.4), "updates": [each], "base": base, "why": each["why"]}
            for each, base in zip(
                asked["updates"], sorted(asked["bases"], key=lambda base: base["book_id"]), strict=True
            )
        ]
        plan = plan_of([], conflicts=conflicts)
        outcome = book_memory.Outcome(written=conflicts[0]["updates"], theirs={first}, ours={second})
        changes = book_memory.base_changes(plan, outcome, self.names, self.api, "acc", "home")
        self.assertEqual([(change.book.id, change.before) for change in changes], [(first, None)])
        book_memory.remember(self.api, "acc", PROFILE, plan, outcome, self.ids, 105, 110)
        remembered = book_memory.recall(self.api, "acc", self.ids)
        self.assertEqual(remembered[first]["base"]["percentage"], 0.4)
        self.assertEqual([said["at"] for said in remembered[second]["declined"]], [110])

    def test_the_reading_log_only_grows_and_says_nothing_twice(self) -> None:
        first = self.ids[0]
        for percentage, timestamp in ((0.1, 1), (0.2, 2), (0.1, 1), (0.2, 2), (0.3, 3)):
            heard = [{"book_id": first, "at": 10.0, "progress": record(percentage, timestamp)}]
            book_memory.observe(self.api, "acc", heard)  # pyright: ignore[reportArgumentType]
        log = book_memory.recall(self.api, "acc", [first])[first]["observations"]
        self.assertEqual([seen["progress"]["percentage"] for seen in log], [0.1, 0.2, 0.3])

    def pull(self, plan: Any) -> None:
        ids = [update["book_id"] for update in plan["updates"]]
        outcome = book_memory.Outcome(written=self.write(plan["updates"]))
        writer = self.begin()
        writer.record(plan["updates"])
        writer.record_bases(book_memory.base_changes(plan, outcome, self.names, self.api, "acc", "home"))
        book_memory.remember(self.api, "acc", PROFILE, plan, outcome, ids, 105, 110)
        writer.finish(outcome.written)

    def memory(self, book_id: int) -> dict[str, Any]:
        return book_memory.recall(self.api, "acc", [book_id])[book_id]

    def test_an_undone_run_gives_its_base_back_and_is_declined_until_the_undo_is_undone(self) -> None:
        first = self.ids[0]
        self.pull(plan_of([update(first, "#pct", None, 40)]))
        self.pull(plan_of([update(first, "#pct", 40, 60)], 0.6, 200))
        done = self.memory(first)
        self.assertEqual(undo.last_pull(self.journal), self.journal.runs()[0])
        undone = undo.undo_run(self.api, self.journal, self.journal.runs()[0], now=300)
        self.assertEqual([each["after"] for each in undone.report.written], [40])
        remembered = self.memory(first)
        self.assertEqual((remembered["base"]["percentage"], remembered["written"]), (0.4, {}))
        self.assertEqual([(said["percentage"], said["at"]) for said in remembered["declined"]], [(0.6, 300)])
        undo.undo_run(self.api, self.journal, self.journal.runs()[0])
        self.assertEqual(self.api.field_for("#pct", first), 60)
        self.assertEqual(self.memory(first), done)
        # Back to before anything was ever synced.
        undo.undo_run(self.api, self.journal, self.journal.runs()[2])
        undo.undo_run(self.api, self.journal, self.journal.runs()[-1])
        self.assertIsNone(self.api.field_for("#pct", first))
        self.assertIsNone(self.memory(first)["base"])
        self.assertIsNone(undo.last_pull(self.journal))

    def test_calibre_s_own_read_progress_goes_back_with_the_run_that_brought_it(self) -> None:
        first = self.ids[0]
        self.pull(plan_of([update(first, "#pct", None, 40)]))
        write_progress(self.api, first, "EPUB", {"cfi": "epubcfi(/2/4)", "epoch": 100.0, "pos_frac": 0.4})
        stands = [0.4] if asks_for_all_users(self.api) else []
        self.assertEqual(self.read_progress(first), stands)
        undo.undo_run(self.api, self.journal, self.journal.runs()[0])
        self.assertEqual(self.read_progress(first), [])
        undo.undo_run(self.api, self.journal, self.journal.runs()[0])
        self.assertEqual(self.read_progress(first), stands)

    def read_progress(self, book_id: int) -> list[Any]:
        return [entry["pos_frac"] for entry in self.api.get_last_read_positions(book_id, "EPUB", "local")]

    def test_undoing_an_older_run_leaves_what_a_later_one_wrote(self) -> None:
        first, second, _ = self.ids
        self.pull(plan_of([update(first, "#pct", None, 40), update(second, "#pct", None, 40)]))
        self.pull(plan_of([update(first, "#pct", 40, 60)], 0.6, 200))
        report = undo.undo_run(self.api, self.journal, self.journal.runs()[1]).report
        self.assertEqual([each["book_id"] for each in report.written], [second])
        self.assertEqual([each["book_id"] for each in report.stale], [first])
        self.assertEqual(self.memory(first)["base"]["percentage"], 0.6)
        self.assertIsNone(self.memory(second)["base"])

    def test_a_repaired_run_is_remembered_as_ours_and_its_columns_may_be_gone(self) -> None:
        first, second, _ = self.ids
        writer = self.begin()
        announced = [
            update(first, "#pct", None, 40),
            update(second, "#gone", None, "x"),
            update(second, "#pct", None, 40),
        ]
        writer.record(announced)
        self.write(announced[:1])
        writer.close()
        self.repaired()
        self.assertEqual(self.memory(first)["written"], {"#pct": 40})
        self.assertEqual(book_memory.recall(self.api, "acc", [second]), {})
        undo.undo_run(self.api, self.journal, self.journal.runs()[0])
        self.assertIsNone(self.api.field_for("#pct", first))

    def test_changes_are_remembered_until_they_are_none_any_more(self) -> None:
        first = self.ids[0]
        book_memory.note_local_change(self.api, "acc", [{"book_id": first, "column": "#pct", "at": 50.0}])
        self.assertEqual(book_memory.recall(self.api, "acc", [first])[first]["changed_at"], {"#pct": 50})
        still = plan_of([], local_changes=[{"book_id": first, "column": "#pct", "at": 50.0}])
        book_memory.remember(self.api, "acc", PROFILE, still, book_memory.Outcome(), [first], 105, 110)
        self.assertEqual(book_memory.recall(self.api, "acc", [first])[first]["changed_at"], {"#pct": 50})
        book_memory.note_local_change(self.api, "acc", [{"book_id": first, "column": "#dev", "at": 107.0}])
        book_memory.remember(self.api, "acc", PROFILE, plan_of([]), book_memory.Outcome(), [first], 105, 110)
        self.assertEqual(book_memory.recall(self.api, "acc", [first])[first]["changed_at"], {"#dev": 107})

    def test_each_profile_of_an_account_has_a_base_of_its_own(self) -> None:
        first = self.ids[0]
        other: Any = {**config.new_profile("other", "Other", "acc"), "columns": [{"column": "#dev"}]}
        book_memory.note_local_change(self.api, "acc", [{"book_id": first, "column": "#pct", "at": 50.0}])
        heard = plan_of([update(first, "#dev", None, "Kobo")])
        heard["bases"][0]["values"] = {"#dev": "Kobo"}
        outcome = book_memory.Outcome(written=self.write(heard["updates"]))
        book_memory.remember(self.api, "acc", other, heard, outcome, [first], 105, 110)
        # The one that has none yet starts from the other's; what the other does not show is no business of its.
        at_home = book_memory.recall(self.api, "acc", [first], "home")[first]
        self.assertEqual((at_home["base"]["values"], at_home["changed_at"]), ({"#dev": "Kobo"}, {"#pct": 50}))
        self.pull(plan_of([update(first, "#pct", None, 60)], 0.6, 200))
        by_profile = [
            book_memory.recall(self.api, "acc", [first], name)[first] for name in ("home", "other", "new", "")
        ]
        self.assertEqual([each["base"]["percentage"] for each in by_profile], [0.6, 0.4, 0.6, 0.6])
        # Undoing a run of one leaves the other's base alone.
        undo.undo_run(self.api, self.journal, self.journal.runs()[0], now=300)
        by_profile = [book_memory.recall(self.api, "acc", [first], name)[first] for name in ("home", "other")]
        self.assertEqual([each["base"]["percentage"] for each in by_profile], [0.4, 0.4])
        self.assertEqual([*book_memory.kept_bases(self.api, "acc", [first])], [first])

    def test_a_book_deleted_during_the_run_spoils_nothing(self) -> None:
        first, second, _ = self.ids
        plan = plan_of([update(i, "#pct", None, 40) for i in (first, second)])
        outcome = book_memory.Outcome(written=self.write(plan["updates"]))
        self.api.remove_books([first])
        book_memory.remember(self.api, "acc", PROFILE, plan, outcome, [first, second], 105, 110)
        self.assertEqual(book_memory.recall(self.api, "acc", [second])[second]["base"]["percentage"], 0.4)

    def test_a_device_with_half_a_character_in_its_name_does_not_end_the_run(self) -> None:
        run = self.run_of([update(self.ids[0], "#pct", None, 40)])
        writer = self.begin()
        writer.record([update(self.ids[1], "#dev", None, "Kobo \ud83d")])
        writer.finish([])
        self.assertEqual(self.journal.runs()[0].entries[0].after, "Kobo \ud83d")
        self.assertEqual(len(run), 1)

    def test_the_disk_is_waited_for_once_for_all_bases_of_a_run(self) -> None:
        plan = plan_of([update(i, "#pct", None, 40) for i in self.ids])
        changes = book_memory.base_changes(
            plan, book_memory.Outcome(written=self.write(plan["updates"])), self.names, self.api, "acc", "home"
        )
        writer = self.begin()
        with mock.patch.object(journal_writer.os, "fsync", wraps=os.fsync) as waited:
            writer.record_bases(changes)
        writer.finish([])
        self.assertEqual((len(self.journal.runs()[0].bases), waited.call_count), (3, 1))

    def test_the_newest_run_to_undo_is_found_without_reading_all_the_older_ones(self) -> None:
        for percent in range(1, 5):
            self.run_of([update(self.ids[0], "#pct", percent - 1 if percent > 1 else None, percent)])
        with mock.patch.object(write_journal, "read_run", wraps=write_journal.read_run) as read:
            newest = self.journal.newest("pull")
            self.assertEqual(read.call_count, 1)
        self.assertEqual(newest, self.journal.runs()[0])
        # Undone from the newest to the oldest, and the last of it put back.
        for percent in (4, 3, 2, 1):
            run = undo.last_pull(self.journal)
            assert run is not None
            self.assertEqual(run.entries[0].after, percent)
            self.undo(run)
        self.assertIsNone(undo.last_pull(self.journal))
        self.undo(self.journal.runs()[0])
        self.assertIsNotNone(undo.last_pull(self.journal))

    def test_a_list_of_runs_says_what_reading_them_all_says_and_reads_only_what_was_undone(self) -> None:
        first, second, third = self.ids
        self.run_of([update(i, "#pct", None, 40) for i in self.ids])
        self.run_of([update(first, "#pct", 40, 50), update(second, "#dev", "not there", "Kobo")])
        self.run_of([update(third, "#pct", 40, 60)])
        self.undo(self.journal.runs()[1])
        self.undo(self.journal.runs()[3], [second])
        self.undo(self.journal.runs()[1])
        self.undo(self.journal.runs()[0])
        writer = self.begin("push")
        put: Any = {
            "book_id": first,
            "document": DOCUMENT,
            "ours": {"progress": "p", "percentage": 0.5},
            "before": None,
        }
        writer.record_puts([put, {**put, "book_id": second}])
        writer.record_outcomes([(second, DOCUMENT, "failed", None)])
        writer.finish([])
        open_run = self.begin()
        open_run.record([update(first, "#pct", 40, 70)])
        open_run.close()
        runs = self.journal.runs()
        told = [(head.id, head.at, head.kind, head.undoes, head.books) for head in self.journal.heads()]
        self.assertEqual(told, [(run.id, run.at, run.kind, run.undoes, len(run.books)) for run in runs])
        self.assertEqual([self.journal.run(run.id) for run in runs], runs)
        self.assertEqual([len(run.books) for run in runs[:2]], [1, 1])
        self.assertIsNone(self.journal.run("never"))
        with mock.patch.object(write_journal, "read_run", wraps=write_journal.read_run) as read:
            for _ in range(50):
                self.run_of([update(first, "#dev", "not there", "Kobo")])
            heads = self.journal.heads()
            self.assertEqual([next(heads).books for _ in range(50)], [0] * 50)
            self.assertEqual(read.call_count, 0)

    def test_a_run_that_left_very_many_cells_unwritten_is_listed_all_the_same(self) -> None:
        first = self.ids[0]
        writer = self.begin()
        left = [update(first, f"#c{number}", None, 1) for number in range(2000)]
        writer.record([*left, update(first, "#pct", None, 40)])
        writer.finish([update(first, "#pct", None, 40)])
        self.assertEqual([head.books for head in self.journal.heads()], [1])
        self.assertEqual(self.repaired(), [])

    def test_the_journal_does_not_grow_for_ever(self) -> None:
        for at in range(write_journal.KEPT_RUNS + 3):
            self.begin(at=at).finish([])
        self.repaired()
        self.assertEqual(len(self.journal.runs()), write_journal.KEPT_RUNS)

    def test_an_undo_that_a_crash_cut_short_is_not_brought_back_by_the_next_sync(self) -> None:
        first = self.ids[0]
        self.pull(plan_of([update(first, "#pct", None, 40)]))
        pulled = self.journal.runs()[0]
        back = undo_plan.plan_undo(pulled, self.names, again=False).updates
        writer = self.begin("undo", pulled.id)
        writer.record(back)
        self.write(back)
        writer.close()
        self.repaired()
        remembered = self.memory(first)
        self.assertEqual((remembered["base"], remembered["written"]), (None, {}))
        self.assertEqual([said["percentage"] for said in remembered["declined"]], [0.4])

    def test_the_command_line_repairs_what_a_crash_left_open_too(self) -> None:
        first = self.ids[0]
        writer = pull.journal_of(self.api).begin_run("pull", "home", "acc", self.names)
        announced = [update(first, "#pct", None, 40)]
        writer.record(announced)
        self.write(announced)
        writer.close()
        self.db.close()
        library = asked_library.AskedLibrary(["false"], print)
        library.open({"library": str(self.folder / "library"), "dry_run": False, "copy_logs": []})
        self.api = library._api
        self.assertEqual(self.memory(first)["written"], {"#pct": 40})
        self.assertTrue(pull.journal_of(self.api).runs()[0].ended)
        library.close({})

    def test_the_readers_edit_and_a_runs_end_at_the_same_moment_are_both_remembered(self) -> None:
        first = self.ids[0]
        self.pull(plan_of([update(first, "#pct", None, 40)]))
        loaded = book_memory._load
        edits: list[threading.Thread] = []

        def load_and_be_interrupted(*args: Any) -> Any:
            found = loaded(*args)
            if not edits:
                change: Any = [{"book_id": first, "column": "#dev", "at": 200.0}]
                edits.append(threading.Thread(target=book_memory.note_local_change, args=(self.api, "acc", change)))
                edits[0].start()
                edits[0].join(0.5)
            return found

        with mock.patch.object(book_memory, "_load", load_and_be_interrupted):
            self.pull(plan_of([update(first, "#pct", 40, 60)], 0.6, 200))
            edits[0].join()
        remembered = self.memory(first)
        self.assertEqual(remembered["base"]["percentage"], 0.6)
        self.assertEqual(remembered["changed_at"], {"#dev": 200.0})

    def test_a_log_is_stored_again_only_when_it_has_grown(self) -> None:
        heard: Any = [{"book_id": self.ids[0], "at": 10.0, "progress": record(0.1)}]
        book_memory.observe(self.api, "acc", heard)
        with mock.patch.object(book_memory, "keep", wraps=book_memory.keep) as kept:
            book_memory.observe(self.api, "acc", heard)
        self.assertEqual([call.args[2] for call in kept.call_args_list], [{}])

    def test_a_book_without_a_reading_log_has_none_in_a_large_library_too(self) -> None:
        for number in range(10):
            self.api.create_book_entry(Metadata(f"Another {number}", ["Ann"]))
        self.assertEqual(list(book_memory.logged_books(self.api, self.ids[:1])), [])

    def test_keeping_memory_touches_neither_the_book_nor_when_it_was_modified(self) -> None:
        first = self.ids[0]
        modified = self.api.field_for("last_modified", first)
        plan = plan_of([update(first, "#pct", None, 40)])
        book_memory.remember(self.api, "acc", PROFILE, plan, book_memory.Outcome(), [first], 105, 110)
        self.assertEqual(self.api.field_for("last_modified", first), modified)

    # Two records of one uuid.

    def make_twins(self) -> tuple[Any, Any]:
        """The second book is a copy of the first, uuid and all."""
        first, second, _ = self.ids
        self.api.set_field("uuid", {second: self.uuids[first]})
        self.uuids[second] = self.uuids[first]
        self.names = BookNames(self.uuids)
        return first, second

    def percents(self) -> list[Any]:
        return [self.api.field_for("#pct", book_id) for book_id in self.ids]

    def test_undo_writes_to_the_record_that_the_run_wrote_to_not_to_its_twin(self) -> None:
        for turn in range(2):
            with self.subTest(turn=turn):
                one, other = self.make_twins()[:: 1 if turn == 0 else -1]
                self.api.set_field("#pct", {one: 20, other: 40})
                self.pull(plan_of([update(one, "#pct", 20, 40)], 0.4, 100 + turn))
                undone = undo.undo_run(self.api, self.journal, self.journal.runs()[0])
                self.assertEqual([each["book_id"] for each in undone.report.written], [one])
                self.assertEqual([self.api.field_for("#pct", i) for i in (one, other)], [20, 40])
                undo.undo_run(self.api, self.journal, self.journal.runs()[0])
                self.assertEqual([self.api.field_for("#pct", i) for i in (one, other)], [40, 40])

    def test_two_records_of_one_uuid_in_one_run_are_undone_each_with_its_own_values(self) -> None:
        first, second = self.make_twins()
        self.api.set_field("#pct", {first: 10, second: 20})
        self.pull(plan_of([update(first, "#pct", 10, 40), update(second, "#pct", 20, 40)]))
        undo.undo_run(self.api, self.journal, self.journal.runs()[0], [second])
        self.assertEqual(self.percents()[:2], [40, 20])
        self.assertEqual({book.id for book in self.journal.runs()[1].books}, {first})
        undo.undo_run(self.api, self.journal, self.journal.runs()[1])
        self.assertEqual(self.percents()[:2], [10, 20])
        self.assertEqual([len(run.books) for run in self.journal.runs()], [1, 1, 0])
        self.assertEqual([self.memory(i)["base"] for i in (first, second)], [None, None])

    def test_the_undo_of_a_record_that_was_deleted_does_not_reach_its_twin(self) -> None:
        first, second = self.make_twins()
        self.api.set_field("#pct", {first: 40, second: 20})
        self.pull(plan_of([update(second, "#pct", 20, 40)]))
        self.api.remove_books([second])
        undone = undo.undo_run(self.api, self.journal, self.journal.runs()[0])
        self.assertEqual((undone.report.written, undone.report.stale), ([], []))
        self.assertEqual([(each.book.id, each.reason) for each in undone.left], [(second, "two_records")])
        self.assertEqual(self.api.field_for("#pct", first), 40)

    def test_a_run_of_earlier_days_that_knows_only_a_uuid_two_records_bear_is_left_and_says_so(self) -> None:
        from calibre_plugins.koreader_progress.window.review.undo_words import book_words, undo_sentence

        first, second, third = self.ids
        self.pull(plan_of([update(first, "#pct", None, 40), update(third, "#pct", None, 40)]))
        self.of_earlier_days()
        self.make_twins()
        self.api.set_field("#pct", {second: 40})
        run = self.journal.runs()[0]
        self.assertEqual({book.id for book in run.books}, {None})
        undone = undo.undo_run(self.api, self.journal, run)
        self.assertEqual(self.percents(), [40, 40, None])
        self.assertEqual([each.reason for each in undone.left], ["two_records"])
        said = undo_sentence(self.api, undone)
        self.assertIn("1 book put back.", said)
        self.assertIn("1 book was not undone, for several books of the library have its identifier: Book 0.", said)
        words = [book_words(self.api, self.names, book) for book in run.books]
        self.assertIn("Book 0 (not undone: several books of the library have its identifier)", words)
        # With the twin gone it can be undone, and what was undone already stays so.
        self.api.remove_books([second])
        self.ids.remove(second)
        undone = undo.undo_run(self.api, self.journal, self.journal.runs()[1])
        self.assertEqual([each["book_id"] for each in undone.report.written], [first])
        self.assertEqual(self.percents(), [None, None])

    def of_earlier_days(self) -> None:
        """Rewrites the journal as it was before its lines knew ids and decisions."""
        for path in self.journal._paths():
            lines = [json.loads(line) for line in path.read_text().splitlines()]
            for line in lines:
                for later in ("id", "shared", "undoes_id", "unwritten_ids"):
                    line.pop(later, None)
            kept = [line for line in lines if line["what"] != "decision"]
            path.write_text("".join(f"{json.dumps(line)}\n" for line in kept))

    def test_twins_that_a_run_of_earlier_days_wrote_both_are_not_undone_when_one_is_gone(self) -> None:
        first, second = self.make_twins()
        self.api.set_field("#pct", {first: 10, second: 20})
        self.pull(plan_of([update(first, "#pct", 10, 40), update(second, "#pct", 20, 40)]))
        self.of_earlier_days()
        self.api.remove_books([second])
        undone = undo.undo_run(self.api, self.journal, self.journal.runs()[0])
        self.assertEqual((undone.report.written, self.api.field_for("#pct", first)), ([], 40))

    def test_a_restored_library_that_has_given_its_books_other_ids_is_undone_and_redone(self) -> None:
        first = self.ids[0]
        self.pull(plan_of([update(first, "#pct", None, 40)]))
        uuid = self.uuids[first]
        self.api.remove_books([first])
        again = self.api.create_book_entry(Metadata("Book 0", ["Ann"]), cover=None)
        self.api.set_field("uuid", {again: uuid})
        self.api.set_field("#pct", {again: 40})
        for expected in (None, 40, None):
            undo.undo_run(self.api, self.journal, self.journal.runs()[0])
            self.assertEqual(self.api.field_for("#pct", again), expected)
        self.assertEqual([len(run.books) for run in self.journal.runs()], [1, 0, 1, 0])

    def test_an_undo_made_by_an_earlier_version_counts(self) -> None:
        first, second, _ = self.ids
        self.run_of([update(first, "#pct", None, 40), update(second, "#pct", None, 40)])
        self.undo(self.journal.runs()[0], [first])
        newest = self.journal._paths()[0]
        others = self.journal._paths()[1:]
        with mock.patch.object(self.journal, "_paths", return_value=[newest]):
            self.of_earlier_days()
        self.assertEqual(len(others), 1)
        self.assertEqual({book.id for book in self.journal.runs()[1].books}, {second})

    # What a crash leaves.

    def test_after_a_crash_nothing_is_offered_to_be_undone_that_was_not_written(self) -> None:
        first = self.ids[0]
        writer = self.begin()
        announced = [update(i, "#pct", None, 40) for i in self.ids]
        writer.record(announced)
        self.write(announced[:1])
        writer.close()
        self.repaired()
        self.assertEqual([head.books for head in self.journal.heads()], [1])
        undone = undo.undo_run(self.api, self.journal, self.journal.runs()[0])
        self.assertEqual(([each["book_id"] for each in undone.report.written], undone.report.stale), ([first], []))
        self.assertIsNone(undo.last_pull(self.journal))

    def test_what_was_written_is_known_in_another_programs_spelling_too(self) -> None:
        writer = self.begin()
        announced = [update(i, "#dev", None, "Kobo Clara") for i in self.ids[:2]]
        writer.record(announced)
        writer.close()
        self.api.set_field("#dev", {self.ids[0]: "kobo  clara", self.ids[1]: "Kindle"})
        [run] = self.repaired()
        self.assertEqual([entry.book.id for entry in run.standing], self.ids[:1])
        self.assertEqual([each["after"] for each in unlinking.restorable(self.api, self.ids[0], [run])], [None])

    def test_a_run_that_is_being_written_is_not_taken_for_one_that_a_crash_left_open(self) -> None:
        writer = self.begin()
        announced = [update(self.ids[0], "#pct", None, 40)]
        writer.record(announced)
        self.assertEqual(self.repaired(), [])
        writer.finish(self.write(announced))
        self.assertEqual(len(self.journal.runs()[0].standing), 1)

    def test_what_the_reader_left_unticked_before_a_crash_is_declined_after_it(self) -> None:
        first, second, _ = self.ids
        plan = plan_of([update(i, "#pct", None, 40) for i in (first, second)])
        writer = self.begin()
        writer.record_decisions(book_memory.decided(plan, plan["updates"][:1], (), (), self.names))
        writer.close()
        self.repaired()
        self.assertEqual([said["percentage"] for said in self.memory(second)["declined"]], [0.4])
        self.assertEqual(book_memory.recall(self.api, "acc", [first]), {})


if __name__ == "__main__":
    sys.exit("run me through run_tests.py")
