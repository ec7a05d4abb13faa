"""Digests that others have already found for this library's books."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Final

from ..library.calibre_db import CalibreDb
from ..link.contract import KnownDigest
from .history import add_digests, known_digest, read_digests

_DIGEST: Final = re.compile(r"[0-9a-fA-F]{32}$")
TABLE: Final = "book_format_checksums"


def digest_columns(api: CalibreDb) -> dict[str, int]:
    """Text columns that hold nothing but digests, by lookup name, with how many: another KOReader plugin keeps them so."""
    found: dict[str, int] = {}
    described = api.field_metadata.custom_field_metadata(include_composites=False)
    for column, meta in described.items():
        if meta["datatype"] not in ("text", "comments") or meta["is_multiple"]:
            continue
        values = [value for value in api.all_field_for(column, api.all_book_ids()).values() if value]
        if values and all(isinstance(value, str) and _DIGEST.match(value.strip()) for value in values):
            found[column] = len(values)
    return found


def import_column(api: CalibreDb, column: str, now: float) -> set[int]:
    """Takes over the digests of a column, once and on request; the ids of the books that learned one."""
    values = api.all_field_for(column, api.all_book_ids())
    written = {
        book_id: value.strip().lower()
        for book_id, value in values.items()
        if isinstance(value, str) and _DIGEST.match(value.strip())
    }
    known = {book_id: {each["digest"] for each in digests} for book_id, digests in read_digests(api, written).items()}
    news = {book_id: digest for book_id, digest in written.items() if digest not in known.get(book_id, ())}
    return add_digests(api, {book_id: [known_digest(digest, "imported", now)] for book_id, digest in news.items()})


def import_table(api: CalibreDb) -> set[int]:
    """Takes over what Calibre-Web-Automated has put into the library's own database; at every sync, in some ms.

    It keeps the digest of each copy it serves, before that is sent. Without its table nothing happens.
    """
    found: dict[int, list[KnownDigest]] = {}
    with api.safe_read_lock:
        rows = list(_rows(api))
    for book_id, fmt, digest, at in rows:
        if _DIGEST.match(digest):
            made = known_digest(digest.lower(), "imported", _seconds(at), format=fmt.upper() or None)
            found.setdefault(book_id, []).append(made)
    return add_digests(api, found) if found else set()


def _rows(api: CalibreDb) -> Iterator[tuple[int, str, str, object]]:
    connection = api.backend.conn
    columns = {row[1] for row in connection.execute(f"PRAGMA table_info({TABLE})")}
    if not {"book", "format", "checksum"} <= columns:
        return
    created = "created" if "created" in columns else "NULL"
    # A version names the way a digest was made; theirs for KOReader is the one they began with.
    for book, fmt, checksum, at in connection.execute(f"SELECT book, format, checksum, {created} FROM {TABLE}"):
        if isinstance(book, int) and isinstance(checksum, str):
            yield book, str(fmt or ""), checksum.strip(), at


def _seconds(at: object) -> float:
    """A date as SQLite keeps it, in UTC, as epoch seconds; 0 when it is none."""
    if isinstance(at, (int, float)):
        return float(at)
    try:
        made = at if isinstance(at, datetime) else datetime.fromisoformat(str(at).replace("Z", "+00:00"))
    except ValueError:
        return 0.0
    return (made if made.tzinfo else made.replace(tzinfo=timezone.utc)).timestamp()
