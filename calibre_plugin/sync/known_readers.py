"""The devices and folders that were read on this machine, and a look at folders without a device: for the command line."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from ..devices.device import SidecarFolder, collect_folder
from ..devices.odd_words import odd_sentence
from ..devices.state import DeviceState, all_states
from ..devices.statistics import StatisticsReader
from ..library.calibre_db import CalibreDb
from ..link.contract import FolderLook, KnownReader
from ..settings.config import profiles
from ..settings.readers import Reader, readers


def look_at_folders(
    folders: Sequence[SidecarFolder],
    api: CalibreDb,
    abort: threading.Event,
    statistics: StatisticsReader | None,
    keep: bool,
) -> list[FolderLook]:
    """What each of them brought; without `keep` this machine remembers nothing of it."""
    looks: list[FolderLook] = []
    for folder in folders:
        collected = collect_folder(folder, api, abort, statistics, keep)
        odd = sorted(collected.odd.items()) if collected is not None else []
        looks.append(
            {
                "path": folder.path,
                "id": folder.id,
                "device": folder.called,
                "there": collected is not None,
                "books": len(collected.books) if collected is not None else 0,
                "unmatched": len(collected.unmatched) if collected is not None else 0,
                "odd": [f"{path}: {odd_sentence(reason)}" for path, reason in odd],
            }
        )
    return looks


def known_readers(api: CalibreDb | None) -> list[KnownReader]:
    """Every device and folder, the one looked at last first; whose each is in the library, where one is given."""
    said = readers(api) if api is not None else {}
    names = {profile["id"]: profile["name"] for profile in profiles(api)} if api is not None else {}
    states = sorted(all_states(), key=lambda state: (-state["looked"], state["name"]))
    return [_known(state, said.get(state["id"]), names) for state in states]


def _known(state: DeviceState, reader: Reader | None, names: dict[str, str]) -> KnownReader:
    profile = names.get(reader["profile"] or "") if reader is not None else None
    return {
        "id": state["id"],
        "name": state["name"],
        "folder": state["folder"] or None,
        "looked": state["looked"] or None,
        "books": sum(entry["sidecar"] is not None for entry in state["sidecars"].values()),
        "whose": "unasked" if reader is None else "nobody" if profile is None else "profile",
        "profile": profile,
    }
