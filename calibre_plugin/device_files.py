"""What lies on a mounted device: its books, KOReader's sidecars in all three places, and its statistics."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Literal

from .sidecar import NAME
from .statistics_db import STATISTICS

Kind = Literal["book", "sidecar", "statistics"]
# Where KOReader keeps things, below its own folder; the rest of that folder is the program.
_KEPT: Final = frozenset({"docsettings", "hashdocsettings", "settings"})
_OWN: Final = "koreader"
# Hidden folders that are no system's business but KOReader's: Kobo's `.adds`, and desktops' `.config`.
_OPENED: Final = frozenset({".adds", ".config", ".koreader"})
_SKIPPED: Final = frozenset({"system volume information", "lost+found", "$recycle.bin"})
_NOT_BOOKS: Final = frozenset({"opf", "xml", "tan", "mbp", "html", "htm", "xhtm", "xhtml", "shtml", "shtm"})
_FURTHER: Final = frozenset({"cbt", "cb7", "md", "xps", "chm"})


@dataclass(frozen=True)
class Found:
    """One file; `size` in bytes and `mtime` in epoch seconds tell whether it is still the one seen before.

    The path has forward slashes everywhere.
    """

    kind: Kind
    path: str
    size: int
    mtime: float


def mounted_at(device: Any) -> list[str]:
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


def walk(prefix: str, abort: threading.Event) -> Iterator[Found]:
    """Everything below a folder that concerns us; ends early when stopped. What cannot be read is left out."""
    extensions = book_extensions()
    for folder, folders, names in os.walk(prefix):
        if abort.is_set():
            return
        here = os.path.basename(folder.rstrip(os.sep)).lower()
        if here == _OWN:
            folders[:] = [name for name in folders if name.lower() in _KEPT]
        else:
            folders[:] = [name for name in folders if _worth_opening(name)]
        for name in names:
            kind = _kind_of(name, here, extensions)
            if kind is None:
                continue
            path = os.path.join(folder, name)
            with suppress(OSError):
                yield Found(kind, with_slashes(path), *_version(path, kind))


def _worth_opening(name: str) -> bool:
    lower = name.lower()
    return lower in _OPENED or not (lower.startswith(".") or lower in _SKIPPED)


def _kind_of(name: str, folder: str, extensions: frozenset[str]) -> Kind | None:
    if folder.endswith(".sdr"):
        return "sidecar" if NAME.match(name) else None
    if name == STATISTICS:
        return "statistics"
    if name.startswith(".") or folder == _OWN:
        return None
    return "book" if name.rpartition(".")[2].lower() in extensions else None


def _version(path: str, kind: Kind) -> tuple[int, float]:
    """Size and date of a file; of a database with what still stands in the log beside it."""
    about = os.stat(path)
    size, mtime = about.st_size, about.st_mtime
    if kind == "statistics":
        with suppress(OSError):
            log = os.stat(f"{path}-wal")
            size, mtime = size + log.st_size, max(mtime, log.st_mtime)
    return size, mtime
