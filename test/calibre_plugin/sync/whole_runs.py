"""Whole runs without a window: the plugin's own orchestration, the built bridge, a real library and a real server."""

from __future__ import annotations

import json
import os
import queue
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from unittest import mock

from calibre_plugins.koreader_progress.window.runs import jobs
from calibre_plugins.koreader_progress.sync import pull
from calibre_plugins.koreader_progress.sync import push
from calibre_plugins.koreader_progress.window.runs import push as push_runs
from calibre_plugins.koreader_progress.sync import push_undo
from calibre_plugins.koreader_progress.sync import repair
from calibre_plugins.koreader_progress.sync import undo
from calibre_plugins.koreader_progress.sync import unlinking
from calibre_plugins.koreader_progress.memory import book_memory
from calibre_plugins.koreader_progress.link.client import BridgeClient, BridgeDied, SyncError
from calibre_plugins.koreader_progress.memory.journal import WriteJournal
from calibre_plugins.koreader_progress.link.contract import SYNC_ERRORS
from calibre_plugins.koreader_progress.copies.content_key import file_content_key
from calibre_plugins.koreader_progress.copies.digest import file_digest
from calibre_plugins.koreader_progress.library.books import WriteReport
from libraries import add_book, open_library
from with_server import ABORT, USER, WithServer, unheard

STOPPED = SyncError("Cancelled", SYNC_ERRORS["Cancelled"])


@dataclass(frozen=True)
class Launched:
    """The bridge that the test has started, as the window's jobs ask for one."""

    bridge: BridgeClient

    @contextmanager
    def open(self, _account: Any = None, read: Any = ()) -> Iterator[BridgeClient]:
        yield self.bridge


