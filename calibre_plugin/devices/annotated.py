"""Which books of a library a reader has marked something in, as the sidecars on a card or in a folder tell. Only reads."""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Iterable

from ..library.books import read_formats
from ..library.calibre_db import CalibreDb
from ..link.contract import AnnotatedBook, FoundAnnotation, FoundAnnotations
from .annotations import read_annotations
from .files import with_slashes
from .lua_table import LARGEST
from .match import Matcher, document_of
from .odd_file import OddFile, read_at_most
from .read import read_mounted
from .sidecar import Sidecar, is_old
from .state import DeviceState, empty_state


def annotated_books(
    api: CalibreDb, folders: Iterable[str], book_ids: Collection[int], abort: threading.Event
) -> FoundAnnotations:
    """Everything marked in these books, and the titles of marked books that are none of the library's.

    Raises OSError for a folder that cannot be read.
    """
    marked: dict[int, list[FoundAnnotation]] = {}
    unmatched: dict[str, int] = {}
    odd = 0
    for folder in folders:
        os.listdir(folder)
        look = read_mounted([folder], empty_state(_name_of(folder)), _name_of(folder), abort)
        odd += sum(path in look.now["sidecars"] or path.endswith(".lua") for path in look.now["odd"])
        matcher = Matcher(api, {}, abort)
        for path, sidecar in _sidecars(look.now):
            found = _annotations_at(path, _name_of(folder))
            if not found:
                continue
            book_id = _book_of(path, sidecar, look.now, matcher, folder)
            if book_id is None:
                title = sidecar["title"] or os.path.basename(path)
                unmatched[title] = unmatched.get(title, 0) + len(found)
            elif book_id in book_ids:
                marked.setdefault(book_id, []).extend(found)
    return {
        "books": [_book(api, book_id, annotations) for book_id, annotations in sorted(marked.items())],
        "unmatched": [{"title": title, "annotations": count} for title, count in sorted(unmatched.items())],
        "odd": odd,
    }


def _name_of(folder: str) -> str:
    return os.path.basename(folder.rstrip(os.sep)) or folder


def _sidecars(state: DeviceState) -> list[tuple[str, Sidecar]]:
    """Those with a content; what KOReader had before counts only where there is nothing newer that can be read."""
    told = {path: entry["sidecar"] for path, entry in sorted(state["sidecars"].items())}
    return [
        (path, sidecar)
        for path, sidecar in told.items()
        if sidecar is not None and not (is_old(path) and told.get(path.removesuffix(".old")) is not None)
    ]


def _annotations_at(path: str, device: str) -> list[FoundAnnotation]:
    try:
        return read_annotations(read_at_most(path, LARGEST), device)
    except (OddFile, OSError):
        # It was whole a moment ago: the reader's own program writes it.
        return []


def _book_of(path: str, sidecar: Sidecar, state: DeviceState, matcher: Matcher, folder: str) -> int | None:
    prefix = with_slashes(folder)
    document = document_of(path, sidecar, state["files"], [prefix])
    seen = state["files"].get(document) if document is not None else None
    at = matcher.book_of_file(document, seen) if document is not None and seen is not None else None
    return matcher.book_of_sidecar(path, sidecar, at)


def _book(api: CalibreDb, book_id: int, annotations: list[FoundAnnotation]) -> AnnotatedBook:
    return {
        "book_id": book_id,
        "uuid": api.field_for("uuid", book_id) or "",
        "title": api.field_for("title", book_id) or "",
        "authors": list(api.field_for("authors", book_id) or ()),
        "formats": list(read_formats(api, book_id)),
        "annotations": annotations,
    }
