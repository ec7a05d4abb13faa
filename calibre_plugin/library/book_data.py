"""calibre's custom book data: values that live with the library and touch no column, no file and no date."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import Any, Final

# From this many times as many books as are asked for, one by one is faster (see `fetch`).
ONE_BY_ONE: Final = 8
# Whoever reads the library waits while values are stored: so many at once, and a moment for the others between.
KEPT_AT_ONCE: Final = 500
BETWEEN: Final = 0.002


def fetch(api: Any, name: str, book_ids: Collection[int]) -> dict[int, Any]:
    """The values of these books, by id; a book without one is missing. They are the caller's own to change."""
    if not book_ids:
        return {}
    # calibre reads every book's data to find a few, but a single book's by its index: a page of a large library is
    # three times faster asked for one by one (20,000 books with 20 observations each, pages of 500).
    one_by_one = len(book_ids) * ONE_BY_ONE < len(api.all_book_ids())
    found: dict[int, Any] = {}
    for asked in [(book_id,) for book_id in book_ids] if one_by_one else [list(book_ids)]:
        found.update(api.get_custom_book_data(name, asked, default=None))
    return {book_id: value for book_id, value in found.items() if value is not None}


def keep(api: Any, name: str, values: Mapping[int, Any]) -> None:
    """Stores values by book id; a book that was deleted meanwhile is left out."""
    wanted = list(values.items())
    for start in range(0, len(wanted), KEPT_AT_ONCE):
        if start:
            time.sleep(BETWEEN)
        # calibre refuses the whole call when one book is gone, so none may go between the look and the writing.
        with api.write_lock:
            known = api._all_book_ids()
            there = {book_id: value for book_id, value in wanted[start : start + KEPT_AT_ONCE] if book_id in known}
            if there:
                api._add_custom_book_data(name, there)


def ids_with(api: Any, name: str) -> frozenset[int]:
    """The books that have a value."""
    return frozenset(api.get_ids_for_custom_book_data(name))
