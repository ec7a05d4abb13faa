"""A copy of a library's database as it stands at one moment, also while another calibre is writing it."""

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


def copy_database(library: str, folder: str) -> Path:
    """Copies `metadata.db` of the library into a folder, and leaves the library exactly as it is; the copy's path.

    Raises OSError or sqlite3.Error.
    """
    original, copy = Path(library, "metadata.db"), Path(folder, "metadata.db")
    try:
        source = sqlite3.connect(f"{original.absolute().as_uri()}?mode=ro", uri=True, timeout=PATIENCE)
        with closing(source), closing(sqlite3.connect(copy)) as target:
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
