"""Another version of the plugin is installed while calibre runs and syncs: the old one goes on until the restart."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile

from calibre_gui import click, gui
from kosync import Gate
from steps import (
    USER,
    WithServer,
    action,
    api,
    ask_at,
    book,
    configure,
    digest_of,
    preferences_in,
    select,
    wait_for_run,
)


def install_another_version() -> None:
    """As a reader does from the command line; nothing in its modules goes together with those that run."""
    installed = action().interface_action_base_plugin.plugin_path
    another = os.path.join(os.environ["TEST_FOLDER"], "another.zip")
    with zipfile.ZipFile(installed) as old, zipfile.ZipFile(another, "w", zipfile.ZIP_DEFLATED) as new:
        new.writestr("news.txt", os.urandom(70_000))
        for name in reversed(old.namelist()):
            is_foreign = name.endswith(".py") and not name.endswith("__init__.py")
            new.writestr(name, b"raise ImportError('another version')" if is_foreign else old.read(name))
    programs = os.environ.get("KOREADER_PROGRESS_CALIBRE", "")
    line = [os.path.join(programs, "calibre-customize"), "-a", another]
    subprocess.run(line, check=True, capture_output=True, timeout=60)
    with zipfile.ZipFile(installed) as now:
        assert "news.txt" in now.namelist()


class PluginReplaced(WithServer):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.server.push(USER, digest_of(book("Dracula")), 0.42)

    def test_1_every_module_is_loaded_soon_after_the_start(self) -> None:
        from calibre_plugins.koreader_progress.preload import modules_in

        gui.wait(lambda: not action().preload.waiting, "the last module")
        names = modules_in(action().interface_action_base_plugin.plugin_path)
        rooms = ("copies", "devices", "library", "link", "memory", "settings", "sync", "window", "words")
        for room in (*rooms, "window.parts", "window.preferences", "window.review", "window.runs"):
            self.assertTrue([name for name in names if name.startswith(f"{room}.")], room)
        missing = [name for name in names if f"calibre_plugins.koreader_progress.{name}" not in sys.modules]
        self.assertEqual(missing, [])

    def test_2_a_run_under_way_loses_nothing(self) -> None:
        configure(self.server)
        gate = Gate(self.server)
        gui(lambda: ask_at(gate.url))
        gui.post(action().sync_all)
        gui.wait(lambda: gate.asked, "the first question")
        install_another_version()
        gate.open()
        gui.wait(lambda: api().field_for("#percent", book("Dracula")) == 42, "the value")
        wait_for_run()
        self.assertIn("1 book updated", gui(lambda: action().runs.said))
        gui.wait(lambda: not action().host.shared.is_held, "the end of the bridge's work")

    def test_3_every_window_still_opens(self) -> None:
        select(book("Dracula"))
        names = {
            "details": "details",
            "unmatched": "unmatched",
            "undo-earlier": "undo",
            "report": "result",
            "help": "help",
            "about": "about",
        }
        for entry, window in names.items():
            gui.post(action().menu.entries[f"koreader-progress-{entry}"][1].trigger)
            shown = gui.window(f"koreader_progress_{window}")
            self.assertFalse(gui(lambda shown=shown: shown.windowIcon().isNull()), entry)
            gui(shown.close)

    def test_4_the_preferences_open_and_are_kept(self) -> None:
        gui.post(action().open_preferences, "rules")
        dialog = gui.modal()
        widget = preferences_in(dialog)
        for tab in widget.pages:
            gui(widget.show_tab, tab)
        gui.press(dialog)

    def test_5_the_next_run_writes_and_is_undone(self) -> None:
        self.server.push(USER, digest_of(book("Dracula")), 0.5)
        gui.post(action().sync_all)
        gui.wait(lambda: api().field_for("#percent", book("Dracula")) == 50, "the value")
        wait_for_run()
        gui.wait(lambda: action().undoing.pull is not None, "the journal")
        gui.post(action().undoing.undo_pull)
        gui.wait(lambda: api().field_for("#percent", book("Dracula")) == 42, "the old value")
        gui.wait(lambda: not action().runs.is_busy)

    def test_6_a_review_that_was_open_meanwhile_is_written(self) -> None:
        self.server.push(USER, digest_of(book("Emma")), 0.6)
        select()
        gui.post(action().preview)
        review = gui.window("koreader_progress_result")
        install_another_version()
        gui(lambda: click(review.apply_button))
        gui.wait(lambda: api().field_for("#percent", book("Emma")) == 60, "the value")
        wait_for_run()

    def test_7_nothing_went_wrong_unseen(self) -> None:
        from calibre_plugins.koreader_progress.words.faults import noted_faults

        self.assertEqual(gui.errors, [])
        self.assertEqual(noted_faults(), [])
        self.assertLessEqual(len(action().host.pids), 1)
