"""Books sent by calibre's own device manager: what is logged is what arrived, under the name that it got there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import unittest
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from calibre.devices.folder_device.driver import FOLDER_DEVICE
from calibre.ptempfile import PersistentTemporaryFile
from calibre_plugins.koreader_progress.copies import log as copy_log
from calibre_plugins.koreader_progress.devices import uploads
from calibre_plugins.koreader_progress.copies.log import CopyRecord
from calibre_plugins.koreader_progress.copies.content_key import file_content_key
from calibre_plugins.koreader_progress.copies.digest import file_digest, name_digest
from calibre_plugins.koreader_progress.words.faults import noted_faults
from calibre_plugins.koreader_progress.memory.history import read_digests
from calibre_plugins.koreader_progress.memory.rebuild import rebuild
from calibre_plugins.koreader_progress.copies.strip_list import our_folder
from libraries import TOOLS, add_book, make_library, new_folder, open_library
from sending import manager_of


# Sends a book again and again, each time under another title, and says what arrived once calibre's sending has returned.
SENDER = """
import os, shutil, sys
sys.path.insert(0, os.environ['PLUGIN_TESTS'])
from calibre.customize.ui import find_plugin
assert find_plugin('KOReader Progress')
from calibre.db.legacy import LibraryDatabase
from calibre.devices.folder_device.driver import FOLDER_DEVICE
from calibre_plugins.koreader_progress.devices import uploads
from calibre_plugins.koreader_progress.copies.digest import file_digest
from sending import manager_of
library, folder, book = sys.argv[1], sys.argv[2], int(sys.argv[3])
api = LibraryDatabase(library).new_api
device = FOLDER_DEVICE(folder)
device.set_progress_reporter(lambda *_: None)
device.get_device_information()
manager = manager_of(device)
uploads.watch_uploads(manager)
for n in range(10**9):
    file = os.path.join(folder, '..', 'sent-%d.fb2' % os.getpid())
    shutil.copyfile(api.format_abspath(book, 'FB2'), file)
    mi = api.get_metadata(book)
    mi.title = 'Title %d of %d' % (n, os.getpid())
    ((path, _card),) = manager._upload_books([file], ['sent.fb2'], on_card=None, metadata=[mi], plugboards={})
    print('ARRIVED', file_digest(path), flush=True)
