"""Digests that a book's copies may have although nobody saw them leave: made by calibre's own writer, on a copy.

Nothing is logged here: what never left is never "written". A KEPUB that a driver makes on the way carries the clock in
its zip and cannot be predicted.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Final, TypedDict, cast

from calibre.constants import numeric_version
from calibre.ebooks.metadata.book import PUBLICATION_METADATA_FIELDS, SOCIAL_METADATA_FIELDS

from ..library.calibre_db import CalibreDb
from ..library.book_data import fetch, keep
from ..library.book_shapes import PREDICTIONS as CACHE
from ..copies.content_key import content_key
from ..link.contract import ColumnMapping, KnownDigest
from ..copies.writer import AS_CALIBRE, EPUBS, with_composites, write_copy
from ..copies.digest import name_digest, partial_md5, stream_size
from .history import known_digest, read_digests
from .names import names_on_readers
from ..copies.stored import SCHEMA
from .stoppable import StoppableFile, unless_stopped
from ..copies.strip_list import StripList, read_strip_list

CHUNK: Final = 1 << 20
# What a server may be asked of one book; the likeliest come first.
PREDICTIONS_PER_FORMAT: Final = 6
# A cover is told by its date, as it is large. An author's links have another name since calibre 7.
WRITTEN_FIELDS: Final = (
    SOCIAL_METADATA_FIELDS
    | PUBLICATION_METADATA_FIELDS
    | {"application_id", "user_categories", "author_link_map", "link_maps"}
) - {"last_modified", "cover", "cover_data", "thumbnail"}


class Cached(TypedDict):
    """A book's predictions, and what they were made of."""

    made_of: str
    digests: list[KnownDigest]


def all_digests(api: CalibreDb, columns: list[ColumnMapping], book_id: int) -> list[KnownDigest]:
    """Every digest of one book: those of its history, then those that its copies would have now."""
    known = read_digests(api, [book_id]).get(book_id, [])
    names = {digest["digest"] for digest in known}
    predicted = predictor(api, columns)(book_id)
    return [*known, *(digest for digest in predicted if digest["digest"] not in names)]


def predictor(
    api: CalibreDb, columns: list[ColumnMapping], abort: threading.Event | None = None
) -> Callable[[int], list[KnownDigest]]:
    """A function from book id to predicted digests; results are kept until the book, calibre or a plugboard changes.

    It returns nothing, and keeps nothing, as soon as `abort` is set, also in the middle of a large book.
    """
    ours = frozenset(mapping["column"] for mapping in columns)
    plugboards: dict[str, Any] = api.pref("plugboards") or {}
    strip_list = read_strip_list()
    stop = abort or threading.Event()

    def predict(book_id: int) -> list[KnownDigest]:
        made_of = _made_of(api, book_id, ours, plugboards, strip_list)
        cached = fetch(api, CACHE, [book_id]).get(book_id)
        if isinstance(cached, dict) and cached.get("made_of") == made_of:
            digests: list[KnownDigest] = cached["digests"]
        else:
            files = unless_stopped(lambda: list(_predict_files(api, book_id, ours, plugboards, strip_list, stop)), stop)
            if files is None:
                return []
            digests = files
            kept: Cached = {"made_of": made_of, "digests": digests}
            keep(api, CACHE, {book_id: kept})
        # Names depend on the reader's templates as well, and are made in no time.
        return [*digests, *_predict_names(api, book_id)]

    return predict


def _made_of(
    api: CalibreDb, book_id: int, ours: frozenset[str], plugboards: dict[str, Any], strip_list: StripList
) -> str:
    """A hash over everything a prediction depends on, but for our own columns and what is built on them: a sync changes it."""
    files = [
        (fmt, about.get("size"), str(about.get("mtime")))
        for fmt in sorted(api.formats(book_id, verify_formats=False))
        for about in (api.format_metadata(book_id, fmt, allow_cache=False),)
    ]
    metadata = api.get_metadata(book_id)
    columns = sorted(strip_list.columns)
    cover = str(api.cover_last_modified(book_id)) if metadata.has_cover else None
    # What an earlier version predicted knows less of a book's text.
    told = [
        SCHEMA,
        files,
        cover,
        _what_a_writer_writes(metadata, ours),
        _what_boards_show(metadata, ours, plugboards),
        plugboards,
        list(numeric_version),
        columns,
        strip_list.strip,
        strip_list.settle,
        sorted(ours),
    ]
    return hashlib.sha256(json.dumps(told, default=repr, sort_keys=True).encode()).hexdigest()


def _what_a_writer_writes(metadata: Any, ours: frozenset[str]) -> dict[str, str]:
    """The fields that reach a copy, by key; a composite by its template, not by what that shows at the moment.

    What calibre works out by itself, and often later (pages, a composite of its viewer's progress), is no change of the
    book: the fields and the files that it is worked out from are told already.
    """
    columns = metadata.get_all_user_metadata(False)
    hidden = with_composites(columns, {*ours})
    written = {key: repr(metadata.get(key)) for key in sorted(WRITTEN_FIELDS)}
    for key in sorted(columns.keys() - hidden):
        if columns[key]["datatype"] == "composite":
            written[key] = repr((columns[key].get("display") or {}).get("composite_template"))
        else:
            written[key] = repr(metadata.get(key))
    return written


