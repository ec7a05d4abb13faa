"""Which books are being read: the bridge judges, as it does when it plans."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterable
from typing import Any

from ..library.books import read_books
from ..link.client import BridgeClient
from ..link.contract import BeingReadAnswer, Profile
from .pull import with_memory


def books_being_read(
    api: Any,
    book_ids: Iterable[int],
    account_id: str,
    profile: Profile,
    bridge: BridgeClient,
    abort: threading.Event,
) -> list[int]:
    """Those of these books that the library says are being read. Raises SyncError as any request does."""
    run = uuid.uuid4().hex
    for page in with_memory(api, account_id, profile, read_books(api, book_ids, profile["columns"])):
        bridge.request("sync/books", {"run": run, "books": page}, abort=abort)
    answer: BeingReadAnswer = bridge.request("sync/beingRead", {"run": run, "profile": profile}, abort=abort)
    return answer["book_ids"]
