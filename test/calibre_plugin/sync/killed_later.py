"""calibre is killed at each step of an undo, of a push and of a push's undo, and what follows is right."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from calibre_plugins.koreader_progress.memory.history import add_digests, known_digest
from calibre_plugins.koreader_progress.sync import pull, push_undo, repair, undo
from killing import Killed
from libraries import add_book, open_library
from with_server import ABORT, USER, unheard

# Every test run kills at some steps; with EVERY_STEP in the environment at each of them, before and after.
STEPS = range(200) if "EVERY_STEP" in os.environ else (1, 3, 6)


class KilledLater(Killed):
    # Does what it is told; asking the server to store something is a step as well.
    CHILD = """
    unheard, abort = lambda *_: None, threading.Event()
    books.CELLS_PER_SLICE = 2
    journal = pull.journal_of(api)
    bridge = BridgeClient([os.environ["TEST_NODE"], os.environ["TEST_BRIDGE"]], os.environ)
    bridge.hello("test", None)
    if told["what"] == "push":
        prepared = push.prepare(api, told["books"], account, profile, bridge, abort, unheard, typed=True)
        assert prepared.plan["puts"], prepared.plan
    stepping_of_what_is_kept()
    stepping(BridgeClient, "request")
    if told["what"] == "push":
        push.apply(api, prepared, account, profile, bridge, abort, unheard)
    elif told["what"] == "undo a push":
        push_undo.undo_push(api, journal, undo.last_push(journal), account, bridge, abort, unheard)
    else:
        undo.undo_run(api, journal, undo.last_pull(journal))
    bridge.stop()
    """

    def setUp(self) -> None:
        super().setUp()
        self.shown = self.profile("one", "percent", "device")

    def plan(self) -> pull.Pulled:
        pulled = super().plan()
        self.assertEqual(pulled.plan["conflicts"], [])
        return pulled

    def kill_at_each_step(self, what: str, document: Any, follows: list[Callable[[], None]]) -> None:
        """`document` is what stands on the server before each kill; each of `follows` is tried on what it left."""
        self.db.close()
        before = self.keep()
        kills = 0
        for step in STEPS:
            with self.subTest(what=what, step=step):
                self.put(before)
                self.serve(document)
                was_killed = self.killed_at(step, what=what, books=[self.book])
                left = self.keep()
                there = self.stands()
                for follow in follows:
                    self.put(left)
                    self.serve(there)
                    self.db = open_library(self.library)
                    self.api = self.db.new_api
                    repair.repair(self.api, pull.journal_of(self.api))
                    try:
                        follow()
                    finally:
                        self.db.close()
                if not was_killed:
                    break
                kills += 1
        # A test that kills nothing would show nothing.
        self.assertGreaterEqual(kills, min(len(STEPS), 8))

    def serve(self, record: dict[str, Any]) -> None:
        """Has the server hold this, and say nothing new where it does."""
        there = self.stands()
        if any(there[key] != record[key] for key in ("progress", "percentage", "device_id")):
            self.server.call("PUT", "/syncs/progress", {key: record[key] for key in self.record(0)}, USER)

    def record(self, percentage: float, device: str = "Kobo") -> dict[str, Any]:
        progress = f"/body/DocFragment[1]/body/p[{int(percentage * 100)}]/text().0"
        sides = {"device": device, "device_id": f"{device}-1"}
        return {"document": self.document, "progress": progress, "percentage": percentage, **sides}

    def test_an_undo_is_ended_by_the_next_and_what_it_put_back_does_not_come_again(self) -> None:
        for number in range(4):
            book = add_book(self.db, title=f"Book {number}")
            add_digests(self.api, {book: [known_digest(f"{book:032x}", "sent", 1.0)]})
            self.server.push(USER, f"{book:032x}", 0.4)
        self.server.call("PUT", "/syncs/progress", self.record(0.4), USER)
        self.assertEqual(len(self.sync_all()), 5)

        def synced() -> None:
            before = self.percents()
            self.assertEqual(self.sync_all(), set())
            self.assertEqual(self.percents(), before)

        def undone_to_its_end() -> None:
            journal = pull.journal_of(self.api)
            run = undo.last_pull(journal)
            if run is not None:
                undone = undo.undo_run(self.api, journal, run)
                self.assertEqual((undone.report.stale, undone.report.failed, undone.left), ([], [], []))
            self.assertEqual(set(self.percents().values()), {None})
            self.assertIsNone(undo.last_pull(journal))
            synced()

        self.kill_at_each_step("undo", self.record(0.4), [synced, undone_to_its_end])

    def pushed_or_not(self) -> None:
        """A push that was killed: it is there or not, can be taken back if it is, and done again if it is not."""
        journal = pull.journal_of(self.api)
        run = undo.last_push(journal)
        there = self.stands()["percentage"]
        if run is None:
            self.assertEqual(there, 0.4)
        else:
            push_undo.undo_push(self.api, journal, run, self.account, self.bridge, ABORT, unheard)
            self.assertEqual(self.stands()["percentage"], 0.4)
            self.assertIsNone(undo.last_push(journal))
        self.assertEqual(self.percents()[self.book], 70)

    def pulled_after(self) -> None:
        """The next sync brings nothing back, and the reader's percentage stays."""
        there = self.stands()["percentage"]
        self.sync_all()
        self.assertEqual(self.percents()[self.book], 70)
        self.assertEqual(self.stands()["percentage"], there)

    def test_a_push_is_whole_or_can_be_taken_back(self) -> None:
        self.server.call("PUT", "/syncs/progress", self.record(0.4), USER)
        self.sync_all()
        self.api.set_field("#pct", {self.book: 70})
        self.kill_at_each_step("push", self.record(0.4), [self.pushed_or_not, self.pulled_after])

    def test_the_undo_of_a_push_can_be_done_again(self) -> None:
        self.server.call("PUT", "/syncs/progress", self.record(0.4), USER)
        self.sync_all()
        self.push(self.shown, 70)
        pushed = {key: value for key, value in self.stands().items() if key != "timestamp"}
        self.kill_at_each_step("undo a push", pushed, [self.pushed_or_not, self.pulled_after])


if __name__ == "__main__":
    raise SystemExit("run me through run_tests.py")
