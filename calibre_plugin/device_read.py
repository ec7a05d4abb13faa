"""Reads a mounted device: only what changed since the last time is opened."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from .device_files import Found, walk
from .device_state import DeviceState, SeenFile, empty_state
from .digest import content_key, package_uuids, partial_md5
from .sidecar import read_sidecar
from .statistics_db import read_statistics
from .uploads import format_of

LARGEST_SIDECAR: Final = 32 << 20
_EPUBS: Final = frozenset({"EPUB", "KEPUB"})


def read_mounted(
    prefixes: Iterable[str], before: DeviceState, called: str, abort: threading.Event
) -> tuple[DeviceState, int]:
    """The device as it is now, and how many files had to be opened. What a stop left unread stays as it was."""
    now, opened = empty_state(called), 0
    for prefix in prefixes:
        for found in walk(prefix, abort):
            opened += _read(found, before, now, abort)
            if abort.is_set():
                break
    if abort.is_set():
        now["files"] = {**before["files"], **now["files"]}
        now["sidecars"] = {**before["sidecars"], **now["sidecars"]}
        now["statistics"] = {**before["statistics"], **now["statistics"]}
    return now, opened


def _read(found: Found, before: DeviceState, now: DeviceState, abort: threading.Event) -> bool:
    """Puts one file into the state; whether it had to be opened. A file that vanished meanwhile is left out."""
    key = {"book": "files", "sidecar": "sidecars", "statistics": "statistics"}[found.kind]
    known = before[key].get(found.path)
    if known is not None and (known["size"], known["mtime"]) == (found.size, found.mtime):
        now[key][found.path] = known
        return False
    about = {"size": found.size, "mtime": found.mtime}
    with suppress(OSError):
        if found.kind == "book":
            now["files"][found.path] = _seen_file(found)
        elif found.kind == "sidecar":
            small = found.size <= LARGEST_SIDECAR
            now[key][found.path] = {**about, "sidecar": read_sidecar(Path(found.path).read_bytes()) if small else None}
        else:
            documents = read_statistics(found.path, abort)
            if documents is not None:
                now[key][found.path] = {**about, "documents": documents}
    return True


def _seen_file(found: Found) -> SeenFile:
    is_epub = format_of(found.path) in _EPUBS
    with open(found.path, "rb") as file:
        digest, key = partial_md5(file), content_key(file) if is_epub else None
    return {
        "size": found.size,
        "mtime": found.mtime,
        "digest": digest,
        "content_key": key,
        "uuids": package_uuids(found.path) if key else [],
        "seen": time.time(),
    }
