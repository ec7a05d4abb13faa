"""What a library remembers, brought up to date: once, after a copy, before a run reads or writes any of it."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Iterator
from typing import Any, Final

from ..library.calibre_db import CalibreDb, Row
from ..library.book_data import fetch, keep
from ..library.book_shapes import DISPOSABLE, LOG, MEMORY
from ..library.settings import (
    BOOK_DATA,
    bring_settings_up_to_date,
    changing,
    find_settings_again,
    library_id,
    store_settings,
    stored_settings,
    whole_settings,
)
from .memory_log import log_memory
from ..copies.stored import SCHEMA, NewerSchema, is_newer, schema_of
from ..copies.strip_list import our_folder
from ..words.explain import Explanation, explain_newer

# Where the copies lie, by library and schema.
FOLDER: Final = "before"
BOOKS_AT_ONCE: Final = 500

# What makes of one kind's values those of the next schema, by schema and the name that calibre keeps them under.
STEPS: Final[dict[int, dict[str, Callable[[Any], Any]]]] = {}


def must_be_ours(api: CalibreDb) -> None:
    """Raises NewerSchema in a library in which a newer version of the plugin has remembered anything."""
    stored = stored_settings(api)
    if is_newer(stored):
        raise NewerSchema("profiles")
    if is_newer(stored, BOOK_DATA):
        raise NewerSchema("book_data")


def why_left_alone(api: CalibreDb) -> Explanation | None:
    """What the reader is told before anything begins in a library that a newer version has written; None in any other."""
    try:
        must_be_ours(api)
    except NewerSchema as error:
        return explain_newer(error)
    return None


def bring_up_to_date(api: CalibreDb) -> None:
    """Brings profiles and remembered data to this schema, for a job's thread. Raises NewerSchema as `must_be_ours`.

    Raises OSError when no copy can be kept: then nothing is changed, and all of it can be read as it is.
    """
    find_settings_again(api)
    must_be_ours(api)
    with changing:
        bring_settings_up_to_date(api)
        schema = schema_of(stored_settings(api), BOOK_DATA)
        if schema == SCHEMA:
            return
        if _rows(api):
            _copy(api, schema)
            _seed_memory_log(api)
            for step in range(schema, SCHEMA):
                for name, change in STEPS.get(step, {}).items():
                    _change_all(api, name, change)
        settings = whole_settings(api)[0]
        store_settings(api, {**settings, BOOK_DATA: SCHEMA})


def copy_path(api: CalibreDb, schema: int) -> str:
    """Where the copy of what was remembered under this schema lies: JSON lines of uuid, name and value, compressed."""
    return os.path.join(our_folder(), FOLDER, f"{library_id(api)}-schema-{schema}.jsonl.gz")


def _copy(api: CalibreDb, schema: int) -> None:
    path = copy_path(api, schema)
    if os.path.exists(path):
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    unfinished = f"{path}.{os.getpid()}"
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file, gzip.open(file, "wt", compresslevel=1, encoding="ascii") as lines:
        for uuid, name, value in _rows(api):
            lines.write(json.dumps({"uuid": uuid, "name": name, "value": value}) + "\n")
    os.replace(unfinished, path)


def _rows(api: CalibreDb) -> list[Row]:
    """Uuid, name and text of every value that cannot be made again."""
    question = (
        "SELECT uuid, name, val FROM books_plugin_data JOIN books ON books.id = book "
        "WHERE substr(name, 1, 18) = 'koreader_progress_' ORDER BY book, name"
    )
    with api.safe_read_lock:
        return [row for row in api.backend.execute(question) if row[1] not in DISPOSABLE]


def _seed_memory_log(api: CalibreDb) -> None:
    """What was heard and said no to before there was a memory log."""
    for ids in _in_slices(sorted(api.all_book_ids())):
        for book_id, heard in fetch(api, LOG, ids).items():
            for account, entries in heard.items():
                log_memory(api, account, "heard", {book_id: entries})
        for book_id, kept in fetch(api, MEMORY, ids).items():
            for account, memory in kept.items():
                log_memory(api, account, "declined", {book_id: memory.get("declined") or ()})


def _change_all(api: CalibreDb, name: str, change: Callable[[Any], Any]) -> None:
    for ids in _in_slices(sorted(api.all_book_ids())):
        keep(api, name, {book_id: change(value) for book_id, value in fetch(api, name, ids).items()})


def _in_slices(ids: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(ids), BOOKS_AT_ONCE):
        yield ids[start : start + BOOKS_AT_ONCE]
