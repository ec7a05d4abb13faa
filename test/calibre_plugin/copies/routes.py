"""Every way out of a library without a window, and every format: is the copy that arrived known, and does it stand still?"""

from __future__ import annotations

import glob
import os
import re
import shutil
import sys
import unittest
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest import mock
from urllib.request import ProxyHandler, build_opener

sys.path.append(str(Path(__file__).resolve().parent.parent.parent / "gui"))

from books_of_all_kinds import SHAPES, books
from calibre.constants import numeric_version
from calibre.devices.folder_device.driver import FOLDER_DEVICE
from calibre.devices.kobo.driver import KOBOTOUCH
from calibre.devices.usbms.driver import USBMS
from calibre_plugins.koreader_progress.copies import log as copy_log
from calibre_plugins.koreader_progress.devices import uploads
from calibre_plugins.koreader_progress.devices.kepubs import makes_kepubs
from calibre_plugins.koreader_progress.copies.content_key import file_content_key
from calibre_plugins.koreader_progress.copies.digest import file_digest, name_digest
from calibre_plugins.koreader_progress.memory.history import read_digests
from calibre_plugins.koreader_progress.memory.rebuild import rebuild
from calibre_plugins.koreader_progress.copies.strip_list import our_folder
from pdfs import minimal_pdf
from epubs import KIB, Recipe, make_epub
from libraries import Server, add_book, make_library, new_folder, open_library, run
from sending import manager_of

CALIBRE = cast("tuple[int, ...]", numeric_version)
FEW = (SHAPES[0], SHAPES[3], SHAPES[5])


class Case(unittest.TestCase):
    def setUp(self) -> None:
        shutil.rmtree(our_folder(), ignore_errors=True)
        copy_log._own.file = None
        self.db = make_library()
        self.addCleanup(lambda: self.db.close())

    @property
    def api(self) -> Any:
        return self.db.new_api

    def known(self, book: int) -> dict[str, str]:
        """The book's digests with their sources, after what a sync does first."""
        rebuild(self.api)
        return {d["digest"]: d["source"] for d in read_digests(self.api, [book]).get(book, [])}


class WithoutAWindow(Case):
    """Each route carries all formats out, twice, with other metadata the second time."""

    def setUp(self) -> None:
        super().setUp()
        self.books = {
            add_book(self.db, minimal_pdf() if fmt == "PDF" else data, fmt, title=title): fmt
            for title, fmt, data in books(FEW)
        }
        self.books[add_book(self.db, make_epub(Recipe("kobo", content=30 * KIB)), "KEPUB", title="Kepub Kind")] = (
            "KEPUB"
        )

    def edit(self) -> None:
        for book in self.books:
            self.api.set_field("title", {book: f"{self.api.field_for('title', book)} edited"})
            self.api.set_field("comments", {book: "<p>" + "Words " * 3000 + "</p>"})
            self.api.set_field("tags", {book: ["one", "two"]})

    def carry_out(self, route: str, copies: Any, settled: tuple[str, ...]) -> None:
        """`copies(path of the library)` returns each book's copy as a path, by id; `settled` are formats it settles."""
        path = self.db.library_path
        digests: dict[int, list[str]] = {book: [] for book in self.books}
        for state in range(2):
            if state:
                self.edit()
            self.db.close()
            for book, copy in copies(path).items():
                digests[book].append(file_digest(copy))
            self.db = open_library(path)
        seen: dict[str, set[str]] = {}
        for book, fmt in self.books.items():
            known = self.known(book)
            own = file_digest(self.api.format_abspath(book, fmt))
            for digest in digests[book]:
                # A format that calibre only carries leaves as it lies in the library: the bridge digests that file.
                source = known.get(digest) or ("library" if digest == own else None)
                with self.subTest(route=route, fmt=fmt):
                    self.assertIn(source, ("written", "library"))
                    seen.setdefault(f"{source}{', steady' if len(set(digests[book])) == 1 else ''}", set()).add(fmt)
            with self.subTest(route=route, fmt=fmt):
                self.assertEqual(len(digests[book]), 2)
                if fmt in settled:
                    self.assertEqual((len(set(digests[book])), known.get(digests[book][0])), (1, "written"))
        report = os.environ.get("TEST_REPORT")
        if report:
            with open(report, "a") as file:
                for what, formats in sorted(seen.items()):
                    file.write(f"{route}: {what}: {', '.join(sorted(formats))}\n")

    def test_what_calibredb_exports_is_known_in_every_format(self) -> None:
        def export(path: str) -> dict[int, str]:
            folder = new_folder("export")
            ids = ",".join(map(str, self.books))
            template = ["--template", "{id}", "--dont-save-cover", "--dont-write-opf", "--single-dir"]
            run("calibredb", "export", "--with-library", path, "--to-dir", folder, *template, ids)
            return {int(Path(file).name.partition(".")[0]): file for file in glob.glob(folder + "/*")}

        self.carry_out("calibredb export", export, ("EPUB", "KEPUB"))

    def test_what_is_downloaded_through_the_catalogue_is_known_in_every_format(self) -> None:
        opener = build_opener(ProxyHandler({}))
        offered: set[str] = set()

        def download(path: str) -> dict[int, str]:
            folder, found = new_folder("opds"), {}
            with Server(path, 18_086) as server:

                def get(address: str) -> bytes:
                    with opener.open(server.url + address, timeout=60) as answer:
                        return answer.read()

                # What KOReader's catalogue browser does: from the feed to its entries to their files.
                titles = re.search(r'href="(/opds/navcatalog/[^"]+)"', get("/opds").decode())
                assert titles is not None
                page: str | None = titles[1]
                while page:
                    feed = get(page.replace("&amp;", "&")).decode()
                    for link in re.findall(r'<link[^>]+rel="http://opds-spec.org/acquisition"[^>]*>', feed):
                        address = re.search(r'href="([^"]+)"', link)
                        assert address is not None
                        fmt, book = address[1].split("/")[2:4]
                        offered.add(fmt.upper())
                        found[int(book)] = os.path.join(folder, f"{book}.{fmt}")
                        Path(found[int(book)]).write_bytes(get(address[1]))
                    following = re.search(r'<link[^>]+rel="next"[^>]+href="([^"]+)"', feed)
                    page = following[1] if following else None
                for other in self.books.keys() - found.keys():
                    found[other] = os.path.join(folder, str(other))
                    Path(found[other]).write_bytes(server.get(other, self.books[other]))
            return found

        self.carry_out("content server", download, ("EPUB",))
        # The catalogue of an old calibre leaves out what it has no type for; that can be downloaded all the same.
        self.assertLessEqual({"AZW3", "CBZ", "EPUB", "FB2", "MOBI", "PDF", "TXT"}, offered)


