"""The memory log: what a library would lose of its books' past when its database is rebuilt from the books' own files.

One file a library, beside the write journal; one JSON line for each thing heard of a book, and for each record that the
reader said no to, or wanted after all. Bases and written cells are in the write journal. Only ever appended to.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, Literal, TypedDict, cast

from ..library.calibre_db import CalibreDb
from ..library.book_shapes import is_declined, is_observation
from ..link.contract import Declined
from ..library.settings import library_id
from ..copies.stored import SCHEMA, NewerSchema, is_newer, notice
from ..copies.strip_list import our_folder

FOLDER: Final = "memory"
# The uuid of a line, without parsing it.
_UUID: Final = re.compile(rb'"uuid": "([^"]*)"')

What = Literal["heard", "declined", "wanted"]


class Line(TypedDict):
    """Something remembered of one book for one account; `entry` has no book id."""

    schema: int
    what: What
    uuid: str
    account: str
    entry: dict[str, Any]


def log_memory(api: CalibreDb, account: str, what: What, entries: Mapping[int, Iterable[Mapping[str, Any]]]) -> None:
    """Appends entries, by book id. The library has them in any case, so a disk that refuses is no error here."""
    uuids = api.all_field_for("uuid", list(entries))
    lines = [
        {"schema": SCHEMA, "what": what, "uuid": uuids[book_id], "account": account, "entry": {**entry}}
        for book_id, told in entries.items()
        for entry in told
        if uuids.get(book_id)
    ]
    if not lines:
        return
    with suppress(OSError, NewerSchema):
        path = _path(api)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "ab") as file:
            # After a crash half a line may stand there: it must not spoil the first of these.
            if file.tell() and _last_byte(path) != b"\n":
                file.write(b"\n")
            # Escaped: a device's name may hold half a surrogate pair, which UTF-8 cannot carry.
            file.write(b"".join(json.dumps(line).encode("ascii") + b"\n" for line in lines))


def log_decisions(
    api: CalibreDb, account: str, before: Mapping[int, Sequence[Declined]], after: Mapping[int, Sequence[Declined]]
) -> None:
    """Appends, by book id, which records were declined between the two, and which are wanted after all."""
    said = {book_id: [one for one in now if one not in before.get(book_id, ())] for book_id, now in after.items()}
    unsaid = {book_id: [one for one in then if one not in after.get(book_id, ())] for book_id, then in before.items()}
    log_memory(api, account, "wanted", unsaid)
    log_memory(api, account, "declined", said)


def read_memory(api: CalibreDb, uuids: Collection[str]) -> Iterator[Line]:
    """What was logged of the books of these uuids, the oldest first; torn and senseless lines are left out."""
    wanted = frozenset(json.dumps(uuid)[1:-1].encode("ascii") for uuid in uuids)
    try:
        path = _path(api)
        with open(path, "rb") as file:
            for text in file:
                named = _UUID.search(text)
                if named is None or named[1] not in wanted:
                    continue
                line = _parsed(text)
                if is_newer(line):
                    notice("newer", "memory_log", path)
                elif _is_line(line):
                    yield cast(Line, line)
    except (OSError, NewerSchema):
        return


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _is_line(line: object) -> bool:
    if not isinstance(line, dict) or not isinstance(line.get("account"), str):
        return False
    entry = line.get("entry")
    return is_observation(entry) if line.get("what") == "heard" else is_declined(entry)


def _path(api: CalibreDb) -> str:
    return os.path.join(our_folder(), FOLDER, f"{library_id(api)}.jsonl")


def _last_byte(path: str) -> bytes:
    with open(path, "rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1)
