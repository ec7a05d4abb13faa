"""Push: calibre's own places become a plan (`prepare`), and the accepted part of it records on the server (`apply`)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ..library.calibre_db import CalibreDb
from ..memory.book_memory import observe, recall
from ..link.client import Bridge
from ..library.settings import library_id
from ..link.contract import (
    Account,
    ColumnUpdate,
    LocalChange,
    PlacedBook,
    Profile,
    PullPlan,
    PushConflict,
    PushPlan,
    Put,
    PutBack,
    PutBackOurs,
    PutResult,
)
from ..memory.journal_run import PutOutcome
from ..memory.journaled import Journaled, Told
from ..library.books import WriteReport, read_books
from .own_records import replaced
from ..library.positions import read_places
from .pull import Applied, Pulled, Writing, journal_of, with_memory

# (done, total, phase): phases are "reading", "digests", "asking", "planning" and "pushing".
OnPhase = Callable[[int, int, str], None]
# The server's answers to a push in the words of the journal.
OUTCOMES: Final[dict[str, PutOutcome]] = {"put": "put", "changed": "left", "failed": "failed"}


@dataclass(frozen=True)
class Prepared:
    """A prepared push: what would be put on the server for which books, and when it was begun (epoch seconds)."""

    plan: PushPlan
    book_ids: list[int]
    began: float


@dataclass(frozen=True)
class Pushed:
    """What was done: each put's outcome, and what became of the columns that follow."""

    results: list[PutResult] = field(default_factory=list)
    report: WriteReport = field(default_factory=WriteReport)
    run_id: str | None = None


def prepare(
    api: CalibreDb,
    book_ids: Sequence[int],
    account: Account,
    profile: Profile,
    bridge: Bridge,
    abort: threading.Event,
    on_phase: OnPhase,
    users: Collection[str] = (),
    typed: bool = False,
) -> Prepared:
    """Reads calibre's own places, asks the server, and plans. Nothing is sent. Raises SyncError, also `Cancelled`.

    `users` are the content server's users whose places count. `typed` takes the percentage in the mapped column for a
    place, if the reader changed it; for a single book only.
    """
    began = time.time()
    ids = list(book_ids)
    by_hand = typed and len(ids) == 1
    plan: PushPlan = {"puts": [], "conflicts": [], "skipped": [], "updates": [], "bases": []}
    read = 0
    for books in with_memory(api, account["id"], profile, read_books(api, ids, profile["columns"])):
        placed: list[PlacedBook] = [
            {"book": book, "places": read_places(api, book["book_id"], users)} for book in books
        ]
        read += len(books)
        on_phase(read, len(ids), "reading")
        request = {"account": account, "profile": profile, "books": placed, "typed": by_hand}
        part = bridge.request("sync/planPush", request, abort=abort, on_progress=on_phase)["plan"]
        for key, items in part.items():
            plan[key].extend(items)  # type: ignore[literal-required]
    return Prepared(plan, ids, began)


