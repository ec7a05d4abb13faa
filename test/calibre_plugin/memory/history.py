"""Histories in a real library: kept, merged, decided by the reader, and rebuilt from the logs."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import threading
import time
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

from calibre.ebooks.metadata.meta import set_metadata
from calibre_plugins.koreader_progress.copies import log as copy_log
from calibre_plugins.koreader_progress.memory import history
from calibre_plugins.koreader_progress.library import files as library_files
from calibre_plugins.koreader_progress.memory import rebuild
from calibre_plugins.koreader_progress.copies.content_key import file_content_key
from calibre_plugins.koreader_progress.copies.digest import name_digest, partial_md5
from calibre_plugins.koreader_progress.memory.history import known_digest
from calibre_plugins.koreader_progress.copies.strip_list import our_folder
from epubs import Recipe, make_epub
from pdfs import minimal_pdf
from libraries import TOOLS, add_book, make_library, new_folder, open_library, run

A, B, C = ("a" * 32, "b" * 32, "c" * 32)

# Adds digests to the library and to the log, without end.
WRITER = """
import sys
from calibre.customize.ui import find_plugin
assert find_plugin('KOReader Progress')
from calibre.db.legacy import LibraryDatabase
from calibre_plugins.koreader_progress.memory.history import add_digests, known_digest
api = LibraryDatabase(sys.argv[1]).new_api
for n in range(10**9):
    add_digests(api, {int(sys.argv[2]): [known_digest('%032x' % n, 'sidecar', float(n), device='Kobo')]})
    if n == 20: print('begun', flush=True)
