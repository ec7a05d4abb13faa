"""From the copy logs into the library: by book uuid first, then by a content key that one book alone has.

A library restored from its OPF files keeps the uuids; a book copied to another library, or merged into another book,
is recognised by its text. What fits no book of this library is an orphan, with title and authors as they were logged.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from .book_data import fetch, keep
from .contract import KnownDigest
from .copy_log import CopyRecord, gather, last_seen, log_folders, read_logs
from .digest import file_content_key, name_digest
from .history import DATA, TRUST, add_digests, changing, known_digest, read_stored
from .imports import import_table

FILE_KEYS: Final = "koreader_progress_file_keys"
EPUB_FORMATS: Final = ("EPUB", "KEPUB")


@dataclass(frozen=True)
class Orphan:
    """A book that left some calibre and is not in this library."""

    uuid: str
    title: str
    authors: tuple[str, ...]
    digests: tuple[KnownDigest, ...]


@dataclass(frozen=True)
class Rebuilt:
    """What gathering brought: the books whose history grew, and what belongs to no book here."""

    changed: set[int] = field(default_factory=set)
    orphans: list[Orphan] = field(default_factory=list)


def rebuild(api: Any, further_folders: Iterable[str] = (), abort: threading.Event | None = None) -> Rebuilt:
    """Gathers the copy logs and brings the library's histories up to date; meant for a background thread.

    Content keys of library files are computed only when there are orphans to be recognised, and kept by size and date.
    """
    gather()
    by_uuid: dict[str, list[CopyRecord]] = defaultdict(list)
    for record in read_logs(log_folders(further_folders)):
        by_uuid[record["uuid"]].append(record)
    books = {uuid: book_id for book_id, uuid in api.all_field_for("uuid", api.all_book_ids()).items()}
    changed = import_table(api) | bring(
        api, {books[uuid]: records for uuid, records in by_uuid.items() if uuid in books}
    )
    lost = {uuid: records for uuid, records in by_uuid.items() if uuid not in books}
    if lost and not (abort is not None and abort.is_set()):
        changed |= adopt(api, lost, abort)
    return Rebuilt(changed, list(orphans_of(api, lost)) if lost else [])


def bring(api: Any, records: Mapping[int, list[CopyRecord]]) -> set[int]:
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


def restore_unlinked(api: Any, records: Mapping[int, list[CopyRecord]]) -> None:
    """What was unlinked later than it was linked stays so, also in a restored library."""
    decided = {book_id: unlinked_of(logged) for book_id, logged in records.items()}
    wanted = {book_id: unlinked for book_id, unlinked in decided.items() if unlinked}
    with changing:
        stored = read_stored(api, wanted)
        changed = {}
        for book_id, unlinked in wanted.items():
            before = stored.get(book_id, {"digests": [], "unlinked": []})
            linked = {known["digest"] for known in before["digests"] if known["source"] == "linked"}
            news = unlinked - set(before["unlinked"]) - linked
            if news:
                kept = [known for known in before["digests"] if known["digest"] not in news]
                changed[book_id] = {"digests": kept, "unlinked": [*before["unlinked"], *sorted(news)]}
        keep(api, DATA, changed)


def unlinked_of(records: Iterable[CopyRecord]) -> set[str]:
    """Digests whose last decision was to unlink them."""
    decisions = sorted((r for r in records if r["source"] in ("linked", "unlinked")), key=last_seen)
    last = {record["digest"]: record["source"] for record in decisions}
    return {digest for digest, source in last.items() if source == "unlinked"}


def adopt(api: Any, lost: Mapping[str, list[CopyRecord]], abort: threading.Event | None) -> set[int]:
    """Gives orphaned records to the one book of this library that has their content key."""
    wanted = {key for records in lost.values() for record in records if (key := record.get("content_key"))}
    holders = holders_of(api, wanted, abort) if wanted else {}
    found: dict[int, list[CopyRecord]] = defaultdict(list)
    for records in lost.values():
        for record in records:
            holding = holders.get(record.get("content_key") or "", set())
            if len(holding) == 1:
                found[next(iter(holding))].append(record)
    return bring(api, found)


def holders_of(api: Any, keys: Collection[str], abort: threading.Event | None) -> dict[str, set[int]]:
    """Which books of the library have these content keys, by what their files hold now."""
    holders: dict[str, set[int]] = defaultdict(set)
    for book_id, own in file_keys(api, abort).items():
        for key in own & set(keys):
            holders[key].add(book_id)
    return holders


def file_keys(api: Any, abort: threading.Event | None = None) -> dict[int, set[str]]:
    """The content keys of all EPUBs in the library; only new and changed files are opened."""
    stored = fetch(api, FILE_KEYS, api.all_book_ids())
    found: dict[int, set[str]] = {}
    changed: dict[int, dict[str, list[Any]]] = {}
    for book_id in sorted(api.all_book_ids()):
        if abort is not None and abort.is_set():
            break
        before = stored.get(book_id) or {}
        now = {fmt: key_of_format(api, book_id, fmt, before.get(fmt)) for fmt in epub_formats(api, book_id)}
        found[book_id] = {entry[2] for entry in now.values() if entry[2]}
        if now != before:
            changed[book_id] = now
    keep(api, FILE_KEYS, changed)
    return found


def epub_formats(api: Any, book_id: int) -> list[str]:
    """The book's formats that have a content key."""
    return [fmt for fmt in api.formats(book_id, verify_formats=False) if fmt.upper() in EPUB_FORMATS]


def key_of_format(api: Any, book_id: int, fmt: str, before: list[Any] | None) -> list[Any]:
    """Size, date and content key of a library file, the key from `before` where size and date are still the same."""
    about = api.format_metadata(book_id, fmt, allow_cache=False)
    size, date = about.get("size", 0), about["mtime"].timestamp() if about else 0.0
    if before and before[:2] == [size, date]:
        return before
    path = api.format_abspath(book_id, fmt)
    return [size, date, file_content_key(path) if path else None]


def orphans_of(api: Any, lost: Mapping[str, list[CopyRecord]]) -> Iterator[Orphan]:
    """What no book of this library has taken over, under its newest title."""
    stored = read_stored(api, api.all_book_ids())
    known = {digest["digest"] for history in stored.values() for digest in history["digests"]}
    for uuid, records in lost.items():
        digests = tuple(digest for digest in digests_of(records) if digest["digest"] not in known)
        if digests:
            newest = max(records, key=last_seen)
            yield Orphan(uuid, newest.get("title") or "", tuple(newest.get("authors") or ()), digests)
