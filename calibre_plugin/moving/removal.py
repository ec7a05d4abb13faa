"""Takes away what the plugin keeps. Columns, books, and the copies on readers are the reader's, and stay."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..copies import log as copy_log
from ..copies.strip_list import our_folder
from ..library.calibre_db import CalibreDb
from ..library.settings import forget_settings
from .holdings import BOOK_DATA, Held, files_of_ours, has_standing_runs


@dataclass(frozen=True)
class Left:
    """A place that could not be removed, and what the system said."""

    place: str
    reason: str


def remove(api: CalibreDb, with_journal: bool, with_server: bool) -> list[Left]:
    """Removes what this library and this computer keep, and says what would not go; for a job's thread.

    Whoever calls has ended every bridge and every run before. It can be repeated.
    """
    _remove_from_library(api, keep_id=not with_journal and has_standing_runs(api))
    copy_log.end_own_log()
    kept: set[Held] = set()
    if not with_journal:
        kept.add("journal")
    if not with_server:
        kept.add("server")
    left = [
        trouble
        for held, paths in files_of_ours().items()
        if held not in kept
        for path in paths
        for trouble in _gone(path)
    ]
    with suppress(OSError):
        # As long as anything is kept there, it stays.
        os.rmdir(our_folder())
    return left


def _remove_from_library(api: CalibreDb, keep_id: bool) -> None:
    question = "SELECT DISTINCT name FROM books_plugin_data WHERE substr(name, 1, ?) = ?"
    with api.safe_read_lock:
        names = [name for (name,) in api.backend.execute(question, (len(BOOK_DATA), BOOK_DATA))]
    for name in names:
        api.delete_custom_book_data(name)
    forget_settings(api, keep_id)


def _gone(path: Path) -> list[Left]:
    """Removes a file, or a folder with all that is in it; what of it would not go."""
    left: list[Left] = []
    is_folder = path.is_dir() and not path.is_symlink()
    inside = [(Path(at), folders, files) for at, folders, files in os.walk(path, topdown=False)] if is_folder else []
    files = [at / name for at, folders, names in inside for name in (*names, *_links(at, folders))]
    for file in files if is_folder else [path]:
        _try(file.unlink, file, left)
    for at, _folders, _files in inside:
        _try(at.rmdir, at, left)
    return left


def _links(at: Path, folders: list[str]) -> list[str]:
    return [name for name in folders if (at / name).is_symlink()]


def _try(act: Callable[[], None], place: Path, left: list[Left]) -> None:
    try:
        act()
    except FileNotFoundError:
        pass
    except OSError as error:
        # A folder that is not empty is told by what is left in it.
        if error.errno != errno.ENOTEMPTY:
            left.append(Left(str(place), error.strerror or str(error)))
