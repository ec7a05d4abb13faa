"""All digests a book ever had, kept with the library: in calibre's custom book data, which touches no file and no date.

What is learned here beyond the copy log is logged there as well, under the book's uuid, so that a library restored from
its OPF files finds its history again.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from typing import Final, TypedDict, cast

from ..library.calibre_db import CalibreDb
from ..library.book_data import fetch, keep
from ..library.book_shapes import DIGESTS as DATA
from ..copies.content_key import newest_key
from ..link.contract import TRUST, WORTH_LOGGING, DigestKind, DigestSource, KnownDigest
from ..copies.log import append
from ..copies.record import CopyRecord

# Whoever reads a history to change it: uploads, devices, runs and the reader's own links work in different threads.
changing: Final = threading.RLock()


class StoredHistory(TypedDict):
    """One book's history."""

    digests: list[KnownDigest]
    # Digests that the reader said are not this book's: never offered again, whoever finds them.
    unlinked: list[str]


class _Kept(StoredHistory, total=False):
    """A history as it lies in the custom book data."""

    # Content keys that name their own version, by digest: 0.1.0 passes the digests on as they are, to a bridge that
    # refuses any other key than its own.
    keys: dict[str, str]


def known_digest(
    digest: str,
    source: DigestSource,
    at: float,
    kind: DigestKind = "partial_md5",
    **known: object,
) -> KnownDigest:
    """A digest seen once, at `at` (epoch seconds); what is not given is not known."""
    nothing = {"format": None, "name": None, "size": None, "content_key": None, "device": None, "answered": None}
    seen = {"digest": digest, "kind": kind, "source": source, "first_seen": at, "last_seen": at}
    return cast(KnownDigest, {**nothing, **seen, **known})


def read_digests(api: CalibreDb, book_ids: Collection[int]) -> dict[int, list[KnownDigest]]:
    """The histories of these books, by id; a book without one is missing."""
    stored = read_stored(api, book_ids)
    return {book_id: history["digests"] for book_id, history in stored.items() if history["digests"]}


def read_unlinked(api: CalibreDb, book_ids: Collection[int]) -> dict[int, list[str]]:
    """What the reader unlinked, by book id."""
    stored = read_stored(api, book_ids)
    return {book_id: history["unlinked"] for book_id, history in stored.items() if history["unlinked"]}


def read_stored(api: CalibreDb, book_ids: Collection[int]) -> dict[int, StoredHistory]:
    """The stored histories, by id; a book without one is missing."""
    return {book_id: _from_kept(value) for book_id, value in fetch(api, DATA, book_ids).items()}


def keep_stored(api: CalibreDb, histories: Mapping[int, StoredHistory]) -> None:
    """Replaces whole histories."""
    keep(api, DATA, {book_id: _to_kept(history) for book_id, history in histories.items()})


def _from_kept(kept: _Kept) -> StoredHistory:
    keys = kept.get("keys", {})
    digests = [
        cast(KnownDigest, {**known, "content_key": keys.get(known["digest"], known["content_key"])})
        for known in kept["digests"]
    ]
    return {"digests": digests if keys else kept["digests"], "unlinked": list(kept.get("unlinked") or ())}


def _to_kept(history: StoredHistory) -> _Kept:
    keys = {known["digest"]: key for known in history["digests"] if (key := known["content_key"]) and ":" in key}
    if not keys:
        return {**history}
    digests = [
        cast(KnownDigest, {**known, "content_key": None}) if known["digest"] in keys else known
        for known in history["digests"]
    ]
    return {"digests": digests, "unlinked": history["unlinked"], "keys": keys}


def add_digests(api: CalibreDb, found: Mapping[int, Iterable[KnownDigest]], log: bool = True) -> set[int]:
    """Merges digests into the histories; the ids of the books whose history changed. Unknown ids are left out.

    Predictions are kept once a server has answered them: until then they are guesses that can be made again.
    """
    known_ids = api.all_book_ids()
    wanted = {book_id: list(digests) for book_id, digests in found.items() if book_id in known_ids}
    with changing:
        stored = read_stored(api, wanted)
        changed: dict[int, StoredHistory] = {}
        for book_id, digests in wanted.items():
            before = stored.get(book_id, {"digests": [], "unlinked": []})
            kept = [digest for digest in digests if is_worth_keeping(digest, before["unlinked"])]
            merged = merge_digests([*before["digests"], *kept])
            if merged != before["digests"]:
                changed[book_id] = {"digests": merged, "unlinked": before["unlinked"]}
                if log:
                    log_digests(api, book_id, new_in(merged, before["digests"]))
        keep_stored(api, changed)
    return set(changed)


