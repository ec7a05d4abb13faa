"""Times a stop in the middle of predicting a book of 60 MB, at several places; one JSON line each."""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "test" / "calibre_plugin"))

from calibre_plugins.koreader_progress.memory import predict
from epubs import Recipe, make_epub
from libraries import add_book, make_library


def main(out: str) -> None:
    db = make_library()
    book = add_book(db, make_epub(Recipe("large", content=60_000_000, cover=True, chapters=300)))
    started = time.perf_counter()
    predict.predictor(db.new_api, [])(book)
    whole = time.perf_counter() - started
    with open(out, "w") as results:
        for tenth in (1, 3, 5, 7, 9):
            db.new_api.delete_custom_book_data(predict.CACHE, [book])
            stop = threading.Event()
            stopped: list[float] = []

            def stop_now(stop: threading.Event = stop, stopped: list[float] = stopped) -> None:
                stopped.append(time.perf_counter())
                stop.set()

            timer = threading.Timer(whole * tenth / 10, stop_now)
            timer.start()
            predict.predictor(db.new_api, [], stop)(book)
            answered = time.perf_counter()
            timer.join()
            line = {"tenth": tenth, "ms": (answered - stopped[0]) * 1000, "whole_ms": whole * 1000}
            results.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main(sys.argv[-1])
