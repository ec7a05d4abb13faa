"""The library's database as it was before the first value of a profile: kept once, or nothing is written."""

from __future__ import annotations

import os
import resource
import sqlite3
import unittest
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from calibre.db.legacy import LibraryDatabase
from calibre_plugins.koreader_progress.copies.strip_list import our_folder
from calibre_plugins.koreader_progress.library.settings import library_id
from calibre_plugins.koreader_progress.memory.journaled import Journaled
from calibre_plugins.koreader_progress.moving.holdings import files_of_ours
from calibre_plugins.koreader_progress.sync import pull, undo
from libraries import add_book, make_library


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """As on a disk that is nearly full: the system refuses what goes beyond, in bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


class FirstCopy(unittest.TestCase):
    def setUp(self) -> None:
        self.db = make_library([("pct", "int", {})])
        self.addCleanup(lambda: self.db.close())
        self.api = self.db.new_api
        self.book = add_book(self.db, title="Emma")
        self.folder = Path(our_folder(), "databases", library_id(self.api))

    def write(self, after: int, profile: str = "home", kind: Any = "pull") -> int:
        cell: Any = {"book_id": self.book, "column": "#pct", "before": self.value(), "after": after}
        cell["why"] = {"code": "synced", "data": {}}
        column: Any = {"field": "percent", "column": "#pct", "datatype": "int", "scale": 1, "enum_values": []}
        with Journaled(self.api, pull.journal_of(self.api), kind, profile, "account") as run:
            run.write([cell], [column])
        return len(run.report.written)

    def value(self) -> object:
        return self.api.field_for("#pct", self.book)

    def copied(self) -> object:
        """What the copy says, read as a reader would who puts it back."""
        there = self.folder / "library"
        there.mkdir(exist_ok=True)
        there.joinpath("metadata.db").write_bytes((self.folder / "metadata.db").read_bytes())
        with closing(LibraryDatabase(str(there))) as db:
            return db.new_api.field_for("title", self.book), db.new_api.field_for("#pct", self.book)

    def test_the_database_is_kept_as_it_was_before_the_first_value_and_not_again(self) -> None:
        self.api.set_field("#pct", {self.book: 7})
        self.assertEqual([self.write(40), self.write(60)], [1, 1])
        self.assertEqual((self.copied(), self.value()), (("Emma", 7), 60))
        self.assertEqual((self.folder / "metadata.db").stat().st_mode & 0o777, 0o600)

    def test_it_is_listed_among_what_the_plugin_keeps_and_goes_with_the_journal(self) -> None:
        self.write(40)
        self.assertIn(Path(our_folder(), "databases"), files_of_ours()["journal"])

    def test_another_profile_has_its_own_and_one_is_kept(self) -> None:
        self.write(40)
        self.write(60, "another")
        self.assertEqual(self.copied(), ("Emma", 40))
        self.write(70)
        self.write(80, "another")
        self.assertEqual(self.copied(), ("Emma", 40))
        self.assertEqual(
            sorted(path.name for path in self.folder.iterdir() if path.is_file()), ["metadata.db", "profiles.json"]
        )

    def test_what_writes_nothing_and_what_puts_back_copies_nothing(self) -> None:
        with Journaled(self.api, pull.journal_of(self.api), "push", "home", "account") as run:
            run.write([], [])
        self.write(40, kind="undo")
        self.assertFalse(self.folder.exists())

    def test_a_disk_that_takes_no_copy_lets_nothing_be_written_and_the_next_sync_does_both(self) -> None:
        with no_file_larger_than(1 << 16), self.assertRaises(OSError) as refused:
            self.write(40)
        self.assertTrue(str(refused.exception.filename).endswith("metadata.db"))
        self.assertEqual((self.value(), [*self.folder.iterdir()]), (None, []))
        self.assertEqual(self.write(40), 1)
        self.assertEqual((self.copied(), self.value()), (("Emma", None), 40))

    def test_a_folder_that_cannot_be_made_lets_nothing_be_written(self) -> None:
        there = Path(our_folder(), "databases")
        aside = there.with_name("databases-aside")
        there.parent.mkdir(parents=True, exist_ok=True)
        if there.exists():
            there.rename(aside)
        there.write_bytes(b"")
        try:
            with self.assertRaises(OSError):
                self.write(40)
        finally:
            there.unlink()
            if aside.exists():
                aside.rename(there)
        self.assertIsNone(self.value())

    def test_an_interrupted_copy_is_begun_anew(self) -> None:
        self.folder.mkdir(parents=True)
        (self.folder / f"metadata.db.{os.getpid()}").write_bytes(b"half")
        self.write(40)
        self.assertEqual(self.copied(), ("Emma", None))

    def test_the_copy_is_whole(self) -> None:
        self.write(40)
        with closing(sqlite3.connect(self.folder / "metadata.db")) as copy:
            self.assertEqual(copy.execute("PRAGMA integrity_check").fetchone(), ("ok",))
        run = undo.last_pull(pull.journal_of(self.api))
        assert run is not None
        undo.undo_run(self.api, pull.journal_of(self.api), run)
        self.assertIsNone(self.value())
