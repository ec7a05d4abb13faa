"""A device that is pulled while it is read: what was not seen says nothing, and a whole look puts everything right."""

from __future__ import annotations

import json
import os
import random
import shutil
import threading
import unittest
from collections.abc import Callable
from typing import Any
from unittest import mock

from calibre_plugins.koreader_progress.copies import log as copy_log
from calibre_plugins.koreader_progress.devices import files as device_files
from calibre_plugins.koreader_progress.devices.device import collect
from calibre_plugins.koreader_progress.devices.home import Collected
from calibre_plugins.koreader_progress.devices.names import device_id
from calibre_plugins.koreader_progress.devices.state import VERSION, all_states, empty_state, load_state, save_state
from calibre_plugins.koreader_progress.memory.history import read_digests
from calibre_plugins.koreader_progress.sync.offers import lost_sidecars
from calibre_plugins.koreader_progress.copies.stored import SCHEMA
from calibre_plugins.koreader_progress.copies.strip_list import our_folder
from device_tree import DeviceTree
from epubs import Recipe, make_epub
from libraries import add_book, make_library

BOOKS = 12


class Pulled(unittest.TestCase):
    def setUp(self) -> None:
        shutil.rmtree(our_folder(), ignore_errors=True)
        copy_log._own.file = None
        self.db = make_library()
        self.addCleanup(self.db.close)
        self.tree = DeviceTree()
        self.away = self.tree.folder + ".away"
        self.books: dict[int, str] = {}
        for n in range(BOOKS):
            book = add_book(self.db, make_epub(Recipe(f"b{n}", chapters=2 + n)), title=f"B{n}")
            name = f"Shelf {n % 3}/{n}/b{n}.epub"
            self.books[book] = self.tree.put(name, self.api.format(book, "EPUB"))
            self.tree.sidecar(name, ("beside", "docsettings", "hashdocsettings")[n % 3])
        # calibre's own list goes on naming the books, whatever has become of the device.
        self.uuids = {f"gone/{book}.epub": self.api.field_for("uuid", book) for book in self.books}
        self.device = self.tree.connect()

    @property
    def api(self) -> Any:
        return self.db.new_api

    def collect(self) -> Collected:
        return collect(self.device, self.api, threading.Event(), self.uuids)

    def pull_after(self, steps: int, pull: Callable[[], None]) -> Collected:
        """A look during which the device is pulled at one of its steps: a folder that is listed, a file that is asked."""
        left = steps
        real = device_files.os.stat

        def stat(path: Any, **more: Any) -> os.stat_result:
            nonlocal left
            left -= 1
            if left == 0:
                pull()
            return real(path, **more)

        with mock.patch.object(device_files.os, "stat", stat):
            return self.collect()

    def state(self) -> Any:
        return load_state(device_id(self.device), "")

    def nothing_is_lost(self) -> None:
        self.assertEqual(lost_sidecars(self.api), {})
        self.assertEqual(set(self.state()["held"]), set(self.books.values()))

    def test_a_device_pulled_at_any_step_of_a_look_has_lost_nothing(self) -> None:
        self.assertTrue(self.collect().whole)
        self.nothing_is_lost()
        choose = random.Random(23)

        def away() -> None:
            if not os.path.isdir(self.away):
                os.rename(self.tree.folder, self.away)

        def swapped() -> None:
            away()
            os.makedirs(self.tree.folder, exist_ok=True)

        for _round in range(30):
            pull = choose.choice((away, swapped))
            collected = self.pull_after(choose.randint(1, 3 * BOOKS), pull)
            away()
            self.assertEqual(collected.lost, frozenset())
            self.nothing_is_lost()
            if os.path.isdir(self.tree.folder):
                os.rmdir(self.tree.folder)
            os.rename(self.away, self.tree.folder)
            again = self.collect()
            self.assertTrue(again.whole)
            self.assertEqual((again.opened, again.lost), (0, frozenset()))
            self.nothing_is_lost()

    def test_an_empty_folder_where_the_device_was_is_not_the_device(self) -> None:
        self.collect()
        os.rename(self.tree.folder, self.away)
        os.makedirs(self.tree.folder)
        self.assertEqual((self.collect().whole, self.collect().lost), (False, frozenset()))
        self.nothing_is_lost()

    def test_a_folder_that_cannot_be_listed_calls_nothing_gone(self) -> None:
        self.collect()
        real = os.scandir

        def scandir(path: Any) -> Any:
            if str(path).endswith("Shelf 0"):
                raise OSError(5, "Input/output error")
            return real(path)

        with mock.patch.object(os, "scandir", scandir):
            self.assertFalse(self.collect().whole)
        self.nothing_is_lost()

    def test_a_place_that_was_lost_is_taken_back_when_the_sidecar_is_seen_again(self) -> None:
        self.collect()
        book, digest = next(iter(self.books.items()))
        kept = self.tree.path("Shelf 0/0/b0.sdr")
        shutil.copytree(kept, kept + ".away")
        shutil.rmtree(kept)
        self.assertEqual(self.collect().lost, frozenset({book}))
        self.assertEqual(lost_sidecars(self.api), {book: [digest]})
        os.rename(kept + ".away", kept)
        # Even by a look that saw no more than that.
        self.pull_after(3 * BOOKS, lambda: os.rename(self.tree.folder, self.away))
        os.rename(self.away, self.tree.folder)
        self.collect()
        self.nothing_is_lost()

    def test_what_an_older_version_took_for_lost_is_not_offered(self) -> None:
        self.collect()
        old: Any = {**self.state(), "version": 1, "to_offer": dict.fromkeys(self.books.values(), "u")}
        del old["odd"], old["schema"]
        (path,) = (
            os.path.join(our_folder(), "devices", name) for name in os.listdir(os.path.join(our_folder(), "devices"))
        )
        with open(path, "w") as file:
            json.dump(old, file)
        self.nothing_is_lost()
        self.assertEqual(self.state()["version"], VERSION)
        self.assertEqual(self.collect().opened, 0)

    def test_what_a_newer_version_keeps_of_a_device_stays_as_it_is(self) -> None:
        self.collect()
        folder = os.path.join(our_folder(), "devices")
        (path,) = (os.path.join(folder, name) for name in os.listdir(folder))
        newer = {"schema": SCHEMA + 1, "whatever": 1}
        with open(path, "w") as file:
            json.dump(newer, file)
        self.collect()
        save_state(device_id(self.device), empty_state(""))
        with open(path) as file:
            self.assertEqual(json.load(file), newer)

    def test_a_state_of_another_shape_is_like_none(self) -> None:
        folder = os.path.join(our_folder(), "devices")
        self.collect()
        (path,) = (os.path.join(folder, name) for name in os.listdir(folder))
        whole = self.state()
        for odd in ([], 5, {**whole, "files": []}, {**whole, "sidecars": {"a": 5}}, {**whole, "to_offer": None}):
            with open(path, "w") as file:
                json.dump(odd, file)
            self.assertEqual([*all_states()], [])
            self.assertTrue(self.collect().whole)
        self.assertEqual(len(read_digests(self.api, list(self.books))), BOOKS)
