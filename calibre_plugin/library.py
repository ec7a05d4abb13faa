"""Reads books from a calibre library and writes accepted updates back: only mapped columns, only what was planned."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from calibre.utils.date import UNDEFINED_DATE, parse_date

from .contract import BOOKS_PER_MESSAGE, Book, BookFormat, Cell, ColumnField, ColumnMapping, ColumnUpdate

# Which datatypes can show what: the preferences offer no others, and the command line refuses them.
FITTING: Final[dict[ColumnField, tuple[str, ...]]] = {
    "percent": ("int", "float"),
    "status": ("text", "enumeration", "bool"),
    "place": ("text", "comments"),
    "device": ("text",),
    "last_read": ("datetime",),
    "started": ("datetime",),
    "finished": ("datetime",),
    "times_read": ("int", "float"),
    "last_synced": ("datetime",),
    "location": ("text",),
}


@dataclass(frozen=True)
class WriteReport:
    """What became of the updates: written, left because the cell had changed meanwhile, or refused by calibre."""

    written: list[ColumnUpdate] = field(default_factory=list)
    stale: list[ColumnUpdate] = field(default_factory=list)
    failed: list[tuple[ColumnUpdate, str]] = field(default_factory=list)


def fitting_columns(api: Any, shown: ColumnField) -> dict[str, dict[str, Any]]:
    """The library's own columns that can show this, by lookup name, as calibre describes them."""
    described = api.field_metadata.custom_field_metadata(include_composites=False)
    return {
        key: meta
        for key, meta in sorted(described.items())
        if meta["datatype"] in FITTING[shown] and not meta["is_multiple"]
    }


def resolve_columns(
    api: Any, wanted: Mapping[ColumnField, tuple[str, int | None]]
) -> tuple[list[ColumnMapping], list[tuple[ColumnField, str]]]:
    """Mappings as the bridge wants them from `{field: (lookup name, scale or None)}`; second, those that cannot be."""
    resolved: list[ColumnMapping] = []
    unusable: list[tuple[ColumnField, str]] = []
    for shown, (column, scale) in wanted.items():
        meta = fitting_columns(api, shown).get(column)
        if meta is None:
            unusable.append((shown, column))
            continue
        resolved.append(
            {
                "field": shown,
                "column": column,
                "datatype": meta["datatype"],
                "scale": 100 if scale == 100 else 1,
                "enum_values": list((meta["display"] or {}).get("enum_values") or ()),
            }
        )
    return resolved, unusable


def read_books(
    api: Any,
    book_ids: Iterable[int],
    columns: Sequence[ColumnMapping],
    *,
    bases: Mapping[int, Any] | None = None,
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
    api: Any,
    book_id: int,
    columns: Sequence[ColumnMapping],
    bases: Mapping[int, Any],
    digests: Mapping[int, list[Any]],
    names: Callable[[int], list[str]] | None,
) -> Book:
    return {
        "book_id": book_id,
        "uuid": api.field_for("uuid", book_id) or "",
        "title": api.field_for("title", book_id) or "",
        "authors": list(api.field_for("authors", book_id) or ()),
        "formats": list(read_formats(api, book_id)),
        "cells": {mapping["column"]: read_cell(api, book_id, mapping["column"]) for mapping in columns},
        "base": bases.get(book_id),
        "changed_at": {},
        "written": {},
        "declined": [],
        "observations": [],
        "marks": [],
        "digests": digests.get(book_id, []),
        "news": _added(api, book_id),
        "names": names(book_id) if names is not None else library_names(api, book_id),
    }


def _added(api: Any, book_id: int) -> float:
    """When the book came into the library, epoch seconds."""
    added = api.field_for("timestamp", book_id)
    return added.timestamp() if isinstance(added, datetime.datetime) and added > UNDEFINED_DATE else 0.0


def read_formats(api: Any, book_id: int) -> Iterator[BookFormat]:
    """The book's files as they lie in the library; one that vanished from the disk is left out."""
    for fmt in api.formats(book_id, verify_formats=False):
        path = api.format_abspath(book_id, fmt)
        if not path:
            continue
        try:
            about = Path(path).stat()
        except OSError:
            continue
        yield {"format": fmt.upper(), "path": path, "size": about.st_size, "mtime": about.st_mtime}


def library_names(api: Any, book_id: int) -> list[str]:
    """Basenames of the book's files in the library: what a copy is called that was made by hand."""
    return [Path(book_format["path"]).name for book_format in read_formats(api, book_id)]


def read_cell(api: Any, book_id: int, column: str) -> Cell:
    """A column's value as it crosses to the bridge: dates as ISO 8601, an empty or undefined one as null."""
    return cell_of(api.field_for(column, book_id, default_value=None))


def cell_of(value: Any) -> Cell:
    """calibre's value as JSON."""
    if value is None or value == "":
        return None
    if isinstance(value, datetime.datetime):
        return None if value <= UNDEFINED_DATE else value.astimezone(datetime.timezone.utc).isoformat()
    if isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def value_of(cell: Cell, datatype: str) -> Any:
    """JSON as calibre's value."""
    if datatype == "datetime" and isinstance(cell, str):
        return parse_date(cell, assume_utc=True, as_utc=True)
    return cell


def write_updates(
    api: Any,
    updates: Iterable[ColumnUpdate],
    columns: Sequence[ColumnMapping],
    before_write: Callable[[Sequence[ColumnUpdate]], None] | None = None,
) -> WriteReport:
    """Writes each cell that still holds `before`, a column at a time in bulk; `before_write` journals them first.

    Only columns of `columns` are written, whatever the updates say.
    """
    report = WriteReport()
    datatypes = {mapping["column"]: mapping["datatype"] for mapping in columns}
    known = api.all_book_ids()
    fresh: list[ColumnUpdate] = []
    for update in updates:
        column, book_id = update["column"], update["book_id"]
        if column not in datatypes or column not in api.field_metadata.custom_field_metadata():
            report.failed.append((update, "column"))
        elif book_id not in known:
            report.failed.append((update, "book"))
        elif read_cell(api, book_id, column) != update["before"]:
            report.stale.append(update)
        else:
            fresh.append(update)
    if before_write is not None and fresh:
        before_write(fresh)
    by_column: dict[str, list[ColumnUpdate]] = defaultdict(list)
    for update in fresh:
        by_column[update["column"]].append(update)
    for column, of_column in by_column.items():
        _write_column(api, column, datatypes[column], of_column, report)
    return report


def _write_column(api: Any, column: str, datatype: str, updates: Collection[ColumnUpdate], report: WriteReport) -> None:
    values = {update["book_id"]: value_of(update["after"], datatype) for update in updates}
    try:
        api.set_field(column, values)
        report.written.extend(updates)
    except Exception:
        # One value that calibre refuses fails the whole call: the others must not suffer for it.
        for update in updates:
            try:
                api.set_field(column, {update["book_id"]: values[update["book_id"]]})
                report.written.append(update)
            except Exception as error:
                report.failed.append((update, str(error)))
