"""What a connected device is called, and how it is told from others of its kind."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True)
class DriveMarks:
    """calibre's own file at the root of a device's memory and of each card, and the marks that it has given these."""

    file: str
    marks: frozenset[str]


NO_MARKS: Final = DriveMarks("driveinfo.calibre", frozenset())


def device_name(device: Any) -> str:
    """The name that the reader gave it in calibre, else its kind's; empty when there is none."""
    with suppress(Exception):
        name = _drive(device).get("device_name")
        if isinstance(name, str) and name:
            return name
    with suppress(Exception):
        return str(device.get_gui_name() or "")
    return ""


def device_id(device: object) -> str:
    """What stays the same for one device whatever it is called: calibre's own mark on it, else where it is mounted."""
    with suppress(Exception):
        mark = _drive(device).get("device_store_uuid")
        if isinstance(mark, str) and mark:
            return mark
    return str(getattr(device, "_main_prefix", "") or type(device).__name__)


def drive_marks(device: object) -> DriveMarks:
    """What calibre has marked this device with."""
    info = getattr(device, "driveinfo", None)
    drives = info.values() if isinstance(info, dict) else ()
    marks = (drive.get("device_store_uuid") for drive in drives if isinstance(drive, dict))
    file = getattr(device, "DRIVEINFO", None)
    known = frozenset(mark for mark in marks if isinstance(mark, str) and mark)
    return DriveMarks(file, known) if isinstance(file, str) else NO_MARKS


def _drive(device: object) -> dict[str, Any]:
    info = getattr(device, "driveinfo", None) or {}
    # The wireless driver keeps the one drive's information itself, without a name for the drive.
    return info.get("main") or info
