"""KOReader's own reading statistics: the list of everything it ever opened, with the digest of each."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import threading
from contextlib import suppress
from typing import Final, TypedDict

STATISTICS: Final = "statistics.sqlite3"
_DIGEST: Final = re.compile(r"[0-9a-f]{32}")
_CHUNK: Final = 1 << 20


class ReadDocument(TypedDict):
    """One row: a document that was opened. `last_open` is epoch seconds."""

    digest: str
    title: str | None
    authors: list[str]
    last_open: float | None
    # How many different pages were read, and how many there are.
    read: int | None
    pages: int | None


def read_statistics(path: str, abort: threading.Event) -> list[ReadDocument] | None:
    """The documents of a statistics database; None when it is none, is damaged, or reading was stopped.

    A copy is read: a database on a device must neither be locked nor changed, and may be unplugged at any time.
    """
    import apsw

    with tempfile.TemporaryDirectory(prefix="koreader-progress-") as folder:
        copied = os.path.join(folder, STATISTICS)
        try:
            # What KOReader wrote last may still stand in the log beside the database.
            for suffix in ("", "-wal"):
                if os.path.exists(path + suffix) and not _copied(path + suffix, copied + suffix, abort):
                    return None
            connection = apsw.Connection(copied)
            try:
                return [*_rows(connection)]
            finally:
                connection.close()
        except (OSError, apsw.Error):
            return None


def _copied(source: str, target: str, abort: threading.Event) -> bool:
    with open(source, "rb") as reading, open(target, "wb") as writing:
        while chunk := reading.read(_CHUNK):
            if abort.is_set():
                return False
            writing.write(chunk)
    with suppress(OSError):
        shutil.copystat(source, target)
    return True


def _rows(connection: object) -> list[ReadDocument]:
    found: list[ReadDocument] = []
    rows = connection.cursor().execute(  # type: ignore[attr-defined]
        "SELECT md5, title, authors, last_open, total_read_pages, pages FROM book"
    )
    for md5, title, authors, last_open, read, pages in rows:
        if isinstance(md5, str) and _DIGEST.fullmatch(md5):
            found.append(
                {
                    "digest": md5,
                    "title": title if isinstance(title, str) and title else None,
                    "authors": [n for n in str(authors or "").split("\n") if n and n != "N/A"],
                    "last_open": float(last_open) if isinstance(last_open, (int, float)) and last_open else None,
                    "read": read if isinstance(read, int) else None,
                    "pages": pages if isinstance(pages, int) else None,
                }
            )
    return found
