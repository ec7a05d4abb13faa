"""What each kind of custom book data may hold, and what is left of a value that somebody else wrote or a disk has damaged.

Most of it goes to the bridge, where one value out of its kind would end every sync: so nothing passes here that the
contract refuses.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeGuard, get_args

from ..copies.content_key import is_key
from ..link.contract import (
    LONGEST_REVIEW,
    MOST_DAYS,
    READING_SOURCES,
    DeviceReading,
    DigestKind,
    DigestSource,
    SidecarStatus,
)

# The names under which calibre keeps our data.
MEMORY: Final = "koreader_progress_memory"
LOG: Final = "koreader_progress_log"
DIGESTS: Final = "koreader_progress_digests"
MARKS: Final = "koreader_progress_marks"
READINGS: Final = "koreader_progress_readings"
NOTICED: Final = "koreader_progress_noticed"
DELIVERED: Final = "koreader_progress_delivered"
ANNOTATIONS: Final = "koreader_progress_annotations"
READ_PROGRESS: Final = "koreader_progress_read_progress"
FILE_KEYS: Final = "koreader_progress_file_keys"
FILE_DIGESTS: Final = "koreader_progress_file_digests"
PREDICTIONS: Final = "koreader_progress_predictions"
GATHERED: Final = "koreader_progress_gathered"
# What can be made again at any time: nobody needs to hear that it was.
DISPOSABLE: Final = frozenset({NOTICED, FILE_KEYS, FILE_DIGESTS, PREDICTIONS, GATHERED})

_DIGEST: Final = re.compile(r"[0-9a-f]{32}")
_KINDS: Final = frozenset(get_args(DigestKind))
_SOURCES: Final = frozenset(get_args(DigestSource))
_STATUSES: Final = frozenset(get_args(SidecarStatus))


def sound(name: str, value: object) -> Any:
    """What of a value makes sense: the value itself, equal to it, when all of it does; None when nothing does."""
    return _SOUND[name](value) if name in _SOUND else value


def _memory(value: object) -> object:
    return (
        {account: _account_memory(kept) for account, kept in value.items() if _is_dict(kept)}
        if _is_dict(value)
        else None
    )


def _account_memory(kept: Mapping[str, object]) -> dict[str, Any]:
    parts: dict[str, Callable[[object], object]] = {
        "bases": lambda bases: _those_in(bases, is_base),
        "changed_at": lambda times: _those_in(times, _is_number),
        "written": lambda cells: _those_in(cells, _is_cell),
        "declined": lambda said: _those_of(said, is_declined),
    }
    return {key: parts[key](part) if key in parts and part is not None else part for key, part in kept.items()}


def _log(value: object) -> object:
    if not _is_dict(value):
        return None
    return {account: _those_of(heard, is_observation) for account, heard in value.items() if isinstance(heard, list)}


def _digests(value: object) -> object:
    if not _is_dict(value):
        return None
    kept = {**value, "digests": _those_of(value.get("digests"), is_known_digest)}
    if "unlinked" in value:
        kept["unlinked"] = _those_of(value["unlinked"], lambda digest: isinstance(digest, str))
    if "keys" in value:
        kept["keys"] = _those_in(value["keys"], is_key)
    return kept


def _file_keys(value: object) -> object:
    if not _is_dict(value):
        return None
    return {key: kept for key, kept in value.items() if isinstance(kept, int) or _is_file_key(kept)}


def _file_digests(value: object) -> object:
    return (
        {key: kept for key, kept in value.items() if isinstance(kept, int) or _is_digest(kept)}
        if _is_dict(value)
        else None
    )


def _predictions(value: object) -> object:
    if not (_is_dict(value) and isinstance(value.get("made_of"), str)):
        return None
    return {**value, "digests": _those_of(value.get("digests"), is_known_digest)}


def _gathered(value: object) -> object:
    shapes = {"logs": dict, "books": dict, "with_history": list}
    return value if _is_dict(value) and all(isinstance(value.get(key), kind) for key, kind in shapes.items()) else None


_SOUND: Final[Mapping[str, Callable[[object], object]]] = {
    MEMORY: _memory,
    LOG: _log,
    DIGESTS: _digests,
    MARKS: lambda value: _those_of(value, is_mark) if isinstance(value, list) else None,
    READINGS: lambda value: _those_of(value, is_reading) if isinstance(value, list) else None,
    NOTICED: lambda value: value if _is_number(value) else None,
    DELIVERED: lambda value: _those_in(value, lambda cfi: isinstance(cfi, str)) if _is_dict(value) else None,
    # By profile; the core reads what is in it, and forgets what makes no sense.
    ANNOTATIONS: lambda value: _those_in(value, _is_dict) if _is_dict(value) else None,
    READ_PROGRESS: lambda value: _those_in(value, _is_put_progress) if _is_dict(value) else None,
    FILE_KEYS: _file_keys,
    FILE_DIGESTS: _file_digests,
    PREDICTIONS: _predictions,
    GATHERED: _gathered,
}


def is_base(value: object) -> bool:
    """A book's base."""
    return (
        _is_record(value)
        and isinstance(value.get("book_id"), int)
        and isinstance(value.get("device"), str)
        and _is_dict(value.get("values"))
        and all(_is_cell(cell) for cell in value["values"].values())
    )


