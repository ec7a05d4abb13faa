"""Times what the undo window asks of a journal of 10,000 runs and a million lines; one JSON line for each question."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any
from unittest import mock

from calibre_plugins.koreader_progress.memory.journal import WriteJournal

RUNS, CELLS = 10_000, 100
# As many as the window lists at a time.
LISTED = 100


def make_runs(journal: WriteJournal) -> None:
    uuids = {n: f"{n:08d}-1111-4222-8333-444455556666" for n in range(CELLS)}
    why: Any = {"code": "synced", "data": {}}
    for run in range(RUNS):
        cells: Any = [
            {"book_id": n, "column": "#percent", "before": run % 100, "after": (run + 1) % 100, "why": why}
            for n in uuids
        ]
        writer = journal.begin_run("pull", "home", "acc", at=1_700_000_000 + run * 60)
        writer.record(cells, uuids)
        writer.finish(cells, uuids)


def milliseconds(question: Callable[[], object]) -> float:
    start = time.perf_counter()
    question()
    return (time.perf_counter() - start) * 1000


journal = WriteJournal(Path(os.environ["TEST_FOLDER"], "journal"), "library")
# A journal that is thrown away need not survive a power cut.
with mock.patch.object(os, "fsync", lambda _handle: None):
    make_runs(journal)
floor = milliseconds(journal.runs)
oldest = min(path.stem for path in Path(os.environ["TEST_FOLDER"], "journal", "library").iterdir())
questions: dict[str, Callable[[], object]] = {
    f"the newest {LISTED} of {RUNS} runs listed": lambda: list(islice(journal.heads(), LISTED)),
    f"all {RUNS} runs listed": lambda: list(journal.heads()),
    "the oldest run whole": lambda: journal.run(oldest),
    "the newest sync to undo": lambda: journal.newest("pull"),
    "no push to undo": lambda: journal.newest("push"),
}
with open(sys.argv[-1], "w", encoding="utf-8") as out:
    for what, question in questions.items():
        out.write(json.dumps({"what": what, "ms": milliseconds(question), "floor_ms": floor}) + "\n")
