"""Ten thousand books: the window goes on answering while they are read, asked about, reviewed, written and undone."""

from __future__ import annotations

import json
import time
import unittest

from calibre_gui import gui
from kosync import KosyncServer
from steps import USER, action, api, configure, tidy_up

# What a reader feels as a hitch, in milliseconds.
FELT = 100
BOOKS = 10_000
PATIENCE = 180


class LargeLibrary(unittest.TestCase):
    server: KosyncServer
    floor: float

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = KosyncServer()
        cls.server.register(*USER)
        cls.measure_floor()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.stop()

    def tearDown(self) -> None:
        tidy_up()

    def assert_not_felt(self, stall: float) -> None:
        """On a machine that is busy with other things a hitch is what exceeds a plain busy thread's beside the window."""
        self.assertLess(stall, max(FELT, 3 * self.floor))

    @classmethod
    def measure_floor(cls) -> None:
        """The longest stall while a thread beside the window does nothing but make and read JSON."""
        gui.longest_stall()
        end = time.monotonic() + 3
        while time.monotonic() < end:
            json.loads(json.dumps([{"book": number, "title": "x" * 20} for number in range(500)]))
        cls.floor = gui.longest_stall()
        print(f"a busy thread alone: longest stall {cls.floor:.0f} ms")

    def link_every_book(self) -> None:
        """Each book has a digest of its own, and each tenth a record on the server."""
        from calibre_plugins.koreader_progress.history import add_digests, known_digest

        ids = sorted(api().all_book_ids())
        found = {book_id: [known_digest(f"{book_id:032x}", "sent", 1.0)] for book_id in ids}
        add_digests(api(), found, log=False)
        for book_id in ids[::10]:
            self.server.push(USER, f"{book_id:032x}", 0.5)

    def test_1_asking_about_ten_thousand_books_never_holds_the_window_up(self) -> None:
        self.assertEqual(len(api().all_book_ids()), BOOKS)
        self.link_every_book()
        configure(self.server, review="never", ran_before=False)
        gui.longest_stall()
        gui.post(action().sync_all)
        gui.wait(lambda: action().runs.current is not None, "the run")
        gui.wait(lambda: action().runs.review is not None, "the review", PATIENCE)
        stall = gui.longest_stall()
        print(f"asking and opening the review: longest stall {stall:.0f} ms")
        self.assert_not_felt(stall)

    def test_2_writing_a_thousand_books_never_holds_the_window_up(self) -> None:
        configure(self.server, review="never")
        gui.post(action().sync_all)
        gui.wait(lambda: action().runs.is_writing, "the writing", PATIENCE)
        gui.longest_stall()
        gui.wait(lambda: not action().runs.is_busy, "the end", PATIENCE)
        stall = gui.longest_stall()
        print(f"writing: longest stall {stall:.0f} ms")
        ids = sorted(api().all_book_ids())
        self.assertEqual({api().field_for("#percent", book_id) for book_id in ids[::10]}, {50})
        self.assertIsNone(api().field_for("#percent", ids[1]))
        self.assert_not_felt(stall)

    def test_3_the_report_filters_without_holding_the_window_up(self) -> None:
        gui.longest_stall()
        gui.post(action().runs.show_last_report)
        report = gui.window("koreader_progress_result")
        opened = gui.longest_stall()
        gui(lambda: report.search.setText("Book 99"))
        filtered = gui.longest_stall()
        print(f"report: opened in {opened:.0f} ms, filtered in {filtered:.0f} ms")
        self.assert_not_felt(opened)
        self.assert_not_felt(filtered)

    def test_4_undoing_it_never_holds_the_window_up(self) -> None:
        gui.longest_stall()
        gui.wait(lambda: action().undoable is not None, "the journal")
        gui.longest_stall()
        gui.post(action().undo_last)
        gui.wait(lambda: action().runs.undoing is not None, "the undo")
        gui.wait(lambda: not action().runs.is_busy, "the end", PATIENCE)
        stall = gui.longest_stall()
        print(f"undo: longest stall {stall:.0f} ms")
        ids = sorted(api().all_book_ids())
        self.assertEqual({api().field_for("#percent", book_id) for book_id in ids[::10]}, {None})
        self.assert_not_felt(stall)

    def test_5_nothing_went_wrong_unseen(self) -> None:
        self.assertEqual(gui.errors, [])