def with_stylesheet(data: bytes, path: str) -> None:
    """The EPUB with a stylesheet, as a file: a Kobo's driver edits nothing else."""
    with open(path, "wb") as file:
        file.write(data)
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    package = entries["OEBPS/content.opf"].replace(
        b"</manifest>", b'<item id="css" href="s.css" media-type="text/css"/></manifest>'
    )
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**entries, "OEBPS/content.opf": package, "OEBPS/s.css": b"p { margin: 0 }"}.items():
            archive.writestr(name, content)


class KepubMaker(KOBOTOUCH):
    """A driver that makes KEPUBs on the way, as some readers have installed: spans in the text, the clock in the zip."""

    def upload_books(self, files: list[str], names: list[str], on_card: Any = None, end_session: bool = True, metadata: Any = None) -> Any:  # fmt: skip
        for file in files:
            with zipfile.ZipFile(file) as archive:
                entries = {name: archive.read(name) for name in archive.namelist()}
            with zipfile.ZipFile(file, "w") as archive:
                for name, content in entries.items():
                    spans = content.replace(b"<p>", b'<p><span class="koboSpan" id="kobo.1.1">').replace(
                        b"</p>", b"</span></p>"
                    )
                    archive.writestr(name, spans if name.endswith(".xhtml") else content)
        return super().upload_books(files, names, on_card, end_session, metadata)

    def filename_callback(self, path: str, mi: Any) -> str:
        return path.replace(".epub", ".kepub.epub")


@contextmanager
def as_epub() -> Iterator[None]:
    """A reader who unticked what calibre 8 and newer do by default: a KEPUB made of every EPUB."""
    genuine = KOBOTOUCH.get_pref
    with mock.patch.object(KOBOTOUCH, "get_pref", staticmethod(lambda key: key != "kepubify" and genuine(key))):
        yield


