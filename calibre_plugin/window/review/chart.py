"""How far a book was read, over time: a small chart in calibre's own colours."""

from __future__ import annotations

from typing import Final

from qt.core import (
    QColor,
    QMouseEvent,
    QPaintEvent,
    QPainter,
    QPalette,
    QPen,
    QPointF,
    QRectF,
    QSize,
    QToolTip,
    QWidget,
    Qt,
)

from ...link.contract import ReadingStoryPointsItem
from ...words.data import percent
from .plan_rows import show_time
from ..parts.text import tip

load_translations()

MARGIN_LEFT: Final = 52
MARGIN_RIGHT: Final = 14
MARGIN_TOP: Final = 10
MARGIN_BOTTOM: Final = 24
DOT: Final = 3.5
# How near the mouse must be to a point to ask about it, in pixels.
REACH: Final = 12.0
# One colour a device, told apart on light and dark paper, also by the colour blind.
COLOURS: Final = ("#0f9b8e", "#d9730d", "#5b6ee1", "#b5489a", "#8a8d00")
# How much of the text's ink goes into what is only to guide the eye.
SCALE_INK: Final = 0.25
LINE_INK: Final = 0.6


def _thinned(ink: QColor, share: float) -> QColor:
    thin = QColor(ink)
    thin.setAlphaF(share)
    return thin


class ReadingChart(QWidget):
    """Points as `ReadingStory.points` has them: when (epoch seconds), how far (share), on which device."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("reading_chart")
        self.setMouseTracking(True)
        self.setAccessibleName(_("Chart of how far this book was read"))
        self._points: list[ReadingStoryPointsItem] = []
        # Whether what was heard is still being looked up.
        self.is_waiting = False
        self._devices: list[str] = []

    def sizeHint(self) -> QSize:
        return QSize(400, 150)

    def minimumSizeHint(self) -> QSize:
        return QSize(200, 110)

    def show_points(self, points: list[ReadingStoryPointsItem]) -> None:
        """Draws these points, oldest first."""
        self._points, self.is_waiting = points, False
        self._devices = list(dict.fromkeys(point["device"] for point in points))
        if points:
            told = _("{first} to {last}: read to {share}, seen {count} times.")
            last = points[-1]
            words = told.format(
                first=show_time(points[0]["at"]),
                last=show_time(last["at"]),
                share=percent(last["percentage"]),
                count=len(points),
            )
            self.setAccessibleDescription(words)
        self.update()

    def _paper(self) -> QRectF:
        return QRectF(
            MARGIN_LEFT,
            MARGIN_TOP,
            max(1, self.width() - MARGIN_LEFT - MARGIN_RIGHT),
            max(1, self.height() - MARGIN_TOP - MARGIN_BOTTOM),
        )

    def _place(self, point: ReadingStoryPointsItem, paper: QRectF) -> QPointF:
        begin, end = self._points[0]["at"], self._points[-1]["at"]
        # A single evening is drawn in the middle, not squeezed against the edge.
        along = (point["at"] - begin) / (end - begin) if end > begin else 0.5
        return QPointF(paper.left() + along * paper.width(), paper.bottom() - point["percentage"] * paper.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paper = self._paper()
        # Not calibre's greyed ink: that is too pale to be read on light paper.
        ink = self.palette().color(QPalette.ColorRole.WindowText)
        self._draw_scale(painter, paper, ink)
        if self._points:
            self._draw_line(painter, paper, ink)
        painter.end()

    def _draw_scale(self, painter: QPainter, paper: QRectF, ink: QColor) -> None:
        for share in (0.0, 0.5, 1.0):
            height = paper.bottom() - share * paper.height()
            painter.setPen(QPen(_thinned(ink, SCALE_INK), 0.6))
            painter.drawLine(QPointF(paper.left(), height), QPointF(paper.right(), height))
            painter.setPen(ink)
            place = QRectF(0, height - 9, MARGIN_LEFT - 8, 18)
            painter.drawText(place, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, percent(share))
        if not self._points:
            text = "…" if self.is_waiting else _("No reading known yet.")
            # Between two lines of the scale, not struck through by one.
            above = paper.adjusted(0, 0, 0, -paper.height() / 2)
            painter.drawText(above, Qt.AlignmentFlag.AlignCenter, text)
            return
        below = QRectF(paper.left(), paper.bottom() + 5, paper.width(), MARGIN_BOTTOM - 5)
        first, last = show_time(self._points[0]["at"]), show_time(self._points[-1]["at"])
        if first == last:
            painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, first)
        else:
            painter.drawText(below, Qt.AlignmentFlag.AlignLeft, first)
            painter.drawText(below, Qt.AlignmentFlag.AlignRight, last)

    def _draw_line(self, painter: QPainter, paper: QRectF, ink: QColor) -> None:
        places = [self._place(point, paper) for point in self._points]
        painter.setPen(QPen(_thinned(ink, LINE_INK), 1.4))
        painter.drawPolyline(places)
        painter.setPen(Qt.PenStyle.NoPen)
        for point, place in zip(self._points, places, strict=True):
            painter.setBrush(QColor(COLOURS[self._devices.index(point["device"]) % len(COLOURS)]))
            painter.drawEllipse(place, DOT, DOT)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        paper, mouse = self._paper(), event.position()
        near = [
            (abs(place.x() - mouse.x()) + abs(place.y() - mouse.y()), point)
            for point in self._points
            for place in (self._place(point, paper),)
        ]
        distance, point = min(near, key=lambda each: each[0], default=(REACH + 1, None))
        if point is None or distance > REACH:
            QToolTip.hideText()
            return
        words = _("{share} on {when}, {device}")
        text = words.format(share=percent(point["percentage"]), when=show_time(point["at"]), device=point["device"])
        QToolTip.showText(event.globalPosition().toPoint(), tip(text), self)
