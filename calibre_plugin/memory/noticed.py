"""When something last happened to a book that makes a server worth asking about it again, whatever it said before."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from ..library.calibre_db import CalibreDb
from ..library.book_data import fetch, keep
from ..library.book_shapes import NOTICED as DATA
from ..link.contract import COPIES_SEEN, Book
from ..copies.log import last_seen
from ..copies.record import CopyRecord
from ..library.opened import opened_at

# After a week every document is asked about in any case: what happened before need not be kept.
WORTH_KEEPING: Final = 8 * 86_400

_changing = threading.Lock()


def notice(api: CalibreDb, happened: Mapping[int, float], now: float) -> None:
    """Keeps when something happened to these books, epoch seconds; never an older date than is kept."""
    # A date from the future, of another machine's clock, would be news for ever.
    recent = {book_id: min(at, now) for book_id, at in happened.items() if at > now - WORTH_KEEPING}
    if recent:
        with _changing:
            known = fetch(api, DATA, recent)
            keep(api, DATA, {book_id: at for book_id, at in recent.items() if at > _seconds(known.get(book_id))})


def copies_seen(records: Iterable[CopyRecord], books: Mapping[str, int]) -> dict[int, float]:
    """By book id, when a copy last left or was met; `books` are ids by uuid."""
    found: dict[int, float] = {}
    for record in records:
        # A line about a server's answer has the date of that answer.
        if record["source"] in COPIES_SEEN and record.get("answered") is None and record["uuid"] in books:
            book_id = books[record["uuid"]]
            found[book_id] = max(found.get(book_id, 0.0), last_seen(record))
    return found


def with_news(api: CalibreDb, page: Sequence[Book]) -> list[Book]:
    """The books with the date of whatever happened last: added, sent, downloaded, met on a device, opened here."""
    noticed = fetch(api, DATA, [book["book_id"] for book in page])
    paths = ((book["book_id"], book_format["path"]) for book in page for book_format in book["formats"])
    opened = opened_at(api, paths)
    return [
        {
            **book,
            "news": max(book["news"], _seconds(noticed.get(book["book_id"])), opened.get(book["book_id"], 0.0)),
        }
        for book in page
    ]


def note_all(api: CalibreDb, book_ids: Collection[int], now: float) -> None:
    """Something happened to all of these just now."""
    notice(api, dict.fromkeys(book_ids, now), now)


def _seconds(kept: object) -> float:
    return float(kept) if isinstance(kept, (int, float)) else 0.0
