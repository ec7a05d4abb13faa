"""Many books: the window goes on answering while they are read, asked about, reviewed, written and undone."""

from __future__ import annotations

import json
import os
import subprocess
import time
import unittest

from calibre_gui import click, gui
from kosync import KosyncServer
from qt.core import QTimer
from steps import USER, action, api, configure, tidy_up

# Milliseconds. How short every stall is, `bench/window.bench.ts` measures; a test only knows a window that froze.
FROZEN = 3000
BOOKS = int(os.environ["BOOKS"])
PATIENCE = 180


def note(figures: dict[str, object]) -> None:
    """Tells the bench, if that is who runs this."""
    if "STALLS" in os.environ:
        with open(os.environ["STALLS"], "a", encoding="utf-8") as out:
            print(json.dumps(figures), file=out)


class Machine:
    """A process that only sleeps and wakes: how late it wakes is how busy everything else keeps the machine."""

    SCRIPT = """
        let last = performance.now(), worst = 0;
        const beat = () => { const now = performance.now(); worst = Math.max(worst, now - last); last = now; };
        setInterval(beat, 5);
        process.stdin.on("data", () => { beat(); console.log(worst); worst = 0; });
        process.stdin.on("end", () => process.exit());
    """

    def __init__(self) -> None:
        line = [os.environ["TEST_NODE"], "-e", self.SCRIPT]
        self._process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def longest_stall(self) -> float:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write("?\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def stop(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process.wait(10)


class LargeLibrary(unittest.TestCase):
    server: KosyncServer
    machine: Machine
    scrolling: QTimer

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = KosyncServer()
        cls.server.register(*USER)
        cls.machine = Machine()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.stop()
        cls.machine.stop()

    def tearDown(self) -> None:
        tidy_up()

    def reset(self) -> None:
        gui.longest_stall()
        self.machine.longest_stall()

    def assert_alive(self, what: str) -> None:
        """Notes the longest stall since this was last asked, beside what an idle process had to bear meanwhile."""
        felt, elsewhere = gui.longest_stall(), self.machine.longest_stall()
        print(
            f"{what}: longest stall {felt.lasted:.0f} ms ({felt.worked:.0f} ms of work), "
            f"of an idle process beside it {elsewhere:.0f} ms"
        )
        note({"phase": what, "window_ms": felt.lasted, "worked_ms": felt.worked, "machine_ms": elsewhere})
        self.assertLess(felt.lasted - elsewhere, FROZEN, what)

    def scroll(self, on: bool) -> None:
        """Somebody leafs through the library, or has stopped doing so."""
        bar = gui.main.library_view.verticalScrollBar()

        def leaf() -> None:
            bar.setValue((bar.value() + 17) % bar.maximum())

        def start() -> QTimer:
            timer = QTimer(gui)
            timer.timeout.connect(leaf)
            timer.start(40)
            return timer

        if on:
            LargeLibrary.scrolling = gui(start)
        else:
            gui(self.scrolling.stop)

    def link_every_book(self) -> None:
        """Each book has a digest of its own, and each tenth a record on the server."""
        from calibre_plugins.koreader_progress.memory.history import add_digests, known_digest

        ids = sorted(api().all_book_ids())
        found = {book_id: [known_digest(f"{book_id:032x}", "sent", 1.0)] for book_id in ids}
        add_digests(api(), found, log=False)
        for book_id in ids[::10]:
            self.server.push(USER, f"{book_id:032x}", 0.5)

    def test_1_asking_about_all_of_them_never_holds_the_window_up(self) -> None:
        self.assertEqual(len(api().all_book_ids()), BOOKS)
        self.link_every_book()
        configure(self.server, review="never", ran_before=False)
        self.scroll(on=True)
        time.sleep(1)
        self.reset()
        time.sleep(2)
        self.assert_alive("leafing through the library while nothing else happens")
        gui.post(action().sync_all)
        gui.wait(lambda: action().runs.current is not None, "the run")
        gui.wait(lambda: action().runs.current.pulled is not None, "the plan", PATIENCE)
        self.assert_alive("asking about all books")
        gui.wait(lambda: action().runs.review is not None, "the review", PATIENCE)
        self.assert_alive("opening the review")

    def test_2_writing_a_tenth_of_them_never_holds_the_window_up(self) -> None:
        configure(self.server, review="never")
        gui.post(action().sync_all)
        gui.wait(lambda: action().runs.is_writing, "the writing", PATIENCE)
        self.reset()
        gui.wait(lambda: not action().runs.is_busy, "the end", PATIENCE)
        # calibre's list is still taking in what was written.
        time.sleep(1)
        self.assert_alive("writing")
        ids = sorted(api().all_book_ids())
        self.assertEqual({api().field_for("#percent", book_id) for book_id in ids[::10]}, {50})
        self.assertIsNone(api().field_for("#percent", ids[1]))

    def test_3_the_report_filters_without_holding_the_window_up(self) -> None:
        self.reset()
        gui.post(action().runs.show_last_report)
        report = gui.window("koreader_progress_result")
        self.assert_alive("opening the report")
        gui(lambda: report.search.setText("Book 99"))
        self.assert_alive("filtering it")

    def test_4_undoing_it_never_holds_the_window_up(self) -> None:
        self.reset()
        gui.wait(lambda: action().undoing.pull is not None, "the journal")
        self.reset()
        gui.post(action().undoing.undo_pull)
        gui.wait(lambda: action().runs.undos.job is not None, "the undo")
        gui.wait(lambda: not action().runs.is_busy, "the end", PATIENCE)
        time.sleep(1)
        self.assert_alive("undoing")
        self.scroll(on=False)
        ids = sorted(api().all_book_ids())
        self.assertEqual({api().field_for("#percent", book_id) for book_id in ids[::10]}, {None})

    def test_5_stop_ends_a_run_in_each_of_its_phases(self) -> None:
        cells = {book_id: api().field_for("#percent", book_id) for book_id in api().all_book_ids()}
        for phase, share in (("it begins", 0.0), ("the books are read", 0.03), ("the server is asked", 0.4)):
            gui.post(action().sync_all)
            window = gui.window("koreader_progress_window")
            gui.wait(lambda: action().runs.current is not None and action().runs.current.job is not None, "the job")
            job = action().runs.current.job
            gui.wait(lambda job=job, share=share: job.percent >= share or job.is_finished, phase, PATIENCE)
            self.assertFalse(job.is_finished, f"the run had ended when {phase}")
            self.machine.longest_stall()
            began = time.monotonic()
            gui(lambda window=window: click(window.stop_button))
            gui.wait(lambda: not action().runs.is_busy, "the end")
            took = 1000 * (time.monotonic() - began)
            print(f"stopped when {phase}: after {took:.0f} ms")
            note({"stopped": phase, "took_ms": took, "machine_ms": self.machine.longest_stall()})
            self.assertIn("nothing was written", gui(lambda: action().runs.said))
            gui.wait(lambda: not action().host.shared.is_held, "the end of the bridge's work")
            tidy_up()
        self.assertEqual({book_id: api().field_for("#percent", book_id) for book_id in cells}, cells)

    def test_6_nothing_went_wrong_unseen(self) -> None:
        self.assertEqual(gui.errors, [])
