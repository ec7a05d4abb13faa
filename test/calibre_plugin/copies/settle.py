"""Settled copies, made by calibre's own writer from generated books."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import json
import os
import random
import struct
import unittest
import zipfile
from typing import Any

from calibre.ebooks.metadata.book.base import Metadata
from calibre_plugins.koreader_progress.copies.writer import AS_CALIBRE, PRIVATE, write_copy
from calibre_plugins.koreader_progress.copies.content_key import content_key
from calibre_plugins.koreader_progress.copies.digest import partial_md5
from calibre_plugins.koreader_progress.copies.settle import BOOKMARKS, RESERVE, settle, tail_start
from calibre_plugins.koreader_progress.copies.strip_list import StripList
from epubs import Recipe, corpus, cover_image, make_epub

UUID = "11111111-2222-4333-8444-555555555555"


def states() -> list[Metadata]:
    """Metadata of very different weight."""
    plain = Metadata("A Book", ["Somebody"])
    tagged = Metadata("Another, rather longer title of the same book", ["Somebody Else", "And Another"])
    tagged.tags = [f"tag number {n}" for n in range(60)]
    tagged.series, tagged.series_index, tagged.rating = "A Series", 3.5, 8
    tagged.set_identifiers({"isbn": "9780306406157", "doi": "10.1000/182"})
    rng = random.Random(5)
    prose = Metadata("A Book", ["Somebody"])
    prose.comments = "<p>" + " ".join(f"w{rng.getrandbits(24):x}" for _ in range(25_000)) + "</p>"
    bare = Metadata("B", ["C"])
    bare.languages = ["deu"]
    for mi in (plain, tagged, prose, bare):
        mi.uuid = UUID
    return [plain, tagged, prose, bare]


def copy(data: bytes, mi: Metadata, strip_list: StripList, apply_null: bool = False) -> bytes:
    stream = io.BytesIO(data)
    write_copy(stream, mi, "epub", strip_list, apply_null)
    return stream.getvalue()


def digest(data: bytes) -> str:
    return partial_md5(io.BytesIO(data))


class Settling(unittest.TestCase):
    def test_a_book_has_one_digest_whatever_its_metadata(self) -> None:
        settled = StripList()
        plain_digests = 0
        for recipe in corpus():
            data = make_epub(recipe)
            with self.subTest(recipe.name):
                copies = [copy(data, mi, settled) for mi in states()]
                copies.append(copy(data, states()[0], settled, apply_null=True))
                self.assertEqual(len({digest(c) for c in copies}), 1)
                self.assertEqual({content_key(io.BytesIO(c)) for c in copies}, {content_key(io.BytesIO(data))})
            if recipe.content < 1 << 20:
                plain_digests += len({digest(copy(data, mi, AS_CALIBRE)) for mi in states()}) > 1
        # Were calibre's own copies stable, this test would prove nothing.
        self.assertGreater(plain_digests, 20)

    def test_settling_twice_changes_nothing(self) -> None:
        for recipe in corpus()[::7]:
            with self.subTest(recipe.name):
                once = copy(make_epub(recipe), states()[1], StripList())
                stream = io.BytesIO(once)
                self.assertTrue(settle(stream))
                self.assertEqual(hashlib.md5(stream.getvalue()).digest(), hashlib.md5(once).digest())

    def test_calibre_can_write_into_a_settled_copy_and_the_digest_stays(self) -> None:
        for recipe in corpus()[::7]:
            with self.subTest(recipe.name):
                once = copy(make_epub(recipe), states()[0], StripList())
                again = copy(once, states()[2], StripList())
                self.assertEqual(digest(again), digest(once))
                back = copy(again, states()[0], StripList())
                self.assertEqual(digest(back), digest(once))

    def test_every_entry_of_a_copy_is_that_of_calibres_copy(self) -> None:
        for recipe in corpus()[::5]:
            with self.subTest(recipe.name):
                data = make_epub(recipe)
                ours, theirs = copy(data, states()[1], StripList()), copy(data, states()[1], AS_CALIBRE)
                with zipfile.ZipFile(io.BytesIO(ours)) as a, zipfile.ZipFile(io.BytesIO(theirs)) as b:
                    self.assertIsNone(a.testzip())
                    self.assertEqual(a.infolist()[0].filename, "mimetype")
                    self.assertEqual(a.infolist()[0].compress_type, zipfile.ZIP_STORED)
                    self.assertEqual(a.infolist()[0].extra, b.infolist()[0].extra)
                    self.assertEqual(sorted(a.namelist()), sorted(b.namelist()))
                    for name in b.namelist():
                        self.assertEqual(a.read(name), b.read(name), name)

    def test_a_cover_that_calibre_adds_does_not_carry_the_clock_into_the_digest(self) -> None:
        data = make_epub(Recipe("uncovered", content=20_000))
        seen = set()
        for mi in states():
            mi.cover_data = ("jpeg", cover_image())
            seen.add(digest(copy(data, mi, StripList())))
        self.assertEqual(len(seen), 1)

    def test_the_tail_never_begins_where_a_sample_could_reach_it(self) -> None:
        for window in (1 << 10 + 2 * i for i in range(11)):
            for end in (window - RESERVE, window - 1, window, window + 1, window + 1023, window + 1024):
                start = tail_start(max(end, 40), RESERVE)
                self.assertGreaterEqual(start, end)
                for sample in (0, *(1 << 10 + 2 * i for i in range(11))):
                    self.assertFalse(start < sample + 1024 and sample < start + RESERVE, (end, start, sample))


def read_in_viewer(data: bytes, notes: str = "a note") -> bytes:
    """The file after calibre's viewer was closed, with its option *Keep a copy in the e-book file*."""
    from calibre.gui2.viewer.annotations import save_annots_to_epub

    path = os.path.join(os.environ["TEST_FOLDER"], "read.epub")
    with open(path, "wb") as file:
        file.write(data)
    save_annots_to_epub(path, json.dumps([{"title": notes}]).encode())
    with open(path, "rb") as file:
        return file.read()