"""


class Case(unittest.TestCase):
    def setUp(self) -> None:
        shutil.rmtree(our_folder(), ignore_errors=True)
        copy_log._own.file = None
        self.db = make_library()
        self.addCleanup(lambda: self.db.close())

    @property
    def api(self) -> Any:
        return self.db.new_api

    def digests(self, book: int) -> dict[str, str]:
        return {d["digest"]: d["source"] for d in history.read_digests(self.api, [book]).get(book, [])}

    def end_log(self) -> None:
        """The process that wrote the log so far has ended."""
        if copy_log._own.file is not None:
            copy_log._own.file.close()
            copy_log._own.file = None

    def send(self, book: int, fmt: str = "EPUB") -> str:
        """Makes a copy as calibre does for a device or a download; its digest."""
        stream = io.BytesIO(self.api.format(book, fmt))
        set_metadata(stream, self.api.get_metadata(book), fmt.lower())
        return partial_md5(stream)


class Keeping(Case):
    def test_one_digest_of_several_sources_is_kept_under_the_most_trusted_with_all_dates(self) -> None:
        book = add_book(self.db)
        for digest in (
            known_digest(A, "library", 50, size=10, content_key=C),
            known_digest(A, "sidecar", 70, device="Kobo"),
            known_digest(A, "written", 60, name="a.epub"),
        ):
            history.add_digests(self.api, {book: [digest]})
        (kept,) = history.read_digests(self.api, [book])[book]
        self.assertEqual((kept["source"], kept["first_seen"], kept["last_seen"]), ("sidecar", 50, 70))
        self.assertEqual((kept["size"], kept["content_key"], kept["device"], kept["name"]), (10, C, "Kobo", "a.epub"))

    def test_what_is_known_already_changes_nothing_and_unknown_books_are_left_out(self) -> None:
        book = add_book(self.db)
        found = {book: [known_digest(A, "sidecar", 5)], 999: [known_digest(B, "sidecar", 5)]}
        self.assertEqual(history.add_digests(self.api, found), {book})
        self.assertEqual(history.add_digests(self.api, found), set())

    def test_a_prediction_is_kept_once_a_server_answered_it(self) -> None:
        book = add_book(self.db)
        history.add_digests(self.api, {book: [known_digest(A, "predicted", 5)]})
        self.assertEqual(self.digests(book), {})
        history.add_digests(self.api, {book: [known_digest(A, "predicted", 6, answered=6.0)]})
        self.assertEqual(self.digests(book), {A: "predicted"})

    def test_keeping_digests_touches_neither_the_files_nor_the_dates_of_a_book(self) -> None:
        book = add_book(self.db)
        before = self.api.field_for("last_modified", book)
        dirty = set(self.api.dirtied_cache)
        history.add_digests(self.api, {book: [known_digest(A, "sidecar", 5)]})
        self.assertEqual(self.api.field_for("last_modified", book), before)
        self.assertEqual(set(self.api.dirtied_cache), dirty)

    def test_linking_and_unlinking_are_remembered_for_ever(self) -> None:
        book = add_book(self.db)
        history.add_digests(self.api, {book: [known_digest(A, "sidecar", 5)]})
        history.unlink(self.api, book, A)
        history.add_digests(self.api, {book: [known_digest(A, "sidecar", 9)]})
        self.assertEqual(self.digests(book), {})
        self.assertEqual(history.read_unlinked(self.api, [book]), {book: [A]})
        history.link(self.api, book, A)
        self.assertEqual(self.digests(book), {A: "linked"})
        self.assertEqual(history.read_unlinked(self.api, [book]), {})
        self.assertRaises(ValueError, history.link, self.api, 999, A)

    def test_what_another_version_wrote_and_nobody_understands_is_no_error(self) -> None:
        book = add_book(self.db)
        self.api.add_custom_book_data(history.DATA, {book: ["?"]})
        self.assertEqual(history.read_digests(self.api, [book]), {})
        history.add_digests(self.api, {book: [known_digest(A, "sidecar", 9)]})
        self.assertEqual(self.digests(book), {A: "sidecar"})


class Rebuilding(Case):
    def test_a_copy_that_left_is_in_the_history_after_gathering(self) -> None:
        book = add_book(self.db)
        digest = self.send(book)
        rebuilt = rebuild.rebuild(self.api)
        self.assertEqual((rebuilt.changed, rebuilt.orphans), ({book}, []))
        self.assertEqual(self.digests(book), {digest: "written"})
        self.assertEqual(rebuild.rebuild(self.api).changed, set())

    def test_a_name_on_a_device_is_a_candidate_of_its_own(self) -> None:
        book = add_book(self.db)
        uuid = self.api.field_for("uuid", book)
        copy_log.append(
            {"at": 5.0, "source": "sent", "uuid": uuid, "kind": "partial_md5", "digest": A, "name": "Book - Me.epub"}
        )
        rebuild.rebuild(self.api)
        self.assertEqual(self.digests(book), {A: "sent", name_digest("Book - Me.epub"): "sent"})
        kinds = {d["digest"]: d["kind"] for d in history.read_digests(self.api, [book])[book]}
        self.assertEqual(kinds, {A: "partial_md5", name_digest("Book - Me.epub"): "filename"})

    def test_a_library_restored_from_its_opf_files_has_its_histories_again(self) -> None:
        books = [add_book(self.db, title=f"Book {n}") for n in range(3)]
        digests = {book: self.send(book) for book in books}
        history.add_digests(self.api, {books[0]: [known_digest(A, "sidecar", 5, device="Kobo")]})
        history.link(self.api, books[1], B)
        history.link(self.api, books[2], C)
        history.unlink(self.api, books[2], C)
        rebuild.rebuild(self.api)
        expected = {self.api.field_for("uuid", book): self.digests(book) for book in books}
        self.api.dump_metadata()
        path = self.db.library_path
        self.db.close()
        run("calibredb", "restore_database", "--really-do-it", "--with-library", path)
        self.db = open_library(path)
        restored = sorted(self.api.all_book_ids())
        self.assertEqual(history.read_digests(self.api, restored), {})
        rebuild.rebuild(self.api)
        self.assertEqual({self.api.field_for("uuid", book): self.digests(book) for book in restored}, expected)
        self.assertEqual({digest for known in expected.values() for digest in known}, {*digests.values(), A, B})
        self.assertEqual(list(history.read_unlinked(self.api, restored).values()), [[C]])

    def test_a_book_copied_to_another_library_is_recognised_by_its_text(self) -> None:
        from calibre.db.copy_to_library import copy_one_book

        book, other = add_book(self.db, title="One"), add_book(self.db, title="Two")
        digests = self.send(book), self.send(other)
        target = make_library()
        self.addCleanup(target.close)
        for source in (book, other):
            copy_one_book(source, self.db, target, duplicate_action="add")
        rebuilt = rebuild.rebuild(target.new_api)
        titles = {target.new_api.field_for("title", b): b for b in target.new_api.all_book_ids()}
        for title, digest in zip(("One", "Two"), digests, strict=True):
            kept = history.read_digests(target.new_api, [titles[title]])[titles[title]]
            self.assertEqual([d["digest"] for d in kept], [digest])
        self.assertEqual(rebuilt.orphans, [])

    def test_a_book_without_a_content_key_is_found_again_by_its_very_file(self) -> None:
        made = os.path.join(new_folder("made"), "book")
        with open(f"{made}.epub", "wb") as file:
            file.write(make_epub(Recipe("kindle")))
        for fmt in ("azw3", "mobi"):
            run("ebook-convert", f"{made}.epub", f"{made}.{fmt}")
        kinds = {"AZW3": Path(f"{made}.azw3").read_bytes(), "MOBI": Path(f"{made}.mobi").read_bytes()}
        for fmt, data in {**kinds, "PDF": minimal_pdf()}.items():
            with self.subTest(fmt):
                self.setUp()
                book = add_book(self.db, data, fmt, title="One")
                uuid, digest = self.api.field_for("uuid", book), self.send(book, fmt)
                # A driver saw it arrive, under a name.
                sent: Any = {"at": 5.0, "source": "sent", "uuid": uuid, "kind": "partial_md5", "digest": digest}
                copy_log.append({**sent, "name": "One.book"})
                # As like the other as two files can be, but for one byte that is sampled.
                other = data[:-1] + bytes([data[-1] ^ 1]) if len(data) <= 1024 else data[:1000] + b"!" + data[1001:]
                stranger = add_book(self.db, other, fmt, title="Another")
                rebuild.rebuild(self.api)
                self.api.remove_books([book])
                rebuild.rebuild(self.api)
                again = add_book(self.db, data, fmt, title="One, added again")
                rebuilt = rebuild.rebuild(self.api)
                self.assertEqual(set(self.digests(again)), {digest, name_digest("One.book")})
                self.assertEqual((self.digests(stranger), rebuilt.orphans), ({}, []))

    def test_a_file_that_two_books_have_tells_nothing_of_either(self) -> None:
        book = add_book(self.db, minimal_pdf(), "PDF", title="One")
        self.send(book, "PDF")
        self.api.remove_books([book])
        books = [add_book(self.db, minimal_pdf(), "PDF", title=title) for title in ("First", "Second")]
        self.assertEqual(len(rebuild.rebuild(self.api).orphans), 1)
        self.assertEqual([self.digests(each) for each in books], [{}, {}])
        # Of a file that was changed behind calibre's back too.
        self.api.remove_books(books[1:])
        path = self.api.format_abspath(books[0], "PDF")
        Path(path).write_bytes(minimal_pdf().replace(b"99 99", b"98 98"))
        self.assertEqual(len(rebuild.rebuild(self.api).orphans), 1)
        self.assertEqual(self.digests(books[0]), {})

    def test_a_text_that_two_books_share_is_given_to_neither(self) -> None:
        data = make_epub(Recipe("same"))
        book = add_book(self.db, data, title="One")
        digest = self.send(book)
        target = make_library()
        self.addCleanup(target.close)
        books = [add_book(target, data, title=title) for title in ("First", "Second")]
        rebuilt = rebuild.rebuild(target.new_api)
        self.assertEqual(history.read_digests(target.new_api, books), {})
        (orphan,) = rebuilt.orphans
        self.assertEqual((orphan.title, orphan.authors), ("One", ("Somebody",)))
        self.assertEqual([d["digest"] for d in orphan.digests], [digest])

    def test_a_book_merged_into_another_leaves_it_its_history(self) -> None:
        data = make_epub(Recipe("merged"))
        gone = add_book(self.db, data, title="Same book")
        digest = self.send(gone)
        kept = add_book(self.db, b"pages", "PDF", title="Same book")
        rebuild.rebuild(self.api)
        # What calibre's *Merge book records* does with files: add the missing format, delete the other record.
        self.api.add_format(kept, "EPUB", io.BytesIO(data), run_hooks=False)
        self.api.remove_books([gone])
        rebuild.rebuild(self.api)
        self.assertEqual(self.digests(kept), {digest: "written"})

    def test_a_deleted_book_becomes_an_orphan_with_title_and_authors(self) -> None:
        book = add_book(self.db, title="Gone", authors=["Me", "You"])
        self.send(book)
        self.api.remove_books([book])
        (orphan,) = rebuild.rebuild(self.api).orphans
        self.assertEqual((orphan.title, orphan.authors), ("Gone", ("Me", "You")))

    def test_the_log_of_another_calibre_counts_too_and_stays(self) -> None:
        book = add_book(self.db)
        uuid = self.api.field_for("uuid", book)
        foreign = new_folder("foreign")
        with mock.patch.object(copy_log, "log_folder", lambda: foreign):
            log = copy_log.ProcessLog()
            log.append({"at": 5.0, "source": "written", "uuid": uuid, "kind": "partial_md5", "digest": A})
            assert log.file is not None
            log.file.close()
        rebuild.rebuild(self.api, [foreign])
        self.assertEqual(self.digests(book), {A: "written"})
        self.assertEqual(len(os.listdir(foreign)), 1)

    def test_a_log_that_could_not_be_read_is_read_once_it_can_be_although_it_did_not_grow(self) -> None:
        book = add_book(self.db)
        foreign = new_folder("foreign")
        line = {"at": 5.0, "source": "written", "uuid": self.api.field_for("uuid", book), "digest": A}
        with open(os.path.join(foreign, "1.jsonl"), "w") as file:
            file.write(json.dumps(line) + "\n")

        def refuse(path: str, _without: Any = (), unreadable: Any = None) -> list[Any]:
            unreadable.add(path)
            return []

        with mock.patch.object(rebuild, "read_log", refuse):
            self.assertEqual(rebuild.rebuild(self.api, [foreign]).changed, set())
        self.assertEqual(rebuild.rebuild(self.api, [foreign]).changed, {book})

    def test_what_was_brought_home_already_is_not_read_again(self) -> None:
        book, other = add_book(self.db, title="One"), add_book(self.db, title="Two")
        self.send(book)
        self.end_log()
        rebuild.rebuild(self.api)
        with mock.patch.object(rebuild, "read_log", wraps=copy_log.read_log) as read:
            self.assertEqual(rebuild.rebuild(self.api).changed, set())
            self.assertEqual(read.call_count, 0)
            digest = self.send(other)
            self.assertEqual(rebuild.rebuild(self.api).changed, {other})
            self.assertEqual(read.call_count, 1)
        self.assertEqual(self.digests(other), {digest: "written"})

    def test_gathering_the_logs_in_between_loses_nothing(self) -> None:
        books = [add_book(self.db, title=f"Book {n}") for n in range(copy_log.SEVERAL + 3)]
        sent: dict[int, str] = {}
        for n, book in enumerate(books):
            sent[book] = self.send(book)
            self.end_log()
            if n % 5 == 0:
                rebuild.rebuild(self.api)
        rebuild.rebuild(self.api)
        self.assertEqual(len(copy_log.log_files(copy_log.log_folder())), 0)
        self.assertEqual({book: self.digests(book) for book in books}, {b: {d: "written"} for b, d in sent.items()})

    def test_a_history_that_got_lost_is_brought_again(self) -> None:
        book = add_book(self.db)
        add_book(self.db, title="Another")
        digest = self.send(book)
        rebuild.rebuild(self.api)
        # As after a book came back from calibre's trash, with its old id and uuid.
        self.api.delete_custom_book_data(history.DATA, [book])
        self.assertEqual(rebuild.rebuild(self.api).changed, {book})
        self.assertEqual(self.digests(book), {digest: "written"})

    def test_a_text_that_two_books_shared_is_given_to_the_one_that_is_left(self) -> None:
        data = make_epub(Recipe("shared"))
        digest = self.send(add_book(self.db, data, title="Elsewhere"))
        target = make_library()
        self.addCleanup(target.close)
        add_book(target, title="First in the library")
        one, two = (add_book(target, data, title=title) for title in ("One", "Two"))
        rebuild.rebuild(target.new_api)
        self.assertEqual(history.read_digests(target.new_api, [one, two]), {})
        target.new_api.remove_books([one])
        rebuild.rebuild(target.new_api)
        self.assertEqual([d["digest"] for d in history.read_digests(target.new_api, [two])[two]], [digest])

    def test_a_uuid_that_two_books_have_names_neither_until_one_is_gone(self) -> None:
        one, two = add_book(self.db, b"pages", "CBZ", title="One"), add_book(self.db, b"other", "CBZ", title="Two")
        add_book(self.db, title="Another")
        uuid = self.api.field_for("uuid", one)
        copy_log.append({"at": 5.0, "source": "sent", "uuid": uuid, "kind": "partial_md5", "digest": A})
        self.api.set_field("uuid", {two: uuid})
        rebuild.rebuild(self.api)
        self.assertEqual((self.digests(one), self.digests(two)), ({}, {}))
        self.api.remove_books([two])
        rebuild.rebuild(self.api)
        self.assertEqual(self.digests(one), {A: "sent"})

    def test_a_book_that_comes_later_finds_what_was_logged_before(self) -> None:
        data = make_epub(Recipe("later"))
        digest = self.send(add_book(self.db, data, title="Elsewhere"))
        target = make_library()
        self.addCleanup(target.close)
        add_book(target, title="First in the library")
        rebuild.rebuild(target.new_api)
        by_text = add_book(target, data, title="Same text")
        rebuild.rebuild(target.new_api)
        self.assertEqual([d["digest"] for d in history.read_digests(target.new_api, [by_text])[by_text]], [digest])

    def test_a_file_changed_behind_calibres_back_does_not_get_what_it_no_longer_holds(self) -> None:
        data = make_epub(Recipe("behind"))
        target = make_library()
        self.addCleanup(target.close)
        book = add_book(target, data, title="Here")
        library_files.file_keys(target.new_api, checksums=library_files.checksums_of(target.new_api))
        with open(target.new_api.format_abspath(book, "EPUB"), "wb") as file:
            file.write(make_epub(Recipe("something else", chapters=9)))
        self.send(add_book(self.db, data, title="Elsewhere"))
        rebuild.rebuild(target.new_api)
        self.assertEqual(history.read_digests(target.new_api, [book]), {})

    def test_a_rebuilding_that_was_stopped_is_done_again_and_gives_nothing_to_a_wrong_book(self) -> None:
        shared, sole = make_epub(Recipe("shared")), make_epub(Recipe("sole"))
        self.send(add_book(self.db, shared, title="Elsewhere"))
        digest = self.send(add_book(self.db, sole, title="Elsewhere too"))
        target = make_library()
        self.addCleanup(target.close)
        one, two = (add_book(target, shared, title=title) for title in ("One", "Two"))
        three = add_book(target, sole, title="Three")
        stop = threading.Event()

        def key_of(path: str) -> str | None:
            # The first of the two books with the shared text is being looked at.
            stop.set()
            return file_content_key(path)

        with mock.patch.object(library_files, "file_content_key", key_of):
            rebuild.rebuild(target.new_api, abort=stop)
        self.assertEqual(history.read_digests(target.new_api, [one, two, three]), {})
        rebuild.rebuild(target.new_api)
        found = history.read_digests(target.new_api, [one, two, three])
        self.assertEqual({book: [d["digest"] for d in known] for book, known in found.items()}, {three: [digest]})

    def test_two_machines_that_share_a_library_bring_home_what_each_of_them_logged(self) -> None:
        book = add_book(self.db)
        uuid = self.api.field_for("uuid", book)
        machines = [new_folder("one"), new_folder("two")]
        for folder, digest in zip(machines, (A, B), strict=True):
            with open(os.path.join(folder, "1-1-x.jsonl"), "w") as file:
                file.write(json.dumps({"at": 5.0, "source": "written", "uuid": uuid, "digest": digest}) + "\n")
        for folder in machines:
            with mock.patch.object(copy_log, "log_folder", lambda f=folder: f):
                rebuild.rebuild(self.api)
        self.assertEqual(self.digests(book), {A: "written", B: "written"})
        with (
            mock.patch.object(copy_log, "log_folder", lambda: machines[0]),
            mock.patch.object(rebuild, "read_log", wraps=copy_log.read_log) as read,
        ):
            rebuild.rebuild(self.api)
            self.assertEqual(read.call_count, 0)

    def test_library_files_are_opened_again_only_when_they_changed(self) -> None:
        book = add_book(self.db)
        with mock.patch.object(library_files, "file_content_key", wraps=library_files.file_content_key) as opened:
            first = library_files.file_keys(self.api)
            self.assertEqual(library_files.file_keys(self.api), first)
            self.assertEqual(opened.call_count, 1)
            time.sleep(0.01)
            self.api.add_format(book, "EPUB", io.BytesIO(make_epub(Recipe("other", chapters=5))), run_hooks=False)
            self.assertNotEqual(library_files.file_keys(self.api), first)
            self.assertEqual(opened.call_count, 2)


class Surviving(Case):
    def test_a_process_killed_while_it_keeps_digests_leaves_a_whole_history(self) -> None:
        book = add_book(self.db)
        path = self.db.library_path
        self.db.close()
        script = os.path.join(new_folder("script"), "writer.py")
        with open(script, "w") as file:
            file.write(WRITER)
        program = os.path.join(TOOLS, "calibre-debug") if TOOLS else "calibre-debug"
        for _ in range(3):
            child = subprocess.Popen([program, "-e", script, "--", path, str(book)], stdout=subprocess.PIPE, text=True)
            assert child.stdout is not None
            self.assertEqual(child.stdout.readline(), "begun\n")
            child.kill()
            child.communicate()
        self.db = open_library(path)
        kept = set(self.digests(book))
        self.assertEqual(kept, {f"{n:032x}" for n in range(len(kept))})
        self.assertGreater(len(kept), 20)
        # What the killed process had logged and not yet kept is brought back, and nothing else.
        rebuild.rebuild(self.api)
        after = set(self.digests(book))
        self.assertLessEqual(kept, after)
        self.assertEqual(after, {f"{n:032x}" for n in range(len(after))})

    def test_a_torn_line_in_the_log_costs_that_line_only(self) -> None:
        book = add_book(self.db)
        digest = self.send(book)
        log = copy_log._own.file
        assert log is not None
        log.write(b'{"at":5.0,"source":"written","uuid":"' + self.api.field_for("uuid", book).encode())
        log.close()
        copy_log._own.file = None
        other = add_book(self.db, title="Another")
        self.assertNotEqual(self.send(other), digest)
        rebuild.rebuild(self.api)
        self.assertEqual(self.digests(book), {digest: "written"})
        self.assertEqual(list(self.digests(other).values()), ["written"])

    def test_the_folders_of_other_calibres_named_in_the_environment_count_too(self) -> None:
        book = add_book(self.db)
        uuid = self.api.field_for("uuid", book)
        folders = [new_folder("container"), new_folder("server")]
        for folder, digest in zip(folders, (A, B), strict=True):
            with open(os.path.join(folder, "1-1-x.jsonl"), "w") as file:
                file.write(json.dumps({"at": 5.0, "source": "written", "uuid": uuid, "digest": digest}) + "\n")
        with mock.patch.dict(os.environ, {copy_log.VARIABLE: os.pathsep.join([*folders, "/nowhere"])}):
            rebuild.rebuild(self.api)
        self.assertEqual(self.digests(book), {A: "written", B: "written"})
