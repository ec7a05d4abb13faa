"""KOReader's own reading statistics: the list of everything it ever opened, with the digest of each."""

from __future__ import annotations

import os
import re
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final, TypedDict

from .odd_file import OddFile, OddReason, open_regular

STATISTICS: Final = "statistics.sqlite3"
# Ten years of reading every day have some 50 MB.
LARGEST: Final = 256 << 20
# Rows, and steps of SQLite's machine; a hundred thousand books take two million steps.
MOST: Final = 100_000
_STEPS: Final = 20_000_000
_STEPS_AT_ONCE: Final = 10_000
# Bytes of a title or of authors.
_LONGEST: Final = 4096
_DIGEST: Final = re.compile(rb"[0-9a-f]{32}")
_CHUNK: Final = 1 << 20
_TEXTS: Final = ("md5", "title", "authors")
_NUMBERS: Final = ("last_open", "total_read_pages", "pages")


class ReadDocument(TypedDict):
    """One row: a document that was opened. `last_open` is epoch seconds."""

    digest: str
    title: str | None
    authors: list[str]
    last_open: float | None
    # How many different pages were read, and how many there are.
    read: int | None
    pages: int | None


class Statistics(TypedDict):
    """What a database told, and what was odd about some of its rows, if anything."""

    documents: list[ReadDocument]
    odd: OddReason | None


def read_statistics(path: str, abort: threading.Event) -> Statistics | None:
    """The documents of a statistics database; None when reading was stopped. OddFile for what is none, OSError as always.

    A copy is read: a database on a device must neither be locked nor changed, and may be unplugged at any time.
    """
    with tempfile.TemporaryDirectory(prefix="koreader-progress-") as folder:
        copied = os.path.join(folder, STATISTICS)
        # What KOReader wrote last may still stand in the log beside the database.
        for suffix in ("", "-wal"):
            is_there = not suffix or os.path.exists(path + suffix)
            if is_there and not _copied(path + suffix, copied + suffix, abort):
                return None
        try:
            with closing(sqlite3.connect(copied)) as connection:
                return _read(connection, abort)
        except sqlite3.Error as error:
            if abort.is_set():
                return None
            raise OddFile("endless" if str(error) == "interrupted" else "not_a_database") from error


def _copied(source: str, target: str, abort: threading.Event) -> bool:
    copied = 0
    with open_regular(source, LARGEST) as reading, open(target, "wb") as writing:
        while chunk := reading.read(_CHUNK):
            copied += len(chunk)
            if copied > LARGEST:
                raise OddFile("too_large")
            if abort.is_set():
                return False
            writing.write(chunk)
    return True


def _read(connection: sqlite3.Connection, abort: threading.Event) -> Statistics:
    left = _STEPS // _STEPS_AT_ONCE

    def is_enough() -> bool:
        nonlocal left
        left -= 1
        return left < 0 or abort.is_set()

    connection.set_progress_handler(is_enough, _STEPS_AT_ONCE)
    # Whatever a title is made of, its bytes come through.
    connection.text_factory = bytes
    connection.execute("PRAGMA trusted_schema = OFF")
    _demand_plain_table(connection)
    found: list[ReadDocument] = []
    odd: OddReason | None = None
    for row in _rows(connection):
        document, reason = _document(row)
        odd = odd or reason
        if document is not None:
            found.append(document)
    return {"documents": found, "odd": odd}


def _demand_plain_table(connection: sqlite3.Connection) -> None:
    """Only a table's stored columns: a view, a virtual table or a generated column computes what it likes, without end."""
    row = connection.execute("SELECT type, rootpage FROM sqlite_master WHERE name = 'book'").fetchone()
    if row is None:
        raise OddFile("no_book_table")
    columns = {name: hidden for _n, name, *_about, hidden in connection.execute("PRAGMA table_xinfo('book')")}
    is_plain = row[0] == b"table" and row[1]
    if not is_plain or any(columns.get(name.encode()) for name in (*_TEXTS, *_NUMBERS)):
        raise OddFile("no_plain_table")
    if not all(name.encode() in columns for name in (*_TEXTS, *_NUMBERS)):
        raise OddFile("no_book_table")


def _rows(connection: sqlite3.Connection) -> Iterator[dict[str, Any]]:
    texts = (f"typeof({name}), substr(CAST({name} AS BLOB), 1, {_LONGEST})" for name in _TEXTS)
    names = [*(part for name in _TEXTS for part in (f"{name}_type", name)), *_NUMBERS]
    for row in connection.execute(f"SELECT {', '.join((*texts, *_NUMBERS))} FROM book LIMIT {MOST}"):
        yield dict(zip(names, row, strict=True))


def _document(row: dict[str, Any]) -> tuple[ReadDocument | None, OddReason | None]:
    """A row as a document, if it has a digest, and what is odd about it: what cannot be understood of it is left out."""
    odd: OddReason | None = None
    texts: dict[str, str | None] = {}
    for name in _TEXTS:
        texts[name], reason = _text(row[name], row[f"{name}_type"])
        odd = odd or reason
    digest = row["md5"]
    if row["md5_type"] != b"text" or not isinstance(digest, bytes) or not _DIGEST.fullmatch(digest):
        return None, odd
    opened = row["last_open"]
    document: ReadDocument = {
        "digest": digest.decode("ascii"),
        "title": texts["title"],
        "authors": [name for name in (texts["authors"] or "").split("\n") if name and name != "N/A"],
        "last_open": float(opened) if isinstance(opened, (int, float)) and opened > 0 else None,
        "read": _count(row["total_read_pages"]),
        "pages": _count(row["pages"]),
    }
    return document, odd


def _text(value: bytes | None, kind: bytes) -> tuple[str | None, OddReason | None]:
    if kind == b"blob":
        return None, "blob_for_text"
    # Old PDFs end their titles with a NUL.
    data = (value or b"").replace(b"\0", b"")
    try:
        return data.decode("utf-8") or None, None
    except UnicodeDecodeError as error:
        text = data.decode("utf-8", "replace")
        # Cut in the middle of a character, by us.
        is_cut = len(value or b"") == _LONGEST and error.start > len(data) - 4
        return text, None if is_cut else "text_not_utf8"


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and 0 <= value < 1 << 53 else None
