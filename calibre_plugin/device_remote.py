"""Sidecars of devices that are not mounted: by calibre's wireless connection, or by MTP as far as this calibre has it.

KOReader's side of the wireless connection gives any file below its inbox, so only sidecars that stand beside their books
can be read there. Neither way gives a part of a file: books themselves would have to be sent back whole, and are not.
"""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

from .device_state import DeviceState, SeenSidecar
from .sidecar import NAME, read_sidecar, sidecar_path

# At 44 ms each (measured over loopback) this is a quarter of a minute; the others follow at the next connection.
MOST: Final = 400


def is_mtp(device: Any) -> bool:
    """Whether this is an MTP device: calibre reads those in its device thread only, so this must be a device job."""
    return hasattr(type(device), "filesystem_cache") or hasattr(device, "filesystem_cache")


def read_remote(
    device: Any, books: Sequence[str], before: DeviceState, abort: threading.Event, most: int = MOST
) -> tuple[dict[str, SeenSidecar], int, bool]:
    """The sidecars by path, how many were fetched, and whether none was left for the next time.

    `books` are paths on the device as calibre lists them. What was not asked for stays as it was.
    """
    reading = _by_mtp(device, before) if is_mtp(device) else _by_wireless(device, books, before)
    found: dict[str, SeenSidecar] = {}
    fetched = 0
    for path, entry in reading:
        if entry is not None:
            found[path] = entry
        is_known = entry is not None and entry is before["sidecars"].get(path)
        fetched += not is_known
        if abort.is_set() or fetched >= most:
            break
    else:
        return found, fetched, True
    return {**before["sidecars"], **found}, fetched, False


def _by_wireless(device: Any, books: Sequence[str], before: DeviceState) -> Iterator[tuple[str, SeenSidecar | None]]:
    """Those asked longest ago first: there is no date to see what changed."""
    known = before["sidecars"]
    asked = before["asked"]
    for path in sorted(map(sidecar_path, books), key=lambda each: asked.get(each, 0.0)):
        out = io.BytesIO()
        # A file that is not there is an error like any other.
        with suppress(Exception):
            device.get_file(path, out)
        asked[path] = time.time()
        data = out.getvalue()
        yield path, _seen(data, known.get(path)) if data else None


def _seen(data: bytes, before: SeenSidecar | None) -> SeenSidecar:
    sidecar = read_sidecar(data)
    unchanged = before is not None and before["size"] == len(data) and before["sidecar"] == sidecar
    return before if before is not None and unchanged else {"size": len(data), "mtime": time.time(), "sidecar": sidecar}


def _by_mtp(device: Any, before: DeviceState) -> Iterator[tuple[str, SeenSidecar | None]]:
    """calibre has the whole tree of an MTP device, with sizes and dates."""
    for entry in list(device.filesystem_cache.id_map.values()):
        folder = entry.parent
        if entry.is_folder or folder is None or not folder.name.lower().endswith(".sdr") or not NAME.match(entry.name):
            continue
        # Without the name of the storage, as calibre's own list has it.
        path = "/".join(entry.full_path[1:])
        size, mtime = int(entry.size), entry.last_modified.timestamp()
        known = before["sidecars"].get(path)
        if known is not None and (known["size"], known["mtime"]) == (size, mtime):
            yield path, known
            continue
        out = io.BytesIO()
        with suppress(Exception):
            device.get_mtp_file(entry, out)
        data = out.getvalue()
        yield path, {"size": size, "mtime": mtime, "sidecar": read_sidecar(data)} if data else None
