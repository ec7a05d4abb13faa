"""From the copy logs into the library: by book uuid first, then by a content key or a file that one book alone has.

A library restored from its OPF files keeps the uuids; a book copied to another library, or merged into another book,
is recognised by its text; where that has no key, as in AZW3, MOBI and PDF, by the very file. What fits no book of this library is an orphan, with title and authors as they were logged.

What was brought home already is remembered with the library itself, so that only new lines are read, and old ones only
for books that are new, changed or gone: a restored library remembers nothing, and everything is brought again.
"""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, TypedDict, cast

from ..library.calibre_db import CalibreDb
from ..library.book_data import fetch, ids_with, keep
from ..library.book_shapes import GATHERED as STATE
from ..copies.content_key import is_versioned
from ..link.contract import TRUST, KnownDigest
from ..copies.log import gather_many, last_seen, log_versions, merge, read_log, read_logs
from ..copies.record import CopyRecord
from ..copies.digest import name_digest
from .history import DATA, StoredHistory, add_digests, changing, keep_stored, known_digest, read_stored
from .imports import import_table
from ..library.files import books_by_uuid, checksums_of, holders_of, holders_of_files
from ..copies.log_places import log_folders
from .noticed import copies_seen, notice
from .rekey import rekey

# Custom book data of the library's first book: so it is lost when the histories are, and read in no time.
VERSION: Final = 1
KEY_VERSION: Final = 2


class _Keyed(TypedDict, total=False):
    # The version of the content keys that the histories were looked through for; absent in the first.
    key_version: int


class State(_Keyed):
    """What was brought home last time."""

    version: int
    # Of each log file, size and date.
    logs: dict[str, list[int]]
    # By book id, as `checksums_of` tells.
    books: dict[str, int]
    # Books that had a history.
    with_history: list[int]


@dataclass(frozen=True)
class Orphan:
    """A book that left some calibre and is not in this library."""

    uuid: str
    title: str
    authors: tuple[str, ...]
    digests: tuple[KnownDigest, ...]


@dataclass(frozen=True)
class Rebuilt:
    """What gathering brought: the books whose history grew, and (looked for when asked) what belongs to no book here."""

    changed: set[int] = field(default_factory=set)
    find_orphans: Callable[[], list[Orphan]] = list

    @cached_property
    def orphans(self) -> list[Orphan]:
        return self.find_orphans()


def rebuild(api: CalibreDb, further_folders: Iterable[str] = (), abort: threading.Event | None = None) -> Rebuilt:
    """Gathers the copy logs and brings the library's histories up to date; meant for a background thread.

    When nothing happened since the last time, this costs a look at the log folders and at calibre's own tables.
    """
    gather_many()
    folders = log_folders(further_folders)
    changed = import_table(api)
    before, logs, checksums = read_state(api), log_versions(folders), checksums_of(api)
    histories = ids_with(api, DATA)
    books = books_by_uuid(api)
    # Books that were not there, changed, or lost their history; what has gone may leave its own to another.
    fresh = {book_id for book_id, checksum in checksums.items() if before["books"].get(str(book_id)) != checksum}
    fresh |= {book_id for book_id in before["with_history"] if book_id in checksums and book_id not in histories}
    gone = any(int(book_id) not in checksums for book_id in before["books"])
    grown = {path for path, version in logs.items() if before["logs"].get(path) != version}
    # Histories of before content keys knew pictures.
    outdated = histories if before.get("key_version") != KEY_VERSION else frozenset()
    if grown or fresh or gone or outdated:
        unread = bytes_of(uuid for uuid, book_id in books.items() if book_id not in fresh)
        unreadable: set[str] = set()
        records = [record for path in grown for record in read_log(path, unreadable=unreadable)]
        if fresh or gone:
            old = (path for path in logs if path not in grown)
            records.extend(record for path in old for record in read_log(path, unread, unreadable))
        notice(api, copies_seen(records, books), time.time())
        brought = bring_all(api, merge(records), books, checksums, abort)
        changed |= brought | rekey(api, brought | outdated, abort)
        if abort is None or not abort.is_set():
            # What could not be read is looked at again next time, although it did not grow.
            read = {path: version for path, version in logs.items() if path not in unreadable}
            write_state(api, before, folders, read, checksums)
    return Rebuilt(changed, lambda: find_orphans(api, folders))


