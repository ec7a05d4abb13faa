"""The welcome: a page a question, each can be skipped and come back to; nothing is stored before the last one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qt.core import QDialog, QHBoxLayout, QPushButton, QSize, QStackedWidget, QVBoxLayout, QWidget

from .home import HomePage
from .reader import ReaderPage
from .start import StartPage
from ..parts.help import help_button
from ..parts.icons import icon
from ..parts.in_sight import is_in_sight, move_columns_later, put_button_in_sight
from ..parts.letters import Letters
from ..parts.text import Label
from ..preferences.account import AccountTab
from ..preferences.columns import ColumnsTab
from ..preferences.devices import FoldersBox
from ..preferences.saving import save_draft
from ...settings.draft import Draft
from ...sync.hosting import hosting_settings

load_translations()


class WelcomeDialog(QDialog):
    """Modal to calibre's window, so that the library stays the one that was asked about."""

    def __init__(self, action: Any, sync: Callable[[], None]) -> None:
        super().__init__(action.gui)
        self.setObjectName("koreader_progress_welcome")
        self.setWindowTitle(_("KOReader Progress: first steps"))
        self.setWindowIcon(icon("sync"))
        self.setModal(True)
        self._action = action
        self._sync = sync
        self.draft = Draft.load(action.gui.current_db.new_api, action.settings)
        self._hosted_before = hosting_settings(self.draft.machine["hosting"])
        profile = self.draft.profile(self.draft.default)
        has_account = self.draft.account(profile["account_id"]) is not None
        self.start = StartPage(action.host, self.draft.machine["runtime_path"], has_account, self)
        self.account = AccountTab(self.draft, action.host, self)
        self.home = HomePage(self.draft, action.host, action.hosting.hosting, self)
        self.folders = FoldersBox(self.draft, self)
        self.columns = ColumnsTab(action.gui, self.draft, self)
        self.reader = ReaderPage(is_in_sight(), self)
        layout = QVBoxLayout(self)
        self.heading = Label("", self)
        font = self.heading.font()
        font.setBold(True)
        self.heading.setFont(font)
        layout.addWidget(self.heading)
        self.stack = QStackedWidget(self)
        for page in (self.start, self.folders, self.account, self.home, self.columns, self.reader):
            self.stack.addWidget(page)
        layout.addWidget(self.stack, 1)
        layout.addLayout(self._buttons())
        for tab in (self.account, self.columns):
            tab.show_profile(profile)
        if not profile["columns"]:
            self.columns.make_usual()
        self.account.done.connect(self.next)
        self.start.changed.connect(self._show_state)
        self.home.changed.connect(self._show_state)
        self._show_page(self.start)
        Letters(self)

    def sizeHint(self) -> QSize:
        return QSize(760, 600)

    def _buttons(self) -> QHBoxLayout:
        line = QHBoxLayout()
        self.back_button = QPushButton(_("« &Back"), self)
        self.back_button.clicked.connect(self.back)
        self.next_button = QPushButton(_("&Next »"), self)
        self.next_button.setObjectName("welcome_next")
        self.next_button.setDefault(True)
        self.next_button.clicked.connect(self.next)
        later = QPushButton(_("Not no&w"), self)
        later.setToolTip(_("Nothing is stored; the menu’s entry First steps opens this again"))
        later.setAutoDefault(False)
        later.clicked.connect(self.reject)
        line.addWidget(help_button(self, lambda: "start"))
        line.addStretch(1)
        for button in (later, self.back_button, self.next_button):
            line.addWidget(button)
        return line

    # From page to page.

    @property
    def pages(self) -> list[QWidget]:
        """The pages that the answers ask for, in order."""
        asked = [
            *([self.folders] if self.start.folder.isChecked() else []),
            *([self.account] if self.start.server.isChecked() else []),
            *([self.home] if self.start.home.isChecked() else []),
        ]
        return [self.start, *asked, self.columns, self.reader]

    @property
    def page(self) -> QWidget:
        shown = self.stack.currentWidget()
        return shown if shown is not None else self.start

    def next(self) -> None:
        """To the next page, or to the end."""
        pages = self.pages
        at = pages.index(self.page)
        if at + 1 < len(pages):
            self._show_page(pages[at + 1])
        else:
            self.accept()

    def back(self) -> None:
        pages = self.pages
        self._show_page(pages[max(0, pages.index(self.page) - 1)])

    def _show_page(self, page: QWidget) -> None:
        self.stack.setCurrentWidget(page)
        self.reader.show_steps(self.start.server.isChecked() or self.start.home.isChecked())
        if page is self.account:
            self.account.begin()
        elif page is self.home:
            self.home.begin()
        else:
            self.next_button.setFocus()
        self._show_state()

    def _show_state(self) -> None:
        names = {
            self.start: _("Welcome"),
            self.folders: _("Folders that your reader is synced to"),
            self.account: _("Your sync server"),
            self.home: _("A server in this calibre"),
            self.columns: _("Columns"),
            self.reader: _("On the reader"),
        }
        pages = self.pages
        at = pages.index(self.page) if self.page in pages else 0
        words = _("{name} (step {n} of {all})")
        self.heading.setText(words.format(name=names[self.page], n=at + 1, all=len(pages)))
        self.back_button.setEnabled(at > 0)
        is_last = at + 1 == len(pages)
        self.next_button.setText(_("&Finish") if is_last else _("&Next »"))
        stuck = self.page is self.start and not self.start.is_ready
        self.next_button.setEnabled(not stuck)
        self.next_button.setToolTip(_("The helper program has to run first") if stuck else "")

    # How it ends.

    def accept(self) -> None:
        """Stores everything, and goes on to the first sync where no restart is needed before."""
        if self.start.server.isChecked():
            self.account.store()
        if self.start.home.isChecked():
            self.home.store()
        self.columns.store()
        self.draft.machine["predict"] = self.reader.predict.isChecked()
        action = self._action
        if self.reader.beside.isChecked():
            shown = self.draft.profile(self.draft.default)["columns"].values()
            move_columns_later([mapped["column"] for mapped in shown])
        if self.reader.button.isChecked():
            put_button_in_sight(action.gui)
        super().accept()
        self.account.check.stop()
        self.home.leave()
        is_restarting = save_draft(action, self.draft)
        profile = action.profile
        if not is_restarting and profile is not None and action.runs.why_not(profile) is None:
            self._sync()

    def reject(self) -> None:
        self.account.check.stop()
        self.home.leave()
        if self.home.account is not None:
            # It was only tried.
            action, before = self._action, self._hosted_before
            launch = action.host.prepare(self.draft.machine["runtime_path"])
            action.background.run(lambda: action.hosting.hosting.apply(launch, before), lambda _status: None)
        super().reject()
