"""Where copy logs lie: this calibre's own folder, and those of others that the reader named. Only looked at, never changed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final, Literal

from . import log as copy_log
from .log import SUFFIX, VARIABLE
from .strip_list import FOLDER

Trouble = Literal["", "missing", "unreadable", "empty"]

# Below a calibre's configuration folder, or any folder on the way to its logs.
_BELOW: Final = ("", "copies", os.path.join(os.path.basename(FOLDER), "copies"), os.path.join(FOLDER, "copies"))


def log_folders(further: Iterable[str] = ()) -> list[str]:
    """This calibre's own log folder, then those of the setting (`further`), then those of the environment variable."""
    return list(dict.fromkeys([copy_log.log_folder(), *(find_logs(folder) for folder in named_folders(further))]))


def named_folders(further: Iterable[str] = ()) -> list[str]:
    """The folders of other calibres as they were named, in the setting and in the environment variable."""
    named = [*further, *os.environ.get(VARIABLE, "").split(os.pathsep)]
    return list(dict.fromkeys(os.path.abspath(os.path.expanduser(folder)) for folder in named if folder))


def find_logs(folder: str) -> str:
    """The folder of logs in what was named: itself, or where a calibre of that configuration folder keeps them."""
    return next((place for place in (os.path.join(folder, below) for below in _BELOW) if _has_logs(place)), folder)


def trouble_with(folder: str) -> Trouble:
    """Why nothing can be learned from a folder now, if so. A place that does not answer keeps the caller waiting."""
    try:
        os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return "missing"
    except OSError:
        return "unreadable"
    return "" if _has_logs(find_logs(folder)) else "empty"


def out_of_reach(further: Iterable[str] = ()) -> list[str]:
    """Those of the named folders that are not there, or cannot be read; one without logs yet may have some tomorrow."""
    return [folder for folder in named_folders(further) if trouble_with(folder) in ("missing", "unreadable")]


def _has_logs(folder: str) -> bool:
    try:
        return any(name.endswith(SUFFIX) for name in os.listdir(folder))
    except OSError:
        return False
