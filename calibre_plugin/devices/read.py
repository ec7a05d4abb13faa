"""Reads a mounted device: only what changed since the last time is opened, and what is odd costs itself alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from ..copies.content_key import is_versioned, key_and_uuids
from ..link.contract import EPUB_FORMATS
from .files import Found, Walk
from .names import NO_MARKS, DriveMarks
from .state import DeviceState, SeenFile, empty_state
from ..copies.digest import partial_md5
from ..words.faults import note_fault
from .lua_table import LARGEST as LARGEST_SIDECAR
from .odd_file import OddFile, OddReason, open_regular, read_at_most
from .sidecar import TOLD, book_path, read_sidecar_at
from .statistics import TellStatistics, is_all_told, mounted_database, untold
from .uploads import format_of

_Place = Literal["files", "sidecars", "statistics"]
_PLACES: Final[dict[str, _Place]] = {"book": "files", "sidecar": "sidecars", "statistics": "statistics"}

_EVERYWHERE: Final[tuple[Literal["files", "sidecars", "statistics", "odd"], ...]] = (*_PLACES.values(), "odd")


@dataclass(frozen=True)
class Look:
    """What one look at a device saw, together with what is still known from before of what it did not get to."""

    now: DeviceState
    # How many files were opened; the others were known.
    opened: int
    # False when another look is needed to see the rest.
    complete: bool
    # Whether what was not seen is not there: never where a device cannot be listed, or was pulled, or the look was stopped.
    whole: bool


def read_mounted(
    prefixes: Iterable[str],
    before: DeviceState,
    called: str,
    abort: threading.Event,
    marks: DriveMarks = NO_MARKS,
    tell: TellStatistics = untold,
) -> Look:
    """The device as it is now. What a look that did not end whole left unread stays as it was.

    `marks` are calibre's own, of which every part of the device must bear one for the look to be whole.
    """
    reader = _Reader(before, empty_state(called), abort, tell)
    for prefix in prefixes:
        reader.read_below(prefix, marks)
    if not reader.whole:
        reader.keep_unseen()
    return Look(reader.now, reader.opened, not abort.is_set(), reader.whole)


def read_folder(
    folder: str, before: DeviceState, called: str, abort: threading.Event, tell: TellStatistics = untold
) -> Look | None:
    """A folder of sidecars without a device, as it is now; None when there is nothing: it is not mounted, or empty.

    No look of this kind is whole: a synchroniser takes files away and brings them back as it likes.
    """
    reader = _Reader(before, empty_state(called), abort, tell)
    reader.read_opened(folder)
    met = any(reader.now[place] for place in _EVERYWHERE)
    if not met and not abort.is_set():
        return None
    if not reader.whole:
        reader.keep_unseen()
    return Look(reader.now, reader.opened, not abort.is_set(), whole=False)


class _Reader:
    def __init__(self, before: DeviceState, now: DeviceState, abort: threading.Event, tell: TellStatistics) -> None:
        self.before, self.now, self._abort, self._tell = before, now, abort, tell
        self.opened, self.whole = 0, True

    def read_below(self, prefix: str, marks: DriveMarks) -> None:
        walk = Walk(prefix, self._abort, marks)
        for found in walk:
            self._read(found)
        self.whole = self.whole and walk.is_whole

    def read_opened(self, folder: str) -> None:
        """Of a folder's books only those that tell whose a sidecar is: a whole library may lie there."""
        walk = Walk(folder, self._abort)
        found = [*walk]
        self.whole = self.whole and walk.is_whole
        books = {each.path for each in found if each.kind == "book"}
        stands_for = {each.path: book_path(each.path) for each in found if each.kind == "sidecar"}
        # A sidecar that stands elsewhere may be any book's.
        is_any = any(book not in books for book in stands_for.values())
        opened = {*stands_for.values()}
        for each in found:
            if each.kind != "book" or is_any or each.path in opened or each.odd is not None:
                self._read(each)

    def keep_unseen(self) -> None:
        """What was not met in this look says nothing: it stays as it was."""
        seen = {path for place in _EVERYWHERE for path in self.now[place]}
        for place in _EVERYWHERE:
            unseen = {path: entry for path, entry in self.before[place].items() if path not in seen}
            self.now[place] = {**unseen, **self.now[place]}  # type: ignore[literal-required]

    def _read(self, found: Found) -> None:
        """Puts one file into the state, from before where it did not change."""
        place = _PLACES[found.kind]
        known, odd = self.before[place].get(found.path), self.before["odd"].get(found.path)
        if _is_same(odd, found) or (odd is None and _is_same(known, found)):
            entry, reason = known, odd["reason"] if odd is not None else None
        else:
            self.opened += 1
            entry, reason = _opened(found, self._abort, self._tell)
            if entry is None:
                # It is there, only not to be read at this moment: that is no sign of anything having gone.
                self.whole = self.whole and (reason is not None or found.kind == "statistics")
                entry = known
        if entry is not None:
            self.now[place][found.path] = entry  # type: ignore[assignment]
        if reason is not None:
            self.now["odd"][found.path] = {"size": found.size, "mtime": found.mtime, "reason": reason}


def _is_same(known: Any, found: Found) -> bool:
    # What the device refused once, it may give the next time.
    if known is None or known.get("reason") == "unreadable" or _is_outdated(known):
        return False
    return (known["size"], known["mtime"]) == (found.size, found.mtime)


def _opened(found: Found, abort: threading.Event, tell: TellStatistics) -> tuple[Any, OddReason | None]:
    """What a file holds, and what is odd about it; neither for one that vanished, or when reading was stopped."""
    about = {"size": found.size, "mtime": found.mtime}
    try:
        if found.odd is not None:
            return None, found.odd
        if found.kind == "book":
            return _seen_file(found), None
        if found.kind == "sidecar":
            return {**about, "sidecar": read_sidecar_at(found.path, read_at_most(found.path, LARGEST_SIDECAR))}, None
        told = tell(mounted_database(found.path, abort))
        return ({**about, "documents": told["documents"]}, told["odd"]) if told is not None else (None, None)
    except OddFile as error:
        return None, error.reason
    except FileNotFoundError:
        return None, None
    except OSError:
        return None, "unreadable"
    except Exception as error:
        note_fault(f"read a device's {found.kind}", error)
        return None, "unexpected"


def _is_outdated(seen: Mapping[str, Any]) -> bool:
    """Whether a book was looked at before content keys knew pictures, or a file of KOReader's before all of it was read."""
    key, sidecar, documents = seen.get("content_key"), seen.get("sidecar"), seen.get("documents") or []
    return (
        (key is not None and not is_versioned(key))
        or (sidecar is not None and not sidecar.keys() >= TOLD)
        or not is_all_told(documents)
    )


def _seen_file(found: Found) -> SeenFile:
    is_epub = format_of(found.path) in EPUB_FORMATS
    with open_regular(found.path) as file:
        digest = partial_md5(file)
        key, uuids = key_and_uuids(file) if is_epub else (None, [])
    return {
        "size": found.size,
        "mtime": found.mtime,
        "digest": digest,
        "content_key": key,
        "uuids": uuids,
        "seen": time.time(),
    }
