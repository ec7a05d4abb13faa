"""What one calibre process offers: made when its content server starts, kept as long as the process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from calibre import constants

from ..link.client import OnPlaces
from ..link.contract import ArrivedPlace
from ..link.host import BridgeHost, Launch
from ..settings.config import Settings
from .backend import Backend


class Service:
    """The server behind, and who is told of places that arrive there."""

    def __init__(self, plugin_path: str, version: str) -> None:
        host = BridgeHost(plugin_path, version, _sanitized())
        # The environment is touched now, before there are threads that use it; nothing is started yet.
        self._launch = host.prepare("")
        self._on_places: list[OnPlaces] = []
        self.backend = Backend(host, self._launch_now, self._tell)

    def listen(self, on_places: OnPlaces) -> None:
        """From now on it is told of places that arrive, in a thread of the bridge's."""
        self._on_places.append(on_places)

    def _launch_now(self) -> Launch:
        return Launch(self._launch.host, self._launch.environment, Settings().get("runtime_path"))

    def _tell(self, places: list[ArrivedPlace]) -> None:
        for on_places in list(self._on_places):
            on_places(places)


_lock = threading.Lock()
_service: Service | None = None
_waiting: list[OnPlaces] = []


def service_of(plugin_path: str, version: str) -> Service:
    """This process's own, made at the first call."""
    global _service
    with _lock:
        if _service is None:
            _service = Service(plugin_path, version)
            for on_places in _waiting:
                _service.listen(on_places)
        return _service


def listen(on_places: OnPlaces) -> None:
    """Tells of places that arrive in this process, whether its content server runs already or not yet."""
    with _lock:
        if _service is None:
            _waiting.append(on_places)
        else:
            _service.listen(on_places)


def stop() -> None:
    """calibre is closing: the server ends after it has finished what it has answered for."""
    service = _service
    if service is not None:
        service.backend.stop()


def _sanitized() -> Callable[[], AbstractContextManager[object]]:
    """calibre's way to the environment that it was started with, where it has one outside of its window."""
    return getattr(constants, "sanitize_env_vars", nullcontext)
