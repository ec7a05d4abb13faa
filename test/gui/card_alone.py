"""A card is plugged in, and there is no server, no account and no network: what a reader clicks until the columns are filled."""

from __future__ import annotations

import os
import shutil
import unittest
from typing import Any

from calibre_gui import click, gui
from qt.core import QPushButton
from steps import action, api, book, digest_of, preferences_in, tidy_up, wait_for_run

SIDECAR = """return {{
    ["partial_md5_checksum"] = "{digest}",
    ["percent_finished"] = {percent},
    ["summary"] = {{ ["status"] = "{status}", ["modified"] = "2024-05-06" }},
}}
"""


class CardAlone(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = os.path.join(os.environ["TEST_FOLDER"], "card")
        os.makedirs(self.folder, exist_ok=True)
        gui(self.configure)

    def tearDown(self) -> None:
        tidy_up()
        if gui(lambda: gui.main.device_manager.is_device_connected):
            gui(gui.main.device_manager.umount_device)
        gui.wait(lambda: not gui.main.device_manager.is_device_connected, "the card's end")

    def configure(self) -> None:
        from calibre_plugins.koreader_progress.settings import config

        if config.profiles(api()):
            return
        profiles = [config.new_profile(who, name, "") for who, name in (("p1", "Anna"), ("p2", "Ben"))]
        profiles[0]["columns"] = {
            "percent": {"column": "#percent", "scale": None},
            "status": {"column": "#status", "scale": None},
        }
        config.save_profiles(api(), profiles, "p1")

    def read(self, title: str, percent: float, status: str = "reading") -> None:
        """KOReader has opened the library's own file, and keeps its sidecar by the digest."""
        digest = digest_of(book(title))
        path = os.path.join(self.folder, "koreader", "hashdocsettings", digest[:2], f"{digest}.sdr")
        os.makedirs(path, exist_ok=True)
        with open(os.path.join(path, "metadata.epub.lua"), "w", encoding="utf-8") as file:
            file.write(SIDECAR.format(digest=digest, percent=percent, status=status))
        shutil.copy(api().format_abspath(book(title), "EPUB"), os.path.join(self.folder, f"{title}.epub"))

    def connect(self) -> None:
        gui(gui.main.connect_to_folder_named, self.folder)
        gui.wait(lambda: gui.main.device_manager.is_device_connected and gui.main.device_connected, "the card")

    def press(self, window: Any, name: str) -> None:
        gui.post(click, gui(lambda: window.findChild(QPushButton, name)))

    def test_1_plugged_in_looked_at_and_written_in_two_clicks(self) -> None:
        self.read("Dracula", 0.94, "complete")
        self.connect()
        asked = gui.window("koreader_progress_whose_reader")
        self.assertIsNone(api().field_for("#percent", book("Dracula")))
        self.press(asked, "look")
        review = gui.window("koreader_progress_result")
        self.assertEqual(gui(lambda: review.model.rowCount()), 1)
        gui.post(click, gui(lambda: review.apply_button))
        wait_for_run()
        self.assertEqual(api().field_for("#percent", book("Dracula")), 94)
        self.assertEqual(api().field_for("#status", book("Dracula")), "Finished")

    def test_2_later_it_is_a_quiet_line(self) -> None:
        self.read("Dracula", 0.95, "complete")
        gui(lambda: setattr(action().runs, "said", ""))
        self.connect()
        gui.wait(lambda: action().runs.said != "" and not action().runs.is_busy, "the quiet sync")
        self.assertEqual(api().field_for("#percent", book("Dracula")), 95)
        self.assertIsNone(gui(lambda: action().runs.review))
        self.assertIsNone(gui(lambda: action().whose_reader.dialog))

    def test_3_another_persons_card_that_is_left_alone_counts_for_nobody(self) -> None:
        from calibre_plugins.koreader_progress.settings.readers import readers

        self.folder = os.path.join(os.environ["TEST_FOLDER"], "another")
        os.makedirs(self.folder)
        self.read("Dracula", 0.99, "complete")
        self.connect()
        self.press(gui.window("koreader_progress_whose_reader"), "nobody")
        gui.wait(lambda: len(readers(api())) == 2, "the answer")
        wait_for_run()
        self.assertEqual([reader["profile"] for reader in readers(api()).values()], ["p1", None])
        gui(action().sync_all)
        wait_for_run()
        self.assertEqual(api().field_for("#percent", book("Dracula")), 95)

    def test_4_the_preferences_say_whose_it_is_from_now_on(self) -> None:
        from calibre_plugins.koreader_progress.settings.readers import readers

        gui.post(lambda: action().open_preferences("when"))
        dialog = gui.modal()
        widget = preferences_in(dialog)
        boxes = gui(lambda: [*widget.when.readers.whose.values()])
        self.assertEqual(sorted(gui(lambda: [box.currentText() for box in boxes])), ["Anna", "nobody: left alone"])
        gui(lambda: [box.setCurrentIndex(box.findData("p2")) for box in boxes])
        gui.press(dialog)
        gui.wait(lambda: [reader["profile"] for reader in readers(api()).values()] == ["p2", "p2"], "what was said")
