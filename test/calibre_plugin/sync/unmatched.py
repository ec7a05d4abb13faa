"""Documents without a book: what is known of them and what they may be; and digests that others had found already."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
import unittest
from typing import Any

from calibre_plugins.koreader_progress.copies import log as copy_log
from calibre_plugins.koreader_progress.devices.device import collect
from calibre_plugins.koreader_progress.memory.history import add_digests, known_digest, link, read_digests, unlink
from calibre_plugins.koreader_progress.memory.imports import digest_columns, import_column, import_table
from calibre_plugins.koreader_progress.memory.other_libraries import known_elsewhere
from calibre_plugins.koreader_progress.memory.rebuild import rebuild
from calibre_plugins.koreader_progress.copies.strip_list import our_folder
from calibre_plugins.koreader_progress.sync.unmatched import (
    Document,
    documents_in,
    owners_of,
    shelf_of,
    suggest,
    unmatched,
)
from device_tree import DeviceTree
from libraries import add_book, make_library
from statistics_reader import statistics_reader

A, B, C, D = "a" * 32, "b" * 32, "c" * 32, "d" * 32


def listed(digest: str, percentage: float = 0.5, at: float = 100.0, **told: str) -> Any:
    progress = {
        "document": digest,
        "percentage": percentage,
        "progress": "/body",
        "device": "Kobo",
        "device_id": "K",
        "timestamp": at,
    }
    metadata = {"title": None, "authors": None, "filename": None, **told} if told else None
    return {"progress": progress, "metadata": metadata}


class Case(unittest.TestCase):
    def setUp(self) -> None:
        shutil.rmtree(our_folder(), ignore_errors=True)
        copy_log._own.file = None
        self.db = make_library([("md5", "text", {}), ("mixed", "text", {})])
        self.addCleanup(self.db.close)

    @property
    def api(self) -> Any:
        return self.db.new_api

    def known(self, book: int) -> dict[str, str]:
        return {d["digest"]: d["source"] for d in read_digests(self.api, [book]).get(book, [])}


class Documents(Case):
    def test_each_document_is_listed_once_with_what_everybody_told_of_it(self) -> None:
        tree = DeviceTree()
        tree.put("Away.epub", b"no book")
        tree.sidecar("Away.epub", digest=A, props={"title": "Away", "authors": "Me\nYou"}, percent=0.7)
        tree.statistics([(B, "Statistics", "She", 1700000000), (A, "Away", "Me", 5)])
        collect(tree.connect(), self.api, threading.Event(), {}, statistics=statistics_reader())
        found = unmatched(
            self.api,
            [listed(A, 0.3, 2e9), listed(C, 0.9, 50.0, title="Told", authors="X; Y", filename="told.epub")],
            pasted=documents_in(f"these: {D.upper()}, {D} and {A}."),
        )
        self.assertEqual([each.digest for each in found], [A, B, C, D])
        first, statistics, told, pasted = found
        self.assertEqual(first.origins, {"server", "device", "pasted"})
        self.assertEqual((first.title, first.authors, first.percentage), ("Away", ("Me", "You"), 0.3))
        self.assertEqual((first.name, first.at, first.device), ("Away.epub", 2e9, "Kobo"))
        self.assertEqual((statistics.title, statistics.percentage), ("Statistics", 0.25))
        self.assertEqual((told.title, told.authors, told.name), ("Told", ("X", "Y"), "told.epub"))
        self.assertEqual(pasted.origins, {"pasted"})

    def test_what_a_book_has_is_not_listed_until_it_is_unlinked(self) -> None:
        book = add_book(self.db)
        add_digests(self.api, {book: [known_digest(A, "sent", 5)]})
        self.assertEqual(unmatched(self.api, [listed(A)]), [])
        unlink(self.api, book, A)
        self.assertEqual([each.digest for each in unmatched(self.api, [listed(A)])], [A])
        link(self.api, book, A)
        self.assertEqual(unmatched(self.api, [listed(A)]), [])

    def test_a_document_of_a_book_that_left_the_library_is_named_after_it(self) -> None:
        book = add_book(self.db, title="Gone", authors=["Me"])
        uuid = self.api.field_for("uuid", book)
        for digest in (A, B):
            copy_log.append({"at": 5.0, "source": "sent", "uuid": uuid, "kind": "partial_md5", "digest": digest,
                             "title": "Gone", "authors": ["Me"]})  # fmt: skip
        rebuild(self.api)
        self.api.remove_books([book])
        read, unread = unmatched(self.api, [listed(A)], rebuild(self.api).orphans)
        self.assertEqual((read.digest, read.title, read.authors, read.uuid), (A, "Gone", ("Me",), uuid))
        self.assertEqual((read.origins, read.was_read), ({"server", "orphan"}, True))
        # Nobody has read it, as far as is known: it keeps its name, and is listed apart.
        self.assertEqual((unread.digest, unread.title, unread.uuid, unread.was_read), (B, "Gone", uuid, False))

    def test_a_document_that_is_no_digest_cannot_be_linked_and_is_left_out(self) -> None:
        self.assertEqual(unmatched(self.api, [listed("some name.epub")]), [])


class Pasted(Case):
    def test_koreaders_own_file_is_read_with_all_it_tells(self) -> None:
        text = """-- /mnt/onboard/Books/Away.epub.lua