class ReadInTheViewer(unittest.TestCase):
    """calibre's viewer leaves the reader's bookmarks and highlights in the library's file."""

    def names(self, data: bytes) -> list[str]:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            self.assertIsNone(archive.testzip())
            return archive.namelist()

    def test_reading_a_book_in_calibres_viewer_does_not_change_its_next_copy(self) -> None:
        for recipe in corpus()[::5]:
            data = make_epub(recipe)
            read = read_in_viewer(data)
            self.assertIn(BOOKMARKS, self.names(read))
            with self.subTest(recipe.name):
                self.assertEqual(content_key(io.BytesIO(read)), content_key(io.BytesIO(data)))
                for mi in states()[:2]:
                    before, after = copy(data, mi, StripList()), copy(read, mi, StripList())
                    self.assertNotIn(BOOKMARKS, self.names(after))
                    self.assertEqual(digest(after), digest(before))

    def test_notes_that_are_to_travel_lie_where_they_change_no_digest(self) -> None:
        as_they_are = StripList(strip=False)
        for recipe in corpus()[::9]:
            data = make_epub(recipe)
            copies = [copy(read_in_viewer(data, "n" * size), states()[1], as_they_are) for size in (1, 1000, 20_000)]
            with self.subTest(recipe.name):
                self.assertEqual(len({digest(c) for c in [*copies, copy(data, states()[0], as_they_are)]}), 1)
                for c in copies:
                    self.assertIn(BOOKMARKS, self.names(c))

    def test_notes_stay_out_of_a_copy_that_is_not_settled(self) -> None:
        plain = StripList(settle=False)
        for recipe in corpus()[::9]:
            data = make_epub(recipe)
            left = copy(read_in_viewer(data), states()[1], plain)
            with self.subTest(recipe.name), zipfile.ZipFile(io.BytesIO(copy(data, states()[1], plain))) as expected:
                self.assertEqual(self.names(left), expected.namelist())
                with zipfile.ZipFile(io.BytesIO(left)) as archive:
                    for name in expected.namelist():
                        self.assertEqual(archive.read(name), expected.read(name), name)

    def test_notes_do_not_travel_in_a_file_that_is_out_of_the_ordinary_or_that_calibre_cannot_write(self) -> None:
        twice = io.BytesIO(read_in_viewer(make_epub(Recipe("twice"))))
        with zipfile.ZipFile(twice, "a") as archive:
            self.assertWarns(UserWarning, archive.writestr, "OEBPS/c0.xhtml", "again")
        broken = io.BytesIO(read_in_viewer(make_epub(Recipe("broken"))))
        with zipfile.ZipFile(broken, "a") as archive:
            self.assertWarns(UserWarning, archive.writestr, "META-INF/container.xml", "no container")
        for made in (twice, broken):
            stream = io.BytesIO(made.getvalue())
            with contextlib.suppress(Exception):
                write_copy(stream, states()[0], "epub", StripList())
            with zipfile.ZipFile(stream) as archive:
                for info in archive.infolist():
                    self.assertNotIn(b"encoding=json+base64", archive.read(info), info.filename)

    def test_a_full_disk_leaves_the_notes_where_they_were(self) -> None:
        path = os.path.join(os.environ["TEST_FOLDER"], "full of notes.epub")
        data = read_in_viewer(make_epub(Recipe("noted", content=40_000)), "n" * 5000)
        for room in (0, 100, 5_000, 20_000, len(data)):
            with open(path, "wb") as file:
                file.write(data)
            raw = FullDisk(path, "r+")
            with io.BufferedRandom(raw) as stream:
                raw.room = room
                if not settle(stream, PRIVATE):  # type: ignore[arg-type]
                    stream.seek(0)
                    self.assertEqual(stream.read(), data, room)
            with open(path, "rb") as file:
                left = file.read()
            self.assertTrue(left == data or BOOKMARKS not in self.names(left), room)