def apply(
    api: CalibreDb,
    prepared: Prepared,
    account: Account,
    profile: Profile,
    bridge: Bridge,
    abort: threading.Event,
    on_phase: OnPhase,
    accepted: Collection[int] | None = None,
    decided: Collection[int] = (),
) -> Pushed:
    """Puts the accepted books' places on the server; their columns follow and both sides agree.

    `accepted` are book ids (None: all that needed no question), `decided` those of conflicts to be sent all the same.
    A record that changed on the server meanwhile is left. Raises SyncError as `prepare` does, OSError when the journal
    cannot be kept: what was put by then is news to the next pull.
    """
    plan = prepared.plan
    asked = [conflict for conflict in plan["conflicts"] if conflict["book_id"] in decided]
    puts = [put for put in plan["puts"] if accepted is None or put["book_id"] in accepted]
    for conflict in asked:
        puts.extend(conflict["puts"])
    if not puts:
        return Pushed()
    # What is about to be replaced was read once: the log may not have heard of it yet, and an undo puts it back.
    observe(api, account["id"], replaced(((put["book_id"], put["before"]) for put in puts), prepared.began))
    results: list[PutResult] = []

    def send() -> Iterable[Told]:
        request = {"account": account, "library_id": library_id(api), "puts": puts}
        results.extend(bridge.request("sync/push", request, abort=abort, on_progress=on_phase)["results"])
        for result in results:
            put = result["put"]
            yield put["book_id"], put["document"], OUTCOMES[result["outcome"]], result["timestamp"]

    # A run that does not come to its end knows no more of what it put than that it may stand.
    with Journaled(api, journal_of(api), "push", profile["id"], account["id"]) as run:
        # A book that was deleted during the review has no place to tell any more.
        puts = [put for put in puts if put["book_id"] in run.names]
        run.put([_as_put_back(put) for put in puts], send)
        applied = _agree(api, prepared, asked, results, account, profile, run)
    return Pushed(results, applied.report, applied.run_id)


def _as_put_back(put: Put) -> PutBack:
    ours: PutBackOurs = {"progress": put["progress"], "percentage": put["percentage"]}
    return {"book_id": put["book_id"], "document": put["document"], "ours": ours, "before": put["before"]}


def _agree(
    api: CalibreDb,
    prepared: Prepared,
    asked: Sequence[PushConflict],
    results: Sequence[PutResult],
    account: Account,
    profile: Profile,
    run: Journaled,
) -> Applied:
    """Lets the columns follow what was put, and remembers that both sides agree on it."""
    plan = prepared.plan
    done = pushed_books(results)
    updates = [update for update in plan["updates"] if update["book_id"] in done]
    bases = [base for base in plan["bases"] if base["book_id"] in done]
    for conflict in asked:
        if conflict["book_id"] in done:
            updates.extend(conflict["updates"])
            bases.append(conflict["base"])
    agreed = _agreed(
        api, account["id"], profile["id"], updates, [{**base, "timestamp": done[base["book_id"]]} for base in bases]
    )
    pulled = Pulled(agreed, [base["book_id"] for base in bases], prepared.began)
    with Writing(api, pulled, account, profile, run=run) as writing:
        writing.write(writing.wanted)
        return writing.finish()


def pushed_books(results: Iterable[PutResult]) -> dict[int, float | None]:
    """The books of which every put succeeded, and the latest time that the server gave them."""
    times: dict[int, list[float | None]] = {}
    failed = set()
    for result in results:
        book_id = result["put"]["book_id"]
        times.setdefault(book_id, []).append(result["timestamp"])
        if result["outcome"] != "put":
            failed.add(book_id)
    return {
        book_id: max((at for at in stored if at is not None), default=None)
        for book_id, stored in times.items()
        if book_id not in failed
    }


def _agreed(
    api: CalibreDb, account_id: str, profile_id: str, updates: list[ColumnUpdate], bases: list[Any]
) -> PullPlan:
    """What a push leaves to be written and remembered, in the words of a pull."""
    ids = [base["book_id"] for base in bases]
    agreed = {base["book_id"]: base["values"] for base in bases}
    cells = recall(api, account_id, ids, profile_id)
    # The time of a change that both sides do not agree on yet must outlive the push.
    changes: list[LocalChange] = [
        {"book_id": book_id, "column": column, "at": at}
        for book_id, memory in cells.items()
        for column, at in memory["changed_at"].items()
        if (memory["base"] or {"values": {}})["values"].get(column) == agreed[book_id].get(column)
    ]
    return {
        "updates": updates,
        "conflicts": [],
        "skipped": [],
        "unanswered": [],
        "bases": bases,
        "placeless": [],
        "observations": [],
        "digests": [],
        "local_changes": changes,
        "carry_overs": [],
        "review": [],
    }
