"""A connected device tells which book each digest is: by uuid, text and sidecars, and never by a title."""

from __future__ import annotations

import io
import os
import shutil
import sqlite3
import threading
import time
import unittest
from types import SimpleNamespace
from typing import Any
from unittest import mock

from calibre.ebooks.metadata.meta import set_metadata
from calibre_plugins.koreader_progress.copies import log as copy_log
from calibre_plugins.koreader_progress.devices import match as device_match
from calibre_plugins.koreader_progress.devices import read as device_read
from calibre_plugins.koreader_progress.library import files as library_files
from calibre_plugins.koreader_progress.memory import rebuild
from calibre_plugins.koreader_progress.memory.book_memory import Outcome, observe, remember
from calibre_plugins.koreader_progress.settings.config import new_profile, resolve_profile
from calibre_plugins.koreader_progress.settings.readers import set_readers
from calibre_plugins.koreader_progress.devices.device import calibre_uuids, collect
from calibre_plugins.koreader_progress.devices.home import Collected
from calibre_plugins.koreader_progress.devices.names import device_id
from calibre_plugins.koreader_progress.memory.marks import read_marks
from calibre_plugins.koreader_progress.devices.state import forget_offers
from calibre_plugins.koreader_progress.copies.digest import name_digest
from calibre_plugins.koreader_progress.memory.history import known_digest, link, read_digests, unlink
from calibre_plugins.koreader_progress.devices.lua_table import LuaError, read_lua_table
from calibre_plugins.koreader_progress.sync.offers import lost_sidecars, offers_again, offers_of
from calibre_plugins.koreader_progress.sync.pull import with_memory
from calibre_plugins.koreader_progress.library.books import read_books
from calibre_plugins.koreader_progress.devices.sidecar import day_of, read_sidecar
from calibre_plugins.koreader_progress.copies.strip_list import our_folder
from device_tree import DeviceTree, sidecar_text
from epubs import Recipe, make_epub
from libraries import add_book, make_library, open_library
from statistics_reader import statistics_reader

A, B = "a" * 32, "b" * 32


class Case(unittest.TestCase):
    def setUp(self) -> None:
        shutil.rmtree(our_folder(), ignore_errors=True)
        copy_log._own.file = None
        self.db = make_library()
        self.addCleanup(lambda: self.db.close())
        self.tree = DeviceTree()

    @property
    def api(self) -> Any:
        return self.db.new_api

    def copy_of(self, book: int, fmt: str = "EPUB") -> bytes:
        """The file as calibre alone would send it: the plugin knows nothing of it."""
        stream = io.BytesIO(self.api.format(book, fmt))
        set_metadata(stream, self.api.get_metadata(book), fmt.lower())
        shutil.rmtree(our_folder(), ignore_errors=True)
        copy_log._own.file = None
        return stream.getvalue()

    def collect(self, abort: threading.Event | None = None, lists: Any = ()) -> Collected:
        uuids = calibre_uuids(lists)
        return collect(self.tree.connect(), self.api, abort or threading.Event(), uuids, statistics=statistics_reader())

    def digests(self, book: int) -> dict[str, str]:
        known = read_digests(self.api, [book]).get(book, [])
        return {d["digest"]: d["source"] for d in known if d["kind"] == "partial_md5"}


