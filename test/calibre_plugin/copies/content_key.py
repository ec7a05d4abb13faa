"""The key of one text, by the vectors that the bridge is tested with as well; and files made to hold the interpreter."""

from __future__ import annotations

import io
import json
import os
import struct
import time
import tracemalloc
import unittest
import zipfile
import zlib
from collections.abc import Iterable
from typing import Any, Final

from calibre_plugins.koreader_progress.copies.content_key import (
    content_key,
    is_same_text,
    key_and_uuids,
    newest_key,
    old_and_new_key,
)
from calibre_plugins.koreader_progress.copies.settle import settle
from epubs import CONTAINER, Recipe, make_epub

# For the worst of machines; what is guarded against took minutes.
HANGS = 90.0
MOST_MEMORY = 120 << 20


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def raw_zip(entries: Iterable[tuple[bytes, bool, bytes]], pack: bool = False) -> bytes:
    """A zip whose names no library has put right: bytes of the name, whether they are marked as UTF-8, content."""
    out, records, count = io.BytesIO(), b"", 0
    for name, utf8, data in entries:
        packed = deflated(data) if pack else data
        how = (0x800 if utf8 else 0, 8 if pack else 0, 0, 0x21, zlib.crc32(data), len(packed), len(data), len(name))
        about = struct.pack("<H4H3LH", 20, *how)
        records += b"PK\1\2\x14\0" + about + struct.pack("<5H2L", 0, 0, 0, 0, 0, 0, out.tell())[2:] + name
        out.write(b"PK\3\4" + about + b"\0\0" + name + packed)
        count += 1
    start = out.tell()
    out.write(records + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(records), start, 0))
    return out.getvalue()


class OneText(unittest.TestCase):
    def setUp(self) -> None:
        with open(os.path.join(os.environ["TEST_FIXTURES"], "content-key-vectors.json"), encoding="utf-8") as file:
            self.vectors = json.load(file)

    def test_a_chapter_is_found_by_its_name_as_the_bridge_finds_it(self) -> None:
        for vector in self.vectors["names"]:
            package = self.vectors["package"].replace("HREF", vector["href"])
            files = [
                (b"META-INF/container.xml", False, self.vectors["container"].encode()),
                (b"OEBPS/content.opf", False, package.encode()),
                (bytes.fromhex(vector["name"]), vector["utf8"], self.vectors["page"].encode()),
            ]
            with self.subTest(vector["says"]):
                self.assertEqual(content_key(io.BytesIO(raw_zip(files))), vector["key"])

    def test_a_book_has_the_key_that_the_bridge_gives_it(self) -> None:
        for vector in self.vectors["books"]:
            files = [(name.encode(), True, text.encode()) for name, text in vector["files"].items()]
            with self.subTest(vector["says"]):
                self.assertEqual(content_key(io.BytesIO(raw_zip(files))), vector["key"])

    def test_a_key_that_knows_no_pictures_says_of_no_two_copies_that_they_are_one_text(self) -> None:
        old, new = "a" * 32, "2:" + "b" * 32
        self.assertTrue(is_same_text(new, new))
        for one, other in ((old, old), (old, new), (None, None), (new, None)):
            self.assertFalse(is_same_text(one, other))
        self.assertEqual(
            {newest_key(old, new), newest_key(new, old), newest_key(None, new), newest_key(new, None)}, {new}
        )

    def test_the_key_of_before_is_told_beside_the_one_of_now(self) -> None:
        path = os.path.join(os.environ["TEST_FOLDER"], "both.epub")
        with open(path, "wb") as file:
            file.write(make_epub(Recipe("both")))
        keys = old_and_new_key(path)
        assert keys is not None
        with open(path, "rb") as file:
            self.assertEqual(keys.new, content_key(file))
        self.assertRegex(keys.old, "^[0-9a-f]{32}$")
        self.assertTrue(keys.by_text)


def package(head: str = "", items: str = "", spine: str = "") -> str:
    return (
        '<package xmlns="http://www.idpf.org/2007/opf"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"{head}</metadata><manifest>{items}</manifest><spine>{spine}</spine></package>"
    )


