"""Times the gathering of copy logs into a large library's histories; one JSON line for each thing that may have happened."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "test" / "calibre_plugin"))

from calibre_plugins.koreader_progress.copies import log as copy_log
from calibre_plugins.koreader_progress.memory.rebuild import rebuild
from epubs import Recipe, make_epub
from libraries import make_library

BOOKS, LINES = 10_000, 100_000
# Of each ten lines one is of a book that another library has.
ELSEWHERE = 10


def make_books(db: Any) -> list[str]:
    """Books with an EPUB each, of a hundred texts; their uuids."""
    from calibre.ebooks.metadata.book.base import Metadata

    files = [os.path.join(os.environ["TEST_FOLDER"], f"{n}.epub") for n in range(100)]
    for n, path in enumerate(files):
        Path(path).write_bytes(make_epub(Recipe(f"text {n}", chapters=1)))
    api = db.new_api
    # A library that is thrown away need not survive a power cut.
    api.backend.conn.execute("PRAGMA synchronous=OFF")
    for n in range(BOOKS):
        book_id = api.create_book_entry(Metadata(f"Book {n}", ["Somebody"]), apply_import_tags=False)
        api.add_format(book_id, "EPUB", files[n % 100], run_hooks=False)
    return list(db.new_api.all_field_for("uuid", db.new_api.all_book_ids()).values())


def line(n: int, uuids: list[str]) -> dict[str, Any]:
    """One copy of one book."""
    here = n % ELSEWHERE
    return {
        "at": 1.6e9 + n,
        "source": "written",
        "uuid": uuids[n % len(uuids)] if here else f"00000000-0000-4000-8000-{n:012d}",
        "title": f"Book {n}",
        "authors": ["Somebody"],
        "kind": "partial_md5",
        "digest": f"{n:032x}",
        "format": "EPUB",
        "size": 4000 + n,
        "content_key": f"2:{n % 20_000:032x}",
        "name": None,
        "device": None,
        "settled": True,
        "by": "calibre",
    }


def main(out: str) -> None:
    db = make_library()
    uuids = make_books(db)
    os.makedirs(copy_log.log_folder(), exist_ok=True)
    log = os.path.join(copy_log.log_folder(), copy_log.GATHERED)
    with open(log, "w", encoding="utf-8") as file:
        for n in range(LINES):
            file.write(json.dumps(line(n, uuids), separators=(",", ":")) + "\n")

    def read_raw() -> None:
        # The floor of whoever wants to know all that was logged.
        for text in Path(log).read_bytes().splitlines():
            json.loads(text)

    def sent() -> None:
        copy_log.append({**line(LINES + 1, uuids), "digest": f"{time.time_ns():032x}"})  # type: ignore[typeddict-item]

    def sent_elsewhere() -> None:
        copy_log.append({**line(LINES, uuids), "digest": f"{time.time_ns():032x}"})  # type: ignore[typeddict-item]

    def added() -> None:
        from calibre.ebooks.metadata.book.base import Metadata

        path = os.path.join(os.environ["TEST_FOLDER"], "0.epub")
        db.new_api.add_books([(Metadata("New", ["Somebody"]), {"EPUB": path})], run_hooks=False)

    def nothing() -> None:
        pass

    with open(out, "w") as results:

        def tell(what: str, seconds: float) -> None:
            results.write(json.dumps({"what": what, "ms": seconds * 1000, "floor_ms": floor * 1000}) + "\n")

        started = time.perf_counter()
        read_raw()
        floor = time.perf_counter() - started
        for what, happens, runs in (
            ("the first time", nothing, 1),
            ("nothing happened", nothing, 5),
            ("one copy was sent", sent, 5),
            ("one copy of another library's book was sent", sent_elsewhere, 5),
            ("one book was added", added, 3),
        ):
            times = []
            for _ in range(runs):
                happens()
                started = time.perf_counter()
                rebuild(db.new_api)
                times.append(time.perf_counter() - started)
            tell(what, sorted(times)[len(times) // 2])


if __name__ == "__main__":
    main(sys.argv[-1])