return {
    ["doc_path"] = "/mnt/onboard/Books/Away.epub",
    ["doc_props"] = { ["authors"] = "Me\\nYou", ["title"] = "Away" },
    ["partial_md5_checksum"] = "%s",
    ["percent_finished"] = 0.25,
}
""" % (A,)  # fmt: skip
        (one,) = documents_in(text)
        self.assertEqual((one.digest, one.title, one.authors), (A, "Away", ("Me", "You")))
        self.assertEqual((one.name, one.percentage, one.origins), ("Away.epub", 0.25, {"pasted"}))

    def test_any_text_is_searched_for_digests(self) -> None:
        found = documents_in(f"first {A.upper()},\n  {B};{A} and {C}{C}")
        # What is longer than a digest holds two of them: a list without spaces.
        self.assertEqual([one.digest for one in found], [A, B, C])
        self.assertEqual(documents_in("nothing here"), [])

    def test_what_a_book_has_already_is_known_to_be_its(self) -> None:
        book = add_book(self.db)
        add_digests(self.api, {book: [known_digest(A, "sent", 5)]})
        self.assertEqual(owners_of(self.api, {A, B}), {A: book})


class OtherLibraries(Case):
    def setUp(self) -> None:
        super().setUp()
        self.other = make_library()
        self.addCleanup(self.other.close)
        self.theirs = add_book(self.other, title="Elsewhere", authors=["Ann, Jr.", "Ben"])
        add_digests(self.other.new_api, {self.theirs: [known_digest(A, "sent", 5)]}, log=False)
        self.folder = self.other.library_path

    def test_a_document_that_another_library_knows_is_named_after_its_book_there(self) -> None:
        elsewhere = known_elsewhere([self.folder, "/nowhere"], but=self.db.library_path)
        known, unknown = unmatched(self.api, [listed(A, at=9.0), listed(B, at=5.0)], elsewhere=elsewhere)
        self.assertEqual((known.title, known.authors), ("Elsewhere", ("Ann, Jr.", "Ben")))
        self.assertEqual((known.library, unknown.library), (os.path.basename(self.folder), None))

    def test_a_copy_of_its_book_that_left_is_known_by_its_uuid(self) -> None:
        uuid = self.other.new_api.field_for("uuid", self.theirs)
        copy_log.append({"at": 5.0, "source": "sent", "uuid": uuid, "kind": "partial_md5", "digest": C,
                         "title": "As it was called", "authors": ["Ann"]})  # fmt: skip
        elsewhere = known_elsewhere([self.folder], but=self.db.library_path)
        (one,) = unmatched(self.api, [], rebuild(self.api).orphans, elsewhere=elsewhere)
        self.assertEqual((one.digest, one.title, one.library), (C, "As it was called", os.path.basename(self.folder)))

    def test_this_library_is_no_other_one_and_a_damaged_one_costs_only_itself(self) -> None:
        damaged = tempfile.mkdtemp(dir=os.environ["TEST_FOLDER"])
        with open(os.path.join(damaged, "metadata.db"), "w", encoding="utf-8") as file:
            file.write("no database")
        elsewhere = known_elsewhere([damaged, self.folder], but=self.db.library_path)
        self.assertEqual(set(elsewhere.by_digest), {A})
        self.assertEqual(known_elsewhere([self.folder], but=self.folder).by_uuid, {})


class Suggestions(Case):
    def test_likely_books_are_suggested_likeliest_first_and_nothing_else(self) -> None:
        books = {
            title: add_book(self.db, title=title, authors=[author])
            for title, author in (
                ("The Time Machine", "H. G. Wells"),
                ("The Time Machine: an Invention", "H. G. Wells"),
                ("The Time Machine", "Somebody Else"),
                ("Émile, ou De l’éducation", "Jean-Jacques Rousseau"),
                ("Walden", "Henry David Thoreau"),
            )
        }
        shelf = shelf_of(self.api)

        def likely(**told: Any) -> list[tuple[str, str]]:
            found = suggest(Document(A, frozenset({"server"}), **told), shelf)
            return [(one.title, one.authors[0]) for one in found]

        first = likely(title="The Time Machine", authors=("H. G. Wells",))
        self.assertEqual(first[0], ("The Time Machine", "H. G. Wells"))
        self.assertNotIn("Walden", [title for title, _author in first])
        self.assertEqual(
            likely(name="Emile_ ou De l'education - Jean-Jacques Rousseau.kepub.epub")[0][0], list(books)[2]
        )
        self.assertEqual(likely(name="Thoreau, Henry David - Walden.epub")[0][0], "Walden")
        self.assertEqual(likely(title="Moby Dick", authors=("Herman Melville",)), [])
        self.assertEqual(likely(), [])

    def test_a_large_library_is_looked_through_at_once(self) -> None:
        from calibre_plugins.koreader_progress.sync.unmatched import Shelf, _words

        titles = {n: f"Book number {n} of the river" for n in range(20_000)}
        authors = {n: (f"Author {n}",) for n in titles}
        shelf = Shelf(titles, authors, {n: _words(title, *authors[n]) for n, title in titles.items()})
        found = suggest(
            Document(A, frozenset({"server"}), title="Book number 777 of the river", authors=("Author 777",)), shelf
        )
        self.assertEqual(found[0].book_id, 777)


class Imports(Case):
    def test_a_column_of_digests_is_recognised_and_taken_over(self) -> None:
        books = [add_book(self.db, title=f"B{n}") for n in range(3)]
        self.api.set_field("#md5", {books[0]: A.upper(), books[1]: f" {B} "})
        self.api.set_field("#mixed", {books[0]: A, books[1]: "a word"})
        self.assertEqual(digest_columns(self.api), {"#md5": 2})
        self.assertEqual(import_column(self.api, "#md5", time.time()), set(books[:2]))
        self.assertEqual([self.known(book) for book in books], [{A: "imported"}, {B: "imported"}, {}])

    def test_the_table_of_calibre_web_automated_counts_at_every_sync(self) -> None:
        book = add_book(self.db)
        self.assertEqual(import_table(self.api), set())
        connection = self.api.backend.conn
        connection.execute(
            "CREATE TABLE book_format_checksums (id INTEGER PRIMARY KEY, book INTEGER, format TEXT, checksum TEXT, "
            "version TEXT, created TIMESTAMP)"
        )
        rows = [
            (book, "EPUB", A, "koreader", "2024-05-06 07:08:09+00:00"),
            (book, "EPUB", B, "koreader", "2024-05-06T07:08:10"),
            (book, "EPUB", "no digest", "koreader", None),
            (999, "EPUB", C, "koreader", None),
        ]
        for row in rows:
            connection.execute(
                "INSERT INTO book_format_checksums(book, format, checksum, version, created) VALUES(?,?,?,?,?)", row
            )
        self.assertEqual(rebuild(self.api).changed, {book})
        self.assertEqual(self.known(book), {A: "imported", B: "imported"})
        dates = {d["digest"]: d["first_seen"] for d in read_digests(self.api, [book])[book]}
        self.assertEqual(dates, {A: 1714979289.0, B: 1714979290.0})
        self.assertEqual(rebuild(self.api).changed, set())
