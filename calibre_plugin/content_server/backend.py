"""The server in a bridge that stands behind calibre's: started by the first request, one for all of calibre's workers."""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ..link.client import OnPlaces
from ..link.host import BridgeHost, Launch
from ..link.runtime import RuntimeMissing
from ..sync.hosting import Hosting, data_folder

# Seconds for which a start that failed is not tried again: no request waits for what cannot be.
FAILED_FOR: Final = 10.0
# Seconds that a request waits for a server that is being started: KOReader itself waits for five.
PATIENCE: Final = 4.0


@dataclass(frozen=True)
class Place:
    """How calibre offers it: below which path, and whether calibre's own users are its accounts."""

    base_path: str
    vouches: bool


@dataclass(frozen=True)
class Running:
    """Where the server listens, and what it wants to hear with each request."""

    place: Place
    port: int
    secret: str


class NotThere(Exception):
    """There is no server to ask; `is_for_good` where there is no runtime for one."""

    def __init__(self, is_for_good: bool, reason: str) -> None:
        super().__init__(reason)
        self.is_for_good = is_for_good


class Backend:
    """Thread-safe. `launch` makes what a bridge is started with."""

    def __init__(self, host: BridgeHost, launch: Callable[[], Launch], on_places: OnPlaces | None = None) -> None:
        self._launch = launch
        self._hosting = Hosting(host, on_places)
        self._starting = threading.Lock()
        self._running: Running | None = None
        self._has_ended = False
        self._failed: tuple[float, NotThere] | None = None

    def running(self, place: Place) -> Running:
        """The server for this place, started where there is none. Raises NotThere."""
        running = self._alive(place)
        if running is not None:
            return running
        if not self._starting.acquire(timeout=PATIENCE):
            raise NotThere(False, "the server is still starting")
        try:
            return self._alive(place) or self._start(place)
        finally:
            self._starting.release()

    def give_up(self, running: Running) -> None:
        """It did not answer in time: the next request starts another."""
        with self._starting:
            if self._running is running:
                self._running = None
                threading.Thread(target=self._hosting.stop, name="end-silent-server", daemon=True).start()

    def stop(self) -> None:
        """Ends the server for good, after it has finished what it has answered for."""
        with self._starting:
            self._has_ended = True
            self._running = None
            self._hosting.stop()

    def _alive(self, place: Place) -> Running | None:
        running = self._running
        # Nobody else can take the port of a process that lives.
        is_there = running is not None and running.place == place and self._hosting.status["running"]
        return running if is_there else None

    def _start(self, place: Place) -> Running:
        if self._has_ended:
            raise NotThere(False, "the plugin has ended")
        if self._failed is not None and time.monotonic() - self._failed[0] < FAILED_FOR:
            raise self._failed[1]
        secret = secrets.token_hex(32)
        # Within the other's, so that whoever takes the documents of servers away takes these too.
        data = os.path.join(data_folder(), "content_server") if place.vouches else data_folder()
        try:
            status = self._hosting.stand_behind(
                self._launch(), {"secret": secret, "base_path": place.base_path, "vouches": place.vouches}, data
            )
        except Exception as error:
            failed = NotThere(isinstance(error, RuntimeMissing), repr(error))
            self._failed = (time.monotonic(), failed)
            raise failed from error
        port = status["port"]
        if port is None:
            raise NotThere(False, "the server ended at once")
        self._failed = None
        self._running = Running(place, port, secret)
        return self._running
