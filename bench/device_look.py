"""Times a look at a card with 3,000 books and 800 sidecars, the first time and unchanged; one JSON line for each."""

from __future__ import annotations

import io
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "test" / "calibre_plugin"))

from calibre_plugins.koreader_progress.devices.device import collect
from calibre_plugins.koreader_progress.memory.readings import read_readings
from device_tree import DeviceTree
from epubs import Recipe, make_epub
from libraries import make_library

BOOKS, SIDECARS, STRANGERS = 3000, 800, 20
# Bytes of a small book: what a look opens of it does not grow with its size, what reading it whole takes does.
CONTENT = 40_000


def fill(api: Any, tree: DeviceTree) -> None:
    """The library's own files, their copies on the card, and some sidecars of books that are not in the library."""
    from calibre.ebooks.metadata.book.base import Metadata

    # A library that is thrown away need not survive a power cut.
    api.backend.conn.execute("PRAGMA synchronous=OFF")
    for n in range(BOOKS):
        book = api.create_book_entry(Metadata(f"Book {n}", ["Somebody"]), apply_import_tags=False)
        data = make_epub(Recipe(f"text {n}", chapters=1, content=CONTENT))
        api.add_format(book, "EPUB", io.BytesIO(data), run_hooks=False)
        uuid = api.field_for("uuid", book)
        tree.put(f"Books/{n}.epub", make_epub(Recipe(f"text {n}", chapters=1, content=CONTENT, uuid=uuid)))
        if n < SIDECARS:
            tree.sidecar(f"Books/{n}.epub", summary='["rating"] = 4,', more='["last_page"] = 7,')
    for n in range(STRANGERS):
        tree.put(f"Mine/{n}.txt", b"%d" % n)
        tree.sidecar(f"Mine/{n}.txt")


def read_once(folder: str) -> None:
    for root, _folders, names in os.walk(folder):
        for name in names:
            with open(os.path.join(root, name), "rb") as file:
                while file.read(1 << 20):
                    pass


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def main(out: str) -> None:
    db, tree = make_library(), DeviceTree()
    fill(db.new_api, tree)
    floor = timed(lambda: read_once(tree.folder))
    with open(out, "w") as file:
        for what in ("first look", "unchanged"):
            ms = timed(lambda: collect(tree.connect(), db.new_api, threading.Event(), {}))
            file.write(json.dumps({"what": what, "ms": ms, "floor_ms": floor}) + "\n")
    told = read_readings(db.new_api, db.new_api.all_book_ids())
    if len(told) != SIDECARS:
        raise SystemExit(f"{len(told)} of {SIDECARS} sidecars came home")
    db.close()


main(sys.argv[-1])
