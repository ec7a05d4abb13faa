"""calibre's own annotations of one of its readers: read, and written where they still are what was read.

Nothing here touches a book's file, a column or a date of the library's.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from ..link.contract import EPUB_FORMATS, CalibreAnnotation, NativeAnnotation
from .calibre_db import CalibreDb
from .positions import seconds_of

# What tells an annotation from the others of its kind, as calibre merges them.
_KEYS: Final = {"highlight": "uuid", "bookmark": "title"}
# Our own word in a record; calibre keeps what it does not know. The core reads it too (`core/highlights/native.ts`).
OURS: Final = "koreader_progress"
_REMOVED: Final = "removed"


@dataclass(frozen=True)
class AnnotationChange:
    """One annotation of a book's format: what stands there (None: nothing), and what is to stand there."""

    book_id: int
    format: str
    before: CalibreAnnotation | None
    after: CalibreAnnotation

    @property
    def place(self) -> str:
        """By what it is known among all of its book's."""
        return place_of(self.format, self.after)


def place_of(fmt: str, record: Mapping[str, Any]) -> str:
    """The name of an annotation's row in its book."""
    return f"{fmt}\n{record.get('type')}\n{record.get(_KEYS.get(str(record.get('type')), ''))}"


def standing_annotations(api: CalibreDb, book_id: int, target: str) -> list[NativeAnnotation]:
    """What calibre holds of a book for a target, marks of removed ones too."""
    return [
        {"format": fmt, "annotation": record}
        for fmt in sorted(EPUB_FORMATS)
        for record in _records(api.annotations_map_for_book(book_id, fmt, *_user(target)))
    ]


def write_annotations(api: CalibreDb, target: str, changes: Sequence[AnnotationChange]) -> list[AnnotationChange]:
    """Writes changes of which the library still holds `before`; those that now stand there.

    All of a book's are written together. What calibre refuses is not there afterwards, and so is not told.
    """
    written: list[AnnotationChange] = []
    for book_id, fmt in dict.fromkeys((change.book_id, change.format) for change in changes):
        own = [change for change in changes if (change.book_id, change.format) == (book_id, fmt)]
        with api.write_lock:
            if book_id not in api._all_book_ids():
                continue
            here = _by_place(fmt, _records(api._annotations_map_for_book(book_id, fmt, *_user(target))))
            fresh = [change for change in own if here.get(change.place) == change.before]
            if fresh:
                # A record of somebody else's without a proper date makes calibre refuse them all, before anything is written.
                with suppress(ValueError):
                    api._merge_annotations_for_book(book_id, fmt, [change.after for change in fresh], *_user(target))
            now = _by_place(fmt, _records(api._annotations_map_for_book(book_id, fmt, *_user(target))))
        written += [change for change in fresh if now.get(change.place) == change.after]
    return written


def stamped(change: AnnotationChange) -> AnnotationChange:
    """The change with a stamp that counts: calibre takes of two records the one whose stamp is greater, as text."""
    before = change.before["timestamp"] if change.before is not None else None
    newer = newer_stamp(str(change.after.get("timestamp", "")), str(before) if before is not None else None)
    return replace(change, after={**change.after, "timestamp": newer})


def newer_stamp(wanted: str, standing: str | None) -> str:
    """The wanted stamp, or the next moment after the standing one."""
    if standing is None or wanted > standing:
        return wanted
    at = seconds_of(standing)
    text = _stamp(time.time() if at is None else at + 0.001)
    if text > standing:
        return text
    # Another zone's clock is ahead of ours, and as text only that counts.
    with suppress(ValueError):
        local = datetime.datetime.fromisoformat(standing[:19]).replace(tzinfo=datetime.timezone.utc)
        text = _stamp(local.timestamp() + 1)
    return max(text, wanted)


def removal(record: CalibreAnnotation) -> CalibreAnnotation:
    """The mark of an annotation that an undo takes away: rows that are only wiped come back from the viewer's own file."""
    key = _KEYS[str(record["type"])]
    return {"type": record["type"], key: record[key], _REMOVED: True, OURS: "undone", "timestamp": _stamp(time.time())}


def brought_back(record: CalibreAnnotation) -> CalibreAnnotation:
    """An annotation that an undo brings back: its word in it says that its removal on the reader is not followed again."""
    return {**record, OURS: "restored", "timestamp": _stamp(time.time())}


def is_removal(record: CalibreAnnotation) -> bool:
    """Whether this is the mark of a removed annotation."""
    return record.get(_REMOVED) is True


def says_the_same(one: CalibreAnnotation | None, other: CalibreAnnotation | None) -> bool:
    """Whether both are one but for their stamps."""
    if one is None or other is None:
        return one is other
    return {**one, "timestamp": ""} == {**other, "timestamp": ""}


def _stamp(seconds: float) -> str:
    """As calibre's viewer writes it."""
    at = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _user(target: str) -> tuple[str, str]:
    kind, _colon, name = target.partition(":")
    return ("local", "viewer") if kind == "viewer" else ("web", name)


def _records(found: Mapping[str, Collection[Mapping[str, object]]]) -> list[CalibreAnnotation]:
    return [dict(record) for kind in _KEYS for record in found.get(kind, ())]


def _by_place(fmt: str, records: Iterable[CalibreAnnotation]) -> dict[str, CalibreAnnotation]:
    return {place_of(fmt, record): record for record in records}
