"""Reads KOReader's statistics through a real bridge, which the test's environment names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from calibre_plugins.koreader_progress.devices.statistics import StatisticsReader
from calibre_plugins.koreader_progress.link.client import BridgeClient
from calibre_plugins.koreader_progress.link.host import cache_folder


@contextmanager
def open_bridge() -> Iterator[BridgeClient]:
    with BridgeClient([os.environ["TEST_NODE"], os.environ["TEST_BRIDGE"]], os.environ) as bridge:
        bridge.hello("test", None)
        yield bridge


def statistics_reader() -> StatisticsReader:
    """For `collect`."""
    return StatisticsReader(open_bridge, str(cache_folder() / "statistics"))
