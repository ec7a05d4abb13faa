"""Which books are being read, by what the mapped columns say."""

from __future__ import annotations

from typing import Any

from ..link.contract import Cell, ColumnMapping, Profile
from ..library.books import cell_of


def books_being_read(api: Any, profile: Profile) -> list[int]:
    """Books with the reader's word for reading, or a percentage between begun and finished."""
    found: set[int] = set()
    for mapping in profile["columns"]:
        if mapping["field"] in ("status", "percent"):
            values = api.all_field_for(mapping["column"], api.all_book_ids(), default_value=None)
            found |= {book_id for book_id, value in values.items() if is_reading(cell_of(value), mapping, profile)}
    return sorted(found)


def is_reading(cell: Cell, mapping: ColumnMapping, profile: Profile) -> bool:
    """Whether this cell says so."""
    rules = profile["rules"]
    if mapping["field"] == "status":
        return isinstance(cell, str) and cell == rules["status_words"]["reading"]
    if isinstance(cell, bool) or not isinstance(cell, (int, float)):
        return False
    whole = mapping["scale"] if mapping["datatype"] == "float" else 100
    return rules["reading_from"] <= cell / whole < rules["finish_at"]
