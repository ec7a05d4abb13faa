"""The command line's talk with calibre: one request a line, each answered by the library that was opened for it."""

from __future__ import annotations

import json
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TextIO

from .library.refused import refusal
from .link.client import BridgeDied, BridgeNotStarted, SyncError
from .link.contract import LIBRARY_METHODS
from .link.shapes import check
from .sync.asked_library import AskedLibrary, HeadlessError


def serve(requests: TextIO, answers: TextIO, token: str, bridge: Sequence[str]) -> None:
    """Answers one request a line until they end; every line of ours begins with the token. `bridge` starts the bridge."""
    # What answers the requests, and the one who hears a bridge, both speak.
    lock = threading.Lock()
    under_way = 0

    def heard(sentence: str) -> None:
        say({"id": under_way, "progress": sentence})

    library = AskedLibrary(bridge, heard)
    methods: Final[dict[str, Callable[[Any], Any]]] = {
        "open": library.open,
        "map": library.map,
        "sync": library.sync,
        "push": library.push,
        "move": library.move,
        "log": library.log,
        "copies": library.copies,
        "look": library.look,
        "devices": library.devices,
        "examine": library.examine,
        "annotations": library.annotations,
        "keep_annotations": library.keep_annotations,
        "undo_annotations": library.undo_annotations,
        "link": library.link,
        "unlink": library.unlink,
        "explain": library.explain,
        "close": library.close,
    }

    def say(message: Mapping[str, object]) -> None:
        with lock:
            answers.write(f"{token}{json.dumps(message, ensure_ascii=True)}\n")
            answers.flush()

    # A service that is ended sends this to all its programs: whoever holds our pipe decides.
    signal.signal(signal.SIGTERM, lambda _number, _frame: library.stop())
    say({"id": 0, "result": {}})
    try:
        for request in _requests(requests, library.stop):
            under_way = request["id"]
            try:
                takes, _gives = LIBRARY_METHODS[request["method"]]
                check(request["params"], takes)
                say({"id": request["id"], "result": methods[request["method"]](request["params"])})
            except HeadlessError as error:
                say({"id": request["id"], "error": {"name": error.name, "data": error.data}})
            except SyncError as error:
                say({"id": request["id"], "error": {"name": error.name, "code": error.code, "data": error.data}})
            except BridgeNotStarted as error:
                data = {"path": error.path, "reason": error.reason}
                say({"id": request["id"], "error": {"name": "BridgeNotStarted", "data": data}})
            except BridgeDied as error:
                print(error.log, file=sys.stderr)
                say({"id": request["id"], "error": {"name": "BridgeEnded", "data": {"exit_code": error.exit_code}}})
            except Exception as error:
                say({"id": request["id"], "error": _unforeseen(error)})
    finally:
        library.close({})


def _unforeseen(error: Exception) -> dict[str, Any]:
    """What a disk refused, by its code; else a fault of ours, with its traceback on stderr."""
    refused = refusal(error)
    if refused is not None:
        return {"name": "DiskRefused", "data": {"reason": refused[0], "path": refused[1]}}
    traceback.print_exc()
    return {"name": "Fault", "data": {"message": str(error)}}


def _requests(lines: TextIO, stop: Callable[[], None]) -> Iterator[dict[str, Any]]:
    """The requests in their order. `stop` is called as soon as the other side says so, or has gone: also in mid work."""
    inbox: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()

    def read() -> None:
        try:
            for line in lines:
                request = json.loads(line) if line.strip() else None
                if request is not None and request["method"] == "stop":
                    stop()
                elif request is not None:
                    inbox.put(request)
        finally:
            stop()
            inbox.put(None)

    threading.Thread(target=read, name="requests", daemon=True).start()
    while True:
        request = inbox.get()
        if request is None:
            return
        yield request
