"""Reading moves to another account or server: what is remembered for the old one is put where the new one lacks it."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from ..library.calibre_db import CalibreDb
from ..link.client import Bridge
from ..link.contract import Account, CarryOverResult, Profile, RememberedBook
from ..memory.book_memory import recall
from ..memory.history import read_digests
from ..memory.moved import take_over
from .carry_over import OnPhase, put_due

# Books that are planned in one request.
PAGE: Final = 500


def plan_move(
    api: CalibreDb,
    book_ids: Sequence[int],
    source: str,
    account: Account,
    profile: Profile,
    bridge: Bridge,
    abort: threading.Event,
    on_phase: OnPhase,
) -> list[CarryOverResult]:
    """What would be put on the account's server of all that is remembered for the account of the id `source`.

    Nothing is put. Raises SyncError when the server as a whole cannot be asked, and `Cancelled`.
    """
    results: list[CarryOverResult] = []
    read = 0
    for page in _pages(book_ids):
        read += len(page)
        on_phase(read, len(book_ids), "reading")
        books = _remembered(api, page, source, profile)
        if books:
            request = {"account": account, "books": books, "reading_from": profile["rules"]["reading_from"]}
            results += bridge.request("sync/planMove", request, abort=abort, on_progress=on_phase)["results"]
    return results


def move(
    api: CalibreDb,
    planned: Sequence[CarryOverResult],
    book_ids: Sequence[int],
    source: str,
    account: Account,
    profile: Profile,
    bridge: Bridge,
    abort: threading.Event,
    on_phase: OnPhase,
) -> list[CarryOverResult]:
    """Puts what is due of a plan; then the account goes on with what was remembered for `source`.

    Raises as `plan_move` does, and OSError when the journal cannot be kept: then nothing was put.
    """
    due = [result for result in planned if result["outcome"] == "due"]
    done = put_due(api, due, "move", account, profile, bridge, abort, on_phase) if due else []
    for page in _pages(book_ids):
        take_over(api, source, account["id"], page)
    return [*(result for result in planned if result["outcome"] != "due"), *done]


def _remembered(api: CalibreDb, book_ids: Sequence[int], source: str, profile: Profile) -> list[RememberedBook]:
    memories = recall(api, source, book_ids, profile["id"])
    digests = read_digests(api, memories)
    return [
        {
            "book_id": book_id,
            "base": memory["base"],
            "observations": memory["observations"],
            "declined": memory["declined"],
            "digests": digests.get(book_id, []),
        }
        for book_id, memory in memories.items()
    ]


def _pages(book_ids: Iterable[int]) -> Iterator[list[int]]:
    left = iter(book_ids)
    while page := [*islice(left, PAGE)]:
        yield page
