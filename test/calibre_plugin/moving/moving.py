"""What one computer knows is taken to another: nothing is lost there, nothing secret leaves, no odd file does harm."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import sqlite3
import stat
import tarfile
import unittest
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest import mock

from calibre.constants import config_dir
from calibre_plugins.koreader_progress.copies import log as copy_log
from calibre_plugins.koreader_progress.copies import strip_list
from calibre_plugins.koreader_progress.copies.stored import SCHEMA
from calibre_plugins.koreader_progress.devices.state import all_states
from calibre_plugins.koreader_progress.memory.journal import WriteJournal
from calibre_plugins.koreader_progress.moving import pack
from calibre_plugins.koreader_progress.moving.export import export, server_store
from calibre_plugins.koreader_progress.moving.pack import PackRefused
from calibre_plugins.koreader_progress.moving.taking import Taken, take
from calibre_plugins.koreader_progress.settings import config
from calibre_plugins.koreader_progress.settings.file import settings_path
from libraries import new_folder

RELEASE = Path(os.environ["TEST_FIXTURES"], "release-0.1.0")
LIBRARY = "02a09638a80c4495"
HOSTING = {"enabled": True, "host": "0.0.0.0", "port": 8090, "registration": True}


def ours() -> Path:
    return Path(strip_list.our_folder())


def files() -> dict[str, bytes]:
    """Everything of ours in the configuration folder but its locks."""
    return {
        str(path.relative_to(config_dir)): path.read_bytes()
        for path in sorted(Path(config_dir, "plugins").rglob("*"))
        if path.is_file() and "koreader_progress" in str(path) and path.suffix not in (".lock", ".zip")
    }


class Moving(unittest.TestCase):
    def setUp(self) -> None:
        self.new_computer()
        self.folder = Path(new_folder("moving"))
        self.path = str(self.folder / "moved.jsonl.gz")

    def new_computer(self) -> None:
        for old in Path(config_dir, "plugins").glob("koreader_progress*"):
            shutil.rmtree(old) if old.is_dir() else old.unlink()
        copy_log._own.file = None
        strip_list._read = (None, strip_list.StripList())
        ours().mkdir()
        # calibre makes the file when it starts.
        config.Settings()

    def old_computer(self) -> config.Settings:
        """One that has been at work since 0.1.0, with all that it stores, and a server of its own."""
        self.new_computer()
        settings_path().unlink()
        shutil.copytree(RELEASE / "config" / "plugins", Path(config_dir, "plugins"), dirs_exist_ok=True)
        settings = config.Settings()
        account = {**settings.accounts()[0], "headers": {"X-Door": "open sesame"}, "proxy": "http://me:hush@proxy:3128"}
        settings.set("accounts", [account])
        settings.set("hosting", HOSTING)
        settings.set("copy_logs", [str(self.folder), "/no/such/folder"])
        settings.set("folders", [{"path": "/synced/card", "name": "Kobo"}])
        (ours() / "memory").mkdir()
        (ours() / "memory" / f"{LIBRARY}.jsonl").write_bytes(b"".join(self.decided("wanted", "a", "heard")))
        (ours() / "put_aside.jsonl").write_bytes(b'{"schema": 2, "value": "1"}\n')
        server_store().parent.mkdir(mode=0o700)
        shutil.copyfile(RELEASE / "server" / "kosync.sqlite", server_store())
        return settings

    def decided(self, what: str, document: str, *more: str) -> list[bytes]:
        entry = {
            "side": "theirs",
            "document": document * 32,
            "percentage": 0.5,
            "progress": "1",
            "timestamp": 1,
            "at": 2,
        }
        return [
            json.dumps({"schema": 2, "what": each, "uuid": "u", "account": "acc", "entry": entry}).encode() + b"\n"
            for each in (what, *more)
        ]

    def exported(self, with_server: bool = True) -> dict[str, bytes]:
        """Exports from the old computer, and what that had; this is a new one then."""
        export(self.path, self.old_computer(), 1000.0, with_server)
        had = files()
        self.new_computer()
        return had

    def take(self) -> Taken:
        return take(self.path, config.Settings())

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in gzip.decompress(Path(self.path).read_bytes()).splitlines()]

    def write(self, lines: list[Any]) -> None:
        with gzip.open(self.path, "wb") as file:
            file.write(
                b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)
            )

    def refused(self, fault: str) -> PackRefused:
        before = files()
        with self.assertRaises(PackRefused) as caught:
            self.take()
        self.assertEqual(caught.exception.fault, fault)
        self.assertEqual(files(), before, "something was changed")
        self.assertEqual(list(ours().glob("import-*")), [])
        return caught.exception

    def test_a_new_computer_knows_what_the_old_one_knew(self) -> None:
        had = self.exported()
        taken = self.take()
        has = files()
        same = {name: content for name, content in had.items() if f"{os.sep}copies{os.sep}" not in name}
        for name in same:
            if name.endswith(
                ("strip_list.json", "koreader_progress.json", ".schema-1", "kosync.sqlite", "-shm", "-wal")
            ):
                continue
            self.assertEqual(has.get(name), same[name], name)
        self.assertEqual(len(WriteJournal(ours() / "journal", LIBRARY).runs()), 11)
        self.assertEqual(len([*all_states()]), 1)
        self.assertTrue(strip_list.read_strip_list().columns)
        with closing(sqlite3.connect(server_store())) as store:
            self.assertEqual(store.execute("SELECT count(*) FROM users").fetchone()[0], 1)
        settings = config.Settings()
        self.assertEqual((settings.get("predict"), settings.get("hosting")), (True, HOSTING))
        self.assertEqual((settings.get("copy_logs"), taken.missing_folders), ([str(self.folder)], ["/no/such/folder"]))
        self.assertEqual(settings.get("folders"), [{"path": "/synced/card", "name": "Kobo"}])
        self.assertEqual([login["username"] for login in taken.logins], ["anna"])

    def test_every_copy_that_left_the_old_one_is_known_on_the_new_one(self) -> None:
        self.old_computer()
        folders = [copy_log.log_folder()]
        told = {copy_log.key_of(record): record["at"] for record in copy_log.read_logs(folders)}
        self.exported()
        self.take()
        copy_log.gather()
        found = {copy_log.key_of(record): record["at"] for record in copy_log.read_logs(folders)}
        self.assertEqual(found, told)
        self.take()
        self.assertEqual(len(copy_log.log_files(copy_log.log_folder())), 0, "nothing was new")

    def test_nothing_to_log_in_with_leaves(self) -> None:
        settings = self.old_computer()
        account = {**settings.accounts()[0], "url": "https://me:hush@sync.example/path"}
        settings.set("accounts", [account])
        export(self.path, settings, 1000.0, True)
        text = gzip.decompress(Path(self.path).read_bytes())
        for secret in (account["userkey"], "open sesame", "hush"):
            self.assertNotIn(secret.encode(), text)
        self.assertIn(b"https://sync.example/path", text)
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)

    def test_a_server_s_documents_leave_only_when_asked_for(self) -> None:
        self.exported(with_server=False)
        self.assertFalse(any(str(line.get("file")).startswith("server") for line in self.lines()))
        self.take()
        self.assertFalse(config.Settings().get("hosting")["enabled"], "an empty server would be hosted")

    def test_a_server_of_this_computer_s_own_keeps_its_documents(self) -> None:
        self.exported()
        server_store().parent.mkdir(parents=True)
        server_store().write_bytes(b"its own")
        self.assertTrue(self.take().server_left)
        self.assertEqual(server_store().read_bytes(), b"its own")

    def test_twice_is_as_good_as_once(self) -> None:
        self.exported()
        self.take()
        before = files()
        self.assertEqual(self.take().new, {})
        self.assertEqual(files(), before)

    def test_taken_back_to_where_it_came_from_nothing_changes(self) -> None:
        settings = self.old_computer()
        export(self.path, settings, 1000.0, True)
        before = files()
        taken = take(self.path, settings)
        self.assertEqual((taken.new, files()), ({}, before))

    def test_what_was_chosen_on_the_new_computer_stays(self) -> None:
        self.exported()
        settings = config.Settings()
        settings.set("click", "all")
        strip_list.write_switches(True, False)
        strip_list.write_columns(LIBRARY, [])
        self.take()
        settings = config.Settings()
        self.assertEqual((settings.get("click"), strip_list.read_strip_list().settle), ("all", False))
        self.assertEqual(strip_list.read_strip_list().columns, frozenset())

    def test_an_account_that_is_known_here_is_not_asked_for(self) -> None:
        account = self.old_computer().accounts()[0]
        self.exported()
        settings = config.Settings()
        settings.save_account(account)
        self.assertEqual(take(self.path, settings).logins, [])
        self.assertEqual(settings.accounts(), [account])

    def test_a_run_that_went_on_is_not_set_back_and_one_that_was_behind_catches_up(self) -> None:
        self.exported()
        runs = sorted(Path(name) for name in self.old() if "journal" in name)
        self.take()
        later, earlier = (Path(config_dir, run) for run in runs[:2])
        whole = later.read_bytes()
        later.write_bytes(whole + b'{"what": "later"}\n')
        content = earlier.read_bytes()
        earlier.write_bytes(content[: content.index(b"\n") + 1])
        self.take()
        self.assertEqual((later.read_bytes(), earlier.read_bytes()), (whole + b'{"what": "later"}\n', content))

    def test_two_runs_of_one_name_are_both_kept(self) -> None:
        self.exported()
        run = next(name for name in self.old() if "journal" in name)
        path = Path(config_dir, run)
        path.parent.mkdir(parents=True)
        path.write_bytes(b'{"what": "begin"}\n')
        taken = self.take()
        self.assertEqual(path.read_bytes(), b'{"what": "begin"}\n')
        self.assertEqual([Path(apart).read_bytes() for apart in taken.apart], [self.old()[run]])
        self.assertEqual(self.take().apart, taken.apart)

    def test_what_was_decided_here_is_not_decided_otherwise(self) -> None:
        self.exported()
        log = ours() / "memory" / f"{LIBRARY}.jsonl"
        log.parent.mkdir(parents=True)
        own = b"".join([*self.decided("declined", "a"), *self.decided("declined", "b")])
        # A crash has torn the last line.
        log.write_bytes(own + b'{"schema": 2, "wh')
        self.take()
        kept = log.read_bytes()
        self.assertTrue(kept.startswith(own))
        told = [json.loads(line)["what"] for line in kept.splitlines() if line.endswith(b"}")]
        self.assertEqual(told, ["declined", "declined", "heard"])

    def old(self) -> dict[str, bytes]:
        return {
            str(path.relative_to(RELEASE / "config")): path.read_bytes()
            for path in (RELEASE / "config").rglob("*")
            if path.is_file()
        }

    def test_no_file_but_ours_is_taken(self) -> None:
        def zipped() -> bytes:
            data = io.BytesIO()
            with zipfile.ZipFile(data, "w") as archive:
                archive.writestr("settings.json", "{}")
            return data.getvalue()

        def tarred() -> bytes:
            data = io.BytesIO()
            with tarfile.open(fileobj=data, mode="w:gz") as archive:
                archive.addfile(tarfile.TarInfo("../evil"), io.BytesIO())
            return data.getvalue()

        foreign: dict[str, bytes] = {
            "nothing": b"",
            "text": b"Dear diary",
            "a zip": zipped(),
            "a tar": tarred(),
            "other lines": gzip.compress(b'{"what": "something else"}\n'),
            "no object": gzip.compress(b"[1]\n"),
            "a deep one": gzip.compress(b"[" * 200_000 + b"\n"),
            "a line without end": gzip.compress(b" " * 50_000_000),
            "numbers": gzip.compress(b"1" * 100_000 + b"\n"),
        }
        for name, content in foreign.items():
            with self.subTest(name):
                Path(self.path).write_bytes(content)
                self.refused("foreign")
        Path(self.path).unlink()
        with self.assertRaises(FileNotFoundError):
            self.take()

    def test_a_newer_version_s_file_is_refused_plainly(self) -> None:
        self.exported()
        head, *rest = self.lines()
        self.write([{**head, "schema": SCHEMA + 1}, *rest])
        self.refused("newer")

    def test_a_damaged_file_changes_nothing(self) -> None:
        self.exported()
        whole = Path(self.path).read_bytes()
        for cut in (200, len(whole) // 2, len(whole) - 1, len(whole) - 9):
            with self.subTest(cut=cut):
                Path(self.path).write_bytes(whole[:cut])
                self.refused("damaged")
        for place in (300, len(whole) // 3, len(whole) - 4):
            with self.subTest(turned=place):
                Path(self.path).write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
                self.refused("damaged")

    def changed(self) -> Iterator[tuple[str, Callable[[list[Any]], list[Any]]]]:
        piece = {"piece": "x"}
        yield "the end is missing", lambda lines: lines[:-1]
        yield "something after the end", lambda lines: [*lines, {"end": 0}]
        yield "a wrong count", lambda lines: [*lines[:-1], {"end": 1}]
        yield "a part is missing", lambda lines: [*lines[:1], *lines[3:]]
        yield "a part is short", lambda lines: [lines[0], {"file": "strip_list.json", "size": 3}, piece, {"end": 1}]
        yield "a part is long", lambda lines: [lines[0], {"file": "strip_list.json", "size": 0}, piece, {"end": 1}]
        twice = [{"file": "strip_list.json", "size": 1}, piece] * 2
        yield "a name twice", lambda lines: [lines[0], *twice, {"end": 2}]
        yield "half a letter", lambda lines: [lines[0], {"file": "strip_list.json", "size": 3}, {"piece": "\ud800"}]
        for size in (-1, True, "1", None, 1.5, 10**30):
            if size != 10**30:
                yield f"size {size}", lambda lines, size=size: [lines[0], {"file": "strip_list.json", "size": size}]
        for name in (
            "../evil", "/etc/passwd", "journal/../../x.jsonl", "journal/a/../../../0-a.jsonl", "C:\\x", "copies/../x.jsonl",
            "journal\\a\\0-a.jsonl", "plugins/x.zip", "settings.json/", "", ".", "copies/\u0000.jsonl", "server/../x", 7,
            "journal/a/0-a.jsonl\n",
        ):  # fmt: skip
            yield f"a name that leads elsewhere: {name!r}", lambda lines, name=name: [
                lines[0], {"file": name, "size": 1}, piece, {"end": 1}
            ]  # fmt: skip

    def test_a_file_that_was_made_by_hand_leads_nowhere_else(self) -> None:
        self.exported()
        lines = self.lines()
        around = sorted(os.listdir(ours().parent))
        for name, change in self.changed():
            with self.subTest(name):
                self.write(change(lines))
                self.refused("damaged")
        self.assertEqual(sorted(os.listdir(ours().parent)), around)

    def test_a_small_file_that_becomes_a_huge_one_is_refused_before_it_is_written(self) -> None:
        head = {"what": pack.WHAT, "schema": SCHEMA, "made": 0}
        for name, size in (("strip_list.json", 1 << 40), ("memory/a.jsonl", 1 << 30), ("server/kosync.sqlite", 10**30)):
            with self.subTest(name), mock.patch.object(pack, "_lines", wraps=pack._lines):
                self.write([head, {"file": name, "size": size}])
                self.refused("too_large")
        many = [{"file": f"journal/a/{number}-a.jsonl", "size": 400 << 20} for number in range(8)]
        with mock.patch.object(pack.shutil, "disk_usage", return_value=mock.Mock(free=1 << 50)):
            # Each is allowed; what stops it is that it does not bring what it says.
            self.write([head, *many])
            self.refused("damaged")

    def test_a_full_disk_is_said_and_what_is_there_stays(self) -> None:
        self.exported()
        before = files()
        with (
            mock.patch.object(pack.shutil, "disk_usage", return_value=mock.Mock(free=1000)),
            self.assertRaises(OSError) as caught,
        ):
            self.take()
        self.assertEqual((caught.exception.errno, files()), (28, before))
        self.assertEqual(list(ours().glob("import-*")), [])
        kept = Path(self.path).read_bytes()
        settings = self.old_computer()
        with mock.patch.object(pack.os, "fsync", side_effect=OSError(28, "full")), self.assertRaises(OSError):
            export(self.path, settings, 1.0, False)
        self.assertEqual(Path(self.path).read_bytes(), kept)
        self.assertEqual(os.listdir(self.folder), ["moved.jsonl.gz"])

    def test_senseless_settings_are_not_taken(self) -> None:
        self.exported()
        head = {"what": pack.WHAT, "schema": SCHEMA, "made": 0}
        for stored in (
            b"no json",
            b"[]",
            json.dumps(
                {"click": 7, "accounts": [{"id": "x"}], "runtime_path": "/evil", "hosting": {"port": "x"}}
            ).encode(),
            json.dumps({"moved_logins": [{"id": 1}], "copy_logs": [None], "predict": "yes"}).encode(),
        ):
            with self.subTest(stored):
                self.new_computer()
                part = [{"file": "settings.json", "size": len(stored)}, {"piece": stored.decode()}]
                self.write([head, *part, {"end": 1}])
                self.take()
                settings = config.Settings()
                self.assertEqual({key: settings.get(key) for key in config.DEFAULTS}, config.DEFAULTS)
        self.assertTrue(not settings_path().exists() or settings_path().stat().st_size < 1000)
