"""The bridge as a process: found, started with the rights it needs, and ended whatever it is doing."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

from calibre_plugins.koreader_progress.link.client import BridgeClient, BridgeDied, BridgeNotStarted
from calibre_plugins.koreader_progress.words.explain import explain
from calibre_plugins.koreader_progress.link.ask_version import Runtime
from calibre_plugins.koreader_progress.link.candidates import candidates
from calibre_plugins.koreader_progress.link.runtime import command


class BridgeProcess(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(dir=os.environ["TEST_FOLDER"]))

    @unittest.skipIf(sys.platform == "win32", "sleep is no program of its own there")
    def test_a_bridge_that_reads_nothing_does_not_keep_calibre_from_closing(self) -> None:
        bridge = BridgeClient(["sleep", "600"], os.environ)
        ended: list[BaseException] = []

        def ask() -> None:
            try:
                # More than any pipe holds.
                bridge.request("sync/books", {"books": "x" * 4_000_000})
            except BridgeDied as error:
                ended.append(error)

        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        while not bridge._writing.locked():
            asking.join(0.01)
        stopping = threading.Thread(target=bridge.stop, daemon=True)
        stopping.start()
        stopping.join(20)
        stopped = not stopping.is_alive()
        bridge._process.kill()
        asking.join(20)
        self.assertTrue(stopped)
        self.assertEqual(len(ended), 1)
        self.assertIsNotNone(bridge._process.poll())

    @unittest.skipIf(sys.platform == "win32", "a shell's script")
    def test_several_bridges_are_ended_at_once(self) -> None:
        from calibre.customize.ui import find_plugin
        from calibre.gui2 import sanitize_env_vars
        from calibre_plugins.koreader_progress.link.host import BridgeHost

        # Each of them leaves when all have been asked to leave: one after the other, each would have to be ended.
        script = 'cat > /dev/null; touch "$0/$$"; while [ "$(ls "$0" | wc -l)" -lt 3 ]; do sleep 0.02; done'
        host = BridgeHost(find_plugin("KOReader Progress").plugin_path, "0", sanitize_env_vars)
        bridges = [BridgeClient(["sh", "-c", script, str(self.folder)], os.environ) for _number in range(3)]
        for bridge in bridges:
            host.add(bridge)
        host.stop_all(time.monotonic() + 2)
        self.assertEqual([bridge._process.poll() for bridge in bridges], [0, 0, 0])

    @unittest.skipIf(sys.platform == "win32", "no process can be stopped there")
    def test_a_stopped_bridge_does_not_keep_calibre_from_closing(self) -> None:
        from calibre.customize.ui import find_plugin
        from calibre.gui2 import sanitize_env_vars
        from calibre_plugins.koreader_progress.link.host import BridgeHost

        host = BridgeHost(find_plugin("KOReader Progress").plugin_path, "0", sanitize_env_vars)
        bridge = BridgeClient(["sleep", "600"], os.environ)
        host.add(bridge)
        ended: list[BaseException] = []

        def ask() -> None:
            try:
                bridge.request("sync/planPull", {})
            except BridgeDied as error:
                ended.append(error)

        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        os.kill(bridge.pid, signal.SIGSTOP)
        host.stop_all(time.monotonic())
        # Whoever waits for its answer goes on; without a kill it would never come.
        asking.join(20)
        self.assertEqual(len(ended), 1)
        self.assertEqual(bridge._process.wait(20), -signal.SIGKILL)

    def test_a_program_that_is_gone_is_named_in_a_sentence(self) -> None:
        gone = str(self.folder / "node")
        with self.assertRaises(BridgeNotStarted) as caught:
            BridgeClient([gone, "main.mjs"], os.environ)
        told = explain(caught.exception)
        assert told is not None
        self.assertIn(gone, told.sentence)
        self.assertEqual(told.tab, "runtime")
        self.assertTrue(told.details)

    def test_a_library_with_a_comma_in_its_path_can_be_read_under_deno(self) -> None:
        books = self.folder / "Books, old"
        books.mkdir()
        line = command(
            Runtime("/deno", "deno", (2, 5, 0)), "/b/main.mjs", hosts=[], read=[str(books)], write=[str(books)]
        )
        escaped = os.path.realpath(books).replace(", old", ",, old")
        self.assertIn(escaped, next(word for word in line if word.startswith("--allow-read=")))
        self.assertEqual([word for word in line if word.startswith("--allow-write=")], [f"--allow-write={escaped}"])

    @unittest.skipIf(sys.platform == "win32", "no links without rights")
    def test_both_runtimes_of_a_version_manager_are_tried_although_one_program_is_behind_them(self) -> None:
        manager = self.folder / "manager"
        manager.write_text("#!/bin/sh\n")
        manager.chmod(0o755)
        for name in ("node", "deno"):
            (self.folder / name).symlink_to(manager)
        found = list(candidates({"PATH": str(self.folder)}))
        self.assertIn(str(self.folder / "node"), found)
        self.assertIn(str(self.folder / "deno"), found)


if __name__ == "__main__":
    sys.exit("run me through run_tests.py")
