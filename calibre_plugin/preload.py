"""Loads every module of the plugin soon after calibre's start.

Once the zip has been replaced under a running calibre, calibre takes what was not loaded by then from the new one: code
of two versions would have to work together until the restart.
"""

from __future__ import annotations

import importlib
import zipfile
from typing import Final

from qt.core import QObject, QTimer

from .words.faults import note_fault

# One at a time, so that the window does not stand still for them, in milliseconds.
PAUSE_MS: Final = 5


class Preload(QObject):
    """Begins when it is made, on the GUI thread."""

    def __init__(self, parent: QObject, plugin_path: str) -> None:
        super().__init__(parent)
        try:
            self.waiting = modules_in(plugin_path)
        except (OSError, zipfile.BadZipFile) as error:
            # Nothing is lost yet: each module is loaded when it is needed.
            self.waiting = []
            note_fault("list the modules", error)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._load_next)
        self._timer.start(PAUSE_MS)

    def _load_next(self) -> None:
        if not self.waiting:
            self._timer.stop()
            return
        name = self.waiting.pop()
        try:
            importlib.import_module(f"{__package__}.{name}")
        except Exception as error:
            note_fault(f"load {name}", error)


def modules_in(plugin_path: str) -> list[str]:
    """The dotted names of the plugin's own modules, those of its rooms too: `sync.pull`."""
    with zipfile.ZipFile(plugin_path) as zipped:
        names = [name.removesuffix(".py") for name in zipped.namelist() if name.endswith(".py")]
    modules = {name.removesuffix("/__init__").replace("/", ".") for name in names}
    return sorted(modules - {"__init__"})
