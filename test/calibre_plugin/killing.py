"""A calibre that is killed at a step of what it does: what the tests of a killed run, undo and push begin with."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import textwrap
from pathlib import Path
from typing import Any

from calibre_plugins.koreader_progress.sync import pull
from libraries import FOLDER, TOOLS, new_folder
from with_server import ABORT, WithServer, unheard

# Opens the library it is told of, and dies when `told["step"]` steps were taken of what `stepping` was called for.
BEGIN = textwrap.dedent(
    """
    import importlib, json, os, signal, sys, threading
    importlib.import_module("calibre.customize.ui")
    from calibre.db.legacy import LibraryDatabase
    from calibre_plugins.koreader_progress.library import books
    from calibre_plugins.koreader_progress.link.client import BridgeClient
    from calibre_plugins.koreader_progress.memory import book_memory, journal_writer
    from calibre_plugins.koreader_progress.sync import pull, push, push_undo, undo

    told = json.load(open(sys.argv[-1], encoding="utf-8"))
    account, profile, left = told["account"], told["profile"], told["step"]

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

    # Before and after a line of the journal, a cell, or what the library remembers.
    def stepping_of_what_is_kept():
        stepping(journal_writer.RunWriter, "_append")
        stepping(books, "_write_column")
        stepping(book_memory, "keep")

    api = LibraryDatabase(told["library"]).new_api
    """
)


class Killed(WithServer):
    # What the child does after `BEGIN`, and the most it may take, in seconds.
    CHILD = ""
    PATIENCE = 200

    def setUp(self) -> None:
        super().setUp()
        self.shown: Any = None
        self.library = self.db.library_path
        self.script = Path(new_folder("child"), "child.py")
        self.script.write_text(BEGIN + textwrap.dedent(self.CHILD))
        self.folder = pull.journal_of(self.api)._folder

    def percents(self) -> dict[int, Any]:
        return {book_id: self.api.field_for("#pct", book_id) for book_id in self.api.all_book_ids()}

    def plan(self) -> pull.Pulled:
        books, options = sorted(self.api.all_book_ids()), pull.PullOptions("usual")
        return pull.prepare(self.api, books, self.account, self.shown, self.bridge, options, ABORT, unheard)

    def sync_all(self) -> set[int]:
        """A sync with nobody to ask; the books that it wrote."""
        report = pull.apply(self.api, self.plan(), self.account, self.shown).report
        self.assertEqual((report.stale, report.failed), ([], []))
        return {update["book_id"] for update in report.written}

    def killed_at(self, step: int, **more: object) -> bool:
        """Whether the child was killed: after its last step nothing is left to kill."""
        told = Path(FOLDER, "told.json")
        sides = {"account": self.account, "profile": self.shown, "library": self.library}
        told.write_text(json.dumps({"step": step, **sides, **more}))
        debug = os.path.join(TOOLS, "calibre-debug") if TOOLS else "calibre-debug"
        line = [debug, "-e", str(self.script), "--", str(told)]
        child = subprocess.run(line, capture_output=True, text=True, timeout=self.PATIENCE)
        self.assertIn(child.returncode, (0, -9), child.stderr)
        return child.returncode == -9

    def keep(self) -> tuple[str, str]:
        """Copies of the library and of its journal."""
        library, journal = new_folder("library"), new_folder("journal")
        shutil.copytree(self.library, library, dirs_exist_ok=True)
        if self.folder.exists():
            shutil.copytree(self.folder, journal, dirs_exist_ok=True)
        return library, journal

    def put(self, kept: tuple[str, str]) -> None:
        for path, copy in zip((self.library, str(self.folder)), kept, strict=True):
            shutil.rmtree(path, ignore_errors=True)
            shutil.copytree(copy, path)
