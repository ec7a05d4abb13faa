"""Questions that are asked beside the window's own work, about the library that is open in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from .background import Background, Fault, attempt
from .calibre_window import CalibreWindow
from .trouble import show_trouble
from ...words.explain import Explanation
from ...words.faults import note_fault

load_translations()

T = TypeVar("T")


class Beside:
    """One for each calibre window."""

    def __init__(self, gui: CalibreWindow, background: Background, open_preferences: Callable[[str], None]) -> None:
        self._gui = gui
        self._background = background
        self._open_preferences = open_preferences

    def ask(self, what: str, ask: Callable[[], T], found: Callable[[T], None], failed: Callable[[str], None]) -> None:
        """Asks in a thread; answer or fault are for the library that was asked about, if it is still in the window."""
        api = self._gui.current_db.new_api

        def told(answer: T | Fault) -> None:
            if self._gui.shutting_down or self._gui.current_db.new_api is not api:
                # A library that was closed under the question could only be answered with an error.
                return
            if isinstance(answer, Fault):
                failed(note_fault(what, answer.error))
            else:
                found(answer)

        self._background.run(lambda: attempt(ask), told)

    def complain(self, sentence: str, details: str) -> None:
        """What nobody foresaw, with `details` for whoever mends it."""
        advice = _("This is a fault of KOReader Progress: please report it with the details below.")
        show_trouble(self._gui, Explanation(sentence, advice, details), self._open_preferences)
