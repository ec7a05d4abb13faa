"""calibre is killed at a step of a sync, and started again: the next calibre undoes what was written, syncs, or does both.

`KILL_AT` is the step at which it ends, counted before and after each line of the journal, each cell and all that is
remembered; `FOLLOWED_BY` is `undo`, `sync` or `both`, done by the calibre that comes after it.
"""

from __future__ import annotations

import os
import signal
import threading
import unittest
from typing import Any

from calibre_gui import gui
from kosync import KosyncServer
from steps import USER, action, api, configure, digest_of, wait_for_run

PORT = 18765


def kill_at(step: int) -> None:
    """From now on steps are counted, and at this one calibre is gone."""
    from calibre_plugins.koreader_progress.library import books
    from calibre_plugins.koreader_progress.memory import book_memory, journal_writer

    left = step
    counting = threading.Lock()

    def count() -> None:
        nonlocal left
        with counting:
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1

    def stepping(module: Any, name: str) -> None:
        real = getattr(module, name)

        def stepped(*args: Any, **more: Any) -> Any:
            count()
            done = real(*args, **more)
            count()
            return done

        setattr(module, name, stepped)

    books.CELLS_PER_SLICE = 4
    stepping(journal_writer.RunWriter, "_append")
    stepping(books, "_write_column")
    stepping(book_memory, "keep")


class KilledRun(unittest.TestCase):
    server: KosyncServer

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = KosyncServer(PORT, os.environ["SERVER_DATA"])

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.stop()

    def percents(self) -> set[Any]:
        return {api().field_for("#percent", book_id) for book_id in api().all_book_ids()}

    def test_a_run_is_killed_or_followed(self) -> None:
        if "KILL_AT" in os.environ:
            self.be_killed(int(os.environ["KILL_AT"]))
        else:
            self.follow(os.environ["FOLLOWED_BY"])
            self.assertEqual(gui.errors, [])

    def be_killed(self, step: int) -> None:
        self.server.register(*USER)
        for book_id in api().all_book_ids():
            self.server.push(USER, digest_of(book_id), 0.42)
        configure(self.server, review="never")
        kill_at(step)
        gui.post(action().sync_all)
        wait_for_run()
        self.fail("the run came to its end before this step")

    def follow(self, how: str) -> None:
        written = self.percents() != {None}
        if how in ("undo", "both") and written:
            # Offered as soon as the library is open and what the crash left is in order.
            gui.wait(lambda: action().undoing.pull is not None, "the offer to undo")
            gui.post(action().undoing.undo_pull)
            gui.wait(lambda: self.percents() == {None}, "the undo")
            wait_for_run()
            gui.wait(lambda: action().undoing.pull is None, "nothing more to undo")
        if how in ("sync", "both"):
            gui.post(action().sync_all)
            gui.wait(lambda: action().runs.last is not None, "the sync")
            wait_for_run()
            self.assertEqual(self.percents(), {None} if how == "both" and written else {42})


if __name__ == "__main__":
    raise SystemExit("run me through run_in_gui.py")