def bytes_of(uuids: Iterable[str]) -> frozenset[bytes]:
    """Uuids as they stand in a log."""
    return frozenset(uuid.encode("utf-8", "replace") for uuid in uuids)


def bring_all(
    api: CalibreDb,
    records: Iterable[CopyRecord],
    books: Mapping[str, int],
    checksums: Mapping[int, int],
    abort: threading.Event | None,
) -> set[int]:
    """Gives each record to the book of its uuid, else to the one that has its text; the ids of those that changed."""
    by_book: dict[int, list[CopyRecord]] = defaultdict(list)
    lost: list[CopyRecord] = []
    for record in records:
        if record["uuid"] in books:
            by_book[books[record["uuid"]]].append(record)
        else:
            lost.append(record)
    changed = bring(api, by_book)
    if lost and not (abort is not None and abort.is_set()):
        changed |= adopt(api, lost, checksums, abort)
    return changed


def read_state(api: CalibreDb) -> State:
    """What the library remembers; nothing when it is new, restored, or lost its first book."""
    holder = min(api.all_book_ids(), default=None)
    stored = fetch(api, STATE, [holder]).get(holder) if holder is not None else None
    if isinstance(stored, dict) and stored.get("version") == VERSION:
        return cast(State, stored)
    return {"version": VERSION, "logs": {}, "books": {}, "with_history": []}


def is_gathered(api: CalibreDb) -> bool:
    """Whether anything was ever brought home here: not in a new library, nor in a restored one."""
    return bool(read_state(api)["books"])


def forget_gathered(api: CalibreDb, book_ids: Collection[int]) -> None:
    """Has the next gathering bring everything of these books once more, from wherever it lies."""
    state = read_state(api)
    holder = min(api.all_book_ids(), default=None)
    if holder is not None and state["books"]:
        left = {key: checksum for key, checksum in state["books"].items() if int(key) not in book_ids}
        keep(api, STATE, {holder: {**state, "books": left}})


def write_state(
    api: CalibreDb, before: State, folders: Collection[str], logs: Mapping[str, list[int]], checksums: Mapping[int, int]
) -> None:
    """Remembers what was brought home, and what another machine brought home of logs that are not here."""
    elsewhere = {path: version for path, version in before["logs"].items() if os.path.dirname(path) not in folders}
    now: State = {
        "version": VERSION,
        "logs": {**elsewhere, **logs},
        "books": {str(book_id): checksum for book_id, checksum in checksums.items()},
        "with_history": sorted(ids_with(api, DATA)),
        "key_version": KEY_VERSION,
    }
    if checksums:
        keep(api, STATE, {min(checksums): now})


def bring(api: CalibreDb, records: Mapping[int, list[CopyRecord]]) -> set[int]:
    """Puts logged records into the histories of these books; the ids of those that changed."""
    restore_unlinked(api, records)
    return add_digests(api, {book_id: list(digests_of(logged)) for book_id, logged in records.items()}, log=False)


def digests_of(records: Iterable[CopyRecord]) -> Iterator[KnownDigest]:
    """Logged records as digests; a file name that is known gives its own digest as well."""
    for record in records:
        if record["source"] not in TRUST:
            continue
        shared = {
            "format": record.get("format"),
            "name": record.get("name"),
            "size": record.get("size"),
            "content_key": record.get("content_key"),
            "device": record.get("device"),
            "first_seen": record["at"],
            "answered": record.get("answered"),
        }
        source: Any = record["source"]
        at = last_seen(record)
        yield known_digest(record["digest"], source, at, cast(Any, record["kind"]), **shared)
        name = record.get("name")
        if name and record["kind"] == "partial_md5":
            yield known_digest(name_digest(name), source, at, "filename", **{**shared, "answered": None})


