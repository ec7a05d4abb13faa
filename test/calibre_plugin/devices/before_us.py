"""Books that were sent before the plugin was there: what prediction finds of them, and what connecting the device finds."""

from __future__ import annotations

import io
import os
import shutil
import threading
import unittest
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from calibre.ebooks.metadata.meta import set_metadata
from calibre_plugins.koreader_progress.copies import log as copy_log
from calibre_plugins.koreader_progress.copies.writer import AS_CALIBRE, write_copy
from calibre_plugins.koreader_progress.devices.device import collect
from calibre_plugins.koreader_progress.devices.remote import is_mtp, read_remote
from calibre_plugins.koreader_progress.devices.state import empty_state
from calibre_plugins.koreader_progress.copies.digest import partial_md5
from calibre_plugins.koreader_progress.memory.history import read_digests
from calibre_plugins.koreader_progress.library.books import resolve_columns
from calibre_plugins.koreader_progress.memory.predict import predictor
from calibre_plugins.koreader_progress.copies.strip_list import our_folder
from device_tree import DeviceTree, sidecar_text
from epubs import KIB, Recipe, make_epub
from libraries import add_book, make_library, run

RECIPES = (
    *(Recipe(f"early{n}", version=2, place="first", chapters=3 + n, content=(3 + 40 * n) * KIB) for n in range(6)),
    *(Recipe(f"late{n}", version=3, place="last", chapters=9 + n, content=(5 + 90 * n) * KIB) for n in range(4)),
    Recipe("cover", version=3, cover=True, content=300 * KIB),
    Recipe("middle", version=2, place="middle", chapters=200, content=900 * KIB),
)
CONVERTED = ("azw3", "mobi", "fb2", "docx")


