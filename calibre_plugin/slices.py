"""Writes many cells without calibre's window standing still: a slice, then whatever else the window has to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from qt.core import QObject, QTimer

from .contract import ColumnUpdate
from .library import WriteReport

# calibre writes 1,000 cells in 24 to 34 ms: a slice stays far below what a reader notices.
CELLS_PER_SLICE = 400

WriteSome = Callable[[Sequence[ColumnUpdate]], WriteReport]


class SlicedWriter(QObject):
    """GUI thread. Books are never torn apart: all cells of a book are in one slice."""

    def __init__(
        self,
        updates: Sequence[ColumnUpdate],
        write: WriteSome,
        on_progress: Callable[[int, int], None],
        on_end: Callable[[WriteReport], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._slices = slices_of(updates, CELLS_PER_SLICE)
        self._total = len(updates)
        self._done = 0
        self._write = write
        self._on_progress = on_progress
        self._on_end = on_end
        self.report = WriteReport()
        self.finished = False
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._next)

    def start(self) -> None:
        self._timer.start(0)

    def finish_now(self) -> None:
        """Writes what is left at once: the library is about to be closed."""
        while not self.finished:
            self._next()

    def _next(self) -> None:
        if self.finished:
            return
        if self._slices:
            some = self._slices.pop(0)
            part = self._write(some)
            self.report.written.extend(part.written)
            self.report.stale.extend(part.stale)
            self.report.failed.extend(part.failed)
            self._done += len(some)
            self._on_progress(self._done, self._total)
        if not self._slices:
            self.finished = True
            self._timer.stop()
            self._on_end(self.report)
            self.deleteLater()


def slices_of(updates: Sequence[ColumnUpdate], size: int) -> list[list[ColumnUpdate]]:
    """The updates in order of their books, cut between books into parts of about `size`."""
    slices: list[list[ColumnUpdate]] = []
    book: Any = None
    for update in sorted(updates, key=lambda each: each["book_id"]):
        if not slices or (len(slices[-1]) >= size and update["book_id"] != book):
            slices.append([])
        slices[-1].append(update)
        book = update["book_id"]
    return slices
