"""What stands in calibre goes to KOReader, and calibre's viewer opens where KOReader stopped."""

from __future__ import annotations

import unittest
from typing import Any

from calibre_gui import click, gui
from kosync import KosyncServer
from steps import USER, action, api, book, configure, digest_of, preferences_in, select, tidy_up, wait_for_run


class Pushing(unittest.TestCase):
    server: KosyncServer

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = KosyncServer()
        cls.server.register(*USER)
        cls.server.push(USER, digest_of(book("Dracula")), 0.42)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.stop()

    def tearDown(self) -> None:
        tidy_up()

    def use(self, name: str) -> None:
        gui.post(lambda: action().menu.entries[name][1].trigger())

    def on_the_server(self, title: str) -> dict[str, Any]:
        return self.server.call("GET", f"/syncs/progress/{digest_of(book(title))}", user=USER)

    def test_1_a_typed_percentage_of_one_book_is_pushed(self) -> None:
        configure(self.server)
        select(book("Dracula"))
        self.use("koreader-progress-selected")
        gui.wait(lambda: api().field_for("#percent", book("Dracula")) == 42, "the sync")
        wait_for_run()
        gui(lambda: api().set_field("#percent", {book("Dracula"): 60}))
        self.use("koreader-progress-push")
        review = gui.window("koreader_progress_result")
        gui.grab(review, "push")
        gui(lambda: click(review.apply_button))
        gui.wait(lambda: "1 book sent" in action().runs.said, "the sentence")
        told = self.on_the_server("Dracula")
        self.assertAlmostEqual(told["percentage"], 0.6)
        self.assertTrue(told["progress"].startswith("/body/DocFragment["), told["progress"])
        self.assertFalse(told["device_id"].startswith("calibre-koreader-progress-"))

    def test_2_after_a_sync_a_typed_percentage_is_not_pushed_by_itself(self) -> None:
        from calibre_plugins.koreader_progress import config

        def automatic() -> None:
            known = config.profiles(api())
            known[0]["push"] = "automatic"
            config.save_profiles(api(), known, known[0]["id"])
            api().set_field("#percent", {book("Dracula"): 70})

        gui(automatic)
        select(book("Dracula"))
        self.use("koreader-progress-selected")
        gui.wait(lambda: action().runs.last is not None and action().runs.is_busy is False, "the sync")
        wait_for_run()
        self.assertAlmostEqual(self.on_the_server("Dracula")["percentage"], 0.6)
        self.assertEqual(api().field_for("#percent", book("Dracula")), 70)
        # What the sync itself said stays to be read.
        self.assertNotIn("sent", gui(lambda: action().runs.said))

    def test_4_the_viewer_is_opened_where_koreader_stopped(self) -> None:
        self.server.push(USER, digest_of(book("Dracula")), 0.9, device="Phone")
        select(book("Dracula"))
        self.use("koreader-progress-selected")
        gui.wait(lambda: api().field_for("#percent", book("Dracula")) == 90, "the sync")
        wait_for_run()
        opened: list[tuple[Any, ...]] = []
        view = gui.main.iactions["View"]
        view.view_format_by_id = lambda book_id, fmt, open_at=None: opened.append((book_id, fmt, open_at))
        try:
            select(book("Dracula"))
            self.use("koreader-progress-open")
            gui.wait(lambda: opened, "the viewer")
        finally:
            del view.view_format_by_id
        book_id, fmt, open_at = opened[0]
        self.assertEqual((book_id, fmt), (book("Dracula"), "EPUB"))
        self.assertTrue(open_at.startswith("epubcfi(/2"), open_at)

    def test_5_the_preferences_say_who_follows_and_what_is_pushed(self) -> None:
        gui.post(action().open_preferences, "places")
        dialog = gui.modal()
        widget = preferences_in(dialog)
        gui(lambda: widget.places.users.setText("anna, ben"))
        gui(lambda: widget.places.push.setCurrentIndex(2))
        gui.grab(dialog, "preferences-places")
        gui.press(dialog)
        gui.wait(lambda: action().profile["push"] == "automatic", "the stored profile")
        self.assertEqual(gui(lambda: action().profile["server_users"]), ["anna", "ben"])

    def test_9_nothing_went_wrong_unseen(self) -> None:
        self.assertEqual(gui.errors, [])
