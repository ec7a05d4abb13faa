"""Highlights made in KOReader, in calibre's own annotations: written, followed, taken back, and never over the reader's."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import threading
import unittest
import zipfile
from pathlib import Path
from typing import Any

from calibre_plugins.koreader_progress.devices.annotated import Card, annotated_books
from calibre_plugins.koreader_progress.library.annotations import newer_stamp
from calibre_plugins.koreader_progress.link.client import BridgeClient
from calibre_plugins.koreader_progress.sync import pull, undo
from calibre_plugins.koreader_progress.sync.annotations import keep_annotations, plan_annotations
from epubs import XHTML, Recipe, make_epub
from libraries import add_book, make_library, new_folder

NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "twelve")
WORDS = [f"paragraph {number} of a quiet book" for number in NUMBERS]


def quiet_book() -> bytes:
    """An EPUB in which each of the words stands once."""
    made, out = io.BytesIO(make_epub(Recipe("Emma", title="Emma"))), io.BytesIO()
    with zipfile.ZipFile(made) as book, zipfile.ZipFile(out, "w") as copy:
        for info in book.infolist():
            is_first = info.filename.endswith("c0.xhtml")
            text = XHTML.format(doctype="", title="Emma", text="</p><p>".join(WORDS))
            copy.writestr(info, text if is_first else book.read(info))
    return out.getvalue()


def sidecar(items: list[tuple[int, str]], title: str) -> str:
    """A sidecar with highlights; each is a number, which tells its moment, and its words."""
    made = [
        f'{{ datetime = "2026-11-20 21:04:{n:02}", drawer = "lighten", color = "yellow", text = "{text}", {more}'
        ' page = "/body/DocFragment[1]/body/p[9]/text().0", pos0 = "/body/DocFragment[1]/body/p[9]/text().0",'
        ' pos1 = "/body/DocFragment[1]/body/p[9]/text().9" },'
        for n, text, more in [(n, *[*told.split("|"), ""][:2]) for n, told in items]
    ]
    digest = hashlib.md5(title.encode()).hexdigest()
    return (
        f'return {{ annotations = {{ {" ".join(made)} }}, partial_md5_checksum = "{digest}",'
        f' doc_props = {{ title = "{title}", authors = "Somebody" }} }}'
    )


class Annotating(unittest.TestCase):
    bridge: BridgeClient

    @classmethod
    def setUpClass(cls) -> None:
        cls.bridge = BridgeClient([os.environ["TEST_NODE"], os.environ["TEST_BRIDGE"]], os.environ)
        cls.addClassCleanup(cls.bridge.stop)
        cls.bridge.hello("test", None)

    def setUp(self) -> None:
        self.db = make_library()
        self.addCleanup(self.db.close)
        self.api = self.db.new_api
        self.book = add_book(self.db, quiet_book(), title="Emma")
        self.card = new_folder("card")
        self.clock = 1_700_000_000

    def mark(self, *items: tuple[int, str], book: str = "Emma", on: str | None = None) -> None:
        """The reader has these highlights now."""
        path = Path(on or self.card, "Books", f"{book}.sdr", "metadata.epub.lua")
        path.parent.mkdir(parents=True, exist_ok=True)
        if not (path.parent.parent / f"{book}.epub").exists():
            shutil.copy(self.api.format_abspath(self.book, "EPUB"), path.parent.parent / f"{book}.epub")
        path.write_text(sidecar(list(items), book), "utf-8")
        self.clock += 10
        os.utime(path, (self.clock, self.clock))

    def sync(
        self, target: str = "viewer", deletions: Any = "keep", profile: str = "anna", cards: list[str] | None = None
    ) -> Any:
        abort = threading.Event()
        found = [Card.at(folder) for folder in cards or [self.card]]
        books = annotated_books(self.api, found, self.api.all_book_ids(), abort, profile, target)
        self.plans = plan_annotations(books, target, deletions, self.bridge, abort, lambda *_phase: None)
        return keep_annotations(self.api, pull.journal_of(self.api), profile, "", target, self.plans)

    def rows(self, user_type: str = "local", user: str = "viewer", fmt: str = "EPUB") -> list[Any]:
        return list(self.api.annotations_map_for_book(self.book, fmt, user_type, user).get("highlight", ()))

    def live(self, **whose: str) -> list[tuple[str, Any]]:
        rows = [row for row in self.rows(**whose) if not row.get("removed")]
        return sorted((row["highlighted_text"], row.get("notes")) for row in rows)

    def by_viewer(self, at: int, **change: Any) -> None:
        """What calibre's viewer does when somebody edits a highlight, or removes it."""
        row = self.rows()[at]
        edited = {**row, **change, "timestamp": "2026-12-01T00:00:00.000Z"}
        if change.get("removed"):
            edited = {key: edited[key] for key in ("type", "uuid", "timestamp", "removed")}
        self.api.merge_annotations_for_book(self.book, "EPUB", [edited])

    def undo(self) -> undo.Undone:
        journal = pull.journal_of(self.api)
        return undo.undo_run(self.api, journal, journal.runs()[0])

    def test_what_was_marked_is_calibres_own_and_a_second_sync_writes_nothing(self) -> None:
        path = self.api.format_abspath(self.book, "EPUB")
        before = self.api.field_for("last_modified", self.book), Path(path).read_bytes()
        self.mark((1, WORDS[0] + '|note = "of what?",'), (2, WORDS[1]), (3, "no such words in it"))
        self.assertEqual(self.sync()["written"], 2)
        self.assertEqual(self.live(), sorted([(WORDS[0], "of what?"), (WORDS[1], None)]))
        self.assertEqual([left["reason"] for left in self.plans[0]["left"]], ["text_differs"])
        self.assertEqual(self.sync(), {"run": None, "written": 0, "stale": 0})
        self.assertEqual((self.api.field_for("last_modified", self.book), Path(path).read_bytes()), before)
        self.assertEqual(self.search(WORDS[0]), [WORDS[0]])

    def search(self, words: str) -> list[str]:
        found = self.api.search_annotations(f'"{words}"')
        return [each["annotation"]["highlighted_text"] for each in found]

    def test_a_note_follows_where_nobody_has_edited_it_and_stays_where_somebody_has(self) -> None:
        self.mark((1, WORDS[0]), (2, WORDS[1]))
        self.sync()
        edited = self.rows()[1]["highlighted_text"]
        self.by_viewer(1, notes="mine")
        later = '|note = "theirs", datetime_updated = "2026-11-21 08:00:00",'
        self.mark((1, WORDS[0] + later), (2, WORDS[1] + later))
        self.sync()
        self.assertEqual(dict(self.live())[edited], "mine")
        self.assertIn("theirs", dict(self.live()).values())
        self.assertEqual(self.sync()["written"], 0)

    def test_an_edit_between_the_plan_and_the_writing_is_not_written_over(self) -> None:
        self.mark((1, WORDS[0]))
        self.sync()
        self.mark((1, WORDS[0] + '|note = "theirs", datetime_updated = "2026-11-21 08:00:00",'))
        abort = threading.Event()
        found = annotated_books(self.api, [Card.at(self.card)], [self.book], abort, "anna", "viewer")
        plans = plan_annotations(found, "viewer", "keep", self.bridge, abort, lambda *_phase: None)
        self.by_viewer(0, notes="mine")
        journal = pull.journal_of(self.api)
        report = keep_annotations(self.api, journal, "anna", "", "viewer", plans)
        self.assertEqual((report["written"], report["stale"]), (0, 1))
        self.assertEqual(self.live(), [(WORDS[0], "mine")])
        # Nothing of that run is there to be undone.
        self.assertEqual(journal.runs()[0].standing_annotations, [])

    def test_what_was_removed_in_calibre_stays_removed(self) -> None:
        self.mark((1, WORDS[0]), (2, WORDS[1]))
        self.sync()
        self.by_viewer(0, removed=True)
        left = self.live()
        self.mark((1, WORDS[0] + '|note = "new",'), (2, WORDS[1]))
        self.sync()
        self.assertEqual(len(self.live()), 1)
        self.assertEqual([text for text, _note in self.live()], [text for text, _note in left])
        # Also by whom the memory of it was lost.
        self.api.delete_custom_book_data("koreader_progress_annotations")
        self.sync()
        self.assertEqual(len(self.live()), 1)

    def test_an_undo_takes_back_exactly_what_the_run_wrote_and_can_be_undone(self) -> None:
        mine = {
            "type": "highlight",
            "uuid": "mine",
            "timestamp": "2026-11-01T00:00:00.000Z",
            "highlighted_text": "my own",
            "start_cfi": "/2/4/2/1:0",
            "end_cfi": "/2/4/2/1:3",
            "spine_name": "x",
            "spine_index": 0,
        }
        self.api.merge_annotations_for_book(self.book, "EPUB", [mine])
        self.mark((1, WORDS[0]), (2, WORDS[1]))
        self.sync()
        self.mark((1, WORDS[0] + '|note = "later",'), (2, WORDS[1]))
        self.sync()
        whole = self.live()
        self.assertEqual(self.undo().annotations, 1)
        self.assertEqual(dict(self.live())[WORDS[0]], None)
        self.assertEqual(self.undo().annotations, 1)
        self.assertEqual(self.live(), whole)
        journal = pull.journal_of(self.api)
        first = next(run for run in journal.runs() if len(run.annotations) == 2)
        # The first run's two: one was changed by the second, and stays.
        undone = undo.undo_run(self.api, journal, first)
        self.assertEqual((undone.annotations, undone.annotations_left), (1, 1))
        self.assertEqual(self.live(), [each for each in whole if each[0] != WORDS[1]])
        self.assertEqual(self.sync()["written"], 0)
        self.undo()
        self.assertEqual(self.live(), whole)
        self.assertEqual(self.sync()["written"], 0)

    def test_a_removal_on_the_reader_is_followed_only_where_that_is_wanted_and_an_undo_of_it_holds(self) -> None:
        items = list(enumerate(WORDS))
        self.mark(*items)
        self.sync()
        self.mark(*items[1:])
        self.assertEqual(self.sync()["written"], 0)
        self.assertEqual(len(self.live()), len(items))
        self.assertEqual(self.sync(deletions="follow")["written"], 1)
        self.assertEqual(len(self.live()), len(items) - 1)
        self.undo()
        self.assertEqual(len(self.live()), len(items))
        self.assertEqual(self.sync(deletions="all")["written"], 0)

    def test_two_persons_never_mix(self) -> None:
        other = new_folder("card")
        self.mark((1, WORDS[0] + '|note = "anna",'))
        self.mark((2, WORDS[1] + '|note = "ben",'), on=other)
        self.sync("user:anna", profile="anna")
        self.sync("user:ben", profile="ben", cards=[other])
        for _round in range(2):
            self.assertEqual(self.live(user_type="web", user="anna"), [(WORDS[0], "anna")])
            self.assertEqual(self.live(user_type="web", user="ben"), [(WORDS[1], "ben")])
            self.assertEqual(self.live(), [])
            self.sync("user:anna", "all", profile="anna")
            self.sync("user:ben", "all", profile="ben", cards=[other])

    def test_a_record_of_somebody_elses_without_a_date_costs_nobody_anything(self) -> None:
        self.mark((1, WORDS[0]))
        self.sync()
        with self.api.write_lock:
            bad = {**self.rows()[0], "uuid": "bad", "timestamp": "garbage"}
            statement = "UPDATE annotations SET annot_data=?, annot_id='bad' WHERE book=?"
            self.api.backend.execute(statement, (json.dumps(bad), self.book))
        self.mark((1, WORDS[0]), (2, WORDS[1]))
        report = self.sync()
        self.assertEqual((report["written"], report["stale"]), (0, 2))
        self.assertEqual([row["uuid"] for row in self.rows()], ["bad"])

    def test_a_new_stamp_is_newer_as_text_too(self) -> None:
        for standing in (
            "2026-11-20T10:00:00.000Z",
            "2026-11-20T10:00:00.123456+00:00",
            "2026-11-20T23:30:00+14:00",
            "zzz",
        ):
            stamp = newer_stamp("2026-11-19T00:00:00.000Z", standing)
            self.assertTrue(stamp > standing or standing == "zzz", (stamp, standing))
        self.assertEqual(newer_stamp("2026-11-19T00:00:00.000Z", None), "2026-11-19T00:00:00.000Z")


if __name__ == "__main__":
    unittest.main()
