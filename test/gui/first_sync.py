"""From an installed zip to synced columns, by clicks, in calibre's own window."""

from __future__ import annotations

import os
import stat

from calibre_gui import click, gui
from kosync import userkey
from qt.core import QComboBox, QLabel, QLineEdit, QPushButton
from steps import (
    USER,
    WithServer,
    action,
    api,
    book,
    click_toolbar,
    digest_of,
    preferences_in,
    select,
    wait_for_run,
)


class FirstSync(WithServer):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.server.push(USER, digest_of(book("Dracula")), 0.42)
        cls.server.push(USER, digest_of(book("Emma")), 1.0)

    def test_1_the_first_click_is_a_welcome_and_a_sync_without_an_account_says_so(self) -> None:
        click_toolbar()
        welcome = gui.window("koreader_progress_welcome")
        gui(welcome.reject)
        self.assertEqual(action().settings.accounts(), [])
        self.assertIsNone(action().profile)
        gui.post(action().sync_all)
        box = gui.window("koreader_progress_trouble")
        self.assertIn("no sync account", gui(lambda: box.msg.text()))
        gui.post(lambda: click(box.findChild(QPushButton, "open_preferences")))
        dialog = gui.modal()
        gui.press(dialog, dialog.findChild(type(box.bb)).StandardButton.Cancel)

    def test_2_the_preferences_log_in_and_map_columns(self) -> None:
        gui.post(action().open_preferences)
        dialog = gui.modal()

        def fill() -> None:
            dialog.findChild(QLineEdit, "url").setText(self.server.url.removeprefix("http://"))
            dialog.findChild(QLineEdit, "username").setText(USER[0])
            password = dialog.findChild(QLineEdit, "password")
            password.setText("wrong")
            password.textEdited.emit("wrong")

        widget = preferences_in(dialog)
        gui(fill)
        status = gui(lambda: dialog.findChild(QLabel, "account_status"))
        gui(lambda: click(widget.account.login_button))
        gui.wait(widget.account.other_button.isVisible, "the address that was found")
        self.assertIn("was not sent there", gui(status.text))
        gui.grab(dialog, "preferences-other-address")
        gui(lambda: click(widget.account.other_button))
        gui.wait(lambda: "does not accept" in status.text(), "the refusal")
        gui(lambda: widget.account.password.setText(USER[1]))
        gui.wait(widget.account.login_button.isEnabled, "the button")
        gui(lambda: click(widget.account.login_button))
        gui.wait(lambda: status.text().startswith("✓"), "the login")
        self.assertEqual(gui(widget.account.url.text), self.server.url)
        gui.grab(dialog, "preferences-account")
        gui(lambda: widget.show_tab("columns"))
        percent = gui(lambda: dialog.findChild(QComboBox, "column_percent"))
        offered = gui(lambda: [percent.itemData(each) for each in range(percent.count())])
        self.assertEqual(offered, ["", "#device", "#percent", "#share"])
        for shown, column in (("percent", "#percent"), ("status", "#status"), ("device", "#device")):
            box = gui(lambda shown=shown: dialog.findChild(QComboBox, f"column_{shown}"))
            gui(lambda box=box, column=column: box.setCurrentIndex(box.findData(column)))
        gui.grab(dialog, "preferences-columns")
        gui.press(dialog)
        self.assertEqual(gui(lambda: action().profile["columns"]["percent"]["column"]), "#percent")

    def test_3_no_secret_is_in_the_library_and_the_settings_are_private(self) -> None:
        folder = gui.main.library_path
        secrets = [USER[1].encode(), userkey(USER[1]).encode()]
        for parent, _folders, files in os.walk(folder):
            for name in files:
                with open(os.path.join(parent, name), "rb") as file:
                    content = file.read()
                self.assertFalse([secret for secret in secrets if secret in content], name)
        settings = os.path.join(os.environ["CALIBRE_CONFIG_DIRECTORY"], "plugins", "koreader_progress.json")
        self.assertEqual(stat.S_IMODE(os.stat(settings).st_mode), 0o600)
        with open(settings, encoding="utf-8") as file:
            text = file.read()
        self.assertIn(userkey(USER[1]), text)
        self.assertNotIn(USER[1], text)

    def test_4_the_toolbar_click_reviews_the_first_run_and_writes_it(self) -> None:
        select()
        click_toolbar()
        review = gui.window("koreader_progress_result")
        gui.grab(review, "review")
        self.assertEqual({row.title for row in review.rows if row.kind == "update"}, {"Dracula", "Emma"})
        self.assertIsNone(api().field_for("#percent", book("Dracula")))
        gui(lambda: click(review.apply_button))
        wait_for_run()
        self.assertEqual(api().field_for("#percent", book("Dracula")), 42)
        self.assertEqual(api().field_for("#status", book("Dracula")), "Reading")
        self.assertEqual(api().field_for("#device", book("Dracula")), "Kobo")
        self.assertEqual(api().field_for("#percent", book("Emma")), 100)
        self.assertEqual(api().field_for("#status", book("Emma")), "Finished")
        self.assertIsNone(api().field_for("#percent", book("Walden")))

    def test_5_the_view_shows_the_new_values_and_the_status_bar_counts_them(self) -> None:
        model = gui.main.library_view.model()
        column = model.column_map.index("#percent")

        def shown() -> str:
            row = next(r for r in range(model.rowCount(None)) if model.id(r) == book("Dracula"))
            return str(model.index(row, column).data())

        self.assertIn("42", gui(shown))
        self.assertIn("2 books updated", gui(lambda: action().runs.said))
        gui.grab(gui.main, "main-window")

    def test_6_the_report_says_why_for_each_book(self) -> None:
        gui(action().runs.show_last_report)
        report = gui.window("koreader_progress_result")
        lines = {row.title: row for row in report.rows}
        self.assertEqual(lines["Walden"].kind, "skip")
        self.assertEqual(lines["Walden"].why["code"], "not_on_server")
        gui(report.copy_text)
        from qt.core import QApplication

        text = gui(lambda: QApplication.clipboard().text())
        self.assertIn("42 %", text)
        self.assertIn("The server knows no copy of this book.", text)
        gui.grab(report, "report")

    def test_7_a_second_run_finds_nothing_new(self) -> None:
        click_toolbar()
        gui.wait(lambda: "Nothing new" in action().runs.said, "the sentence")
        wait_for_run()

    def test_8_one_bridge_has_done_it_all_and_waits_for_more(self) -> None:
        pids = gui(lambda: action().host.pids)
        self.assertEqual(len(pids), 1)
        click_toolbar()
        wait_for_run()
        gui.wait(lambda: not action().host.shared.is_held, "the end of its work")
        self.assertEqual(gui(lambda: action().host.pids), pids)

    def test_9_nothing_went_wrong_unseen(self) -> None:
        self.assertEqual(gui.errors, [])
