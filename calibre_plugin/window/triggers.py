"""Starts runs by themselves: at calibre's start, every so many minutes, when a device is connected."""

from __future__ import annotations

import time
from collections.abc import Callable

from qt.core import QObject, QTimer

from .parts.calibre_window import CalibreWindow
from ..settings import config
from ..settings.config import StoredProfile
from ..settings.readers import readers_of
from .preferences.when import connected_device
from .runs.run import Trigger

load_translations()

# A timer of many minutes counts no sleep; one that looks at the clock makes up for it when the computer wakes.
LOOK_EVERY_MS = 30_000
# calibre has its own things to do when it has just started.
AFTER_START_MS = 3_000

StartRun = Callable[[StoredProfile, Trigger], bool]


class Triggers(QObject):
    """`start_run` runs one profile over the whole library."""

    def __init__(self, gui: CalibreWindow, start_run: StartRun, clock: Callable[[], float] = time.time) -> None:
        super().__init__(gui)
        self._gui = gui
        self._start_run = start_run
        self.clock = clock
        self._last: dict[str, float] = {}
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.look)

    def begin(self) -> None:
        """calibre is ready: what runs at its start does, and the clock is watched from now on."""
        self._timer.start(LOOK_EVERY_MS)
        QTimer.singleShot(AFTER_START_MS, self.calibre_has_started)

    def stop(self) -> None:
        self._timer.stop()

    def calibre_has_started(self) -> None:
        for profile in self._profiles():
            if profile["triggers"]["at_start"]:
                self._run(profile, "start")

    def look(self) -> None:
        """Runs what is due by the clock on the wall."""
        now = self.clock()
        for profile in self._profiles():
            minutes = profile["triggers"]["every_minutes"]
            if minutes and now - self._last.setdefault(profile["id"], now) >= minutes * 60:
                self._run(profile, "timer")

    def device_is_there(self, device_id: str = "") -> None:
        """A device is connected, and what it knows has been read; `device_id` is the one that readers are known by."""
        name = connected_device(self._gui)
        for profile in self._profiles():
            belongs = not profile["device"] or profile["device"].casefold() == name.casefold()
            is_reader = device_id in readers_of(self._gui.current_db.new_api, profile["id"])
            if profile["triggers"]["on_device"] and (belongs or is_reader):
                self._run(profile, "device")

    def note_run(self, profile_id: str) -> None:
        """A run by hand counts too, when it begins and again when it has ended: its review may have stood open for hours."""
        self._last[profile_id] = self.clock()

    def _profiles(self) -> list[StoredProfile]:
        if self._gui.shutting_down:
            return []
        return config.profiles(self._gui.current_db.new_api)

    def _run(self, profile: StoredProfile, trigger: Trigger) -> None:
        if self._start_run(profile, trigger):
            self._last[profile["id"]] = self.clock()
