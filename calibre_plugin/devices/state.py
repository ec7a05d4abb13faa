"""What was seen on a device last time, so that only what changed is opened again; one file a device, disposable.

It names books by uuid, so it serves every library that the device is connected to.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from typing import Any, Final, TypedDict, cast

from .odd_file import OddReason
from .sidecar import Sidecar
from ..link.contract import DocumentStatistics
from ..copies.stored import STEPS, JsonFile, NewerSchema, is_newer
from ..copies.strip_list import our_folder

# As 0.1.0 reads it: of any other than its own it knows nothing. The schema is `stored`'s.
VERSION: Final = 2


class SeenFile(TypedDict):
    """One book on the device. Times are epoch seconds."""

    size: int
    mtime: float
    digest: str
    content_key: str | None
    uuids: list[str]
    # When this content was first seen here.
    seen: float


class SeenSidecar(TypedDict):
    """One sidecar; null content is a file that is none."""

    size: int
    mtime: float
    sidecar: Sidecar | None


class SeenStatistics(TypedDict):
    """One statistics database."""

    size: int
    mtime: float
    documents: list[DocumentStatistics]


class SeenOdd(TypedDict):
    """A file of which nothing, or not all, could be understood. It is opened again when it changed."""

    size: int
    mtime: float
    reason: OddReason


class DeviceDocument(TypedDict):
    """A document that a device knows and that belongs to no book of the library, with all that is known of it."""

    digest: str
    device: str
    title: str | None
    authors: list[str]
    # Basename, where one is known.
    name: str | None
    percentage: float | None
    # When it was read last, epoch seconds.
    at: float | None
    source: str


class DeviceState(TypedDict):
    """Everything of one device, files by absolute path, the rest by digest."""

    version: int
    # What stays the same for it whatever it is called; empty where an earlier version has seen it last.
    id: str
    name: str
    # Where it lies, for a folder of sidecars without a device.
    folder: str
    # When it was looked at last, epoch seconds.
    looked: float
    files: dict[str, SeenFile]
    sidecars: dict[str, SeenSidecar]
    statistics: dict[str, SeenStatistics]
    # What is wrong with a file; of one that was good before, what it said then stays beside it.
    odd: dict[str, SeenOdd]
    # When each sidecar was last asked for, where a device tells no dates; epoch seconds by path.
    asked: dict[str, float]
    # Sidecars whose book is where they say, with the book's uuid.
    held: dict[str, str]
    # Digests whose sidecar was not found in a whole look while the book is still there, with the book's uuid: worth
    # offering again, if the reader asks for it.
    to_offer: dict[str, str]
    unmatched: list[DeviceDocument]


def empty_state(name: str) -> DeviceState:
    """What is known of a device that was never seen."""
    return {
        "version": VERSION,
        "id": "",
        "name": name,
        "folder": "",
        "looked": 0.0,
        "files": {},
        "sidecars": {},
        "statistics": {},
        "odd": {},
        "asked": {},
        "held": {},
        "to_offer": {},
        "unmatched": [],
    }


def load_state(device: str, name: str) -> DeviceState:
    """The state of the device of this id; an empty one when there is none that we understand."""
    return _load(_path(device)) or empty_state(name)


def save_state(device: str, state: DeviceState) -> None:
    """Keeps the state; a disk that refuses only costs time at the next connection. A newer version's stays as it is."""
    _save(_path(device), {**state, "id": device, "looked": time.time()})


def _save(path: str, state: DeviceState) -> None:
    with suppress(OSError, NewerSchema):
        JsonFile(path, "device").write({**state})


def all_states() -> Iterator[DeviceState]:
    """Every device that was ever connected here."""
    for path in _paths():
        state = _load(path)
        if state is not None:
            yield state


def forget_offers(digests: Collection[str]) -> None:
    """These were offered again, or nothing is known that could be."""
    for path in _paths():
        state = _load(path)
        if state is not None and not state["to_offer"].keys().isdisjoint(digests):
            state["to_offer"] = {key: uuid for key, uuid in state["to_offer"].items() if key not in digests}
            _save(path, state)


def _paths() -> list[str]:
    try:
        names = sorted(os.listdir(_folder()))
    except OSError:
        return []
    return [os.path.join(_folder(), name) for name in names if name.endswith(".json")]


def _folder() -> str:
    return os.path.join(our_folder(), "devices")


def _path(device: str) -> str:
    return os.path.join(_folder(), hashlib.sha256(device.encode("utf-8", "surrogatepass")).hexdigest()[:32] + ".json")


def _load(path: str) -> DeviceState | None:
    try:
        stored = JsonFile(path, "device").read()
    except OSError:
        return None
    # What is new in this version is filled up; of a file that is not there nothing is.
    state = {**empty_state(""), **stored}
    return cast(DeviceState, state) if stored and not is_newer(stored) and _is_whole(state) else None


def _from_first(state: dict[str, Any]) -> dict[str, Any]:
    # The first schema took whatever a look had not seen for gone, also when the device had been pulled.
    return {**state, "version": VERSION, "odd": {}, "to_offer": {}}


STEPS["device"] = {1: _from_first}


def _is_whole(state: dict[str, Any]) -> bool:
    """Whether this is what was written here: a file that somebody else has changed is like none."""
    empty = empty_state("")
    if any(type(state.get(key)) is not type(value) for key, value in empty.items()):
        return False
    seen = (entry for key in ("files", "sidecars", "statistics", "odd") for entry in state[key].values())
    return all(isinstance(entry, dict) and {"size", "mtime"} <= entry.keys() for entry in seen)
