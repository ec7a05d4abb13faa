"""Which books are being read: the bridge judges, as it does when it plans."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from ..library.calibre_db import CalibreDb
from ..library.books import read_books
from ..link.client import Bridge, BridgeClient
from ..link.contract import BeingReadAnswer, Profile
from .bridge_run import bridge_run
from .pull import with_memory


def books_being_read(
    api: CalibreDb,
    book_ids: Iterable[int],
    account_id: str,
    profile: Profile,
    bridge: Bridge,
    abort: threading.Event,
) -> list[int]:
    """Those of these books that the library says are being read. Raises SyncError as any request does."""
    ids = list(book_ids)

    def ask(one: BridgeClient) -> list[int]:
        pages = with_memory(api, account_id, profile, read_books(api, ids, profile["columns"]))
        with bridge_run(one, pages, abort) as run:
            answer: BeingReadAnswer = one.request("sync/beingRead", {"run": run, "profile": profile}, abort=abort)
        return answer["book_ids"]

    return bridge.in_one(ask)
