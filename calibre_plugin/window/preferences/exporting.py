"""Asks where to, and writes what this computer knows into one file there."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import Final

from qt.core import QDate, QObject, QWidget

from calibre.gui2 import choose_save_file, question_dialog

from ..parts.background import Background, Fault, attempt
from ...moving.export import export, server_store
from ...moving.pack import PackRefused
from ...settings.config import Settings
from ...words.explain import explain_disk
from ...words.faults import note_fault
from ...words.moving import bytes_words, exported_sentence, refused_sentence

load_translations()

ENDING: Final = "jsonl.gz"


class Exporting(QObject):
    """`told` is called with a sentence: that it is being done, how it ended."""

    def __init__(self, settings: Settings, told: Callable[[str], None], parent: QWidget) -> None:
        super().__init__(parent)
        self._window = parent
        self._settings = settings
        self._told = told
        self._background = Background(self)

    @property
    def is_running(self) -> bool:
        return self._background.is_running

    def begin(self) -> None:
        """Asks for the file, and whether a server's documents go with it."""
        path = choose_save_file(
            self._window,
            "koreader-progress-export",
            _("Export what this computer knows"),
            filters=[(_("What a computer knows"), [ENDING])],
            all_files=False,
            initial_filename=f"koreader-progress-{QDate.currentDate().toString('yyyy-MM-dd')}.{ENDING}",
        )
        if path:
            self.write(str(path), server_store().is_file() and self._ask_for_server())

    def _ask_for_server(self) -> bool:
        return question_dialog(
            self._window,
            _("Export what this computer knows"),
            _(
                "This computer hosts a sync server. Do its documents go with it ({size})? They are the places of all who "
                "sync with it, with their user names, and what checks their passwords."
            ).format(size=bytes_words(server_store().stat().st_size)),
        )

    def write(self, path: str, with_server: bool) -> None:
        """Writes the file in a thread."""
        self._told(_("Exporting…"))
        settings, made = self._settings, time.time()
        self._background.run(
            lambda: attempt(lambda: export(path, settings, made, with_server)),
            lambda outcome: self._told(_ended(path, outcome)),
        )


def _ended(path: str, outcome: int | Fault) -> str:
    if not isinstance(outcome, Fault):
        return "✓ " + exported_sentence(path)
    return "✗ " + trouble_sentence(outcome.error, path)


def trouble_sentence(error: Exception, path: str) -> str:
    """Why a file could not be written, or taken over."""
    if isinstance(error, PackRefused):
        return refused_sentence(error.fault, error.path, error.name)
    if isinstance(error, OSError):
        error.filename = error.filename or path
        return explain_disk(error).text
    note_fault("move what this computer knows", error)
    if isinstance(error, sqlite3.Error):
        return _("The server’s documents cannot be read: {reason}.").format(reason=error)
    return _("This could not be done.")
