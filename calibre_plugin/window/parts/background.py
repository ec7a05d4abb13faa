"""A question answered in a thread while a window stays alive; the window may be closed before the answer comes."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from qt.core import QObject, QTimer

from ...words.faults import note_fault

T = TypeVar("T")

POLL_MS = 50


@dataclass(frozen=True)
class Fault:
    """What a question was answered with instead of an answer."""

    error: Exception


def attempt(ask: Callable[[], T]) -> T | Fault:
    """The answer, or what went wrong, to be told on the GUI thread."""
    try:
        return ask()
    except Exception as error:
        return Fault(error)


class Background(QObject):
    """Belongs to a window. The thread never touches Qt: a signal sent to a window that is just being deleted crashes."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._answers: queue.SimpleQueue[tuple[Callable[[Any], None], Any]] = queue.SimpleQueue()
        self._waiting = 0
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._look)

    @property
    def is_running(self) -> bool:
        return self._waiting > 0

    def run(self, work: Callable[[], object], then: Callable[[Any], None]) -> None:
        """Calls `work` in a thread, and `then` with its answer on the GUI thread if the window is still there."""
        self._waiting += 1
        answers = self._answers

        def answer() -> None:
            try:
                answers.put((then, work()))
            except Exception as error:
                # For instance of a library that was closed under the question: nobody waits for that answer any more.
                note_fault("answer a window's question", error)
                answers.put((lambda _nothing: None, None))

        threading.Thread(target=answer, name="background", daemon=True).start()
        self._timer.start(POLL_MS)

    def stop(self) -> None:
        """Nobody waits any more."""
        self._timer.stop()

    def _look(self) -> None:
        while not self._answers.empty():
            then, answer = self._answers.get()
            self._waiting -= 1
            then(answer)
        if not self._waiting:
            self._timer.stop()
