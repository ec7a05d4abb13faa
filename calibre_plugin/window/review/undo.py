"""Every run that is still in the journal, to be undone whole or book by book."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from itertools import islice
from typing import Any

from qt.core import QDialog, QDialogButtonBox, QSize, Qt, QTreeWidget, QTreeWidgetItem, QVBoxLayout

from calibre.gui2 import gprefs

from ..parts.calibre_window import CalibreWindow
from ...settings import config
from ..parts.background import Background, Fault, attempt
from ...memory.book_names import BookName, names_in
from ...words.faults import note_fault
from ..parts.help import help_button
from ..parts.icons import icon
from ..parts.letters import Letters
from ...words.data import percent
from .plan_rows import show_cell, show_time
from .undo_words import annotation_words, book_words
from ..parts.geometry import keep_geometry
from ...memory.journal_run import Run
from ...memory.journal import RunHead, WriteJournal
from ..parts.text import Label, on_one_line

load_translations()

GEOMETRY = "koreader_progress_undo_dialog"
OnUndo = Callable[[Run, Collection[int] | None], None]
# A run's books are listed when it is opened, so many at most: the rest is undone with the whole run.
SHOWN_BOOKS = 1000
# So many runs are listed at a time.
PAGE = 100


def next_page(heads: Iterator[RunHead]) -> list[RunHead]:
    """The next runs that have something to undo."""
    return list(islice((head for head in heads if head.books), PAGE))


class UndoDialog(QDialog):
    """Non-modal. Cells that were changed since the run are left alone."""

    def __init__(
        self,
        gui: CalibreWindow,
        journal: WriteJournal,
        heads: Iterator[RunHead],
        first: list[RunHead],
        column_name: Callable[[str], str],
        on_undo: OnUndo,
    ) -> None:
        super().__init__(gui)
        self.setObjectName("koreader_progress_undo")
        self.setWindowTitle(_("KOReader Progress: undo"))
        self.setWindowIcon(icon("undo"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._api = gui.current_db.new_api
        self._column_name = column_name
        self._on_undo = on_undo
        self._columns = config.mappings_of(self._api)
        self._journal = journal
        self._heads = heads
        self._listed: list[str] = []
        self._background = Background(self)
        self._names = names_in(self._api)
        layout = QVBoxLayout(self)
        about = Label(
            _("Undoing puts back the value before the sync, where the library still holds what the sync wrote.")
            + " "
            + _("On the server it puts back the earlier place, if no device has synced since."),
            self,
        )
        layout.addWidget(about)
        self.tree = QTreeWidget(self)
        self.tree.setHeaderLabels([_("Sync"), _("Before"), _("Written")])
        self.tree.setSelectionMode(QTreeWidget.SelectionMode.ExtendedSelection)
        self.tree.setAlternatingRowColors(True)
        self.tree.itemExpanded.connect(self._list_books)
        self.tree.itemSelectionChanged.connect(self._show_state)
        layout.addWidget(self.tree, 1)
        self.status = Label("", self)
        layout.addWidget(self.status)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        self.undo_button = self.buttons.addButton(_("&Undo selected"), QDialogButtonBox.ButtonRole.ActionRole)
        self.undo_button.setIcon(icon("undo"))
        self.undo_button.clicked.connect(self.undo)
        self.buttons.addButton(help_button(self, lambda: "undo"), QDialogButtonBox.ButtonRole.HelpRole)
        self.older_button = self.buttons.addButton(_("Show &older syncs"), QDialogButtonBox.ButtonRole.ActionRole)
        self.older_button.clicked.connect(self.read_more)
        self.buttons.rejected.connect(self.reject)
        layout.addWidget(self.buttons)
        self._list(first)
        self.tree.setColumnWidth(0, 380)
        Letters(self)
        self.restore_geometry(gprefs, GEOMETRY)

    def sizeHint(self) -> QSize:
        return QSize(760, 500)

    @property
    def is_reading(self) -> bool:
        return self._background.is_running

    def _ask(self, work: Callable[[], object], then: Callable[[Any], None]) -> None:
        """Hands the answer to `then`; a fault is told, and what was asked can be asked again."""

        def told(answer: object) -> None:
            if isinstance(answer, Fault):
                note_fault("read the write journal", answer.error)
                self._show_state()
                self.older_button.setEnabled(True)
                self.status.setText(_("The log of what was written could not be read."))
            else:
                then(answer)

        self._background.run(lambda: attempt(work), told)

    def read_more(self) -> None:
        """Lists the next runs that have something to undo."""
        self.older_button.setEnabled(False)
        self.status.setText(_("Reading the log…"))
        self._ask(self._next_runs, self._list)

    def _next_runs(self) -> list[RunHead]:
        try:
            return next_page(self._heads)
        except Exception:
            # A fault ends the reading for good: the next one begins anew, behind what is listed already.
            listed = set(self._listed)
            self._heads = (head for head in self._journal.heads() if head.id not in listed)
            raise

    def _list(self, heads: list[RunHead]) -> None:
        names = {profile["id"]: profile["name"] for profile in config.profiles(self._api)}
        self.older_button.setEnabled(len(heads) == PAGE)
        self.older_button.setVisible(len(heads) == PAGE)
        self._listed += [head.id for head in heads]
        for run in heads:
            what = {
                "pull": _("{when}: sync of “{profile}”"),
                "arrival": _("{when}: places that arrived for “{profile}”"),
                "push": _("{when}: sent for “{profile}”"),
                "undo": _("{when}: an undo"),
                "carry_over": _("{when}: places of “{profile}” offered to other copies"),
                "annotations": _("{when}: highlights and notes of “{profile}”"),
                "offer": _("{when}: places of “{profile}” offered to devices"),
                "move": _("{when}: reading of “{profile}” moved to another server"),
            }[run.kind]
            count = ngettext("{n} book", "{n} books", run.books).format(n=run.books)
            heading = what.format(when=show_time(run.at), profile=names.get(run.profile, _("a deleted profile")))
            item = QTreeWidgetItem(self.tree, [on_one_line(f"{heading} ({count})")])
            item.setData(0, Qt.ItemDataRole.UserRole, run)
            item.setChildIndicatorPolicy(QTreeWidgetItem.ChildIndicatorPolicy.ShowIndicator)
        if self.tree.topLevelItemCount() and self.tree.currentItem() is None:
            self.tree.setCurrentItem(self.tree.topLevelItem(0))
        self._show_state()

    def _list_books(self, item: QTreeWidgetItem) -> None:
        head = item.data(0, Qt.ItemDataRole.UserRole)
        if item.parent() is None and not item.childCount() and head is not None:
            self._ask(lambda: self._journal.run(head.id), lambda run: self._show_books(item, run))

    def _show_books(self, item: QTreeWidgetItem, run: Run | None) -> None:
        if item.childCount() or run is None:
            return
        by_book: dict[BookName, list[list[str]]] = {}
        for entry in run.standing:
            values = [show_cell(value, self._columns.get(entry.column)) for value in (entry.before, entry.after)]
            texts = [self._column_name(entry.column), *values]
            by_book.setdefault(entry.book, []).append(texts)
        for marked in run.standing_annotations:
            values = [annotation_words(one) for one in (marked.before, marked.after)]
            by_book.setdefault(marked.book, []).append([_("Highlights and notes"), *values])
        for put in run.standing_puts:
            texts = [_("On the server"), *(percent(one["percentage"]) if one else "" for one in (put.before, put.ours))]
            # The same place goes to every copy of a book: one line tells it.
            if texts not in by_book.setdefault(put.book, []):
                by_book[put.book].append(texts)
        for name in list(by_book)[:SHOWN_BOOKS]:
            book_id = self._names.book_of(name)
            book = QTreeWidgetItem(item, [on_one_line(book_words(self._api, self._names, name))])
            book.setData(0, Qt.ItemDataRole.UserRole, book_id)
            for texts in by_book[name]:
                cell = QTreeWidgetItem(book, [on_one_line(text) for text in texts])
                cell.setData(0, Qt.ItemDataRole.UserRole, book_id)

    def chosen(self) -> tuple[RunHead, set[int] | None] | None:
        """The run of the selection, and its selected books; None for all of them."""
        run: RunHead | None = None
        books: set[int] = set()
        is_whole = False
        for item in self.tree.selectedItems():
            top = item
            while top.parent() is not None:
                top = top.parent()
            own = top.data(0, Qt.ItemDataRole.UserRole)
            if run is not None and own is not run:
                return None
            run = own
            if item is top:
                is_whole = True
            elif item.data(0, Qt.ItemDataRole.UserRole):
                books.add(item.data(0, Qt.ItemDataRole.UserRole))
        if run is None:
            return None
        return run, None if is_whole else books

    def _show_state(self) -> None:
        chosen = self.chosen()
        self.undo_button.setEnabled(chosen is not None)
        if not self.tree.topLevelItemCount():
            self.status.setText(_("There is nothing to undo."))
        elif chosen is None:
            self.status.setText(_("Select one sync, or books of one sync."))
        elif chosen[1] is None:
            self.status.setText(_("The whole sync will be undone."))
        else:
            n = len(chosen[1])
            self.status.setText(ngettext("{n} book will be undone.", "{n} books will be undone.", n).format(n=n))

    def undo(self) -> None:
        """Hands the chosen run over, and closes."""
        chosen = self.chosen()
        if chosen is None:
            return
        head, books = chosen

        def undo(run: Run | None) -> None:
            self.accept()
            if run is not None:
                self._on_undo(run, books)

        self.undo_button.setEnabled(False)
        self._ask(lambda: self._journal.run(head.id), undo)

    def done(self, result: int) -> None:
        keep_geometry(self, GEOMETRY)
        super().done(result)
