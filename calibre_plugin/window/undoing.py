"""What the window can take back: known at any time, read from the journal beside the window's own work."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from .parts.beside import Beside
from .parts.calibre_window import CalibreWindow
from .runs.runs import Runs
from ..memory.journal import RunHead
from ..memory.journal_run import Run
from ..sync.pull import journal_of
from ..sync.repair import repair
from ..sync.undo import last_pull, last_push

load_translations()


class Undoing:
    """One for each calibre window; `is_over` says whether the plugin has stopped for good."""

    def __init__(self, gui: CalibreWindow, runs: Runs, beside: Beside, is_over: Callable[[], bool]) -> None:
        self._gui = gui
        self._runs = runs
        self._beside = beside
        self._is_over = is_over
        # The newest sync, and the newest push, that still have something to undo.
        self.pull: Run | None = None
        self.push: Run | None = None
        # Whether any run has: an offer, or an undo that can be undone.
        self._has_earlier = False
        self._is_unreadable = False

    def look(self) -> None:
        """Reads the journal, which may hold hundreds of runs, once it is in order."""
        api = self._gui.current_db.new_api
        self.pull, self.push, self._has_earlier, self._is_unreadable = None, None, False, False
        if self._is_over():
            return

        def find() -> tuple[Run | None, Run | None, bool]:
            journal = journal_of(api)
            repair(api, journal)
            return last_pull(journal), last_push(journal), any(head.books for head in journal.heads())

        def found(runs: tuple[Run | None, Run | None, bool]) -> None:
            self.pull, self.push, self._has_earlier = runs

        def failed(_details: str) -> None:
            self._is_unreadable = True

        self._beside.ask("read the write journal", find, found, failed)

    def why_no_pull(self) -> str:
        if self._is_unreadable:
            return _("The log of what was written could not be read.")
        return "" if self.pull is not None else _("There is nothing to undo.")

    def why_no_push(self) -> str:
        return "" if self.push is not None else _("There is nothing to undo.")

    def why_no_earlier(self) -> str:
        return "" if self._has_earlier else self.why_no_pull() or _("There is nothing to undo.")

    def undo_pull(self) -> None:
        if self.pull is not None:
            self._runs.undos.undo(self._gui.current_db.new_api, self.pull)

    def undo_push(self) -> None:
        if self.push is not None:
            self._runs.undos.undo(self._gui.current_db.new_api, self.push)

    def show(self) -> None:
        """All runs, in a window of their own."""
        from .review.undo import UndoDialog, next_page

        api = self._gui.current_db.new_api
        journal = journal_of(api)
        # Runs are read as they are asked for: a journal may hold very many.
        heads = journal.heads()

        def found(first: list[RunHead]) -> None:
            undo = partial(self._runs.undos.undo, api)
            UndoDialog(self._gui, journal, heads, first, self._runs.column_name, undo).show()

        def failed(details: str) -> None:
            self._beside.complain(_("The log of what was written could not be read."), details)

        def first_page() -> list[RunHead]:
            repair(api, journal)
            return next_page(heads)

        self._beside.ask("read the write journal", first_page, found, failed)
