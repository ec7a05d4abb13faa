"""calibre's custom book data: values that live with the library and touch no column, no file and no date.

Whatever is read has the shape of its kind: what has not is left out, kept aside in a file of the plugin's own, and told
to whoever listens (`heed_damage`), so that one book's damaged value is that book's alone.
"""

from __future__ import annotations

import contextvars
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from .calibre_db import CalibreDb
from .book_shapes import DISPOSABLE, sound
from .settings import has_newer_book_data
from .put_aside import put_aside
from ..copies.stored import notice

# From this many times as many books as are asked for, one by one is faster (see `fetch`).
ONE_BY_ONE: Final = 8
# Whoever reads the library waits while values are stored: so many at once, and a moment for the others between.
KEPT_AT_ONCE: Final = 500
BETWEEN: Final = 0.002
# Stands for a value that is no JSON, and, of a single book that was asked for, also for none at all.
_NO_JSON: Final = object()

# Damaged values, as name and book id.
Damage = set[tuple[str, int]]
_heeding: contextvars.ContextVar[Damage | None] = contextvars.ContextVar("heeding", default=None)


@contextmanager
def heed_damage() -> Iterator[Damage]:
    """The damaged values that are met inside the block, by this thread."""
    met: Damage = set()
    token = _heeding.set(met)
    try:
        yield met
    finally:
        _heeding.reset(token)


def fetch(api: CalibreDb, name: str, book_ids: Collection[int]) -> dict[int, Any]:
    """The values of these books, by id; a book without one is missing. They are the caller's own to change."""
    if not book_ids:
        return {}
    # calibre reads every book's data to find a few, but a single book's by its index: a page of a large library is
    # three times faster asked for one by one (20,000 books with 20 observations each, pages of 500).
    one_by_one = len(book_ids) * ONE_BY_ONE < len(api.all_book_ids())
    found: dict[int, Any] = {}
    for asked in [(book_id,) for book_id in book_ids] if one_by_one else [list(book_ids)]:
        found.update(api.get_custom_book_data(name, asked, default=_NO_JSON))
    whole: dict[int, Any] = {}
    for book_id, value in found.items():
        if value is _NO_JSON:
            text = _text_of(api, name, book_id)
            if text is not None:
                _note_damage(api, name, book_id, text)
        elif value is not None:
            kept = sound(name, value)
            if kept is not None:
                whole[book_id] = kept
            if kept != value:
                _note_damage(api, name, book_id, value)
    return whole


def keep(api: CalibreDb, name: str, values: Mapping[int, object]) -> None:
    """Stores values by book id; a book that was deleted meanwhile is left out.

    What a newer version of the plugin remembers stays as it is: nothing is stored then.
    """
    wanted = list(values.items())
    if wanted and has_newer_book_data(api):
        notice("newer", "book_data")
        return
    for start in range(0, len(wanted), KEPT_AT_ONCE):
        if start:
            time.sleep(BETWEEN)
        # calibre refuses the whole call when one book is gone, so none may go between the look and the writing.
        with api.write_lock:
            known = api._all_book_ids()
            there = {book_id: value for book_id, value in wanted[start : start + KEPT_AT_ONCE] if book_id in known}
            if there:
                api._add_custom_book_data(name, there)


def ids_with(api: CalibreDb, name: str) -> frozenset[int]:
    """The books that have a value."""
    return frozenset(api.get_ids_for_custom_book_data(name))


def _text_of(api: CalibreDb, name: str, book_id: int) -> str | None:
    """What stands in the database itself; None when nothing does."""
    question = "SELECT val FROM books_plugin_data WHERE book=? AND name=?"
    with api.safe_read_lock:
        row = next(iter(api.backend.execute(question, (book_id, name))), None)
    return None if row is None else str(row[0])


def _note_damage(api: CalibreDb, name: str, book_id: int, value: object) -> None:
    if name in DISPOSABLE:
        return
    heeding = _heeding.get()
    if heeding is not None:
        heeding.add((name, book_id))
    put_aside(api.field_for("uuid", book_id) or "", name, value)