class Files(Case):
    def test_a_sent_epub_is_known_by_the_uuid_inside_it(self) -> None:
        for version in (2, 3):
            with self.subTest(version=version):
                data = make_epub(Recipe(f"v{version}", version=version))  # type: ignore[arg-type]
                book = add_book(self.db, data, title=f"Version {version}")
                digest = self.tree.put(f"Books/v{version}.epub", self.copy_of(book))
                # The text in the library changes afterwards: then the uuid alone tells.
                self.api.add_format(book, "EPUB", io.BytesIO(make_epub(Recipe(f"x{version}", chapters=9))))
                self.assertEqual(self.collect().contested, ())
                self.assertEqual(self.digests(book), {digest: "device"})
                names = {d["digest"]: d["kind"] for d in read_digests(self.api, [book])[book]}
                self.assertEqual(names[name_digest(f"v{version}.epub")], "filename")

    def test_a_copy_that_lost_its_uuid_is_known_by_its_text(self) -> None:
        book = add_book(self.db, make_epub(Recipe("plain", chapters=5)))
        digest = self.tree.put("plain.epub", make_epub(Recipe("plain", chapters=5, title="Another Title", cover=True)))
        self.collect()
        self.assertEqual(self.digests(book), {digest: "device"})

    def test_title_and_authors_alone_are_no_proof(self) -> None:
        book = add_book(self.db, make_epub(Recipe("one", title="Emma")), title="Emma", authors=["Jane Austen"])
        self.tree.put("Emma - Jane Austen.epub", make_epub(Recipe("other", chapters=8, title="Emma")))
        self.tree.put("Emma - Jane Austen.pdf", b"%PDF pages")
        self.tree.sidecar("Emma - Jane Austen.pdf", props={"title": "Emma", "authors": "Jane Austen"})
        collected = self.collect()
        self.assertEqual(self.digests(book), {})
        self.assertEqual([d["title"] for d in collected.unmatched], ["Emma"])

    def test_a_text_that_two_books_have_is_given_to_neither(self) -> None:
        data = make_epub(Recipe("same"))
        books = [add_book(self.db, data, title=title) for title in ("First", "Second")]
        self.tree.put("same.epub", make_epub(Recipe("same", title="Copied")))
        collected = self.collect()
        self.assertEqual([self.digests(book) for book in books], [{}, {}])
        self.assertEqual([os.path.basename(path) for path in collected.contested], ["same.epub"])

    def test_a_book_made_from_a_copy_of_another_is_not_taken_for_that_one(self) -> None:
        origin = add_book(self.db, make_epub(Recipe("origin")), title="Origin")
        copied = make_epub(Recipe("derived", chapters=7, uuid=self.api.field_for("uuid", origin)))
        derived = add_book(self.db, copied, title="Derived")
        self.tree.put("derived.epub", copied)
        collected = self.collect()
        self.assertEqual((self.digests(origin), self.digests(derived)), ({}, {}))
        self.assertEqual(len(collected.contested), 1)

    def test_a_name_is_known_as_the_reader_writes_it_whatever_this_system_makes_of_it(self) -> None:
        import unicodedata

        book = add_book(self.db)
        apart = unicodedata.normalize("NFD", "Käse für Françoise.epub")
        self.tree.put(apart, self.copy_of(book))
        self.collect()
        names = {d["digest"] for d in read_digests(self.api, [book])[book] if d["kind"] == "filename"}
        self.assertEqual(names, {name_digest(apart), name_digest("Käse für Françoise.epub")})
        self.assertEqual(len(names), 2)

    def test_not_even_by_a_look_that_was_stopped_while_it_compared_the_texts(self) -> None:
        origin = add_book(self.db, make_epub(Recipe("origin")), title="Origin")
        copied = make_epub(Recipe("derived", chapters=7, uuid=self.api.field_for("uuid", origin)))
        derived = add_book(self.db, copied, title="Derived")
        plain = add_book(self.db, make_epub(Recipe("plain", chapters=5)), title="Plain")
        self.tree.put("derived.epub", copied)
        digest = self.tree.put("plain.epub", make_epub(Recipe("plain", chapters=5, title="Without a uuid")))
        stop = threading.Event()

        def file_keys(*args: Any) -> dict[int, set[str]]:
            stop.set()
            return library_files.file_keys(*args)

        with mock.patch.object(device_match, "file_keys", file_keys):
            collected = self.collect(stop)
        self.assertFalse(collected.complete)
        self.assertEqual([self.digests(book) for book in (origin, derived, plain)], [{}, {}, {}])
        self.collect()
        self.assertEqual([self.digests(book) for book in (origin, derived, plain)], [{}, {}, {digest: "device"}])

    def test_a_library_with_books_that_have_no_uuid_or_the_same_one_is_no_trouble(self) -> None:
        none, one, two = (add_book(self.db, make_epub(Recipe(t, chapters=n + 2)), title=t) for n, t in enumerate("abc"))
        files = {book: self.copy_of(book) for book in (none, one, two)}
        self.api.set_field("uuid", {two: self.api.field_for("uuid", one)})
        path = self.db.library_path
        self.api.backend.execute("UPDATE books SET uuid=NULL WHERE id=?", (none,))
        self.db.close()
        self.db = open_library(path)
        digests = {book: self.tree.put(f"{book}.epub", data) for book, data in files.items()}
        self.collect()
        # The uuid says nothing any more; the text still does.
        self.assertEqual([self.digests(book) for book in digests], [{d: "device"} for d in digests.values()])
        rebuild.rebuild(self.api)

    def test_other_formats_are_known_where_calibre_itself_knows_the_uuid(self) -> None:
        book = add_book(self.db, b"%PDF-1.4 pages", "PDF", title="Pages")
        digest = self.tree.put("pages.pdf", b"%PDF-1.4 other pages")
        self.assertEqual(self.collect().changed, frozenset())
        on_device = SimpleNamespace(path=self.tree.path("pages.pdf"), uuid=self.api.field_for("uuid", book))
        self.collect(lists=[[on_device], None])
        self.assertEqual(self.digests(book), {digest: "device"})

    def test_only_what_changed_is_opened_again(self) -> None:
        books = [add_book(self.db, make_epub(Recipe(f"b{n}")), title=f"B{n}") for n in range(5)]
        for n, book in enumerate(books):
            self.tree.put(f"b{n}.epub", self.copy_of(book))
            self.tree.sidecar(f"b{n}.epub")
        self.tree.statistics([(A, "Away", "Somebody", 1700000000)])
        self.assertEqual(self.collect().opened, 11)
        again = self.collect()
        self.assertEqual((again.opened, again.changed), (0, frozenset()))
        self.assertEqual([d["title"] for d in again.unmatched], ["Away"])
        new = self.tree.put("b3.epub", make_epub(Recipe("b3", title="Sent again")))
        os.utime(self.tree.path("b3.epub"), (5, 5))
        self.assertEqual(self.collect().opened, 1)
        self.assertIn(new, self.digests(books[3]))

    def test_it_ends_as_soon_as_it_is_told_and_goes_on_from_there(self) -> None:
        books = [add_book(self.db, make_epub(Recipe(f"b{n}")), title=f"B{n}") for n in range(20)]
        for n, book in enumerate(books):
            self.tree.put(f"b{n}.epub", self.copy_of(book))
        abort, opened = threading.Event(), 0
        real = device_read._seen_file

        def third(found: Any) -> Any:
            nonlocal opened
            opened += 1
            if opened == 3:
                abort.set()
            return real(found)

        with mock.patch.object(device_read, "_seen_file", third):
            stopped = self.collect(abort)
        self.assertEqual((opened, stopped.complete), (3, False))
        self.assertEqual(self.collect().opened, 17)
        self.assertEqual([len(self.digests(book)) for book in books], [1] * 20)

    def test_nothing_on_the_device_is_changed(self) -> None:
        book = add_book(self.db)
        self.tree.put("a.epub", self.copy_of(book))
        self.tree.sidecar("a.epub")
        self.tree.statistics([(A, "Away", "Somebody", 1700000000)])

        def everything() -> dict[str, bytes]:
            found = {}
            for folder, _folders, names in os.walk(self.tree.folder):
                for name in names:
                    with open(os.path.join(folder, name), "rb") as file:
                        found[os.path.join(folder, name)] = file.read()
            return found

        device = self.tree.connect()
        before = everything()
        collect(device, self.api, threading.Event(), {}, statistics=statistics_reader())
        self.assertEqual(everything(), before)


