"""A computer without Node and Deno: the zip with Deno inside syncs at once, and the universal one fetches it when asked."""

from __future__ import annotations

import os
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

from calibre_gui import click, gui
from kosync import KosyncServer
from own_runtimes import make_archive, program
from qt.core import QApplication, QDialogButtonBox
from release_server import ReleaseServer
from steps import USER, action, api, book, click_toolbar, configure, digest_of, preferences_in, tidy_up, wait_for_run

CARRIED = os.environ["STAGE"] == "carried"


class OwnRuntime(unittest.TestCase):
    server: KosyncServer

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = KosyncServer()
        cls.server.register(*USER)
        cls.server.push(USER, digest_of(book("Dracula")), 0.42)
        configure(cls.server)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.stop()

    def tearDown(self) -> None:
        tidy_up()

    def open(self) -> tuple[Any, Any]:
        self.opened = gui.post(action().open_preferences, "runtime")
        dialog = gui.modal()
        gui(lambda: dialog.resize(1024, 700))
        return dialog, preferences_in(dialog).runtime

    @unittest.skipUnless(CARRIED, "the universal zip")
    def test_1_the_first_sync_unpacks_it_and_writes_the_column(self) -> None:
        click_toolbar()
        wait_for_run()
        self.assertEqual(api().field_for("#percent", book("Dracula")), 42)
        self.assertEqual(len(action().host.runtimes.own.kept()), 1)

    @unittest.skipUnless(CARRIED, "the universal zip")
    def test_2_the_preferences_say_where_it_lies_and_remove_it(self) -> None:
        dialog, tab = self.open()
        gui.wait(lambda: "Deno 2" in tab.list.text(), "the list")
        self.assertIn("Kept in", gui(tab.own.about.text))
        gui.grab(dialog, "own-runtime-kept")
        gui(lambda: click(tab.own.remove_button))
        self.assertIn("Removed", gui(tab.own.status.text))
        gui.wait(lambda: "Deno 2" not in tab.list.text(), "the list without it")
        self.assertEqual(action().host.runtimes.own.kept(), [])
        gui(lambda: click(tab.test_button))
        gui.wait(lambda: tab.status.text().startswith("✓"), "the test, unpacking it again")

    @unittest.skipIf(CARRIED, "the zip with Deno inside")
    def test_3_nothing_is_offered_while_nothing_is_published(self) -> None:
        dialog, tab = self.open()
        self.assertFalse(gui(tab.own.isVisible))
        gui.grab(dialog, "own-runtime-none")

    @unittest.skipIf(CARRIED, "the zip with Deno inside")
    def test_4_it_is_fetched_after_a_question_and_can_be_stopped(self) -> None:
        from calibre_plugins.koreader_progress.link.own_runtime import OwnRuntime as Own

        folder = Path(os.environ["TEST_FOLDER"])
        release = ReleaseServer(folder)
        archive, data = make_archive(program(size=3 << 20))
        release.files[f"/{archive.file}"] = data
        own = action().host.runtimes.own
        published = Own(own.plugin_path, own.places, (), [archive], address=release.address)
        runtimes = action().host.runtimes
        with mock.patch.dict(os.environ, {"SSL_CERT_FILE": str(release.certificate)}):
            runtimes.own = published
            try:
                dialog, tab = self.open()
                gui.wait(tab.own.fetch_button.isVisible, "the offer")
                release.held.clear()
                self.fetch(dialog, tab)
                gui.wait(tab.own.bar.isVisible, "the progress")
                gui.wait(lambda: tab.own.bar.value() > 0, "the first bytes")
                gui.grab(dialog, "own-runtime-fetching")
                gui(lambda: click(tab.own.stop_button))
                release.held.set()
                gui.wait(lambda: "Stopped" in tab.own.status.text(), "the end")
                self.assertEqual(published.kept(), [])
                self.fetch(dialog, tab)
                gui.wait(lambda: tab.own.status.text().startswith("✓"), "the program")
                self.assertEqual(len(published.kept()), 1)
                gui.grab(dialog, "own-runtime-fetched")
            finally:
                runtimes.own = own
                release.stop()

    def fetch(self, dialog: Any, tab: Any) -> None:
        gui.post(click, tab.own.fetch_button)
        asked = gui.wait(lambda: (w := QApplication.activeModalWidget()) is not dialog and w, "the question")
        gui.grab(asked, "own-runtime-question")
        gui(lambda: click(asked.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Yes)))

    def test_9_nothing_went_wrong_unseen(self) -> None:
        self.assertEqual(gui.errors, [])