class Kobo(Case):
    """calibre's own driver of Kobo's readers, without its database."""

    def connect(self, driver: type[KOBOTOUCH]) -> tuple[Any, str]:
        folder = new_folder("kobo")
        os.makedirs(os.path.join(folder, ".kobo"))
        device = driver(None)
        device.initialize()
        device._main_prefix, device._card_a_prefix, device._card_b_prefix = folder + os.sep, None, None
        device.set_progress_reporter(lambda *_: None)
        device.dbversion = 0
        # A Libra 2, as calibre from 7.22 on asks.
        device.detected_device = SimpleNamespace(idVendor=0x2237, idProduct=0x418D)
        return device, folder

    def send(self, device: Any, book: int, fmt: str) -> str:
        """Sends as calibre does; the path of the file on the device."""
        manager = manager_of(device)
        uploads.watch_uploads(manager)
        name = f"sent.{fmt.lower()}"
        file = os.path.join(new_folder("send"), name)
        shutil.copyfile(self.api.format_abspath(book, fmt), file)
        ((path, _card),) = manager._upload_books(
            [file], [name], on_card=None, metadata=[self.api.get_metadata(book)], plugboards={}
        )
        return path

    def test_the_drivers_own_style_rules_are_in_the_digest(self) -> None:
        made = os.path.join(new_folder("styled"), "styled.epub")
        with_stylesheet(make_epub(Recipe("styled", content=30 * KIB)), made)
        book = add_book(self.db, Path(made).read_bytes(), title="Styled")
        device, folder = self.connect(KOBOTOUCH)
        Path(folder, "kobo_extra.css").write_text("p { text-indent: 1em }")
        with mock.patch.object(KOBOTOUCH, "modifying_css", lambda _self: True), as_epub():
            path = self.send(device, book, "EPUB")
        with zipfile.ZipFile(path) as archive:
            self.assertIn(b"text-indent", archive.read("OEBPS/s.css"))
        known = self.known(book)
        self.assertEqual(known[file_digest(path)], "sent")
        # What calibre had written is known as well, and is not what lies there.
        self.assertEqual(sorted({*known.values()}), ["sent", "written"])

    def test_a_kepub_of_the_library_is_settled_and_known_under_its_name_on_the_device(self) -> None:
        book = add_book(self.db, make_epub(Recipe("kobo", content=30 * KIB)), "KEPUB", title="Kobo's own")
        device, _folder = self.connect(KOBOTOUCH)
        digests = set()
        for title in ("Kobo's own", "Another title"):
            self.api.set_field("title", {book: title})
            path = self.send(device, book, "KEPUB")
            digests.add(file_digest(path))
            self.assertEqual(self.known(book)[file_digest(path)], "sent")
            self.assertEqual(self.known(book)[name_digest(os.path.basename(path))], "sent")
        self.assertEqual(len(digests), 1)

    def test_calibres_own_kepubs_are_foreseen_and_each_is_known(self) -> None:
        book = add_book(self.db, make_epub(Recipe("kobo", content=30 * KIB)), title="As calibre likes it")
        device, _folder = self.connect(KOBOTOUCH)
        self.assertEqual(makes_kepubs(device), CALIBRE >= (8, 0))
        for title in ("As calibre likes it", "Another title"):
            self.api.set_field("title", {book: title})
            path = self.send(device, book, "EPUB")
            self.assertEqual(path.endswith(".kepub.epub"), makes_kepubs(device))
            self.assertEqual(self.known(book)[file_digest(path)], "sent")
        with as_epub():
            self.assertFalse(makes_kepubs(device))
            digests = set()
            for title in ("As EPUB", "As EPUB again"):
                self.api.set_field("title", {book: title})
                path = self.send(device, book, "EPUB")
                self.assertFalse(path.endswith(".kepub.epub"))
                digests.add(file_digest(path))
        self.assertEqual(len(digests), 1)

    def test_a_tolino_gets_epubs_from_the_same_driver(self) -> None:
        device, _folder = self.connect(KOBOTOUCH)
        with mock.patch.object(KOBOTOUCH, "isTolinoDevice", lambda _self: True, create=True):
            self.assertFalse(makes_kepubs(device))

    def test_other_drivers_make_none(self) -> None:
        for device in (FOLDER_DEVICE(new_folder("folder")), USBMS(None)):
            self.assertFalse(makes_kepubs(device))

    def test_a_kepub_made_by_the_driver_is_hashed_as_it_lies_there(self) -> None:
        book = add_book(self.db, make_epub(Recipe("made", content=30 * KIB)), title="Made on the way")
        device, _folder = self.connect(KepubMaker)
        path = self.send(device, book, "EPUB")
        self.assertTrue(path.endswith(".kepub.epub"))
        rebuild(self.api)
        found = {d["digest"]: d for d in read_digests(self.api, [book])[book]}
        sent = found[file_digest(path)]
        self.assertEqual((sent["source"], sent["format"]), ("sent", "KEPUB"))
        # Another text: a place of the EPUB is never carried over to it.
        self.assertEqual(sent["content_key"], file_content_key(path))
        self.assertNotEqual(sent["content_key"], file_content_key(self.api.format_abspath(book, "EPUB")))
