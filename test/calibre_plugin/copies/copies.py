"""The metadata writer at work in calibre's own programs."""

from __future__ import annotations

import glob
import io
import os
import shutil
import struct
import unittest
import zipfile
from datetime import datetime, timezone
from typing import Any
from unittest import mock

from calibre.customize import ui
from calibre.ebooks.metadata.book.base import Metadata
from calibre.ebooks.metadata.meta import set_metadata
from calibre_plugins.koreader_progress.copies import writer as copies
from calibre_plugins.koreader_progress.copies import log as copy_log
from calibre_plugins.koreader_progress.copies.digest import file_digest, partial_md5
from calibre_plugins.koreader_progress.copies.strip_list import StripList, our_folder, write_columns, write_switches
from epubs import Recipe, cover_image, make_epub
from pdfs import minimal_pdf
from libraries import Server, add_book, make_library, new_folder, open_library, run

UUID = "99999999-2222-4333-8444-555555555555"
COLUMNS = (
    ("pct", "float", {}),
    ("pct2", "text", {}),
    ("built", "composite", {"composite_template": "{#pct:0.0f} %"}),
    ("onbuilt", "composite", {"composite_template": "program: field('#built')"}),
    ("other", "composite", {"composite_template": "{#pct2} of {title}"}),
)


def digest(data: bytes) -> str:
    return partial_md5(io.BytesIO(data))


def logged(source: str | None = None) -> list[copy_log.CopyRecord]:
    records = copy_log.read_logs([copy_log.log_folder()])
    return [r for r in records if source is None or r["source"] == source]


class Case(unittest.TestCase):
    def setUp(self) -> None:
        # Each test begins as a calibre that never made a copy.
        shutil.rmtree(our_folder(), ignore_errors=True)

    def mapped(self, db: Any) -> None:
        number = db.new_api.field_metadata.custom_field_metadata()["#pct"]["colnum"]
        write_columns("test", [{"lookup": "#pct", "number": number, "datatype": "float"}])