class BeforeUs(unittest.TestCase):
    def setUp(self) -> None:
        shutil.rmtree(our_folder(), ignore_errors=True)
        copy_log._own.file = None
        self.db = make_library([("pct", "int", {})])
        self.addCleanup(self.db.close)
        self.columns = resolve_columns(self.db.new_api, {"percent": ("#pct", 100)})[0]
        self.books: dict[int, str] = {}
        for recipe in RECIPES:
            made = make_epub(replace(recipe, title=recipe.name))
            self.books[add_book(self.db, made, title=recipe.name, tags=["one"])] = "EPUB"

    def send_as_calibre_alone(self, tree: DeviceTree | None) -> dict[int, str]:
        """Copies as they left when there was no plugin; their digests."""
        digests: dict[int, str] = {}
        for book, fmt in self.books.items():
            api = self.db.new_api
            stream = io.BytesIO(api.format(book, fmt))
            write_copy(stream, api.get_metadata(book, get_cover=True, cover_as_data=True), fmt.lower(), AS_CALIBRE)
            digests[book] = partial_md5(stream)
            if tree is not None:
                tree.put(f"Books/{book}.{fmt.lower()}", stream.getvalue())
        return digests

    def predicted(self, digests: dict[int, str]) -> int:
        predict = predictor(self.db.new_api, self.columns)
        return sum(digest in {one["digest"] for one in predict(book)} for book, digest in digests.items())

    def connected(self, tree: DeviceTree, digests: dict[int, str]) -> int:
        api = self.db.new_api
        collect(tree.connect(), api, threading.Event(), {})
        known = read_digests(api, list(digests))
        return sum(digest in {one["digest"] for one in known.get(book, ())} for book, digest in digests.items())

    def report(self, line: str) -> None:
        path = os.environ.get("TEST_REPORT")
        if path:
            with open(path, "a") as file:
                file.write(line + "\n")

    def convert(self) -> None:
        """Some more formats that calibre writes metadata into."""
        source = self.db.new_api.format_abspath(next(iter(self.books)), "EPUB")
        script = os.path.join(os.environ["TEST_FOLDER"], "convert.py")
        with open(script, "w") as file:
            file.write(
                "import sys\nfrom calibre.ebooks.conversion.plumber import Plumber\nfrom calibre.utils.logging import Log\n"
                "for fmt in sys.argv[2:]:\n    Plumber(sys.argv[1], sys.argv[1] + '.' + fmt, Log()).run()\n"
            )
        copied = os.path.join(os.environ["TEST_FOLDER"], "source.epub")
        shutil.copyfile(source, copied)
        run("calibre-debug", "-e", script, "--", copied, *CONVERTED)
        for fmt in CONVERTED:
            with open(f"{copied}.{fmt}", "rb") as file:
                self.books[add_book(self.db, file.read(), fmt.upper(), title=f"kind {fmt}")] = fmt.upper()

    def test_unedited_books_are_found_by_prediction_alone(self) -> None:
        self.convert()
        digests = self.send_as_calibre_alone(None)
        # Installing us, and a first sync, change the library's own columns: a prediction sees through that.
        self.db.new_api.set_field("#pct", dict.fromkeys(digests, 42))
        found = self.predicted(digests)
        self.report(f"sent before the plugin, nothing edited since: {found} of {len(digests)} found by prediction")
        self.assertEqual(found, len(digests))

    def test_edited_books_are_found_once_the_device_is_connected(self) -> None:
        tree = DeviceTree()
        digests = self.send_as_calibre_alone(tree)
        self.db.new_api.set_field("title", {book: f"Edited {book}" for book in digests})
        self.db.new_api.set_field("comments", dict.fromkeys(digests, "<p>" + "Words " * 3000 + "</p>"))
        by_prediction = self.predicted(digests)
        by_connecting = self.connected(tree, digests)
        self.report(
            f"sent before the plugin, title and comments edited since: {by_prediction} of {len(digests)} found by "
            f"prediction, {by_connecting} of {len(digests)} by connecting the device"
        )
        self.assertEqual(by_connecting, len(digests))

    def test_prediction_logs_nothing(self) -> None:
        self.predicted(self.send_as_calibre_alone(None))
        self.assertEqual(copy_log.read_logs([copy_log.log_folder()]), [])

    def test_what_we_write_now_is_not_what_left_then(self) -> None:
        # Without this the tests above would prove nothing: a copy of ours differs from calibre's.
        digests = self.send_as_calibre_alone(None)
        different = 0
        for book, digest in digests.items():
            stream = io.BytesIO(self.db.new_api.format(book, "EPUB"))
            set_metadata(stream, self.db.new_api.get_metadata(book), "epub")
            different += partial_md5(stream) != digest
        self.assertGreater(different, len(digests) // 2)


class Mtp(unittest.TestCase):
    """calibre's own tree of an MTP device, filled as a driver fills it; only the reading of a file is ours."""

    def device(self, sidecar: bytes) -> Any:
        from calibre.devices.mtp.filesystem_cache import FilesystemCache

        folder = {"storage_id": 1, "is_folder": True}
        entries = [
            {**folder, "id": 2, "name": "Books", "parent_id": 0},
            {"storage_id": 1, "id": 3, "name": "A.epub", "parent_id": 2, "size": 9, "modified": 5, "is_folder": False},
            {**folder, "id": 4, "name": "A.sdr", "parent_id": 2},
            {"storage_id": 1, "id": 5, "name": "metadata.epub.lua", "parent_id": 4, "size": len(sidecar),
             "modified": 1700000000, "is_folder": False},
            {"storage_id": 1, "id": 6, "name": "notes.lua", "parent_id": 4, "size": 9, "modified": 5, "is_folder": False},
        ]  # fmt: skip
        storage = [{"id": 1, "name": "Internal storage", "is_folder": True}]
        opened: list[str] = []

        def get_mtp_file(entry: Any, stream: Any) -> None:
            opened.append("/".join(entry.full_path))
            stream.write(sidecar)

        cache = FilesystemCache(storage, entries)
        return SimpleNamespace(filesystem_cache=cache, get_mtp_file=get_mtp_file, opened=opened)

    def test_sidecars_are_found_in_the_tree_and_read_when_they_changed(self) -> None:
        digest = "a" * 32
        device = self.device(sidecar_text("/sdcard/Books/A.epub", digest, status="complete").encode())
        self.assertTrue(is_mtp(device))
        before = empty_state("Reader")
        look = read_remote(device, [], before, "Reader", threading.Event())
        found = look.now["sidecars"]
        self.assertEqual((list(found), look.opened, look.complete), (["Books/A.sdr/metadata.epub.lua"], 1, True))
        told = found["Books/A.sdr/metadata.epub.lua"]["sidecar"]
        assert told is not None
        self.assertEqual((told["digest"], told["status"]), (digest, "complete"))
        before["sidecars"] = found
        self.assertEqual(read_remote(device, [], before, "Reader", threading.Event()).opened, 0)
        self.assertEqual(device.opened, ["Internal storage/Books/A.sdr/metadata.epub.lua"])

    def test_the_book_is_the_one_that_calibre_sent_there(self) -> None:
        shutil.rmtree(our_folder(), ignore_errors=True)
        db = make_library()
        self.addCleanup(db.close)
        book = add_book(db)
        digest = "b" * 32
        device = self.device(sidecar_text("/sdcard/Books/A.epub", digest).encode())
        # calibre's list has the paths of MTP devices in lower case.
        collect(device, db.new_api, threading.Event(), {"books/a.epub": db.new_api.field_for("uuid", book)})
        (known,) = read_digests(db.new_api, [book])[book]
        self.assertEqual((known["digest"], known["source"], known["name"]), (digest, "sidecar", "A.epub"))
