"""Whatever is wrong with a file: it leaves as calibre alone would have written it, or as a whole settled copy of that."""

from __future__ import annotations

import io
import os
import random
import shutil
import struct
import tempfile
import time
import unittest
import zipfile
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any
from unittest import mock

from calibre.customize import ui
from calibre.ebooks.metadata.book.base import Metadata
from calibre_plugins.koreader_progress.copies import writer as copies
from calibre_plugins.koreader_progress.copies import log as copy_log
from calibre_plugins.koreader_progress.copies.digest import partial_md5
from calibre_plugins.koreader_progress.copies.strip_list import our_folder
from epubs import Recipe, make_epub
from settle import add_zip64_end

UUID = "99999999-2222-4333-8444-555555555555"
FLIPS = 400
# Calibre stamps what it writes with the clock: one for both.
NOW = 1_700_000_000.0


def base() -> bytes:
    return make_epub(Recipe("damaged", content=9_000, cover=True))


def rewritten(change: str) -> bytes:
    """The book as some program may have zipped it."""
    out = io.BytesIO()
    # A stream that cannot be sought makes zipfile write data descriptors.
    target: Any = _Unseekable(out) if change == "descriptors" else out
    with zipfile.ZipFile(io.BytesIO(base())) as source, zipfile.ZipFile(target, "w") as archive:
        for info in source.infolist():
            if change == "zip64 sizes":
                with archive.open(info.filename, "w", force_zip64=True) as entry:
                    entry.write(source.read(info))
            else:
                archive.writestr(info.filename, source.read(info), info.compress_type)
        if change == "comment":
            archive.comment = b"c" * 65_535
        if change == "folders":
            archive.writestr(zipfile.ZipInfo("OEBPS/"), b"")
        if change == "unicode":
            archive.writestr("OEBPS/Привет — \N{SNOWMAN}.xhtml", b"<p/>")
        if change == "strange names":
            archive.writestr("../../outside.txt", b"x")
            archive.writestr("C:\\windows\\x", b"x")
    if change == "duplicates":
        with zipfile.ZipFile(out, "a") as archive, mock.patch("warnings.warn"):
            archive.writestr("OEBPS/c0.xhtml", b"<p>again</p>")
            archive.writestr("OEBPS/content.opf", archive.read("OEBPS/content.opf"))
    return out.getvalue()


class _Unseekable(io.RawIOBase):
    def __init__(self, out: io.BytesIO) -> None:
        self._out = out

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return self._out.write(data)


def encrypted() -> bytes:
    """The flag of encryption on one entry."""
    data = bytearray(base())
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        info, start = archive.getinfo("OEBPS/c0.xhtml"), archive.start_dir
    data[info.header_offset + 6] |= 1
    data[data.index(b"OEBPS/c0.xhtml", start) - 38] |= 1
    return bytes(data)


def with_rights() -> bytes:
    """What a shop's own protection puts beside the text."""
    out = io.BytesIO(base())
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr(
            "META-INF/encryption.xml", b"<encryption xmlns='urn:oasis:names:tc:opendocument:xmlns:container'/>"
        )
        archive.writestr("META-INF/rights.xml", b"<rights/>")
    return out.getvalue()


def empty_archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w"):
        pass
    return out.getvalue()


def whole() -> Iterator[tuple[str, bytes]]:
    """Files out of the ordinary, by what is so."""
    for change in ("descriptors", "zip64 sizes", "comment", "folders", "unicode", "strange names", "duplicates"):
        yield change, rewritten(change)
    yield "zip64 end", add_zip64_end(base())
    yield "encrypted", encrypted()
    yield "rights", with_rights()
    yield "nothing", b""
    yield "no entries", empty_archive()
    yield "no zip", b"not a zip at all" * 400
    yield "zeros", bytes(20_000)
    yield "bytes in front", b"#!/bin/sh\n" + base()
    yield "bytes behind", base() + b"behind"
    yield "twice", base() * 2
    yield "end record alone", base()[-22:]