class Sidecars(Case):
    def test_a_sidecar_is_found_in_each_of_the_three_places(self) -> None:
        for place in ("beside", "docsettings", "hashdocsettings"):
            with self.subTest(place=place):
                book = add_book(self.db, make_epub(Recipe(place)), title=place)
                name = f"Books/{place}/Öffnen.epub"
                first = self.tree.put(name, self.copy_of(book))
                self.tree.sidecar(name, place, status="complete")
                # calibre has overwritten the file since: KOReader goes on under the digest of the first.
                second = self.tree.put(name, make_epub(Recipe(place, title="Written again")))
                self.collect()
                expected = {first: "sidecar", second: "device"}
                self.assertEqual(self.digests(book), expected)
                ours = read_marks(self.api, [book])[book]
                self.assertEqual([(m["status"], m["at"]) for m in ours], [("complete", day_of("2024-05-06"))])

    def test_a_mark_reaches_what_a_sync_is_planned_from(self) -> None:
        book = add_book(self.db)
        self.tree.put("a.epub", self.copy_of(book))
        self.tree.sidecar("a.epub", status="abandoned")
        collected = self.collect()
        self.assertEqual(collected.changed, {book})
        profile, _unusable = resolve_profile(self.api, new_profile("p", "P", "account"))
        ((read,),) = with_memory(self.api, "account", profile, read_books(self.api, [book], []))
        # Nobody has said yet whose device it is.
        self.assertEqual((read["marks"], read["readings"]), ([], []))
        set_readers(self.api, {device_id(self.tree.connect()): {"name": "Card", "profile": "p"}})
        ((read,),) = with_memory(self.api, "account", profile, read_books(self.api, [book], []))
        self.assertEqual([reading["status"] for reading in read["readings"]], ["abandoned"])
        self.assertEqual({d["source"] for d in read["digests"]}, {"sidecar", "device"})

    def test_the_sidecar_of_a_book_that_left_the_device_is_known_by_the_uuid_it_remembers(self) -> None:
        book = add_book(self.db)
        uuid = self.api.field_for("uuid", book)
        self.tree.sidecar("Gone.epub", digest=A, props={"identifiers": f"isbn:123\ncalibre:{uuid}"})
        self.collect()
        self.assertEqual(self.digests(book), {A: "sidecar"})

    def test_a_file_replaced_by_another_book_keeps_the_old_sidecar_from_it(self) -> None:
        first, second = add_book(self.db, title="First"), add_book(self.db, title="Second")
        self.tree.put("book.epub", self.copy_of(first))
        self.tree.sidecar("book.epub")
        self.collect()
        before = self.digests(first)
        replaced = self.tree.put("book.epub", self.copy_of(second))
        collected = self.collect()
        self.assertEqual(self.digests(first), before)
        self.assertEqual(self.digests(second), {replaced: "device"})
        self.assertEqual([os.path.basename(path) for path in collected.contested], ["metadata.epub.lua"])

    def test_what_was_unlinked_stays_so(self) -> None:
        book = add_book(self.db)
        digest = self.tree.put("a.epub", self.copy_of(book))
        unlink(self.api, book, digest)
        self.tree.sidecar("a.epub")
        self.collect()
        self.assertEqual(self.digests(book), {})

    def test_the_old_sidecar_counts_only_where_there_is_no_new_one(self) -> None:
        book = add_book(self.db)
        digest = self.tree.put("a.epub", self.copy_of(book))
        path = self.tree.sidecar("a.epub", digest=A)
        os.replace(path, path + ".old")
        self.collect()
        self.assertEqual(self.digests(book), {A: "sidecar", digest: "device"})
        other = self.tree.put("b.epub", self.copy_of(add_book(self.db, title="B")))
        os.replace(self.tree.sidecar("b.epub", digest=B), self.tree.path("b.sdr/metadata.epub.lua.old"))
        self.tree.sidecar("b.epub", digest=other)
        self.collect()
        self.assertNotIn(B, {d for b in self.api.all_book_ids() for d in self.digests(b)})

    def test_what_still_stands_in_the_log_beside_the_statistics_is_read(self) -> None:
        book = add_book(self.db)
        digest = self.tree.put("a.epub", self.copy_of(book))
        path = self.tree.statistics([(digest, "A", "B", 1_700_000_000)])
        self.collect()
        before = os.stat(path)
        open_still = sqlite3.connect(path)
        self.addCleanup(open_still.close)
        open_still.execute("UPDATE book SET md5 = ?", (B,))
        open_still.commit()
        # KOReader still has it open: the file itself is as it was.
        self.assertEqual((os.stat(path).st_size, os.stat(path).st_mtime), (before.st_size, before.st_mtime))
        self.assertEqual([document["digest"] for document in self.collect().unmatched], [B])

    def test_statistics_renew_what_is_known_and_list_what_is_not(self) -> None:
        book = add_book(self.db)
        link(self.api, book, A)
        opened = int(time.time()) - 60
        self.tree.statistics([(A, "Known", "Me", opened), (B, "Unknown", "You\nShe", 1700000000)])
        collected = self.collect()
        (kept,) = read_digests(self.api, [book])[book]
        self.assertEqual((kept["digest"], kept["source"]), (A, "linked"))
        self.assertGreaterEqual(kept["last_seen"], opened)
        (listed,) = collected.unmatched
        self.assertEqual((listed["title"], listed["authors"], listed["at"]), ("Unknown", ["You", "She"], 1700000000))
        self.assertEqual((listed["percentage"], listed["source"]), (0.25, "statistics"))

    def test_damaged_sidecars_and_databases_are_passed_over(self) -> None:
        book = add_book(self.db)
        digest = self.tree.put("a.epub", self.copy_of(book))
        with open(self.tree.sidecar("a.epub"), "w") as file:
            file.write('return { ["partial_md5_checksum"] = "')
        with open(self.tree.statistics([]), "wb") as file:
            file.write(b"no database")
        collected = self.collect()
        self.assertEqual((self.digests(book), collected.unmatched), ({digest: "device"}, ()))


