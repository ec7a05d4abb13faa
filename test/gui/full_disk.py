"""The disk of calibre's configuration takes nothing more, or answers nothing: windows close, and what was not written is said."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from calibre.constants import config_dir
from calibre_gui import click, gui
from calibre_plugins.koreader_progress.copies.strip_list import our_folder
from qt.core import QApplication, QDialogButtonBox
from steps import (
    CANCEL,
    USER,
    WithServer,
    action,
    api,
    book,
    configure,
    digest_of,
    preferences_in,
    select,
    trouble,
    wait_for_run,
)

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Disk:
    """The configuration's disk as Python sees it: once full, no file on it can be opened for writing."""

    def __init__(self) -> None:
        self._is_full = False
        self._answers = threading.Event()
        self._answers.set()
        # Whoever waits for it: names of threads.
        self.waiting: list[str] = []
        # Asked by the interpreter before every file that it opens, whoever opens it.
        sys.addaudithook(self._look)

    def _look(self, event: str, args: tuple[Any, ...]) -> None:
        if not self._answers.is_set() and event in ("open", "os.listdir", "os.scandir"):
            self._wait(args[0])
        if not self._is_full or event != "open" or not isinstance(args[0], (str, bytes)):
            return
        path = os.path.abspath(os.fsdecode(args[0]))
        if path.startswith(config_dir + os.sep) and isinstance(args[2], int) and args[2] & WRITING:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)

    def _wait(self, path: object) -> None:
        """Our own folder is not to be had at the moment; the window's thread is noted, and not held: that would end the test."""
        if isinstance(path, (str, bytes)) and os.path.abspath(os.fsdecode(path)).startswith(our_folder() + os.sep):
            thread = threading.current_thread()
            self.waiting.append(thread.name)
            if thread is not threading.main_thread():
                self._answers.wait(60)

    @contextmanager
    def silent(self) -> Iterator[None]:
        """It answers nothing inside the block, and all that was asked after it."""
        self.waiting.clear()
        self._answers.clear()
        try:
            yield
        finally:
            self._answers.set()

    @contextmanager
    def full(self) -> Iterator[None]:
        self._is_full = True
        try:
            yield
        finally:
            self._is_full = False


disk = Disk()


