"""What was damaged is never thrown away: one file of the plugin's own keeps it, a line each, for whoever can still read it."""

from __future__ import annotations

import json
import os
import threading
import time
from contextlib import suppress
from typing import Final

from ..copies.stored import SCHEMA
from ..copies.strip_list import our_folder

FILE: Final = "put_aside.jsonl"

_lock = threading.Lock()
_done: set[tuple[str, str, str]] = set()


def put_aside(uuid: str, name: str, value: object) -> None:
    """Keeps a book's damaged value of this kind; once, however often it is met. A disk that refuses is no error here."""
    text = json.dumps(value, default=repr)
    with _lock:
        if (uuid, name, text) in _done:
            return
        _done.add((uuid, name, text))
        line = json.dumps({"schema": SCHEMA, "at": time.time(), "uuid": uuid, "name": name, "value": text})
        with suppress(OSError):
            os.makedirs(our_folder(), exist_ok=True)
            # Values hold digests and places in books: the owner's business alone.
            descriptor = os.open(os.path.join(our_folder(), FILE), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(descriptor, "ab") as file:
                file.write(line.encode("ascii") + b"\n")