class Writing(Case):
    def metadata(self, **fields: Any) -> Metadata:
        mi = Metadata(fields.pop("title", "A Book"), ["Somebody"])
        mi.uuid, mi.timestamp = UUID, datetime(2024, 1, 2, tzinfo=timezone.utc)  # else calibre writes the clock
        for name, value in fields.items():
            setattr(mi, name, value)
        return mi

    def test_calibre_asks_our_writer_first_for_every_format_it_can_write(self) -> None:
        for fmt, writers in ui._metadata_writers.items():
            with self.subTest(fmt):
                self.assertEqual(writers[0].name, "KOReader Progress")

    def test_a_copy_is_logged_with_the_digest_of_its_bytes(self) -> None:
        stream = io.BytesIO(make_epub(Recipe("one", content=20_000)))
        set_metadata(stream, self.metadata(title="Titel"), "epub")
        (record,) = logged()
        self.assertEqual(record["digest"], digest(stream.getvalue()))
        self.assertEqual(record["uuid"], UUID)
        self.assertEqual((record.get("title"), record.get("authors")), ("Titel", ["Somebody"]))
        self.assertEqual((record["source"], record.get("format"), record.get("settled")), ("written", "EPUB", True))
        self.assertEqual(record.get("size"), len(stream.getvalue()))
        self.assertRegex(record.get("content_key") or "", "^2:[0-9a-f]{32}$")

    def test_formats_beyond_epub_are_written_by_calibre_and_logged(self) -> None:
        txt = os.path.join(new_folder(), "a.txt")
        with open(txt, "w") as file:
            file.write("One line of text.\n\n" * 50)
        for fmt in ("azw3", "fb2", "docx", "htmlz", "rtf", "pdf"):
            with self.subTest(fmt):
                path = os.path.join(new_folder(), f"a.{fmt}")
                if fmt == "pdf":
                    with open(path, "wb") as file:
                        file.write(minimal_pdf())
                else:
                    run("ebook-convert", txt, path)
                with open(path, "r+b") as stream:
                    theirs = io.BytesIO(stream.read())
                    writer = next(w for w in ui._metadata_writers[fmt] if w.name != "KOReader Progress")
                    set_metadata(stream, self.metadata(), fmt)
                    writer.apply_null = False
                    writer.set_metadata(theirs, self.metadata(), fmt)
                    stream.seek(0)
                    ours = stream.read()
                record = logged()[-1]
                self.assertEqual(record["digest"], digest(ours))
                self.assertEqual((record.get("format"), record.get("settled")), (fmt.upper(), False))
                if fmt not in ("docx", "htmlz", "pdf"):  # these carry the clock
                    self.assertEqual(digest(ours), digest(theirs.getvalue()))

    def test_a_file_that_names_no_book_is_written_and_not_logged(self) -> None:
        stream = io.BytesIO(make_epub(Recipe("one")))
        before = stream.getvalue()
        set_metadata(stream, Metadata("T", ["A"]), "epub")
        self.assertNotEqual(stream.getvalue(), before)
        self.assertEqual(logged(), [])

    def test_with_both_switches_off_a_copy_is_calibres_own(self) -> None:
        write_switches(strip=False, settle=False)
        ours, theirs = (io.BytesIO(make_epub(Recipe("one", content=20_000))) for _ in range(2))
        set_metadata(ours, self.metadata(), "epub")
        copies.calibre_writes(theirs, self.metadata(), "epub", False, False)
        self.assertEqual(without_times(ours.getvalue()), without_times(theirs.getvalue()))
        self.assertEqual([r.get("settled") for r in logged()], [False])

    def test_a_damaged_book_leaves_as_it_does_without_us_and_is_reported_once(self) -> None:
        for data in (b"", b"PK\3\4 cut", make_epub(Recipe("one", content=20_000))[:9000]):
            reports: list[str] = []
            stream = io.BytesIO(data)
            set_metadata(stream, self.metadata(), "epub", report_error=lambda mi, fmt, tb, r=reports: r.append(tb))
            self.assertEqual(stream.getvalue(), data)
            self.assertEqual(len(reports), 1, reports)
            self.assertIn("Traceback", reports[0])

    def test_the_writer_never_raises_whatever_fails_in_it(self) -> None:
        theirs = io.BytesIO(make_epub(Recipe("one", content=20_000)))
        copies.calibre_writes(theirs, self.metadata(), "epub", False, False)
        writer = ui.find_plugin("KOReader Progress")
        writer.apply_null = writer.force_identifiers = False
        for broken in ("read_strip_list", "settle", "without_our_columns", "append", "partial_md5", "content_key"):
            with self.subTest(broken), mock.patch.object(copies, broken, side_effect=RuntimeError(broken)):
                stream = io.BytesIO(make_epub(Recipe("one", content=20_000)))
                with mock.patch("sys.stderr", io.StringIO()) as told:
                    writer.set_metadata(stream, self.metadata(), "epub")
                self.assertIn(broken, told.getvalue())
                if broken == "settle":
                    self.assertEqual(without_times(stream.getvalue()), without_times(theirs.getvalue()))
                self.assertIsNotNone(epub_title(stream.getvalue()))

    def test_a_log_that_cannot_be_written_does_not_hinder_the_copy(self) -> None:
        os.makedirs(os.path.dirname(our_folder()), exist_ok=True)
        with open(our_folder(), "w"):
            pass
        try:
            stream = io.BytesIO(make_epub(Recipe("one")))
            with mock.patch("sys.stderr", io.StringIO()):
                set_metadata(stream, self.metadata(title="Written"), "epub")
            self.assertEqual(epub_title(stream.getvalue()), "Written")
        finally:
            os.remove(our_folder())

    def test_null_metadata_and_forced_identifiers_are_passed_on(self) -> None:
        data = io.BytesIO(make_epub(Recipe("one")))
        full = self.metadata()
        full.tags, full.publisher = ["x"], "Publisher"
        set_metadata(data, full, "epub")
        for null in (False, True):
            stream = io.BytesIO(data.getvalue())
            with ui.apply_null_metadata if null else mock.MagicMock():
                set_metadata(stream, self.metadata(), "epub")
            mi = ui.get_file_type_metadata(stream, "epub")
            self.assertEqual(mi.tags, [] if null else ["x"])

    def test_writing_needs_no_qt(self) -> None:
        script = os.path.join(new_folder(), "noqt.py")
        with open(script, "w") as file:
            file.write(
                "import io, sys\n"
                "from calibre.customize.ui import find_plugin\n"
                "from calibre.ebooks.metadata.meta import set_metadata\n"
                "from calibre.ebooks.metadata.book.base import Metadata\n"
                f"mi = Metadata('T', ['A']); mi.uuid = {UUID!r}\n"
                f"set_metadata(io.BytesIO({make_epub(Recipe('one'))!r}), mi, 'epub')\n"
                "assert find_plugin('KOReader Progress')\n"
                "print(sorted(m for m in sys.modules if m.startswith('PyQt') or m == 'calibre.gui2'))\n"
            )
        self.assertEqual(run("calibre-debug", "-e", script).strip().splitlines()[-1], "[]")
        self.assertEqual(len(logged()), 1)


