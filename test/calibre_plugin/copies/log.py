"""Many processes write, some are killed, one gathers: what was logged stays known."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
import unittest
from typing import Any
from unittest import mock

from calibre_plugins.koreader_progress.copies import log as copy_log
from calibre_plugins.koreader_progress.copies.log import CopyRecord, ProcessLog, read_log
from calibre_plugins.koreader_progress.copies.log_places import find_logs, log_folders, out_of_reach, trouble_with
from libraries import TOOLS, new_folder

WRITER = """
import sys, time
from calibre.customize.ui import find_plugin
assert find_plugin('KOReader Progress')
from calibre_plugins.koreader_progress.copies import log as copy_log
count, after = int(sys.argv[2]), sys.argv[3]
for n in range(count):
    copy_log.append(dict(at=float(n), source='written', uuid=sys.argv[1], kind='partial_md5', digest='%032x' % n, title='T' * 200))
    if n == 0: print('begun', flush=True)
print('done', flush=True)
if after == 'stay': time.sleep(60)
"""


def record(digest: str, at: float = 1.0, uuid: str = "u", **more: object) -> CopyRecord:
    return {"at": at, "source": "written", "uuid": uuid, "kind": "partial_md5", "digest": digest, **more}  # type: ignore[typeddict-item]


def digests(folder: str) -> set[str]:
    return {r["digest"] for r in copy_log.read_logs([folder])}


class Case(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = os.path.join(new_folder("logs"), "copies")
        patch = mock.patch.object(copy_log, "log_folder", lambda: self.folder)
        patch.start()
        self.addCleanup(patch.stop)
        self.children: list[subprocess.Popen[str]] = []

    def tearDown(self) -> None:
        for child in self.children:
            child.kill()
            child.communicate()

    def spawn(self, uuid: str, count: int, after: str = "leave") -> subprocess.Popen[str]:
        """Another calibre process that writes into the plugin's real log folder of a configuration of its own."""
        config = new_folder("config")
        shutil.copytree(os.environ["CALIBRE_CONFIG_DIRECTORY"], config, dirs_exist_ok=True)
        shutil.rmtree(os.path.join(config, "plugins", "koreader_progress"), ignore_errors=True)
        script = os.path.join(new_folder("script"), "writer.py")
        with open(script, "w") as file:
            file.write(WRITER)
        env = {**os.environ, "CALIBRE_CONFIG_DIRECTORY": config}
        program = os.path.join(TOOLS, "calibre-debug") if TOOLS else "calibre-debug"
        child = subprocess.Popen(
            [program, "-e", script, uuid, str(count), after], stdout=subprocess.PIPE, text=True, env=env
        )
        self.children.append(child)
        self.folder = os.path.join(config, "plugins", "koreader_progress", "copies")
        assert child.stdout is not None
        self.assertEqual(child.stdout.readline().strip(), "begun")
        return child


