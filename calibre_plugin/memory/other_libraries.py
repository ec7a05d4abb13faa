"""What this machine's other libraries know: read from their databases as they lie there, never written, never opened in calibre."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .history import DATA

# A library on a slow share must not keep a reader waiting: seconds for its lock.
PATIENCE = 1.0


@dataclass(frozen=True)
class ElsewhereBook:
    """A book of another library, which is called by its folder's name."""

    library: str
    title: str
    authors: tuple[str, ...]


@dataclass(frozen=True)
class Elsewhere:
    """The books of other libraries, by digest and by uuid."""

    by_digest: dict[str, ElsewhereBook] = field(default_factory=dict)
    by_uuid: dict[str, ElsewhereBook] = field(default_factory=dict)


def known_elsewhere(folders: Iterable[str], but: str) -> Elsewhere:
    """What these libraries know, leaving out the one in the folder `but`. One that cannot be read is left out too."""
    found = Elsewhere()
    own = os.path.realpath(but)
    for folder in dict.fromkeys(os.path.realpath(folder) for folder in folders if folder):
        path = Path(folder, "metadata.db")
        if folder == own or not path.is_file():
            continue
        with suppress(sqlite3.Error, OSError):
            for uuid, book, digests in _books(path):
                found.by_uuid.setdefault(uuid, book)
                for digest in digests:
                    found.by_digest.setdefault(digest, book)
    return found


def _books(path: Path) -> Iterator[tuple[str, ElsewhereBook, list[str]]]:
    """Uuid, book and digests of every book; `immutable` would not see what another calibre is just writing."""
    names = (
        "SELECT group_concat(name, char(10)) FROM authors JOIN books_authors_link ON author = authors.id "
        "WHERE book = books.id"
    )
    histories = "SELECT val FROM books_plugin_data WHERE book = books.id AND name = ?"
    library = path.parent.name
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=PATIENCE)) as connection:
        rows = connection.execute(f"SELECT uuid, title, ({names}), ({histories}) FROM books", (DATA,))
        for uuid, title, authors, history in rows:
            book = ElsewhereBook(library, str(title or ""), tuple(str(authors or "").replace("|", ",").split("\n")))
            yield str(uuid), book, list(_digests(history))


def _digests(history: Any) -> Iterator[str]:
    try:
        stored = json.loads(history) if history else {}
    except ValueError:
        return
    for known in stored.get("digests") or () if isinstance(stored, dict) else ():
        if isinstance(known, dict) and isinstance(known.get("digest"), str):
            yield known["digest"]
