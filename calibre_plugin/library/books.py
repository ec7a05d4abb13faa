"""Reads books from a calibre library and writes accepted updates back: only mapped columns, only what was planned."""

from __future__ import annotations

import datetime
import math
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast, get_args

from calibre.utils.date import UNDEFINED_DATE, parse_date
from calibre.utils.icu import lower as icu_lower

from .calibre_db import CalibreDb, ColumnAbout
from ..link.contract import (
    BOOKS_PER_MESSAGE,
    FITTING,
    Book,
    BookFormat,
    Cell,
    ColumnDatatype,
    ColumnField,
    ColumnMapping,
    ColumnUpdate,
    InterpretAs,
)
from .same_cell import same_cell

# calibre writes 1,000 cells in 24 to 34 ms, and whoever reads meanwhile waits: a slice stays far below what is noticed.
CELLS_PER_SLICE: Final = 400
# Lets a waiting window have the library between two slices, in seconds.
BETWEEN_SLICES: Final = 0.005


@dataclass(frozen=True)
class WriteReport:
    """What became of the updates: written, left because the cell had changed meanwhile, or refused by calibre."""

    written: list[ColumnUpdate] = field(default_factory=list)
    stale: list[ColumnUpdate] = field(default_factory=list)
    failed: list[tuple[ColumnUpdate, str]] = field(default_factory=list)

    def extend(self, part: WriteReport) -> None:
        """Adds what became of further updates."""
        self.written.extend(part.written)
        self.stale.extend(part.stale)
        self.failed.extend(part.failed)


def fitting_columns(api: CalibreDb, shown: ColumnField) -> dict[str, ColumnAbout]:
    """The library's own columns that can show this, by lookup name, as calibre describes them."""
    described = api.field_metadata.custom_field_metadata(include_composites=False)
    return {
        key: meta
        for key, meta in sorted(described.items())
        if meta["datatype"] in FITTING[shown] and not meta["is_multiple"]
    }


def resolve_columns(
    api: CalibreDb, wanted: Mapping[ColumnField, tuple[str, int | None]]
) -> tuple[list[ColumnMapping], list[tuple[ColumnField, str]]]:
    """Mappings as the bridge wants them from `{field: (lookup name, scale or None)}`; second, those that cannot be."""
    resolved: list[ColumnMapping] = []
    unusable: list[tuple[ColumnField, str]] = []
    for shown, (column, scale) in wanted.items():
        meta = fitting_columns(api, shown).get(column)
        if meta is None:
            unusable.append((shown, column))
            continue
        display = meta["display"] or {}
        mapping: ColumnMapping = {
            "field": shown,
            "column": column,
            "datatype": cast(ColumnDatatype, meta["datatype"]),
            "scale": 100 if scale == 100 else 1,
            "enum_values": list(display.get("enum_values") or ()),
        }
        if mapping["datatype"] == "comments":
            mapping["interpret_as"] = _shown_as(display.get("interpret_as"))
        resolved.append(mapping)
    return resolved, unusable


def _shown_as(said: object) -> InterpretAs:
    """How calibre shows a column of long text; as HTML where it does not say."""
    return cast(InterpretAs, said) if said in get_args(InterpretAs) else "html"


def read_books(
    api: CalibreDb,
    book_ids: Iterable[int],
    columns: Sequence[ColumnMapping],
    *,
    bases: Mapping[int, object] | None = None,
    digests: Mapping[int, list[Any]] | None = None,
    names: Callable[[int], list[str]] | None = None,
) -> Iterator[list[Book]]:
    """Books as the bridge wants them, in pages; ids that are no longer in the library are left out."""
    known = api.all_book_ids()
    ids = [book_id for book_id in book_ids if book_id in known]
    for start in range(0, len(ids), BOOKS_PER_MESSAGE):
        yield [
            _read_book(api, book_id, columns, bases or {}, digests or {}, names)
            for book_id in ids[start : start + BOOKS_PER_MESSAGE]
        ]


