"""What KOReader itself keeps about a book: its sidecar, the one place where a digest is sure to be what it sends.

A sidecar stands beside the book (`Book.sdr/metadata.epub.lua`), below `docsettings` in KOReader's own folder under the
book's whole path, or below `hashdocsettings` under the digest, as the reader chose. The *book metadata archive* keeps
another, whole one in a folder of the reader's choice, as `<digest>.lua`: at closing a book, and when it is deleted.
"""

from __future__ import annotations

import re
import time
from typing import Any, Final, TypedDict, cast

from ..link.contract import LONGEST_REVIEW, SIDECAR_STATUSES, DeviceMark, SidecarStatus
from .lua_table import read_lua_table
from .odd_file import OddFile
from ..copies.package_document import uuids_in

# What a synchroniser adds to the name of the other one of two files that were changed at once: Syncthing and ownCloud,
# and in brackets, in any language, Dropbox and Nextcloud.
CONFLICT: Final = r"(?:\.sync-conflict-[0-9A-Za-z-]+|_conflict-[0-9-]+| ?\([^()/]{1,200}\))"
# `metadata.epub.lua`, and what KOReader left when it was interrupted while it wrote a new one.
NAME: Final = re.compile(rf"metadata\.(\w+){CONFLICT}?\.lua(\.old)?$", re.IGNORECASE)
# What the archive calls one.
ARCHIVED: Final = re.compile(rf"([0-9a-f]{{32}}){CONFLICT}?\.lua(\.old)?$")
_CONFLICTING: Final = re.compile(rf"{CONFLICT}\.lua(\.old)?$")
_DIGEST: Final = re.compile(r"[0-9a-f]{32}")
# A title, a path, a place: more than this is none.
_LONGEST: Final = 4096
_MOST_PAGES: Final = 10_000_000
# What no text of a reader's holds, and no file of calibre's may.
_CONTROLS: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Sidecar(TypedDict):
    """The part of a sidecar that concerns us; what it does not say is null."""

    digest: str
    # Where the reader's system had the book: `/mnt/onboard/Books/Book.epub`.
    doc_path: str | None
    title: str | None
    authors: list[str]
    # Whatever uuids the book's own metadata held.
    uuids: list[str]
    percentage: float | None
    # Where the reader is: an XPointer, or in a paged book the page's number as text.
    progress: str | None
    # How many pages the last rendering had.
    pages: int | None
    status: SidecarStatus | None
    # The beginning of the day, where we are, on which the status was set; epoch seconds.
    marked: float | None
    # Stars, 1 to 5.
    rating: int | None
    # What the reader wrote about the book: plain text with its newlines.
    review: str | None


# What earlier versions left unread has fewer.
TOLD: Final = frozenset(Sidecar.__annotations__)


def read_sidecar(data: bytes) -> Sidecar | None:
    """A sidecar's content; None for one of a KOReader that kept no digest yet. OddFile for what is none."""
    table = read_lua_table(data)
    digest = table.get("partial_md5_checksum")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        return None
    properties = _table(table, "doc_props")
    summary = _table(table, "summary")
    status = summary.get("status")
    return {
        "digest": digest,
        "doc_path": _text(table.get("doc_path")),
        "title": _text(properties.get("title")),
        "authors": [name for name in (_text(properties.get("authors")) or "").split("\n") if name],
        "uuids": uuids_in(_text(properties.get("identifiers")) or ""),
        "percentage": _share(table.get("percent_finished")),
        "progress": _place(table),
        "pages": _whole(table.get("doc_pages"), _MOST_PAGES),
        "status": cast(SidecarStatus, status) if status in SIDECAR_STATUSES else None,
        "marked": day_of(summary.get("modified")),
        "rating": _whole(summary.get("rating"), 5),
        "review": _review(summary.get("note")),
    }


def read_sidecar_at(path: str, data: bytes) -> Sidecar | None:
    """As `read_sidecar`; an archived one must also be called as its digest is, or it is another's."""
    sidecar = read_sidecar(data)
    archived = archived_digest(path)
    if archived is not None and sidecar is not None and sidecar["digest"] != archived:
        raise OddFile("name_and_digest_differ")
    return sidecar


def archived_digest(path: str) -> str | None:
    """The digest that an archived sidecar's name tells; None for a sidecar in another place."""
    named = ARCHIVED.fullmatch(path.rpartition("/")[2])
    return named.group(1) if named is not None else None


def is_old(path: str) -> bool:
    """Whether this is what KOReader had before, which it keeps beside what it wrote last."""
    return path.endswith(".old")


def is_conflicting(path: str) -> bool:
    """Whether a synchroniser kept this beside another one of the same name, which another reader wrote."""
    return _CONFLICTING.search(path.rpartition("/")[2]) is not None


def mark_of(sidecar: Sidecar, device: str) -> DeviceMark | None:
    """What the reader said of the book on that device; None when nothing was said."""
    status = sidecar["status"]
    return None if status is None else {"device": device, "status": status, "at": sidecar["marked"]}


def day_of(modified: object) -> float | None:
    """The beginning of a day written as `2024-05-06`, in this machine's time zone, as epoch seconds."""
    if not isinstance(modified, str):
        return None
    try:
        day = time.mktime(time.strptime(modified[:10], "%Y-%m-%d"))
    except (ValueError, OverflowError):
        return None
    # A clock that had lost its date tells none.
    return day if day >= 0 else None


def sidecar_path(book_path: str) -> str:
    """The sidecar that stands beside a book, with forward slashes: `a/Book.epub` has `a/Book.sdr/metadata.epub.lua`."""
    stem, _dot, extension = book_path.rpartition(".")
    return f"{stem}.sdr/metadata.{extension}.lua"


def book_path(path: str) -> str | None:
    """The book that a sidecar at this path would stand beside: the inverse of `sidecar_path`; None for another file."""
    folder, _slash, name = path.rpartition("/")
    named = NAME.match(name)
    if named is None or not folder.lower().endswith(".sdr"):
        return None
    return f"{folder[: -len('.sdr')]}.{named.group(1)}"


def _table(table: dict[Any, Any], key: str) -> dict[Any, Any]:
    value = table.get(key)
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    if not isinstance(value, str) or not value:
        return None
    # Old PDFs end their titles with a NUL.
    text = value[:_LONGEST].encode("utf-8", "surrogateescape").decode("utf-8", "replace").replace("\0", "")
    return text or None


def _place(table: dict[Any, Any]) -> str | None:
    """A reflowed book has a pointer into its text, a paged one a number; a pointer that is cut short would be another's."""
    pointer = table.get("last_xpointer")
    if isinstance(pointer, str) and pointer.startswith("/") and len(pointer) <= _LONGEST and pointer.isprintable():
        return pointer
    page = _whole(table.get("last_page"), _MOST_PAGES)
    return None if page is None else str(page)


def _review(value: object) -> str | None:
    if not isinstance(value, str) or len(value) > LONGEST_REVIEW:
        return None
    text = value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    text = _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    # Half of a text that is too long would be false. The bridge counts as JavaScript does.
    return text if text and len(text.encode("utf-16-le")) <= 2 * LONGEST_REVIEW else None


def _whole(value: object, most: int) -> int | None:
    """A whole number from 1 on; another says nothing."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not 1 <= cast(float, value) <= most:
        return None
    return int(cast(float, value)) if cast(float, value) == int(cast(float, value)) else None


def _share(value: object) -> float | None:
    """What is no share of a book, as 57 for 57 %, says nothing."""
    is_share = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1
    return float(cast(float, value)) if is_share else None
