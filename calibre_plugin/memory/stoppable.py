"""Work of calibre's own that has no way to be stopped, and is ended all the same as soon as nobody wants it."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar

from calibre.ptempfile import SpooledTemporaryFile

Answer = TypeVar("Answer")

# A book is small; only what is larger goes through the disk.
IN_MEMORY: Final = 32 << 20
# Seconds between two looks at whether somebody wants it to stop.
STOP_WITHIN: Final = 0.1


class Stopped(BaseException):
    """Raised inside calibre's writer to end it: whatever catches an ordinary exception there must let this one go."""


class StoppableFile(SpooledTemporaryFile):
    """A temporary file that refuses to be read or written once `stop` is set.

    calibre's own base: Python's cannot be read as a zip before 3.11.
    """

    def __init__(self, stop: threading.Event) -> None:
        super().__init__(IN_MEMORY, mode="w+b")
        self._stop = stop

    def read(self, *args: Any) -> bytes:
        self._go_on()
        return super().read(*args)

    def write(self, s: object) -> int:
        self._go_on()
        return super().write(s)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._go_on()
        # The base's own returns nothing in an old Python.
        super().seek(offset, whence)
        return self.tell()

    def _go_on(self) -> None:
        if self._stop.is_set():
            raise Stopped


def unless_stopped(work: Callable[[], Answer], stop: threading.Event) -> Answer | None:
    """What the work returned; None as soon as it is stopped. What it raises, rises.

    It runs in a thread: a writer of calibre's that works in another process, or in memory, cannot be stopped, but it
    need not be waited for.
    """
    told: queue.SimpleQueue[tuple[Answer | None, BaseException | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            told.put((work(), None))
        except BaseException as error:
            told.put((None, error))

    threading.Thread(target=run, name="stoppable", daemon=True).start()
    while not stop.is_set():
        try:
            answer, error = told.get(timeout=STOP_WITHIN)
        except queue.Empty:
            continue
        if isinstance(error, Stopped):
            return None
        if error is not None:
            raise error
        return answer
    return None