def is_declined(value: object) -> bool:
    """A record that the reader said no to; at first the side was not told."""
    return _is_record(value) and _is_number(value.get("at")) and value.get("side", "theirs") in ("theirs", "ours")


def is_observation(value: object) -> bool:
    """A line of the reading log."""
    if not (_is_dict(value) and _is_number(value.get("at"))):
        return False
    said = value.get("progress")
    return (
        _is_record(said)
        and 0 <= said["percentage"] <= 1
        and said["document"] != ""
        and ":" not in said["document"]
        and isinstance(said.get("device"), str)
        and _is_text_or_none(said.get("device_id"))
    )


def is_known_digest(value: object) -> bool:
    """A digest of a history."""
    return (
        _is_dict(value)
        and _is_digest(value.get("digest"))
        and value.get("kind") in _KINDS
        and value.get("source") in _SOURCES
        and all(_is_text_or_none(value.get(key)) for key in ("format", "name", "device"))
        and (value.get("content_key") is None or is_key(value["content_key"]))
        and (value.get("size") is None or _is_size(value["size"]))
        and _is_number(value.get("first_seen"))
        and _is_number(value.get("last_seen"))
        and _is_number_or_none(value.get("answered"))
    )


def is_mark(value: object) -> bool:
    """What a device's sidecar says of a book."""
    return (
        _is_dict(value)
        and isinstance(value.get("device"), str)
        and value.get("status") in _STATUSES
        and _is_number_or_none(value.get("at"))
    )


def is_reading(value: object) -> bool:
    """What one of KOReader's own files tells of a document."""
    if not (_is_dict(value) and value.keys() == DeviceReading.__annotations__.keys()):
        return False
    return (
        _is_digest(value["digest"])
        and value["source"] in READING_SOURCES
        and isinstance(value["device"], str)
        and isinstance(value["device_id"], str)
        and value["device_id"] != ""
        and (value["status"] is None or value["status"] in _STATUSES)
        and all(_is_text_or_none(value[key]) for key in ("progress", "review"))
        # As JavaScript counts, which refuses a longer one.
        and len((value["review"] or "").encode("utf-16-le", "surrogatepass")) <= 2 * LONGEST_REVIEW
        and all(_is_number_or_none(value[key]) for key in ("at", "percentage", "marked", "started", "last_read"))
        and all(_is_number_or_none(value[key]) and (value[key] or 0) >= 0 for key in ("read_time", "time_left"))
        and 0 <= (value["percentage"] or 0) <= 1
        and (value["rating"] is None or (_is_size(value["rating"]) and 1 <= value["rating"] <= 5))
        and _are_days(value["read_on"])
    )


def _those_of(values: object, is_sound: Callable[[object], bool]) -> list[object]:
    return [value for value in values if is_sound(value)] if isinstance(values, list) else []


def _those_in(values: object, is_sound: Callable[[object], bool]) -> dict[str, object]:
    return {key: value for key, value in values.items() if is_sound(value)} if _is_dict(values) else {}


def _is_record(value: object) -> TypeGuard[dict[str, Any]]:
    return (
        _is_dict(value)
        and isinstance(value.get("document"), str)
        and _is_number(value.get("percentage"))
        and isinstance(value.get("progress"), str)
        and _is_number_or_none(value.get("timestamp"))
    )


def _is_dict(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _is_number(value: object) -> bool:
    # A number of any length is none: JSON's own are doubles.
    return (isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 53) or (
        isinstance(value, float) and math.isfinite(value)
    )


def _is_number_or_none(value: object) -> bool:
    return value is None or _is_number(value)


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53


def _are_days(value: object) -> bool:
    if value is None:
        return True
    return isinstance(value, list) and len(value) <= MOST_DAYS and all(map(_is_size, value))


def _is_text_or_none(value: object) -> bool:
    return value is None or isinstance(value, str)


def _is_cell(value: object) -> bool:
    return value is None or isinstance(value, (str, bool)) or _is_number(value)


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def _is_put_progress(value: object) -> bool:
    if not _is_dict(value):
        return False
    return _is_read_progress(value.get("ours")) and (value.get("before") is None or _is_read_progress(value["before"]))


def _is_read_progress(value: object) -> bool:
    return (
        _is_dict(value)
        and isinstance(value.get("cfi"), str)
        and all(map(_is_number, (value.get("epoch"), value.get("pos_frac"))))
    )


def _is_file_key(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) >= 3
        and _is_number(value[0])
        and _is_number(value[1])
        and (value[2] is None or isinstance(value[2], str))
    )