class Stripping(Case):
    def test_progress_in_a_column_never_shows_in_a_copy(self) -> None:
        db = make_library(COLUMNS)
        self.mapped(db)
        book = add_book(db)
        written: dict[bool, set[bytes]] = {True: set(), False: set()}
        for value in (None, 0.25, 0.75):
            db.new_api.set_field("#pct", {book: value})
            for strip in (True, False):
                write_switches(strip=strip, settle=False)
                stream = io.BytesIO(make_epub(Recipe("one")))
                set_metadata(stream, db.new_api.get_metadata(book), "epub")
                written[strip].add(stream.getvalue())
        self.assertEqual(len(written[True]), 1)
        self.assertEqual(len(written[False]), 3)
        db.close()

    def test_composites_built_on_ours_are_left_out_and_others_stay(self) -> None:
        db = make_library(COLUMNS)
        self.mapped(db)
        book = add_book(db)
        db.new_api.set_field("#pct", {book: 0.5})
        mi = db.new_api.get_metadata(book)
        before = set(mi.get_all_user_metadata(False))
        stripped = copies.without_our_columns(mi, copies.read_strip_list())
        self.assertEqual(set(stripped.get_all_user_metadata(False)), {"#pct2", "#other"})
        self.assertEqual(set(mi.get_all_user_metadata(False)), before)
        db.close()

    def test_a_column_of_the_same_name_in_another_library_is_not_ours(self) -> None:
        db = make_library([("before", "text", {}), *COLUMNS])
        write_columns("test", [{"lookup": "#pct", "number": 1, "datatype": "float"}])
        mi = db.new_api.get_metadata(add_book(db))
        self.assertIs(copies.without_our_columns(mi, copies.read_strip_list()), mi)
        db.close()

    def test_a_changed_or_broken_strip_list_is_noticed(self) -> None:
        write_columns("a", [{"lookup": "#pct", "number": 1, "datatype": "float"}])
        write_columns("b", [{"lookup": "#p", "number": 2, "datatype": "int"}])
        self.assertEqual(
            copies.read_strip_list(), StripList(frozenset({("#pct", 1, "float"), ("#p", 2, "int")}), True, True)
        )
        write_columns("a", [])
        write_switches(strip=False, settle=True)
        self.assertEqual(copies.read_strip_list(), StripList(frozenset({("#p", 2, "int")}), False, True))
        with open(os.path.join(our_folder(), "strip_list.json"), "w") as file:
            file.write("{broken")
        self.assertEqual(copies.read_strip_list(), StripList())


