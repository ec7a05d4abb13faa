"""Which book of the library a file on a device is, and a sidecar, and a digest. Never by title and authors alone."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property

from ..library.calibre_db import CalibreDb
from .state import SeenFile
from ..link.contract import WITNESSED
from ..memory.history import read_digests
from ..library.file_digests import file_digests, has_file
from ..library.files import SeenFiles, books_by_uuid, file_keys
from .sidecar import Sidecar, archived_digest, book_path


class Matcher:
    """One library, for one look at one device. `calibre_uuids` is what calibre itself says of the device's files."""

    def __init__(self, api: CalibreDb, calibre_uuids: Mapping[str, str], abort: threading.Event) -> None:
        self._api = api
        self._abort = abort
        # MTP's list has its paths in lower case.
        self._calibre_uuids = {path.lower(): uuid.lower() for path, uuid in calibre_uuids.items()}
        # Empty for a book that has none.
        self.uuids: dict[int, str] = {b: u or "" for b, u in api.all_field_for("uuid", api.all_book_ids()).items()}
        self._books = {uuid.lower(): book_id for uuid, book_id in books_by_uuid(api).items()}
        # Paths and digests that two books claim: they are given to neither.
        self.contested: list[str] = []

    def book_of_file(self, path: str, seen: SeenFile) -> int | None:
        """By the uuid in the file, then by its text, then by calibre's own record of what it sent there."""
        claimed = self._by_uuids(seen["uuids"])
        key = seen["content_key"]
        if len(claimed) == 1:
            (book_id,) = claimed
            # A copy of one book that was made into another still names the first: then its text tells.
            if key is None or self._seen_files.has_text(book_id, key):
                return book_id
            holders = self._holders(key)
            if not holders:
                # Whoever was stopped does not know: the next look will.
                return None if self._abort.is_set() else book_id
        if claimed:
            return self._contest(path)
        holders = self._holders(key) if key is not None else set()
        if key is not None and self._abort.is_set():
            return None
        if len(holders) > 1:
            return self._contest(path)
        if holders:
            return next(iter(holders))
        return self.book_of_calibre(path) or self.book_of_digest(seen["digest"])

    def book_of_calibre(self, path: str) -> int | None:
        """The book that calibre itself says it has sent to this path, by uuid."""
        return self._books.get(self._calibre_uuids.get(path.lower(), ""))

    @property
    def books_of_calibre(self) -> set[int]:
        """The books of which calibre says, by uuid, that they are on the device."""
        return self._by_uuids(self._calibre_uuids.values())

    def book_of_sidecar(self, path: str, sidecar: Sidecar, at: int | None) -> int | None:
        """By the book it stands for (`at`), then by the uuid it remembers, then by its digest."""
        claimed = self._by_uuids(sidecar["uuids"])
        book_id = at
        if book_id is None and len(claimed) == 1:
            (book_id,) = claimed
        owners = self._owners.get(sidecar["digest"], set())
        if book_id is None:
            return self.book_of_digest(sidecar["digest"])
        if (claimed and book_id not in claimed) or (owners and book_id not in owners):
            # The file was replaced by another book's of the same name.
            return self._contest(path)
        return book_id

    def book_of_digest(self, digest: str) -> int | None:
        """The one book whose history has this digest from somebody who saw it, else the one with a file of this digest."""
        books = self._owners.get(digest) or self._by_file.get(digest, set())
        if len(books) != 1:
            return None
        (book_id,) = books
        return book_id if digest in self._owners or has_file(self._api, book_id, digest) else None

    def _by_uuids(self, uuids: Iterable[str]) -> set[int]:
        return {self._books[uuid] for uuid in uuids if uuid in self._books}

    def _contest(self, path: str) -> None:
        self.contested.append(path)

    def _holders(self, key: str) -> set[int]:
        return self._by_key.get(key, set())

    def keep_seen(self) -> None:
        """Keeps what was seen of the library's files, so that the next look opens none of them."""
        self._seen_files.keep()

    @cached_property
    def _seen_files(self) -> SeenFiles:
        """Asked for at once: book by book it would be a third of a look at a large card."""
        return SeenFiles(self._api, self._api.all_book_ids())

    @cached_property
    def _by_key(self) -> dict[str, set[int]]:
        """Books by content key; nothing when it was stopped half-way, for then a key only looks as if one had it."""
        holders: dict[str, set[int]] = defaultdict(set)
        for book_id, keys in file_keys(self._api, self._abort).items():
            for key in keys:
                holders[key].add(book_id)
        return {} if self._abort.is_set() else holders

    @cached_property
    def _by_file(self) -> dict[str, set[int]]:
        return file_digests(self._api, self._abort)

    @cached_property
    def _owners(self) -> dict[str, set[int]]:
        owners: dict[str, set[int]] = defaultdict(set)
        for book_id, digests in read_digests(self._api, self._api.all_book_ids()).items():
            for known in digests:
                if known["source"] in WITNESSED:
                    owners[known["digest"]].add(book_id)
        return owners


def document_of(path: str, sidecar: Sidecar, files: Mapping[str, SeenFile], prefixes: Iterable[str]) -> str | None:
    """The path of the book that a sidecar stands for, among the files of the device; None when it is not there.

    KOReader knows the device's memory by another name (`/mnt/onboard`), so the beginning of its paths is left out until
    the rest is a file. With metadata kept by digest, and in the archive, that is the file of this digest.
    """
    if archived_digest(path) is not None:
        return next((found for found, seen in files.items() if seen["digest"] == sidecar["digest"]), None)
    book = book_path(path)
    if book is None:
        return None
    doc_path = sidecar["doc_path"] or ""
    if "/hashdocsettings/" in book:
        same = (found for found, seen in files.items() if seen["digest"] == sidecar["digest"])
        return next(same, None) or _below(doc_path, files, prefixes)
    _before, inside, tail = book.partition("/docsettings/")
    if inside:
        return _below(tail, files, prefixes) or _below(doc_path, files, prefixes)
    return book if book in files else None


def _below(device_path: str, files: Mapping[str, SeenFile], prefixes: Iterable[str]) -> str | None:
    parts = [part for part in device_path.split("/") if part]
    for first in range(len(parts)):
        rest = "/".join(parts[first:])
        for prefix in prefixes:
            path = f"{prefix.rstrip('/')}/{rest}"
            if path in files:
                return path
    return None
