"""What is read in calibre goes to KOReader, and calibre's viewer opens where KOReader stopped."""

from __future__ import annotations

import json
import os
import time
import unittest
from typing import Any

from calibre_gui import click, gui
from kosync import KosyncServer
from steps import USER, action, api, book, configure, digest_of, preferences_in, select, tidy_up, wait_for_run

PLACE = "epubcfi(/2/2/4/2/1:3)"


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

    def send(self) -> None:
        """Sends what the dialog shows."""
        dialog = gui.window("koreader_progress_push")
        gui.grab(dialog, "push")
        gui(lambda: click(dialog.send_button))
        gui.wait(lambda: "pushed" in action().pushes.said, "the sentence")

    def test_1_a_typed_percentage_of_one_book_is_pushed(self) -> None:
        configure(self.server)
        select(book("Dracula"))
        self.use("koreader-progress-selected")
        gui.wait(lambda: api().field_for("#percent", book("Dracula")) == 42, "the sync")
        wait_for_run()
        gui(lambda: api().set_field("#percent", {book("Dracula"): 60}))
        self.use("koreader-progress-push-place")
        self.send()
        told = self.on_the_server("Dracula")
        self.assertAlmostEqual(told["percentage"], 0.6)
        self.assertTrue(told["progress"].startswith("/body/DocFragment["), told["progress"])
        self.assertFalse(told["device_id"].startswith("calibre-koreader-progress-"))

    def test_2_a_book_with_nothing_new_says_why(self) -> None:
        select(book("Emma"))
        self.use("koreader-progress-push")
        gui.wait(lambda: not action().pushes.is_busy and "KOReader Progress: " in action().pushes.said)
        self.assertNotIn("pushed", gui(lambda: action().pushes.said))

    def test_3_the_same_place_in_other_words_is_not_pushed(self) -> None:
        from calibre_plugins.koreader_progress.positions import annotations_path, viewer_time

        path = annotations_path(api().format_abspath(book("Dracula"), "EPUB"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        entry = {"type": "last-read", "pos": PLACE, "pos_type": "epubcfi", "timestamp": viewer_time(time.time() + 60)}
        with open(path, "w", encoding="utf-8") as annotations:
            json.dump([entry], annotations)
        before = self.on_the_server("Dracula")
        gui(lambda: setattr(action().pushes, "said", ""))
        select(book("Dracula"))
        self.use("koreader-progress-push")
        # The whole book is shorter than what counts as one place.
        gui.wait(lambda: action().pushes.said, "the sentence")
        self.assertEqual(self.on_the_server("Dracula"), before)
        self.assertIsNone(action().pushes.dialog)
        os.remove(path)

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
