"""Sidecars and statistics of devices that are not mounted: by calibre's wireless connection, or by MTP as far as this
calibre has it.

KOReader's side of the wireless connection gives any file below its inbox, so only sidecars that stand beside their books
can be read there, and no statistics. Neither way gives a part of a file: books themselves would have to be sent back whole, and are not.
"""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from .read import Look
from .state import DeviceState, SeenSidecar, SeenStatistics, empty_state
from ..words.faults import note_fault
from .lua_table import LARGEST
from .odd_file import OddFile, OddReason
from .sidecar import ARCHIVED, NAME, TOLD, Sidecar, read_sidecar_at, sidecar_path
from .statistics import LARGEST as LARGEST_STATISTICS
from .statistics import LOG, STATISTICS, Database, TellStatistics, is_all_told, untold

# How long a file that a device has refused is not asked for again, in seconds: else one look would never end.
REFUSED: Final = 600.0
# At 44 ms each (measured over loopback) this is a quarter of a minute; the others follow at the next connection.
MOST: Final = 400
# Books whose sidecar changed last are being read: so many of them are asked first where there are no dates to see.
BEING_READ: Final = 20


def is_mtp(device: object) -> bool:
    """Whether this is an MTP device: calibre reads those in its device thread only, so this must be a device job."""
    return hasattr(type(device), "filesystem_cache") or hasattr(device, "filesystem_cache")


@dataclass(frozen=True)
class _Given:
    """What a device gave under a path: a sidecar or statistics, what is odd about it, or (neither) nothing."""

    path: str
    size: int
    mtime: float
    entry: SeenSidecar | None = None
    statistics: SeenStatistics | None = None
    odd: OddReason | None = None
    # Whether the device was asked for it just now.
    asked: bool = True


def read_remote(
    device: object,
    books: Sequence[str],
    before: DeviceState,
    called: str,
    abort: threading.Event,
    most: int = MOST,
    tell: TellStatistics = untold,
) -> Look:
    """What the device has of KOReader's, what changed read anew; what was not asked for, and not given, stays as it was.

    `books` are paths on the device as calibre lists them. No look of this kind is whole: a file that a device does not
    give need not be gone.
    """
    now = empty_state(called)
    now["asked"] = before["asked"]
    now["sidecars"], now["odd"] = dict(before["sidecars"]), dict(before["odd"])
    now["statistics"] = dict(before["statistics"])
    fetched, complete = 0, True
    for given in _by_mtp(device, before, tell, abort) if is_mtp(device) else _by_wireless(device, books, before):
        if given.entry is not None:
            now["sidecars"][given.path] = given.entry
        if given.statistics is not None:
            now["statistics"][given.path] = given.statistics
        if given.entry is not None or given.statistics is not None:
            now["odd"].pop(given.path, None)
        if given.odd is not None:
            now["odd"][given.path] = {"size": given.size, "mtime": given.mtime, "reason": given.odd}
        fetched += given.asked
        if abort.is_set() or fetched >= most:
            complete = False
            break
    return Look(now, fetched, complete, whole=False)


def _by_wireless(device: Any, books: Sequence[str], before: DeviceState) -> Iterator[_Given]:
    """Those of the books that are being read, then those asked longest ago: there is no date to see what changed."""
    asked, known_to_change = before["asked"], before["sidecars"]
    paths = sorted(map(sidecar_path, books), key=lambda each: asked.get(each, 0.0))
    there = sorted(
        (path for path in paths if path in known_to_change), key=lambda each: -known_to_change[each]["mtime"]
    )
    for path in dict.fromkeys((*there[:BEING_READ], *paths)):
        out = _Bounded()
        # A file that is not there is an error like any other.
        with suppress(Exception):
            device.get_file(path, out)
        asked[path] = time.time()
        data = out.getvalue()
        if not data:
            yield _Given(path, 0, 0.0)
            continue
        sidecar, odd = _parsed(path, data, out.is_full)
        known = before["sidecars"].get(path)
        same = known if known is not None and (known["size"], known["sidecar"]) == (len(data), sidecar) else None
        entry: SeenSidecar = same or {"size": len(data), "mtime": time.time(), "sidecar": sidecar}
        yield _Given(path, len(data), 0.0, entry if odd is None else None, odd=odd)


def _by_mtp(device: Any, before: DeviceState, tell: TellStatistics, abort: threading.Event) -> Iterator[_Given]:
    """calibre has the whole tree of an MTP device, with sizes and dates: what changed last comes first."""
    entries = [entry for entry in _entries_of(device.filesystem_cache) if not entry.is_folder]
    databases = [entry for entry in entries if entry.name == STATISTICS]
    sidecars = [entry for entry in entries if _is_sidecar(entry)]
    for entry in sorted(sidecars, key=lambda each: each.last_modified, reverse=True):
        yield _sidecar_by_mtp(device, entry, before)
    for entry in databases:
        yield from _statistics_by_mtp(device, entry, before, tell, abort)


