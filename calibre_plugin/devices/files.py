"""What lies on a mounted device: its books, KOReader's sidecars in all their places, and its statistics."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from .archive_folder import archive_folders
from .names import NO_MARKS, DriveMarks
from .odd_file import OddFile, OddReason, open_regular
from .sidecar import ARCHIVED, NAME
from .statistics import NAME as STATISTICS

Kind = Literal["book", "sidecar", "statistics"]
# Where KOReader keeps things, below its own folder; the rest of that folder is the program.
_KEPT: Final = frozenset({"docsettings", "hashdocsettings", "settings"})
_OWN: Final = "koreader"
# Hidden folders that are no system's business but KOReader's: Kobo's `.adds`, and desktops' `.config`.
_OPENED: Final = frozenset({".adds", ".config", ".koreader"})
_SKIPPED: Final = frozenset(
    {"system volume information", "lost+found", "$recycle.bin", "#recycle", "@recycle", "#snapshot", "@eadir"}
)
# Files and folders of a folder that was named by mistake, as the root of a server: no card has nearly so many.
MOST_ENTRIES: Final = 400_000
_NOT_BOOKS: Final = frozenset({"opf", "xml", "tan", "mbp", "html", "htm", "xhtm", "xhtml", "shtml", "shtm"})
_FURTHER: Final = frozenset({"cbt", "cb7", "md", "xps", "chm"})


@dataclass(frozen=True)
class Found:
    """One file; `size` in bytes and `mtime` in epoch seconds tell whether it is still the one seen before.

    The path has forward slashes everywhere. `odd` is why the file is not worth opening.
    """

    kind: Kind
    path: str
    size: int
    mtime: float
    odd: OddReason | None = None


class Identity(NamedTuple):
    """The file system and the folder that stand at a path, and what calibre wrote there about the drive."""

    file_system: int
    folder: int
    drive_info: bytes


def mounted_at(device: object) -> list[str]:
    """The folders where the device's memory and cards are mounted now; none for one that is reached otherwise."""
    names = ("_main_prefix", "_card_a_prefix", "_card_b_prefix")
    prefixes = (getattr(device, name, None) for name in names)
    return [with_slashes(str(prefix)) for prefix in prefixes if prefix and os.path.isdir(prefix)]


def with_slashes(path: str) -> str:
    """The path with forward slashes, which every system here understands."""
    return path.replace(os.sep, "/")


def book_extensions() -> frozenset[str]:
    """Lower case, what is a book to calibre or to KOReader."""
    from calibre.ebooks import BOOK_EXTENSIONS

    return (frozenset(BOOK_EXTENSIONS) | _FURTHER) - _NOT_BOOKS


class Walk:
    """One look through everything below a folder that concerns us; it ends early when stopped.

    `marks` are calibre's own for this device. Once it is over, `is_whole` says whether the same device was there from beginning to end and everything below it could
    be listed. Only then is what was not seen not there: a device that was pulled looks like one with fewer files.
    """

    def __init__(self, prefix: str, abort: threading.Event, marks: DriveMarks = NO_MARKS) -> None:
        self.is_whole = False
        self._marks = marks
        self._prefix = prefix
        self._abort = abort
        self._unseen: list[OSError] = []
        self._archives = archive_folders(prefix)

    def __iter__(self) -> Iterator[Found]:
        before = identity(self._prefix, self._marks.file)
        extensions = book_extensions()
        left = MOST_ENTRIES
        for folder, folders, names in os.walk(self._prefix, onerror=self._unseen.append):
            if self._abort.is_set():
                return
            left -= len(folders) + len(names)
            if left < 0:
                yield Found("book", with_slashes(self._prefix), 0, 0.0, "too_many_files")
                return
            here = os.path.basename(folder.rstrip(os.sep)).lower()
            folders[:] = [name for name in folders if self._is_worth_opening(folder, name, here == _OWN)]
            for name in names:
                if self._abort.is_set():
                    return
                kind = _kind_of(name, here, extensions)
                found = self._found(os.path.join(folder, name), kind) if kind is not None else None
                if found is not None:
                    yield found
        after = identity(self._prefix, self._marks.file)
        marks = [mark.encode() for mark in self._marks.marks]
        is_marked = after is not None and (not marks or any(mark in after.drive_info for mark in marks))
        self.is_whole = not (self._abort.is_set() or self._unseen) and is_marked and before == after

    def _found(self, path: str, kind: Kind) -> Found | None:
        try:
            about = os.stat(path)
        except OSError as error:
            if _is_dangling(path):
                return Found(kind, with_slashes(path), 0, 0.0, "not_a_file")
            self._unseen.append(error)
            return None
        size, mtime = about.st_size, about.st_mtime
        if not stat.S_ISREG(about.st_mode):
            return Found(kind, with_slashes(path), size, mtime, "not_a_file")
        if kind == "statistics":
            # What stands in the log beside a database is part of it.
            with suppress(OSError):
                log = os.stat(f"{path}-wal")
                size, mtime = size + log.st_size, max(mtime, log.st_mtime)
        return Found(kind, with_slashes(path), size, mtime)

    def _is_worth_opening(self, folder: str, name: str, is_own: bool) -> bool:
        lower = name.lower()
        if with_slashes(os.path.join(folder, name)) in self._archives:
            return True
        if is_own:
            return lower in _KEPT
        return lower in _OPENED or not (lower.startswith(".") or lower in _SKIPPED)


def identity(prefix: str, drive_info: str) -> Identity | None:
    """What tells a mounted device from an empty folder, or from another device, in its place; None when nothing is there."""
    try:
        about = os.stat(prefix)
        with suppress(FileNotFoundError), open_regular(os.path.join(prefix, drive_info)) as file:
            return Identity(about.st_dev, about.st_ino, file.read(1 << 16))
        return Identity(about.st_dev, about.st_ino, b"")
    except (OSError, OddFile):
        return None


def _kind_of(name: str, folder: str, extensions: frozenset[str]) -> Kind | None:
    if folder.endswith(".sdr"):
        return "sidecar" if NAME.match(name) else None
    if ARCHIVED.fullmatch(name):
        return "sidecar"
    if STATISTICS.fullmatch(name):
        return "statistics"
    if name.startswith(".") or folder == _OWN:
        return None
    return "book" if name.rpartition(".")[2].lower() in extensions else None


def _is_dangling(path: str) -> bool:
    """A link that leads nowhere, or in a circle: no sign that the device has gone."""
    try:
        return stat.S_ISLNK(os.lstat(path).st_mode)
    except OSError:
        return False
