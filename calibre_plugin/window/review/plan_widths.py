"""How wide a review's columns are: by the window's width, or as the reader has dragged them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from qt.core import QEvent, QObject, QStyle, QTreeView

from calibre.gui2 import gprefs

from ..parts.geometry import keep_choice
from .plan_model import CHANGE, RESULT, TITLE

WIDTHS: Final = "koreader_progress_review_widths"
# Of the whole table; the reason has the rest. A change has what it needs, within bounds.
SHARES: Final = {TITLE: 0.3, CHANGE: 0.14, RESULT: 0.12}
MOST_FOR_A_CHANGE: Final = 0.42
# Pixels; and by how many one text may be drawn wider than it was measured: kerning, and parts of pixels.
LEAST: Final = 90
SPARE: Final = 6


class PlanWidths(QObject):
    """The widths of one table, remembered once the reader has dragged one."""

    def __init__(self, tree: QTreeView) -> None:
        super().__init__(tree)
        self._tree = tree
        self._given: dict[int, int] = {}
        self._needed = 0
        kept = gprefs.get(WIDTHS)
        self._own = kept if isinstance(kept, dict) else {}

        viewport = tree.viewport()
        if viewport is not None:
            viewport.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        if event is not None and event.type() == QEvent.Type.Resize:
            self.give()
        return False

    def give(self) -> None:
        """Gives each column the reader's own width, or its share of the table."""
        viewport, header = self._tree.viewport(), self._tree.header()
        if viewport is None or header is None:
            return
        for column, share in SHARES.items():
            own = self._own.get(str(column))
            width = int(share * viewport.width())
            if column == CHANGE:
                width = min(max(width, self._needed), int(MOST_FOR_A_CHANGE * viewport.width()))
            if isinstance(own, int):
                width = own
            header.resizeSection(column, max(LEAST, width))
            self._given[column] = header.sectionSize(column)

    def need(self, changes: Iterable[str]) -> None:
        """Makes room for these words, in whatever font and language, if the reader has no width of their own."""
        style = self._tree.style()
        metric = QStyle.PixelMetric.PM_FocusFrameHMargin
        # What Qt's delegate leaves free on both sides of a text.
        margins = 2 * ((style.pixelMetric(metric, None, self._tree) if style else 0) + 1)
        metrics = self._tree.fontMetrics()
        self._needed = max((metrics.horizontalAdvance(words) for words in changes), default=0) + margins + SPARE
        self.give()

    def keep(self) -> None:
        """Remembers what the reader has dragged."""
        header = self._tree.header()
        shown = [] if header is None else [each for each in self._given if not self._tree.isColumnHidden(each)]
        now = {} if header is None else {each: header.sectionSize(each) for each in shown}
        if any(width != self._given[column] for column, width in now.items()):
            keep_choice(WIDTHS, {**self._own, **{str(column): width for column, width in now.items()}})