def is_worth_keeping(digest: KnownDigest, unlinked: Collection[str]) -> bool:
    """Whether a digest belongs into the history."""
    return digest["digest"] not in unlinked and (digest["source"] != "predicted" or digest["answered"] is not None)


def merge_digests(digests: Iterable[KnownDigest]) -> list[KnownDigest]:
    """Each digest once, under its most trusted source, with the dates of all; in the order they first came."""
    merged: dict[tuple[str, str], KnownDigest] = {}
    for digest in digests:
        key = (digest["kind"], digest["digest"])
        merged[key] = merge_two(merged[key], digest) if key in merged else digest
    return list(merged.values())


def merge_two(one: KnownDigest, two: KnownDigest) -> KnownDigest:
    """The more trusted of two findings of one digest, completed by the other."""
    better, other = (one, two) if TRUST[one["source"]] <= TRUST[two["source"]] else (two, one)
    told = {key: value for key, value in better.items() if value is not None}
    dates = {
        "first_seen": min(one["first_seen"], two["first_seen"]),
        "last_seen": max(one["last_seen"], two["last_seen"]),
        "answered": max((d["answered"] for d in (one, two) if d["answered"] is not None), default=None),
    }
    key = newest_key(better["content_key"], other["content_key"])
    return cast(KnownDigest, {**other, **told, **dates, "content_key": key})


def new_in(merged: list[KnownDigest], before: list[KnownDigest]) -> list[KnownDigest]:
    """What the log should hear of: a digest from a new source, or one that a server answered for the first time."""
    known = {(d["kind"], d["digest"]): d for d in before}
    return [
        d
        for d in merged
        for old in (known.get((d["kind"], d["digest"])),)
        if (d["source"] in WORTH_LOGGING and (old is None or old["source"] != d["source"]))
        or (d["answered"] is not None and (old is None or old["answered"] is None))
    ]


def link(api: CalibreDb, book_id: int, digest: str) -> None:
    """Makes a digest this book's for good, also one that was unlinked. Raises ValueError for an unknown book."""
    _decide(api, book_id, digest, linked=True)


def unlink(api: CalibreDb, book_id: int, digest: str) -> None:
    """Makes sure that a digest is never taken for this book's again. Raises ValueError for an unknown book."""
    _decide(api, book_id, digest, linked=False)


def _decide(api: CalibreDb, book_id: int, digest: str, linked: bool) -> None:
    if book_id not in api.all_book_ids():
        raise ValueError(f"no book {book_id}")
    with changing:
        stored = read_stored(api, [book_id]).get(book_id, {"digests": [], "unlinked": []})
        made = known_digest(digest, "linked", time.time())
        unlinked = [other for other in stored["unlinked"] if other != digest]
        if linked:
            value: StoredHistory = {"digests": merge_digests([*stored["digests"], made]), "unlinked": unlinked}
        else:
            others = [known for known in stored["digests"] if known["digest"] != digest]
            value = {"digests": others, "unlinked": [*unlinked, digest]}
        keep_stored(api, {book_id: value})
    log_digests(api, book_id, [made], "linked" if linked else "unlinked")


def log_digests(api: CalibreDb, book_id: int, digests: Iterable[KnownDigest], source: str | None = None) -> None:
    """Tells the copy log of digests; the library has them in any case, so a log that cannot be written is no error."""
    uuid = api.field_for("uuid", book_id)
    if not uuid:
        return
    title = api.field_for("title", book_id) or ""
    authors = [*api.field_for("authors", book_id)]
    for digest in digests:
        with suppress(OSError):
            append(record_of(digest, source or digest["source"], uuid, title, authors))


def record_of(digest: KnownDigest, source: str, uuid: str, title: str, authors: list[str]) -> CopyRecord:
    """A digest as a line of the copy log."""
    return {
        "at": digest["last_seen"],
        "source": source,
        "uuid": uuid,
        "title": title,
        "authors": authors,
        "kind": digest["kind"],
        "digest": digest["digest"],
        "format": digest["format"],
        "size": digest["size"],
        "content_key": digest["content_key"],
        "name": digest["name"],
        "device": digest["device"],
        "answered": digest["answered"],
        "by": os.path.basename(sys.argv[0]) if sys.argv else "",
    }
