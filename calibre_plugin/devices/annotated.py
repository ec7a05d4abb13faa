"""Which books of a library a reader has marked something in, as the sidecars on a card or in a folder tell. Only reads."""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from ..library.annotations import standing_annotations
from ..library.book_data import fetch
from ..library.book_shapes import ANNOTATIONS
from ..library.books import read_formats
from ..library.calibre_db import CalibreDb
from ..link.contract import AnnotatedBook, FoundAnnotations, MarkedFile
from .annotations import read_marked
from .device import SidecarFolder
from .files import with_slashes
from .lua_table import LARGEST
from .match import Matcher, document_of
from .odd_file import OddFile, read_at_most
from .read import read_mounted
from .sidecar import Sidecar, archived_digest, is_conflicting, is_old
from .state import DeviceState, SeenSidecar, empty_state


@dataclass(frozen=True)
class Card:
    """Where a reader's sidecars lie: the folder, what stays the same for it, its name, and what is known of it."""

    folder: str
    id: str
    name: str
    before: DeviceState

    @classmethod
    def at(cls, folder: str) -> Card:
        """A folder of which nothing is known."""
        named = SidecarFolder(folder, "")
        return cls(folder, named.id, named.called, empty_state(named.called))


def annotated_books(
    api: CalibreDb,
    cards: Iterable[Card],
    book_ids: Collection[int],
    abort: threading.Event,
    profile: str = "",
    target: str | None = None,
) -> FoundAnnotations:
    """Everything marked in these books, and the titles of marked books that are none of the library's.

    With what calibre holds of each for a target, and what is remembered of it for a profile. Raises OSError for a folder
    that cannot be read.
    """
    marked: dict[int, list[MarkedFile]] = {}
    unmatched: dict[str, int] = {}
    odd = 0
    for card in cards:
        os.listdir(card.folder)
        look = read_mounted([card.folder], card.before, card.name, abort)
        odd += sum(path in look.now["sidecars"] or path.endswith(".lua") for path in look.now["odd"])
        matcher = Matcher(api, {}, abort)
        for path, entry, sidecar in _sidecars(look.now):
            file = _marked_at(path, entry, sidecar, card)
            if not file["annotations"]:
                continue
            book_id = _book_of(path, sidecar, look.now, matcher, card.folder)
            if book_id is None:
                title = sidecar["title"] or os.path.basename(path)
                unmatched[title] = unmatched.get(title, 0) + len(file["annotations"])
            elif book_id in book_ids:
                marked.setdefault(book_id, []).append(file)
    kept = fetch(api, ANNOTATIONS, marked) if target is not None else {}
    return {
        "books": [
            _book(api, book_id, files, target, kept.get(book_id, {}).get(profile))
            for book_id, files in sorted(marked.items())
        ],
        "unmatched": [{"title": title, "annotations": count} for title, count in sorted(unmatched.items())],
        "odd": odd,
    }


def _sidecars(state: DeviceState) -> list[tuple[str, SeenSidecar, Sidecar]]:
    """Those with a content; what KOReader had before counts only where there is nothing newer that can be read."""
    seen = state["sidecars"]
    told = {path: entry["sidecar"] for path, entry in sorted(seen.items())}
    return [
        (path, seen[path], sidecar)
        for path, sidecar in told.items()
        if sidecar is not None and not (is_old(path) and told.get(path.removesuffix(".old")) is not None)
    ]


def _marked_at(path: str, entry: SeenSidecar, sidecar: Sidecar, card: Card) -> MarkedFile:
    try:
        annotations, whole = read_marked(read_at_most(path, LARGEST), card.name)
    except (OddFile, OSError):
        # It was whole a moment ago: the reader's own program writes it.
        annotations, whole = [], False
    is_own = not (is_old(path) or is_conflicting(path) or archived_digest(path) is not None)
    return {
        "device": card.id,
        "path": os.path.relpath(path, card.folder).replace(os.sep, "/"),
        "digest": sidecar["digest"],
        "modified": entry["mtime"],
        "whole": whole and is_own,
        "annotations": annotations,
    }


def _book_of(path: str, sidecar: Sidecar, state: DeviceState, matcher: Matcher, folder: str) -> int | None:
    prefix = with_slashes(folder)
    document = document_of(path, sidecar, state["files"], [prefix])
    seen = state["files"].get(document) if document is not None else None
    at = matcher.book_of_file(document, seen) if document is not None and seen is not None else None
    return matcher.book_of_sidecar(path, sidecar, at)


def _book(
    api: CalibreDb, book_id: int, files: list[MarkedFile], target: str | None, kept: dict[str, Any] | None
) -> AnnotatedBook:
    return {
        "book_id": book_id,
        "uuid": api.field_for("uuid", book_id) or "",
        "title": api.field_for("title", book_id) or "",
        "authors": list(api.field_for("authors", book_id) or ()),
        "formats": list(read_formats(api, book_id)),
        "files": files,
        "standing": standing_annotations(api, book_id, target) if target is not None else [],
        "kept": kept,
    }