HOSTILE: Final[dict[str, dict[str, Any]]] = {
    "a container of nothing but the word that is looked for": {
        "container": "<!-- " + "rootfile " * 200_000 + CONTAINER
    },
    "tags of a container that never end": {"container": "<rootfile " * 100_000},
    "a container with a hundred thousand attributes": {
        "container": CONTAINER.replace("<rootfile ", "<rootfile " + "".join(f'a{n}="" ' for n in range(80_000)))
    },
    "quotation marks that never close": {"container": "<rootfile " + "a='b\" " * 160_000},
    "a name of a million letters": {"package": "<item " + "a" * (1 << 20) + ">"},
    "a million words": {"package": "<item " + "a " * (1 << 20)},
    "a million letters that might be a prefix": {"package": ("<" + "a" * 1000) * 1000},
    "a reference of a million digits": {"package": package(items=f'<item id="a" href="&#{"9" * (1 << 20)};"/>')},
    "entities upon entities": {
        "package": "<!DOCTYPE p [<!ENTITY a 'aaaaaaaaaa'>"
        + "".join(f"<!ENTITY a{n} '{'&a;' * 10 if n == 0 else f'&a{n - 1};' * 10}'>" for n in range(9))
        + "]>"
        + package(items='<item id="&a8;" href="&a8;"/>'),
    },
    "more items than any book has": {
        "package": package(items="".join(f'<item id="{n}" href="{n}"/>' for n in range(300_000)))
    },
    "comments that never end": {"package": "<!--" * 1_000_000},
    "elements in each other": {"package": "<meta>" * 500_000},
    "a page of beginnings of a head": {"page": "<head" * 1_000_000},
    "a page of heads": {"page": "<head>" * 1_000_000},
    "a page of references": {"page": "&" * 4_000_000},
    "a page of blank references": {"page": "&#" + "0" * 4_000_000},
}


class Hostile(unittest.TestCase):
    """Files of anybody's, in calibre's own process."""

    def make(self, container: str = CONTAINER, package: str = package(), page: str = "", pack: bool = True) -> bytes:
        item = '<item id="p" href="p.xhtml"/></manifest><spine><itemref idref="p"/>'
        files = {
            "META-INF/container.xml": container,
            "OEBPS/content.opf": package.replace("</manifest><spine>", item) if page else package,
            "OEBPS/p.xhtml": page,
        }
        return raw_zip([(name.encode(), True, text.encode()) for name, text in files.items()], pack)

    def assert_bounded(self, data: bytes) -> None:
        begun = time.monotonic()
        tracemalloc.start()
        try:
            content_key(io.BytesIO(data))
            key_and_uuids(io.BytesIO(data))
            settle(io.BytesIO(data))
            self.assertLess(tracemalloc.get_traced_memory()[1], MOST_MEMORY + 4 * len(data))
        finally:
            tracemalloc.stop()
        self.assertLess(time.monotonic() - begun, HANGS)

    def test_no_small_file_holds_the_interpreter_or_fills_the_memory(self) -> None:
        for says, parts in HOSTILE.items():
            with self.subTest(says):
                self.assert_bounded(self.make(**parts))
                # What is not packed is no bomb: it is looked through.
                self.assert_bounded(self.make(pack=False, **parts))

    def test_what_unpacks_to_a_thousand_times_its_size_is_not_unpacked(self) -> None:
        for name in ("META-INF/container.xml", "OEBPS/content.opf", "OEBPS/p.xhtml"):
            zeros = bytes(90 << 20)
            files = {
                "META-INF/container.xml": CONTAINER.encode(),
                "OEBPS/content.opf": package(
                    items='<item id="p" href="p.xhtml"/>', spine='<itemref idref="p"/>'
                ).encode(),
                "OEBPS/p.xhtml": b"",
                name: zeros,
            }
            data = raw_zip([(n.encode(), True, content) for n, content in files.items()], pack=True)
            with self.subTest(name):
                self.assert_bounded(data)
                self.assertIsNone(content_key(io.BytesIO(data)))

    def test_a_directory_that_lies_about_sizes_gives_no_key(self) -> None:
        data = bytearray(self.make(page="x" * 300))
        at = data.rindex(b"PK\1\2")
        struct.pack_into("<L", data, at + 24, 0xFFFFFFF0)
        self.assertIsNone(content_key(io.BytesIO(bytes(data))))

    def test_a_book_of_ordinary_size_is_read_all_the_same(self) -> None:
        items = "".join(f'<item id="i{n}" href="{n}.png" media-type="image/png"/>' for n in range(40_000))
        data = self.make(package=package(items=items), page="x" * 300)
        self.assertIsNotNone(content_key(io.BytesIO(data)))
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            self.assertEqual(len(archive.namelist()), 3)
