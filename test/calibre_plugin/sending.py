"""calibre's own sending, without its window."""

from __future__ import annotations

from threading import Thread
from typing import Any

from calibre.gui2.device import DeviceManager


def manager_of(device: Any) -> Any:
    """calibre's device manager with this device connected, without the window that it belongs to."""
    manager = DeviceManager.__new__(DeviceManager)
    Thread.__init__(manager)
    manager.connected_device = device
    return manager
