"""To another computer and away for good, by clicks in the preferences."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from calibre.constants import cache_dir, config_dir
from calibre.gui2 import gprefs
from calibre_gui import click, gui, texts_of
from qt.core import QDialogButtonBox, QPushButton
from steps import (
    CANCEL,
    USER,
    WithServer,
    action,
    api,
    book,
    click_toolbar,
    configure,
    digest_of,
    preferences_in,
    select,
    wait_for_run,
)

MOVED = os.path.join(os.environ["TEST_FOLDER"], "moved.jsonl.gz")


def ours() -> list[str]:
    """What of the plugin's own lies on this computer."""
    folders = [*Path(config_dir, "plugins").glob("koreader_progress*"), Path(cache_dir(), "koreader_progress")]
    return [str(each) for folder in folders for each in [folder, *folder.rglob("*")] if each.is_file()]


class Moving(WithServer):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.server.push(USER, digest_of(book("Dracula")), 0.42)
        configure(cls.server)

    def open(self) -> tuple[Any, Any]:
        """The preferences and our part of them, at the tab."""
        gui.post(action().open_preferences, "runtime")
        dialog = gui.modal()
        return dialog, preferences_in(dialog)

    def sync(self) -> None:
        select(book("Dracula"))
        click_toolbar()
        gui.wait(lambda: action().runs.is_busy or action().runs.last is not None, "the run")
        wait_for_run()

    def test_1_an_export_holds_all_but_the_password(self) -> None:
        self.sync()
        self.assertEqual(api().field_for("#percent", book("Dracula")), 42)
        dialog, widget = self.open()
        box = widget.moving
        gui(lambda: widget.pages["runtime"].ensureWidgetVisible(box))
        gui(lambda: box.exporting.write(MOVED, False))
        gui.wait(lambda: box.status.text().startswith("✓"), "the export")
        self.assertTrue(gui(box.export_button.isEnabled))
        gui.grab(dialog, "moving-exported")
        gui.press(dialog, CANCEL)

    def test_2_on_another_computer_the_password_alone_is_asked_for(self) -> None:
        known = action().settings.accounts()[0]
        gui(lambda: action().settings.delete_account(known["id"]))
        dialog, widget = self.open()
        gui(lambda: widget.moving.take(MOVED))
        told = gui.wait(lambda: other_than(dialog), "a dialog above it")
        self.assertIn(f"password of {USER[0]}", " ".join(gui(lambda: texts_of(told))))
        gui.grab(told, "moving-imported")
        gui.press(told)
        dialog = gui.wait(lambda: other_than(dialog), "the preferences anew")
        widget = preferences_in(dialog)
        account = widget.account
        self.assertEqual(gui(lambda: (account.url.text(), account.username.text())), (known["url"], USER[0]))
        self.assertIn("another computer", gui(account.status.text))
        gui.grab(dialog, "moving-password")

        def fill() -> None:
            account.password.setText(USER[1])
            account.password.textEdited.emit(USER[1])

        gui(fill)
        gui(lambda: click(account.login_button))
        gui.wait(lambda: account.status.text().startswith("✓"), "the login")
        gui.press(dialog)
        gui.wait(lambda: action().settings.accounts(), "the account")
        self.assertEqual(action().settings.accounts(), [known])
        self.assertEqual(action().settings.get("moved_logins"), [])

    def test_3_without_its_password_a_moved_account_says_what_is_missing(self) -> None:
        known = action().settings.accounts()[0]
        login = {key: known[key] for key in ("id", "url", "username")}
        gui(lambda: action().settings.delete_account(known["id"]))
        gui(lambda: action().settings.set("moved_logins", [login]))
        click_toolbar()
        box = gui.window("koreader_progress_trouble")
        self.assertIn(f"password of {USER[0]}", gui(box.msg.text))
        gui(box.close)
        gui(lambda: action().settings.save_account(known))

    def test_4_a_file_that_is_none_of_ours_is_said(self) -> None:
        odd = os.path.join(os.environ["TEST_FOLDER"], "odd.jsonl.gz")
        Path(odd).write_bytes(b"Dear diary")
        dialog, widget = self.open()
        gui(lambda: widget.moving.take(odd))
        gui.wait(lambda: widget.moving.status.text().startswith("✗"), "the refusal")
        self.assertIn("odd.jsonl.gz was not made by", gui(widget.moving.status.text))
        self.assertTrue(gui(widget.moving.remove_button.isEnabled))
        gui.press(dialog, CANCEL)

    def test_5_what_is_kept_is_listed_and_removed_and_the_columns_stay(self) -> None:
        dialog, widget = self.open()
        gui.post(lambda: click(widget.moving.remove_button))
        removing = gui.wait(lambda: other_than(dialog), "a dialog above it")
        gui.wait(removing.remove_button.isEnabled, "the list")
        rows = gui(
            lambda: [removing.list.topLevelItem(row).text(0) for row in range(removing.list.topLevelItemCount())]
        )
        self.assertEqual(len(rows), 6, rows)
        self.assertIn("What this library remembers of", " ".join(rows))
        gui(lambda: removing.resize(1000, 640))
        gui.grab(removing, "removing")
        cancel = gui(lambda: removing.buttons.button(QDialogButtonBox.StandardButton.Cancel))
        self.assertTrue(gui(cancel.isDefault), "Enter would remove")
        self.assertFalse(gui(removing.with_server.isVisible), "there is no server here")
        gui(lambda: removing.with_journal.setChecked(True))
        gui.post(lambda: click(removing.remove_button))
        warning = gui.wait(lambda: restart_asked(), "the question to restart")
        gui.grab(warning, "removed")
        self.assertEqual((ours(), [name for name in gprefs if name.startswith("koreader_progress_")]), ([], []))
        self.assertEqual([key for key in api().backend.prefs if "koreader_progress" in key], [])
        self.assertEqual(api().field_for("#percent", book("Dracula")), 42)
        self.assertEqual(action().host.pids, [])
        gui(warning.reject)
        gui(lambda: gui.main.iactions["KOReader Progress"].library_changed(None))
        self.assertFalse(gui(action().qaction.isEnabled))
        self.assertEqual(ours(), [])


def other_than(dialog: Any) -> Any:
    from qt.core import QApplication

    found = QApplication.activeModalWidget()
    return found if found is not None and found is not dialog else None


def restart_asked() -> Any:
    from qt.core import QApplication

    found = QApplication.activeModalWidget()
    wanted = found is not None and any("restart" in button.text().lower() for button in found.findChildren(QPushButton))
    return found if wanted else None
