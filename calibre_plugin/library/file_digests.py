"""What KOReader calls the library's own files: whoever copied one to a reader by hand left no other trace of it."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from .book_data import KEPT_AT_ONCE, fetch, keep
from .book_shapes import FILE_DIGESTS
from .calibre_db import CalibreDb
from .files import checksums_of
from ..copies.digest import file_digest

# Beside the formats: what calibre said of the book when its files were looked at (`checksums_of`).
_CHECKSUM: Final = "checksum"


def file_digests(api: CalibreDb, abort: threading.Event) -> dict[str, set[int]]:
    """The books of the library by the digest of each of their files; nothing when it was stopped half-way.

    A file is read, at most 12 KiB of it, only when calibre says something new of its book.
    """
    stored = fetch(api, FILE_DIGESTS, api.all_book_ids())
    found: dict[str, set[int]] = defaultdict(set)
    changed: dict[int, dict[str, Any]] = {}
    for book_id, checksum in checksums_of(api).items():
        if abort.is_set():
            break
        seen = stored.get(book_id) or {}
        if seen.get(_CHECKSUM) != checksum:
            seen = changed[book_id] = {_CHECKSUM: checksum, **_digests_of(api, book_id)}
        for digest in _files_in(seen).values():
            found[digest].add(book_id)
        if len(changed) >= KEPT_AT_ONCE:
            # Whoever is stopped in a large library goes on from here.
            keep(api, FILE_DIGESTS, changed)
            changed = {}
    keep(api, FILE_DIGESTS, changed)
    return {} if abort.is_set() else found


def has_file(api: CalibreDb, book_id: int, digest: str) -> bool:
    """Whether one of the book's files is called so now: what was changed behind calibre's back is seen."""
    return digest in _digests_of(api, book_id).values()


def _digests_of(api: CalibreDb, book_id: int) -> dict[str, str]:
    """By format; one that is not there, or cannot be read, is left out."""
    digests: dict[str, str] = {}
    for fmt in api.formats(book_id, verify_formats=False):
        with suppress(OSError):
            path = api.format_abspath(book_id, fmt)
            if path:
                digests[fmt] = file_digest(path)
    return digests


def _files_in(seen: Mapping[str, Any]) -> dict[str, str]:
    return {fmt: digest for fmt, digest in seen.items() if fmt != _CHECKSUM}
