"""The first sync by clicks on a computer that has neither Node nor Deno: the plugin brings one, or fetches it.

`STAGE` is `carried` (the zip has it inside), `fetched` (the universal zip), or `exchanged` (the universal zip in the place
of one that had it inside).
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any
from unittest import mock, skipUnless

import first_sync
from calibre_gui import click, gui
from kosync import KosyncServer
from qt.core import QApplication, QDialogButtonBox
from release_server import ReleaseServer
from steps import CANCEL, USER, WithServer, action, api, book, click_toolbar, digest_of, preferences_in, wait_for_run

STAGE = os.environ["STAGE"]
# Two calibres know the account by this address.
PORT = 18_082
# What the zip was built to fetch from.
RELEASES = 18_443


def serve(test: type[WithServer]) -> None:
    test.server = KosyncServer(PORT)
    test.server.register(*USER)
    gui(lambda: gui.main.resize(1024, 700))


if STAGE != "exchanged":

    class BareComputer(first_sync.FirstSync):
        @classmethod
        def setUpClass(cls) -> None:
            serve(cls)
            cls.server.push(USER, digest_of(book("Dracula")), 0.42)
            cls.server.push(USER, digest_of(book("Emma")), 1.0)

        def test_0_nothing_here_runs_the_plugin(self) -> None:
            found = [program for program in ("node", "nodejs", "deno") if shutil.which(program)]
            self.assertEqual(found, [])
            self.assertEqual(action().host.runtimes.own.kept(), [])

        @skipUnless(STAGE == "fetched", "it is inside the zip")
        def test_0_the_universal_zip_fetches_it_when_told_to(self) -> None:
            folder, archive = Path(os.environ["TEST_FOLDER"]), Path(os.environ["ARCHIVE"])
            release = ReleaseServer(folder, RELEASES)
            release.files[f"/{archive.name}"] = archive.read_bytes()
            try:
                with mock.patch.dict(os.environ, {"SSL_CERT_FILE": str(release.certificate)}):
                    gui.post(action().open_preferences, "runtime")
                    dialog = gui.modal()
                    own = preferences_in(dialog).runtime.own
                    gui.wait(own.fetch_button.isVisible, "the offer")
                    gui.grab(dialog, "bare-offer")
                    gui.post(click, own.fetch_button)
                    asked = gui.wait(lambda: other_than(dialog), "the question")
                    gui.grab(asked, "bare-question")
                    gui(lambda: click(asked.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Yes)))
                    gui.wait(lambda: own.status.text()[:1] in ("✓", "✗"), "the program", 120)
                    self.assertTrue(gui(own.status.text).startswith("✓"), gui(own.status.text))
                    gui.grab(dialog, "bare-fetched")
                    gui.press(dialog, CANCEL)
            finally:
                release.stop()
            self.assertEqual(release.asked, [f"/{archive.name}"])

        def test_9_it_was_the_plugin_s_own_that_did_it(self) -> None:
            kept = action().host.runtimes.own.kept()
            self.assertEqual(len(kept), 1)
            running = {os.path.realpath(f"/proc/{pid}/exe") for pid in action().host.pids}
            self.assertEqual({os.path.dirname(os.path.dirname(program)) for program in running}, set_of_folders(kept))

else:

    class Exchanged(WithServer):
        @classmethod
        def setUpClass(cls) -> None:
            serve(cls)
            cls.server.push(USER, digest_of(book("Dracula")), 0.77)

        def test_the_kept_program_goes_on_under_a_zip_that_has_none(self) -> None:
            own = action().host.runtimes.own
            self.assertEqual((len(own.kept()), tuple(own.carried)), (1, ()))
            click_toolbar()
            gui.wait(lambda: action().runs.last is not None, "the run")
            wait_for_run()
            self.assertEqual(api().field_for("#percent", book("Dracula")), 77)


def set_of_folders(kept: list[tuple[str, int]]) -> set[str]:
    return {os.path.realpath(os.path.dirname(folder)) for folder, _size in kept}


def other_than(dialog: Any) -> Any:
    found = QApplication.activeModalWidget()
    return found if found is not None and found is not dialog else None
