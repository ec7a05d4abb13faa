"""What a library remembers of one book, damaged or lost, stops no sync and is mended from the logs."""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import unittest
from pathlib import Path
from typing import Any

from calibre.db.legacy import LibraryDatabase
from calibre_plugins.koreader_progress.copies import log as copy_log
from calibre_plugins.koreader_progress.copies.strip_list import our_folder
from calibre_plugins.koreader_progress.library import settings as library_settings
from calibre_plugins.koreader_progress.library.book_shapes import DIGESTS, LOG, MARKS, MEMORY, READINGS
from calibre_plugins.koreader_progress.link.client import BridgeClient
from calibre_plugins.koreader_progress.memory import book_memory, history, mending, rebuild
from calibre_plugins.koreader_progress.memory import schema as memory_schema
from calibre_plugins.koreader_progress.settings import config
from calibre_plugins.koreader_progress.copies.digest import file_digest
from calibre_plugins.koreader_progress.sync import pull, undo
from libraries import add_book, make_library, new_folder, open_library, run

sys.path.append(str(Path(__file__).resolve().parent.parent.parent / "gui"))
from kosync import KosyncServer, userkey

USER = ("anna", "correct horse")
ABORT = threading.Event()


def unheard(_done: int, _total: int, _phase: str) -> None:
    """Nobody watches."""


