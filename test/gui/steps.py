"""What every test of the window does: a server with progress on it, a configured profile, clicks on our own things."""

from __future__ import annotations

import json
import unittest
from collections.abc import Mapping
from typing import Any

from calibre_gui import click, gui
from kosync import KosyncServer, OddServer, userkey
from qt.core import QApplication, QDialogButtonBox, QPoint, QWidget

PLUGIN = "KOReader Progress"
USER = ("anna", "correct horse")

# A journal's file whose run names what it undoes by something that is no name.
BEGIN = {"what": "begin", "at": 1, "kind": "pull", "profile": "p1", "account": "a", "undoes": ["not", "a", "name"]}
DAMAGED = f"{json.dumps(BEGIN)}\n"


def action() -> Any:
    return gui.main.iactions[PLUGIN]


def api() -> Any:
    return gui.main.current_db.new_api


def digest_of(book_id: int) -> str:
    """What KOReader would call the book's EPUB."""
    from calibre_plugins.koreader_progress.copies.digest import file_digest

    digest = file_digest(api().format_abspath(book_id, "EPUB"))
    assert digest
    return digest


def book(title: str) -> int:
    found = [each for each in api().all_book_ids() if api().field_for("title", each) == title]
    return found[0]


def configure(server: KosyncServer | OddServer, columns: Mapping[str, str] | None = None, **changes: Any) -> None:
    """An account and a profile, as the preferences would have stored them."""
    from calibre_plugins.koreader_progress.settings import config

    account = config.new_account(server.url, USER[0], userkey(USER[1]))
    profile = config.new_profile("p1", "KOReader", account["id"])
    chosen = {"percent": "#percent", "status": "#status", "device": "#device"} if columns is None else columns
    profile["columns"] = {shown: {"column": column, "scale": 100} for shown, column in chosen.items()}
    profile["ran_before"] = True
    profile.update(changes)

    def store() -> None:
        action().settings.set("accounts", [account])
        # Answered once, as a reader would have.
        action().settings.set("predict", False)
        config.save_profiles(api(), [profile], "p1")
        action().settings_changed()

    gui(store)


def toolbar_button() -> Any:
    """The plugin's own button in calibre's toolbar."""

    def find() -> Any:
        for bar in gui.main.bars_manager.bars:
            widget = bar.widgetForAction(action().qaction)
            if widget is not None and widget.isVisible():
                return widget
        return None

    return gui.wait(find, "the toolbar button")


def click_toolbar() -> None:
    button = toolbar_button()
    # The right part of the button opens the menu.
    gui.post(click, button, QPoint(10, 10))


def wait_for_run() -> None:
    """Until the run that was started has ended, and whatever waited behind it."""
    gui.wait(lambda: not action().runs.is_busy, "the end of the run")


def select(*book_ids: int) -> None:
    gui(lambda: gui.main.library_view.select_rows(set(book_ids)))


def preferences_in(dialog: Any) -> Any:
    """Our part of calibre's preferences dialog."""

    def find() -> Any:
        # Anywhere below the dialog: calibre 8 and newer put it into a scroll area, older ones straight into the dialog.
        return next(each for each in dialog.findChildren(QWidget) if type(each).__name__ == "ConfigWidget")

    return gui(find)


def trouble() -> Any:
    """The window that says what went wrong."""
    return gui.window("koreader_progress_trouble")


def cut_values(review: Any) -> list[tuple[str, bool]]:
    """What each book and each of its values becomes, in a review or report, and whether the column is too narrow for it."""
    from calibre_plugins.koreader_progress.window.review.plan_model import CHANGE

    model, tree = review.model, review.tree
    tree.expandAll()
    found = []
    for book_row in range(model.rowCount()):
        book_index = model.index(book_row, 0)
        for at in (book_index, *(model.index(row, 0, book_index) for row in range(model.rowCount(book_index)))):
            cell = at.siblingAtColumn(CHANGE)
            if cell.data():
                found.append((cell.data(), tree.sizeHintForIndex(cell).width() > tree.columnWidth(CHANGE)))
    return found


def tidy_up() -> None:
    """Closes whatever a test left open."""

    def close_all() -> None:
        for widget in QApplication.topLevelWidgets():
            if widget.objectName().startswith("koreader_progress") and widget.isVisible():
                widget.close()
        modal = QApplication.activeModalWidget()
        if modal is not None:
            modal.reject()

    gui(close_all)


CANCEL = QDialogButtonBox.StandardButton.Cancel
OK = QDialogButtonBox.StandardButton.Ok
CLOSE = QDialogButtonBox.StandardButton.Close


def ask_at(url: str) -> None:
    """From now on the account's server is asked there."""
    accounts = action().settings.accounts()
    accounts[0]["url"] = url
    action().settings.set("accounts", accounts)


class WithServer(unittest.TestCase):
    """Tests beside a real server that knows our reader; windows they leave open are closed."""

    server: KosyncServer

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = KosyncServer()
        cls.server.register(*USER)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.stop()

    def tearDown(self) -> None:
        tidy_up()

    def use(self, name: str) -> None:
        """Triggers a menu's entry as a click or a shortcut does."""
        gui.post(lambda: action().menu.entries[name][1].trigger())


def say_it_is_mine() -> None:
    """Answers whose the connected reader is, and looks at what it tells without taking anything."""
    asking = gui.window("koreader_progress_whose_reader")
    gui(lambda: asking.buttons.accepted.emit())
    gui.wait(lambda: action().runs.review is not None or not action().runs.is_busy, "the first look", 60)
    gui(lambda: action().runs.review.reject() if action().runs.review is not None else None)
    wait_for_run()
