"""Whose reader is this? Asked once for each device and folder, and kept with the library: until it is answered, nothing
that the device tells counts for anybody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypedDict

from ..library.calibre_db import CalibreDb
from ..library.settings import changing, store_settings, whole_settings

_KEY: Final = "readers"


class Reader(TypedDict):
    """A device or a folder, and the profile that it belongs to; None is nobody's: it is known, and left alone."""

    name: str
    profile: str | None


def readers(api: CalibreDb) -> dict[str, Reader]:
    """Those that were asked about in this library, by the device's or folder's id."""
    stored = whole_settings(api)[0].get(_KEY)
    return {key: value for key, value in stored.items() if _is_reader(value)} if isinstance(stored, dict) else {}


def readers_of(api: CalibreDb, profile_id: str) -> frozenset[str]:
    """The devices and folders of one profile: what they tell counts for it, and for no other."""
    return frozenset(key for key, reader in readers(api).items() if reader["profile"] == profile_id)


def set_readers(api: CalibreDb, said: Mapping[str, Reader]) -> None:
    """Keeps whose these are, beside the others. Raises NewerSchema when a newer version wrote the settings."""
    with changing:
        store_settings(api, {**whole_settings(api)[0], _KEY: {**readers(api), **said}})


def _is_reader(value: Any) -> bool:
    if not (isinstance(value, dict) and isinstance(value.get("name"), str)):
        return False
    return value.get("profile") is None or isinstance(value["profile"], str)