class Damaged(unittest.TestCase):
    def setUp(self) -> None:
        shutil.rmtree(our_folder(), ignore_errors=True)
        copy_log._own.file = None
        self.writer = ui.find_plugin("KOReader Progress")
        self.writer.apply_null = self.writer.force_identifiers = False
        # Every case complains to stderr as calibre does: hundreds of tracebacks tell nothing here.
        for patched in (
            mock.patch("sys.stderr", io.StringIO()),
            mock.patch("time.time", lambda: NOW),
            mock.patch("time.localtime", lambda *_: time.gmtime(NOW)),
        ):
            patched.start()
            self.addCleanup(patched.stop)

    def metadata(self) -> Metadata:
        mi = Metadata("Another title", ["Somebody"])
        mi.uuid, mi.timestamp = UUID, datetime(2024, 1, 2, tzinfo=timezone.utc)
        mi.comments = "<p>Words</p>"
        return mi

    def write(self, data: bytes, on_disk: bool) -> tuple[bytes, bytes, bool]:
        """What leaves with us, what calibre alone would have sent, and whether ours says that it is settled."""
        theirs = io.BytesIO(data)
        try:
            copies.calibre_writes(theirs, self.metadata(), "epub", False, False)
        except Exception:
            pass
        if on_disk:
            with tempfile.TemporaryFile(dir=os.environ["TEST_FOLDER"]) as ours:
                ours.write(data)
                ours.seek(0)
                self.writer.set_metadata(ours, self.metadata(), "epub")
                ours.seek(0)
                left = ours.read()
        else:
            stream = io.BytesIO(data)
            self.writer.set_metadata(stream, self.metadata(), "epub")
            left = stream.getvalue()
        (record,) = copy_log.read_logs([copy_log.log_folder()])[-1:]
        self.assertEqual(record["digest"], partial_md5(io.BytesIO(left)))
        return left, theirs.getvalue(), record.get("settled") is True

    def check(self, data: bytes, on_disk: bool = False) -> bool:
        """Whether it was settled; fails when it left in any third way."""
        ours, theirs, settled = self.write(data, on_disk)
        # One record for each case: what was logged before would only be merged.
        shutil.rmtree(our_folder(), ignore_errors=True)
        copy_log._own.file = None
        if not settled:
            self.assertEqual(ours, theirs)
            return False
        with zipfile.ZipFile(io.BytesIO(ours)) as one, zipfile.ZipFile(io.BytesIO(theirs)) as other:
            self.assertEqual(sorted(one.namelist()), sorted(other.namelist()))
            self.assertEqual(one.comment, other.comment)
            self.assertEqual(one.infolist()[0].header_offset, 0)
            for name in other.namelist():
                self.assertEqual(read_or_error(one, name), read_or_error(other, name), name)
        return True

    def test_what_is_out_of_the_ordinary(self) -> None:
        settled = set()
        for what, data in whole():
            for on_disk in (False, True):
                with self.subTest(what, on_disk=on_disk):
                    if self.check(data, on_disk):
                        settled.add(what)
        # calibre writes the zip anew: what it understands is in order afterwards.
        self.assertLessEqual({"unicode", "folders", "descriptors"}, settled)
        self.assertTrue(settled.isdisjoint({"encrypted", "nothing", "no entries", "no zip", "zeros"}), settled)

    def test_what_was_cut_off_at_any_place(self) -> None:
        data = base()
        for size in range(0, len(data), 100):
            with self.subTest(size):
                # calibre puts together what is left of some of these, and only then it is settled.
                self.check(data[:size])

    def test_what_has_a_wrong_bit_anywhere(self) -> None:
        rng = random.Random(3)
        settled = 0
        for n in range(FLIPS):
            data = bytearray(base())
            # Half of them where the zip tells about itself.
            at = rng.randrange(len(data)) if n % 2 else rng.randrange(len(data) - 900, len(data))
            data[at] ^= 1 << rng.randrange(8)
            with self.subTest(at=at):
                settled += self.check(bytes(data))
        # Most flips only hit the content, which is copied as it stands.
        self.assertGreater(settled, FLIPS // 10)

    def test_sizes_and_offsets_that_lie(self) -> None:
        rng = random.Random(4)
        data = base()
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            start, count = archive.start_dir, len(archive.infolist())
        places = [len(data) - 22 + at for at in (4, 6, 8, 10, 12, 16, 20)]
        at = start
        for _ in range(count):
            places.extend(at + field for field in (8, 10, 16, 20, 24, 28, 30, 32, 42))
            at += 46 + sum(struct.unpack_from("<3H", data, at + 28))
        for place in places:
            for value in (0, 1, 0x7FFF, 0xFFFF, rng.randrange(1 << 16)):
                with self.subTest(place=place, value=value):
                    lying = bytearray(data)
                    struct.pack_into("<H", lying, place, value)
                    self.check(bytes(lying))


def read_or_error(archive: zipfile.ZipFile, name: str) -> bytes | str:
    """An entry's content; for one that cannot be read, what kind of error says so."""
    try:
        return archive.read(name)
    except Exception as error:
        return type(error).__name__