class Offers(Case):
    account = "account-1"

    def read_on_device(self, book: int, digest: str, **more: Any) -> None:
        progress: Any = {
            "document": digest,
            "percentage": 0.4,
            "progress": "/body/DocFragment[2]",
            "device": "Kobo",
            "device_id": "K1",
            "timestamp": 100.0,
        }
        observe(self.api, self.account, [{"book_id": book, "at": 1.0, "progress": {**progress, **more}}])

    def test_a_sidecar_that_has_gone_is_offered_its_last_place_once(self) -> None:
        book = add_book(self.db)
        digest = self.tree.put("a.epub", self.copy_of(book))
        self.tree.sidecar("a.epub")
        self.collect()
        self.read_on_device(book, digest)
        self.read_on_device(book, digest, device_id="calibre-koreader-progress-x", timestamp=500.0)
        self.assertEqual(lost_sidecars(self.api), {})
        shutil.rmtree(self.tree.path("a.sdr"))
        self.collect()
        (offer,) = offers_again(self.api, self.account, [book])
        self.assertEqual((offer["book_id"], offer["document"]), (book, digest))
        self.assertEqual((offer["progress"]["device_id"], offer["progress"]["document"]), ("K1", digest))
        self.assertEqual(len(offers_again(self.api, self.account, [book])), 1)
        forget_offers({digest})
        self.collect()
        self.assertEqual(offers_again(self.api, self.account, [book]), [])

    def test_a_book_moved_on_the_device_leaves_its_sidecar_behind(self) -> None:
        book = add_book(self.db)
        digest = self.tree.put("a.epub", self.copy_of(book))
        self.tree.sidecar("a.epub")
        self.collect()
        os.makedirs(self.tree.path("Read"))
        os.replace(self.tree.path("a.epub"), self.tree.path("Read/a.epub"))
        self.collect()
        self.assertEqual(lost_sidecars(self.api), {book: [digest]})

    def test_a_book_deleted_from_the_device_is_offered_nothing_until_it_is_back(self) -> None:
        book = add_book(self.db)
        data = self.copy_of(book)
        digest = self.tree.put("a.epub", data)
        self.tree.sidecar("a.epub")
        self.collect()
        shutil.rmtree(self.tree.path("a.sdr"))
        os.remove(self.tree.path("a.epub"))
        self.collect()
        self.assertEqual(lost_sidecars(self.api), {})
        self.tree.put("a.epub", data)
        self.collect()
        self.assertEqual(lost_sidecars(self.api), {book: [digest]})

    def test_a_look_that_was_stopped_calls_nothing_gone(self) -> None:
        book = add_book(self.db)
        self.tree.put("a.epub", self.copy_of(book))
        self.tree.sidecar("a.epub")
        self.collect()
        shutil.rmtree(self.tree.path("a.sdr"))
        abort = threading.Event()
        abort.set()
        self.assertFalse(self.collect(abort).complete)
        self.assertEqual(lost_sidecars(self.api), {})
        self.collect()
        self.assertEqual(list(lost_sidecars(self.api)), [book])

    def test_on_request_the_newest_place_goes_to_every_copy_of_the_same_text(self) -> None:
        from calibre_plugins.koreader_progress.memory.history import add_digests

        book = add_book(self.db)
        key, other = "2:" + "1" * 32, "2:" + "2" * 32
        add_digests(
            self.api,
            {
                book: [
                    known_digest(A, "sidecar", 5, content_key=key),
                    known_digest(B, "sent", 6, content_key=key),
                    known_digest("c" * 32, "sent", 7, content_key=other),
                    known_digest("d" * 32, "library", 8, content_key=key),
                ]
            },
        )
        self.read_on_device(book, A, timestamp=100.0)
        self.read_on_device(book, A, timestamp=200.0, progress="/body/DocFragment[9]")
        offers = offers_of(self.api, self.account, self.profile, [book])
        self.assertEqual([offer["document"] for offer in offers], [A, B])
        self.assertEqual({offer["progress"]["progress"] for offer in offers}, {"/body/DocFragment[9]"})

    @property
    def profile(self) -> Any:
        return resolve_profile(self.api, new_profile("p", "P", self.account))[0]

    def test_a_copy_that_was_only_opened_sends_no_other_device_back_to_its_first_page(self) -> None:
        book = add_book(self.db)
        self.read_on_device(book, A, timestamp=100.0, percentage=0.4)
        self.read_on_device(book, B, timestamp=200.0, percentage=0.002, device="Phone")
        offers = offers_of(self.api, self.account, self.profile, [book])
        self.assertEqual({offer["progress"]["percentage"] for offer in offers}, {0.4})

    def test_a_place_that_the_reader_did_not_want_is_not_offered_but_the_one_last_agreed_on(self) -> None:
        book = add_book(self.db)
        self.read_on_device(book, A, timestamp=100.0, percentage=0.4)
        self.read_on_device(book, B, timestamp=200.0, percentage=0.2, device="Phone")
        base: Any = {
            "book_id": book,
            "document": A,
            "percentage": 0.4,
            "progress": "/body/DocFragment[2]",
            "timestamp": 100.0,
            "device": "Kobo",
            "values": {},
        }
        plan: Any = {
            "updates": [],
            "conflicts": [],
            "bases": [base],
            "placeless": [],
            "local_changes": [],
            "observations": [],
        }
        remember(self.api, self.account, self.profile, plan, Outcome([], set(), set(), set()), [book], 1.0, 2.0)
        (offer,) = offers_of(self.api, self.account, self.profile, [book])
        self.assertEqual((offer["document"], offer["progress"]["device_id"]), (A, "K1"))
        self.assertEqual(offer["progress"]["percentage"], 0.4)


