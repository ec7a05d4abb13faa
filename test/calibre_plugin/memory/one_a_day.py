"""Places that arrive all day are one run of the journal: what else can be undone stays, and the day is undone as a whole."""

from __future__ import annotations

import time
import unittest
from typing import Any
from unittest import mock

from calibre_plugins.koreader_progress.memory import journal as write_journal
from calibre_plugins.koreader_progress.memory.journaled import Journaled
from calibre_plugins.koreader_progress.sync import pull, undo
from calibre_plugins.koreader_progress.sync.arrived_books import join_arrivals
from libraries import add_book, make_library

NOON = time.mktime((2026, 3, 9, 12, 0, 0, 0, 0, -1))
DAY = 24 * 3600


class OneADay(unittest.TestCase):
    def setUp(self) -> None:
        self.db = make_library([("pct", "int", {}), ("read", "datetime", {})])
        self.addCleanup(lambda: self.db.close())
        self.api = self.db.new_api
        self.book, self.other = (add_book(self.db, title=title) for title in ("Emma", "Dracula"))
        self.journal = pull.journal_of(self.api)

    def write(
        self,
        after: Any,
        at: float,
        kind: Any = "arrival",
        book: Any = None,
        column: str = "#pct",
        profile: str = "home",
    ) -> str:
        """What a run writes at that time; it is joined as a run of places that arrived is."""
        book = book or self.book
        before = self.api.field_for(column, book)
        before = before.isoformat() if hasattr(before, "isoformat") else before
        cell: Any = {"book_id": book, "column": column, "before": before, "after": after}
        cell["why"] = {"code": "synced", "data": {}}
        mapped: Any = {"column": column, "datatype": "datetime" if column == "#read" else "int", "enum_values": []}
        with (
            mock.patch.object(write_journal.time, "time", lambda: at),
            Journaled(self.api, self.journal, kind, profile, "account") as run,
        ):
            run.write([cell], [mapped])
        self.assertEqual(len(run.report.written), 1)
        if kind == "arrival":
            join_arrivals(self.api, run.id)
        return run.id

    def told(self) -> list[tuple[str, list[tuple[Any, Any]]]]:
        """Of each run its kind, and what its cells were and became; the newest first."""
        return [(run.kind, [(cell.before, cell.after) for cell in run.standing]) for run in self.journal.runs()]

    def test_a_day_of_places_pushes_no_earlier_sync_out_of_the_journal(self) -> None:
        self.write(1, NOON - 7 * DAY, "pull")
        for number in range(20):
            self.write(2 + number, NOON + number * 60)
            self.journal.prune(keep=10)
        self.assertEqual(self.told(), [("arrival", [(1, 21)]), ("pull", [(None, 1)])])

    def test_the_day_is_undone_as_a_whole_and_can_be_done_again(self) -> None:
        for number in range(3):
            self.write(10 + number, NOON + number)
            self.write(20 + number, NOON + number + 0.5, book=self.other)
        (run,) = self.journal.runs()
        undo.undo_run(self.api, self.journal, run)
        self.assertEqual([self.api.field_for("#pct", each) for each in (self.book, self.other)], [None, None])
        undo.undo_run(self.api, self.journal, self.journal.runs()[0])
        self.assertEqual([self.api.field_for("#pct", each) for each in (self.book, self.other)], [12, 22])

    def test_another_day_and_another_profile_are_runs_of_their_own(self) -> None:
        self.write(1, NOON)
        self.write(2, NOON + DAY)
        self.write(3, NOON + DAY + 1, profile="work")
        self.assertEqual(len(self.journal.runs()), 3)

    def test_what_the_reader_wrote_in_between_is_what_an_undo_brings_back(self) -> None:
        self.write(10, NOON)
        self.api.set_field("#pct", {self.book: 50})
        self.write(60, NOON + 60)
        self.assertEqual(self.told(), [("arrival", [(50, 60)]), ("arrival", [(None, 10)])])
        self.write(70, NOON + 120)
        self.assertEqual(self.told()[0], ("arrival", [(50, 70)]))
        undo.undo_run(self.api, self.journal, self.journal.runs()[0])
        self.assertEqual(self.api.field_for("#pct", self.book), 50)

    def test_what_was_undone_is_not_joined_with_what_comes_after(self) -> None:
        self.write(10, NOON)
        undo.undo_run(self.api, self.journal, self.journal.runs()[0])
        self.write(30, time.time() + 60)
        self.assertEqual([kind for kind, _cells in self.told()], ["arrival", "undo", "arrival"])

    def test_a_moment_that_calibre_writes_in_its_own_way_is_no_change_of_the_readers(self) -> None:
        self.write("2026-03-09T10:00:00+00:00", NOON, column="#read")
        self.write("2026-03-09T11:00:00+00:00", NOON + 60, column="#read")
        ((_kind, cells),) = self.told()
        self.assertEqual(cells, [(None, "2026-03-09T11:00:00+00:00")])

    def test_a_value_that_came_back_to_what_it_was_is_no_change(self) -> None:
        self.api.set_field("#pct", {self.book: 5})
        self.write(10, NOON)
        self.write(5, NOON + 60)
        self.assertEqual(self.told(), [("arrival", [])])

    def test_a_crash_in_the_middle_of_joining_loses_neither_run(self) -> None:
        self.write(10, NOON)
        with (
            mock.patch.object(write_journal.os, "replace", side_effect=OSError("no space")),
            self.assertRaises(OSError),
        ):
            self.write(20, NOON + 60)
        self.assertEqual(self.told(), [("arrival", [(10, 20)]), ("arrival", [(None, 10)])])
        self.write(30, NOON + 120)
        self.assertEqual(self.told()[0], ("arrival", [(10, 30)]))

    def test_what_earlier_versions_read_of_it_is_a_sync(self) -> None:
        self.write(10, NOON)
        self.write(20, NOON + 60)
        (path,) = self.journal._paths()
        lines = path.read_text("ascii").splitlines()
        self.assertIn('"kind": "pull"', lines[0])
        self.assertIn('"what": "end"', lines[-1])