def _read_book(
    api: CalibreDb,
    book_id: int,
    columns: Sequence[ColumnMapping],
    bases: Mapping[int, Any],
    digests: Mapping[int, list[Any]],
    names: Callable[[int], list[str]] | None,
) -> Book:
    formats = list(read_formats(api, book_id))
    return {
        "book_id": book_id,
        "uuid": api.field_for("uuid", book_id) or "",
        "title": api.field_for("title", book_id) or "",
        "authors": list(api.field_for("authors", book_id) or ()),
        "formats": formats,
        "cells": {mapping["column"]: read_cell(api, book_id, mapping["column"]) for mapping in columns},
        "base": bases.get(book_id),
        "changed_at": {},
        "written": {},
        "declined": [],
        "observations": [],
        "marks": [],
        "readings": [],
        "digests": digests.get(book_id, []),
        "added": (added := _added(api, book_id)),
        "news": added,
        "names": names(book_id) if names is not None else _basenames(formats),
    }


def _added(api: CalibreDb, book_id: int) -> float:
    """When the book came into the library, epoch seconds."""
    added = api.field_for("timestamp", book_id)
    return added.timestamp() if isinstance(added, datetime.datetime) and added > UNDEFINED_DATE else 0.0


def read_formats(api: CalibreDb, book_id: int) -> Iterator[BookFormat]:
    """The book's files as they lie in the library; one that is not where it should be has no size and no time."""
    for fmt in api.formats(book_id, verify_formats=False):
        path = api.format_abspath(book_id, fmt) or _supposed_path(api, book_id, fmt)
        try:
            about = Path(path).stat()
        except OSError:
            yield {"format": fmt.upper(), "path": path, "size": 0, "mtime": 0.0}
        else:
            yield {"format": fmt.upper(), "path": path, "size": about.st_size, "mtime": about.st_mtime}


def _supposed_path(api: CalibreDb, book_id: int, fmt: str) -> str:
    """Where a file should be that is not there."""
    name = api.fields["formats"].format_fname(book_id, fmt)
    return str(Path(api.backend.library_path, api.field_for("path", book_id) or "", f"{name}.{fmt.lower()}"))


def library_names(api: CalibreDb, book_id: int) -> list[str]:
    """Basenames of the book's files in the library: what a copy is called that was made by hand."""
    return _basenames(read_formats(api, book_id))


def _basenames(formats: Iterable[BookFormat]) -> list[str]:
    # A file that is not there has left no copy by its name.
    return [Path(book_format["path"]).name for book_format in formats if book_format["mtime"]]


def read_cell(api: CalibreDb, book_id: int, column: str) -> Cell:
    """A column's value as it crosses to the bridge: dates as ISO 8601, an empty or undefined one as null."""
    return cell_of(api.field_for(column, book_id, default_value=None))


def cell_of(value: object) -> Cell:
    """calibre's value as JSON."""
    if value is None or value == "":
        return None
    if isinstance(value, datetime.datetime):
        return None if value <= UNDEFINED_DATE else value.astimezone(datetime.timezone.utc).isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        # JSON has no word for it, and one such cell must not end the sync of all.
        return str(value)
    if isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def value_of(cell: Cell, datatype: str) -> Any:
    """JSON as calibre's value."""
    if datatype == "datetime" and isinstance(cell, str):
        return parse_date(cell, assume_utc=True, as_utc=True)
    return cell


def in_slices(updates: Sequence[ColumnUpdate], abort: threading.Event | None = None) -> Iterator[list[ColumnUpdate]]:
    """The updates in order of their books, cut between books, with a moment for the window after each; until `abort`."""
    slices: list[list[ColumnUpdate]] = []
    book: Any = None
    for update in sorted(updates, key=lambda each: each["book_id"]):
        if not slices or (len(slices[-1]) >= CELLS_PER_SLICE and update["book_id"] != book):
            slices.append([])
        slices[-1].append(update)
        book = update["book_id"]
    for some in slices:
        if abort is not None and abort.is_set():
            return
        yield some
        time.sleep(BETWEEN_SLICES)