class FullDisk(WithServer):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        for title in ("Dracula", "Emma", "Moby Dick"):
            cls.server.push(USER, digest_of(book(title)), 0.42)

    def setUp(self) -> None:
        configure(self.server)

    def tearDown(self) -> None:
        super().tearDown()
        gui.wait(lambda: not action().runs.is_busy, "quiet")

    def review(self) -> Any:
        """The review of a sync of everything; the disk is full by the time it is answered."""
        configure(self.server, review="always")
        gui.post(action().sync_all)
        return gui.window("koreader_progress_result")

    def is_open(self, name: str) -> bool:
        """Whether a window of this name is in sight; a closed one may be deleted by now."""
        return gui(
            lambda: any(each.objectName() == name and each.isVisible() for each in QApplication.topLevelWidgets())
        )

    def read(self) -> list[Any]:
        return [api().field_for("#percent", book(title)) for title in ("Dracula", "Emma", "Moby Dick")]

    def test_1_a_review_can_be_cancelled(self) -> None:
        review = self.review()
        with disk.full():
            gui.post(lambda: click(review.buttons.button(CANCEL)))
            wait_for_run()
        self.assertFalse(self.is_open("koreader_progress_result"))
        self.assertEqual(gui(lambda: action().runs.said), "KOReader Progress: Nothing was written.")

    def test_2_a_review_can_be_accepted_and_what_could_not_be_written_is_said(self) -> None:
        review = self.review()
        window = gui(lambda: action().runs.current.window)
        with disk.full():
            gui.post(lambda: click(review.apply_button))
            box = trouble()
            wait_for_run()
            self.assertIn("could not be kept", gui(lambda: box.msg.text()))
            gui(box.close)
            self.assertFalse(self.is_open("koreader_progress_result"))
            gui.wait(window.isVisible, "the window")
            gui.grab(window, "progress-unwritten")
            self.assertEqual(gui(window.phase.text), "3 books could not be written, 5 not on the server.")
            gui(lambda: click(window.details_button))
            report = gui.window("koreader_progress_result")
            self.assertEqual(gui(report.csv_text).count("not written"), 9)
            gui(report.close)
            self.assertFalse(self.is_open("koreader_progress_result") or self.is_open("koreader_progress_window"))
        self.assertEqual(self.read(), [None] * 3)

    def test_3_what_was_not_written_comes_with_the_next_sync(self) -> None:
        gui.post(action().sync_all)
        gui.wait(lambda: self.read() == [42] * 3, "the values")
        wait_for_run()
        self.assertIn("3 books updated", gui(lambda: action().runs.said))

    def test_4_a_run_by_itself_says_what_it_could_not_write(self) -> None:
        self.server.push(USER, digest_of(book("Dracula")), 0.5)
        with disk.full():
            gui(lambda: action().runs.start(action().profile, action().all_ids(), "timer"))
            wait_for_run()
            self.assertIn("nothing more was written", gui(lambda: action().runs.said))
        self.assertEqual(self.read()[0], 42)

    def test_5_every_other_window_closes(self) -> None:
        select(book("Dracula"))
        for show, name in (
            (action().show_details, "koreader_progress_details"),
            (action().show_help, "koreader_progress_help"),
            (action().show_about, "koreader_progress_about"),
            (action().undoing.show, "koreader_progress_undo"),
            (action().show_unmatched, "koreader_progress_unmatched"),
            (action().runs.show_last_report, "koreader_progress_result"),
        ):
            with self.subTest(name):
                gui.post(show)
                window = gui.window(name)
                with disk.full():
                    gui(window.reject)
                    self.assertFalse(self.is_open(name))

    def test_6_the_progress_window_hides_and_keeps_its_choice_until_calibre_ends(self) -> None:
        gui.post(action().sync_all)
        window = gui.window("koreader_progress_window")
        with disk.full():
            gui(lambda: window.stay.setChecked(True))
            gui(lambda: click(window.hide_button))
            self.assertFalse(gui(window.isVisible))
        wait_for_run()
        self.assertTrue(gui(lambda: action().settings.get("keep_progress_open")))

    def test_7_the_preferences_close_and_say_that_they_could_not_be_stored(self) -> None:
        closed = gui.post(action().open_preferences)
        dialog = gui.modal()
        widget = preferences_in(dialog)
        gui(lambda: widget.when.click.setCurrentIndex(widget.when.click.findData("reading")))
        with disk.full():
            gui.press(dialog, QDialogButtonBox.StandardButton.Ok)
            box = trouble()
            self.assertIn("could not be stored", gui(lambda: box.msg.text()))
            gui(box.close)
            closed.result(10)
        self.assertEqual(gui(lambda: action().settings.get("click")), "reading")

    def test_8_a_report_that_cannot_be_saved_says_why(self) -> None:
        gui.post(action().runs.show_last_report)
        report = gui.window("koreader_progress_result")
        # A file of the system's own, on which the disk is always full.
        saving = gui.post(report.save_csv_to, "/dev/full")
        box = gui.modal()
        said = gui(box.msg.text)
        gui(box.accept)
        saving.result(10)
        self.assertIn("The report could not be written", said)
        self.assertIn(os.strerror(errno.ENOSPC), said)
        gui(report.close)

    def test_9_the_library_changes_while_the_disk_answers_nothing(self) -> None:
        first, second = api().backend.library_path, tempfile.mkdtemp(prefix="second-", dir=os.environ["TEST_FOLDER"])
        for path in (second, first):
            with disk.silent():
                gui.post(lambda to=path: gui.main.library_moved(to)).result(60)
                gui.wait(lambda: disk.waiting, "somebody who waits for the disk")
                self.assertEqual(gui(lambda: api().backend.library_path), path)
                self.assertNotIn(threading.main_thread().name, disk.waiting)
        gui.wait(lambda: action().undoing.pull is not None, "the undo of the first library's last sync")

    def test_a_nothing_went_wrong_unseen(self) -> None:
        self.assertEqual(gui.errors, [])
