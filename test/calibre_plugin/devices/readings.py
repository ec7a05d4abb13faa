"""What a reader's own files tell of its books comes home whole, from every place and by every connection."""

from __future__ import annotations

import io
import os
import shutil
import sqlite3
import threading
import time
import unittest
import zipfile
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any
from unittest import mock

from calibre_plugins.koreader_progress.copies import log as copy_log
from calibre_plugins.koreader_progress.copies.strip_list import our_folder
from calibre_plugins.koreader_progress.devices import files as device_files
from calibre_plugins.koreader_progress.devices.device import SidecarFolder, collect, collect_folder
from calibre_plugins.koreader_progress.devices.home import Collected
from calibre_plugins.koreader_progress.devices.state import DeviceState, load_state
from calibre_plugins.koreader_progress.link.contract import DeviceReading
from calibre_plugins.koreader_progress.memory.history import link
from calibre_plugins.koreader_progress.memory.readings import keep_readings, read_readings
from calibre_plugins.koreader_progress.settings.readers import set_readers
from device_tree import DeviceTree, sidecar_text
from epubs import Recipe, make_epub
from libraries import add_book, make_library
from mtp_tree import MtpDevice
from snapshots import snapshot
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
            **dict.fromkeys(("read_time", "read_on", "time_left", "started", "last_read")),
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
        self.assertIn(len(reading["read_on"] or ()), (1, 2))
        self.assertEqual(self.collect().changed, frozenset())

    def test_what_two_readers_of_one_person_count_together_is_counted_once(self) -> None:
        book, digest = self.book("b")
        link(self.api, book, digest)
        shared = range(1, 61)

        def folder_of(name: str, pages: Iterable[int]) -> SidecarFolder:
            tree = DeviceTree()
            with sqlite3.connect(tree.statistics([(digest, name, "A", READ_AT)])) as db:
                db.execute("CREATE TABLE page_stat_data (id_book, page, start_time, duration, total_pages)")
                for page in pages:
                    db.execute("INSERT INTO page_stat_data VALUES(1, ?, ?, 60, 200)", (page, READ_AT + 60 * page))
            db.close()
            return SidecarFolder(tree.folder, name)

        kobo, phone, others = (
            folder_of("kobo", (*shared, 61, 62)),
            folder_of("phone", (*shared, 63, 64, 65)),
            folder_of("hers", (*shared, 66)),
        )
        set_readers(self.api, {each.id: {"name": each.name, "profile": "p1"} for each in (kobo, phone)})
        set_readers(self.api, {others.id: {"name": "hers", "profile": "p2"}})
        for folder in (kobo, phone, others):
            collect_folder(folder, self.api, threading.Event(), statistics_reader())
        hours = {reading["device"]: reading["read_time"] for reading in self.readings(book, "statistics")}
        self.assertEqual(hours, {"kobo": 62 * 60, "phone": 65 * 60, "hers": 61 * 60})

    def test_a_book_that_was_opened_and_not_read_has_no_hours(self) -> None:
        book, digest = self.book("b")
        self.tree.statistics([(digest, "b", "A", READ_AT)])
        self.collect()
        self.assertEqual(self.readings(book, "statistics"), [])


class CopiedByHand(Case):
    """Files of the library that somebody copied to a reader with a file manager: no log, no uuid, no text tells of them."""

    def copied(self, name: str, to: str) -> tuple[int, str]:
        data = b"%PDF-1.4\n" + name.encode() * 3000
        return add_book(self.db, data, "PDF", title=name), self.tree.put(to, data)

    def told(self, book: int) -> list[tuple[str, str]]:
        return [(reading["digest"], reading["source"]) for reading in read_readings(self.api, [book]).get(book, [])]

    def test_their_sidecars_are_found_from_every_place_also_without_the_file(self) -> None:
        for place in ("beside", "docsettings", "hashdocsettings", "archive"):
            with self.subTest(place):
                there, digest = self.copied(f"there {place}", f"Mine/{place}.pdf")
                self.sidecar(f"Mine/{place}.pdf", place)
                gone, of_gone = self.copied(f"gone {place}", f"Mine/{place} gone.pdf")
                self.sidecar(f"Mine/{place} gone.pdf", place)
                os.remove(self.tree.path(f"Mine/{place} gone.pdf"))
                look = self.collect()
                self.assertEqual((self.told(there), self.told(gone)), ([(digest, "sidecar")], [(of_gone, "sidecar")]))
                self.assertEqual((look.unmatched, look.contested), ((), ()))

    def test_statistics_are_enough(self) -> None:
        book, digest = self.copied("counted", "away.pdf")
        os.remove(self.tree.path("away.pdf"))
        with sqlite3.connect(self.tree.statistics([(digest, "Another", "Nobody", READ_AT)])) as db:
            db.execute("CREATE TABLE page_stat_data (id_book, page, start_time, duration, total_pages)")
            db.execute("INSERT INTO page_stat_data VALUES(1, 1, ?, 50, 200)", (READ_AT,))
        db.close()
        self.assertEqual(self.collect().unmatched, ())
        self.assertEqual(self.told(book), [(digest, "statistics")])

    def test_what_two_books_have_is_given_to_neither(self) -> None:
        one, _digest = self.copied("same", "same.pdf")
        other, digest = self.copied("same", "same.pdf")
        self.sidecar("same.pdf")
        look = self.collect()
        self.assertEqual(([self.told(book) for book in (one, other)]), [[], []])
        self.assertEqual([document["digest"] for document in look.unmatched], [digest])

    def test_a_file_that_was_changed_behind_calibre_s_back_is_another(self) -> None:
        book, digest = self.copied("changed", "changed.pdf")
        os.remove(self.tree.path("changed.pdf"))
        self.tree.put("other.pdf", b"x")
        self.sidecar("other.pdf")
        self.collect()
        path = self.api.format_abspath(book, "PDF")
        with open(path, "r+b") as file:
            file.write(b"%PDF-1.5")
        self.sidecar("changed.pdf", digest=digest)
        self.collect()
        self.assertEqual(self.told(book), [])


