"""The texts that lie in the library: the content keys of its EPUBs, kept so that a file is opened only when it changed."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any, Final
from zlib import crc32

from .calibre_db import CalibreDb
from .book_data import KEPT_AT_ONCE, fetch, keep
from .book_shapes import FILE_KEYS
from ..copies.content_key import file_content_key
from ..link.contract import EPUB_FORMATS
from ..copies.digest import file_origin

# Beside a book's formats: what calibre said of the book when its files were looked at (`checksums_of`; stored names stay), and by which
# version of the content key: where it is an older one, they are looked at again.
_CHECKSUM: Final = "imprint"
_VERSION: Final = "version"
VERSION: Final = 2
_BESIDE: Final = frozenset({_CHECKSUM, _VERSION})


def books_by_uuid(api: CalibreDb) -> dict[str, int]:
    """Ids by uuid, without books that have none, and without a uuid that two books have: it says nothing of either."""
    claimed: dict[str, list[int]] = defaultdict(list)
    for book_id, uuid in api.all_field_for("uuid", api.all_book_ids()).items():
        if uuid:
            claimed[uuid].append(book_id)
    return {uuid: ids[0] for uuid, ids in claimed.items() if len(ids) == 1}


def checksums_of(api: CalibreDb) -> dict[int, int]:
    """One number for each book that changes with its own uuid, its formats and their size, without touching the disk."""
    ids = api.all_book_ids()
    uuids = {book_id: uuid for uuid, book_id in books_by_uuid(api).items()}
    formats, sizes = (api.all_field_for(field, ids) for field in ("formats", "size"))
    return {book_id: crc32(repr((uuids.get(book_id), formats[book_id], sizes[book_id])).encode()) for book_id in ids}


def file_keys(
    api: CalibreDb, abort: threading.Event | None = None, checksums: Mapping[int, int] | None = None
) -> dict[int, set[str]]:
    """The content keys of all EPUBs in the library; only new and changed files are opened.

    With `checksums` (of `checksums_of`), books that calibre says nothing new of are not even looked for on the disk.
    """
    stored = fetch_keys(api, api.all_book_ids())
    found: dict[int, set[str]] = {}
    changed: dict[int, dict[str, Any]] = {}
    for book_id in sorted(api.all_book_ids()):
        if abort is not None and abort.is_set():
            break
        before = stored.get(book_id) or {}
        checksum = checksums.get(book_id) if checksums is not None else None
        if checksum is None or before.get(_CHECKSUM) != checksum:
            now = {fmt: key_of_format(api, book_id, fmt, before.get(fmt)) for fmt in epub_formats(api, book_id)}
            if now != _files_in(before) or checksum is not None:
                seen = {_CHECKSUM: checksum} if checksum is not None else {}
                before = changed[book_id] = {**now, **seen, _VERSION: VERSION}
        found[book_id] = {entry[2] for entry in _files_in(before).values() if entry[2]}
        if len(changed) >= KEPT_AT_ONCE:
            # Whoever is stopped in a large library goes on from here.
            keep(api, FILE_KEYS, changed)
            changed = {}
    keep(api, FILE_KEYS, changed)
    return found


def fetch_keys(api: CalibreDb, book_ids: Collection[int]) -> dict[int, dict[str, Any]]:
    """What was seen of these books' files, by id and format; nothing of what an earlier version of the key saw."""
    stored = fetch(api, FILE_KEYS, book_ids)
    return {b: seen for b, seen in stored.items() if isinstance(seen, dict) and seen.get(_VERSION) == VERSION}


def _files_in(seen: Mapping[str, Any]) -> dict[str, list[Any]]:
    return {fmt: entry for fmt, entry in seen.items() if fmt not in _BESIDE}


def holders_of(
    api: CalibreDb, keys: Collection[str], checksums: Mapping[int, int], abort: threading.Event | None
) -> dict[str, int]:
    """The one book of the library that holds each of these texts; a text that several books hold is left out."""
    holders: dict[str, set[int]] = defaultdict(set)
    for book_id, own in file_keys(api, abort, checksums).items():
        for key in own & set(keys):
            holders[key].add(book_id)
    if abort is not None and abort.is_set():
        # Half-way, a text only looks as if one book alone had it.
        return {}
    sole = {key: next(iter(books)) for key, books in holders.items() if len(books) == 1}
    # What was changed behind calibre's back is seen now, before it counts.
    return {key: book_id for key, book_id in sole.items() if has_text(api, book_id, key)}


def holders_of_files(api: CalibreDb, origins: Collection[str], abort: threading.Event | None = None) -> dict[str, int]:
    """The one book of the library of which a file is each of these (`stream_origin`); what several books have is left out.

    Only files of the right size, as calibre knows it, are opened.
    """
    sizes = sorted({int(origin.partition(":")[0]) for origin in origins})
    holders: dict[str, set[int]] = defaultdict(set)
    for start in range(0, len(sizes), KEPT_AT_ONCE):
        some = sizes[start : start + KEPT_AT_ONCE]
        question = f"SELECT book, format FROM data WHERE uncompressed_size IN ({','.join('?' * len(some))})"
        with api.safe_read_lock:
            rows = [*api.backend.execute(question, some)]
        for book_id, fmt in rows:
            if abort is not None and abort.is_set():
                # Half-way, a file only looks as if one book alone had it.
                return {}
            with suppress(OSError):
                path = api.format_abspath(book_id, fmt)
                if path:
                    holders[file_origin(path)].add(book_id)
    return {origin: next(iter(holders[origin])) for origin in origins if len(holders[origin]) == 1}


def has_text(api: CalibreDb, book_id: int, key: str) -> bool:
    """Whether one of the book's files has this content key now."""
    return SeenFiles(api, [book_id]).has_text(book_id, key)


class SeenFiles:
    """What was seen of these books' files, asked for at once; what is looked at anew is kept by `keep`."""

    def __init__(self, api: CalibreDb, book_ids: Collection[int]) -> None:
        self._api = api
        self._stored = fetch_keys(api, book_ids)
        self._changed: dict[int, dict[str, Any]] = {}

    def has_text(self, book_id: int, key: str) -> bool:
        """As the function of this name."""
        seen = self._stored.get(book_id) or {}
        now = {fmt: key_of_format(self._api, book_id, fmt, seen.get(fmt)) for fmt in epub_formats(self._api, book_id)}
        if now != _files_in(seen):
            beside = {name: seen[name] for name in _BESIDE & seen.keys()}
            self._stored[book_id] = self._changed[book_id] = {**now, **beside, _VERSION: VERSION}
        return any(entry[2] == key for entry in now.values())

    def keep(self) -> None:
        keep(self._api, FILE_KEYS, self._changed)
        self._changed = {}


def epub_formats(api: CalibreDb, book_id: int) -> list[str]:
    """The book's formats that have a content key."""
    return [fmt for fmt in api.formats(book_id, verify_formats=False) if fmt.upper() in EPUB_FORMATS]


def key_of_format(api: CalibreDb, book_id: int, fmt: str, before: list[Any] | None) -> list[Any]:
    """Size, date and content key of a library file, the key from `before` where size and date are still the same."""
    about = api.format_metadata(book_id, fmt, allow_cache=False)
    changed = about.get("mtime")
    size, date = about.get("size", 0), changed.timestamp() if changed else 0.0
    if before and before[:2] == [size, date]:
        return before
    path = api.format_abspath(book_id, fmt)
    return [size, date, file_content_key(path) if path else None]
