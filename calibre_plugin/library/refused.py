"""What a disk refused while a library was used, whoever met it: Python itself, or SQLite through either of its modules."""

from __future__ import annotations

import errno
import os
from typing import Final

# SQLite's own words, the same in `apsw`, which calibre uses, and in `sqlite3`.
_SQLITE: Final = {
    "disk is full": "ENOSPC",
    "readonly database": "EROFS",
    "unable to open database file": "CANTOPEN",
    "disk I/O error": "EIO",
    "database is locked": "EBUSY",
    "not a database": "DAMAGED",
    "image is malformed": "DAMAGED",
    "malformed database schema": "DAMAGED",
}
# What `apsw` calls them: while a database is copied it has no words for them.
_CLASSES: Final = {
    "FullError": "ENOSPC",
    "ReadOnlyError": "EROFS",
    "CantOpenError": "CANTOPEN",
    "IOError": "EIO",
    "BusyError": "EBUSY",
    "NotADBError": "DAMAGED",
    "CorruptError": "DAMAGED",
}


def refusal(error: BaseException) -> tuple[str, str | None] | None:
    """The system's code (`ENOSPC`, `EACCES`, ...; also `CANTOPEN` and `DAMAGED` of a database) and the path, if known.

    None for what no disk has said.
    """
    if isinstance(error, OSError) and error.errno is not None:
        return errno.errorcode.get(error.errno, "EIO"), _path(error.filename)
    if type(error).__module__.partition(".")[0] not in ("apsw", "sqlite3"):
        return None
    said = next((code for words, code in _SQLITE.items() if words in str(error)), None)
    code = said or _CLASSES.get(type(error).__name__)
    return None if code is None else (code, None)


def _path(name: object) -> str | None:
    return os.fsdecode(name) if isinstance(name, (str, bytes)) else None
