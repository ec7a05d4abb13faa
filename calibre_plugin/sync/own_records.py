"""Which records on a server are ours, and what the reading log hears of those that we are about to replace."""

from __future__ import annotations

from collections.abc import Iterable

from ..link.contract import OWN_DEVICE_PREFIX, Observation, Progress


def is_own(record: Progress) -> bool:
    """Whether it was put there by us, some calibre of the reader's, and so says nothing that no device had said."""
    return (record["device_id"] or "").startswith(OWN_DEVICE_PREFIX)


def replaced(found: Iterable[tuple[int, Progress | None]], at: float) -> list[Observation]:
    """What stood there, by book id: it was read once, and after `at` (epoch seconds) nobody could hear of it any more."""
    return [
        {"book_id": book_id, "at": at, "progress": record}
        for book_id, record in found
        if record is not None and not is_own(record)
    ]