class LeavingAlone(unittest.TestCase):
    def assert_untouched(self, data: bytes) -> None:
        stream = io.BytesIO(data)
        self.assertFalse(settle(stream))
        self.assertEqual(stream.getvalue(), data)

    def test_what_is_empty_or_no_zip_is_left_alone(self) -> None:
        for data in (b"", b"PK", b"not a zip at all" * 100, bytes(5000)):
            self.assert_untouched(data)

    def test_an_archive_without_entries_is_left_alone(self) -> None:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w"):
            pass
        self.assert_untouched(out.getvalue())

    def test_encrypted_entries_are_left_alone(self) -> None:
        data = bytearray(make_epub(Recipe("plain", content=20_000)))
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            info, start = archive.getinfo("OEBPS/c0.xhtml"), archive.start_dir
        data[info.header_offset + 6] |= 1
        record = data.index(b"OEBPS/c0.xhtml", start) - 46
        data[record + 8] |= 1
        self.assert_untouched(bytes(data))

    def test_zip64_is_left_alone(self) -> None:
        out = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(make_epub(Recipe("plain")))) as source, zipfile.ZipFile(out, "w") as archive:
            for info in source.infolist():
                with archive.open(info.filename, "w", force_zip64=True) as entry:
                    entry.write(source.read(info))
        data = out.getvalue()
        stream = io.BytesIO(data)
        # 64-bit sizes in local headers alone are harmless; whatever is done must keep every entry readable.
        settle(stream)
        with zipfile.ZipFile(stream) as archive:
            self.assertIsNone(archive.testzip())
        with_record = add_zip64_end(data)
        with zipfile.ZipFile(io.BytesIO(with_record)) as archive:
            self.assertIsNone(archive.testzip())
        self.assert_untouched(with_record)

    def test_bytes_in_front_or_behind_are_left_alone(self) -> None:
        data = make_epub(Recipe("plain", content=20_000))
        self.assert_untouched(b"#!/bin/sh\n" + data)
        self.assert_untouched(data + b"more")

    def test_two_entries_of_one_name_are_left_alone(self) -> None:
        out = io.BytesIO(make_epub(Recipe("plain")))
        with zipfile.ZipFile(out, "a") as archive:
            self.assertWarns(UserWarning, archive.writestr, "OEBPS/c0.xhtml", "again")
        self.assert_untouched(out.getvalue())

    def test_a_book_without_its_package_document_is_left_alone(self) -> None:
        out = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(make_epub(Recipe("plain")))) as source, zipfile.ZipFile(out, "w") as archive:
            for info in source.infolist():
                if not info.filename.endswith(".opf"):
                    archive.writestr(info, source.read(info))
        self.assert_untouched(out.getvalue())

    def test_no_damage_of_any_kind_loses_a_readable_entry(self) -> None:
        rng = random.Random(20)
        base = make_epub(Recipe("fuzzed", content=9_000, cover=True))
        for round_ in range(1500):
            data = bytearray(base)
            for _ in range(rng.randint(1, 3)):
                kind, at = rng.randrange(3), rng.randrange(len(data))
                # Damage near headers and the directory is what confuses a zip reader.
                if rng.random() < 0.6:
                    at = rng.randrange(len(base) - 900, len(base)) % len(data)
                if kind == 0:
                    data[at] = rng.randrange(256)
                elif kind == 1:
                    del data[at : at + rng.randint(1, 40)]
                else:
                    data[at:at] = rng.randbytes(rng.randint(1, 20))
            before = readable(bytes(data))
            stream = io.BytesIO(data)
            if settle(stream):
                after = readable(stream.getvalue())
                self.assertEqual({n: after.get(n) for n in before}, before, f"round {round_}")
            else:
                self.assertEqual(stream.getvalue(), bytes(data))


