"""calibre is killed at each step of a run, and what follows is right: the undo, the next sync, and both."""

from __future__ import annotations

import os
import sys

from calibre_plugins.koreader_progress.memory import book_memory
from calibre_plugins.koreader_progress.memory.history import add_digests, known_digest
from calibre_plugins.koreader_progress.sync import pull, repair, undo
from killing import Killed
from libraries import add_book, open_library
from with_server import USER

BOOKS = 6
# Every test run kills at some steps; with EVERY_STEP in the environment at each of them, before and after.
STEPS = range(200) if "EVERY_STEP" in os.environ else (0, 3, 7, 8, 13, 19)


class KilledPull(Killed):
    # Writes a plan slice by slice.
    CHILD = """
    stepping_of_what_is_kept()
    books.CELLS_PER_SLICE = 4
    pulled = pull.Pulled(told["plan"], told["books"], told["began"])
    accepted = [each for each in told["plan"]["updates"] if each["book_id"] != told["unticked"]]
    with pull.Writing(api, pulled, account, profile, pull.Decisions(accepted)) as writing:
        for some in books.in_slices(writing.wanted):
            writing.write(some)
        writing.finish()
    """
    PATIENCE = 120

    def setUp(self) -> None:
        super().setUp()
        # No other books than these.
        self.api.remove_books([self.book], permanent=True)
        self.books = [add_book(self.db, title=f"Book {number}") for number in range(BOOKS)]
        for book_id in self.books:
            add_digests(self.api, {book_id: [known_digest(f"{book_id:032x}", "sent", 1.0)]})
            self.server.push(USER, f"{book_id:032x}", 0.5)
        # The reader wants nothing of the last one.
        self.unticked = self.books[-1]
        self.shown = self.profile("one", "percent", "status")

    def test_undo_and_the_next_sync_are_right_after_a_kill_at_each_step(self) -> None:
        pulled = self.plan()
        told = {"books": self.books, "began": pulled.began, "unticked": self.unticked, "plan": pulled.plan}
        self.db.close()
        untouched = self.keep()
        kills = 0
        for step in STEPS:
            with self.subTest(step=step):
                self.put(untouched)
                was_killed = self.killed_at(step, **told)
                left = self.keep()
                for follow in (self.undone, self.synced, self.undone_and_synced):
                    self.put(left)
                    self.db = open_library(self.library)
                    self.api = self.db.new_api
                    repair.repair(self.api, pull.journal_of(self.api))
                    try:
                        follow()
                    finally:
                        self.db.close()
                if not was_killed:
                    break
                kills += 1
        # A test that kills nothing would show nothing.
        self.assertGreaterEqual(kills, len(STEPS) if len(STEPS) < 10 else 20)

    def undone(self) -> bool:
        """Undoes the run, if it wrote anything; whether it did."""
        journal = pull.journal_of(self.api)
        written = {book_id for book_id, percent in self.percents().items() if percent is not None}
        run = undo.last_pull(journal)
        offered = set() if run is None else {book.id for book in run.books}
        cells = {
            (book, c) for book in self.books for c in ("#pct", "#status") if self.api.field_for(c, book) is not None
        }
        self.assertEqual(offered, {book for book, _column in cells})
        self.assertTrue(written <= offered)
        if run is None:
            return False
        done = undo.undo_run(self.api, journal, run)
        self.assertEqual((done.report.stale, done.report.failed, done.left), ([], [], []))
        self.assertEqual({(each["book_id"], each["column"]) for each in done.report.written}, cells)
        self.assertEqual(set(self.percents().values()), {None})
        # One undo is whole.
        self.assertIsNone(undo.last_pull(journal))
        return True

    def synced(self) -> None:
        was_decided = bool(pull.journal_of(self.api).runs()) and bool(pull.journal_of(self.api).runs()[0].decisions)
        self.sync_all()
        percents = self.percents()
        unticked = percents.pop(self.unticked)
        self.assertEqual(set(percents.values()), {50})
        # What was declined before the kill stays so.
        self.assertEqual(unticked, None if was_decided else 50)
        self.assertEqual(self.sync_all(), set())
        kept = book_memory.kept_bases(self.api, self.account["id"], self.books)
        self.assertEqual(len(kept), BOOKS - was_decided)

    def undone_and_synced(self) -> None:
        if self.undone():
            self.assertEqual(self.sync_all(), set())
            self.assertEqual(set(self.percents().values()), {None})


if __name__ == "__main__":
    sys.exit("run me through run_tests.py")