class Lines(Case):
    def test_what_is_appended_is_read_back(self) -> None:
        log = ProcessLog()
        log.append(record("a" * 32, title="Ünïcode\nand a line feed"))
        log.append(record("b" * 32))
        self.assertEqual(digests(self.folder), {"a" * 32, "b" * 32})
        titles = [r.get("title") for r in copy_log.read_logs([self.folder])]
        self.assertEqual(titles[0], "Ünïcode\nand a line feed")

    def test_a_torn_line_costs_that_line_only(self) -> None:
        os.makedirs(self.folder)
        whole = json.dumps(record("a" * 32)).encode()
        with open(os.path.join(self.folder, "1.jsonl"), "wb") as file:
            file.write(
                whole + b"\n" + whole[:40] + b"\n" + b"\xff\xfe\n[1]\n{}\n" + whole.replace(b"a" * 32, b"b" * 32)
            )
        with open(os.path.join(self.folder, "2.jsonl"), "wb") as file:
            file.write(whole.replace(b"a" * 32, b"c" * 32) + b"\n" + whole[:-3])
        self.assertEqual(digests(self.folder), {"a" * 32, "b" * 32, "c" * 32})

    def test_what_somebody_else_wrote_costs_what_makes_no_sense_in_it(self) -> None:
        os.makedirs(self.folder)
        fine = {**record("a" * 32, title="T", size=5, name="a.epub", content_key="c" * 32)}
        odd = {
            "title": 1,
            "authors": "Me",
            "size": 1.5,
            "name": [],
            "content_key": "x",
            "device": {},
            "answered": "now",
        }
        lines = [
            json.dumps({**fine, **odd, "digest": "b" * 32, "at": float("nan")}),
            json.dumps({**fine, "digest": "0" * 32, "at": "1", "size": -1, "path": None}),
            *(
                json.dumps({**fine, **worthless})
                for worthless in (
                    {"digest": "zz"},
                    {"digest": "a" * 32 + "\n"},
                    {"uuid": ""},
                    {"uuid": None},
                    {"kind": "md6"},
                )
            ),
            "[" * 100_000,
            "null",
        ]
        with open(os.path.join(self.folder, "1.jsonl"), "w") as file:
            file.write("\n".join(lines))
        first, second = copy_log.read_logs([self.folder])
        self.assertEqual({key: first.get(key) for key in odd}, dict.fromkeys(odd))
        self.assertEqual((first["digest"], first["uuid"], first["at"]), ("b" * 32, fine["uuid"], 0.0))
        self.assertEqual(
            (second["at"], second.get("size"), second.get("path"), second.get("name")), (0.0, None, None, "a.epub")
        )

    def test_a_name_that_is_no_unicode_keeps_its_bytes(self) -> None:
        name = os.fsdecode(b"\xe4\xff.epub")
        log = ProcessLog()
        log.append(record("a" * 32, name=name))
        assert log.file is not None
        log.file.close()
        for _ in range(2):
            (read,) = copy_log.read_logs([self.folder])
            self.assertEqual(read.get("name"), name)
            copy_log.gather(self.folder)

    def test_a_log_begins_although_the_others_cannot_be_gathered(self) -> None:
        for n in range(copy_log.MANY + 1):
            log = ProcessLog()
            with mock.patch.object(copy_log, "MANY", 10**6):
                log.append(record(f"{n:032x}"))
            assert log.file is not None
            log.file.close()
        with mock.patch.object(os, "replace", side_effect=PermissionError("somebody is reading it")):
            ProcessLog().append(record("f" * 32))
        self.assertEqual(len(digests(self.folder)), copy_log.MANY + 2)

    def test_a_line_that_the_disk_cut_short_does_not_spoil_the_next(self) -> None:
        log = ProcessLog()
        log.append(record("a" * 32))
        assert log.file is not None
        cut = mock.Mock(wraps=log.file)
        cut.name, genuine = log.file.name, log.file
        cut.write.side_effect = lambda data: genuine.write(data[:20])
        log.file = cut
        log.append(record("b" * 32))
        log.file = genuine
        log.append(record("c" * 32))
        self.assertEqual(digests(self.folder), {"a" * 32, "c" * 32})

    def test_what_was_logged_often_is_one_record_with_its_first_and_last_date(self) -> None:
        log = ProcessLog()
        for at in (5.0, 3.0, 9.0):
            log.append(record("a" * 32, at, title=f"At {at}", size=None if at == 9 else 7))
        (merged,) = copy_log.read_logs([self.folder])
        self.assertEqual((merged["at"], merged.get("last"), merged.get("title")), (3.0, 9.0, "At 9.0"))
        self.assertEqual(merged.get("size"), 7)
        log.append(record("a" * 32, uuid="another"))
        self.assertEqual(len(copy_log.read_logs([self.folder])), 2)

    def test_a_log_deleted_under_a_running_process_is_begun_anew(self) -> None:
        log = ProcessLog()
        log.append(record("a" * 32))
        shutil.rmtree(self.folder)
        log.append(record("b" * 32))
        self.assertEqual(digests(self.folder), {"b" * 32})

    def test_further_folders_come_from_the_setting_and_the_environment(self) -> None:
        one, two = new_folder(), new_folder()
        with mock.patch.dict(os.environ, {copy_log.VARIABLE: os.pathsep.join(["", one, two])}):
            self.assertEqual(log_folders([two]), [self.folder, two, one])
        self.assertEqual(log_folders([]), [self.folder])

    def test_the_logs_of_another_calibre_are_found_in_its_configuration_folder(self) -> None:
        theirs = new_folder()
        logs = os.path.join(theirs, "plugins", "koreader_progress", "copies")
        self.assertEqual((find_logs(theirs), trouble_with(theirs)), (theirs, "empty"))
        os.makedirs(logs)
        with open(os.path.join(logs, "1-2-3.jsonl"), "w", encoding="utf-8"):
            pass
        for named in (theirs, os.path.join(theirs, "plugins"), os.path.dirname(logs), logs):
            self.assertEqual((os.path.normpath(find_logs(named)), trouble_with(named)), (logs, ""))
        self.assertEqual(log_folders([theirs]), [self.folder, logs])

    def test_a_folder_that_is_not_there_or_may_not_be_read_is_named(self) -> None:
        gone = os.path.join(new_folder(), "gone")
        self.assertEqual(trouble_with(gone), "missing")
        file = os.path.join(new_folder(), "file")
        with open(file, "w", encoding="utf-8"):
            pass
        self.assertEqual(trouble_with(file), "missing")
        self.assertEqual(out_of_reach([gone, new_folder()]), [gone])


def refusing(refused: str) -> Any:
    """`read_log` for a moment in which one file cannot be opened."""

    def read(path: str, without: Any = (), unreadable: Any = None, newer: Any = None) -> list[CopyRecord]:
        if path == refused:
            unreadable.add(path)
            return []
        return list(read_log(path, without, unreadable, newer))

    return read