def readable(data: bytes) -> dict[str, bytes]:
    """What can still be read of a damaged zip, by name."""
    found = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for info in archive.infolist():
                try:
                    found[info.filename] = archive.read(info)
                except Exception:
                    continue
    except Exception:
        pass
    return found


def add_zip64_end(data: bytes) -> bytes:
    """The same archive, ending as one with more entries than 16 bits can count would."""
    end = data[-22:]
    count, size, start = struct.unpack_from("<H2L", end, 10)
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, start)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, len(data) - 22, 1)
    return data[:-22] + record + locator + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, size, 0xFFFFFFFF, 0)


class FullDisk(io.FileIO):
    """A file on a disk that is full, or breaks, after so many more bytes."""

    room = 1 << 60

    def write(self, data: Any) -> int:
        view = memoryview(data)
        taken = min(len(view), self.room)
        if taken == 0 and len(view):
            self.room = 1 << 60  # the undoing finds the room that was there
            raise OSError(errno.ENOSPC, "No space left on device")
        self.room -= taken
        return super().write(view[:taken])


class CopyingBack(unittest.TestCase):
    def test_a_full_disk_leaves_the_copy_as_calibre_wrote_it(self) -> None:
        path = os.path.join(os.environ["TEST_FOLDER"], "full.epub")
        for place in ("first", "last"):
            data = copy(make_epub(Recipe("full", content=40_000, place=place)), states()[1], AS_CALIBRE)
            for room in (0, 1, 100, 5_000, 20_000, 60_000, len(data)):
                with open(path, "wb") as file:
                    file.write(data)
                raw = FullDisk(path, "r+")
                with io.BufferedRandom(raw) as stream:
                    raw.room = room
                    self.assertFalse(settle(stream), (place, room))  # type: ignore[arg-type]
                    stream.seek(0)
                    self.assertEqual(stream.read(), data)
                with open(path, "rb") as file:
                    self.assertEqual(file.read(), data, (place, room))

    def test_a_buffered_stream_shows_the_settled_file_afterwards(self) -> None:
        path = os.path.join(os.environ["TEST_FOLDER"], "buffered.epub")
        with open(path, "wb") as file:
            file.write(copy(make_epub(Recipe("buffered", content=40_000)), states()[1], AS_CALIBRE))
        with open(path, "r+b") as stream:
            stream.read(100)
            self.assertTrue(settle(stream))
            seen = stream.read()
        with open(path, "rb") as file:
            self.assertEqual(file.read(), seen)
