"""Syncs that nobody clicked for: at the start, by the clock, with a device; and what the reader's own edits mean then."""

from __future__ import annotations

import time
from unittest import mock

from calibre_gui import gui
from kosync import userkey
from qt.core import QApplication
from steps import USER, WithServer, action, api, book, configure, digest_of, wait_for_run


class RunsByThemselves(WithServer):
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
        from calibre_plugins.koreader_progress.window import triggers

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
        from calibre_plugins.koreader_progress.memory.book_memory import recall

        account = action().settings.accounts()[0]["id"]
        gui.wait(lambda: time.monotonic() > action().local_changes._ours_until, "silence")
        before = time.time()
        api().set_field("#percent", {book("Dracula"): 55})
        gui.wait(lambda: recall(api(), account, [book("Dracula")])[book("Dracula")]["changed_at"].get("#percent"))
        remembered = recall(api(), account, [book("Dracula")])[book("Dracula")]["changed_at"]["#percent"]
        self.assertGreaterEqual(remembered, before - 1)

    def test_5_what_a_sync_writes_is_no_edit_of_the_readers(self) -> None:
        from calibre_plugins.koreader_progress.memory.book_memory import recall

        self.server.push(USER, digest_of(book("Emma")), 0.4)
        # By hand: a run by itself does not ask again so soon about what the server did not know.
        gui(action().sync_all)
        self.expect("Emma", 40)
        time.sleep(1.5)
        gui(action().local_changes.flush)
        account = action().settings.accounts()[0]["id"]
        self.assertEqual(recall(api(), account, [book("Emma")])[book("Emma")]["changed_at"], {})

    def test_6_every_profile_that_wants_to_runs_at_the_start(self) -> None:
        from calibre_plugins.koreader_progress.settings import config

        ben = ("ben", "battery staple")
        self.server.register(*ben)
        self.server.push(ben, digest_of(book("Moby Dick")), 0.5)
        at_start = {"at_start": True, "every_minutes": 0, "on_device": False}
        configure(self.server, columns={"device": "#device"}, triggers=at_start)

        def add_a_second() -> None:
            account = config.new_account(self.server.url, ben[0], userkey(ben[1]))
            action().settings.save_account(account)
            (first,) = config.profiles(api())
            columns = {"percent": {"column": "#percent", "scale": 100}}
            second = {**first, "id": "p2", "account_id": account["id"], "columns": columns}
            config.save_profiles(api(), [first, second], "p1")

        gui(add_a_second)
        gui(action().triggers.calibre_has_started)
        self.expect("Moby Dick", 50)

    def test_7_what_keeps_a_sync_from_running_by_itself_is_said_once(self) -> None:
        triggers, runs = action().triggers, action().runs
        often = {"at_start": False, "every_minutes": 30, "on_device": False}
        configure(self.server, columns={"percent": "#gone"}, triggers=often)
        now = time.time() + 10 * 3600
        with mock.patch.object(runs, "say", wraps=runs.say) as said:
            for seconds in (0, 31 * 60, 31 * 60 + 30, 32 * 60):
                triggers.clock = lambda seconds=seconds: now + seconds
                gui(triggers.look)
        self.assertEqual([call.args[0] for call in said.call_args_list if "#gone" in call.args[0]][1:], [])
        self.assertEqual(said.call_count, 1)

    def test_8_no_timer_runs_right_after_a_click(self) -> None:
        configure(self.server, triggers={"at_start": False, "every_minutes": 30, "on_device": False})
        now = time.time() + 24 * 3600
        triggers = action().triggers

        def runs_at(seconds: float) -> bool:
            """Whether the clock starts a run then."""

            def look() -> bool:
                triggers.clock = lambda: now + seconds
                with mock.patch.object(action().runs, "start", return_value=True) as start:
                    triggers.look()
                return start.called

            return gui(look)

        self.assertTrue(runs_at(0))
        triggers.clock = lambda: now + 29 * 60
        gui(action().sync_all)
        wait_for_run()
        self.assertFalse(runs_at(31 * 60))
        # The review of that run may stand open for hours: its end counts, not its beginning.
        configure(self.server, review="always", triggers={"at_start": False, "every_minutes": 30, "on_device": False})
        self.server.push(USER, digest_of(book("Walden")), 0.6)
        gui.post(action().sync_all)
        review = gui.window("koreader_progress_result")
        triggers.clock = lambda: now + 5 * 3600
        gui(review.reject)
        wait_for_run()
        self.assertFalse(runs_at(5 * 3600 + 29 * 60))
        self.assertTrue(runs_at(5 * 3600 + 31 * 60))

    def test_9_nothing_went_wrong_unseen(self) -> None:
        self.assertEqual(gui.errors, [])
