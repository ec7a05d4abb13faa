"""What is on the server, on devices or in the logs and belongs to no book yet; one click links it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from qt.core import QDialog, QDialogButtonBox, QLabel, QSize, Qt, QTreeWidget, QTreeWidgetItem, QVBoxLayout

from calibre.gui2 import gprefs

from .bridge_host import Launch
from .contract import Account
from .explain import explain
from .history import link
from .help_dialog import help_button
from .icons import icon
from .messages import percent
from .rebuild import rebuild
from .unmatched import Document, Suggestion, list_documents, shelf_of, suggest, unmatched

load_translations()

GEOMETRY = "koreader_progress_unmatched_dialog"


@dataclass(frozen=True)
class Found:
    """What was found, likeliest book first for each; `note` says what could not be asked."""

    documents: list[tuple[Document, list[Suggestion]]] = field(default_factory=list)
    note: str = ""


def find_unmatched(api: Any, launch: Launch, account: Account | None, copy_logs: Iterable[str]) -> Found:
    """Asks the server and looks through the logs, in whatever thread this is. Never raises what is expected."""
    listed, note = None, ""
    if account is not None:
        try:
            with launch.open(account) as bridge:
                listed = list_documents(bridge, account)
            if listed is None:
                note = _("This server cannot list what it holds; shown is what devices and copies told.")
        except Exception as error:
            reason = explain(error)
            if reason is None:
                raise
            note = reason.sentence
    documents = unmatched(api, listed or (), rebuild(api, copy_logs).orphans)
    shelf = shelf_of(api)
    return Found([(document, suggest(document, shelf)) for document in documents], note)


class UnmatchedDialog(QDialog):
    """Non-modal."""

    def __init__(self, gui: Any, found: Found) -> None:
        super().__init__(gui)
        self.setObjectName("koreader_progress_unmatched")
        self.setWindowTitle(_("KOReader Progress: unmatched documents"))
        self.setWindowIcon(icon("unmatched"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._gui = gui
        self._api = gui.current_db.new_api
        layout = QVBoxLayout(self)
        about = QLabel(
            _(
                "The server, a device or a copy that left calibre knows these documents, and no book of the library has "
                "them. Link one to its book, and the next sync brings its progress."
            ),
            self,
        )
        about.setWordWrap(True)
        layout.addWidget(about)
        self.note = QLabel(found.note, self)
        self.note.setWordWrap(True)
        self.note.setVisible(bool(found.note))
        layout.addWidget(self.note)
        self.tree = QTreeWidget(self)
        self.tree.setHeaderLabels([_("Document"), _("Progress"), _("Device"), _("Probably this book")])
        self.tree.setRootIsDecorated(False)
        self.tree.setAlternatingRowColors(True)
        self.tree.setColumnWidth(0, 300)
        self.tree.setColumnWidth(3, 260)
        self.tree.itemSelectionChanged.connect(self._show_state)
        layout.addWidget(self.tree, 1)
        self.status = QLabel(self)
        layout.addWidget(self.status)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        self.link_button = buttons.addButton(_("&Link to the probable book"), QDialogButtonBox.ButtonRole.ActionRole)
        self.link_button.clicked.connect(lambda: self._link(self._suggested()))
        self.other_button = buttons.addButton(
            _("Link to the book &selected in the library"), QDialogButtonBox.ButtonRole.ActionRole
        )
        self.other_button.clicked.connect(self._link_selected)
        buttons.addButton(help_button(self, lambda: "unmatched"), QDialogButtonBox.ButtonRole.HelpRole)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)
        self._fill(found)
        self.restore_geometry(gprefs, GEOMETRY)

    def sizeHint(self) -> QSize:
        return QSize(860, 460)

    def _fill(self, found: Found) -> None:
        for document, suggestions in found.documents:
            best = suggestions[0].book_id if suggestions else None
            progress = percent(document.percentage) if document.percentage is not None else ""
            title = self._api.field_for("title", best) if best is not None else ""
            name = document.title or document.name or document.digest
            item = QTreeWidgetItem(self.tree, [name, progress, document.device or "", title])
            item.setToolTip(0, document.digest)
            item.setData(0, Qt.ItemDataRole.UserRole, (document.digest, best))
        if not found.documents:
            self.status.setText(_("Every document that is known belongs to a book."))
        self._show_state()

    def _current(self) -> Any:
        items = self.tree.selectedItems()
        return items[0] if items else None

    def _suggested(self) -> int | None:
        item = self._current()
        return item.data(0, Qt.ItemDataRole.UserRole)[1] if item is not None else None

    def _show_state(self) -> None:
        self.link_button.setEnabled(self._suggested() is not None)
        self.link_button.setToolTip("" if self.link_button.isEnabled() else _("Select a document with a probable book"))
        self.other_button.setEnabled(self._current() is not None)
        self.other_button.setToolTip("" if self.other_button.isEnabled() else _("Select a document first"))

    def _link_selected(self) -> None:
        chosen = self._gui.library_view.get_selected_ids()
        if len(chosen) == 1:
            self._link(chosen[0])
        else:
            self.status.setText(_("Select exactly one book in calibre's list first."))

    def _link(self, book_id: int | None) -> None:
        item = self._current()
        if item is None or book_id is None:
            return
        link(self._api, book_id, item.data(0, Qt.ItemDataRole.UserRole)[0])
        title = self._api.field_for("title", book_id)
        self.tree.takeTopLevelItem(self.tree.indexOfTopLevelItem(item))
        self.status.setText(_("Linked to “{title}”; the next sync brings its progress.").format(title=title))

    def done(self, result: int) -> None:
        self.save_geometry(gprefs, GEOMETRY)
        super().done(result)
