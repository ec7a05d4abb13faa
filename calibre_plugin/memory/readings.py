"""What KOReader's own files say of books: place, status, stars, review, hours. Kept with the library, so that a sync
without the card knows it too. What is no longer told stays as it was told last: what is gone says nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from ..library.book_data import fetch, keep
from ..library.book_shapes import READINGS as DATA
from ..link.contract import DeviceReading

# Devices and copies of one book: more than these are of another time.
MOST: Final = 40


def keep_readings(api: Any, found: Mapping[int, Collection[DeviceReading]]) -> set[int]:
    """Keeps the last of each device, document and source; the ids of the books of which anything changed.

    An older file, as on a restored card or in a copied folder, takes nothing back, and one that was only written again
    says nothing new.
    """
    known = api.all_book_ids()
    wanted = {book_id: readings for book_id, readings in found.items() if book_id in known and readings}
    before = read_readings(api, wanted)
    changed: dict[int, list[DeviceReading]] = {}
    for book_id, readings in wanted.items():
        last = {_key(reading): reading for reading in before.get(book_id, ())}
        for reading in readings:
            if _is_news(reading, last.get(_key(reading))):
                last.pop(_key(reading), None)
                last[_key(reading)] = reading
        kept = [*last.values()][-MOST:]
        if sorted(kept, key=_key) != sorted(before.get(book_id, ()), key=_key):
            changed[book_id] = kept
    keep(api, DATA, changed)
    return set(changed)


def read_readings(api: Any, book_ids: Collection[int]) -> dict[int, list[DeviceReading]]:
    """The readings of these books, by id; a book without any is missing."""
    stored = fetch(api, DATA, book_ids)
    return {book_id: readings for book_id, readings in stored.items() if isinstance(readings, list) and readings}


def _is_news(reading: DeviceReading, known: DeviceReading | None) -> bool:
    if known is None:
        return True
    return {**reading, "at": known["at"]} != known and (reading["at"] or 0.0) >= (known["at"] or 0.0)


def _key(reading: DeviceReading) -> tuple[str, str, str]:
    return reading["device_id"], reading["digest"], reading["source"]
