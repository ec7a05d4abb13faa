"""One bridge for all jobs: shared, exchanged when it may not do what is wanted, replaced when it dies, and ended."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import unittest
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from calibre_plugins.koreader_progress.link.client import BridgeDied, SyncError
from calibre_plugins.koreader_progress.link.host import BridgeHost
from calibre_plugins.koreader_progress.link.shared import SharedBridge
from calibre_plugins.koreader_progress.sync import pull
from calibre_plugins.koreader_progress.sync.being_read import books_being_read
from with_server import ABORT, USER, WithServer, unheard

sys.path.append(str(Path(__file__).resolve().parent.parent.parent / "gui"))
from kosync import Gate

# Long enough for a machine that is busy with other things.
PATIENCE = 60.0
NO_SUCH = {"paths": ["/no/such/book.epub"]}


def beside(work: Callable[[], Any]) -> Future[Any]:
    """The work in a thread of its own."""
    done: Future[Any] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return done


def wait_for(answer: Callable[[], Any], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not answer():
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.01)


class SharedBridges(WithServer):
    def setUp(self) -> None:
        super().setUp()
        self.host = self.new_host()
        self.launch = self.host.prepare(os.environ["TEST_NODE"])
        self.library = str(self.api.backend.library_path)

    def new_host(self) -> BridgeHost:
        from calibre.customize.ui import find_plugin
        from calibre.gui2 import sanitize_env_vars

        host = BridgeHost(find_plugin("KOReader Progress").plugin_path, "0", sanitize_env_vars)
        self.addCleanup(lambda: host.stop_all(time.monotonic() + 2))
        return host

    def gate(self) -> Gate:
        """A door before the server, which the account goes through from now on."""
        gate = Gate(self.server)
        self.addCleanup(gate.close)
        self.account = {**self.account, "url": gate.url}
        return gate

    def ask(self, method: str = "account/authorize", abort: threading.Event | None = None, **more: Any) -> Any:
        with self.launch.open(self.account) as bridge:
            return bridge.request(method, {"account": self.account, **more}, abort=abort)

    def pid(self) -> int:
        """Of the one bridge that runs."""
        wait_for(lambda: len(self.host.pids) == 1, "the end of all bridges but one")
        return self.host.pids[0]

    def kill(self) -> None:
        os.kill(self.pid(), signal.SIGKILL)

    def test_what_the_jobs_of_a_click_ask_is_asked_of_one_bridge(self) -> None:
        pids = set()
        # A pull, the delivery to calibre's viewer, the offer to newer copies, the next pull, and a window with a chart.
        for account, read in ((True, True), (False, True), (True, False), (True, True), (False, False)):
            with self.launch.open(self.account if account else None, [self.library] if read else []) as bridge:
                bridge.request("digest/compute", NO_SUCH)
                pids.update(self.host.pids)
        self.assertEqual(len(pids), 1)
        self.assertEqual(set(self.host.pids), pids)

    def test_two_that_come_at_once_start_one_bridge(self) -> None:
        asked = [beside(self.ask) for _number in range(4)]
        for each in asked:
            self.assertEqual(each.result(PATIENCE)["username"], USER[0])
        self.assertEqual(len(self.host.pids), 1)

    def test_another_library_account_or_runtime_gets_another_bridge(self) -> None:
        other = os.path.join(os.environ["TEST_FOLDER"], "other")
        link = os.path.join(os.environ["TEST_FOLDER"], "node-by-another-name")
        os.makedirs(other, exist_ok=True)
        if not os.path.exists(link):
            os.symlink(os.environ["TEST_NODE"], link)
        elsewhere = self.host.prepare(link)
        elsewhere_account = {**self.account, "url": self.account["url"].replace("127.0.0.1", "localhost")}
        pids = []
        for launch, account, read in (
            (self.launch, self.account, self.library),
            (self.launch, self.account, other),
            (self.launch, elsewhere_account, other),
            (elsewhere, elsewhere_account, other),
        ):
            with launch.open(account, [read]) as bridge:
                bridge.request("digest/compute", NO_SUCH)
            pids.append(self.pid())
        self.assertEqual(len(set(pids)), len(pids))

    def test_a_request_under_way_is_answered_although_another_library_was_opened(self) -> None:
        gate = self.gate()
        first = beside(self.ask)
        wait_for(lambda: gate.asked, "the first question")
        before = self.pid()
        self.host.shared.retire()
        with self.launch.open() as bridge:
            bridge.request("digest/compute", NO_SUCH)
            self.assertEqual(len(self.host.pids), 2)
        gate.open()
        self.assertEqual(first.result(PATIENCE)["username"], USER[0])
        self.assertNotEqual(self.pid(), before)

    def test_a_library_that_is_left_leaves_no_bridge_behind(self) -> None:
        self.ask()
        self.assertEqual(len(self.host.pids), 1)
        self.host.shared.retire()
        wait_for(lambda: not self.host.pids, "the end of the bridge")

    def test_of_two_jobs_at_once_one_is_cancelled_and_the_other_is_answered(self) -> None:
        gate = self.gate()
        stop = threading.Event()
        stopped, goes_on = beside(lambda: self.ask(abort=stop)), beside(self.ask)
        wait_for(lambda: gate.asked >= 2, "both questions")
        pid = self.pid()
        stop.set()
        with self.assertRaises(SyncError) as caught:
            stopped.result(PATIENCE)
        self.assertEqual(caught.exception.name, "Cancelled")
        self.assertFalse(goes_on.done())
        gate.open()
        self.assertEqual(goes_on.result(PATIENCE)["username"], USER[0])
        self.assertEqual(self.pid(), pid)

    def test_all_who_wait_for_a_bridge_that_is_killed_are_answered_by_one_other(self) -> None:
        gate = self.gate()
        asked = [beside(self.ask) for _number in range(3)]
        wait_for(lambda: gate.asked >= 3, "all questions")
        self.kill()
        wait_for(lambda: gate.asked >= 6, "the same questions once more")
        gate.open()
        for each in asked:
            self.assertEqual(each.result(PATIENCE)["username"], USER[0])
        self.pid()

    def test_what_was_repeated_once_is_not_repeated_again(self) -> None:
        gate = self.gate()
        asked = beside(self.ask)
        for times in (1, 2):
            wait_for(lambda times=times: gate.asked >= times, "the question")
            self.kill()
        with self.assertRaises(BridgeDied):
            asked.result(PATIENCE)
        self.assertEqual(gate.asked, 2)

    def test_what_writes_on_a_server_is_never_repeated(self) -> None:
        gate = self.gate()
        why = {"code": "first_run", "data": {}}
        place = {"document": self.document, "progress": "1", "percentage": 0.5}
        puts = [{"book_id": self.book, **place, "before": None, "why": why}]
        for method, more in (("account/register", {}), ("sync/push", {"library_id": "l", "puts": puts})):
            with self.subTest(method):
                before = gate.asked
                asked = beside(lambda method=method, more=more: self.ask(method, **more))
                wait_for(lambda before=before: gate.asked > before, "the question")
                self.kill()
                with self.assertRaises(BridgeDied):
                    asked.result(PATIENCE)
                self.assertEqual(gate.asked, before + 1)
        wait_for(lambda: not self.host.pids, "the end of what was killed")

    def test_a_sync_whose_bridge_is_killed_plans_all_its_books(self) -> None:
        self.server.push(USER, self.document, 0.42)
        profile = self.profile("p", "percent", "status")
        gate = self.gate()

        def sync() -> pull.Pulled:
            with self.launch.open(self.account, [self.library]) as bridge:
                options = pull.PullOptions("usual")
                return pull.prepare(self.api, [self.book], self.account, profile, bridge, options, ABORT, unheard)

        planned = beside(sync)
        wait_for(lambda: gate.asked, "the first question")
        self.kill()
        gate.open()
        plan = planned.result(PATIENCE).plan
        self.assertIn(("#pct", 42), [(update["column"], update["after"]) for update in plan["updates"]])
        self.assertEqual([base["book_id"] for base in plan["bases"]], [self.book])

    def test_books_that_are_being_read_are_told_after_a_bridge_that_died_between_two_requests(self) -> None:
        self.api.set_field("#pct", {self.book: 40})
        profile = self.profile("p", "percent", "status")
        with self.launch.open(self.account, [self.library]) as bridge:
            bridge.request("digest/compute", NO_SUCH)
            self.kill()
            found = books_being_read(self.api, [self.book], self.account["id"], profile, bridge, ABORT)
        self.assertEqual(found, [self.book])

    def test_a_stopped_sync_leaves_no_books_in_the_bridge(self) -> None:
        stop = threading.Event()
        profile = self.profile("p", "percent")
        asked: list[tuple[str, Any]] = []
        with self.launch.open(self.account, [self.library]) as bridge:
            running = bridge._client
            request = running.request

            def heard(method: str, params: Any, **how: Any) -> Any:
                asked.append((method, params))
                answer = request(method, params, **how)
                if method == "sync/books":
                    stop.set()
                return answer

            running.request = heard  # type: ignore[method-assign]
            with self.assertRaises(SyncError):
                books_being_read(self.api, [self.book], self.account["id"], profile, bridge, stop)
            self.assertEqual(asked[-1][0], "sync/end")
            with self.assertRaises(SyncError):
                # Nothing is known of the run any more, and no plan of no books is made of it.
                request("sync/beingRead", {"run": asked[-1][1]["run"], "profile": profile})

    def test_a_bridge_without_work_ends_by_itself_and_the_next_work_starts_another(self) -> None:
        self.host.shared = SharedBridge(self.host.end, idle_time=0.05)
        self.ask()
        wait_for(lambda: not self.host.pids, "the end of the idle bridge")
        self.ask()
        wait_for(lambda: not self.host.pids, "the end of the next one")

    def test_a_bridge_at_work_does_not_count_as_idle(self) -> None:
        self.host.shared = SharedBridge(self.host.end, idle_time=0.05)
        self.ask()
        gate = self.gate()
        asked = beside(self.ask)
        wait_for(lambda: gate.asked, "the question")
        pid = self.pid()
        time.sleep(0.2)
        self.assertEqual(self.pid(), pid)
        gate.open()
        self.assertEqual(asked.result(PATIENCE)["username"], USER[0])

    @unittest.skipIf(sys.platform == "win32", "no process can be stopped there")
    def test_a_bridge_that_hears_nothing_is_not_given_to_the_next(self) -> None:
        gate = self.gate()
        stop = threading.Event()
        asked = beside(lambda: self.ask(abort=stop))
        wait_for(lambda: gate.asked, "the question")
        pid = self.pid()
        os.kill(pid, signal.SIGSTOP)
        stop.set()
        gate.open()
        with self.assertRaises(SyncError):
            asked.result(PATIENCE)
        self.assertEqual(self.ask()["username"], USER[0])
        self.assertNotEqual(self.pid(), pid)

    def test_when_calibre_closes_nothing_is_left_and_nothing_starts(self) -> None:
        gate = self.gate()
        asked = beside(self.ask)
        wait_for(lambda: gate.asked, "the question")
        # Neither the question that waits nor one that comes late starts another.
        self.host.stop_all(time.monotonic() + 0.2)
        with self.assertRaises((BridgeDied, SyncError)):
            asked.result(PATIENCE)
        with self.assertRaises(BridgeDied):
            self.ask()
        self.assertEqual(gate.asked, 1)
        wait_for(lambda: not self.host.pids, "the end of every bridge")

    def test_a_trial_starts_a_bridge_of_its_own_and_ends_it(self) -> None:
        self.ask()
        pid = self.pid()
        self.launch.try_out()
        self.assertEqual(self.host.pids, [pid])

    def test_the_log_of_a_job_is_its_own(self) -> None:
        with self.launch.open() as bridge:
            bridge._client._note("of the first job")
            self.assertEqual(bridge.log, "of the first job")
        with self.launch.open() as bridge:
            self.assertEqual(bridge.log, "")
            bridge._client._note("of the second")
            self.assertEqual(bridge.log, "of the second")


if __name__ == "__main__":
    sys.exit("run me through run_tests.py")
