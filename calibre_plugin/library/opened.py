"""When each book was last opened in one of calibre's own readers: its viewer, or the content server's."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable
from contextlib import suppress

from .calibre_db import CalibreDb, Row
from .positions import DEVICE, annotations_path, seconds_of


def opened_at(api: CalibreDb, paths: Iterable[tuple[int, str]]) -> dict[int, float]:
    """By book id, in epoch seconds, for books that were opened; `paths` are the library's files of the books asked for.

    The viewer dates every place it keeps. A place that we brought there has the date of the server's record, which is
    never news to anybody who asks that server.
    """
    found: dict[int, float] = {}

    def note(book_id: int, at: float | None) -> None:
        if at is not None and at > found.get(book_id, 0.0):
            found[book_id] = at

    folder = os.path.dirname(annotations_path(""))
    try:
        kept = frozenset(os.listdir(folder))
    except OSError:
        kept = frozenset()
    wanted: set[int] = set()
    for book_id, path in paths:
        wanted.add(book_id)
        key = os.path.basename(annotations_path(path)) if kept else ""
        if key in kept:
            note(book_id, _newest(os.path.join(folder, key)))
    for book_id, at in _in_library(api, wanted):
        note(book_id, at)
    return found


def _newest(path: str) -> float | None:
    """The newest date in a file of the viewer's; None for one without, or that is being written."""
    with suppress(OSError, ValueError, AttributeError, TypeError), open(path, encoding="utf-8") as file:
        dates = (seconds_of(entry.get("timestamp")) for entry in json.load(file))
        return max((at for at in dates if at is not None), default=None)
    return None


def _in_library(api: CalibreDb, book_ids: Collection[int]) -> Iterable[tuple[int, float]]:
    """What the content server's readers, and viewers that were opened from the library, have left in its database."""
    questions = (
        ("SELECT book, MAX(epoch) FROM last_read_positions WHERE device != ? GROUP BY book", (DEVICE,)),
        ("SELECT book, MAX(timestamp) FROM annotations GROUP BY book", ()),
    )
    rows: list[Row] = []
    for question, values in questions:
        # A calibre that keeps them elsewhere one day costs only this.
        with suppress(Exception), api.safe_read_lock:
            rows.extend(api.backend.conn.execute(question, values))
    return [(book_id, at) for book_id, at in rows if book_id in book_ids and isinstance(at, (int, float))]
