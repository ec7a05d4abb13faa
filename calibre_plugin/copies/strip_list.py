"""Which columns are ours: the one file that tells every calibre process what to leave out of a copy.

The metadata writer runs where no library is open. It sees each column's lookup name, number and datatype, so these
name a column here; another library's column of the same name has another number or datatype, or is mapped as well.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TypedDict

from .stored import JsonFile, NewerSchema

FOLDER = os.path.join("plugins", "koreader_progress")
FILE = "strip_list.json"


class StripColumn(TypedDict):
    """A mapped column: its lookup name with the hash, calibre's number for it, its datatype."""

    lookup: str
    number: int
    datatype: str


@dataclass(frozen=True)
class StripList:
    """Every mapped column of every library, and the two switches. Both are on until somebody turns them off."""

    columns: frozenset[tuple[str, int, str]] = frozenset()
    strip: bool = True
    settle: bool = True

    def names(self, lookup: str, number: int | None, datatype: str | None) -> bool:
        """Whether this is a column of ours."""
        return (lookup, number, datatype) in self.columns


def our_folder() -> str:
    """Where the plugin keeps its own files, inside calibre's configuration folder."""
    from calibre.constants import config_dir

    return os.path.join(config_dir, FOLDER)


_read: tuple[tuple[int, int] | None, StripList] = (None, StripList())


def read_strip_list() -> StripList:
    """The strip list as it stands; the defaults when there is none or it cannot be read. Costs one stat if unchanged."""
    global _read
    path = os.path.join(our_folder(), FILE)
    try:
        stat = os.stat(path)
        version = (stat.st_mtime_ns, stat.st_size)
        if _read[0] != version:
            _read = (version, _parse(_file().read()))
    except Exception:
        return StripList()
    return _read[1]


def write_columns(library: str, columns: list[StripColumn]) -> None:
    """Replaces the mapped columns of one library (any name that stays its own); OSError when it cannot be kept.

    A newer version's list stays as it is.
    """
    stored = _file().read()
    libraries = dict(stored.get("libraries", {})) if isinstance(stored.get("libraries", {}), dict) else {}
    if libraries.get(library) != columns:
        libraries[library] = columns
    elif not _file().is_older():
        return
    _store({**stored, "libraries": libraries})


def write_switches(strip: bool, settle: bool) -> None:
    """Turns stripping and settling on or off on this machine; OSError when it cannot be kept."""
    _store({**_file().read(), "strip": strip, "settle": settle})


def take_over(stored: dict) -> bool:
    """Adds what another computer's list says of libraries that are not in ours, and switches nobody has turned here.

    Whether anything was added. Raises OSError.
    """
    ours = _file().read()
    taken = {
        key: value for key in ("strip", "settle") if key not in ours and isinstance(value := stored.get(key), bool)
    }
    libraries = ours.get("libraries", {})
    theirs = stored.get("libraries")
    for library, columns in theirs.items() if isinstance(theirs, dict) and isinstance(libraries, dict) else ():
        if library not in libraries and isinstance(columns, list) and all(map(_is_column, columns)):
            libraries = {**libraries, library: columns}
    if not taken and libraries == ours.get("libraries", {}):
        return False
    _store({**ours, **taken, "libraries": libraries})
    return True


def _parse(stored: dict) -> StripList:
    libraries = stored.get("libraries", {})
    columns = (column for library in libraries.values() for column in library) if isinstance(libraries, dict) else ()
    return StripList(
        columns=frozenset(
            (column["lookup"], column["number"], column["datatype"]) for column in columns if _is_column(column)
        ),
        strip=stored.get("strip", True) is not False,
        settle=stored.get("settle", True) is not False,
    )


def _is_column(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(value.get(key), (str, int)) for key in StripColumn.__annotations__
    )


def _file() -> JsonFile:
    return JsonFile(os.path.join(our_folder(), FILE), "strip_list")


def _store(stored: dict) -> None:
    with suppress(NewerSchema):
        _file().write(stored)
