"""What devices say of books in their own words: finished, given up, being read. Kept with the library."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ..library.calibre_db import CalibreDb
from ..library.book_data import fetch, keep
from ..library.book_shapes import MARKS as DATA
from ..link.contract import DeviceMark


def keep_marks(api: CalibreDb, found: Mapping[int, Collection[DeviceMark]]) -> set[int]:
    """Keeps the last mark of each device; the ids of the books of which anything changed."""
    known = api.all_book_ids()
    wanted = {book_id: marks for book_id, marks in found.items() if book_id in known and marks}
    before = read_marks(api, wanted)
    changed: dict[int, list[DeviceMark]] = {}
    for book_id, marks in wanted.items():
        by_device = {mark["device"]: mark for mark in (*before.get(book_id, ()), *marks)}
        if list(by_device.values()) != before.get(book_id):
            changed[book_id] = list(by_device.values())
    keep(api, DATA, changed)
    return set(changed)


def read_marks(api: CalibreDb, book_ids: Collection[int]) -> dict[int, list[DeviceMark]]:
    """The marks of these books, by id; a book without any is missing."""
    stored = fetch(api, DATA, book_ids)
    return {book_id: marks for book_id, marks in stored.items() if isinstance(marks, list) and marks}
