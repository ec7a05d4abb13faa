"""Whoever leaves takes the plugin's traces away: listed first, columns untouched, and what stands can still be undone."""

from __future__ import annotations

import os
import shutil
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

from calibre.constants import cache_dir, config_dir
from calibre_plugins.koreader_progress.copies import log as copy_log
from calibre_plugins.koreader_progress.copies import strip_list
from calibre_plugins.koreader_progress.library.settings import library_id, stored_settings
from calibre_plugins.koreader_progress.memory.schema import bring_up_to_date
from calibre_plugins.koreader_progress.moving.holdings import has_standing_runs, holdings, other_holders
from calibre_plugins.koreader_progress.moving.removal import remove
from calibre_plugins.koreader_progress.settings import config
from calibre_plugins.koreader_progress.sync import pull, undo
from libraries import make_library, new_folder, open_library

RELEASE = Path(os.environ["TEST_FIXTURES"], "release-0.1.0")


class Removing(unittest.TestCase):
    """A computer that has been at work since 0.1.0, with a library of 0.1.0's."""

    def setUp(self) -> None:
        for old in Path(config_dir, "plugins").glob("koreader_progress*"):
            shutil.rmtree(old) if old.is_dir() else old.unlink()
        copy_log._own.file = None
        shutil.copytree(RELEASE / "config" / "plugins", Path(config_dir, "plugins"), dirs_exist_ok=True)
        self.path = os.path.join(new_folder("removing"), "library")
        shutil.copytree(RELEASE / "library", self.path)
        self.open()
        config.Settings()
        bring_up_to_date(self.api)
        server = Path(strip_list.our_folder(), "server")
        server.mkdir()
        shutil.copyfile(RELEASE / "server" / "kosync.sqlite", server / "kosync.sqlite")
        for folder in (Path(strip_list.our_folder(), "bridge-0123"), Path(cache_dir(), "koreader_progress", "deno")):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "main.mjs").write_text("x")
        copy_log.append({"at": 1.0, "source": "sent", "uuid": "u", "kind": "partial_md5", "digest": "d" * 32})

    def open(self) -> None:
        self.db = open_library(self.path)
        self.addCleanup(self.db.close)

    @property
    def api(self) -> Any:
        return self.db.new_api

    def left(self) -> list[str]:
        """What of ours still lies on the computer."""
        folders = [*Path(config_dir, "plugins").glob("koreader_progress*"), Path(cache_dir(), "koreader_progress")]
        return [
            str(each.relative_to(folder.parent))
            for folder in folders
            for each in [folder, *folder.rglob("*")]
            if each.is_file()
        ]

    def rows(self) -> tuple[list[Any], list[Any]]:
        question = "SELECT book, name FROM books_plugin_data WHERE name LIKE 'koreader_progress%'"
        preferences = "SELECT key FROM preferences WHERE key LIKE 'namespaced:koreader%'"
        with self.api.safe_read_lock:
            return [*self.api.backend.execute(question)], [*self.api.backend.execute(preferences)]

    def columns(self) -> dict[str, dict[int, Any]]:
        return {
            name: dict(self.api.all_field_for(name, self.api.all_book_ids()))
            for name in self.api.field_metadata.custom_field_metadata()
        }

    def test_everything_that_is_kept_is_listed_with_its_size_and_place(self) -> None:
        found = {holding.held: holding for holding in holdings(self.api)}
        kinds = {"profiles", "book_data", "settings", "logs", "programs", "server", "journal"}
        self.assertEqual(set(found), kinds)
        self.assertEqual(found["book_data"].places, (self.path,))
        self.assertGreater(found["book_data"].books, 5)
        server = Path(strip_list.our_folder(), "server")
        self.assertEqual(
            (found["server"].places, found["server"].size), ((str(server),), os.path.getsize(server / "kosync.sqlite"))
        )
        listed = [Path(place) for holding in found.values() for place in holding.places]
        for file in (*Path(config_dir, "plugins").rglob("*"), *Path(cache_dir(), "koreader_progress").rglob("*")):
            if file.is_file() and "koreader_progress" in str(file) and file.suffix != ".zip" and file.stat().st_size:
                self.assertTrue(any(place == file or place in file.parents for place in listed), file)

    def test_nothing_is_left_and_every_column_stays(self) -> None:
        before = self.columns()
        self.assertEqual(remove(self.api, with_journal=True, with_server=True), [])
        self.assertEqual((self.left(), self.rows()), ([], ([], [])))
        self.assertEqual(self.columns(), before)
        self.assertEqual(holdings(self.api), [])
        self.db.close()
        self.open()
        self.assertEqual((self.columns(), stored_settings(self.api)), (before, None))

    def test_again_removes_what_is_left_and_says_what_would_not_go(self) -> None:
        remove(self.api, True, True)
        self.assertEqual(remove(self.api, True, True), [])
        locked = Path(strip_list.our_folder(), "copies", "locked.jsonl")
        locked.parent.mkdir(parents=True)
        locked.write_text("x")
        unlink = Path.unlink

        def refuse(path: Path, *args: Any, **more: Any) -> None:
            if path == locked:
                raise PermissionError(13, "It is used by another program")
            unlink(path, *args, **more)

        with mock.patch.object(Path, "unlink", refuse):
            left = remove(self.api, True, True)
        self.assertEqual([(each.place, each.reason) for each in left], [(str(locked), "It is used by another program")])
        self.assertEqual(self.left(), ["koreader_progress/copies/locked.jsonl"])

    def test_what_still_stands_can_be_undone_afterwards(self) -> None:
        journal = pull.journal_of(self.api)
        run = undo.last_pull(journal)
        assert run is not None
        entry = run.standing[0]
        library = library_id(self.api)
        self.assertEqual(remove(self.api, with_journal=False, with_server=True), [])
        self.assertEqual({Path(file).parts[1] for file in self.left()}, {"journal"})
        self.assertEqual(library_id(self.api), library)
        self.assertEqual((config.profiles(self.api), self.rows()[0]), ([], []))
        run = undo.last_pull(pull.journal_of(self.api))
        assert run is not None
        self.assertEqual(run.standing[0].key, entry.key)
        undone = undo.undo_run(self.api, pull.journal_of(self.api), run)
        self.assertIn((entry.column, entry.before), [(cell["column"], cell["after"]) for cell in undone.report.written])

    def test_a_journal_with_nothing_left_to_undo_leaves_no_name_in_the_library(self) -> None:
        shutil.rmtree(Path(strip_list.our_folder(), "journal"))
        self.assertFalse(has_standing_runs(self.api))
        remove(self.api, with_journal=False, with_server=True)
        self.assertEqual(self.rows(), ([], []))

    def test_readers_places_on_the_server_stay_unless_they_are_ticked(self) -> None:
        remove(self.api, with_journal=True, with_server=False)
        self.assertEqual({Path(file).parts[1] for file in self.left()}, {"server"})

    def test_what_calibre_kept_of_a_rebuilt_library_does_not_come_back(self) -> None:
        shutil.copyfile(os.path.join(self.path, "metadata.db"), os.path.join(self.path, "metadata_pre_restore.db"))
        remove(self.api, True, True)
        self.db.close()
        self.open()
        library_id(self.api)
        self.assertEqual(config.profiles(self.api), [])

    def test_other_libraries_that_keep_something_are_named(self) -> None:
        other = make_library()
        library_id(other.new_api)
        bare = make_library()
        folders = [self.path, other.library_path, bare.library_path, "/no/such/library", ""]
        self.assertEqual(other_holders(folders, self.path), [other.library_path])
        other.close()
        bare.close()
