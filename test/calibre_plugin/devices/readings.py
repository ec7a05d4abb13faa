"""What a reader's own files tell of its books comes home whole, from every place and by every connection."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
import time
import unittest
from types import SimpleNamespace
from typing import Any

from calibre_plugins.koreader_progress.copies import log as copy_log
from calibre_plugins.koreader_progress.copies.strip_list import our_folder
from calibre_plugins.koreader_progress.devices.device import collect
from calibre_plugins.koreader_progress.devices.home import Collected
from calibre_plugins.koreader_progress.link.contract import DeviceReading
from calibre_plugins.koreader_progress.memory.readings import keep_readings, read_readings
from device_tree import DeviceTree, sidecar_text
from epubs import Recipe, make_epub
from libraries import add_book, make_library
from mtp_tree import MtpDevice
from statistics_reader import statistics_reader

A = "a" * 32
POINTER = "/body/DocFragment[2]/body/p[3]/text().30"
SUMMARY = '["rating"] = 4, ["note"] = "Fine.\\nTwice.",'
MORE = f'["last_xpointer"] = "{POINTER}", ["doc_pages"] = 212,'
READ_AT = 1_700_000_000


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self) -> None:
        shutil.rmtree(our_folder(), ignore_errors=True)
        copy_log._own.file = None
        self.db = make_library()
        self.addCleanup(self.db.close)
        self.api = self.db.new_api
        self.tree = DeviceTree()

    def book(self, name: str, at: str | None = None) -> tuple[int, str]:
        """A book that lies on the device too; its id and digest."""
        data = make_epub(Recipe(name))
        book = add_book(self.db, data, title=name)
        return book, self.tree.put(at or f"{name}.epub", self.api.format(book, "EPUB"))

    def collect(self, device: Any = None, uuids: dict[str, str] | None = None) -> Collected:
        reader = statistics_reader()
        return collect(device or self.tree.connect(), self.api, threading.Event(), uuids or {}, statistics=reader)

    def readings(self, book: int, source: str = "sidecar") -> list[DeviceReading]:
        return [reading for reading in read_readings(self.api, [book]).get(book, []) if reading["source"] == source]

    def sidecar(self, name: str, place: str = "beside", at: int = READ_AT, **more: Any) -> str:
        path = self.tree.sidecar(name, place, **{"summary": SUMMARY, "more": MORE, "status": "complete", **more})
        os.utime(path, (at, at))
        return path

    def assert_told(self, reading: DeviceReading, digest: str, **other: Any) -> None:
        told = {
            "digest": digest,
            "source": "sidecar",
            "at": READ_AT,
            "percentage": 0.42,
            "progress": POINTER,
            "status": "complete",
            "marked": time.mktime((2024, 5, 6, 0, 0, 0, 0, 0, -1)),
            "rating": 4,
            "review": "Fine.\nTwice.",
            **dict.fromkeys(("read_time", "days", "time_left", "started", "last_read")),
            **other,
        }
        self.assertEqual({key: reading[key] for key in told}, told)  # type: ignore[literal-required]
        self.assertTrue(reading["device"] and reading["device_id"])


class Places(Case):
    def test_all_that_a_sidecar_tells_comes_home_from_every_place(self) -> None:
        for place in ("beside", "docsettings", "hashdocsettings", "archive"):
            with self.subTest(place):
                book, digest = self.book(place)
                self.sidecar(f"{place}.epub", place)
                self.assertIn(book, self.collect().changed)
                (reading,) = self.readings(book)
                self.assert_told(reading, digest)
                self.assertEqual(self.collect().changed, frozenset())

    def test_what_is_beside_the_books_comes_over_mtp_and_wireless(self) -> None:
        book, _digest = self.book("b")
        self.sidecar("b.epub", digest=A)
        uuid = {"b.epub": self.api.field_for("uuid", book)}
        self.collect(MtpDevice(self.tree.folder), uuid)
        self.collect(wireless(self.tree.folder), uuid)
        by_mtp, by_wireless = self.readings(book)
        self.assert_told(by_mtp, A)
        # The wireless connection tells no dates: it is as old as our seeing it.
        at = by_wireless["at"]
        assert at is not None
        self.assertAlmostEqual(at, time.time(), delta=600)
        self.assert_told({**by_wireless, "at": READ_AT}, A)

    def test_the_newest_of_several_counts_and_what_was_before_only_where_nothing_newer_can_be_read(self) -> None:
        book, _digest = self.book("b")
        old = self.sidecar("b.epub", "docsettings", percent=0.9, at=READ_AT - 50)
        new = self.sidecar("b.epub", percent=0.3)
        shutil.copy2(old, new + ".old")
        self.collect()
        self.assertEqual([reading["percentage"] for reading in self.readings(book)], [0.3])


class Again(Case):
    def read(self, book: int) -> list[tuple[float | None, float | None]]:
        return [(reading["percentage"], reading["at"]) for reading in self.readings(book)]

    def test_a_restored_card_takes_nothing_back(self) -> None:
        book, _digest = self.book("b")
        self.sidecar("b.epub", percent=0.8, at=READ_AT + 1000)
        self.collect()
        self.sidecar("b.epub", percent=0.2)
        self.collect()
        self.assertEqual(self.read(book), [(0.8, READ_AT + 1000)])

    def test_a_file_that_was_only_written_again_says_nothing_new(self) -> None:
        book, _digest = self.book("b")
        self.sidecar("b.epub")
        self.collect()
        for at in (READ_AT + 500, 4_000_000_000):
            self.sidecar("b.epub", at=at)
            self.collect()
        self.assertEqual(self.read(book), [(0.42, READ_AT)])

    def test_what_is_gone_reset_cut_or_empty_says_nothing(self) -> None:
        book, digest = self.book("b")
        path = self.sidecar("b.epub")
        self.collect()
        before = self.readings(book)
        reset = f'return {{ ["partial_md5_checksum"] = "{digest}", ["summary"] = {{}} }}'
        for data in (reset, "", "return {", "return {}", sidecar_text("/x", digest)[:-3]):
            with open(path, "w") as file:
                file.write(data)
            self.collect()
            self.assertEqual(self.readings(book), before, data)
        os.remove(path)
        self.collect()
        self.assertEqual(self.readings(book), before)

    def test_a_library_remembers_only_what_can_be_told_of_one_book(self) -> None:
        book, digest = self.book("b")
        self.sidecar("b.epub")
        self.collect()
        (reading,) = self.readings(book)
        many = [{**reading, "device_id": f"reader {n}"} for n in range(60)]
        keep_readings(self.api, {book: many, 999: many})  # type: ignore[dict-item]
        self.assertEqual(len(self.readings(book)), 40)
        self.assertEqual({each["digest"] for each in self.readings(book)}, {digest})


class Statistics(Case):
    def test_hours_days_and_dates_come_home_by_digest(self) -> None:
        book, digest = self.book("b")
        path = self.tree.statistics([(digest, "Another title", "Nobody", READ_AT + 500)])
        with sqlite3.connect(path) as db:
            db.execute("CREATE TABLE page_stat_data (id_book, page, start_time, duration, total_pages)")
            for n in range(100):
                db.execute("INSERT INTO page_stat_data VALUES(1, ?, ?, 50, 200)", (n + 1, READ_AT + 50 * n))
        db.close()
        self.collect()
        (reading,) = self.readings(book, "statistics")
        told = ("digest", "at", "read_time", "time_left", "started", "last_read", "percentage", "status")
        self.assertEqual(
            [reading[key] for key in told],  # type: ignore[literal-required]
            [digest, READ_AT + 5000, 5000, 5000, READ_AT, READ_AT + 5000, None, None],
        )
        self.assertIn(reading["days"], (1, 2))
        self.assertEqual(self.collect().changed, frozenset())

    def test_a_book_that_was_opened_and_not_read_has_no_hours(self) -> None:
        book, digest = self.book("b")
        self.tree.statistics([(digest, "b", "A", READ_AT)])
        self.collect()
        self.assertEqual(self.readings(book, "statistics"), [])


def wireless(folder: str) -> Any:
    """KOReader's side of the wireless connection: any file below the inbox, and an error for any other."""

    def get_file(path: str, stream: Any) -> None:
        with open(os.path.join(folder, path), "rb") as file:
            shutil.copyfileobj(file, stream)

    return SimpleNamespace(get_file=get_file, driveinfo={"device_store_uuid": "wireless", "device_name": "KOReader"})
