"""Histories of before content keys knew pictures: their keys are made anew where it is sure of what text a copy is.

A copy of such a history is of the text that lies in the library when it bore this file's old key, and either the text
alone tells the book from every other, or the copy left after the file was changed last. Else it keeps its old key, which
says of no two copies that they are one text.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from ..library.calibre_db import CalibreDb
from ..library.book_data import keep
from ..copies.content_key import OldAndNew, is_versioned, old_and_new_key
from ..link.contract import COPIES_LEFT, KnownDigest
from .history import DATA, StoredHistory, changing, read_stored
from ..library.files import epub_formats

# So many books at once: whoever waits for the histories waits for these.
SLICE: Final = 50


@dataclass(frozen=True)
class _File:
    """A file of the library: its keys, and when it was changed last (epoch seconds)."""

    keys: OldAndNew
    changed: float


def rekey(api: CalibreDb, book_ids: Collection[int], abort: threading.Event | None = None) -> set[int]:
    """Makes the keys of these books' histories anew; the ids of those that changed. A stop leaves the rest for later."""
    changed: set[int] = set()
    ids = sorted(book_ids)
    for start in range(0, len(ids), SLICE):
        if abort is not None and abort.is_set():
            break
        asked = ids[start : start + SLICE]
        old = [book_id for book_id, stored in read_stored(api, asked).items() if any(map(_is_old, stored["digests"]))]
        files = {book_id: list(_files_of(api, book_id)) for book_id in old}
        with changing:
            renewed: dict[int, StoredHistory] = {}
            for book_id, stored in read_stored(api, old).items():
                digests = [_renewed(digest, files[book_id]) for digest in stored["digests"]]
                if digests != stored["digests"]:
                    renewed[book_id] = {**stored, "digests": digests}
            keep(api, DATA, renewed)
        changed |= renewed.keys()
    return changed


def _is_old(digest: KnownDigest) -> bool:
    return digest["content_key"] is not None and not is_versioned(digest["content_key"])


def _files_of(api: CalibreDb, book_id: int) -> Iterator[_File]:
    for fmt in epub_formats(api, book_id):
        path = api.format_abspath(book_id, fmt)
        keys = old_and_new_key(path) if path else None
        about = api.format_metadata(book_id, fmt, allow_cache=False)
        changed = about.get("mtime")
        if keys is not None and changed is not None:
            yield _File(keys, changed.timestamp())


def _renewed(digest: KnownDigest, files: Iterable[_File]) -> KnownDigest:
    if not _is_old(digest):
        return digest
    for file in files:
        left_since = digest["source"] in COPIES_LEFT and digest["first_seen"] >= file.changed
        if digest["content_key"] == file.keys.old and (file.keys.by_text or left_since):
            return {**digest, "content_key": file.keys.new}
    return digest