class Gathering(Case):
    def test_logs_of_ended_processes_are_merged_and_deleted_and_those_of_living_ones_stay(self) -> None:
        living = ProcessLog()
        living.append(record("a" * 32))
        ended = ProcessLog()
        ended.append(record("b" * 32))
        assert ended.file is not None
        ended.file.close()
        self.assertEqual(copy_log.gather(self.folder), 1)
        self.assertEqual(len(copy_log.log_files(self.folder)), 1)
        living.append(record("c" * 32))
        self.assertEqual(digests(self.folder), {"a" * 32, "b" * 32, "c" * 32})
        self.assertEqual(copy_log.gather(self.folder), 0)
        assert living.file is not None
        living.file.close()
        self.assertEqual(copy_log.gather(self.folder), 1)
        self.assertEqual(copy_log.log_files(self.folder), [])
        self.assertEqual(digests(self.folder), {"a" * 32, "b" * 32, "c" * 32})

    def test_gathering_twice_at_once_is_left_to_the_first(self) -> None:
        ProcessLog().append(record("a" * 32))
        with open(os.path.join(self.folder, "gather.lock"), "ab", buffering=0) as gate:
            self.assertTrue(copy_log.lock(gate))
            self.assertEqual(copy_log.gather(self.folder), 0)
        self.assertEqual(digests(self.folder), {"a" * 32})

    def test_what_cannot_be_read_at_this_moment_is_neither_replaced_nor_deleted(self) -> None:
        for digit in "ab":
            log = ProcessLog()
            log.append(record(digit * 32))
            assert log.file is not None
            log.file.close()
            if digit == "a":
                self.assertEqual(copy_log.gather(self.folder), 1)
        ended = copy_log.log_files(self.folder)
        for path in (os.path.join(self.folder, copy_log.GATHERED), *ended):
            with mock.patch.object(copy_log, "read_log", refusing(path)):
                self.assertEqual(copy_log.gather(self.folder), 0)
            self.assertEqual(copy_log.log_files(self.folder), ended)
            self.assertEqual(digests(self.folder), {"a" * 32, "b" * 32})
        self.assertEqual(copy_log.gather(self.folder), 1)
        self.assertEqual(digests(self.folder), {"a" * 32, "b" * 32})

    def test_where_there_are_no_locks_nothing_is_deleted(self) -> None:
        log = ProcessLog()
        with mock.patch.object(copy_log, "lock", lambda file: None):
            log.append(record("a" * 32))
            self.assertEqual(copy_log.gather(self.folder), 0)
        self.assertEqual(len(copy_log.log_files(self.folder)), 1)

    def test_many_short_lived_programs_do_not_leave_a_heap_of_files(self) -> None:
        for n in range(copy_log.MANY + 5):
            log = ProcessLog()
            log.append(record(f"{n:032x}"))
            assert log.file is not None
            log.file.close()
        self.assertLess(len(copy_log.log_files(self.folder)), 10)
        self.assertEqual(len(digests(self.folder)), copy_log.MANY + 5)


class Killed(Case):
    def test_a_process_killed_while_it_writes_loses_at_most_its_last_line(self) -> None:
        child = self.spawn("killed", 10_000_000)
        time.sleep(0.3)
        child.send_signal(signal.SIGKILL)
        child.wait()
        (path,) = copy_log.log_files(self.folder)
        with open(path, "rb") as file:
            lines = file.read().count(b"\n")
        self.assertGreater(lines, 50)
        self.assertEqual(copy_log.gather(self.folder), 1)
        records = copy_log.read_logs([self.folder])
        self.assertEqual(len(records), lines)
        self.assertEqual({r["uuid"] for r in records}, {"killed"})

    def test_a_living_process_of_its_own_keeps_its_log(self) -> None:
        child = self.spawn("living", 3, "stay")
        assert child.stdout is not None
        self.assertEqual(child.stdout.readline().strip(), "done")
        self.assertEqual(copy_log.gather(self.folder), 0)
        self.assertEqual(len(copy_log.log_files(self.folder)), 1)
        child.kill()
        child.wait()
        self.assertEqual(copy_log.gather(self.folder), 1)
        self.assertEqual(len(digests(self.folder)), 3)

    def test_a_gatherer_killed_before_it_deleted_loses_and_doubles_nothing(self) -> None:
        for digest in ("a", "b"):
            log = ProcessLog()
            log.append(record(digest * 32, 4.0))
            assert log.file is not None
            log.file.close()
        with mock.patch.object(copy_log, "remove", side_effect=KeyboardInterrupt), self.assertRaises(KeyboardInterrupt):
            copy_log.gather(self.folder)
        self.assertEqual(len(copy_log.read_logs([self.folder])), 2)
        copy_log.gather(self.folder)
        self.assertEqual(len(copy_log.read_logs([self.folder])), 2)
        self.assertEqual(copy_log.log_files(self.folder), [])
