"""Carrying over: places are put on the server under a book's other digests, journalled first as a push is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from ..library.calibre_db import CalibreDb
from ..memory.book_memory import observe
from ..link.client import Bridge
from ..settings.config import library_id
from ..link.contract import Account, CarryOver, CarryOverResult, Profile, PullPlan, PutBack
from ..memory.journal_run import PutOutcome, RunKind
from ..memory.journaled import Journaled, Told
from .own_records import replaced
from .pull import journal_of

# (done, total, phase).
OnPhase = Callable[[int, int, str], None]
# What became of a place in the words of the journal.
OUTCOMES: Final[dict[str, PutOutcome]] = {"carried": "put", "not_needed": "left", "failed": "failed"}


def carry_over(
    api: CalibreDb,
    plan: PullPlan,
    account: Account,
    profile: Profile,
    bridge: Bridge,
    abort: threading.Event,
    on_phase: OnPhase,
) -> list[CarryOverResult]:
    """Offers each book's place under the digests of its newer copies. Raises as `offer` does."""
    offers = plan["carry_overs"]
    return offer(api, offers, account, profile, bridge, abort, on_phase) if offers else []


def offer(
    api: CalibreDb,
    offers: Sequence[CarryOver],
    account: Account,
    profile: Profile,
    bridge: Bridge,
    abort: threading.Event,
    on_phase: OnPhase,
    on_request: bool = False,
) -> list[CarryOverResult]:
    """Puts places on the server under our own name, where nothing newer stands.

    Unasked, only where no device has read; `on_request`, also over a device's older place. Raises SyncError when the
    server as a whole cannot be asked, OSError when the journal cannot be kept: then nothing was put.
    """
    asked = {
        "account": account,
        "carry_overs": list(offers),
        "reading_from": profile["rules"]["reading_from"],
        "on_request": on_request,
    }
    planned: list[CarryOverResult] = bridge.request("sync/planCarryOver", asked, abort=abort, on_progress=on_phase)[
        "results"
    ]
    due = [result for result in planned if result["outcome"] == "due"]
    kind: RunKind = "offer" if on_request else "carry_over"
    done = put_due(api, due, kind, account, profile, bridge, abort, on_phase) if due else []
    return [*(result for result in planned if result["outcome"] != "due"), *done]


def put_due(
    api: CalibreDb,
    due: Sequence[CarryOverResult],
    kind: RunKind,
    account: Account,
    profile: Profile,
    bridge: Bridge,
    abort: threading.Event,
    on_phase: OnPhase,
) -> list[CarryOverResult]:
    """Puts planned places on the server, journalled first. Raises as `offer` does."""
    # What is about to be replaced was read once: the log may not have heard of it yet, and an undo puts it back.
    observe(api, account["id"], replaced(((each["carry_over"]["book_id"], each["found"]) for each in due), time.time()))
    done: list[CarryOverResult] = []

    def send() -> Iterable[Told]:
        request = {"account": account, "library_id": library_id(api), "due": due}
        done.extend(bridge.request("sync/carryOver", request, abort=abort, on_progress=on_phase)["results"])
        for result in done:
            place = result["carry_over"]
            yield place["book_id"], place["document"], OUTCOMES[result["outcome"]], result["timestamp"]

    with Journaled(api, journal_of(api), kind, profile["id"], account["id"]) as run:
        # A book that was deleted meanwhile has no place to offer any more.
        due = [result for result in due if result["carry_over"]["book_id"] in run.names]
        run.put([_as_put_back(result) for result in due], send)
    return done


def _as_put_back(result: CarryOverResult) -> PutBack:
    place = result["carry_over"]
    ours = {"progress": place["progress"]["progress"], "percentage": place["progress"]["percentage"]}
    return {
        "book_id": place["book_id"],
        "document": place["document"],
        "ours": ours,  # type: ignore[typeddict-item]
        "before": result["found"],
    }
