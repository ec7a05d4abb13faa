"""Which schema a stored thing is of: an older one is brought up to date once, after a copy; a newer one is only read.

Everything that is stored bears one integer, and what bears none is of the first schema, which is 0.1.0's:

- settings file, strip list, what was seen on a device: `schema` in the file's object
- profiles: `schema` in the library's preferences; custom book data of whatever kind: `book_data` beside it
- write journal: `schema` in a run's first line; copy log, memory log: in each line, because files of many are mixed

What is merely new in a schema needs no step: readers fill up what is missing. No field that the first schema knows is
taken away or given another meaning, so that 0.1.0 can read on what a newer version leaves. Lines are never rewritten:
each is read by its own schema, and one of a newer schema is left where it stands.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Literal

SCHEMA: Final = 2
FIRST: Final = 1

# What is stored, by the name of its sentence in `messages`.
Kept = Literal[
    "settings", "profiles", "book_data", "strip_list", "device", "journal", "copy_log", "memory_log", "first_copy"
]
Trouble = Literal["newer", "damaged"]


class NewerSchema(Exception):
    """Something would have been changed that a newer version of the plugin has written."""

    def __init__(self, kept: Kept) -> None:
        super().__init__(kept)
        self.kept: Kept = kept


@dataclass(frozen=True)
class Notice:
    """What the reader is told of a stored thing; `place` is where it lies, or where its copy was put."""

    trouble: Trouble
    kept: Kept
    place: str = ""


_lock = threading.Lock()
# Whether the reader was told, by notice.
_notices: dict[Notice, bool] = {}


def notice(trouble: Trouble, kept: Kept, place: str = "") -> None:
    """Notes what a reader has to be told; once, however often it is met."""
    with _lock:
        _notices.setdefault(Notice(trouble, kept, place), False)


def notices() -> list[Notice]:
    """What was met since calibre started, in the order it was met."""
    with _lock:
        return [*_notices]


def untold_notices() -> list[Notice]:
    """What was met and nobody was told of yet: from now on they were."""
    with _lock:
        untold = [met for met, told in _notices.items() if not told]
        _notices.update(dict.fromkeys(untold, True))
        return untold


def schema_of(stored: object, key: str = "schema") -> int:
    """The schema that an object names; the first where it names none."""
    number = stored.get(key) if isinstance(stored, dict) else None
    return number if isinstance(number, int) and not isinstance(number, bool) and number > 0 else FIRST


def is_newer(stored: object, key: str = "schema") -> bool:
    """Whether a newer version wrote this: then nothing of it may be changed."""
    return schema_of(stored, key) > SCHEMA


# What makes of a stored object one of the next schema: fields that were renamed or mean something else since.
STEPS: Final[dict[Kept, dict[int, Callable[[dict[str, Any]], dict[str, Any]]]]] = {}


def brought_up(kept: Kept, stored: dict[str, Any]) -> dict[str, Any]:
    """The object as one of this schema; one of this or a newer schema as it is."""
    for schema in range(schema_of(stored), SCHEMA):
        step = STEPS.get(kept, {}).get(schema)
        stored = {**(step(stored) if step is not None else stored), "schema": schema + 1}
    return stored


def copy_aside(path: str, why: str) -> str:
    """Copies a file beside itself, as `path.why`, and never over an earlier copy; its path. Raises OSError."""
    place, number = f"{path}.{why}", 1
    while os.path.exists(place):
        if _same_content(path, place):
            return place
        number += 1
        place = f"{path}.{why}-{number}"
    unfinished = f"{place}.{os.getpid()}"
    # With its mode: what was private stays so.
    shutil.copy2(path, unfinished)
    os.replace(unfinished, place)
    return place


def _same_content(one: str, other: str) -> bool:
    with open(one, "rb") as first, open(other, "rb") as second:
        return first.read() == second.read()


@dataclass(frozen=True)
class JsonFile:
    """A small file that holds one JSON object."""

    path: str
    kept: Kept

    def read(self) -> dict[str, Any]:
        """The object, as one of this schema unless it is newer; empty when there is none that can be read."""
        stored = self._stored()
        if is_newer(stored):
            notice("newer", self.kept, self.path)
        return brought_up(self.kept, stored) if isinstance(stored, dict) else {}

    def is_older(self) -> bool:
        """Whether there is an object of an earlier schema, or something else: then it is worth writing again."""
        stored = self._stored()
        return stored is not None and (not isinstance(stored, dict) or schema_of(stored) < SCHEMA)

    def write(self, value: dict[str, Any]) -> None:
        """Replaces the object at once, under this schema, after a copy of an older or damaged one.

        Raises OSError when it cannot be kept, and NewerSchema, leaving everything, when a newer version wrote it.
        """
        stored = self._stored()
        if is_newer(stored):
            notice("newer", self.kept, self.path)
            raise NewerSchema(self.kept)
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        if stored is not None and not isinstance(stored, dict):
            notice("damaged", self.kept, copy_aside(self.path, "damaged"))
        elif stored is not None and schema_of(stored) < SCHEMA:
            copy_aside(self.path, f"schema-{schema_of(stored)}")
        unfinished = f"{self.path}.{os.getpid()}"
        # Written as one text: piece by piece, Python makes it five times slower.
        text = json.dumps({**value, "schema": SCHEMA}, sort_keys=True)
        with open(unfinished, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, self.path)

    def _stored(self) -> object:
        """What stands in the file: None when there is no file, a text when it holds no JSON."""
        try:
            with open(self.path, encoding="utf-8", errors="surrogateescape") as file:
                text = file.read()
        except FileNotFoundError:
            return None
        with suppress(ValueError, RecursionError):
            return json.loads(text)
        return text
