"""A line of a copy log: what it may hold, and what is left of one that somebody else wrote or a disk has damaged.

Whatever is believed here goes into the library and to the bridge, where one value out of its kind would end every sync.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypedDict, cast

from .content_key import is_key

_DIGEST: Final = re.compile(r"[0-9a-f]{32}")
_ORIGIN: Final = re.compile(r"[0-9]{1,16}:[0-9a-f]{32}", re.ASCII)


class KnownRecord(TypedDict):
    """What every line holds. `source` is a digest's source, or `unlinked`; `at` is epoch seconds."""

    at: float
    source: str
    uuid: str
    kind: str
    digest: str


class CopyRecord(KnownRecord, total=False):
    """One line; what is not known is null."""

    # Of the line, see `stored`; missing in the first.
    schema: int

    # Merged records only: when it was logged last.
    last: float
    title: str
    authors: list[str]
    format: str | None
    size: int | None
    content_key: str | None
    # The file that the copy was made of: size and digest, as `stream_origin` writes them.
    origin: str | None
    # Basename on the device or of the download.
    name: str | None
    # Where the file is on its device, as the driver says it.
    path: str | None
    device: str | None
    settled: bool
    # The program that wrote the line.
    by: str
    # When a server last knew this digest.
    answered: float | None


def checked_record(line: object) -> CopyRecord | None:
    """A parsed line with what it lacks filled in and what makes no sense left out; None when it names no digest."""
    if not isinstance(line, dict):
        return None
    uuid, source, kind = line.get("uuid"), line.get("source"), line.get("kind", "partial_md5")
    if not (_is_digest(line.get("digest")) and _is_text(uuid) and uuid and _is_text(source)):
        return None
    if kind not in ("partial_md5", "filename"):
        return None
    record: dict[str, Any] = {
        key: value if key not in _KINDS or _KINDS[key](value) else None
        for key, value in line.items()
        if key not in _TIMES or _is_time(value)
    }
    return cast(CopyRecord, {**record, "kind": kind, "at": record.get("at", 0.0)})


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def _is_origin(value: object) -> bool:
    return isinstance(value, str) and _ORIGIN.fullmatch(value) is not None


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_time(value: object) -> bool:
    # Epoch seconds that a calendar can show: milliseconds or a number of any length are none.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e11


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53


def _is_names(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


# A line without them is older than all others.
_TIMES: Final = frozenset({"at", "last"})
_KINDS: Final[Mapping[str, Callable[[object], bool]]] = {
    "answered": _is_time,
    "title": _is_text,
    "authors": _is_names,
    "format": _is_text,
    "size": _is_size,
    "content_key": is_key,
    "origin": _is_origin,
    "name": _is_text,
    "path": _is_text,
    "device": _is_text,
    "by": _is_text,
}
