"""Titles, devices and a server's words are data: no window renders them as markup, and none grows with their length."""

from __future__ import annotations

from typing import Any

from calibre_gui import gui
from kosync import OddServer
from qt.core import QLabel, Qt, QTextBrowser, QTreeWidget, QWidget
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

MARKUP = "<img src='x.png' width='300' height='300'><a href='https://trap.example'>Dracula</a> & <b>co</b>"
LETTERS = 10_000
SCREEN = 1024


def rendered(window: Any) -> list[str]:
    """Whatever in a window, its tooltips too, would be taken for markup that came from outside."""
    found = []
    for widget in [window, *window.findChildren(QWidget)]:
        if isinstance(widget, QLabel) and "<" in widget.text() and is_markup(widget):
            found.append(f"label {widget.text()[:80]}")
        if isinstance(widget, QTextBrowser) and ("trap.example'>" in widget.toHtml() or "x.png" in images(widget)):
            found.append(f"browser {widget.toPlainText()[:80]}")
        found += [
            f"tooltip {tip[:80]}" for tip in (widget.toolTip(), *tips_of(widget)) if "<img" in tip or "<a " in tip
        ]
    return found


def is_markup(label: QLabel) -> bool:
    text, kind = label.text(), label.textFormat()
    return "<img" in text and kind in (Qt.TextFormat.RichText, Qt.TextFormat.AutoText)


def images(page: QTextBrowser) -> str:
    html = page.toHtml()
    return html[html.index("<body") :] if "<img" in html else ""


def tips_of(widget: Any) -> list[str]:
    if isinstance(widget, QTreeWidget):
        items = [widget.topLevelItem(row) for row in range(widget.topLevelItemCount())]
        return [item.toolTip(column) for item in items for column in range(widget.columnCount())]
    return []


class WordsFromOutside(WithServer):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.dracula, cls.emma = book("Dracula"), book("Emma")
        cls.server.push(USER, digest_of(cls.dracula), 0.42, device=MARKUP[:90])
        cls.server.push(USER, digest_of(cls.emma), 0.42, device="Kobo" + "o" * 90)
        cls.server.push(USER, "ab" * 16, 0.42, device=MARKUP[:90])
        configure(cls.server, review="always", name=MARKUP)
        titles = {cls.dracula: MARKUP, cls.emma: "W" * LETTERS}
        gui(lambda: (api().set_field("title", titles), api().set_field("authors", {cls.emma: ["W" * LETTERS]})))

    def check(self, window: Any, name: str) -> None:
        self.assertEqual(gui(rendered, window), [], name)
        self.assertLessEqual(gui(window.width), SCREEN, name)
        self.assertLessEqual(gui(lambda: window.minimumSizeHint().width()), SCREEN, name)
        gui.grab(window, f"outside-{name}")

    def test_1_the_review_and_the_report_show_titles_and_devices_as_they_are_written(self) -> None:
        gui.post(action().sync_all)
        review = gui.window("koreader_progress_result")
        for row in range(gui(lambda: review.model.rowCount())):
            gui(lambda row=row: review.tree.setCurrentIndex(review.model.index(row, 0)))
            tips = gui(
                lambda row=row: [
                    str(review.model.index(row, column).data(Qt.ItemDataRole.ToolTipRole) or "")
                    for column in range(review.model.columnCount())
                ]
            )
            self.assertFalse([tip for tip in tips if "<img" in tip or len(tip) > 3_000])
            self.check(review, "review")
        gui(review.accept)
        wait_for_run()
        gui.post(action().runs.show_last_report)
        self.check(gui.window("koreader_progress_result"), "report")

    def test_2_a_title_of_ten_thousand_letters_leaves_the_details_window_on_the_screen(self) -> None:
        for chosen in (self.emma, self.dracula):
            select(chosen)
            gui.post(action().show_details)
            window = gui.window("koreader_progress_details")
            self.check(window, f"details-{chosen}")
            self.assertLess(len(gui(window.windowTitle)), 120)
            gui(window.close)

    def test_3_the_list_without_books_and_the_undos_say_it_as_it_is_written(self) -> None:
        gui.post(action().show_unmatched)
        window = gui.window("koreader_progress_unmatched")
        gui(lambda: window.tree.setCurrentItem(window.tree.topLevelItem(0)))
        gui(lambda: window._link(self.dracula))
        self.assertIn("<img", gui(window.status.text))
        self.check(window, "unmatched")
        gui(window.close)
        gui.wait(lambda: action().undoing.pull is not None, "the journal")
        gui.post(action().undoing.show)
        self.check(gui.window("koreader_progress_undo"), "undo")

    def test_4_the_preferences_show_a_user_and_a_servers_words_as_they_are_written(self) -> None:
        server = OddServer(page="<html>Hello</html>")
        gui.post(action().open_preferences, "account")
        dialog = gui.modal()
        tab = preferences_in(dialog).account

        def ask() -> None:
            tab.url.setText(f"{server.url}/{MARKUP.replace(' ', '')}/{'w' * LETTERS}")
            tab.username.setText(MARKUP)
            tab.username.textEdited.emit(MARKUP)
            tab.login_button.click()

        gui(ask)
        gui.wait(lambda: tab.status.text().startswith("✗"), "the refusal")
        self.check(dialog, "preferences")
        gui(dialog.reject)
        server.stop()

    def test_5_the_progress_window_and_the_complaint_too(self) -> None:
        ask_at("http://nowhere.invalid/<img src='x.png'>" + "w" * LETTERS)
        gui.post(action().sync_all)
        box = gui.window("koreader_progress_trouble")
        self.assertIn("&lt;img", gui(lambda: box.msg.text()))
        self.assertLessEqual(gui(box.width), SCREEN)
        gui(box.close)
        wait_for_run()

    def test_6_nothing_went_wrong_unseen(self) -> None:
        self.assertEqual(gui.errors, [])
