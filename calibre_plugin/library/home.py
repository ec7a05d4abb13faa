"""Whether a library took the id that we gave it from another one, which still stands where the id was given.

calibre copies all preferences when it creates a library *with the structure of the current one*, ours among them. Its
own id of a library tells both apart; a folder that was copied or moved as a whole keeps that one, and so counts as the
same library.
"""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from .rebuilt import REPLACED

DATABASE: Final = "metadata.db"
# Preferences of ours are some kilobytes; the home may lie on a slow share: seconds for its lock.
PATIENCE: Final = 1.0


def is_taken_from(home: str, here: str, key: str, identity: str) -> bool:
    """Whether the library in `home` is another one than that in `here`, and bears `identity` in its preference `key`.

    What cannot be read now is nobody: a library that was moved, or rebuilt, keeps what it has.
    """
    if not home or os.path.normcase(home) == os.path.normcase(here):
        return False
    with suppress(OSError, ValueError, RecursionError, sqlite3.Error):
        if os.path.samefile(home, here):
            return False
        at_home = _read(Path(home, DATABASE), key)
        known_here = {_read(path, key)[0] for path in (Path(here, DATABASE), Path(here, REPLACED)) if path.is_file()}
        return at_home[1] == identity and at_home[0] not in known_here
    return False


def _read(database: Path, key: str) -> tuple[str, str]:
    """calibre's own id of a library, and ours."""
    source = f"{database.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(source, uri=True, timeout=PATIENCE)) as connection:
        (own,) = connection.execute("SELECT uuid FROM library_id").fetchone() or ("",)
        row = connection.execute("SELECT val FROM preferences WHERE key = ?", (key,)).fetchone()
    ours = json.loads(row[0]) if row is not None else None
    identity = ours.get("library_id") if isinstance(ours, dict) else None
    return str(own), identity if isinstance(identity, str) else ""
