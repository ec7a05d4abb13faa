"""What is on the server, on devices or in the logs and belongs to no book yet; one click links it."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from typing import Any

from qt.core import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QSize,
    Qt,
    QTimer,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
)

from calibre.gui2 import choose_files, gprefs

from ..parts.calibre_window import CalibreWindow
from ..parts.background import Background
from ...memory.history import link
from ..parts.help import help_button
from ..parts.icons import icon
from ..parts.letters import Letters
from ...words.data import percent
from .plan_rows import show_time
from ...sync.unmatched import documents_in
from ...sync.unmatched_found import Found, is_of, looked_up, origin_sentence
from ..parts.geometry import keep_geometry
from ..parts.text import Label, bounded, name_of, on_one_line, tip

load_translations()

GEOMETRY = "koreader_progress_unmatched_dialog"
# Milliseconds without another key before what was typed is looked at.
TYPING = 300


def other_libraries() -> list[str]:
    """The folders of the libraries that this calibre has ever shown."""
    return list(gprefs.get("library_usage_stats", {}))


class UnmatchedDialog(QDialog):
    """Non-modal."""

    def __init__(self, gui: CalibreWindow, found: Found) -> None:
        super().__init__(gui)
        self.setObjectName("koreader_progress_unmatched")
        self.setWindowTitle(_("KOReader Progress: progress without a book"))
        self.setWindowIcon(icon("unmatched"))
        self.setWindowFlag(Qt.WindowType.WindowMaximizeButtonHint, True)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._gui = gui
        self._api = gui.current_db.new_api
        self._found = found
        self._background = Background(self)
        layout = QVBoxLayout(self)
        about = Label(
            _(
                "The server, a device or a copy that left calibre knows these, and no book of the library"
                " has them. Link one to its book, and the next sync brings its progress."
            ),
            self,
        )
        layout.addWidget(about)
        self.note = Label(found.note, self)
        self.note.setVisible(bool(found.note))
        layout.addWidget(self.note)
        layout.addLayout(self._filter_line())
        headings = [
            _("Found"),
            _("File"),
            _("Read"),
            _("Device"),
            _("When"),
            _("Known from"),
            _("Probably this book"),
        ]
        self.tree = QTreeWidget(self)
        self.tree.setHeaderLabels(headings)
        self.tree.setRootIsDecorated(False)
        self.tree.setAlternatingRowColors(True)
        for column, width in enumerate((220, 150, 50, 90, 145, 160)):
            self.tree.setColumnWidth(column, width)
        self.tree.itemSelectionChanged.connect(self._choose)
        layout.addWidget(self.tree, 1)
        layout.addLayout(self._link_lines())
        layout.addLayout(self._paste_line())
        self.status = Label("", self)
        layout.addWidget(self.status)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.addButton(help_button(self, lambda: "unmatched"), QDialogButtonBox.ButtonRole.HelpRole)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)
        self._fill()
        Letters(self)
        self.restore_geometry(gprefs, GEOMETRY)

    def sizeHint(self) -> QSize:
        return QSize(1000, 560)

    def _filter_line(self) -> QHBoxLayout:
        line = QHBoxLayout()
        self.kinds = QComboBox(self)
        self.kinds.setObjectName("unmatched_kinds")
        for kind in ("read", "gone", "elsewhere", "all"):
            self.kinds.addItem("", kind)
        label = name_of(self.kinds, _("Sh&ow:"))
        self.kinds.activated.connect(lambda _index: self._show_rows())
        line.addWidget(label)
        line.addWidget(self.kinds)
        line.addStretch(1)
        return line

    def _link_lines(self) -> QGridLayout:
        grid = QGridLayout()
        self.books = bounded(QComboBox(self))
        self.books.setObjectName("unmatched_books")
        label = name_of(self.books, _("&Book:"))
        self.link_button = QPushButton(_("&Link to this book"), self)
        self.link_button.clicked.connect(lambda: self._link(self.books.currentData()))
        self.other_button = QPushButton(_("Link to the book &selected in the library"), self)
        self.other_button.clicked.connect(self._link_selected)
        grid.addWidget(label, 0, 0)
        grid.addWidget(self.books, 0, 1)
        grid.addWidget(self.link_button, 0, 2)
        grid.addWidget(self.other_button, 0, 3)
        grid.setColumnStretch(1, 1)
        return grid

    def _paste_line(self) -> QHBoxLayout:
        line = QHBoxLayout()
        self.pasted = QPlainTextEdit(self)
        self.pasted.setObjectName("pasted_digests")
        self.pasted.setPlaceholderText(
            _(
                "Fingerprints from anywhere, or what KOReader's own file about a book holds "
                "(metadata.epub.lua in its .sdr)"
            )
        )
        self.pasted.setTabChangesFocus(True)
        self.pasted.setMaximumHeight(52)
        label = name_of(self.pasted, _("&Paste:"))
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.timeout.connect(self._look_up)
        self.pasted.textChanged.connect(partial(self._typing.start, TYPING))
        self.file_button = QPushButton(_("&Open KOReader's file…"), self)
        self.file_button.clicked.connect(self._choose_file)
        line.addWidget(label)
        line.addWidget(self.pasted, 1)
        line.addWidget(self.file_button)
        return line

    # What is shown.

    def _fill(self) -> None:
        labels = {
            "read": _("Read somewhere ({n})"),
            "gone": _("Copies of books that are gone ({n})"),
            "elsewhere": _("Of other libraries ({n})"),
            "all": _("Everything ({n})"),
        }
        for row in range(self.kinds.count()):
            kind = self.kinds.itemData(row)
            count = sum(is_of(kind, document) for document, _suggestions in self._found.documents)
            self.kinds.setItemText(row, labels[kind].format(n=count))
        self._show_rows()

    def _show_rows(self) -> None:
        kind = self.kinds.currentData()
        self.tree.clear()
        for document, suggestions in self._found.documents:
            if not is_of(kind, document):
                continue
            best = suggestions[0].title if suggestions else ""
            authors = " & ".join(document.authors)
            name = f"{document.title} — {authors}" if document.title and authors else document.title
            texts = [
                name or document.name or document.digest,
                document.name or "",
                percent(document.percentage) if document.percentage is not None else "",
                document.device or "",
                show_time(document.at),
                origin_sentence(document),
                best,
            ]
            item = QTreeWidgetItem(self.tree, [on_one_line(text) for text in texts])
            item.setToolTip(0, tip(f"{name or ''}\n{document.digest}".strip()))
            item.setData(0, Qt.ItemDataRole.UserRole, (document, suggestions))
            if "pasted" in document.origins:
                self.tree.setCurrentItem(item)
        if not self._found.documents:
            self.status.setText(_("All progress that is known belongs to a book."))
        self._choose()

    def _current(self) -> Any:
        items = self.tree.selectedItems()
        return items[0] if items else None

    def _choose(self) -> None:
        """The books that the selected document may be."""
        item = self._current()
        _document, suggestions = item.data(0, Qt.ItemDataRole.UserRole) if item is not None else (None, [])
        self.books.clear()
        for suggestion in suggestions:
            authors = " & ".join(suggestion.authors)
            self.books.addItem(on_one_line(f"{suggestion.title} — {authors}"), suggestion.book_id)
        self.books.setEnabled(bool(suggestions))
        self.link_button.setEnabled(bool(suggestions))
        reason = _("Select a line first") if item is None else _("No book of the library resembles this")
        self.link_button.setToolTip("" if suggestions else reason)
        self.other_button.setEnabled(item is not None)
        self.other_button.setToolTip("" if item is not None else _("Select a line first"))

    # What is pasted.

    def _choose_file(self) -> None:
        paths = choose_files(
            self,
            "koreader-progress-sidecar",
            _("KOReader's file about a book"),
            filters=[(_("KOReader's files"), ["lua"])],
            select_only_single_file=True,
        )
        if paths:
            self.open_file(str(paths[0]))

    def open_file(self, path: str) -> None:
        """Shows what KOReader's file at this path tells, as if it had been pasted."""
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                self.pasted.setPlainText(file.read(4 << 20))
        except OSError as error:
            self.status.setText(
                _("{name} cannot be read: {reason}").format(name=os.path.basename(path), reason=error.strerror)
            )

    def _look_up(self) -> None:
        text = self.pasted.toPlainText()
        api, found = self._api, self._found
        self._background.run(lambda: looked_up(api, found, text), lambda news: self._looked_up(text, news))

    def _looked_up(self, text: str, news: Found) -> None:
        if text != self.pasted.toPlainText():
            return
        self._found = news
        self._fill()
        pasted = documents_in(text)
        if text.strip() and not pasted:
            self.status.setText(_("No fingerprint is in this text: one has 32 characters, 0 to 9 and a to f."))
        elif news.owned:
            titles = sorted({str(self._api.field_for("title", book_id)) for book_id in news.owned.values()})
            words = ngettext(
                "{n} pasted fingerprint belongs to {titles} already.",
                "{n} pasted fingerprints belong to {titles} already.",
                len(news.owned),
            )
            self.status.setText(words.format(n=len(news.owned), titles=", ".join(f"“{title}”" for title in titles)))
        elif pasted:
            self.status.setText(_("Select what was pasted, and link it."))

    # What is linked.

    def _link_selected(self) -> None:
        chosen = self._gui.library_view.get_selected_ids()
        if self._gui.current_db.new_api is not self._api:
            self.status.setText(_("This list belongs to another library: switch back to it first."))
        elif len(chosen) == 1:
            self._link(chosen[0])
        else:
            self.status.setText(_("Select exactly one book in calibre's list first."))

    def _link(self, book_id: int | None) -> None:
        item = self._current()
        if item is None or book_id is None:
            return
        document, _suggestions = item.data(0, Qt.ItemDataRole.UserRole)
        # The copies of a book that has gone belong together: with one of them all have found their new book.
        linked = {
            other.digest
            for other, _others in self._found.documents
            if other.digest == document.digest or (document.uuid is not None and other.uuid == document.uuid)
        }
        for digest in linked:
            link(self._api, book_id, digest)
        left = [(other, books) for other, books in self._found.documents if other.digest not in linked]
        self._found = replace(self._found, documents=left)
        self._fill()
        title = self._api.field_for("title", book_id)
        words = ngettext(
            "{n} copy linked to “{title}”; the next sync brings its progress.",
            "{n} copies linked to “{title}”; the next sync brings their progress.",
            len(linked),
        )
        self.status.setText(words.format(title=title, n=len(linked)))

    def done(self, result: int) -> None:
        keep_geometry(self, GEOMETRY)
        super().done(result)
