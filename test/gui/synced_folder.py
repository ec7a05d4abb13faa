"""A folder that a synchroniser keeps, named in the preferences: no reader is connected, no server asked, and the columns fill."""

from __future__ import annotations

import os
import unittest
from typing import Any

from calibre_gui import click, gui
from steps import action, api, book, digest_of, preferences_in, tidy_up, wait_for_run

SIDECAR = """return {{
    ["partial_md5_checksum"] = "{digest}",
    ["percent_finished"] = {percent},
    ["summary"] = {{ ["status"] = "reading", ["modified"] = "2024-05-06" }},
}}
"""


class SyncedFolder(unittest.TestCase):
    folder: str

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = os.path.join(os.environ["TEST_FOLDER"], "synced")
        os.makedirs(cls.folder)

    def tearDown(self) -> None:
        tidy_up()

    def read(self, title: str, percent: float, at: int) -> None:
        digest = digest_of(book(title))
        path = os.path.join(self.folder, "hashdocsettings", digest[:2], f"{digest}.sdr", "metadata.epub.lua")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(SIDECAR.format(digest=digest, percent=percent))
        os.utime(path, (at, at))
        # The book lies in the folder as it does in the library.
        with open(os.path.join(self.folder, f"{title}.epub"), "wb") as file:
            api().copy_format_to(book(title), "EPUB", file)

    def look(self) -> None:
        folders = action().device_watch.folders
        gui(folders.look)
        gui.wait(lambda: not folders.is_reading, "the look at the folders")
        wait_for_run()

    def percent(self, title: str) -> Any:
        return api().field_for("#percent", book(title))

    def test_1_it_is_named_in_the_preferences_and_kept(self) -> None:
        self.read("Dracula", 0.25, 1_700_000_000)
        opened = gui.post(action().open_preferences, "devices")
        dialog = gui.modal()
        tab = preferences_in(dialog).devices
        gone = os.path.join(os.environ["TEST_FOLDER"], "not mounted")
        for folder in (self.folder, self.folder, gone):
            gui(lambda folder=folder: tab.folders.folders.add(folder))
        gui.wait(lambda: "This folder is not there now" in tab.folders.folders.status.text(), "the complaint")
        gui.grab(dialog, "preferences-devices")
        gui(lambda: tab.folders.folders.list.setCurrentRow(1))
        gui(lambda: click(tab.folders.folders.remove_button))
        gui.press(dialog)
        opened.result(10)
        self.assertEqual(action().settings.get("folders"), [{"path": self.folder, "name": ""}])

    def test_2_a_profile_that_it_belongs_to_is_filled_quietly(self) -> None:
        from calibre_plugins.koreader_progress.devices.device import SidecarFolder
        from calibre_plugins.koreader_progress.settings import config
        from calibre_plugins.koreader_progress.settings.readers import set_readers

        def configure() -> None:
            profile = config.new_profile("p1", "KOReader", "")
            profile["columns"] = {"percent": {"column": "#percent", "scale": None}}
            profile["ran_before"] = True
            profile["triggers"]["on_device"] = True
            config.save_profiles(api(), [profile], "p1")
            set_readers(api(), {SidecarFolder(self.folder, "").id: {"name": "synced", "profile": "p1"}})

        gui(configure)
        self.look()
        self.assertEqual(self.percent("Dracula"), 25)
        self.read("Dracula", 0.5, 1_700_100_000)
        self.look()
        self.assertEqual(self.percent("Dracula"), 50)

    def test_3_while_it_is_not_mounted_nothing_changes(self) -> None:
        away = self.folder + ".away"
        os.rename(self.folder, away)
        for make in (lambda: None, lambda: os.mkdir(self.folder)):
            make()
            self.look()
            self.assertEqual(self.percent("Dracula"), 50)
        os.rmdir(self.folder)
        os.rename(away, self.folder)
        self.look()
        self.assertEqual(self.percent("Dracula"), 50)

    def test_4_it_is_told_among_the_known_ones(self) -> None:
        opened = gui.post(action().open_preferences, "devices")
        dialog = gui.modal()
        tab = preferences_in(dialog).devices
        known = gui(tab.devices.known.text)
        gui.press(dialog)
        opened.result(10)
        self.assertRegex(known, r"^synced: 1 book opened there, read \d{4}-\d\d-\d\d \d\d:\d\d$")
