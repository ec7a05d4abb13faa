"""A copy of a library's database as it stands at one moment, also while another calibre is writing it."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

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
