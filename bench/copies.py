"""Times the metadata writer with and without us, in turns, in one calibre process; one JSON line a book."""

from __future__ import annotations

import io
import json
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "test" / "calibre_plugin"))

from calibre.ebooks.metadata.book.base import Metadata
from calibre_plugins.koreader_progress.copies import writer as copies
from calibre_plugins.koreader_progress.copies.strip_list import StripList
from epubs import Recipe, make_epub

RUNS = 15
BOOKS = (
    Recipe("ordinary, 0.4 MB", chapters=30, content=400_000),
    Recipe("many chapters, 1 MB", chapters=300, content=1_000_000),
    Recipe("with pictures, 20 MB", chapters=40, content=20_000_000, cover=True),
)


def timed(book: bytes, metadata: Any, strip_list: StripList | None) -> float:
    """Seconds for one copy: by calibre alone, or stripped, settled and hashed."""
    stream = io.BytesIO(book)
    started = time.perf_counter()
    if strip_list is None:
        copies.calibre_writes(stream, metadata, "epub", False, False)
    else:
        copies.write_copy(stream, metadata, "epub", strip_list)
        copies.partial_md5(stream)
        copies.content_key(stream)
    return time.perf_counter() - started


def median(times: list[float]) -> float:
    return sorted(times)[len(times) // 2]


def main(out: str) -> None:
    ours = StripList(columns=frozenset({("#percent", 1, "int")}))
    with open(out, "w") as results:
        for recipe in BOOKS:
            book = make_epub(recipe)
            metadata = Metadata("A title", ["Somebody"])
            metadata.set_user_metadata(
                "#percent", {"datatype": "int", "name": "Percent", "#value#": 37, "colnum": 1, "display": {}}
            )
            pairs = [(timed(book, metadata, ours), timed(book, metadata, None)) for _ in range(RUNS + 1)][1:]
            line = {
                "book": recipe.name,
                "ours_ms": median([own for own, _ in pairs]) * 1000,
                "calibre_ms": median([alone for _, alone in pairs]) * 1000,
                "ratio": median([own / alone for own, alone in pairs]),
            }
            results.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main(sys.argv[-1])
