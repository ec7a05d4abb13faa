"""Looks at the reader's folders of sidecars, in the background and quietly, and says when one told something new."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from qt.core import QObject, QTimer

from ..devices.device import SidecarFolder, collect_folder
from ..devices.home import Collected
from ..devices.statistics import StatisticsReader
from ..link.host import BridgeHost, cache_folder
from ..settings.config import Settings
from ..words.faults import note_fault
from .parts.background import Background
from .parts.calibre_window import CalibreWindow

# calibre has its own things to do when it has just started.
AFTER_START_MS: Final = 5_000
# A synchroniser is not faster, and a look at a folder in which nothing changed only lists it.
EVERY_MS: Final = 5 * 60_000


class FolderWatch(QObject):
    """`on_collected` is called on the GUI thread for each folder that told something new, and once for every other."""

    def __init__(
        self, gui: CalibreWindow, host: BridgeHost, settings: Settings, on_collected: Callable[[Collected], None]
    ) -> None:
        super().__init__(gui)
        self._gui = gui
        self._host = host
        self._settings = settings
        self._on_collected = on_collected
        self._abort = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._background = Background(self)
        # Folders that were spoken of since calibre started: a question that was put off is not asked every few minutes.
        self._told: set[tuple[str, str]] = set()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.look)

    def begin(self) -> None:
        """calibre is ready."""
        self._timer.start(EVERY_MS)
        QTimer.singleShot(AFTER_START_MS, self.look)

    def look(self) -> None:
        """Looks at every folder, one after the other; nothing where the look before has not ended: a network may be slow."""
        folders = sidecar_folders(self._settings)
        if not folders or not self._idle.is_set() or self._gui.shutting_down:
            return
        self._idle.clear()
        self._abort = abort = threading.Event()
        api = self._gui.current_db.new_api
        launch = self._host.prepare(self._settings.get("runtime_path"))
        statistics = StatisticsReader(launch.open, str(cache_folder() / "statistics"))

        def work() -> list[Collected]:
            found: list[Collected] = []
            try:
                for folder in folders:
                    if abort.is_set():
                        break
                    try:
                        collected = collect_folder(folder, api, abort, statistics)
                    except Exception as error:
                        # A network may go, and a library be closed, at any moment.
                        if not abort.is_set():
                            note_fault("read a folder of sidecars", error)
                        continue
                    if collected is not None and collected.complete:
                        found.append(collected)
            finally:
                self._idle.set()
            return found

        self._background.run(work, lambda found: self._end(found, abort))

    def stop(self, until: float) -> None:
        """Ends the look, because the library is closed, and waits for it until then (`time.monotonic`)."""
        self._abort.set()
        self._idle.wait(max(0.0, until - time.monotonic()))

    def end(self) -> None:
        """calibre closes."""
        self._timer.stop()
        self._abort.set()

    @property
    def is_reading(self) -> bool:
        return self._background.is_running

    def _end(self, found: list[Collected], abort: threading.Event) -> None:
        for collected in found:
            if abort.is_set():
                return
            seen = self._gui.current_db.library_id, collected.device_id
            if collected.changed or seen not in self._told:
                self._told.add(seen)
                self._on_collected(collected)


def sidecar_folders(settings: Settings) -> list[SidecarFolder]:
    """The folders that the reader has named."""
    return [SidecarFolder(each["path"], each["name"]) for each in settings.get("folders")]
