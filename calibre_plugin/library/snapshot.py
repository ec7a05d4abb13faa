"""A library's database before calibre opens it: whether it is one, and a copy of it as it stands at one moment."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from .calibre_db import CalibreDb
from .refused import refusal

# Seconds to wait for whoever is writing: calibre's own writes take moments.
PATIENCE: Final = 20.0


def must_be_a_database(library: str) -> None:
    """Raises sqlite3.DatabaseError where `metadata.db` is damaged from its beginning, and changes nothing.

    calibre 9 does not raise there: its own extension of SQLite ends the whole process.
    """
    path = Path(library, "metadata.db")
    try:
        with closing(_opened(path)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        # It may be one: who cannot open it now, or finds it busy, learns the reason from calibre.
        return


def copy_database(library: str, folder: str) -> Path:
    """Copies `metadata.db` of the library into a folder, and leaves the library exactly as it is; the copy's path.

    Raises OSError or sqlite3.Error.
    """
    original, copy = Path(library, "metadata.db"), Path(folder, "metadata.db")
    try:
        with closing(_opened(original)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
    except sqlite3.OperationalError:
        left_open = original.with_name("metadata.db-journal")
        if not left_open.exists():
            raise
        # Whoever wrote has died, and reading alone cannot put that right: with its journal beside it the copy can.
        shutil.copyfile(left_open, copy.with_name("metadata.db-journal"))
        shutil.copyfile(original, copy)
    return copy


def copy_open_database(api: CalibreDb, path: str) -> None:
    """Copies the database of an open library, as calibre itself does for an export; what stood at `path` goes at the end.

    Raises OSError, and leaves no half copy. Others may read the library meanwhile, and wait with what they would write.
    """
    unfinished = f"{path}.{os.getpid()}"
    try:
        # Nobody else need ever read what is private; SQLite fills the file that it finds.
        os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        with api.safe_read_lock:
            api.backend.backup_database(unfinished)
        with open(unfinished, "rb+") as copy:
            os.fsync(copy.fileno())
        os.replace(unfinished, path)
    except Exception as error:
        Path(unfinished).unlink(missing_ok=True)
        refused = None if isinstance(error, OSError) else refusal(error)
        if refused is None:
            raise
        number = getattr(errno, refused[0], errno.EIO)
        raise OSError(number, os.strerror(number), path) from error


def _opened(database: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True, timeout=PATIENCE)
