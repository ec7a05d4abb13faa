"""What a connected device knows: the digests of its files, KOReader's sidecars and statistics, brought into the library.

Only what changed since the last connection is opened. Nothing is written to the device, no file stays open for longer
than it is read, and everything ends as soon as it is asked to: a device can be ejected at any moment.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..library.calibre_db import CalibreDb
from ..settings.readers import readers, readers_of
from .files import mounted_at, with_slashes
from .home import Collected, bring_home
from .names import device_id, device_name, drive_marks
from .read import read_folder, read_mounted
from .remote import MOST, read_remote
from .state import load_state, save_state
from .statistics import StatisticsReader, untold


def collect(
    device: object,
    api: CalibreDb,
    abort: threading.Event,
    uuids: Mapping[str, str],
    most: int = MOST,
    statistics: StatisticsReader | None = None,
) -> Collected:
    """Reads a connected device and keeps what it tells.

    For a thread of its own; for a device job when `is_mtp`, with a small `most` so that others have their turn, again
    until the result is complete. `uuids` are those of `calibre_uuids`. Without a reader of `statistics` these stay as
    they are known.
    """
    called, marked = device_name(device), device_id(device)
    before = load_state(marked, called)
    tell = statistics.of(marked, abort, _same_reader(api, marked)) if statistics is not None else untold
    prefixes = mounted_at(device)
    if prefixes:
        look = read_mounted(prefixes, before, called, abort, drive_marks(device), tell)
    else:
        look = read_remote(device, list(uuids), before, called, abort, most, tell)
    collected = bring_home(api, before, look, prefixes, uuids, abort, marked)
    save_state(marked, look.now)
    return collected


@dataclass(frozen=True)
class SidecarFolder:
    """A folder of sidecars without a device: a synced folder, a network's, a backup of a card. `name` is the reader's."""

    path: str
    name: str

    @property
    def id(self) -> str:
        """What stays the same whatever it is called."""
        place = os.path.realpath(self.path)
        return "folder:" + hashlib.sha256(place.encode("utf-8", "surrogatepass")).hexdigest()[:32]

    @property
    def called(self) -> str:
        return self.name or os.path.basename(self.path.rstrip("/" + os.sep)) or self.path


def collect_folder(
    folder: SidecarFolder,
    api: CalibreDb,
    abort: threading.Event,
    statistics: StatisticsReader | None = None,
    keep: bool = True,
) -> Collected | None:
    """As `collect`, for a folder without a device; None when it is not there, or empty: then nothing changes.

    Without `keep` nothing of it is remembered on this machine.
    """
    before = load_state(folder.id, folder.called)
    tell = statistics.of(folder.id, abort, _same_reader(api, folder.id)) if statistics is not None else untold
    place = with_slashes(os.path.abspath(folder.path))
    look = read_folder(place, before, folder.called, abort, tell)
    if look is None:
        return None
    look.now["folder"] = place
    collected = bring_home(api, before, look, [place], {}, abort, folder.id)
    if keep:
        save_state(folder.id, look.now)
    return collected


def _same_reader(api: CalibreDb, device: str) -> frozenset[str]:
    """The devices and folders of the same person, by id: none where it was not said whose this one is."""
    said = readers(api).get(device)
    profile = said["profile"] if said is not None else None
    return readers_of(api, profile) if profile is not None else frozenset()


def calibre_uuids(booklists: Iterable[Iterable[Any]]) -> dict[str, str]:
    """Path on the device -> uuid of the book, from calibre's own lists of what is there; read them on the GUI thread.

    The path is absolute where the device is mounted, else below its memory.
    """
    found: dict[str, str] = {}
    for booklist in booklists:
        for book in booklist or ():
            path, uuid = getattr(book, "path", None), getattr(book, "uuid", None)
            if path and uuid:
                place = path if os.path.isabs(path) else getattr(book, "lpath", path)
                found[with_slashes(str(place))] = str(uuid)
    return found