class WholeRuns(WithServer):
    def test_two_profiles_of_one_account_each_get_what_they_show(self) -> None:
        one, other = self.profile("one", "percent"), self.profile("other", "device", percent="#pct2")
        self.server.push(USER, self.document, 0.4)
        self.assertEqual(self.sync(one), {"#pct": 40})
        self.assertEqual(self.sync(other), {"#pct2": 40, "#dev": "Kobo"})
        self.server.push(USER, self.document, 0.5, device="Phone")
        self.assertEqual(self.sync(one), {"#pct": 50})
        self.assertEqual(self.sync(other), {"#pct2": 50, "#dev": "Phone"})
        self.assertEqual([self.reasons(profile) for profile in (one, other)], [["unchanged"], ["unchanged"]])

    def test_a_column_mapped_or_made_after_the_first_sync_is_filled(self) -> None:
        self.server.push(USER, self.document, 0.4)
        self.assertEqual(self.sync(self.profile("one", "percent")), {"#pct": 40})
        self.assertEqual(self.sync(self.profile("one", "percent", "device")), {"#dev": "Kobo"})
        self.db.create_custom_column("made", "Made later", "text", False)
        path = self.db.library_path
        self.db.close()
        # A new column is there after a restart.
        self.db = open_library(path)
        self.api = self.db.new_api
        self.assertEqual(self.sync(self.profile("one", "percent", "device", status="#made")), {"#made": "Reading"})
        self.assertEqual(self.reasons(self.profile("one", "percent", "device", status="#made")), ["unchanged"])

    def test_after_one_cell_was_unticked_the_next_sync_says_that_it_was_declined(self) -> None:
        profile = self.profile("one", "percent", "device")
        self.server.push(USER, self.document, 0.4)
        pulled = self.prepare(profile)
        kept = [update for update in pulled.plan["updates"] if update["column"] == "#pct"]
        pull.apply(self.api, pulled, self.account, profile, pull.Decisions(kept))
        self.assertEqual(self.reasons(profile), ["declined"])
        # What we wrote ourselves is no obstacle when the reader reads on.
        self.server.push(USER, self.document, 0.5)
        self.assertEqual(self.sync(profile), {"#pct": 50, "#dev": "Kobo"})

    def test_books_columns_and_words_that_are_gone_are_told_in_a_sentence_and_spoil_nothing(self) -> None:
        from calibre_plugins.koreader_progress.window.review.plan_rows import rows_of, tell_outcomes

        profile = self.profile("one", "percent", "status", "device")
        self.server.push(USER, self.document, 0.4)
        options = pull.PullOptions("usual")
        books = [self.book, 4711]
        pulled = pull.prepare(self.api, books, self.account, profile, self.bridge, options, ABORT, unheard)
        gone = [(skip["book_id"], skip["reason"]["code"]) for skip in pulled.plan["skipped"]]
        self.assertEqual(gone, [(4711, "book_gone")])
        rows = [row for row in rows_of(self.api, pulled.plan) if row.kind == "update"]
        percent, status, device = rows[0].cells
        status.ticked = False
        report = WriteReport([percent.update], [], [(device.update, "column")])
        tell_outcomes(rows, report)
        self.assertEqual(percent.outcome, "written")
        self.assertEqual(status.outcome, "You left #status unticked.")
        self.assertIn("no longer in the library", device.outcome)

    def test_every_field_is_written_into_every_datatype_that_the_preferences_offer_and_is_found_unchanged(self) -> None:
        from calibre_plugins.koreader_progress.link.contract import FITTING

        words = {"status": ["Unread", "Reading", "Finished"], "device": ["Kobo", "Phone"]}
        pairs = [(shown, datatype) for shown, datatypes in FITTING.items() for datatype in datatypes]
        for shown, datatype in pairs:
            display = {"enum_values": words[shown], "enum_colors": []} if datatype == "enumeration" else {}
            self.db.create_custom_column(f"{shown}_{datatype}", shown, datatype, False, display=display)
        path = self.db.library_path
        self.db.close()
        self.db = open_library(path)
        self.api = self.db.new_api
        self.server.push(USER, self.document, 0.4)
        for turn in range(max(map(len, FITTING.values()))):
            columns = {shown: f"#{shown}_{datatypes[turn % len(datatypes)]}" for shown, datatypes in FITTING.items()}
            profile = self.profile(f"turn {turn}", **columns)
            self.assertTrue(set(self.sync(profile)) <= set(columns.values()))
            self.assertEqual(self.reasons(profile), ["unchanged"])
        self.server.push(USER, self.document, 1.0)
        for turn in range(max(map(len, FITTING.values()))):
            columns = {shown: f"#{shown}_{datatypes[turn % len(datatypes)]}" for shown, datatypes in FITTING.items()}
            self.sync(self.profile(f"turn {turn}", **columns))
        empty = [
            f"#{shown}_{datatype}"
            for shown, datatype in pairs
            if self.api.field_for(f"#{shown}_{datatype}", self.book) is None
        ]
        # The book has no chapter to name, and a server tells nothing of stars, reviews and hours.
        untold = ("#place", "#rating", "#review", "#read_time", "#days_read", "#time_left")
        self.assertEqual([column for column in empty if not column.startswith(untold)], [])

    def test_what_an_unlinked_digest_wrote_into_some_cells_of_a_book_is_found_and_put_back(self) -> None:
        profile = self.profile("one", "percent", "status", "device")
        self.server.push(USER, self.document, 0.4)
        pulled = self.prepare(profile)
        # In the review the reader unticked the device: no base is kept.
        ticked = [update for update in pulled.plan["updates"] if update["column"] != "#dev"]
        pull.apply(self.api, pulled, self.account, profile, pull.Decisions(ticked))
        self.assertEqual(pull.journal_of(self.api).runs()[0].bases, [])
        self.assertEqual(unlinking.runs_under(self.api, self.book, "0" * 32), [])
        runs = unlinking.runs_under(self.api, self.book, self.document)
        found = {update["column"]: update["after"] for update in unlinking.restorable(self.api, self.book, runs)}
        self.assertEqual(found, {"#pct": None, "#status": None})
        unlinking.put_back(self.api, runs, [self.book])
        self.assertEqual(
            [self.api.field_for(column, self.book) for column in ("#pct", "#status", "#dev")], [None, None, None]
        )
        self.assertEqual(unlinking.runs_under(self.api, self.book, self.document), [])

    def test_what_a_run_of_earlier_days_wrote_under_a_digest_is_found_by_its_base(self) -> None:
        self.server.push(USER, self.document, 0.4)
        self.sync(self.profile("one", "percent"))
        [file] = pull.journal_of(self.api)._paths()
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        self.assertEqual([line.pop("document") for line in lines if line["what"] == "cell"], [self.document])
        file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        [run] = unlinking.runs_under(self.api, self.book, self.document)
        self.assertEqual([(entry.after, entry.document) for entry in run.standing], [(40, None)])

    # A push, and what undoing it does on the server.

    def test_a_push_is_taken_back_is_no_news_and_is_not_sent_again(self) -> None:
        profile = self.profile("one", "percent", "status")
        self.server.push(USER, self.document, 0.4)
        self.sync(profile)
        before = book_memory.recall(self.api, self.account["id"], [self.book], "one")[self.book]
        self.push(profile, 60)
        self.assertAlmostEqual(self.stands()["percentage"], 0.6)
        self.assertEqual(self.outcomes(self.undo()), [("restored", "push_undone")])
        told = self.stands()
        self.assertAlmostEqual(told["percentage"], 0.4)
        self.assertTrue(told["device_id"].startswith("calibre-koreader-progress-"))
        after = book_memory.recall(self.api, self.account["id"], [self.book], "one")[self.book]
        self.assertEqual(after["base"], before["base"])
        self.assertEqual(after["observations"], before["observations"])
        # What undo put back is not news: the percentage that was typed is still the reader's own change.
        plan = self.prepare(profile).plan
        self.assertEqual((plan["updates"], plan["conflicts"], plan["observations"]), ([], [], []))
        self.assertEqual([skip["reason"]["code"] for skip in plan["skipped"]], ["changed_here"])
        plan = self.prepare_push(profile).plan
        self.assertEqual(
            (plan["puts"], [skip["reason"]["code"] for skip in plan["skipped"]]), ([], ["push_taken_back"])
        )
        # What a device reads after that is.
        self.server.push(USER, self.document, 0.7)
        self.assertEqual(self.prepare(profile).plan["updates"][0]["after"], 70)

    def test_what_a_push_replaces_is_in_the_reading_log_and_can_be_pulled_once_it_is_back(self) -> None:
        self.server.push(USER, self.document, 0.4)
        # No sync before: nobody but the push has heard of the place.
        profile = self.profile("one", "percent", "status")
        self.push(profile, 60)
        log = book_memory.recall(self.api, self.account["id"], [self.book])[self.book]["observations"]
        self.assertEqual(
            [(seen["progress"]["percentage"], seen["progress"]["device"]) for seen in log], [(0.4, "Kobo")]
        )
        self.undo()
        self.api.set_field("#pct", {self.book: None})
        self.assertEqual(self.sync(profile), {"#pct": 40, "#status": "Reading"})

    def test_undoing_the_undo_of_a_push_sends_it_again_and_agrees_on_it(self) -> None:
        profile = self.profile("one", "percent", "status")
        self.server.push(USER, self.document, 0.4)
        self.sync(profile)
        self.push(profile, 60)
        self.undo()
        self.assertEqual(self.outcomes(self.undo()), [("restored", "push_undone")])
        told = self.stands()
        self.assertAlmostEqual(told["percentage"], 0.6)
        self.assertTrue(told["device_id"].startswith("calibre-push-"))
        self.assertEqual(self.reasons(profile), ["unchanged"])
        self.assertEqual(book_memory.recall(self.api, self.account["id"], [self.book])[self.book]["declined"], [])
        # And once more, to and fro.
        self.undo()
        self.assertAlmostEqual(self.stands()["percentage"], 0.4)
        self.assertEqual(self.reasons(profile), ["changed_here"])
        self.assertEqual([len(run.books) for run in pull.journal_of(self.api).runs()], [1, 0, 1, 0, 1])

    def test_where_the_server_knew_no_place_it_knows_none_again(self) -> None:
        from calibre_plugins.koreader_progress.memory.history import add_digests, known_digest

        add_digests(self.api, {self.book: [known_digest(self.document, "sent", 1.0)]})
        profile = self.profile("one", "percent", "status")
        pushed = self.push(profile, 60)
        self.assertEqual(pushed.report.written[0]["column"], "#status")
        undone = self.undo()
        self.assertEqual(self.outcomes(undone), [("removed", "push_removed")])
        self.assertEqual([update["column"] for update in undone.report.written], ["#status"])
        self.assertEqual(self.server.call("GET", f"/syncs/progress/{self.document}", user=USER), {})
        self.assertEqual(self.api.field_for("#pct", self.book), 60)
        self.assertIn("1 place taken off the server", push_undo.server_sentence(undone.results))
        self.assertIn("may have followed", push_undo.server_sentence(undone.results))

    def test_a_device_that_has_read_on_is_left_and_the_columns_are_put_back(self) -> None:
        profile = self.profile("one", "percent", "status", "device")
        self.server.push(USER, self.document, 0.4)
        self.sync(profile)
        self.push(profile, 60)
        self.assertEqual(self.api.field_for("#dev", self.book), "calibre")
        self.server.push(USER, self.document, 0.65)
        undone = self.undo()
        self.assertEqual(self.outcomes(undone), [("left", "push_superseded")])
        self.assertAlmostEqual(self.stands()["percentage"], 0.65)
        self.assertEqual(self.api.field_for("#dev", self.book), "Kobo")
        self.assertIsNone(undo.last_push(pull.journal_of(self.api)))
        self.assertNotIn("followed", push_undo.server_sentence(undone.results))

    def test_a_server_that_does_not_answer_leaves_everything_to_be_undone_another_time(self) -> None:
        profile = self.profile("one", "percent", "status", "device")
        self.server.push(USER, self.document, 0.4)
        self.sync(profile)
        self.push(profile, 60)
        journal = pull.journal_of(self.api)
        run = journal.runs()[0]
        gone = {**self.account, "url": "http://127.0.0.1:9"}
        undone = push_undo.undo_push(self.api, journal, run, gone, self.bridge, ABORT, unheard)  # type: ignore[arg-type]
        self.assertEqual(self.outcomes(undone), [("failed", "answer_failed")])
        self.assertEqual(self.api.field_for("#dev", self.book), "calibre")
        again = undo.last_push(journal)
        assert again is not None
        self.assertEqual(self.outcomes(self.undo(again)), [("restored", "push_undone")])
        self.assertEqual(self.api.field_for("#dev", self.book), "Kobo")

    def test_an_undo_is_taken_up_again_for_exactly_the_books_the_server_did_not_answer_for(self) -> None:
        front = self.behind_a_front()
        profile = self.profile("one", "percent", "status", "device")
        books = {self.book: self.document}
        second = add_book(self.db, title="Persuasion")
        document = file_digest(self.api.format_abspath(second, "EPUB"))
        assert document
        books[second] = document
        plan: Any = {"puts": [], "conflicts": [], "skipped": [], "updates": [], "bases": []}
        for self.book, self.document in books.items():
            self.server.push(USER, self.document, 0.4)
            self.sync(profile)
            self.api.set_field("#pct", {self.book: 60})
            for key, items in self.prepare_push(profile).plan.items():
                plan[key].extend(items)
        prepared = push.Prepared(plan, [*books], 0.0)
        push.apply(self.api, prepared, self.account, profile, self.bridge, ABORT, unheard)
        journal = pull.journal_of(self.api)
        run_id = journal.runs()[0].id

        def waiting() -> list[str]:
            """What the undo window tells of the push."""
            run = journal.run(run_id)
            assert run is not None
            listed = {head.id: head.books for head in journal.heads()}
            self.assertEqual(listed[run_id], len(run.books))
            self.assertEqual(
                {put.document for put in run.standing_puts},
                {books[one] for one in books if one in {book.id for book in run.books}},
            )
            return [self.api.field_for("title", one) for one in books if one in {book.id for book in run.books}]

        self.assertEqual(waiting(), ["Emma", "Persuasion"])
        front.troubled.add(books[second])
        undone = self.undo(journal.run(run_id))
        self.assertEqual(
            {result["put_back"]["book_id"]: result["outcome"] for result in undone.results},
            {1: "restored", 2: "failed"},
        )
        self.assertEqual([self.api.field_for("#dev", book) for book in books], ["Kobo", "calibre"])
        self.assertEqual(waiting(), ["Persuasion"])
        front.troubled.clear()
        front.asked.clear()
        again = undo.last_push(journal)
        assert again is not None
        self.assertEqual(again.id, run_id)
        self.assertEqual(self.outcomes(self.undo(again)), [("restored", "push_undone")])
        self.assertEqual([path for path in front.asked if self.document not in path and books[1] in path], [])
        self.assertEqual([self.api.field_for("#dev", book) for book in books], ["Kobo", "Kobo"])
        self.assertEqual(waiting(), [])
        self.assertIsNone(undo.last_push(journal))

    def test_what_stays_on_the_server_of_a_book_undone_in_two_goes_is_not_pulled(self) -> None:
        from calibre_plugins.koreader_progress.memory.history import add_digests, known_digest

        # A server that cannot forget, in trouble for one of the two copies.
        front = self.behind_a_front()
        other = "f" * 32
        key = file_content_key(self.api.format_abspath(self.book, "EPUB"))
        copies = [known_digest(name, "sent", 1.0, format="EPUB", content_key=key) for name in (self.document, other)]
        add_digests(self.api, {self.book: copies})
        profile = self.profile("one", "percent", "status")
        self.push(profile, 60)
        self.assertEqual(self.api.field_for("#status", self.book), "Reading")
        front.troubled.add(other)
        self.assertEqual(sorted(self.outcomes(self.undo())), [("failed", "answer_failed"), ("left", "push_stays")])
        self.assertEqual(self.api.field_for("#status", self.book), "Reading")
        front.troubled.clear()
        again = undo.last_push(pull.journal_of(self.api))
        assert again is not None
        self.assertEqual(self.outcomes(self.undo(again)), [("left", "push_stays")])
        self.assertIsNone(self.api.field_for("#status", self.book))
        self.assertEqual(self.sync(profile), {})
        self.assertEqual(self.reasons(profile), ["declined"])

    def test_an_undo_that_is_stopped_can_be_taken_up_again(self) -> None:
        profile = self.profile("one", "percent", "status")
        self.server.push(USER, self.document, 0.4)
        self.sync(profile)
        self.push(profile, 60)
        journal = pull.journal_of(self.api)
        with mock.patch.object(self.bridge, "request", side_effect=STOPPED), self.assertRaises(SyncError):
            self.undo()
        again = undo.last_push(journal)
        assert again is not None
        self.assertEqual(self.outcomes(self.undo(again)), [("restored", "push_undone")])

    def request(self, profile: Any) -> jobs.PullRequest:
        return jobs.PullRequest(
            self.api, [self.book], self.account, profile, cast(Any, Launched(self.bridge)), True, True, False
        )

    def send(self, profile: Any) -> push_runs.SentOutcome:
        """The window's job, of which the reader accepts everything."""
        request, notes = self.request(profile), queue.Queue[Any]()
        planned = push_runs.prepare_job(request, log=print, abort=ABORT, notifications=notes)
        assert planned.prepared is not None
        books = [put["book_id"] for put in planned.prepared.plan["puts"]]
        return push_runs.send_job(request, planned.prepared, books, [], log=print, abort=ABORT, notifications=notes)

    def test_a_journal_that_cannot_be_kept_keeps_a_push_from_being_sent(self) -> None:
        profile = self.profile("one", "percent", "status")
        self.server.push(USER, self.document, 0.4)
        self.sync(profile)
        self.api.set_field("#pct", {self.book: 60})
        file = Path(tempfile.mkdtemp(dir=os.environ["TEST_FOLDER"]), "no folder")
        file.write_text("")
        with mock.patch.object(push, "journal_of", return_value=WriteJournal(file, "x")):
            outcome = self.send(profile)
        assert outcome.trouble is not None
        self.assertEqual(outcome.trouble.sentence, "The log for undoing could not be kept.")
        self.assertIn("no folder", outcome.trouble.details)
        self.assertAlmostEqual(self.stands()["percentage"], 0.4)
        self.assertEqual(self.api.field_for("#status", self.book), "Reading")
        # With room on the disk the same push goes through.
        outcome = self.send(profile)
        assert outcome.pushed is not None
        self.assertEqual([result["outcome"] for result in outcome.pushed.results], ["put"])

    def test_what_can_be_expected_of_a_push_is_told_and_a_fault_of_ours_is_not_hidden(self) -> None:
        profile = self.profile("one", "percent", "status")
        self.server.push(USER, self.document, 0.4)
        self.sync(profile)
        self.api.set_field("#pct", {self.book: 60})
        with mock.patch.object(push, "apply", side_effect=STOPPED):
            self.assertEqual(self.send(profile), push_runs.SentOutcome())
        self.account = {**self.account, "userkey": "wrong"}
        notes = queue.Queue[Any]()
        refused = push_runs.prepare_job(self.request(profile), log=print, abort=ABORT, notifications=notes)
        assert refused.trouble is not None
        self.assertEqual((refused.prepared, refused.trouble.tab), (None, "account"))
        with mock.patch.object(push, "prepare", side_effect=KeyError("ours")), self.assertRaises(KeyError):
            push_runs.prepare_job(self.request(profile), log=print, abort=ABORT, notifications=notes)

    def test_what_is_pushed_is_on_the_disk_before_it_is_sent(self) -> None:
        profile = self.profile("one", "percent", "status")
        self.server.push(USER, self.document, 0.4)
        self.sync(profile)
        seen: list[Any] = []
        ask = self.bridge.request

        def watch(method: str, *args: Any, **more: Any) -> Any:
            if method == "sync/push":
                seen.extend(pull.journal_of(self.api).runs()[0].standing_puts)
                ask(method, *args, **more)
                raise BridgeDied(-9, "as in a crash")
            return ask(method, *args, **more)

        with mock.patch.object(self.bridge, "request", watch), self.assertRaises(BridgeDied):
            self.push(profile, 60)
        self.assertEqual([put.before["percentage"] for put in seen if put.before], [0.4])
        # It was sent, and nobody heard the answer: after the repair it can be undone all the same.
        repair.repair(self.api, pull.journal_of(self.api))
        self.assertEqual(self.outcomes(self.undo()), [("restored", "push_undone")])
        self.assertAlmostEqual(self.stands()["percentage"], 0.4)

    def test_a_crash_in_the_middle_of_an_undo_does_not_send_the_place_again(self) -> None:
        profile = self.profile("one", "percent", "status")
        self.server.push(USER, self.document, 0.4)
        self.sync(profile)
        self.push(profile, 60)
        died = BridgeDied(-9, "as in a crash")
        with mock.patch.object(push_undo, "put_cells_back", side_effect=died), self.assertRaises(BridgeDied):
            self.undo()
        self.assertAlmostEqual(self.stands()["percentage"], 0.4)
        repair.repair(self.api, pull.journal_of(self.api))
        self.assertEqual(self.reasons(profile), ["changed_here"])
        plan = self.prepare_push(profile).plan
        self.assertEqual([skip["reason"]["code"] for skip in plan["skipped"]], ["push_taken_back"])


if __name__ == "__main__":
    sys.exit("run me through run_tests.py")
