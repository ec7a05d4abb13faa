"""What calibre leaves of our settings when it rebuilds a library's database from the books' own files.

It brings the preferences back only where its window wrote them last, with all columns (`calibre/db/restore.py`). Else
they still lie in the library's folder: in the database that was replaced, and in the copy that the window makes of them.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

# As calibre calls them.
REPLACED: Final = "metadata_pre_restore.db"
BACKUP: Final = "metadata_db_prefs_backup.json"
# Preferences are some kilobytes; a file beyond this is none of calibre's.
LARGEST_BACKUP: Final = 64 << 20
# Another program may look at the replaced database: seconds for its lock.
PATIENCE: Final = 1.0


def left_behind(folder: str, namespace: str, name: str) -> Any:
    """The preference as it was before the library in `folder` was rebuilt; None where it is nowhere to be found.

    The replaced database counts more: the copy beside it may be older. One that is damaged is passed over.
    """
    key = f"namespaced:{namespace}:{name}"
    for read in _SOURCES:
        with suppress(OSError, ValueError, RecursionError, sqlite3.Error):
            found = read(Path(folder), key)
            if found is not None:
                return found
    return None


def _in_replaced(folder: Path, key: str) -> Any:
    path = folder / REPLACED
    if not path.is_file():
        return None
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=PATIENCE)) as connection:
        row = connection.execute("SELECT val FROM preferences WHERE key = ?", (key,)).fetchone()
    return None if row is None else json.loads(row[0])


def _in_backup(folder: Path, key: str) -> Any:
    path = folder / BACKUP
    if not path.is_file() or os.path.getsize(path) > LARGEST_BACKUP:
        return None
    kept = json.loads(path.read_bytes())
    return kept.get(key) if isinstance(kept, dict) else None


_SOURCES: Final[tuple[Callable[[Path, str], Any], ...]] = (_in_replaced, _in_backup)
