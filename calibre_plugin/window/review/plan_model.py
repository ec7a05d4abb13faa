"""The rows of a plan as Qt wants them: books, and below each its cells with tick boxes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from qt.core import QAbstractItemModel, QFont, QModelIndex, QObject, Qt, pyqtSignal

from ...link.contract import ColumnMapping
from ...words.explain import why_text
from .change_words import book_words, cell_words
from .covers import Covers
from .plan_rows import BookRow, CellRow, Decision
from ..parts.text import on_one_line, tip

load_translations()

TITLE, CHANGE, WHY, RESULT = range(4)
# A book's own index carries this; a cell's carries its book's row, counted from 1.
TOP: Final = 0

# Rows are laid out as they are scrolled to, so many at once.
STEP: Final = 150

Role = Qt.ItemDataRole


class PlanModel(QAbstractItemModel):
    """Shows `rows` filtered by kind and text; `readonly` hides the tick boxes."""

    ticks_changed = pyqtSignal()

    def __init__(
        self,
        rows: Sequence[BookRow],
        columns: Sequence[ColumnMapping],
        column_name: Callable[[str], str],
        readonly: bool,
        covers: Covers | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.rows = rows
        # Nothing until `show_only` is called: laying out ten thousand rows for nothing is felt.
        self.shown: list[BookRow] = []
        self._loaded = 0
        self.readonly = readonly
        self._mappings: Mapping[str, ColumnMapping] = {mapping["column"]: mapping for mapping in columns}
        self._column_name = column_name
        self._covers = covers
        self._headings = [_("Book"), _("Change"), _("Why"), _("Result")]
        self._sorting: tuple[int, Qt.SortOrder] | None = None
        self._bold = QFont()
        self._bold.setBold(True)

    def show_only(self, kinds: Sequence[str], text: str) -> None:
        """Leaves out the books of other kinds, and those whose title, authors or reason do not contain the text."""
        wanted = text.casefold().strip()
        self.beginResetModel()
        self.shown = [row for row in self.rows if row.kind in kinds and wanted in row.words]
        if self._sorting is not None:
            self._sort(*self._sorting)
        self._loaded = min(STEP, len(self.shown))
        self.endResetModel()

    def index_of(self, row: BookRow) -> QModelIndex:
        return self.index(self.shown.index(row), 0)

    def book_at(self, index: QModelIndex) -> BookRow | None:
        """The book of this index, or the book that its cell belongs to."""
        if not index.isValid():
            return None
        number = index.row() if index.internalId() == TOP else index.internalId() - 1
        return self.shown[number]

    def cell_at(self, index: QModelIndex) -> CellRow | None:
        """The cell of this index; None for a book's own row."""
        if not index.isValid() or index.internalId() == TOP:
            return None
        return self.shown[index.internalId() - 1].cells[index.row()]

    def tick_all(self, on: bool) -> None:
        """Ticks or unticks every cell that is shown."""
        for row in self.shown:
            if row.kind == "conflict":
                # Never answered for the reader in passing.
                continue
            for cell in row.cells:
                cell.ticked = on
        self._all_changed()

    def decide(self, rows: Sequence[BookRow], decision: Decision) -> None:
        """Settles these conflicts, or leaves them open."""
        for row in rows:
            if row.conflict is not None:
                row.decision = decision
        self._all_changed()

    def _all_changed(self) -> None:
        if self._loaded:
            last = self.index(self._loaded - 1, RESULT)
            self.dataChanged.emit(self.index(0, 0), last)
            for number, row in enumerate(self.shown[: self._loaded]):
                if row.cells:
                    book = self.index(number, 0)
                    self.dataChanged.emit(self.index(0, 0, book), self.index(len(row.cells) - 1, RESULT, book))
        self.ticks_changed.emit()

    # What Qt asks a model.

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        return len(self._headings)

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        if parent is None or not parent.isValid():
            return self._loaded
        return len(self.shown[parent.row()].cells) if parent.internalId() == TOP and parent.column() == 0 else 0

    def canFetchMore(self, parent: QModelIndex) -> bool:
        return not parent.isValid() and self._loaded < len(self.shown)

    def fetchMore(self, parent: QModelIndex) -> None:
        until = min(self._loaded + STEP, len(self.shown))
        self.beginInsertRows(QModelIndex(), self._loaded, until - 1)
        self._loaded = until
        self.endInsertRows()

    def hasChildren(self, parent: QModelIndex | None = None) -> bool:
        if parent is None or not parent.isValid():
            return bool(self.shown)
        return parent.internalId() == TOP and parent.column() == 0 and bool(self.shown[parent.row()].cells)

    def index(self, row: int, column: int, parent: QModelIndex | None = None) -> QModelIndex:
        if row < 0:
            return QModelIndex()
        if parent is None or not parent.isValid():
            return self.createIndex(row, column, TOP) if row < self._loaded else QModelIndex()
        return self.createIndex(row, column, parent.row() + 1)

    def parent(self, index: QModelIndex | None = None) -> Any:
        if index is None:
            return super().parent()
        if not index.isValid() or index.internalId() == TOP:
            return QModelIndex()
        return self.createIndex(index.internalId() - 1, 0, TOP)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole) -> Any:
        if role == Role.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return self._headings[section]
        return None

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        if index.column() == TITLE and not self.readonly and self._has_box(index):
            flags |= Qt.ItemFlag.ItemIsUserCheckable
        return flags

    def _has_box(self, index: QModelIndex) -> bool:
        book = self.book_at(index)
        return book is not None and bool(book.cells) and book.kind in ("update", "conflict")

    def data(self, index: QModelIndex, role: int = Role.DisplayRole) -> Any:
        book = self.book_at(index)
        if book is None:
            return None
        cell = self.cell_at(index)
        if role in (Role.DisplayRole, Role.ToolTipRole):
            text = self._cell_text(book, cell, index.column()) if cell else self._book_text(book, index.column())
            return tip(text) if role == Role.ToolTipRole else on_one_line(text)
        if role == Role.CheckStateRole and index.column() == TITLE and not self.readonly and self._has_box(index):
            return self._check_state(book, cell)
        if cell is None and index.column() == TITLE:
            if role == Role.FontRole:
                return self._bold
            if role == Role.DecorationRole and self._covers is not None:
                return self._covers.cover(book.book_id)
        return None

    def _check_state(self, book: BookRow, cell: CellRow | None) -> Qt.CheckState:
        if book.kind == "conflict":
            return Qt.CheckState.Checked if book.decision == "theirs" else Qt.CheckState.Unchecked
        ticked = cell.ticked if cell else book.ticked
        if ticked is None:
            return Qt.CheckState.PartiallyChecked
        return Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked

    def setData(self, index: QModelIndex, value: object, role: int = Role.EditRole) -> bool:
        book, cell = self.book_at(index), self.cell_at(index)
        if role != Role.CheckStateRole or book is None:
            return False
        on = Qt.CheckState(value) == Qt.CheckState.Checked
        if book.kind == "conflict":
            # A question is answered for the whole book: ticking takes what the server says, unticking leaves it open.
            book.decision = "theirs" if on else "later"
        elif cell is not None:
            cell.ticked = on
        else:
            for each in book.cells:
                each.ticked = on
        top = index if cell is None else index.parent()
        self.dataChanged.emit(top, top.siblingAtColumn(RESULT))
        if book.cells:
            self.dataChanged.emit(self.index(0, 0, top), self.index(len(book.cells) - 1, RESULT, top))
        self.ticks_changed.emit()
        return True

    def _book_text(self, book: BookRow, column: int) -> str:
        if column == TITLE:
            return f"{book.title} — {book.authors}" if book.authors else book.title
        if column == CHANGE:
            return book_words(book, self._mappings, self._column_name, self.readonly)
        if column == WHY:
            return why_text(book.why)
        if column == RESULT and book.kind == "conflict":
            return {"theirs": _("take KOReader's"), "ours": _("keep mine"), "later": _("undecided")}[book.decision]
        return ""

    def _cell_text(self, book: BookRow, cell: CellRow, column: int) -> str:
        update = cell.update
        if column == TITLE:
            return self._column_name(update["column"])
        if column == CHANGE:
            return cell_words(book, cell, self._mappings, self.readonly)
        if column == WHY:
            # Said once, in the book's own line.
            return "" if update["why"] == book.why else why_text(update["why"])
        return cell.outcome if column == RESULT else ""

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        # No column is chosen: the order of urgency, as the rows came.
        self._sorting = (column, order) if column >= 0 else None
        self.beginResetModel()
        if self._sorting is not None:
            self._sort(column, order)
        self.endResetModel()

    def changes(self) -> list[str]:
        """What the changes that are laid out say, of books and of their values."""
        said = []
        for number, row in enumerate(self.shown[: self._loaded]):
            book = self.index(number, CHANGE)
            cells = [self.index(cell, CHANGE, self.index(number, 0)) for cell in range(len(row.cells))]
            said += [str(index.data() or "") for index in (book, *cells)]
        return said

    def covers_read(self, book_ids: set[int]) -> None:
        """Shows the covers that have been read meanwhile."""
        for number, row in enumerate(self.shown[: self._loaded]):
            if row.book_id in book_ids:
                index = self.index(number, TITLE)
                self.dataChanged.emit(index, index, [Role.DecorationRole])

    def _sort(self, column: int, order: Qt.SortOrder) -> None:
        def key(row: BookRow) -> tuple[Any, ...]:
            return (self._book_text(row, column).casefold(), row.title.casefold())

        self.shown.sort(key=key, reverse=order == Qt.SortOrder.DescendingOrder)
