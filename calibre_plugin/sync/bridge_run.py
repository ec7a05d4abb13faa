"""A run of the bridge: books sent page by page, of which it is then asked one thing."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Final

from ..link.client import Bridge, BridgeDied, BridgeFault, SyncError
from ..link.contract import RPC_ERRORS, SYNC_ERRORS, Book, BooksAnswer

# Seconds for a bridge to hear that a run is over, which nobody needs to wait for.
END_TIMEOUT: Final = 2.0


@contextmanager
def bridge_run(
    bridge: Bridge,
    pages: Iterable[list[Book]],
    abort: threading.Event,
    on_sent: Callable[[int], None] = lambda _sent: None,
) -> Iterator[str]:
    """The name of a run that has been sent these books. Raises as any request does, and SyncError `Cancelled` on abort.

    What ends in an error is forgotten by the bridge too, which lives on; else the last answer ends the run there.
    """
    run = uuid.uuid4().hex
    try:
        sent = 0
        # An empty page first: a run without books is one too.
        for books in chain([[]], pages):
            if abort.is_set():
                raise SyncError("Cancelled", SYNC_ERRORS["Cancelled"])
            answer: BooksAnswer = bridge.request("sync/books", {"run": run, "books": books}, abort=abort)
            sent += len(books)
            if answer["received"] != sent:
                # Fewer books would be planned as if the others were not there.
                raise BridgeFault(RPC_ERRORS["InternalError"], "books of a run were lost", answer)
            on_sent(sent)
        yield run
    except BaseException:
        _end(bridge, run)
        raise


def _end(bridge: Bridge, run: str) -> None:
    try:
        bridge.request("sync/end", {"run": run}, timeout=END_TIMEOUT)
    except (BridgeDied, BridgeFault, SyncError):
        # It is over anyway.
        pass
