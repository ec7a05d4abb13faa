"""What the plugin keeps, and where: on this computer, and in the library that is open."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from ..copies.strip_list import our_folder
from ..library.calibre_db import CalibreDb
from ..library.settings import NAMESPACE, PREFERENCES, whole_settings
from ..link.host import cache_folder
from ..memory.first_copy import FOLDER
from ..memory.journal import WriteJournal
from ..settings.file import settings_path

Held = Literal["profiles", "book_data", "settings", "logs", "programs", "server", "journal"]

# What the names of all our custom book data begin with.
BOOK_DATA: Final = f"{NAMESPACE}_"
JOURNAL: Final = "journal"
# With what the journal tells it brings a library back: they stay, or go, together.
TO_GO_BACK: Final = (JOURNAL, FOLDER)
SERVER: Final = "server"
# What can be had again: the bridge, and a runtime of the plugin's own.
PROGRAMS: Final = ("bridge-", "runtime-")
# Another library on a slow share must not keep a reader waiting: seconds for its lock.
PATIENCE: Final = 1.0


@dataclass(frozen=True)
class Holding:
    """One kind of thing that is kept: its places, its size in bytes, and of how many books a library keeps it."""

    held: Held
    places: tuple[str, ...]
    size: int
    books: int = 0


def holdings(api: CalibreDb) -> list[Holding]:
    """Everything that there is, for a job's thread; what there is nothing of is left out."""
    library = api.backend.library_path
    profiles = _sum(api, "SELECT COUNT(*), SUM(LENGTH(val)) FROM preferences WHERE substr(key, 1, ?) = ?", PREFERENCES)
    question = "SELECT COUNT(DISTINCT book), SUM(LENGTH(val)) FROM books_plugin_data WHERE substr(name, 1, ?) = ?"
    data = _sum(api, question, BOOK_DATA)
    found = [
        Holding("profiles", (library,), profiles[1]),
        Holding("book_data", (library,), data[1], data[0]),
        *(Holding(held, *_measured(paths)) for held, paths in files_of_ours().items()),
    ]
    return [holding for holding in found if holding.size]


def files_of_ours() -> dict[Held, list[Path]]:
    """Files and folders on this computer, by what they hold."""
    settings = settings_path()
    inside = sorted(Path(our_folder()).iterdir()) if os.path.isdir(our_folder()) else []
    programs = [path for path in inside if path.name.startswith(PROGRAMS)]
    apart = {*TO_GO_BACK, SERVER}
    return {
        "logs": [path for path in inside if path.name not in apart and path not in programs],
        "programs": [*programs, cache_folder()],
        "server": [path for path in inside if path.name == SERVER],
        "journal": [path for path in inside if path.name in TO_GO_BACK],
        # Last: with them goes the way to all the rest. Copies of older and damaged ones lie beside it.
        "settings": [settings, *sorted(settings.parent.glob(f"{settings.name}.*"))],
    }


def has_standing_runs(api: CalibreDb) -> bool:
    """Whether something that was written into this library can still be undone."""
    library = whole_settings(api)[0].get("library_id")
    journal = WriteJournal(os.path.join(our_folder(), JOURNAL), library, is_read_only=True) if library else None
    return journal is not None and any(head.books for head in journal.heads())


def other_holders(folders: Iterable[str], but: str) -> list[str]:
    """Which of these libraries keep anything of ours, but for one; those that cannot be read now are left out."""
    own = os.path.realpath(but)
    return [folder for folder in folders if folder and os.path.realpath(folder) != own and _keeps_ours(folder)]


def _keeps_ours(folder: str) -> bool:
    path = Path(folder, "metadata.db")
    question = "SELECT 1 FROM preferences WHERE substr(key, 1, ?) = ? LIMIT 1"
    with suppress(OSError, sqlite3.Error):
        if path.is_file():
            source = f"{path.absolute().as_uri()}?mode=ro"
            with closing(sqlite3.connect(source, uri=True, timeout=PATIENCE)) as connection:
                return connection.execute(question, (len(PREFERENCES), PREFERENCES)).fetchone() is not None
    return False


def _sum(api: CalibreDb, question: str, prefix: str) -> tuple[int, int]:
    with api.safe_read_lock:
        count, size = next(iter(api.backend.execute(question, (len(prefix), prefix))))
    return int(count or 0), int(size or 0)


def _measured(paths: Iterable[Path]) -> tuple[tuple[str, ...], int]:
    sizes = {str(path): sum(_sizes(path)) for path in paths}
    return tuple(path for path, size in sizes.items() if size), sum(sizes.values())


def _sizes(path: Path) -> Iterator[int]:
    for each in [path, *path.rglob("*")]:
        with suppress(OSError):
            if each.is_file():
                yield each.stat().st_size
