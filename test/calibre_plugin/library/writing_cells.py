"""Cells are written in a real library: only those that were accepted, as they stood, and none of another book."""

from __future__ import annotations

import sys
import unittest
from typing import Any

from calibre_plugins.koreader_progress.library import books as library
from libraries import add_book, make_library

COLUMNS = [
    ("pct", "float", {}),
    ("dev", "text", {}),
    ("status", "enumeration", {"enum_values": ["Reading", "Finished"], "enum_colors": []}),
    ("last", "datetime", {}),
]
MAPPED: Any = [{"column": f"#{label}", "datatype": datatype} for label, datatype, _display in COLUMNS]


def update(book_id: int, column: str, before: Any, after: Any) -> Any:
    why = {"code": "synced", "data": {}}
    return {"book_id": book_id, "column": column, "before": before, "after": after, "why": why}


class WritingCells(unittest.TestCase):
    def setUp(self) -> None:
        self.db = make_library(COLUMNS)
        self.api = self.db.new_api
        self.first, self.second, self.third = (add_book(self.db, title=f"Book {n}") for n in range(3))

    def tearDown(self) -> None:
        self.db.close()

    def write(self, updates: list[Any], before_write: Any = None) -> library.WriteReport:
        return library.write_updates(self.api, updates, MAPPED, before_write)

    def cell(self, book_id: int, column: str) -> Any:
        return library.read_cell(self.api, book_id, column)

    def test_what_the_reader_types_while_the_journal_is_written_stays(self) -> None:
        def journal(fresh: Any) -> None:
            self.api.set_field("#dev", {self.first: "Typed by hand"})

        report = self.write(
            [update(self.first, "#dev", None, "Kobo"), update(self.second, "#dev", None, "Kobo")], journal
        )
        self.assertEqual(self.cell(self.first, "#dev"), "Typed by hand")
        self.assertEqual([each["book_id"] for each in report.stale], [self.first])
        self.assertEqual([each["book_id"] for each in report.written], [self.second])

    def test_a_device_spelled_with_other_capitals_leaves_the_other_books_alone(self) -> None:
        self.api.set_field("#dev", {self.first: "Kobo Clara", self.second: "Kobo Clara"})
        journalled: list[Any] = []
        report = self.write([update(self.third, "#dev", None, "kobo clara")], lambda fresh: journalled.extend(fresh))
        self.assertEqual([self.cell(i, "#dev") for i in (self.first, self.second)], ["Kobo Clara", "Kobo Clara"])
        # Journal, memory and cell say the same, so that an undo finds what was written.
        self.assertEqual(self.cell(self.third, "#dev"), "Kobo Clara")
        self.assertEqual([each["after"] for each in [*journalled, *report.written]], ["Kobo Clara", "Kobo Clara"])
        undone = self.write([update(self.third, "#dev", journalled[0]["after"], None)])
        self.assertEqual((len(undone.written), self.cell(self.third, "#dev")), (1, None))

    def test_two_new_spellings_in_one_run_become_one(self) -> None:
        report = self.write([update(self.first, "#dev", None, "Kobo"), update(self.second, "#dev", None, "KOBO")])
        self.assertEqual([self.cell(i, "#dev") for i in (self.first, self.second)], ["Kobo", "Kobo"])
        self.assertEqual([each["after"] for each in report.written], ["Kobo", "Kobo"])

    def test_a_word_the_enumeration_lacks_is_reported_and_not_called_written(self) -> None:
        self.api.set_field("#status", {self.first: "Reading"})
        report = self.write(
            [update(self.first, "#status", "Reading", "Abandoned"), update(self.second, "#status", None, "Finished")]
        )
        self.assertEqual([(each["book_id"], error) for each, error in report.failed], [(self.first, "value")])
        self.assertEqual([each["book_id"] for each in report.written], [self.second])
        self.assertEqual([self.cell(i, "#status") for i in (self.first, self.second)], ["Reading", "Finished"])

    def test_one_date_that_is_none_does_not_spoil_the_others(self) -> None:
        report = self.write(
            [
                update(self.first, "#last", None, "no date at all"),
                update(self.second, "#last", None, "2024-01-02T03:04:05+00:00"),
            ]
        )
        self.assertEqual([each["book_id"] for each, _error in report.failed], [self.first])
        self.assertEqual(self.cell(self.second, "#last"), "2024-01-02T03:04:05+00:00")

    def test_a_number_without_end_in_one_cell_does_not_end_the_sync_of_all(self) -> None:
        self.api.set_field("#pct", {self.first: float("inf"), self.second: 0.5})
        self.assertEqual([self.cell(i, "#pct") for i in (self.first, self.second)], ["inf", 0.5])
        report = self.write([update(self.first, "#pct", "inf", 0.25)])
        self.assertEqual((len(report.written), self.cell(self.first, "#pct")), (1, 0.25))
        self.write([update(self.first, "#pct", 0.25, "inf")])
        self.assertEqual(self.cell(self.first, "#pct"), "inf")


if __name__ == "__main__":
    sys.exit("run me through run_tests.py")
