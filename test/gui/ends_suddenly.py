"""Quits or kills calibre while a run waits for its server; leaves the bridge's process ids behind for whoever looks."""

from __future__ import annotations

import os
import signal
import time
import unittest
from typing import Any

from calibre_gui import gui
from kosync import OddServer
from steps import action, configure


class EndsSuddenly(unittest.TestCase):
    def test_calibre_ends_while_the_server_is_silent(self) -> None:
        slow = OddServer(delay=60)
        configure(slow)
        gui.post(action().sync_all)
        gui.wait(lambda: slow.asked, "the first question")
        pids = gui(lambda: action().host.pids)
        self.assertTrue(pids)
        with open(os.environ["PID_FILE"], "w", encoding="utf-8") as file:
            file.write(" ".join(map(str, pids)))
        if os.environ["HOW"] == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if os.environ["HOW"] == "quit with a stopped bridge":
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            closing = gui.main.shutdown

            def measured(*args: Any) -> Any:
                began = time.monotonic()
                answer = closing(*args)
                print(f"closed in {time.monotonic() - began:.2f} s")
                return answer

            gui.main.shutdown = measured