class LuaTables(unittest.TestCase):
    def test_what_koreader_writes_is_read(self) -> None:
        text = sidecar_text("/mnt/onboard/a b.epub", A, props={"title": 'The "X"\\', "authors": "Me\nYou"})
        sidecar = read_sidecar(text.encode())
        assert sidecar is not None
        self.assertEqual((sidecar["digest"], sidecar["title"], sidecar["authors"]), (A, 'The "X"\\', ["Me", "You"]))
        self.assertEqual((sidecar["doc_path"], sidecar["percentage"]), ("/mnt/onboard/a b.epub", 0.42))
        self.assertEqual((sidecar["status"], sidecar["marked"]), ("reading", day_of("2024-05-06")))

    def test_every_kind_of_value_and_comment(self) -> None:
        data = b"""--[[ a
        comment ]] return { ["a"] = -2.5e3, b = 0x10; [3] = true, "x", 'y', { }, [==[
long]]]==], -- end
        ["c"] = "\\195\\164\\n\\z
           \\x41\\u{e4}", ["d"] = nil, e = math.huge, f = 1/0, g = false, }"""
        expected = {"a": -2500.0, "b": 16, 1: "x", 2: "y", 3: {}, 4: "long]]", "c": "ä\nAä", "g": False}
        self.assertEqual(read_lua_table(data), expected)

    def test_nothing_is_executed_and_nothing_hangs(self) -> None:
        for data in (
            b"",
            b"os.exit()",
            b"return 5",
            b"return {",
            b"return { a = os.execute('rm -rf /') }",
            b"return { [os.exit()] = 1 }",
            b"return " + b"{" * 100_000,
            b'return { "' + b"\\\\" * 1_000_000,
            b"return {" + b"--[=[" * 100_000,
            b"return {" + b"-- x\n" * 200_000,
            b"return {" + b" " * 1_000_000 + b"?",
        ):
            with self.subTest(data=data[:40]), self.assertRaises(LuaError):
                read_lua_table(data)
        # An expression that is no plain value counts as nil.
        self.assertEqual(read_lua_table(b"return { a = function() while true do end end, b = 1 }"), {"b": 1})

    def test_a_sidecar_without_a_digest_or_with_odd_values_is_no_trouble(self) -> None:
        self.assertIsNone(read_sidecar(b"return { }"))
        self.assertIsNone(read_sidecar(b'return { partial_md5_checksum = "../../etc" }'))
        odd = read_sidecar(
            f'return {{ partial_md5_checksum = "{A}", percent_finished = "x", summary = 5, doc_props = false }}'.encode()
        )
        assert odd is not None
        self.assertEqual((odd["percentage"], odd["status"], odd["title"]), (None, None, None))
        strange = f'return {{ partial_md5_checksum = "{A}", summary = {{ status = "??", modified = "soon" }} }}'
        told = read_sidecar(strange.encode())
        assert told is not None
        self.assertEqual((told["status"], told["marked"]), (None, None))
