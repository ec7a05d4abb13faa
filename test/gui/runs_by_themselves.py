"""Syncs that nobody clicked for: at the start, by the clock, with a device; and what the reader's own edits mean then."""

from __future__ import annotations

import time
import unittest

from calibre_gui import gui
from kosync import KosyncServer
from qt.core import QApplication
from steps import USER, action, api, book, configure, digest_of, tidy_up, wait_for_run


class RunsByThemselves(unittest.TestCase):
    server: KosyncServer

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = KosyncServer()
        cls.server.register(*USER)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.stop()

    def tearDown(self) -> None:
        tidy_up()

    def expect(self, title: str, percent: int) -> None:
        gui.wait(lambda: api().field_for("#percent", book(title)) == percent, f"{percent} % of {title}")
        wait_for_run()

    def test_1_at_the_start_and_without_a_window(self) -> None:
        self.server.push(USER, digest_of(book("Dracula")), 0.1)
        configure(self.server, triggers={"at_start": True, "every_minutes": 0, "on_device": False})
        gui(action().triggers.calibre_has_started)
        self.expect("Dracula", 10)
        shown = gui(lambda: [w.objectName() for w in QApplication.topLevelWidgets() if w.isVisible()])
        self.assertFalse([name for name in shown if name.startswith("koreader_progress")])
        self.assertIn("1 book updated", gui(lambda: action().runs.said))

    def test_2_every_few_minutes_also_when_the_computer_slept_through_them(self) -> None:
        self.server.push(USER, digest_of(book("Dracula")), 0.2)
        configure(self.server, triggers={"at_start": False, "every_minutes": 30, "on_device": False})
        now = time.time()
        triggers = action().triggers

        def at(seconds: float) -> None:
            triggers.clock = lambda: now + seconds
            triggers.look()

        gui(at, 0)
        gui(at, 29 * 60)
        self.assertFalse(gui(lambda: action().runs.is_busy))
        gui(at, 8 * 3600)
        self.expect("Dracula", 20)
        # The night's sixteen missed turns are one.
        gui(at, 8 * 3600 + 60)
        self.assertFalse(gui(lambda: action().runs.is_busy))

    def test_3_on_a_device_but_not_on_somebody_elses(self) -> None:
        from calibre_plugins.koreader_progress import triggers

        self.server.push(USER, digest_of(book("Dracula")), 0.3)
        configure(
            self.server, triggers={"at_start": False, "every_minutes": 0, "on_device": True}, device="Anna's Kobo"
        )
        connected = triggers.connected_device
        try:
            triggers.connected_device = lambda _gui: "Ben's Kindle"
            gui(action().triggers.device_is_there)
            self.assertFalse(gui(lambda: action().runs.is_busy))
            triggers.connected_device = lambda _gui: "anna's kobo"
            gui(action().triggers.device_is_there)
            self.expect("Dracula", 30)
        finally:
            triggers.connected_device = connected

    def test_4_a_readers_own_edit_is_remembered_with_its_time(self) -> None:
        from calibre_plugins.koreader_progress.book_memory import recall

        account = action().settings.accounts()[0]["id"]
        gui.wait(lambda: time.monotonic() > action().local_changes._ours_until, "silence")
        before = time.time()
        api().set_field("#percent", {book("Dracula"): 55})
        gui.wait(lambda: recall(api(), account, [book("Dracula")])[book("Dracula")]["changed_at"].get("#percent"))
        remembered = recall(api(), account, [book("Dracula")])[book("Dracula")]["changed_at"]["#percent"]
        self.assertGreaterEqual(remembered, before - 1)

    def test_5_what_a_sync_writes_is_no_edit_of_the_readers(self) -> None:
        from calibre_plugins.koreader_progress.book_memory import recall

        self.server.push(USER, digest_of(book("Emma")), 0.4)
        # By hand: a run by itself does not ask again so soon about what the server did not know.
        gui(action().sync_all)
        self.expect("Emma", 40)
        time.sleep(1.5)
        gui(action().local_changes.flush)
        account = action().settings.accounts()[0]["id"]
        self.assertEqual(recall(api(), account, [book("Emma")])[book("Emma")]["changed_at"], {})

    def test_6_nothing_went_wrong_unseen(self) -> None:
        self.assertEqual(gui.errors, [])