"""
FB2 = (
    b'<?xml version="1.0" encoding="utf-8"?><FictionBook xmlns="http://www.gribuser.ru/xml/fictionbook/2.0">'
    b"<description><title-info><book-title>T</book-title></title-info></description><body><section><p>"
    + b"Words. " * 20_000
    + b"</p></section></body></FictionBook>"
)


class Case(unittest.TestCase):
    def setUp(self) -> None:
        shutil.rmtree(our_folder(), ignore_errors=True)
        copy_log._own.file = None
        self.db = make_library()
        self.addCleanup(self.db.close)
        self.book = add_book(self.db, title="Sent Away", authors=["Some Body"])
        self.told: list[list[str]] = []

    @property
    def uuid(self) -> str:
        return self.db.new_api.field_for("uuid", self.book)

    def send(self, device: Any) -> Any:
        """Sends the book as calibre does; what the driver answered."""
        manager = manager_of(device)
        uploads.watch_uploads(manager, self.told.append)
        file = os.path.join(new_folder("send"), "sent.epub")
        shutil.copyfile(self.db.new_api.format_abspath(self.book, "EPUB"), file)
        metadata = self.db.new_api.get_metadata(self.book)
        return manager._upload_books([file], ["sent.epub"], on_card=None, metadata=[metadata], plugboards={})

    def sent(self) -> list[CopyRecord]:
        return [record for record in copy_log.read_logs([copy_log.log_folder()]) if record["source"] == "sent"]


class Wireless:
    """A device that is reached by a conversation: it says where a file is and how much it sent, nothing is mounted."""

    driveinfo = {"device_name": "KOReader", "device_store_uuid": "u1"}

    def __init__(self, answer: Callable[[int], Any]) -> None:
        self.answer = answer

    def upload_books(self, files: list[str], names: list[str], *_args: Any, **_named: Any) -> Any:
        # A driver's own edit.
        with open(files[0], "ab") as file:
            file.write(b"edited by the driver")
        self.digest = file_digest(files[0])
        return self.answer(os.path.getsize(files[0]))


class Optimising:
    """A driver that makes a file of its own, sends that, and deletes it before it says how much it sent."""

    driveinfo = {"device_name": "Small Reader", "device_store_uuid": "u2"}

    def __init__(
        self, change: Callable[[bytes], bytes], tells: bool, size: Callable[[int], Any] = lambda size: size
    ) -> None:
        self.change, self.tells, self.size = change, tells, size
        self.report_progress: Callable[[float, str], None] = lambda _share, _text: None

    def upload_books(self, files: list[str], names: list[str], *_args: Any, **_named: Any) -> Any:
        with open(files[0], "rb") as file:
            data = self.change(file.read())
        own = PersistentTemporaryFile("_baseline.epub")
        own.write(data)
        own.close()
        self.digest = file_digest(own.name)
        if self.tells:
            self.report_progress(0.5, "Transferring")
        os.remove(own.name)
        return [(f"/books/{names[0]}", self.size(len(data)))]


class Uploads(Case):
    def test_on_a_mounted_device_the_digest_is_that_of_the_file_that_arrived(self) -> None:
        folder = new_folder("device")
        device = FOLDER_DEVICE(folder)
        device.set_progress_reporter(lambda *_: None)
        device.get_device_information()
        ((path, card),) = self.send(device)
        self.assertIsNone(card)
        (record,) = self.sent()
        self.assertEqual(record["digest"], file_digest(path))
        self.assertEqual((record["uuid"], record["title"], record["format"]), (self.uuid, "Sent Away", "EPUB"))
        self.assertEqual((record["path"], record["name"]), (path, os.path.basename(path)))
        self.assertEqual(record["content_key"], file_content_key(path))
        self.assertEqual(record["device"], device.driveinfo["main"]["device_name"])
        self.assertEqual(self.told, [[self.uuid]])

    def test_the_name_on_the_device_becomes_a_candidate_for_filename_matching(self) -> None:
        device = FOLDER_DEVICE(new_folder("device"))
        device.set_progress_reporter(lambda *_: None)
        ((path, _card),) = self.send(device)
        rebuild(self.db.new_api)
        known = {d["digest"]: d["kind"] for d in read_digests(self.db.new_api, [self.book])[self.book]}
        expected = {file_digest(path): "partial_md5", name_digest(os.path.basename(path)): "filename"}
        self.assertEqual(known, expected)

    def test_over_the_wireless_connection_the_drivers_own_edits_count(self) -> None:
        device = Wireless(lambda size: [("Some Body/Sent Away (1).epub", size)])
        ((path, _size),) = self.send(device)
        self.assertEqual(path, "Some Body/Sent Away (1).epub")
        (record,) = self.sent()
        self.assertEqual((record["digest"], record["name"]), (device.digest, "Sent Away (1).epub"))
        self.assertEqual((record["path"], record["device"]), ("Some Body/Sent Away (1).epub", "KOReader"))

    def test_over_mtp_the_object_names_the_file(self) -> None:
        names = {"full_path": ("Internal storage", "Books", "Sent.epub"), "name": "Sent.epub"}
        self.send(Wireless(lambda size: [(SimpleNamespace(size=size, **names), 0)]))
        (record,) = self.sent()
        self.assertEqual((record["path"], record["name"]), ("Books/Sent.epub", "Sent.epub"))

    def test_a_kepub_is_called_one(self) -> None:
        self.send(Wireless(lambda size: [("Sent.kepub.epub", size)]))
        self.assertEqual(self.sent()[0]["format"], "KEPUB")

    def test_what_cannot_be_proven_to_have_arrived_is_known_by_its_name_alone(self) -> None:
        # The driver's own file differs, is as large as calibre's, or of no size that is told.
        larger, twin = (lambda data: data + b"more"), (lambda data: data[:700] + b"?" + data[701:])
        for n, device in enumerate(
            (
                Optimising(larger, tells=False),
                Optimising(larger, tells=True, size=lambda _size: None),
                Optimising(larger, tells=True, size=lambda _size: 0),
                Optimising(larger, tells=True, size=lambda size: size + 1),
                Optimising(twin, tells=True),
            )
        ):
            with self.subTest(n=n):
                shutil.rmtree(our_folder(), ignore_errors=True)
                copy_log._own.file = None
                self.send(device)
                (record,) = self.sent()
                told = (record["kind"], record["name"], record["digest"], record["content_key"])
                self.assertEqual(told, ("filename", "sent.epub", name_digest("sent.epub"), None))
        self.assertEqual(self.told, [[self.uuid]] * 5)
        lines = [line for line in noted_faults() if "Optimising" in line]
        self.assertTrue(any("a file of its own making" in line for line in lines), lines)
        rebuild(self.db.new_api)
        known = read_digests(self.db.new_api, [self.book])[self.book]
        # What calibre wrote is known all the same, as what it is.
        self.assertEqual({d["kind"]: d["source"] for d in known}, {"filename": "sent", "partial_md5": "written"})

    def test_the_drivers_own_file_is_known_where_it_lies_there_while_it_is_sent(self) -> None:
        device = Optimising(lambda data: data + b"more", tells=True)
        report = device.report_progress
        self.send(device)
        (record,) = self.sent()
        self.assertEqual((record["kind"], record["digest"]), ("partial_md5", device.digest))
        self.assertIs(device.report_progress, report)

    def test_a_path_on_the_device_is_not_taken_for_one_of_this_machine(self) -> None:
        here = os.path.join(new_folder("books"), "sent.epub")
        with open(here, "wb") as file:
            file.write(b"another file, of this machine")
        self.send(Wireless(lambda size: [(here, size + 1)]))
        self.assertEqual([record["kind"] for record in self.sent()], ["filename"])

    def test_a_driver_without_an_answer_leaves_nothing_to_be_known(self) -> None:
        self.send(Wireless(lambda _size: [None]))
        self.assertEqual(self.sent(), [])

    def test_a_sending_that_fails_fails_as_it_would_without_us(self) -> None:
        def refuse(_size: int) -> Any:
            raise OSError("the device is full")

        with self.assertRaisesRegex(OSError, "the device is full"):
            self.send(Wireless(refuse))
        self.assertEqual(self.sent(), [])

    def test_trouble_of_our_own_never_reaches_calibre(self) -> None:
        with mock.patch.object(uploads, "append", side_effect=OSError("no space")) as append:
            self.assertEqual(self.send(Wireless(lambda size: [("a.epub", size)]))[0][0], "a.epub")
        self.assertEqual(append.call_count, 1)
        with mock.patch.object(self, "told", SimpleNamespace(append=mock.Mock(side_effect=ValueError))):
            self.assertEqual(self.send(Wireless(lambda size: [("a.epub", size)]))[0][0], "a.epub")

    def test_wrapping_twice_logs_once_and_unwrapping_puts_calibres_own_back(self) -> None:
        manager = manager_of(Wireless(lambda size: [("a.epub", size)]))
        uploads.watch_uploads(manager)
        uploads.watch_uploads(manager)
        file = os.path.join(new_folder("send"), "sent.epub")
        shutil.copyfile(self.db.new_api.format_abspath(self.book, "EPUB"), file)
        metadata = [self.db.new_api.get_metadata(self.book)]
        with mock.patch.object(uploads, "append") as append:
            manager._upload_books([file], ["sent.epub"], None, metadata, {})
            self.assertEqual(append.call_count, 1)
            uploads.unwatch_uploads(manager)
            manager._upload_books([file], ["sent.epub"], metadata=metadata, plugboards={})
            self.assertEqual(append.call_count, 1)


class Killed(Case):
    def test_calibre_killed_while_it_sends_forgets_nothing_that_arrived(self) -> None:
        book = add_book(self.db, FB2, "FB2", title="Sent often")
        library = self.db.library_path
        self.db.close()
        script = os.path.join(new_folder("script"), "sender.py")
        with open(script, "w") as file:
            file.write(SENDER)
        program = os.path.join(TOOLS, "calibre-debug") if TOOLS else "calibre-debug"
        env = {**os.environ, "PLUGIN_TESTS": str(Path(__file__).resolve().parent.parent)}
        arrived: set[str] = set()
        for n in range(4):
            folder = os.path.join(new_folder("killed"), "device")
            os.makedirs(folder)
            child = subprocess.Popen(
                [program, "-e", script, "--", library, folder, str(book)], stdout=subprocess.PIPE, text=True, env=env
            )
            assert child.stdout is not None
            # However slow the machine is, some have arrived before.
            begun: list[str] = []
            while len(begun) < 3:
                line = child.stdout.readline()
                begun += [line] if line.startswith("ARRIVED") else []
            # In the middle of whatever it is doing: reading, writing into the copy, sending, logging.
            time.sleep(0.05 + n * 0.013)
            child.kill()
            rest, _ = child.communicate()
            # A line that the end has cut short says nothing.
            said = [line for line in [*begun, *rest.splitlines(True)] if line.endswith("\n")]
            arrived.update(line.split()[1] for line in said if line.startswith("ARRIVED"))
        self.db = open_library(library)
        self.addCleanup(self.db.close)
        rebuild(self.db.new_api)
        known = {d["digest"]: d["source"] for d in read_digests(self.db.new_api, [book])[book]}
        self.assertEqual({known.get(digest) for digest in arrived}, {"sent"})
        self.assertGreater(len(arrived), 8)
        # And what a killed process has logged is whole: each line of its own book, but for the last one of each.
        for path in copy_log.log_files(copy_log.log_folder()):
            with open(path, "rb") as log:
                lines = log.read().split(b"\n")
            whole = sum(json.loads(line)["uuid"] != "" for line in lines[:-1])
            self.assertEqual(whole, len(lines) - 1)
