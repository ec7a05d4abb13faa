"""Small covers beside titles: read in a thread as they come into sight, so that no disk holds up the window."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from qt.core import QImage, QObject, QPixmap, QSize, Qt

from ...library.calibre_db import CalibreDb
from ..parts.background import Background

# Pixels; two lines of text are about as high.
SIZE: Final = QSize(20, 28)
# Covers read in one go: the first ones are shown before the last are read.
AT_ONCE: Final = 24


class Covers(QObject):
    """`on_read` is told which books have their cover now."""

    def __init__(self, api: CalibreDb, on_read: Callable[[set[int]], None], parent: QObject) -> None:
        super().__init__(parent)
        self._api = api
        self._on_read = on_read
        self._background = Background(self)
        self._known: dict[int, QPixmap] = {}
        self._wanted: list[int] = []
        self._blank = QPixmap(SIZE)
        self._blank.fill(Qt.GlobalColor.transparent)

    def cover(self, book_id: int) -> QPixmap:
        """The cover, or an empty place of its size until it is read."""
        known = self._known.get(book_id)
        if known is not None:
            return known
        self._known[book_id] = self._blank
        self._wanted.append(book_id)
        if not self._background.is_running:
            self._read()
        return self._blank

    def _read(self) -> None:
        now, self._wanted = self._wanted[:AT_ONCE], self._wanted[AT_ONCE:]
        api = self._api
        self._background.run(lambda: {book_id: _small(api, book_id) for book_id in now}, self._show)

    def _show(self, read: dict[int, QImage | None] | None) -> None:
        found = {book_id: image for book_id, image in (read or {}).items() if image is not None}
        for book_id, image in found.items():
            self._known[book_id] = QPixmap.fromImage(image)
        if found:
            self._on_read(set(found))
        if self._wanted:
            self._read()


def _small(api: CalibreDb, book_id: int) -> QImage | None:
    """In whatever thread this is. Covers of any shape stand in the middle of a place of one size."""
    read = api.cover(book_id, as_image=True)
    image: Any = read if isinstance(read, QImage) else None
    if image is None or image.isNull():
        return None
    small = image.scaled(SIZE, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation)
    left, top = (SIZE.width() - small.width()) // 2, (SIZE.height() - small.height()) // 2
    return small.copy(-left, -top, SIZE.width(), SIZE.height())
