"""A sync server of one's own: it runs in a bridge of its own for as long as calibre runs."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypedDict, cast
from urllib.parse import urlsplit

from ..link.client import BridgeClient, OnPlaces, OnVisit
from ..link.host import BridgeHost, Launch
from ..link.contract import ArrivedPlace, Behind, HostingOptions, HostingStatus, Visit
from ..copies.strip_list import our_folder

NOT_RUNNING: Final[HostingStatus] = {"running": False, "port": None, "urls": []}
HERE: Final = "127.0.0.1"
EVERYWHERE: Final = "0.0.0.0"
# Seconds within which a server has opened its database and listens.
START_TIMEOUT: Final = 60.0


class HostingSettings(TypedDict):
    """What the preferences keep of it, on this machine."""

    enabled: bool
    host: str
    port: int
    registration: bool


DEFAULTS: Final[HostingSettings] = {"enabled": False, "host": EVERYWHERE, "port": 8081, "registration": False}


def hosting_settings(stored: Mapping[str, object] | None) -> HostingSettings:
    """The settings as they are kept, filled up with what newer versions added; None is a machine that has none yet."""
    return cast(HostingSettings, {**DEFAULTS, **(stored or {})})


def reachable(urls: Sequence[str]) -> list[str]:
    """Of a server's addresses those that a reader can use: this computer's own name for itself is none."""
    return [url for url in urls if urlsplit(url).hostname not in (HERE, "localhost", "::1")]


def data_folder() -> str:
    """Where the server's database lies: on this machine, private to its owner, in no library."""
    return os.path.join(our_folder(), "server")


@dataclass(frozen=True)
class Watching:
    """Who waits for a reader; both are called in a thread of the bridge's."""

    on_visit: OnVisit
    on_places: OnPlaces


class Hosting:
    """One server in a bridge of its own. Everything but `status` waits for the bridge: never on the GUI thread.

    `on_places` is told, in a thread of the bridge's, of places that have arrived.
    """

    def __init__(self, host: BridgeHost, on_places: OnPlaces | None = None) -> None:
        self._host = host
        self._on_places = on_places
        # Told of the same, and of each who asks, for as long as somebody waits for a reader's first request.
        self.watching: Watching | None = None
        self._bridge: BridgeClient | None = None
        self._lock = threading.Lock()
        self._status: HostingStatus = NOT_RUNNING

    @property
    def status(self) -> HostingStatus:
        """What runs now: a bridge that died takes its server with it, whatever was said when it started."""
        bridge = self._bridge
        return NOT_RUNNING if bridge is None or bridge.has_ended else self._status

    def apply(self, launch: Launch, settings: HostingSettings) -> HostingStatus:
        """Runs, runs differently or stops, as the settings say. Raises SyncError `PortTaken` and what `Launch.begin` does."""
        options: HostingOptions = {
            "host": settings["host"],
            "port": settings["port"],
            "data": data_folder(),
            "registration": "open" if settings["registration"] else "closed",
            "behind": None,
        }
        with self._lock:
            self._end()
            return self._start(launch, options) if settings["enabled"] else self.status

    def stand_behind(self, launch: Launch, behind: Behind, data: str) -> HostingStatus:
        """Runs for another server on this machine, on a port that nobody needs to know. Raises as `apply` does."""
        options: HostingOptions = {"host": HERE, "port": 0, "data": data, "registration": "closed", "behind": behind}
        with self._lock:
            self._end()
            return self._start(launch, options)

    def _start(self, launch: Launch, options: HostingOptions) -> HostingStatus:
        bridge = self._begin(launch, options["host"], options["data"])
        bridge.on_places = self._arrived
        bridge.on_visit = self._visited
        try:
            self._status = bridge.request("server/start", options, timeout=START_TIMEOUT)
            self._bridge = bridge
        except BaseException:
            self._host.end(bridge)
            raise
        return self.status

    def _arrived(self, places: list[ArrivedPlace]) -> None:
        for told in (self._on_places, self.watching.on_places if self.watching is not None else None):
            if told is not None:
                told(places)

    def _visited(self, visit: Visit) -> None:
        watching = self.watching
        if watching is not None:
            watching.on_visit(visit)

    def change_users(self, launch: Launch, action: str, username: str = "", userkey: str = "") -> list[str]:
        """Does one thing to the users (`list`, `add`, `password`, `delete`) and lists them. Works with a server or without."""
        change: dict[str, Any] = {"action": action, "data": data_folder()}
        if action != "list":
            change["username"] = username
        if action in ("add", "password"):
            change["userkey"] = userkey
        with self._lock:
            if self._bridge is not None and self._bridge.has_ended:
                self._end()
            bridge = self._bridge or self._begin(launch, HERE, data_folder())
            try:
                return bridge.request("server/users", change)["users"]
            finally:
                if bridge is not self._bridge:
                    self._host.end(bridge)

    def stop(self) -> None:
        """Ends the server, after it has finished what it has answered for."""
        with self._lock:
            self._end()

    def _begin(self, launch: Launch, host: str, data: str) -> BridgeClient:
        os.makedirs(data, mode=0o700, exist_ok=True)
        return launch.begin(hosts=[host, HERE], write=[data])

    def _end(self) -> None:
        bridge, self._bridge = self._bridge, None
        if bridge is not None:
            self._host.end(bridge)
