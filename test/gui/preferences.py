"""Each tab of the preferences, in a library that has no columns yet."""

from __future__ import annotations

import unittest
from typing import Any

from calibre_gui import click, gui, press_key
from kosync import KosyncServer
from qt.core import QApplication, QCheckBox, QComboBox, QFormLayout, QLabel, QLineEdit, QPushButton, QSpinBox, Qt
from steps import CANCEL, USER, action, api, preferences_in, select, tidy_up


class Preferences(unittest.TestCase):
    server: KosyncServer

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = KosyncServer()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.stop()

    def tearDown(self) -> None:
        tidy_up()

    def open(self, tab: str) -> tuple[Any, Any]:
        """The dialog and our part of it, at the tab."""
        self.opened = gui.post(action().open_preferences, tab)
        dialog = gui.modal()
        widget = preferences_in(dialog)
        self.assertIs(gui(widget.tabs.currentWidget), widget.pages[tab])
        return dialog, widget

    def accept(self, dialog: Any) -> None:
        gui.press(dialog)
        # The dialog is gone a moment before everything is stored.
        self.opened.result(10)

    def test_01_register_makes_an_account(self) -> None:
        dialog, widget = self.open("account")

        def fill() -> None:
            widget.account.url.setText(self.server.url + "/")
            widget.account.username.setText(USER[0])
            widget.account.password.setText(USER[1])
            widget.account.password.textEdited.emit(USER[1])

        self.assertFalse(gui(widget.account.login_button.isEnabled))
        gui(fill)
        gui(lambda: click(widget.account.register_button))
        gui.wait(lambda: widget.account.status.text().startswith("✓"), "the registration")
        gui.wait(widget.account.register_button.isEnabled, "the button")
        gui(lambda: click(widget.account.register_button))
        gui.wait(lambda: "taken" in widget.account.status.text(), "the refusal")
        self.accept(dialog)
        self.assertEqual(len(action().settings.accounts()), 1)
        self.assertEqual(action().profile["account_id"], action().settings.accounts()[0]["id"])

    def test_01b_enter_in_the_password_field_asks_the_server_and_leaves_the_window_open(self) -> None:
        dialog, widget = self.open("account")
        tab = widget.account
        gui.wait(tab.url.hasFocus, "the keyboard in the field Server")
        gui(lambda: tab.password.setText("not hers"))
        self.press(tab.password)
        self.assertIs(gui(dialog.isVisible), True)
        gui.wait(lambda: tab.status.text().startswith("✗"), "the refusal")
        self.assertEqual(
            gui(tab.status.text),
            f"✗ The server {self.server.url} does not accept the user name {USER[0]} with this password. "
            "Both are written as in KOReader, capital letters too.",
        )
        gui(lambda: tab.password.setText(USER[1]))
        self.press(tab.password)
        gui.wait(lambda: tab.status.text().startswith("✓"), "the login")
        gui.wait(tab.next_button.hasFocus, "the way on")
        self.press(tab.next_button)
        self.assertIs(gui(widget.tabs.currentWidget), widget.pages["columns"])
        gui.wait(widget.columns.usual_button.hasFocus, "the next button")
        gui(dialog.reject)

    def test_01c_what_is_missing_for_a_login_is_said_by_the_grey_button_and_by_enter(self) -> None:
        dialog, widget = self.open("account")
        tab = widget.account
        gui(lambda: (tab.accounts.setCurrentIndex(tab.accounts.count() - 1), tab.accounts.activated.emit(0)))
        self.assertEqual(gui(tab.login_button.toolTip), "Still missing: server, user name, password")
        self.type_in(tab.url, "https://sync.example.org")
        self.assertEqual(gui(tab.login_button.toolTip), "Still missing: user name, password")
        self.press(tab.url)
        self.assertEqual(gui(tab.status.text), "Still missing: user name, password")
        gui.wait(tab.username.hasFocus, "the keyboard in the next field")
        gui(dialog.reject)

    def test_01d_a_login_inside_the_address_is_never_shown(self) -> None:
        dialog, widget = self.open("account")
        tab = widget.account
        scheme, _slashes, host = self.server.url.partition("//")
        for address in (f"{scheme}//door:s3cret@{host}", f"{scheme}//door:s3/cret@nowhere.invalid", "door:s3cret@"):
            self.type_in(tab.url, address)
            gui(lambda: tab.password.setText(USER[1]))
            self.press(tab.password)
            gui.wait(lambda: not tab.check.is_running, "the answer")
            tab_says = gui(lambda: [tab.status.text(), tab.status.toolTip(), tab.accounts.currentText()])
            self.assertTrue(tab_says[0])
            self.assertNotIn("s3", " ".join(tab_says), tab_says)
        self.assertIn("is no address of a server", tab_says[0])
        gui(dialog.reject)

    def press(self, field: Any, key: Any = Qt.Key.Key_Return) -> None:
        gui(press_key, field, key)

    def type_in(self, field: Any, text: str) -> None:
        gui(lambda: (field.setText(text), field.textEdited.emit(text)))

    def test_02_cancel_stores_nothing(self) -> None:
        dialog, widget = self.open("account")
        gui(lambda: widget.account.url.setText("https://elsewhere.example"))
        gui(lambda: widget.columns.make_usual())
        gui.press(dialog, CANCEL)
        self.assertEqual(action().settings.accounts()[0]["url"], self.server.url)
        self.assertEqual(api().field_metadata.custom_field_metadata(), {})

    def test_03_rules_are_kept(self) -> None:
        dialog, _widget = self.open("rules")
        gui.grab(dialog, "preferences-rules")
        names = ("larger_step", "reading_from", "finish_at")
        widths = gui(lambda: {dialog.findChild(QSpinBox, name).width() for name in names})
        self.assertEqual(len(widths), 1, widths)

        def change() -> None:
            box = dialog.findChild(QComboBox, "policy")
            box.setCurrentIndex(box.findData("furthest"))
            dialog.findChild(QSpinBox, "finish_at").setValue(97)
            dialog.findChild(QLineEdit, "word_reading").setText("Am Lesen")
            dialog.findChild(QLineEdit, "word_unread").clear()

        gui(change)
        self.accept(dialog)
        rules = action().profile["rules"]
        self.assertEqual(rules["conflict"], "furthest")
        self.assertEqual(rules["finish_at"], 0.97)
        self.assertEqual(rules["status_words"], {"unread": "Unread", "reading": "Am Lesen", "finished": "Finished"})

    def test_04_triggers_and_review_are_kept(self) -> None:
        dialog, widget = self.open("when")
        gui.grab(dialog, "preferences-when")
        self.assertFalse(gui(widget.when.minutes.isEnabled))

        def change() -> None:
            dialog.findChild(QCheckBox, "regularly").setChecked(True)
            dialog.findChild(QSpinBox, "every_minutes").setValue(30)
            dialog.findChild(QCheckBox, "on_device").setChecked(True)
            dialog.findChild(QComboBox, "device").setCurrentText("Kobo")
            box = dialog.findChild(QComboBox, "review")
            box.setCurrentIndex(box.findData("always"))
            click_box = dialog.findChild(QComboBox, "click")
            click_box.setCurrentIndex(click_box.findData("selected"))

        gui(change)
        self.accept(dialog)
        profile = action().profile
        self.assertEqual(
            profile["triggers"], {"at_start": False, "every_minutes": 30, "on_device": True, "on_arrival": True}
        )
        self.assertEqual((profile["review"], profile["device"]), ("always", "Kobo"))
        self.assertEqual(action().settings.get("click"), "selected")

    def test_05_the_context_menu_gets_the_entry_once(self) -> None:
        from calibre.gui2 import gprefs

        def remove() -> None:
            gprefs["action-layout-context-menu"] = tuple(
                name for name in gprefs["action-layout-context-menu"] if name != "KOReader Progress"
            )
            gui.main.build_context_menus()

        gui(remove)
        dialog, _widget = self.open("when")
        button = gui(lambda: dialog.findChild(QPushButton, "context_menu"))
        gui(lambda: click(button))
        self.assertFalse(gui(button.isEnabled))
        self.assertTrue(gui(button.toolTip))
        self.assertIn("KOReader Progress", gui(lambda: gprefs["action-layout-context-menu"]))
        texts = gui(lambda: [a.text().strip() for a in gui.main.library_view.context_menu.actions()])
        self.assertIn("KOReader Progress", texts)
        gui(dialog.reject)

    def test_06_copies_and_matching_are_kept(self) -> None:
        from calibre_plugins.koreader_progress.copies.strip_list import read_strip_list

        dialog, _widget = self.open("copies")
        gui.grab(dialog, "preferences-copies")

        def change() -> None:
            box = dialog.findChild(QComboBox, "matching")
            box.setCurrentIndex(box.findData("filename"))
            dialog.findChild(QCheckBox, "settle").setChecked(False)

        gui(change)
        self.accept(dialog)
        self.assertEqual(action().profile["matching"], "filename")
        self.assertEqual((read_strip_list().strip, read_strip_list().settle), (True, False))

    def test_07_the_runtime_is_found_and_tested(self) -> None:
        dialog, widget = self.open("runtime")
        gui.wait(lambda: "Node.js" in widget.runtime.list.text(), "the list")
        gui(lambda: click(widget.runtime.test_button))
        gui.wait(lambda: widget.runtime.status.text().startswith("✓"), "the test")
        gui.grab(dialog, "preferences-runtime")
        gui(lambda: click(widget.runtime.report_button))
        gui.wait(lambda: "clipboard" in widget.runtime.status.text(), "the report")
        report = gui(lambda: QApplication.clipboard().text())
        self.assertIn("KOReader Progress", report)
        self.assertIn("log_in: ok", report)
        self.assertNotIn(USER[0], report)
        self.assertNotIn(self.server.url, report)
        self.assertNotIn("book:", report)
        # Two, then one: the row that calibre selected by itself is no choice.
        ids = sorted(api().all_book_ids())
        select(*ids[:2])
        select(ids[0])
        gui(lambda: click(widget.runtime.report_button))
        gui.wait(lambda: "book:" in widget.runtime.status.text(), "what the server knows of the selected book")
        gui(lambda: widget.runtime.path.setText("/bin/false"))
        gui(lambda: click(widget.runtime.test_button))
        gui.wait(lambda: widget.runtime.status.text().startswith("✗"), "the failure")
        self.assertIn("/bin/false", gui(widget.runtime.status.text))
        gui(dialog.reject)

    def test_08_profiles_are_added_copied_renamed_chosen_and_deleted(self) -> None:
        dialog, widget = self.open("account")
        before = gui(lambda: [p["name"] for p in widget.draft.profiles])

        def name(text: str) -> None:
            box = gui.wait(lambda: (w := QApplication.activeModalWidget()) is not dialog and w, "the name's dialog")
            gui(lambda: box.setTextValue(text))
            gui.post(box.accept)

        self.assertFalse(gui(lambda: (widget._show_manage_state(), widget.delete_entry.isEnabled())[1]))
        done = gui.post(widget.add_profile)
        name("Ben")
        done.result(10)
        gui(widget.copy_profile)
        done = gui.post(widget.rename_profile)
        name("Ben")
        done.result(10)
        names = gui(lambda: [p["name"] for p in widget.draft.profiles])
        self.assertEqual(names, [*before, "Ben", "Ben 2"])
        gui(widget.make_default)
        gui(widget.delete_profile)
        self.assertEqual(gui(lambda: [p["name"] for p in widget.draft.profiles]), [*before, "Ben"])
        self.assertEqual(gui(lambda: widget.draft.default), gui(lambda: widget.draft.profiles[0]["id"]))
        self.accept(dialog)
        from calibre_plugins.koreader_progress.settings import config

        self.assertEqual([p["name"] for p in config.profiles(api())], [*before, "Ben"])

    def test_09_every_field_can_be_reached_by_keyboard_and_says_what_it_is(self) -> None:
        dialog, widget = self.open("account")

        def unnamed() -> list[str]:
            found = []
            for form in dialog.findChildren(QFormLayout):
                for row in range(form.rowCount()):
                    item = form.itemAt(row, QFormLayout.ItemRole.LabelRole)
                    label = item.widget() if item else None
                    if isinstance(label, QLabel) and "&" in label.text() and label.buddy() is None:
                        found.append(label.text())
            return found

        self.assertEqual(gui(unnamed), [])
        for page in widget.pages.values():
            gui(lambda page=page: widget.tabs.setCurrentWidget(page))
            texts = gui(lambda page=page: mnemonics(page))
            self.assertEqual(sorted(set(texts)), sorted(texts))
        gui(dialog.reject)

    def test_09_what_is_unfinished_or_unreadable_is_said_while_it_is_typed(self) -> None:
        dialog, widget = self.open("account")
        tab = widget.account

        def choose(mode: str) -> str:
            tab.security.mode.setCurrentIndex(tab.security.mode.findData(mode))
            tab.security.mode.activated.emit(tab.security.mode.currentIndex())
            return tab.status.text()

        def type_in(field: Any, text: str) -> str:
            field.setText(text)
            field.textEdited.emit(text)
            return tab.status.text()

        def type_headers(text: str) -> str:
            tab.security.headers.setPlainText(text)
            return tab.status.text()

        self.assertIn("No certificate file is chosen yet", gui(choose, "ca_file"))
        self.assertIn("There is no file /nowhere.pem", gui(type_in, tab.security.ca_file, "/nowhere.pem"))
        self.assertIn("has 64 characters", gui(choose, "fingerprint"))
        self.assertIn("has 64 characters", gui(type_in, tab.security.fingerprint, "AB:CD"))
        self.assertEqual(gui(type_in, tab.security.fingerprint, "AB:" * 31 + "ab"), "")
        self.assertEqual(gui(choose, "system"), "")
        self.assertIn("Left out: no header", gui(type_headers, "CF-Access: x\nno header"))
        self.assertEqual(gui(type_headers, "CF-Access: x"), "")
        self.assertIn("Still missing: server.", gui(type_in, tab.url, ""))
        self.assertFalse(gui(tab.login_button.isEnabled))
        gui(dialog.reject)

    def test_10_the_dialog_fits_a_small_screen(self) -> None:
        dialog, _widget = self.open("account")
        self.assertLessEqual(gui(dialog.minimumSizeHint).width(), 1024)
        self.assertLessEqual(gui(dialog.minimumSizeHint).height(), 700)
        self.assertLessEqual(gui(dialog.height), 700)
        gui(dialog.reject)

    def test_11_the_usual_columns_are_made_with_one_click_and_one_restart_is_offered(self) -> None:
        dialog, widget = self.open("columns")
        gui(lambda: click(widget.columns.usual_button))
        gui.grab(dialog, "preferences-columns-new")
        from qt.core import QDialogButtonBox

        gui.post(lambda: click(dialog.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Ok)))
        box = gui.wait(lambda: (w := QApplication.activeModalWidget()) is not dialog and w, "the restart's offer")
        self.assertIn("restarted", gui(lambda: box.msg.text()))
        gui.post(box.reject)
        gui.wait(lambda: QApplication.activeModalWidget() is None, "the end")
        described = api().backend.conn.get("SELECT label, datatype FROM custom_columns ORDER BY id")
        expected = [
            ("percent_read", "int"),
            ("reading_status", "enumeration"),
            ("last_read", "datetime"),
            ("read_started", "datetime"),
            ("read_finished", "datetime"),
        ]
        self.assertEqual(list(described), expected)
        self.assertEqual(action().profile["columns"]["percent"]["column"], "#percent_read")
        reason = gui(lambda: action().runs.why_not(action().profile))
        self.assertIn("restart", reason.text)

    def test_12_nothing_went_wrong_unseen(self) -> None:
        self.assertEqual(gui.errors, [])


def mnemonics(page: Any) -> list[str]:
    """The letters of the tab that is shown that jump to a field or press a button."""
    widgets = [*page.findChildren(QLabel), *page.findChildren(QPushButton), *page.findChildren(QCheckBox)]
    shown = [widget for widget in widgets if widget.isVisibleTo(page)]
    texts = [widget.text() for widget in shown if widget.isEnabled() or not isinstance(widget, QPushButton)]
    return [text[text.index("&") + 1].lower() for text in texts if "&" in text and not text.endswith("&")]