def restore_unlinked(api: CalibreDb, records: Mapping[int, list[CopyRecord]]) -> None:
    """What was unlinked later than it was linked stays so, also in a restored library."""
    decided = {book_id: unlinked_of(logged) for book_id, logged in records.items()}
    wanted = {book_id: unlinked for book_id, unlinked in decided.items() if unlinked}
    with changing:
        stored = read_stored(api, wanted)
        changed: dict[int, StoredHistory] = {}
        for book_id, unlinked in wanted.items():
            before = stored.get(book_id, {"digests": [], "unlinked": []})
            linked = {known["digest"] for known in before["digests"] if known["source"] == "linked"}
            news = unlinked - set(before["unlinked"]) - linked
            if news:
                kept = [known for known in before["digests"] if known["digest"] not in news]
                changed[book_id] = {"digests": kept, "unlinked": [*before["unlinked"], *sorted(news)]}
        keep_stored(api, changed)


def unlinked_of(records: Iterable[CopyRecord]) -> set[str]:
    """Digests whose last decision was to unlink them."""
    decisions = sorted((r for r in records if r["source"] in ("linked", "unlinked")), key=last_seen)
    last = {record["digest"]: record["source"] for record in decisions}
    return {digest for digest, source in last.items() if source == "unlinked"}


def adopt(
    api: CalibreDb, lost: Iterable[CopyRecord], checksums: Mapping[int, int], abort: threading.Event | None
) -> set[int]:
    """Gives records of no book here to the one book of this library that has their text, or the file they are copies of."""
    lost = list(lost)
    # What was met of a copy on its way and on a reader is of the same file.
    origins = {record["digest"]: origin for record in lost if (origin := record.get("origin")) is not None}
    by_key: dict[str, list[CopyRecord]] = defaultdict(list)
    by_origin: dict[str, list[CopyRecord]] = defaultdict(list)
    for record in lost:
        key = record.get("content_key")
        if key is not None and is_versioned(key):
            by_key[key].append(record)
        elif record["digest"] in origins:
            by_origin[origins[record["digest"]]].append(record)
    found: dict[int, list[CopyRecord]] = defaultdict(list)
    for key, book_id in (holders_of(api, by_key, checksums, abort) if by_key else {}).items():
        found[book_id].extend(by_key[key])
    for origin, book_id in (holders_of_files(api, by_origin, abort) if by_origin else {}).items():
        found[book_id].extend(by_origin[origin])
    return bring(api, found)


def find_orphans(api: CalibreDb, folders: Iterable[str]) -> list[Orphan]:
    """What no book of this library has taken over, under its newest title; for that, all logs are read."""
    uuids = set(books_by_uuid(api))
    lost: dict[str, list[CopyRecord]] = defaultdict(list)
    for record in read_logs(folders, without=bytes_of(uuids)):
        if record["uuid"] not in uuids:
            lost[record["uuid"]].append(record)
    stored = read_stored(api, api.all_book_ids()) if lost else {}
    known = {digest["digest"] for history in stored.values() for digest in history["digests"]}
    return list(orphans_of(lost, known))


def orphans_of(lost: Mapping[str, list[CopyRecord]], known: Collection[str]) -> Iterator[Orphan]:
    """Lost records as orphans, without the digests that some book has."""
    for uuid, records in lost.items():
        digests = tuple(digest for digest in digests_of(records) if digest["digest"] not in known)
        if digests:
            newest = max(records, key=last_seen)
            yield Orphan(uuid, newest.get("title") or "", tuple(newest.get("authors") or ()), digests)
