"""calibre is killed at each step of a run, and what follows is right: the undo, the next sync, and both."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

from calibre_plugins.koreader_progress.memory import book_memory
from calibre_plugins.koreader_progress.memory.history import add_digests, known_digest
from calibre_plugins.koreader_progress.sync import pull, repair, undo
from libraries import FOLDER, TOOLS, add_book, new_folder, open_library
from with_server import ABORT, USER, WithServer, unheard

BOOKS = 6
# Every test run kills at some steps; with EVERY_STEP in the environment at each of them, before and after.
STEPS = range(200) if "EVERY_STEP" in os.environ else (0, 3, 7, 8, 13, 19)

# Writes a plan slice by slice, and dies when so many steps were taken: before or after a line of the journal, a cell, or
# what the library remembers.
CHILD = textwrap.dedent(
    """
    import importlib, json, os, signal, sys
    importlib.import_module("calibre.customize.ui")
    from calibre.db.legacy import LibraryDatabase
    from calibre_plugins.koreader_progress.library import books
    from calibre_plugins.koreader_progress.memory import book_memory, journal_writer
    from calibre_plugins.koreader_progress.sync import pull

    told = json.load(open(sys.argv[-1], encoding="utf-8"))
    left = told["step"]

    def step():
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    def stepping(module, name):
        real = getattr(module, name)
        def stepped(*args, **more):
            step()
            done = real(*args, **more)
            step()
            return done
        setattr(module, name, stepped)

    stepping(journal_writer.RunWriter, "_append")
    stepping(books, "_write_column")
    stepping(book_memory, "keep")
    books.CELLS_PER_SLICE = 4
    api = LibraryDatabase(told["library"]).new_api
    pulled = pull.Pulled(told["plan"], told["books"], told["began"])
    accepted = [each for each in told["plan"]["updates"] if each["book_id"] != told["unticked"]]
    with pull.Writing(api, pulled, told["account"], told["profile"], pull.Decisions(accepted)) as writing:
        for some in books.in_slices(writing.wanted):
            writing.write(some)
        writing.finish()
    """
)


class Killed(WithServer):
    def setUp(self) -> None:
        super().setUp()
        self.books = [add_book(self.db, title=f"Book {number}") for number in range(BOOKS)]
        for book_id in self.books:
            add_digests(self.api, {book_id: [known_digest(f"{book_id:032x}", "sent", 1.0)]})
            self.server.push(USER, f"{book_id:032x}", 0.5)
        # The reader wants nothing of the last one.
        self.unticked = self.books[-1]
        self.shown = self.profile("one", "percent", "status")
        self.library = self.db.library_path
        self.script = Path(new_folder("child"), "child.py")
        self.script.write_text(CHILD)

    def plan(self) -> pull.Pulled:
        options = pull.PullOptions(force=True)
        return pull.prepare(self.api, self.books, self.account, self.shown, self.bridge, options, ABORT, unheard)

    def sync_all(self) -> set[int]:
        """A sync with nobody to ask; the books that it wrote."""
        report = pull.apply(self.api, self.plan(), self.account, self.shown).report
        self.assertEqual((report.stale, report.failed), ([], []))
        return {update["book_id"] for update in report.written}

    def percents(self) -> dict[int, Any]:
        return {book_id: self.api.field_for("#pct", book_id) for book_id in self.books}

    def journal_folder(self) -> Path:
        return pull.journal_of(self.api)._folder

    def killed_at(self, step: int, pulled: pull.Pulled) -> bool:
        """Whether the run was killed: after its last step nothing is left to kill."""
        told = Path(FOLDER, "told.json")
        parts = {"step": step, "library": self.library, "books": self.books, "began": pulled.began}
        sides = {"account": self.account, "profile": self.shown, "unticked": self.unticked}
        told.write_text(json.dumps({**parts, **sides, "plan": pulled.plan}))
        debug = os.path.join(TOOLS, "calibre-debug") if TOOLS else "calibre-debug"
        child = subprocess.run(
            [debug, "-e", str(self.script), "--", str(told)], capture_output=True, text=True, timeout=120
        )
        self.assertIn(child.returncode, (0, -9), child.stderr)
        return child.returncode == -9

    def test_undo_and_the_next_sync_are_right_after_a_kill_at_each_step(self) -> None:
        pulled = self.plan()
        folder = self.journal_folder()
        untouched = new_folder("untouched")
        self.db.close()
        shutil.copytree(self.library, untouched, dirs_exist_ok=True)
        kills = 0
        for step in STEPS:
            with self.subTest(step=step):
                self.put(untouched, None, folder)
                was_killed = self.killed_at(step, pulled)
                left, journal = new_folder("left"), new_folder("journal")
                shutil.copytree(self.library, left, dirs_exist_ok=True)
                shutil.copytree(folder, journal, dirs_exist_ok=True) if folder.exists() else None
                for follow in (self.undone, self.synced, self.undone_and_synced):
                    self.put(left, journal, folder)
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
        self.assertGreaterEqual(kills, len(STEPS) if len(STEPS) < 10 else 20)

    def put(self, library: str, journal: str | None, folder: Path) -> None:
        shutil.rmtree(self.library)
        shutil.copytree(library, self.library)
        shutil.rmtree(folder, ignore_errors=True)
        if journal is not None:
            shutil.copytree(journal, folder)

    def undone(self) -> bool:
        """Undoes the run, if it wrote anything; whether it did."""
        journal = pull.journal_of(self.api)
        written = {book_id for book_id, percent in self.percents().items() if percent is not None}
        run = undo.last_pull(journal)
        offered = set() if run is None else {book.id for book in run.books}
        cells = {
            (book, c) for book in self.books for c in ("#pct", "#status") if self.api.field_for(c, book) is not None
        }
        self.assertEqual(offered, {book for book, _column in cells})
        self.assertTrue(written <= offered)
        if run is None:
            return False
        done = undo.undo_run(self.api, journal, run)
        self.assertEqual((done.report.stale, done.report.failed, done.left), ([], [], []))
        self.assertEqual({(each["book_id"], each["column"]) for each in done.report.written}, cells)
        self.assertEqual(set(self.percents().values()), {None})
        # One undo is whole.
        self.assertIsNone(undo.last_pull(journal))
        return True

    def synced(self) -> None:
        was_decided = bool(pull.journal_of(self.api).runs()) and bool(pull.journal_of(self.api).runs()[0].decisions)
        self.sync_all()
        percents = self.percents()
        unticked = percents.pop(self.unticked)
        self.assertEqual(set(percents.values()), {50})
        # What was declined before the kill stays so.
        self.assertEqual(unticked, None if was_decided else 50)
        self.assertEqual(self.sync_all(), set())
        kept = book_memory.kept_bases(self.api, self.account["id"], self.books)
        self.assertEqual(len(kept), BOOKS - was_decided)

    def undone_and_synced(self) -> None:
        if self.undone():
            self.assertEqual(self.sync_all(), set())
            self.assertEqual(set(self.percents().values()), {None})


if __name__ == "__main__":
    sys.exit("run me through run_tests.py")
