"""A reader puts a place on the server that calibre hosts, and the book's column follows by itself."""

from __future__ import annotations

import unittest
from typing import Any
from unittest import mock

from calibre_gui import gui
from hosting import taken_port
from kosync import KosyncServer, userkey
from calibre.constants import numeric_version
from qt.core import QApplication, QDialog, QLabel
from steps import CANCEL, USER, action, api, book, configure, digest_of, tidy_up, wait_for_run

STRANGER = ("eve", "x")
# Before 9.12 nothing is said of the content server.
OLD = [*numeric_version] < [9, 12]


class Hosted:
    """The server hosted by this calibre, and KOReader's requests to it."""

    next_second = staticmethod(KosyncServer.next_second)
    call = KosyncServer.call
    push = KosyncServer.push

    def __init__(self) -> None:
        listener, port = taken_port()
        listener.close()
        self.url = f"http://127.0.0.1:{port}"
        hosting = {"enabled": True, "host": "127.0.0.1", "port": port, "registration": True}

        def start() -> None:
            action().settings.set("hosting", hosting)
            action().settings_changed()

        gui(start)
        gui.wait(lambda: action().hosting.hosting.status["running"], "the server")
        for name, password in (USER, STRANGER):
            self.call("POST", "/users/create", {"username": name, "password": userkey(password)})


class Arriving(unittest.TestCase):
    server: Hosted
    now = 0.0

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = Hosted()
        configure(cls.server)  # type: ignore[arg-type]
        Arriving.now = action().arrivals.clock()
        action().arrivals.clock = lambda: Arriving.now

    def tearDown(self) -> None:
        tidy_up()

    def push(self, title: str, percentage: float, user: tuple[str, str] = USER) -> None:
        """As KOReader does, until the window has heard of it."""
        arrivals = action().arrivals
        before = arrivals.last.get("hosted")
        self.server.next_second()
        self.server.push(user, digest_of(book(title)), percentage)
        gui.wait(lambda: arrivals.last.get("hosted") is not before, "the window hearing of it")

    def wait(self, seconds: float) -> None:
        """So much time passes, and it is looked what is due; a run that begins is waited for."""
        Arriving.now += seconds
        gui(action().arrivals.look)
        wait_for_run()

    def percent(self, title: str) -> Any:
        return api().field_for("#percent", book(title))

    def arrivals_in_the_journal(self) -> list[Any]:
        from calibre_plugins.koreader_progress.sync.pull import journal_of

        return [run for run in journal_of(api()).runs() if run.kind == "arrival"]

    def our_windows(self) -> list[str]:
        shown = gui(lambda: [w.objectName() for w in QApplication.topLevelWidgets() if w.isVisible()])
        return [name for name in shown if name.startswith("koreader_progress")]

    def test_1_a_minute_after_the_last_place_the_column_has_it_and_no_window_opens(self) -> None:
        self.push("Dracula", 0.1)
        self.wait(30)
        self.push("Dracula", 0.2)
        self.wait(40)
        self.assertIsNone(self.percent("Dracula"))
        self.wait(25)
        self.assertEqual(self.percent("Dracula"), 20)
        self.assertIn("1 book updated", gui(lambda: action().runs.said))
        self.assertEqual(self.our_windows(), [])

    def test_2_while_pages_are_turned_it_follows_every_ten_minutes_and_all_is_one_run_of_the_day(self) -> None:
        shown = []
        for number in range(6):
            self.push("Dracula", 0.3 + number / 100)
            for _pause in range(10):
                self.wait(25)
            shown.append(self.percent("Dracula"))
        # Ten minutes are 24 pauses: of these 25 minutes two runs tell.
        self.assertLessEqual(len(set(shown)), 4)
        self.wait(700)
        self.assertEqual(self.percent("Dracula"), 35)
        (run,) = self.arrivals_in_the_journal()
        cells = {entry.column: (entry.before, entry.after) for entry in run.entries}
        self.assertEqual(cells["#percent"], (None, 35))

    def test_3_what_the_day_brought_is_undone_as_one_and_does_not_come_back_by_itself(self) -> None:
        (run,) = self.arrivals_in_the_journal()
        gui(action().runs.undos.undo, api(), run)
        gui.wait(lambda: self.percent("Dracula") is None, "the undo")
        wait_for_run()
        self.wait(700)
        self.assertIsNone(self.percent("Dracula"))

    def test_4_a_book_waits_while_a_window_is_open_in_which_it_may_be_edited(self) -> None:
        self.push("Emma", 0.5)
        dialog: list[QDialog] = []

        def edit() -> None:
            dialog.append(QDialog(gui.main))
            dialog[0].exec()

        gui.post(edit)
        gui.wait(lambda: QApplication.activeModalWidget() is not None, "the window")
        self.wait(70)
        self.assertIsNone(self.percent("Emma"))
        gui(lambda: dialog[0].reject())
        gui.wait(lambda: QApplication.activeModalWidget() is None, "its end")
        self.wait(5)
        self.assertEqual(self.percent("Emma"), 50)

    def test_5_nothing_follows_while_another_run_is_under_way(self) -> None:
        self.push("Emma", 0.6)
        with mock.patch.object(type(action().runs), "is_busy", True):
            Arriving.now += 700
            gui(action().arrivals.look)
        self.assertEqual(self.percent("Emma"), 50)
        self.wait(5)
        self.assertEqual(self.percent("Emma"), 60)

    def test_6_what_nobody_here_reads_fills_no_column(self) -> None:
        self.push("Moby Dick", 0.7, STRANGER)
        self.wait(700)
        self.assertIsNone(self.percent("Moby Dick"))
        self.assertEqual(self.our_windows(), [])

    def test_7_a_first_sync_waits_for_the_reader_and_so_does_what_is_always_reviewed(self) -> None:
        for changes in ({"ran_before": False}, {"review": "always"}):
            configure(self.server, **changes)  # type: ignore[arg-type]
            self.push("Moby Dick", 0.3)
            self.wait(700)
            self.assertIsNone(self.percent("Moby Dick"))
            self.assertIn("your next sync shows it", gui(lambda: action().runs.said))
            self.assertEqual(self.our_windows(), [])
        configure(self.server)  # type: ignore[arg-type]

    def test_8_a_step_back_that_is_asked_is_left_for_the_reader(self) -> None:
        self.push("Emma", 0.1)
        self.wait(700)
        self.assertEqual(self.percent("Emma"), 60)
        self.assertEqual(self.our_windows(), [])

    def test_9_the_tab_server_tells_whose_place_came_last(self) -> None:
        gui.post(action().open_preferences, "server")
        dialog = gui.modal()
        said = gui(lambda: dialog.findChild(QLabel, "last_place").text())
        self.assertRegex(said, "Kobo, of anna, (just now|. minutes? ago)")
        self.assertFalse(gui(lambda: dialog.findChild(QLabel, "content_server_status").isVisible()) and OLD)
        gui.grab(dialog, "server-tab")
        gui.press(dialog, CANCEL)

    def test_9b_a_profile_that_is_not_to_follow_stays_as_it_is(self) -> None:
        triggers = {"at_start": False, "every_minutes": 0, "on_device": False, "on_arrival": False}
        configure(self.server, triggers=triggers)  # type: ignore[arg-type]
        self.push("Moby Dick", 0.4)
        self.wait(700)
        self.assertIsNone(self.percent("Moby Dick"))
