"""What a server did not know is not asked about again too soon, unless something happened to the book here."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import unittest
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock
from zipfile import ZipFile

sys.path.append(str(Path(__file__).resolve().parent.parent.parent / "gui"))

from calibre.devices.folder_device.driver import FOLDER_DEVICE
from calibre.ebooks.metadata.book.base import Metadata
from calibre.utils.date import utcnow
from calibre_plugins.koreader_progress.settings import config
from calibre_plugins.koreader_progress.copies import log as copy_log
from calibre_plugins.koreader_progress.copies.digest import partial_md5
from calibre_plugins.koreader_progress.copies.settle import BOOKMARKS
from calibre_plugins.koreader_progress.copies.writer import write_copy
from calibre_plugins.koreader_progress.library import positions
from calibre_plugins.koreader_progress.sync import pull
from calibre_plugins.koreader_progress.devices import uploads
from calibre_plugins.koreader_progress.link.client import BridgeClient
from calibre_plugins.koreader_progress.devices.device import collect
from calibre_plugins.koreader_progress.memory.history import read_digests
from calibre_plugins.koreader_progress.memory.rebuild import rebuild
from calibre_plugins.koreader_progress.copies.strip_list import StripList, our_folder
from device_tree import DeviceTree
from epubs import Recipe, make_epub
from kosync import KosyncServer, Proxy, userkey
from libraries import TOOLS, Server, add_book, make_library, new_folder, open_library
from statistics_reader import statistics_reader
from sending import manager_of

USER = ("anna", "correct horse")


class AskingAgain(unittest.TestCase):
    server: KosyncServer
    # Hides the server's list: that would tell every time, for nothing.
    front: Proxy
    bridge: BridgeClient

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = KosyncServer()
        cls.server.register(*USER)
        cls.front = Proxy(cls.server.url)
        cls.bridge = BridgeClient([os.environ["TEST_NODE"], os.environ["TEST_BRIDGE"]], os.environ)
        cls.bridge.hello("test", new_folder("cache"))

    @classmethod
    def tearDownClass(cls) -> None:
        cls.bridge.stop()
        cls.front.stop()
        cls.server.stop()

    def setUp(self) -> None:
        shutil.rmtree(our_folder(), ignore_errors=True)
        copy_log._own.file = None
        self.db = make_library([("pct", "int", {})])
        self.addCleanup(lambda: self.db.close())
        # A text of its own for each test: one server and one memory serve all.
        title = self.id().rpartition(".")[2]
        self.data = make_epub(Recipe(title, content=20_000, title=title))
        self.book = self.add_long_ago(title)
        self.assertEqual(self.ask(), "not_on_server")
        self.assertEqual(self.ask(), "not_asked")

    @property
    def api(self) -> Any:
        return self.db.new_api

    def add_long_ago(self, title: str) -> int:
        book = add_book(self.db, self.data, title=title)
        self.api.set_field("timestamp", {book: utcnow() - timedelta(days=40)})
        return book

    def ask(self) -> str:
        """A sync that nobody asked for; why the book has no progress: the server was asked, or not."""
        rebuild(self.api)
        stored = config.new_profile("p", "P", "a")
        stored["columns"] = {"percent": {"column": "#pct", "scale": 100}}
        account = config.new_account(self.front.url, USER[0], userkey(USER[1]))
        profile, _unusable = config.resolve_profile(self.api, stored)
        options = pull.PullOptions("quiet")
        ids, stop = [self.book], threading.Event()
        pulled = pull.prepare(self.api, ids, account, profile, self.bridge, options, stop, lambda *_: None)
        (skip,) = pulled.plan["skipped"]
        return skip["reason"]["code"]

    def assert_asked_once_more(self) -> None:
        self.assertEqual(self.ask(), "not_on_server")
        self.assertEqual(self.ask(), "not_asked")

    def test_after_it_was_sent(self) -> None:
        device = FOLDER_DEVICE(new_folder("device"))
        device.set_progress_reporter(lambda *_: None)
        device.get_device_information()
        manager = manager_of(device)
        uploads.watch_uploads(manager)
        file = os.path.join(new_folder("send"), "sent.epub")

        def send() -> None:
            shutil.copyfile(self.api.format_abspath(self.book, "EPUB"), file)
            metadata = [self.api.get_metadata(self.book)]
            manager._upload_books([file], ["sent.epub"], on_card=None, metadata=metadata, plugboards={})

        send()
        self.assert_asked_once_more()
        # The same copy again: no digest is new.
        send()
        self.assert_asked_once_more()

    def test_after_it_was_downloaded(self) -> None:
        path = self.db.library_path
        for _ in range(2):
            self.db.close()
            with Server(path, 18_085) as server:
                server.get(self.book, "EPUB")
            self.db = open_library(path)
            self.assert_asked_once_more()

    def test_after_it_was_opened_in_calibres_viewer(self) -> None:
        path = self.api.format_abspath(self.book, "EPUB")
        for _ in range(2):
            read_in_viewer(path)
            self.assert_asked_once_more()

    def test_after_the_viewer_kept_its_notes_in_the_books_own_file(self) -> None:
        path = self.api.format_abspath(self.book, "EPUB")
        before = copy_digest(path)
        read_and_close(path)
        with ZipFile(path) as archive:
            self.assertIn(BOOKMARKS, archive.namelist())
        self.assert_asked_once_more()
        self.assertEqual(copy_digest(path), before)

    def test_after_it_was_read_on_the_content_server(self) -> None:
        self.api.set_last_read_position(self.book, "EPUB", user="anna", device="browser", cfi="epubcfi(/2/2)")
        self.assert_asked_once_more()

    def test_not_after_we_brought_a_place_there_ourselves(self) -> None:
        path = self.api.format_abspath(self.book, "EPUB")
        place: Any = {"format": "EPUB", "path": path, "cfi": "epubcfi(/4/2/4)"}
        delivery = positions.Delivery(self.book, place, time.time() - 3600, 0.4)
        self.assertEqual(positions.deliver(self.api, [delivery], ["anna"], viewer=True), 1)
        self.assertEqual(self.ask(), "not_asked")

    def test_after_its_sidecar_or_its_statistics_changed_on_a_device(self) -> None:
        tree = DeviceTree()
        digest = tree.put("Book.epub", self.data)

        def connect() -> None:
            collect(tree.connect(), self.api, threading.Event(), {}, statistics=statistics_reader())

        connect()
        self.assert_asked_once_more()
        connect()
        self.assertEqual(self.ask(), "not_asked")
        changes: tuple[Callable[[], object], ...] = (
            lambda: tree.sidecar("Book.epub"),
            lambda: tree.sidecar("Book.epub", status="complete"),
            # A reader without a clock believes to be in the past.
            lambda: os.utime(tree.sidecar("Book.epub", percent=0.9), (1_000_000, 1_000_000)),
            lambda: tree.statistics([(digest, "Book", "Somebody", 1_700_000_000)]),
            lambda: tree.statistics([(digest, "Book", "Somebody", 1_710_000_000)]),
        )
        for n, change in enumerate(changes):
            with self.subTest(n):
                change()
                connect()
                self.assert_asked_once_more()
                connect()
                self.assertEqual(self.ask(), "not_asked")

    def test_after_it_came_into_the_library_again(self) -> None:
        title = self.api.field_for("title", self.book)
        self.api.remove_books([self.book])
        self.book = add_book(self.db, self.data, title=title)
        self.assert_asked_once_more()

    def test_a_line_of_nonsense_in_a_log_does_not_end_the_sync(self) -> None:
        known = {"uuid": self.api.field_for("uuid", self.book), "source": "written"}
        lines = [
            {**known, "digest": "nonsense"},
            {**known, "digest": "e" * 32, "at": float("nan"), "size": 0.5, "content_key": 7, "name": ["a"]},
            {**known, "digest": "f" * 32, "at": 1e308 * 10, "device": os.fsdecode(b"\xff"), "answered": True},
            {**known, "digest": "c" * 32, "at": 10**400, "name": "half of a \ud83d.epub"},
            {**known, "digest": "d" * 32, "at": 1.7e12},
        ]
        with open(os.path.join(new_folder("other"), "1.jsonl"), "w") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)
        with mock.patch.dict(os.environ, {copy_log.VARIABLE: os.path.dirname(file.name)}):
            self.assertEqual(self.ask(), "not_asked")
        kept = read_digests(self.api, [self.book])[self.book]
        digests = {known["digest"] for known in kept if known["kind"] == "partial_md5"}
        self.assertEqual(digests, {character * 32 for character in "cdef"})
        self.assertEqual({known["last_seen"] for known in kept}, {0.0})

    def test_not_for_what_happened_before(self) -> None:
        uuid = self.api.field_for("uuid", self.book)
        known = {"uuid": uuid, "kind": "partial_md5", "digest": "d" * 32}
        copy_log.append({"at": time.time() - 20 * 86_400, "source": "sent", **known})  # type: ignore[typeddict-item]
        # The new digest is asked about; the others still wait.
        self.assertEqual(self.ask(), "not_asked")


def read_in_viewer(path: str) -> None:
    """Opens a book in calibre's own viewer until it has written where it is."""
    kept = positions.annotations_path(path)
    before = os.stat(kept).st_mtime_ns if os.path.exists(kept) else 0
    program = os.path.join(TOOLS, "ebook-viewer") if TOOLS else "ebook-viewer"
    # A group of its own: the viewer does not end when asked to while it has no screen.
    child = subprocess.Popen(
        [program, path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        for _ in range(600):
            if os.path.exists(kept) and os.stat(kept).st_mtime_ns > before and is_whole(kept):
                return
            time.sleep(0.1)
        raise AssertionError("the viewer wrote no place")
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


# The viewer writes into the book's file when it is closed: its own window is closed once it knows where it is.
CLOSE_WHEN_READ = """
import os, sys
from calibre.gui2.viewer import ui
from calibre.gui2.viewer.config import vprefs
from calibre.gui2.viewer.main import main
from qt.core import QTimer

vprefs["session_data"] = {"standalone_misc_settings": {"save_annotations_in_ebook": True}}
began = ui.EbookViewer.__init__

def begin(self, *args, **kwargs):
    began(self, *args, **kwargs)
    self.until_read = QTimer(self)
    self.until_read.timeout.connect(lambda: os.path.exists(sys.argv[-2]) and self.close())
    self.until_read.start(200)

ui.EbookViewer.__init__ = begin
main(["ebook-viewer", sys.argv[-1]])
"""


def read_and_close(path: str) -> None:
    """Opens a book in calibre's own viewer, told to keep a copy of the notes in the e-book file, and closes it."""
    script = os.path.join(new_folder("viewer"), "close_when_read.py")
    with open(script, "w", encoding="utf-8") as file:
        file.write(CLOSE_WHEN_READ)
    program = os.path.join(TOOLS, "calibre-debug") if TOOLS else "calibre-debug"
    command = [program, "-e", script, "--", positions.annotations_path(path), path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise AssertionError(done.stderr)


def copy_digest(path: str) -> str:
    """The digest of the copy that would leave calibre now."""
    with open(path, "rb") as file:
        stream = io.BytesIO(file.read())
    mi = Metadata("T", ["A"])
    mi.uuid = "99999999-2222-4333-8444-555555555555"
    write_copy(stream, mi, "epub", StripList())
    return partial_md5(stream)


def is_whole(path: str) -> bool:
    try:
        with open(path, encoding="utf-8") as file:
            return any(entry["type"] == "last-read" for entry in json.load(file))
    except ValueError:
        return False