def _path_of(entry: Any) -> str:
    """Without the name of the storage, as calibre's own list has it."""
    return "/".join(entry.full_path[1:])


def _sidecar_by_mtp(device: Any, entry: Any, before: DeviceState) -> _Given:
    path = _path_of(entry)
    size, mtime = int(entry.size), entry.last_modified.timestamp()
    known, odd = before["sidecars"].get(path), before["odd"].get(path)
    refused = odd is not None and odd["reason"] == "unreadable"
    is_due = refused and time.time() - before["asked"].get(path, 0.0) > REFUSED
    if odd is not None and (odd["size"], odd["mtime"]) == (size, mtime) and not is_due:
        return _Given(path, size, mtime, odd=odd["reason"], asked=False)
    if odd is None and known is not None and (known["size"], known["mtime"]) == (size, mtime) and _is_all(known):
        return _Given(path, size, mtime, known, asked=False)
    if size > LARGEST:
        return _Given(path, size, mtime, odd="too_large", asked=False)
    out = _Bounded()
    try:
        device.get_mtp_file(entry, out)
    except Exception as error:
        note_fault("read a sidecar over MTP", error)
        before["asked"][path] = time.time()
        return _Given(path, size, mtime, odd="unreadable")
    sidecar, reason = _parsed(path, out.getvalue(), out.is_full)
    seen: SeenSidecar = {"size": size, "mtime": mtime, "sidecar": sidecar}
    return _Given(path, size, mtime, seen if reason is None else None, odd=reason)


def _is_all(seen: SeenSidecar) -> bool:
    """Whether it was read by a version that reads all of it."""
    return seen["sidecar"] is None or seen["sidecar"].keys() >= TOLD


def _statistics_by_mtp(
    device: Any, entry: Any, before: DeviceState, tell: TellStatistics, abort: threading.Event
) -> Iterator[_Given]:
    """A database with the log beside it, which is a file of its own; nothing where it is as it was, or nobody can read it."""
    path, log = _path_of(entry), _beside(entry, STATISTICS + LOG)
    files = [entry, *([log] if log is not None else [])]
    size, mtime = sum(int(each.size) for each in files), max(each.last_modified.timestamp() for each in files)
    known, odd = before["statistics"].get(path), before["odd"].get(path)
    seen = odd or (known if known is not None and is_all_told(known["documents"]) else None)
    if seen is not None and (seen["size"], seen["mtime"]) == (size, mtime):
        return
    if size > LARGEST_STATISTICS:
        yield _Given(path, size, mtime, odd="too_large", asked=False)
        return

    def copying(target: str) -> bool:
        for each, suffix in zip(files, ("", LOG), strict=False):
            with open(target + suffix, "wb") as file:
                device.get_mtp_file(each, file)
        return not abort.is_set()

    try:
        told = tell(Database(path, copying))
    except OddFile as error:
        yield _Given(path, size, mtime, odd=error.reason)
        return
    except Exception as error:
        note_fault("read statistics over MTP", error)
        yield _Given(path, size, mtime, odd="unreadable")
        return
    if told is not None:
        statistics: SeenStatistics = {"size": size, "mtime": mtime, "documents": told["documents"]}
        yield _Given(path, size, mtime, statistics=statistics, odd=told["odd"])


def _beside(entry: Any, name: str) -> Any:
    files = getattr(entry.parent, "files", None) or ()
    return next((each for each in files if each.name == name), None)


def _entries_of(cache: Any) -> list[Any]:
    """Every file and folder: calibre keeps them in one map of each storage since 7.14, before that in one of all."""
    maps = cache.id_maps.values() if hasattr(cache, "id_maps") else [cache.id_map]
    return [entry for entries in maps for entry in list(entries.values())]


def _is_sidecar(entry: Any) -> bool:
    folder = entry.parent
    if folder is None:
        return False
    stands_beside = folder.name.lower().endswith(".sdr") and NAME.match(entry.name) is not None
    return stands_beside or ARCHIVED.fullmatch(entry.name) is not None


def _parsed(path: str, data: bytes, is_full: bool) -> tuple[Sidecar | None, OddReason | None]:
    try:
        return (None, "too_large") if is_full else (read_sidecar_at(path, data), None)
    except OddFile as error:
        return None, error.reason
    except Exception as error:
        note_fault("read a device's sidecar", error)
        return None, "unexpected"


class _Bounded(io.BytesIO):
    """Takes what a sidecar may have at most, and lets the rest go by: what a device sends has no end that can be trusted."""

    is_full = False

    def write(self, data: Any) -> int:
        room = LARGEST - self.tell()
        if len(data) > room:
            self.is_full = True
        super().write(data[:room])
        return len(data)