class OtherPrograms(Case):
    def test_embedding_leaves_the_librarys_file_as_calibre_writes_it(self) -> None:
        db = make_library(COLUMNS)
        self.mapped(db)
        data = make_epub(Recipe("one", content=20_000, cover=True))
        book = add_book(db, data)
        api = db.new_api
        api.set_field("#pct", {book: 0.5})
        api.set_cover({book: cover_image()})
        api.embed_metadata([book])
        ours = api.format(book, "EPUB")
        api.add_format(book, "EPUB", io.BytesIO(data), run_hooks=False)
        with disabled():
            api.embed_metadata([book])
        self.assertIn(b"#pct", opf_of(ours))
        self.assertEqual(ours, api.format(book, "EPUB"))
        self.assertEqual([r["digest"] for r in logged()], [digest(ours)])
        self.assertEqual([r["source"] for r in logged()], ["library"])
        db.close()

    def test_ebook_meta_leaves_any_file_as_calibre_writes_it(self) -> None:
        folder = new_folder()
        ours, theirs = os.path.join(folder, "a.epub"), os.path.join(folder, "b.epub")
        for path in (ours, theirs):
            with open(path, "wb") as file:
                file.write(make_epub(Recipe("one", content=20_000)))
        run("ebook-meta", ours, "--title", "Renamed")
        with disabled():
            run("ebook-meta", theirs, "--title", "Renamed")
        with open(ours, "rb") as one, open(theirs, "rb") as other:
            # The times too are calibre's: two programs that start two seconds apart write two times.
            self.assertEqual(without_times(one.read()), without_times(other.read()))
        self.assertEqual(logged("written"), [])

    def test_calibredb_export_strips_settles_and_logs(self) -> None:
        db = make_library(COLUMNS)
        self.mapped(db)
        book = add_book(db, make_epub(Recipe("one", content=20_000)))
        path = db.library_path
        digests = set()
        for value in (0.1, 0.9):
            db.new_api.set_field("#pct", {book: value})
            db.close()
            folder = new_folder("export")
            run("calibredb", "export", "--with-library", path, "--to-dir", folder, "--dont-save-cover", str(book))
            (file,) = glob.glob(folder + "/**/*.epub", recursive=True)
            digests.add(file_digest(file))
            db = open_library(path)
        self.assertEqual(len(digests), 1)
        self.assertEqual({r["digest"] for r in logged("written")}, digests)
        self.assertEqual({r.get("by") for r in logged("written")}, {"calibredb"})
        db.close()

    def test_a_stand_alone_servers_download_is_known_from_the_log_before_and_after_edits(self) -> None:
        db = make_library(COLUMNS)
        self.mapped(db)
        recipes = [
            Recipe("one", content=20_000),
            Recipe("two", version=3, place="last", content=70_000, cover=True),
            Recipe("many", chapters=400, place="middle", content=900_000),
        ]
        books = [add_book(db, make_epub(recipe), title=recipe.name) for recipe in recipes]
        uuids = {book: db.new_api.field_for("uuid", book) for book in books}
        path = db.library_path
        digests: dict[int, set[str]] = {book: set() for book in books}
        for state in range(2):
            if state:
                db.new_api.set_field("#pct", dict.fromkeys(books, 0.5))
                db.new_api.set_field("title", {book: f"Another title for {book}" for book in books})
                db.new_api.set_field("comments", dict.fromkeys(books, "<p>" + "A comment. " * 2000 + "</p>"))
                db.new_api.set_field("tags", dict.fromkeys(books, ("a", "b")))
            db.close()
            with Server(path) as server:
                for book in books:
                    digests[book].add(digest(server.get(book, "EPUB")))
            db = open_library(path)
        for book in books:
            known = {r["digest"] for r in logged("written") if r["uuid"] == uuids[book]}
            self.assertEqual(known, digests[book])
            self.assertEqual(len(known), 1)
        db.close()


class disabled:
    """The plugin is off inside: what calibre does alone, also in the programs started meanwhile."""

    def __enter__(self) -> None:
        ui.disable_plugin("KOReader Progress")

    def __exit__(self, *_: object) -> None:
        ui.enable_plugin("KOReader Progress")


def opf_of(data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read("OEBPS/content.opf")


def without_times(data: bytes) -> bytes:
    """The zip with zeros for every member's time and date, at its start and in the directory."""
    zeroed = bytearray(data)
    (start,) = struct.unpack_from("<I", data, data.rindex(b"PK\5\6") + 16)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
    for member in members:
        zeroed[member.header_offset + 10 : member.header_offset + 14] = bytes(4)
        zeroed[start + 12 : start + 16] = bytes(4)
        start += 46 + sum(struct.unpack_from("<3H", data, start + 28))
    return bytes(zeroed)


def epub_title(data: bytes) -> str | None:
    from calibre.customize.ui import get_file_type_metadata

    return get_file_type_metadata(io.BytesIO(data), "epub").title
