"""What a computer knows besides its libraries, by the names that it has below the plugin's folder and in a pack."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from ..copies.strip_list import FILE as STRIP_LIST
from ..library.put_aside import FILE as PUT_ASIDE
from ..memory.memory_log import FOLDER as MEMORY
from ..memory.schema import FOLDER as BEFORE

Kind = Literal["settings", "strip_list", "copies", "journal", "memory", "devices", "before", "put_aside", "server"]

SETTINGS: Final = "settings.json"
SERVER: Final = "server/kosync.sqlite"


@dataclass(frozen=True)
class _Place:
    kind: Kind
    # What a file is called; no other name leads anywhere.
    name: re.Pattern[str]
    # Bytes that one such file may take.
    limit: int


def _place(kind: Kind, name: str, limit: int) -> _Place:
    return _Place(kind, re.compile(name, re.ASCII), limit << 20)


_PLACES: Final = (
    _place("settings", re.escape(SETTINGS), 1),
    _place("strip_list", re.escape(STRIP_LIST), 4),
    _place("copies", r"copies/[0-9a-z-]{1,80}\.jsonl", 256),
    _place("journal", r"journal/[\w-]{1,80}/[0-9]{1,20}-[0-9a-f]{1,16}\.jsonl", 512),
    _place("memory", rf"{MEMORY}/[\w-]{{1,80}}\.jsonl", 512),
    _place("devices", r"devices/[0-9a-f]{32}\.json", 64),
    _place("before", rf"{BEFORE}/[\w-]{{1,100}}\.jsonl\.gz", 512),
    _place("put_aside", re.escape(PUT_ASIDE), 64),
    _place("server", re.escape(SERVER), 1024),
)


def kind_of(name: str) -> Kind | None:
    """What a file of this name holds; None when it is none of ours."""
    place = _place_of(name)
    return None if place is None else place.kind


def limit_of(name: str) -> int:
    """How many bytes a file of this name may take; -1 when it is none of ours."""
    place = _place_of(name)
    return -1 if place is None else place.limit


def files_in(folder: str) -> Iterator[tuple[str, str]]:
    """Names and paths of what lies below the plugin's folder, but not a server's documents; in the order of the names."""
    for path, folders, names in os.walk(folder):
        folders.sort()
        inside = os.path.relpath(path, folder).replace(os.sep, "/")
        for file in sorted(names):
            name = file if inside == "." else f"{inside}/{file}"
            if kind_of(name) not in (None, "server", "settings"):
                yield name, os.path.join(path, file)


def _place_of(name: str) -> _Place | None:
    return next((place for place in _PLACES if place.name.fullmatch(name)), None)
