"""What is remembered for one account counts for another from now on: its reading has moved there."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Collection
from typing import cast

from ..library.book_data import fetch, keep
from ..library.book_shapes import LOG, MEMORY
from ..library.calibre_db import CalibreDb
from ..link.contract import Observation
from .book_memory import changing, observe
from .memory_log import log_decisions
from .one_memory import memory_of


def remembered_accounts(api: CalibreDb, book_ids: Collection[int]) -> dict[str, int]:
    """In how many of these books something is remembered, by account id; what profiles without one remember is left out."""
    logs, memories = fetch(api, LOG, book_ids), fetch(api, MEMORY, book_ids)
    found: Counter[str] = Counter()
    for book_id in {*logs, *memories}:
        found.update({*(logs.get(book_id) or ()), *(memories.get(book_id) or ())})
    # No account's id has a colon.
    return {account: books for account, books in found.items() if ":" not in account}


def take_over(api: CalibreDb, source: str, target: str, book_ids: Collection[int]) -> None:
    """Keeps for the account `target` what is remembered for `source` of these books, where it has nothing of its own yet."""
    logs = fetch(api, LOG, book_ids)
    heard: list[Observation] = []
    for book_id, by_account in logs.items():
        if not by_account.get(target):
            heard += [cast(Observation, {**entry, "book_id": book_id}) for entry in by_account.get(source) or ()]
    observe(api, target, heard)
    with changing:
        kept = fetch(api, MEMORY, book_ids)
        moved = {
            book_id: {**by_account, target: copy.deepcopy(by_account[source])}
            for book_id, by_account in kept.items()
            if by_account and by_account.get(source) and not by_account.get(target)
        }
        keep(api, MEMORY, moved)
    nothing = memory_of(None, target)["declined"]
    log_decisions(
        api,
        target,
        dict.fromkeys(moved, nothing),
        {b: memory_of(each, target)["declined"] for b, each in moved.items()},
    )
