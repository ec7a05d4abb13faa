"""Which books the reader has chosen in the window: the row that calibre selects by itself is no choice."""

from __future__ import annotations


from qt.core import QObject, QTimer

from .parts.calibre_window import CalibreWindow


class ChosenBooks(QObject):
    """calibre selects the first row at its start and after a library switch; until that changes, nobody chose it."""

    def __init__(self, gui: CalibreWindow) -> None:
        super().__init__(gui)
        self._gui = gui
        self._by_itself: list[int] = []

    def begin(self) -> None:
        self._gui.library_view.selectionModel().selectionChanged.connect(self._changed)
        self.expect_a_row()

    def expect_a_row(self) -> None:
        """calibre has started or shows another library: what is selected at the end of this turn is its own doing."""
        QTimer.singleShot(0, self._look)

    def ids(self) -> list[int]:
        """What the reader has selected; a superset of it is asked about when this is empty."""
        selected = self._gui.library_view.get_selected_ids()
        return [] if selected == self._by_itself else selected

    def _look(self) -> None:
        selected = self._gui.library_view.get_selected_ids()
        self._by_itself = selected if len(selected) == 1 else []

    def _changed(self, *_what: object) -> None:
        if self._gui.library_view.get_selected_ids() != self._by_itself:
            self._by_itself = []