def _what_boards_show(metadata: object, ours: frozenset[str], plugboards: dict[str, Any]) -> list[str]:
    """What the plugboards put into a copy: their templates may name any field, also one that no writer writes."""
    boards = [board for by_device in plugboards.values() for board in by_device.values()]
    if not boards:
        return []
    plain = _emptied(metadata, ours)
    return [repr(_through(plain, board).get(shown)) for board in boards for _template, shown in board]


def _predict_files(
    api: CalibreDb,
    book_id: int,
    ours: frozenset[str],
    plugboards: dict[str, Any],
    strip_list: StripList,
    stop: threading.Event,
) -> Iterator[KnownDigest]:
    from calibre.customize.ui import _metadata_writers

    metadata = api.get_metadata(book_id, get_cover=True, cover_as_data=True)
    now = time.time()
    for fmt in api.formats(book_id, verify_formats=False):
        path = api.format_abspath(book_id, fmt)
        kind = fmt.lower()
        if not path or kind not in _metadata_writers:
            continue
        seen: set[str] = set()
        for variant, how, apply_null in _variants(metadata, kind, ours, plugboards, strip_list):
            digest = _digest_of_copy(path, variant, kind, how, apply_null, stop)
            if digest is None or digest["digest"] in seen:
                continue
            seen.add(digest["digest"])
            yield cast(KnownDigest, {**digest, "first_seen": now, "last_seen": 0.0})
            if len(seen) >= PREDICTIONS_PER_FORMAT:
                break


def _variants(
    metadata: object, kind: str, ours: frozenset[str], plugboards: dict[str, Any], strip_list: StripList
) -> Iterator[tuple[Any, StripList, bool]]:
    """What may have been written into a copy, likeliest first: metadata, strip list, whether empty fields were cleared."""
    before_us = _emptied(metadata, ours)
    without_us = _removed(metadata, ours)
    boards = list(_boards(plugboards, kind))
    for shown in (metadata, *(_through(metadata, board) for board in boards)):
        if strip_list.strip or strip_list.settle:
            yield shown, strip_list, False
    for plain in (before_us, without_us, metadata, *(_through(before_us, board) for board in boards)):
        yield plain, AS_CALIBRE, False
    if kind in EPUBS and (strip_list.strip or strip_list.settle):
        yield metadata, strip_list, True
    yield before_us, AS_CALIBRE, True


def _emptied(metadata: Any, ours: frozenset[str]) -> Any:
    """The metadata as it was while our columns were there and empty."""
    changed = metadata.deepcopy_metadata()
    # A composite without a value is computed when it is written.
    for column in with_composites(changed.get_all_user_metadata(False), {*ours}):
        described = changed.get_user_metadata(column, make_copy=True)
        if described is not None:
            described["#value#"] = None
            changed.set_user_metadata(column, described)
    return changed


def _removed(metadata: Any, ours: frozenset[str]) -> Any:
    """The metadata as it was before our columns were made."""
    changed = metadata.deepcopy_metadata()
    columns = changed.get_all_user_metadata(False)
    for column in ours & set(columns):
        del columns[column]
    return changed


def _boards(plugboards: dict[str, Any], kind: str) -> Iterator[Any]:
    """Each different plugboard that some device has for this format."""
    known: list[Any] = []
    for by_device in (plugboards.get(kind), plugboards.get("any format")):
        for board in (by_device or {}).values():
            if board not in known:
                known.append(board)
                yield board


def _through(metadata: Any, board: Any) -> Any:
    changed = metadata.deepcopy_metadata()
    changed.template_to_attribute(metadata, board)
    return changed


def _digest_of_copy(
    path: str, metadata: Any, kind: str, strip_list: StripList, apply_null: bool, stop: threading.Event
) -> dict[str, Any] | None:
    """The digest of one copy as it would leave; None for a file that cannot be read or that calibre cannot write."""
    with StoppableFile(stop) as spooled:
        stream = cast(BinaryIO, spooled)
        try:
            with open(path, "rb") as file:
                shutil.copyfileobj(file, stream, CHUNK)
            stream.seek(0)
            write_copy(stream, metadata, kind, strip_list, apply_null)
        except Exception:
            return None
        key = content_key(stream) if kind in EPUBS else None
        size = stream_size(stream)
        made = known_digest(partial_md5(stream), "predicted", 0.0, format=kind.upper(), size=size, content_key=key)
    return dict(made)


def _predict_names(api: CalibreDb, book_id: int) -> Iterator[KnownDigest]:
    """For readers set to *Filename* matching: what a copy is called, route by route."""
    now = time.time()
    for name in names_on_readers(api, book_id):
        made = known_digest(name_digest(name), "predicted", now, "filename", name=name)
        yield {**made, "last_seen": 0.0}
