"""Whole cards of 300 books in every form that KOReader keeps them: all that belongs arrives, and the rest has a line."""

from __future__ import annotations

import shutil
import threading
import unittest
from typing import Any
from unittest import mock

from calibre_plugins.koreader_progress.copies import log as copy_log
from calibre_plugins.koreader_progress.copies.strip_list import our_folder
from calibre_plugins.koreader_progress.devices.device import SidecarFolder, collect, collect_folder
from calibre_plugins.koreader_progress.devices.home import Collected
from calibre_plugins.koreader_progress.library import files
from calibre_plugins.koreader_progress.memory.readings import read_readings
from card_generator import Card, make_card
from libraries import make_library
from mtp_tree import MtpDevice
from snapshots import snapshot

BOOKS = 300
TOLD = ("percentage", "progress", "status", "rating", "review")


class Cards(unittest.TestCase):
    maxDiff = None
    card: Card
    db: Any

    @classmethod
    def setUpClass(cls) -> None:
        shutil.rmtree(our_folder(), ignore_errors=True)
        copy_log._own.file = None
        cls.db = make_library()
        cls.card = make_card(cls.db, BOOKS)
        cls.before = snapshot(cls.card.tree.folder)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.db.close()

    def told(self, device_id: str) -> dict[int, tuple[Any, ...]]:
        """What the library has kept of a device, by book."""
        found = read_readings(self.db.new_api, self.db.new_api.all_book_ids())
        return {
            book: tuple(reading[key] for key in TOLD)  # type: ignore[literal-required]
            for book, readings in found.items()
            for reading in readings
            if reading["device_id"] == device_id
        }

    def assert_all_arrived(self, first: Collected, again: Collected) -> None:
        wanted = {book: tuple(getattr(expected, key) for key in TOLD) for book, expected in self.card.expected.items()}
        self.assertEqual(self.told(first.device_id), wanted)
        self.assertEqual({document["digest"] for document in first.unmatched}, self.card.strangers)
        self.assertEqual((first.contested, again.opened, again.changed), ((), 0, frozenset()))
        self.assertEqual(snapshot(self.card.tree.folder), self.before)

    def test_by_cable_all_that_belongs_arrives_and_the_card_stays_as_it_is(self) -> None:
        device = self.card.tree.device
        first, again = (collect(device, self.db.new_api, threading.Event(), {}) for _ in range(2))
        self.assertEqual(dict(first.odd), self.card.odd)
        self.assert_all_arrived(first, again)

    def test_a_second_look_opens_no_file_of_the_library(self) -> None:
        collect(self.card.tree.device, self.db.new_api, threading.Event(), {})
        with mock.patch.object(files, "file_content_key", side_effect=AssertionError("opened again")):
            collect(self.card.tree.device, self.db.new_api, threading.Event(), {})

    def test_by_mtp_too(self) -> None:
        device = MtpDevice(self.card.tree.folder)
        uuids = self.card.calibre_uuids
        first, again = (collect(device, self.db.new_api, threading.Event(), uuids, BOOKS * 3) for _ in range(2))
        below = len(self.card.tree.folder) + 1
        self.assertEqual(dict(first.odd), {path[below:]: reason for path, reason in self.card.odd.items()})
        self.assert_all_arrived(first, again)

    def test_as_a_folder_too(self) -> None:
        folder = SidecarFolder(self.card.tree.folder, "Backup")
        first, again = (collect_folder(folder, self.db.new_api, threading.Event()) for _ in range(2))
        assert first is not None and again is not None
        self.assertEqual(dict(first.odd), self.card.odd)
        self.assert_all_arrived(first, again)
