"""Looks at each device that is connected, in the background, and says when it has been read."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from qt.core import QObject

from .parts.calibre_window import CalibreWindow, Job
from ..library.calibre_db import CalibreDb
from .folder_watch import FolderWatch
from .parts.background import Background
from ..devices.device import calibre_uuids, collect
from ..devices.home import Collected
from ..devices.remote import is_mtp
from ..devices.statistics import StatisticsReader
from ..link.host import BridgeHost, cache_folder
from ..settings.config import Settings
from ..words.faults import note_fault

load_translations()

# A device job of about a second; whatever else waits for the device comes between two of them.
PER_JOB: Final = 10
# How long a look at a device waits for the one before, which has been told to end, in seconds.
PATIENCE: Final = 3.0


class DeviceWatch(QObject):
    """`on_collected` is called on the GUI thread, with None when a device could not be read."""

    def __init__(
        self, gui: CalibreWindow, host: BridgeHost, settings: Settings, on_collected: Callable[[Collected | None], None]
    ) -> None:
        super().__init__(gui)
        self._gui = gui
        self._host = host
        self._settings = settings
        self._on_collected = on_collected
        self._is_over = False
        self._abort = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._background = Background(self)
        self.folders = FolderWatch(gui, host, settings, on_collected)

    def begin(self) -> None:
        """calibre is ready."""
        self.folders.begin()
        from calibre.gui2.device import device_signals

        device_signals.device_metadata_available.connect(self.device_is_there)
        device_signals.device_connection_changed.connect(self._connection_changed)

    @property
    def is_reading(self) -> bool:
        return self._background.is_running

    def device_is_there(self) -> None:
        """A device is connected and calibre has read its own lists."""
        device = self._gui.device_manager.connected_device
        if device is None or self._gui.shutting_down or self._is_over:
            return
        self._abort.set()
        self._abort = abort = threading.Event()
        api, uuids = self._gui.current_db.new_api, calibre_uuids(self._gui.booklists())
        launch = self._host.prepare(self._settings.get("runtime_path"))
        statistics = StatisticsReader(launch.open, str(cache_folder() / "statistics"))
        if is_mtp(device):
            self._read_in_jobs(device, api, uuids, statistics, abort)
            return
        # One look at a time: the one before has been told to end.
        before, self._idle = self._idle, threading.Event()
        idle = self._idle

        def work() -> Collected | None:
            try:
                before.wait(PATIENCE)
                return collect(device, api, abort, uuids, statistics=statistics)
            except Exception as error:
                # A device may be unplugged, and a library closed, at any moment.
                if not abort.is_set():
                    note_fault("read the device", error)
                return None
            finally:
                idle.set()

        self._background.run(work, lambda collected: self._end(collected, abort))

    def end(self) -> None:
        """No device is looked at any more."""
        self._is_over = True
        self._abort.set()
        self.folders.end()

    def stop(self, until: float) -> None:
        """Ends the reading, because the library is closed, and waits for it until then (`time.monotonic`).

        What was read so far is kept.
        """
        self._abort.set()
        self._idle.wait(max(0.0, until - time.monotonic()))
        self.folders.stop(until)

    def _connection_changed(self, is_connected: bool) -> None:
        if not is_connected:
            # Not waited for: an eject must never be delayed.
            self._abort.set()

    def _read_in_jobs(
        self,
        device: object,
        api: CalibreDb,
        uuids: dict[str, str],
        statistics: StatisticsReader,
        abort: threading.Event,
    ) -> None:
        def done(job: Job) -> None:
            if job.failed:
                if not abort.is_set():
                    note_fault("read the device", job.exception or RuntimeError("the device's job failed"))
                self._end(None, abort)
            elif abort.is_set():
                self._end(None, abort)
            elif job.result.complete:
                self._end(job.result, abort)
            else:
                self._read_in_jobs(device, api, uuids, statistics, abort)

        self._gui.device_manager.create_job(
            collect,
            done,
            _("KOReader Progress: read the device"),
            args=[device, api, abort, uuids, PER_JOB, statistics],
        )

    def _end(self, collected: Collected | None, abort: threading.Event) -> None:
        if not abort.is_set():
            self._on_collected(collected)


def collected_sentence(collected: Collected) -> str:
    """What a look at a device brought, in a few words; empty when that is nothing to speak of."""
    counts = (
        (ngettext("{n} book recognised", "{n} books recognised", len(collected.changed)), len(collected.changed)),
        (ngettext("{n} file could not be read", "{n} files could not be read", len(collected.odd)), len(collected.odd)),
        (
            ngettext("{n} book has lost its place there", "{n} books have lost their place there", len(collected.lost)),
            len(collected.lost),
        ),
    )
    parts = [text.format(n=count) for text, count in counts if count]
    if not parts:
        return ""
    return _("{device}: {what}.").format(device=collected.device, what=", ".join(parts))