def write_updates(
    api: CalibreDb,
    updates: Iterable[ColumnUpdate],
    columns: Sequence[ColumnMapping],
    before_write: Callable[[Sequence[ColumnUpdate]], None] | None = None,
) -> WriteReport:
    """Writes each cell that still holds `before`, in whatever spelling, a column at a time in bulk; `before_write` journals them first.

    Only columns of `columns` are written, whatever the updates say. `written` holds what stands in the cells now: text
    in the spelling that the column has for it.
    """
    report = WriteReport()
    datatypes = {mapping["column"]: mapping["datatype"] for mapping in columns}
    described = api.field_metadata.custom_field_metadata()
    known = api.all_book_ids()
    spelling = _Spelling(api, described)
    fresh: list[ColumnUpdate] = []
    for update in updates:
        column, book_id = update["column"], update["book_id"]
        if column not in datatypes or column not in described:
            report.failed.append((update, "column"))
        elif book_id not in known:
            report.failed.append((update, "book"))
        elif not same_cell(datatypes[column], held := read_cell(api, book_id, column), update["before"]):
            report.stale.append(update)
        elif not _is_offered(described[column], update["after"]):
            report.failed.append((update, "value"))
        else:
            # What an undo puts back is what stands there now, in the very spelling.
            fresh.append(spelling.of(update if held == update["before"] else {**update, "before": held}))
    if before_write is not None and fresh:
        before_write(fresh)
    by_column: dict[str, list[ColumnUpdate]] = defaultdict(list)
    for update in fresh:
        by_column[update["column"]].append(update)
    for column, of_column in by_column.items():
        _write_column(api, column, datatypes[column], of_column, report)
    return report


def _write_column(
    api: CalibreDb, column: str, datatype: str, updates: Sequence[ColumnUpdate], report: WriteReport
) -> None:
    try:
        _write_cells(api, column, datatype, updates, report)
    except Exception:
        # One value that calibre refuses fails the whole call: the others must not suffer for it.
        for update in updates:
            try:
                _write_cells(api, column, datatype, [update], report)
            except Exception as error:
                report.failed.append((update, str(error)))


def _write_cells(
    api: CalibreDb, column: str, datatype: str, updates: Sequence[ColumnUpdate], report: WriteReport
) -> None:
    """Looks once more and writes under one lock: the reader may have typed while the journal went to the disk."""
    with api.write_lock:
        fresh: list[ColumnUpdate] = []
        stale: list[ColumnUpdate] = []
        for update in updates:
            held = cell_of(api._field_for(column, update["book_id"], default_value=None))
            (fresh if same_cell(datatype, held, update["before"]) else stale).append(update)
        values = {update["book_id"]: value_of(update["after"], datatype) for update in fresh}
        if values:
            # Otherwise calibre would respell the same words in every other book.
            api._set_field(column, values, allow_case_change=False)
    report.written.extend(fresh)
    report.stale.extend(stale)


def _is_offered(described: ColumnAbout, after: Cell) -> bool:
    """Whether the column takes the value: calibre leaves a cell as it is, unsaid, when its list of values lacks it."""
    if described["datatype"] != "enumeration" or after is None:
        return True
    return after in ((described["display"] or {}).get("enum_values") or ())


class _Spelling:
    """A text column keeps one spelling of words that differ in their capitals alone, for all books together."""

    def __init__(self, api: CalibreDb, described: Mapping[str, ColumnAbout]) -> None:
        self._api = api
        self._described = described
        self._known: dict[str, dict[str, str]] = {}

    def of(self, update: ColumnUpdate) -> ColumnUpdate:
        """The update with its text as the column spells it already."""
        column, text = update["column"], update["after"]
        if self._described[column]["datatype"] != "text" or not isinstance(text, str):
            return update
        if column not in self._known:
            self._known[column] = {str(icu_lower(name)): name for name in self._api.all_field_names(column)}
        spelled = self._known[column].setdefault(str(icu_lower(text)), text)
        return update if spelled == text else {**update, "after": spelled}