class Privacy(Case):
    def test_what_a_card_tells_is_in_no_copy_no_backup_and_no_report(self) -> None:
        from calibre.ebooks.metadata.meta import set_metadata
        from calibre.ebooks.metadata.opf2 import metadata_to_opf
        from calibre_plugins.koreader_progress.sync.report import make_report

        book, _digest = self.book("b")
        self.sidecar("b.epub", summary='["rating"] = 4, ["note"] = "Strictly between us",')
        self.collect()
        self.assertEqual(self.readings(book)[0]["review"], "Strictly between us")
        copy = io.BytesIO(self.api.format(book, "EPUB"))
        set_metadata(copy, self.api.get_metadata(book), "epub")
        with zipfile.ZipFile(copy) as archive:
            everything = b"".join(map(archive.read, archive.namelist()))
        self.assertIn(b"dc:title", everything)
        report = make_report(self.api, "1.0.0", None, None, None, None).encode()
        for leaving in (everything, metadata_to_opf(self.api.get_metadata(book)), report):
            for private in (b"Strictly", POINTER.encode(), b"koreader_progress_readings"):
                self.assertNotIn(private, leaving)


class Folders(Case):
    """A synced folder, a network's, a backup of a card: sidecars without a device."""

    def setUp(self) -> None:
        super().setUp()
        self.folder = SidecarFolder(self.tree.folder, "Synced")

    def look(self) -> Collected | None:
        return collect_folder(self.folder, self.api, threading.Event(), statistics_reader())

    def state(self) -> DeviceState:
        return load_state(self.folder.id, "")

    def conflict(self, path: str, called: str, at: int, **more: Any) -> None:
        """A synchroniser's other copy of a sidecar."""
        name = os.path.join(os.path.dirname(path), called)
        with open(path) as sidecar, open(name, "w") as file:
            text = sidecar.read()
            for old, new in more.items():
                text = text.replace(*new) if isinstance(new, tuple) else text.replace(old, new)
            file.write(text)
        os.utime(name, (at, at))

    def test_a_folder_fills_a_library_as_a_card_does_and_is_read_once(self) -> None:
        beside, digest = self.book("beside")
        self.sidecar("beside.epub")
        self.book("never opened")
        look = self.look()
        assert look is not None
        self.assertEqual((look.opened, look.device), (2, "Synced"))
        (reading,) = self.readings(beside)
        self.assert_told(reading, digest, device="Synced", device_id=self.folder.id)
        again = self.look()
        assert again is not None
        self.assertEqual((again.opened, again.changed), (0, frozenset()))
        for place in ("docsettings", "hashdocsettings", "archive"):
            book, _digest = self.book(place)
            self.sidecar(f"{place}.epub", place)
            self.look()
            self.assertEqual(len(self.readings(book)), 1, place)
        self.assertEqual((self.state()["folder"], self.state()["id"]), (self.tree.folder, self.folder.id))

    def test_an_empty_folder_and_one_that_is_not_mounted_change_nothing(self) -> None:
        book, _digest = self.book("b")
        self.sidecar("b.epub")
        self.look()
        before, readings = self.state(), self.readings(book)
        away = self.tree.folder + ".away"
        os.rename(self.tree.folder, away)
        self.assertIsNone(self.look())
        os.mkdir(self.tree.folder)
        self.assertIsNone(self.look())
        self.assertEqual((self.state(), self.readings(book)), (before, readings))
        os.rmdir(self.tree.folder)
        os.rename(away, self.tree.folder)
        look = self.look()
        assert look is not None
        self.assertEqual((look.opened, look.lost), (0, frozenset()))

    def test_a_sidecar_that_is_taken_away_is_lost_to_nobody(self) -> None:
        book, _digest = self.book("b")
        path = self.sidecar("b.epub")
        self.look()
        other, _digest = self.book("other")
        self.sidecar("other.epub")
        os.remove(path)
        look = self.look()
        assert look is not None
        self.assertEqual((look.lost, len(self.readings(book)), len(self.readings(other))), (frozenset(), 1, 1))

    def test_of_two_that_a_synchroniser_kept_the_newer_counts_and_the_stars_of_either(self) -> None:
        names = (
            "metadata.epub.sync-conflict-20260101-120000-ABCDEFG.lua",
            "metadata.epub (conflicted copy 2026-01-01 120000).lua",
            "metadata.epub (Anna's conflicted copy 2026-01-01).lua",
            "metadata.epub (In Konflikt stehende Kopie von Änne).lua",
            "metadata.epub_conflict-20260101-120000.lua",
        )
        for n, name in enumerate(names):
            with self.subTest(name):
                newer, _digest = self.book(f"newer{n}")
                path = self.sidecar(f"newer{n}.epub", status="reading")
                without_stars = {"a": ("0.42", "0.8"), "b": ('["rating"] = 4,', ""), "c": ('"reading"', '"complete"')}
                self.conflict(path, name, READ_AT + 60, **without_stars)
                older, _digest = self.book(f"older{n}")
                path = self.sidecar(f"older{n}.epub", status="reading", summary="")
                self.conflict(
                    path, name, READ_AT - 60, a=("0.42", "0.8"), b=('["status"]', '["rating"] = 2, ["status"]')
                )
                self.look()
                told = ("percentage", "rating", "status", "at")
                ((one,), (other,)) = self.readings(newer), self.readings(older)
                self.assertEqual([one[key] for key in told], [0.8, 4, "complete", READ_AT + 60])  # type: ignore[literal-required]
                self.assertEqual([other[key] for key in told], [0.42, 2, "reading", READ_AT])  # type: ignore[literal-required]

    def test_conflicting_copies_in_the_archive_and_of_the_statistics_are_read(self) -> None:
        book, digest = self.book("b")
        path = self.sidecar("b.epub", "archive")
        os.rename(path, os.path.join(os.path.dirname(path), f"{digest}.sync-conflict-20260101-120000-ABCDEFG.lua"))
        path = self.tree.statistics([(A, "Away", "Somebody", READ_AT)])
        os.rename(path, path.replace(".sqlite3", " (conflicted copy 2026-01-01 120000).sqlite3"))
        look = self.look()
        assert look is not None
        self.assertEqual(([d["title"] for d in look.unmatched], len(self.readings(book))), (["Away"], 1))

    def test_what_a_synchroniser_keeps_for_itself_is_not_read(self) -> None:
        _book, digest = self.book("b")
        for place in (
            ".stversions/b.sdr/metadata.epub~20260101-120000.lua",
            ".stversions/b.sdr/metadata.epub.lua",
            ".stfolder/metadata.epub.lua",
            "b.sdr/.syncthing.metadata.epub.lua.tmp",
            "b.sdr/~syncthing~metadata.epub.lua.tmp",
            "b.sdr/.metadata.epub.lua.a1B2c3",
            "b.sdr/metadata.epub.lua.part",
            "b.sdr/metadata.epub.lua~",
            "#recycle/b.sdr/metadata.epub.lua",
            "@eaDir/b.sdr/metadata.epub.lua",
            ".dropbox.cache/b.sdr/metadata.epub.lua",
        ):
            self.tree.put(place, sidecar_text("/x/b.epub", digest).encode())
        self.assertIsNone(self.look())

    def test_a_folder_of_links_in_circles_or_with_too_many_files_has_an_end(self) -> None:
        book, _digest = self.book("b")
        self.sidecar("b.epub")
        os.symlink(self.tree.folder, self.tree.path("circle"))
        look = self.look()
        assert look is not None
        self.assertEqual((len(self.readings(book)), dict(look.odd)), (1, {}))
        with mock.patch.object(device_files, "MOST_ENTRIES", 3):
            look = self.look()
        assert look is not None
        self.assertEqual(list(look.odd.values()), ["too_many_files"])
        self.assertEqual(len(self.readings(book)), 1)

    def test_a_folder_stays_the_same_to_the_byte(self) -> None:
        self.book("b")
        self.sidecar("b.epub")
        self.sidecar("b.epub", "hashdocsettings")
        self.tree.statistics([(A, "Away", "Somebody", READ_AT)])
        before = snapshot(self.tree.folder)
        self.look()
        self.assertEqual(snapshot(self.tree.folder), before)


def wireless(folder: str) -> Any:
    """KOReader's side of the wireless connection: any file below the inbox, and an error for any other."""

    def get_file(path: str, stream: Any) -> None:
        with open(os.path.join(folder, path), "rb") as file:
            shutil.copyfileobj(file, stream)

    return SimpleNamespace(get_file=get_file, driveinfo={"device_store_uuid": "wireless", "device_name": "KOReader"})
