"""Where a reader has put KOReader's *book metadata archive*: a folder of any name, which KOReader's own settings tell."""

from __future__ import annotations

import os
from typing import Final

from .lua_table import read_lua_table
from .odd_file import OddFile, read_at_most

_SETTINGS: Final = "settings.reader.lua"
_SETTING: Final = "document_metadata_arc_folder"
# Where KOReader's own folder stands on its systems.
_OWN: Final = ("koreader", ".adds/koreader", "applications/koreader", ".koreader", ".config/koreader")
_LARGEST: Final = 2 << 20


def archive_folders(prefix: str) -> frozenset[str]:
    """The archive below a mounted device, and each folder on the way to it; paths with forward slashes."""
    prefix = prefix.rstrip("/")
    told = (_told(f"{prefix}/{own}/{_SETTINGS}") for own in _OWN)
    return frozenset(folder for path in told if path for folder in _way_to(path, prefix))


def _told(settings: str) -> str | None:
    try:
        folder = read_lua_table(read_at_most(settings, _LARGEST)).get(_SETTING)
    except (OSError, OddFile):
        return None
    return folder if isinstance(folder, str) else None


def _way_to(path: str, prefix: str) -> list[str]:
    """The folders of a path below the prefix. KOReader knows the device's memory by another name (`/mnt/onboard`), so the
    beginning is left out until the rest is a folder."""
    parts = [part for part in path.split("/") if part not in ("", ".", "..")]
    for first in range(len(parts)):
        rest = parts[first:]
        if os.path.isdir(f"{prefix}/{'/'.join(rest)}"):
            return [f"{prefix}/{'/'.join(rest[:n])}" for n in range(1, len(rest) + 1)]
    return []
