"""KOReader's own reading statistics: everything it ever opened, by digest, with the hours.

A copy is read, by the bridge: a database on a device must neither be locked nor changed, and may be unplugged at any
time; and what somebody else's database makes SQLite do shall not happen in calibre's process. The copies are kept in the
cache folder, because what two devices of one reader have counted together is counted once.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import Final, Protocol, TypedDict

from ..link.client import Bridge, BridgeDied, BridgeNotStarted, SyncError
from ..link.contract import DocumentStatistics, ReadingStatistics
from ..link.runtime import RuntimeMissing
from .lua_table import read_lua_table
from .odd_file import OddFile, OddReason, open_regular, read_at_most
from .sidecar import CONFLICT

STATISTICS: Final = "statistics.sqlite3"
NAME: Final = re.compile(rf"statistics{CONFLICT}?\.sqlite3$")
# What KOReader wrote last may still stand in the log beside the database.
LOG: Final = "-wal"
# Ten years of reading every day have some 50 MB.
LARGEST: Final = 256 << 20
# KOReader's usual setting of how long a page counts at most, in seconds.
USUAL_LONGEST: Final = 120
# Copies that are kept: several cards, and an old reader in the drawer.
KEPT: Final = 12
_CHUNK: Final = 1 << 20
_SETTINGS: Final = "settings.reader.lua"
_LARGEST_SETTINGS: Final = 2 << 20
_DAY: Final = 86_400
_TOLD: Final = frozenset(DocumentStatistics.__annotations__)


class Statistics(TypedDict):
    """What a database told, and what was odd about some of its rows, if anything."""

    documents: list[DocumentStatistics]
    odd: OddReason | None


class Copying(Protocol):
    """Puts the database and its log where they are wanted; False when it was stopped. Raises OddFile and OSError."""

    def __call__(self, target: str) -> bool: ...


@dataclass(frozen=True)
class Database:
    """One that a device has at a path, and how it is copied; `longest` is how long a page counts at most, in seconds."""

    path: str
    copying: Copying
    longest: int = USUAL_LONGEST


# What tells of one database of the device that is being read; None when reading was stopped, or nobody can read.
TellStatistics = Callable[[Database], Statistics | None]


def untold(_database: Database) -> None:
    """Where there is nobody to read statistics: what was told before stays."""


class StatisticsReader:
    """Reads statistics through a bridge that `open_bridge` holds; `folder` is where copies are kept."""

    def __init__(self, open_bridge: Callable[[], AbstractContextManager[Bridge]], folder: str) -> None:
        self._open_bridge = open_bridge
        self._folder = folder

    def of(self, device: str, abort: threading.Event, same_reader: Collection[str] = ()) -> TellStatistics:
        """Reads the databases of one device; `same_reader` are the ids of further devices of the same person."""
        return lambda database: self._read(database, device, abort, same_reader)

    def _read(
        self, database: Database, device: str, abort: threading.Event, same_reader: Collection[str]
    ) -> Statistics | None:
        """Raises OddFile for what is no database, OSError as always."""
        os.makedirs(self._folder, exist_ok=True)
        kept = os.path.join(self._folder, _name_of(device, database.path))
        if not self._copied(database.copying, kept):
            return None
        beside = [each for other in {device, *same_reader} for each in self._copies_of(other) if each != kept]
        told = self._told(kept, beside, database.longest, abort)
        self._thin_out()
        if told is None:
            return None
        if told["documents"] is None:
            _remove(kept)
            raise OddFile(told["odd"] or "not_a_database")
        return {"documents": told["documents"], "odd": told["odd"]}

    def _copied(self, copying: Copying, kept: str) -> bool:
        """The one copied before stays until the new one is whole."""
        unfinished = f"{kept}.{os.getpid()}"
        try:
            if not copying(unfinished):
                return False
            _remove(kept)
            os.replace(unfinished, kept)
            with suppress(FileNotFoundError):
                os.replace(unfinished + LOG, kept + LOG)
            return True
        finally:
            _remove(unfinished)

    def _told(self, path: str, beside: list[str], longest: int, abort: threading.Event) -> ReadingStatistics | None:
        asked = {"path": path, "beside": sorted(beside), "longest": longest, "time_zone": None}
        try:
            with self._open_bridge() as bridge:
                return bridge.request("statistics/read", asked, abort=abort)
        except (SyncError, RuntimeMissing, BridgeNotStarted):
            # Cancelled, because the device is ejected or calibre closes; or there is no runtime yet.
            return None
        except BridgeDied:
            if abort.is_set():
                return None
            # A file that ends a bridge is not given to another one again and again.
            raise OddFile("unexpected") from None

    def _copies_of(self, device: str) -> list[str]:
        return [path for path in self._copies() if os.path.basename(path).startswith(_prefix_of(device))]

    def _copies(self) -> list[str]:
        try:
            names = sorted(os.listdir(self._folder))
        except OSError:
            return []
        return [os.path.join(self._folder, name) for name in names if name.endswith(STATISTICS)]

    def _thin_out(self) -> None:
        copies: list[tuple[float, str]] = []
        for path in self._copies():
            with suppress(OSError):
                copies.append((os.stat(path).st_mtime, path))
        for _at, path in sorted(copies)[:-KEPT]:
            _remove(path)


def is_all_told(documents: Sequence[DocumentStatistics]) -> bool:
    """Whether these were read by a version of the plugin that reads all of it."""
    return all(document.keys() >= _TOLD for document in documents[:1])


def mounted_database(path: str, abort: threading.Event) -> Database:
    """A database on a mounted device; KOReader's settings stand a folder above it."""

    def copying(target: str) -> bool:
        return _copy(path, target, abort) and (not os.path.exists(path + LOG) or _copy(path + LOG, target + LOG, abort))

    return Database(path, copying, _longest(os.path.join(os.path.dirname(os.path.dirname(path)), _SETTINGS)))


def _longest(settings: str) -> int:
    """How long a page counts at most, as the reader has set it."""
    try:
        told = read_lua_table(read_at_most(settings, _LARGEST_SETTINGS)).get("statistics")
    except (OSError, OddFile):
        return USUAL_LONGEST
    longest = told.get("max_sec") if isinstance(told, dict) else None
    return longest if type(longest) is int and 1 <= longest <= _DAY else USUAL_LONGEST


def _copy(source: str, target: str, abort: threading.Event) -> bool:
    copied = 0
    with open_regular(source, LARGEST) as reading, open(target, "wb") as writing:
        while chunk := reading.read(_CHUNK):
            copied += len(chunk)
            if copied > LARGEST:
                raise OddFile("too_large")
            if abort.is_set():
                return False
            writing.write(chunk)
    return True


def _remove(path: str) -> None:
    for suffix in ("", LOG, "-shm"):
        with suppress(OSError):
            os.unlink(path + suffix)


def _prefix_of(device: str) -> str:
    return hashlib.sha256(device.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _name_of(device: str, path: str) -> str:
    place = hashlib.sha256(path.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{_prefix_of(device)}-{place}-{STATISTICS}"
