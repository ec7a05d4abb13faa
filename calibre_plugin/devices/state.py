"""What was seen on a device last time, so that only what changed is opened again; one file a device, disposable.

It names books by uuid, so it serves every library that the device is connected to.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from typing import Any, Final, TypedDict, cast

from .odd_file import OddReason
from .sidecar import Sidecar
from .statistics import ReadDocument
from ..copies.strip_list import our_folder

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
    documents: list[ReadDocument]


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
    name: str
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
        "name": name,
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
    """Keeps the state; a disk that refuses only costs time at the next connection. What a newer plugin wrote stays."""
    _save(_path(device), state)


def _save(path: str, state: DeviceState) -> None:
    if _version_at(path) > VERSION:
        return
    unfinished = f"{path}.{os.getpid()}"
    with suppress(OSError):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(unfinished, "w", encoding="utf-8", errors="surrogatepass") as file:
            json.dump(state, file)
        os.replace(unfinished, path)


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
    stored = _stored(path)
    if stored.get("version") == 1:
        # The first one took whatever a look had not seen for gone, also when the device had been pulled.
        stored = {**stored, "version": VERSION, "odd": {}, "to_offer": {}}
    return cast(DeviceState, stored) if _is_whole(stored) else None


def _version_at(path: str) -> int:
    version = _stored(path).get("version")
    return version if isinstance(version, int) else 0


def _stored(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8", errors="surrogatepass") as file:
            state = json.load(file)
    except (OSError, ValueError, RecursionError):
        return {}
    return state if isinstance(state, dict) else {}


def _is_whole(state: dict[str, Any]) -> bool:
    """Whether this is what was written here: a file that somebody else has changed is like none."""
    empty = empty_state("")
    if state.get("version") != VERSION or any(type(state.get(key)) is not type(value) for key, value in empty.items()):
        return False
    seen = (entry for key in ("files", "sidecars", "statistics", "odd") for entry in state[key].values())
    return all(isinstance(entry, dict) and {"size", "mtime"} <= entry.keys() for entry in seen)
