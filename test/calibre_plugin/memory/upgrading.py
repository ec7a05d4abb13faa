"""What 0.1.0 has stored opens here, is brought up to date once, and loses nothing; what a newer version stored is left."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import stat
import subprocess
import sys
import threading
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

from calibre.constants import config_dir
from calibre_plugins.koreader_progress.copies import log as copy_log
from calibre_plugins.koreader_progress.copies import stored, strip_list
from calibre_plugins.koreader_progress.copies.content_key import file_content_key, is_versioned
from calibre_plugins.koreader_progress.copies.stored import NewerSchema
from calibre_plugins.koreader_progress.devices import state as device_state
from calibre_plugins.koreader_progress.library import settings as library_settings
from calibre_plugins.koreader_progress.link.client import BridgeClient
from calibre_plugins.koreader_progress.memory import book_memory, history, mending, rebuild
from calibre_plugins.koreader_progress.memory import schema as memory_schema
from calibre_plugins.koreader_progress.memory.book_names import names_in
from calibre_plugins.koreader_progress.settings import config
from calibre_plugins.koreader_progress.settings.file import settings_path
from calibre_plugins.koreader_progress.sync import pull, repair, undo
from calibre_plugins.koreader_progress.words.stored import notice_sentence
from libraries import add_book, make_library, new_folder, open_library

sys.path.append(str(Path(__file__).resolve().parent.parent.parent / "gui"))
from kosync import KosyncServer

RELEASE = Path(os.environ["TEST_FIXTURES"], "release-0.1.0")
USER = ("anna", "correct horse")
ABORT = threading.Event()
NEWER = stored.SCHEMA + 1


def unheard(_done: int, _total: int, _phase: str) -> None:
    """Nobody watches."""


class ReleaseServer(KosyncServer):
    """The server on the release's own data, at the address that its account names."""

    def __init__(self, url: str, folder: str) -> None:
        line = [os.environ["TEST_NODE"], os.environ["TEST_CLI"], "serve", "--port", url.rpartition(":")[2]]
        self._process = subprocess.Popen([*line, "--data", folder], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()


class Upgraded(unittest.TestCase):
    """A calibre on the day it got this version."""

    def setUp(self) -> None:
        plugins = Path(config_dir, "plugins")
        for old in plugins.glob("koreader_progress*"):
            shutil.rmtree(old) if old.is_dir() else old.unlink()
        shutil.copytree(RELEASE / "config" / "plugins", plugins, dirs_exist_ok=True)
        copy_log._own.file = None
        stored._notices.clear()
        self.path = os.path.join(new_folder("upgraded"), "library")
        shutil.copytree(RELEASE / "library", self.path)
        self.db = open_library(self.path)
        self.addCleanup(lambda: self.db.close())

    @property
    def api(self) -> Any:
        return self.db.new_api

    @property
    def account(self) -> Any:
        return config.Settings().accounts()[0]

    def book(self, title: str) -> int:
        return next(
            id for id, known in self.api.all_field_for("title", self.api.all_book_ids()).items() if known == title
        )

    def rows(self) -> list[Any]:
        question = "SELECT book, name, val FROM books_plugin_data ORDER BY book, name"
        preferences = "SELECT key, val FROM preferences WHERE key LIKE 'namespaced:koreader%' ORDER BY key"
        with self.api.safe_read_lock:
            return [*self.api.backend.execute(question), *self.api.backend.execute(preferences)]

    def files(self) -> dict[str, bytes]:
        """Everything of ours in the configuration folder."""
        return {
            str(path): path.read_bytes()
            for path in sorted(Path(config_dir, "plugins").rglob("*"))
            if path.is_file() and "koreader_progress" in str(path) and path.suffix not in (".lock", ".zip")
        }

    def told(self) -> list[str]:
        return [notice_sentence(met) for met in stored.notices()]


class Settings(Upgraded):
    def test_settings_are_taken_over_once_after_a_copy_that_is_as_private(self) -> None:
        before = settings_path().read_bytes()
        settings = config.Settings()
        self.assertEqual(
            (settings.account("nobody"), settings.accounts()[0]["username"], settings.get("predict")),
            (None, "anna", True),
        )
        copy = Path(f"{settings_path()}.schema-1")
        self.assertEqual(copy.read_bytes(), before)
        self.assertEqual(stat.S_IMODE(copy.stat().st_mode), 0o600)
        self.assertEqual(json.loads(settings_path().read_bytes())["schema"], stored.SCHEMA)
        after = self.files()
        config.Settings()
        self.assertEqual(self.files(), after)

    def test_settings_of_a_newer_version_are_read_and_left_to_the_byte(self) -> None:
        kept = {**json.loads(settings_path().read_bytes()), "schema": NEWER, "unheard_of": 1}
        settings_path().write_text(json.dumps(kept))
        before = self.files()
        settings = config.Settings()
        self.assertEqual((settings.is_read_only, settings.accounts()[0]["username"]), (True, "anna"))
        settings.set("predict", False)
        settings.delete_account(settings.accounts()[0]["id"])
        self.assertEqual(self.files(), before)
        self.assertIn("newer version", self.told()[0])

    def test_damaged_settings_are_kept_aside_and_what_can_be_read_of_them_is_used(self) -> None:
        whole = json.loads(settings_path().read_bytes())
        damaged: list[tuple[str, bytes, int]] = [
            ("cut", settings_path().read_bytes()[:100], 0),
            ("a list", b"[1, 2]", 0),
            ("nothing", b"", 0),
            ("no text", b"\xff\xfe\x00{", 0),
            ("deep", b"[" * 100_000, 0),
            ("accounts that are none", json.dumps({**whole, "accounts": {"a": 1}}).encode(), 0),
            ("one account that is none", json.dumps({**whole, "accounts": [7, *whole["accounts"]]}).encode(), 1),
            ("a switch that is a list", json.dumps({**whole, "predict": [], "copy_logs": "x"}).encode(), 1),
        ]
        for what, data, accounts in damaged:
            with self.subTest(what):
                self.setUp()
                settings_path().write_bytes(data)
                settings = config.Settings()
                self.assertEqual(len(settings.accounts()), accounts)
                for key in config.DEFAULTS:
                    settings.get(key)
                settings.set("keep_progress_open", True)
                self.assertEqual(Path(f"{settings_path()}.damaged").read_bytes(), data)
                self.assertEqual(len(self.told()), 1)
                stored._notices.clear()
                self.assertEqual(config.Settings().get("keep_progress_open"), True)
                self.assertEqual(self.told(), [])

    def test_a_second_damage_does_not_replace_the_copy_of_the_first(self) -> None:
        for data in (b"one", b"two"):
            settings_path().write_bytes(data)
            config.Settings()
        aside = sorted(path.read_bytes() for path in settings_path().parent.glob("*.damaged*"))
        self.assertEqual(aside, [b"one", b"two"])


class Libraries(Upgraded):
    def test_a_library_is_brought_up_to_date_once_after_a_copy_and_remembers_the_same(self) -> None:
        before = {(row[0], row[1]): row[-1] for row in self.rows() if len(row) == 3}
        profiles, was = config.profiles(self.api), library_settings.stored_settings(self.api)
        memory = book_memory.recall(self.api, self.account["id"], self.api.all_book_ids(), "p1")
        memory_schema.bring_up_to_date(self.api)
        settings = library_settings.stored_settings(self.api)
        self.assertEqual((settings["schema"], settings["book_data"]), (stored.SCHEMA, stored.SCHEMA))
        self.assertEqual(settings["library_id"], was["library_id"])
        self.assertEqual(self.api.pref("settings_schema_1", namespace=library_settings.NAMESPACE), was)
        self.assertEqual(config.profiles(self.api), profiles)
        self.assertEqual(book_memory.recall(self.api, self.account["id"], self.api.all_book_ids(), "p1"), memory)
        with gzip.open(memory_schema.copy_path(self.api, 1), "rt") as lines:
            copied = [json.loads(line) for line in lines]
        uuids = self.api.all_field_for("uuid", self.api.all_book_ids())
        kept = {(uuids[book], name): value for (book, name), value in before.items()}
        self.assertGreater(len(copied), 30)
        for line in copied:
            self.assertEqual(kept[line["uuid"], line["name"]], line["value"])
        rows, files = self.rows(), self.files()
        memory_schema.bring_up_to_date(self.api)
        self.assertEqual((self.rows(), self.files()), (rows, files))

    def test_what_is_changed_on_the_way_to_a_schema_is_changed_once(self) -> None:
        def rename(settings: dict[str, Any]) -> dict[str, Any]:
            moved = [{**{k: v for k, v in p.items() if k != "name"}, "called": p["name"]} for p in settings["profiles"]]
            return {**settings, "profiles": moved}

        def count(marks: Any) -> Any:
            return [*marks, marks[0]]

        steps = {1: {"koreader_progress_marks": count}}
        with mock.patch.dict(stored.STEPS, {"profiles": {1: rename}}), mock.patch.object(memory_schema, "STEPS", steps):
            for _twice in range(2):
                memory_schema.bring_up_to_date(self.api)
                self.assertEqual(library_settings.whole_settings(self.api)[0]["profiles"][0]["called"], "E-reader")
                marks = self.api.get_custom_book_data("koreader_progress_marks")
                self.assertEqual([len(each) for each in marks.values()], [2])

    def test_a_library_of_a_newer_version_is_left_to_the_byte_and_that_is_told(self) -> None:
        for key in ("schema", "book_data"):
            with self.subTest(key):
                self.setUp()
                settings = {**library_settings.stored_settings(self.api), "schema": 2, "book_data": 2, key: NEWER}
                self.api.set_pref("settings", settings, namespace=library_settings.NAMESPACE)
                before = self.rows()
                with self.assertRaises(NewerSchema) as raised:
                    memory_schema.bring_up_to_date(self.api)
                self.assertIn("newer version", notice_sentence(stored.Notice("newer", raised.exception.kept)))
                if key == "schema":
                    self.assertRaises(NewerSchema, config.save_profiles, self.api, [], "")
                else:
                    book = self.book("Emma")
                    history.add_digests(self.api, {book: [history.known_digest("f" * 32, "sidecar", 1.0)]})
                    rebuild.rebuild(self.api)
                    self.assertRaises(
                        NewerSchema, pull.journal_of(self.api).begin_run, "pull", "p1", "a", names_in(self.api)
                    )
                    self.assertEqual(repair.repair(self.api, pull.journal_of(self.api)), [])
                self.assertEqual(self.rows(), before)

    def test_damaged_profiles_are_kept_aside_and_the_sound_ones_used(self) -> None:
        good = library_settings.stored_settings(self.api)
        odd = {
            **good["profiles"][0],
            "id": "p2",
            "rules": {"conflict": "nobody", "finish_at": "x"},
            "columns": {"percent": 7},
        }
        damaged: list[tuple[Any, list[str]]] = [
            (["no object"], []),
            ({**good, "profiles": "none"}, []),
            ({**good, "profiles": [None, *good["profiles"], {"id": 3}], "default_profile": 4}, ["p1"]),
            ({**good, "profiles": [*good["profiles"], odd]}, ["p1", "p2"]),
        ]
        for kept, names in damaged:
            with self.subTest(kept):
                self.setUp()
                self.api.set_pref("settings", kept, namespace=library_settings.NAMESPACE)
                known = config.profiles(self.api)
                self.assertEqual([profile["id"] for profile in known], names)
                for profile in known:
                    config.resolve_profile(self.api, profile)
                memory_schema.bring_up_to_date(self.api)
                self.assertEqual([profile["id"] for profile in config.profiles(self.api)], names)
                if names != ["p1", "p2"]:
                    aside = self.api.pref("settings_damaged", namespace=library_settings.NAMESPACE)
                    self.assertEqual(aside, kept)
                    self.assertEqual(len(self.told()), 1)


class Files(Upgraded):
    def test_strip_list_and_device_states_are_brought_up_to_date_once_after_a_copy(self) -> None:
        path = Path(strip_list.our_folder(), strip_list.FILE)
        columns = strip_list.read_strip_list().columns
        self.assertEqual(len(columns), 5)
        before = path.read_bytes()
        config.map_columns(self.api)
        self.assertEqual(strip_list.read_strip_list().columns, columns)
        self.assertEqual(Path(f"{path}.schema-1").read_bytes(), before)
        [state] = device_state.all_states()
        self.assertTrue(state["held"])
        self.assertEqual(state["unmatched"][0]["source"] in ("sidecar", "statistics"), True)
        [place] = Path(strip_list.our_folder(), "devices").glob("*.json")
        was = place.read_bytes()
        device_state._save(str(place), state)
        self.assertEqual(Path(f"{place}.schema-1").read_bytes(), was)
        after = self.files()
        config.map_columns(self.api)
        self.assertEqual(self.files(), after)
        for each in (path, place):
            self.assertEqual(json.loads(each.read_bytes())["schema"], stored.SCHEMA)

    def test_files_of_a_newer_version_are_left_to_the_byte_and_that_is_told(self) -> None:
        path = Path(strip_list.our_folder(), strip_list.FILE)
        [place] = Path(strip_list.our_folder(), "devices").glob("*.json")
        for each in (path, place):
            each.write_text(json.dumps({**json.loads(each.read_bytes()), "schema": NEWER}))
        gathered = Path(copy_log.log_folder(), copy_log.GATHERED)
        newer = b'{"schema": %d, "uuid": "u", "digest": {"of": "another kind"}}' % NEWER
        gathered.write_bytes(gathered.read_bytes() + newer + b"\n")
        before = self.files()
        strip_list.write_switches(False, False)
        config.map_columns(self.api)
        self.assertEqual(len(strip_list.read_strip_list().columns), 5)
        device_state._save(str(place), device_state.empty_state("x"))
        self.assertEqual([*device_state.all_states()], [])
        self.assertEqual(self.files(), before)
        self.assertTrue(copy_log.gather() > 0)
        self.assertIn(newer, gathered.read_bytes().split(b"\n"))
        self.assertTrue(all(record["uuid"] != "u" for record in copy_log.read_logs([copy_log.log_folder()])))
        self.assertEqual({met.kept for met in stored.notices()}, {"strip_list", "device", "copy_log"})
        self.assertTrue(all(self.told()))

    def test_a_run_of_a_newer_version_is_neither_undone_repaired_nor_deleted(self) -> None:
        journal = pull.journal_of(self.api)
        runs = journal.runs()
        last = journal._folder / f"{runs[0].id}.jsonl"
        first, _, rest = last.read_bytes().partition(b"\n")
        last.write_bytes(json.dumps({**json.loads(first), "schema": NEWER}).encode() + b"\n" + rest)
        before = last.read_bytes()
        self.assertEqual([run.id for run in journal.runs()], [run.id for run in runs[1:]])
        self.assertEqual([head.id for head in journal.heads()], [run.id for run in runs[1:]])
        self.assertIsNone(journal.run(runs[0].id))
        repair.repair(self.api, journal)
        journal.prune(0)
        self.assertEqual(last.read_bytes(), before)
        self.assertEqual({met.kept for met in stored.notices()}, {"journal"})

    def test_every_line_that_is_written_names_its_schema(self) -> None:
        record: Any = {"at": 1.0, "source": "written", "uuid": "u", "kind": "partial_md5", "digest": "a" * 32}
        copy_log.append(record)
        [found] = [r for r in copy_log.read_logs([copy_log.log_folder()]) if r["uuid"] == "u"]
        self.assertEqual(found.get("schema"), stored.SCHEMA)
        run = pull.journal_of(self.api).begin_run("pull", "p1", "a", names_in(self.api))
        run.close()
        first = (pull.journal_of(self.api)._folder / f"{run.id}.jsonl").read_bytes().split(b"\n")[0]
        self.assertEqual(json.loads(first)["schema"], stored.SCHEMA)


class Syncing(Upgraded):
    def setUp(self) -> None:
        super().setUp()
        shutil.copytree(RELEASE / "server", os.path.join(self.path, "..", "server"))
        self.server = ReleaseServer(self.account["url"], os.path.join(self.path, "..", "server"))
        self.addCleanup(self.server.stop)
        self.bridge = BridgeClient([os.environ["TEST_NODE"], os.environ["TEST_BRIDGE"]], os.environ)
        self.addCleanup(self.bridge.stop)
        self.bridge.hello("test", None)

    def prepare(self, profile_id: str = "p1", **account: str) -> pull.Pulled:
        [profile] = config.profiles(self.api)
        resolved = config.resolve_profile(self.api, {**profile, "id": profile_id})[0]
        options, books = pull.PullOptions("usual"), sorted(self.api.all_book_ids())
        whose: Any = {**self.account, **account}
        return pull.prepare(self.api, books, whose, resolved, self.bridge, options, ABORT, unheard)

    def take_up(self) -> None:
        memory_schema.bring_up_to_date(self.api)
        journal = pull.journal_of(self.api)
        repair.repair(self.api, journal)
        mending.remember_again(self.api, journal)
        rebuild.rebuild(self.api)

    def test_the_first_sync_after_the_upgrade_finds_nothing_new_and_asks_nothing(self) -> None:
        self.take_up()
        plan = self.prepare().plan
        # A crash cut the run of the one short; the other was recognised by its text, and not synced since.
        news = {self.book("Crashed"), self.book("Bought again")}
        self.assertEqual({update["book_id"] for update in plan["updates"]}, news)
        self.assertEqual(plan["conflicts"], [])
        reasons = {skip["book_id"]: skip["reason"]["code"] for skip in plan["skipped"]}
        self.assertEqual(reasons[self.book("Undone")], "declined")
        self.assertEqual(reasons[self.book("Declined")], "declined")
        self.assertEqual(reasons[self.book("Linked")], "not_on_server")

    def test_every_copy_is_still_found(self) -> None:
        self.take_up()
        # An account without any base: what the server says of each book is all there is.
        plan = self.prepare("other", id="another")
        told = {each["book_id"] for key in ("updates", "conflicts", "observations") for each in plan.plan[key]}
        titles = self.api.all_field_for("title", told)
        # The one is known to nobody, of the other the server has but what calibre put there itself.
        missing = {"Linked", "Emma"}
        titled = set(self.api.all_field_for("title", self.api.all_book_ids()).values())
        self.assertEqual(set(titles.values()), titled - missing)
        stood = {each["progress"]["document"] for each in plan.plan["observations"]}
        listed = {document for document in self.documents() if document}
        self.assertEqual(listed - stood, set())

    def test_nothing_is_adopted_by_a_key_of_0_1_0(self) -> None:
        self.take_up()
        keys = {r["uuid"]: key for r in copy_log.read_logs([copy_log.log_folder()]) if (key := r.get("content_key"))}
        uuids = self.api.all_field_for("uuid", self.api.all_book_ids())
        known = [book for book, uuid in uuids.items() if uuid in keys and self.api.has_format(book, "EPUB")]
        self.assertGreater(len(known), 5)
        self.assertEqual([key for key in keys.values() if is_versioned(key)], [])
        kept = history.read_digests(self.api, known)
        self.assertEqual(set(kept), set(known))
        for book in known:
            path = self.api.format_abspath(book, "EPUB")
            own = {file_content_key(path), None}
            self.assertEqual({d["content_key"] for d in kept[book] if is_versioned(d["content_key"])} - own, set())
        # The very same texts, in a library that these logs know nothing of.
        other = make_library()
        self.addCleanup(other.close)
        for book in known:
            add_book(other, self.api.format(book, "EPUB"), title=self.api.field_for("title", book))
        rebuild.rebuild(other.new_api)
        self.assertEqual(history.read_digests(other.new_api, other.new_api.all_book_ids()), {})

    def documents(self) -> set[str]:
        """What devices have put on the server; the rest is calibre's own."""
        lines = [json.loads(line) for line in (RELEASE / "export.jsonl").read_text().splitlines()]
        records = [line["record"] for line in lines if line["kind"] == "document"]
        return {record["document"] for record in records if not record["device_id"].startswith("calibre")}

    def test_what_0_1_0_wrote_can_be_undone(self) -> None:
        self.take_up()
        journal = pull.journal_of(self.api)
        run = next(run for run in journal.runs() if run.kind == "pull" and len(run.books) > 3)
        standing = run.standing
        undone = undo.undo_run(self.api, journal, run)
        self.assertGreater(len(undone.report.written), 10)
        self.assertLess(len(undone.report.stale), len(standing))
        self.assertIsNone(self.api.field_for("#pct", self.book("Persuasion")))

    def test_a_key_of_another_version_is_kept_where_0_1_0_does_not_stumble_over_it(self) -> None:
        book = self.book("Emma")
        key = "2:" + "e" * 32
        history.add_digests(self.api, {book: [history.known_digest("e" * 32, "written", 5.0, content_key=key)]})
        [found] = [d for d in history.read_digests(self.api, [book])[book] if d["digest"] == "e" * 32]
        self.assertEqual(found["content_key"], key)
        kept = self.api.get_custom_book_data("koreader_progress_digests", [book])[book]
        self.assertEqual({d["content_key"] for d in kept["digests"] if d["digest"] == "e" * 32}, {None})
        self.assertEqual(kept["keys"], {"e" * 32: key})