class Mending(unittest.TestCase):
    def setUp(self) -> None:
        shutil.rmtree(our_folder(), ignore_errors=True)
        copy_log._own.file = None
        self.server = KosyncServer()
        self.addCleanup(self.server.stop)
        self.server.register(*USER)
        self.db = make_library([("pct", "int", {}), ("dev", "text", {})])
        self.addCleanup(lambda: self.db.close())
        self.one, self.two = add_book(self.db, title="One"), add_book(self.db, title="Two", authors=["Another"])
        self.account: Any = config.new_account(self.server.url, USER[0], userkey(USER[1]))
        stored = config.new_profile("p", "P", self.account["id"])
        stored["columns"] = {"percent": {"column": "#pct", "scale": None}, "device": {"column": "#dev", "scale": None}}
        stored["ran_before"] = True
        config.save_profiles(self.api, [stored], "p")
        self.bridge = BridgeClient([os.environ["TEST_NODE"], os.environ["TEST_BRIDGE"]], os.environ)
        self.addCleanup(self.bridge.stop)
        self.bridge.hello("test", None)
        self.take_up()

    @property
    def api(self) -> Any:
        return self.db.new_api

    def take_up(self) -> None:
        memory_schema.bring_up_to_date(self.api)
        mending.remember_again(self.api, pull.journal_of(self.api))
        rebuild.rebuild(self.api)

    def read(self, book: int, percentage: float, device: str = "Kobo") -> None:
        self.server.push(USER, file_digest(self.api.format_abspath(book, "EPUB")) or "", percentage, device)

    def prepare(self) -> pull.Pulled:
        profile, _unusable = config.resolve_profile(self.api, config.profiles(self.api)[0])
        books = sorted(self.api.all_book_ids())
        options = pull.PullOptions("usual")
        return pull.prepare(self.api, books, self.account, profile, self.bridge, options, ABORT, unheard)

    def sync(self, accepted: bool = True) -> None:
        pulled = self.prepare()
        profile, _unusable = config.resolve_profile(self.api, config.profiles(self.api)[0])
        pull.apply(self.api, pulled, self.account, profile, None if accepted else pull.Decisions([]))

    def reasons(self, plan: Any, book: int) -> set[str]:
        return {skip["reason"]["code"] for skip in plan["skipped"] if skip["book_id"] == book}

    def recalled(self, book: int) -> dict[str, Any]:
        return book_memory.recall(self.api, self.account["id"], [book], "p")[book]

    def damage(self, name: str, book: int, text: str) -> None:
        with self.api.write_lock:
            question = "INSERT OR REPLACE INTO books_plugin_data (book, name, val) VALUES (?, ?, ?)"
            self.api.backend.execute(question, (book, name, text))

    def test_one_books_damaged_memory_is_that_books_alone_is_told_once_and_mended(self) -> None:
        self.read(self.one, 0.4)
        self.read(self.two, 0.5)
        self.sync()
        before, digests = self.recalled(self.one), history.read_digests(self.api, [self.one])[self.one]
        account = self.account["id"]
        entry = {**before["observations"][0], "at": {"no": "number"}}
        odd: list[tuple[str, str]] = [
            (name, text)
            for name in (MEMORY, LOG, DIGESTS, MARKS, READINGS)
            for text in ("{not json", "7", '"text"', "[[1]]", '{"' + account + '": 7, "digests": 3}', "[" * 50_000)
        ]
        odd += [
            (
                MEMORY,
                json.dumps({account: {"bases": {"p": {"document": 5}}, "written": {"#pct": []}, "declined": [1]}}),
            ),
            (LOG, json.dumps({account: [entry, None, 7, before["observations"][0]]})),
            (DIGESTS, json.dumps({"digests": [{**digests[0], "size": -1}, {"digest": 1}], "unlinked": [4]})),
            (MARKS, json.dumps([{"device": "Kobo", "status": "burnt", "at": None}])),
            (READINGS, json.dumps([{"device": "Kobo", "device_id": "k", "rating": 7}])),
        ]
        for name, text in odd:
            with self.subTest(f"{name} {text[:40]}"):
                self.damage(name, self.one, text)
                plan = self.prepare().plan
                self.assertEqual((plan["updates"], plan["conflicts"]), ([], []))
                self.assertIn("memory_mended", self.reasons(plan, self.one))
                self.assertEqual(self.reasons(plan, self.two), {"unchanged"})
                again = self.recalled(self.one)
                self.assertEqual((again["base"], again["written"]), (before["base"], before["written"]))
                self.assertEqual(again["observations"], before["observations"])
                self.assertEqual(self.reasons(self.prepare().plan, self.one), {"unchanged"})
        self.assertGreaterEqual(len(Path(our_folder(), "put_aside.jsonl").read_text().splitlines()), 20)

    def test_a_library_rebuilt_by_calibre_finds_its_reading_log_what_was_declined_and_the_way_to_undo(self) -> None:
        self.read(self.one, 0.4)
        self.sync()
        self.read(self.one, 0.5, "Phone")
        self.sync()
        self.read(self.two, 0.3)
        self.sync(accepted=False)
        log = [entry["progress"] for entry in self.recalled(self.one)["observations"]]
        self.assertEqual(len(log), 2)
        runs = len(pull.journal_of(self.api).runs())
        self.rebuild_in_every_way()
        titles = {title: book for book, title in self.api.all_field_for("title", self.api.all_book_ids()).items()}
        self.one, self.two = titles["One"], titles["Two"]
        self.assertEqual(self.api.get_custom_book_data(MEMORY), {})
        self.take_up()
        self.assertEqual([entry["progress"] for entry in self.recalled(self.one)["observations"]], log)
        plan = self.prepare().plan
        self.assertEqual((plan["updates"], plan["conflicts"]), ([], []))
        self.assertEqual(self.reasons(plan, self.two), {"declined"})
        self.assertEqual(self.reasons(plan, self.one), {"unchanged"})
        journal = pull.journal_of(self.api)
        self.assertEqual(len(journal.runs()), runs)
        newest = journal.newest("pull")
        assert newest is not None
        undone = undo.undo_run(self.api, journal, newest)
        self.assertEqual({update["column"] for update in undone.report.written}, {"#pct", "#dev"})
        self.assertEqual(self.api.field_for("#pct", self.one), 40)

    def rebuild_in_every_way(self) -> None:
        """Has calibre rebuild the library: at last by its command line, where no window ever closed it."""
        identity, profiles = library_settings.library_id(self.api), config.profiles(self.api)
        self.api.dump_metadata()
        source = self.db.library_path
        backup, database = "metadata_db_prefs_backup.json", "metadata.db"

        def like_the_window(path: str) -> None:
            db = open_library(path)
            db.new_api.set_pref("field_metadata", db.field_metadata.all_metadata())
            db.prefs.write_serialized(path)
            db.close()

        ways: list[tuple[str, Any]] = [
            ("closed by calibre's window", like_the_window),
            ("without calibre's copy of the preferences", lambda path: os.remove(os.path.join(path, backup))),
            ("without any database", lambda path: os.remove(os.path.join(path, database))),
            ("with a damaged one", lambda path: Path(path, database).write_bytes(b"no database" * 1000)),
            ("by the command line alone", lambda _path: None),
        ]
        self.db.close()
        # Each of these is the library itself, not another one beside it.
        source = shutil.move(source, os.path.join(new_folder("moved"), "library"))
        for what, prepare in ways:
            with self.subTest(what):
                path = os.path.join(new_folder("rebuilt"), "library")
                shutil.copytree(source, path)
                prepare(path)
                run("calibredb", "restore_database", "--really-do-it", "--with-library", path)
                self.db.close()
                self.db = open_library(path)
                self.assertEqual(library_settings.library_id(self.api), identity)
                self.assertEqual(config.profiles(self.api), profiles)

    def test_a_library_with_the_structure_of_this_one_is_another(self) -> None:
        identity, profiles = library_settings.library_id(self.api), config.profiles(self.api)
        # As calibre's window creates it.
        structure = {**self.db.prefs, "field_metadata": self.db.field_metadata.all_metadata()}
        path = new_folder("same-structure")
        other = LibraryDatabase(path, default_prefs=structure)
        self.addCleanup(lambda: other.close())
        self.assertEqual(config.profiles(other.new_api), profiles)
        given = library_settings.library_id(other.new_api)
        self.assertNotEqual(given, identity)
        self.assertEqual(library_settings.library_id(other.new_api), given)
        self.assertEqual(library_settings.library_id(self.api), identity)
        # It was never synced: its first run is reviewed.
        self.assertEqual(config.profiles(other.new_api), [{**each, "ran_before": False} for each in profiles])
        self.assertEqual(pull.journal_of(other.new_api).runs(), [])

    def test_a_library_that_was_moved_or_is_seen_under_another_name_stays_itself(self) -> None:
        identity, path = library_settings.library_id(self.api), self.db.library_path
        self.db.close()
        named = os.path.join(new_folder("named"), "link")
        os.symlink(path, named)
        moved = os.path.join(new_folder("moved"), "library")
        for where in (named, path, moved):
            with self.subTest(where):
                if where == moved:
                    shutil.move(path, moved)
                self.db = open_library(where)
                self.assertEqual(library_settings.library_id(self.api), identity)
                self.db.close()
        self.db = open_library(moved)

    def test_a_new_library_takes_nothing_over_from_another(self) -> None:
        for is_damaged in (False, True):
            other = make_library()
            if is_damaged:
                with open(os.path.join(other.library_path, "metadata_pre_restore.db"), "wb") as file:
                    file.write(b"SQLite format 3\0" + b"\0" * 100)
                Path(other.library_path, "metadata_db_prefs_backup.json").write_text("[" * 100_000)
            self.assertNotEqual(library_settings.library_id(other.new_api), library_settings.library_id(self.api))
            self.assertEqual(config.profiles(other.new_api), [])
            other.close()
