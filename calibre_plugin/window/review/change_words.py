"""What a book's values become, in as few words as tell it; knows no widgets."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...link.contract import Cell, ColumnMapping
from .plan_rows import BookRow, CellRow, show_cell

load_translations()

Mappings = Mapping[str, ColumnMapping]


def stays(row: BookRow, cell: CellRow, is_report: bool) -> bool:
    """Whether the cell keeps what it has: by the reader's decision, or, looking back, for want of one."""
    if row.kind == "conflict":
        return row.decision == "ours" or (is_report and row.decision == "later")
    return is_report and not cell.ticked


def cell_words(row: BookRow, cell: CellRow, mappings: Mappings, is_report: bool) -> str:
    """One cell: what it holds, and what it gets."""
    mapping = mappings.get(cell.update["column"])
    before = show_cell(cell.update["before"], mapping)
    if stays(row, cell, is_report):
        return _("{value} stays").format(value=before)
    return _arrow(before, cell.update["after"], mapping)


def book_words(row: BookRow, mappings: Mappings, column_name: Callable[[str], str], is_report: bool) -> str:
    """The whole book on one line: how far, and its status where that changes; else whatever else it gets."""
    by_field = {
        mappings[cell.update["column"]]["field"]: cell for cell in row.cells if cell.update["column"] in mappings
    }
    told = []
    if (share := by_field.get("percent")) is not None:
        told.append(cell_words(row, share, mappings, is_report))
    if (status := by_field.get("status")) is not None and not stays(row, status, is_report):
        value = show_cell(status.update["after"], mappings.get(status.update["column"]))
        told.append(value if told else cell_words(row, status, mappings, is_report))
    if told or not row.cells:
        return " · ".join(told)
    first = row.cells[0]
    words = f"{column_name(first.update['column'])}: {cell_words(row, first, mappings, is_report)}"
    return words if len(row.cells) == 1 or not mappings else f"{words} · …"


def _arrow(before: str, after: Cell, mapping: ColumnMapping | None) -> str:
    return f"{before} → {show_cell(after, mapping)}"
