"""Pull: the server's progress becomes a plan (`prepare`), and the accepted part of it becomes cells (`apply`)."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .bridge_client import BridgeClient, SyncError
from .contract import SYNC_ERRORS, Account, Book, ColumnUpdate, KnownDigest, PlanPage, Profile, PullPlan
from .library import WriteReport, read_books, write_updates

# (done, total, phase): phases are "reading", "digests", "asking", "planning" and "predicting".
OnPhase = Callable[[int, int, str], None]
# Digests that a book's copies may have although none of them was seen leaving.
Predict = Callable[[int], list[KnownDigest]]


@dataclass(frozen=True)
class PullOptions:
    """How a pull is run: `force` asks also for what the server lately did not know."""

    force: bool = False
    predict: Predict | None = None


@dataclass
class PullResult:
    """What a pull did; `plan` is what it would have done."""

    plan: PullPlan
    report: WriteReport = field(default_factory=WriteReport)


def prepare(
    api: Any,
    book_ids: Sequence[int],
    account: Account,
    profile: Profile,
    bridge: BridgeClient,
    options: PullOptions,
    abort: threading.Event,
    on_phase: OnPhase,
) -> PullPlan:
    """Reads the books, asks the server, and plans. Writes nothing. Raises SyncError, also `Cancelled` on abort."""
    pages = read_books(api, book_ids, profile["columns"])
    plan = _plan(pages, len(book_ids), account, profile, bridge, options.force, abort, on_phase)
    if options.predict is None or not plan["unanswered"]:
        return plan
    unanswered = plan["unanswered"]
    predicted = list(_predicted(api, unanswered, profile, options.predict, abort, on_phase))
    second = _plan(iter(_in_pages(predicted)), len(predicted), account, profile, bridge, options.force, abort, on_phase)
    return _merge(plan, second)


def apply(api: Any, plan: PullPlan, profile: Profile, accepted: Iterable[ColumnUpdate] | None = None) -> WriteReport:
    """Writes the accepted updates (all of them by default)."""
    return write_updates(api, plan["updates"] if accepted is None else accepted, profile["columns"])


def _plan(
    pages: Iterator[list[Book]],
    total: int,
    account: Account,
    profile: Profile,
    bridge: BridgeClient,
    force: bool,
    abort: threading.Event,
    on_phase: OnPhase,
) -> PullPlan:
    run = uuid.uuid4().hex
    sent = 0
    for page in pages:
        _stop_if(abort)
        bridge.request("sync/books", {"run": run, "books": page}, abort=abort)
        sent += len(page)
        on_phase(sent, total, "reading")
    page: PlanPage = bridge.request(
        "sync/planPull",
        {"run": run, "account": account, "profile": profile, "force": force},
        abort=abort,
        on_progress=on_phase,
    )
    plan = page["plan"]
    while page["more"]:
        _stop_if(abort)
        page = bridge.request("sync/next", {"run": run}, abort=abort)
        _extend(plan, page["plan"])
    return plan


def _predicted(
    api: Any,
    book_ids: Collection[int],
    profile: Profile,
    predict: Predict,
    abort: threading.Event,
    on_phase: OnPhase,
) -> Iterator[Book]:
    """The unanswered books once more, with nothing but their predicted digests: the rest was asked already."""
    for done, books in enumerate(read_books(api, book_ids, profile["columns"])):
        for book in books:
            _stop_if(abort)
            digests = predict(book["book_id"])
            if digests:
                yield {**book, "formats": [], "names": [], "digests": digests}
        on_phase(min(len(book_ids), (done + 1) * len(books)), len(book_ids), "predicting")


def _in_pages(books: Sequence[Book], size: int = 500) -> Iterator[list[Book]]:
    for start in range(0, len(books), size):
        yield list(books[start : start + size])


def _extend(plan: PullPlan, more: Mapping[str, Any]) -> None:
    for key, items in more.items():
        plan[key].extend(items)


def _merge(first: PullPlan, second: PullPlan) -> PullPlan:
    """One plan of two passes: what the second pass said of a book replaces the first's "not on the server"."""
    asked_again = {*second["unanswered"]}
    answered = {item["book_id"] for key in ("updates", "conflicts", "bases", "observations") for item in second[key]}
    replaced = asked_again | answered | {skip["book_id"] for skip in second["skipped"]}
    merged: PullPlan = {
        "updates": first["updates"] + second["updates"],
        "conflicts": first["conflicts"] + second["conflicts"],
        "skipped": [skip for skip in first["skipped"] if skip["book_id"] not in replaced] + second["skipped"],
        "unanswered": [book_id for book_id in first["unanswered"] if book_id not in answered],
        "bases": first["bases"] + second["bases"],
        "observations": first["observations"] + second["observations"],
        "digests": first["digests"] + second["digests"],
        "local_changes": first["local_changes"] + second["local_changes"],
        "review": first["review"] + [why for why in second["review"] if why not in first["review"]],
    }
    return merged


def _stop_if(abort: threading.Event) -> None:
    if abort.is_set():
        raise SyncError("Cancelled", SYNC_ERRORS["Cancelled"])
