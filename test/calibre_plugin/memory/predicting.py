"""Predictions are kept for as long as they hold, and end as soon as nobody wants them."""

from __future__ import annotations

import io
import os
import shutil
import threading
import unittest
from typing import Any
from unittest import mock

from calibre.utils.date import parse_date
from calibre_plugins.koreader_progress.copies import writer as copies
from calibre_plugins.koreader_progress.memory import predict
from calibre_plugins.koreader_progress.memory import stoppable
from calibre_plugins.koreader_progress.copies.digest import name_digest
from calibre_plugins.koreader_progress.library.books import resolve_columns
from calibre_plugins.koreader_progress.copies.strip_list import our_folder, write_switches
from epubs import Recipe, make_epub
from libraries import add_book, make_library, open_library

PATIENCE = 60
# Something that calibre works out by itself, in every version.
MODIFIED = "{last_modified:format_date(iso)}"
LATER = parse_date("2099-12-31T12:00:00+00:00")


class Case(unittest.TestCase):
    def setUp(self) -> None:
        shutil.rmtree(our_folder(), ignore_errors=True)
        built = ("built", "composite", {"composite_template": "{#pct} %"})
        self.db = make_library([("pct", "int", {}), ("other", "text", {}), built])
        self.addCleanup(lambda: self.db.close())
        self.columns = resolve_columns(self.db.new_api, {"percent": ("#pct", 100)})[0]

    @property
    def api(self) -> Any:
        return self.db.new_api

    def reopen(self) -> None:
        """Custom columns are known to a library that is opened, not to the one that made them."""
        path = self.db.library_path
        self.db.close()
        self.db = open_library(path)

    def count_pages(self, book: int, pages: int) -> None:
        """What calibre does in the background, from version 9 on."""
        if "pages" in self.api.field_metadata:
            self.api.set_pages(book, pages)
            self.assertEqual(self.api.get_metadata(book).get("pages"), pages)

    def predict(self, book: int, abort: threading.Event | None = None) -> set[str]:
        return {known["digest"] for known in predict.predictor(self.api, self.columns, abort)(book)}

    def copies_made(self, book: int) -> int:
        """How many copies calibre had to make for a prediction."""
        with mock.patch.object(predict, "write_copy", wraps=predict.write_copy) as made:
            self.predict(book)
        return made.call_count


class Keeping(Case):
    def test_a_prediction_is_made_once(self) -> None:
        book = add_book(self.db)
        self.assertGreater(self.copies_made(book), 1)
        self.assertEqual(self.copies_made(book), 0)

    def test_what_a_sync_writes_does_not_end_a_prediction(self) -> None:
        book = add_book(self.db)
        self.api.set_field("#pct", {book: 1})
        first = self.predict(book)
        self.api.set_field("#pct", {book: 60})
        # A composite built on our column shows another text now.
        self.assertEqual(self.api.get_metadata(book).get("#built"), "60 %")
        self.assertEqual(self.copies_made(book), 0)
        self.assertEqual(self.predict(book), first)

    def test_what_calibre_works_out_later_does_not_end_a_prediction(self) -> None:
        self.db.create_custom_column(
            "computed", "Computed", "composite", False, display={"composite_template": MODIFIED}
        )
        self.reopen()
        book = add_book(self.db)
        first = self.predict(book)
        shown = self.api.get_metadata(book).get("#computed")
        self.api.set_field("#pct", {book: 60})
        self.api.update_last_modified([book], LATER)
        self.count_pages(book, 500)
        self.assertNotEqual(self.api.get_metadata(book).get("#computed"), shown)
        self.assertEqual(self.copies_made(book), 0)
        self.assertEqual(self.predict(book), first)

    def test_what_calibre_works_out_later_does_when_a_plugboard_shows_it(self) -> None:
        book = add_book(self.db)
        self.api.set_pref("plugboards", {"epub": {"any device": [["{title} {#built} " + MODIFIED, "title"]]}})
        self.predict(book)
        self.assertEqual(self.copies_made(book), 0)
        # Our own column never does: a sync changes it.
        modified = self.api.field_for("last_modified", book)
        self.api.set_field("#pct", {book: 60})
        self.api.update_last_modified([book], modified)
        self.assertEqual(self.copies_made(book), 0)
        self.api.update_last_modified([book], LATER)
        self.assertGreater(self.copies_made(book), 0)

    def test_another_template_of_a_computed_column_does(self) -> None:
        book = add_book(self.db)
        self.db.create_custom_column("shout", "Shout", "composite", False, display={"composite_template": "{title}!"})
        self.reopen()
        self.predict(book)
        number = self.api.field_metadata["#shout"]["colnum"]
        self.db.set_custom_column_metadata(number, display={"composite_template": "{title}?"})
        self.reopen()
        self.assertGreater(self.copies_made(book), 0)

    def test_whatever_else_changes_a_copy_does(self) -> None:
        book = add_book(self.db)
        api = self.api

        def file() -> None:
            api.add_format(book, "EPUB", io.BytesIO(make_epub(Recipe("another", chapters=9))), run_hooks=False)

        def same_size_later() -> None:
            path = api.format_abspath(book, "EPUB")
            about = os.stat(path)
            os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns + 5_000_000_000))

        def board() -> None:
            api.set_pref("plugboards", {"epub": {"any device": [["{title}!", "title"]]}})

        def newer_calibre() -> None:
            patched = mock.patch.object(predict, "numeric_version", (99, 0, 0))
            patched.start()
            self.addCleanup(patched.stop)

        from calibre.utils.date import utcnow

        self.predict(book)
        for what, change in (
            ("the title", lambda: api.set_field("title", {book: "Another title"})),
            ("the date", lambda: api.set_field("timestamp", {book: utcnow()})),
            ("a column of the reader's own", lambda: api.set_field("#other", {book: "words"})),
            ("the file", file),
            ("the file's date", same_size_later),
            ("a plugboard", board),
            ("calibre", newer_calibre),
            ("a switch", lambda: write_switches(strip=True, settle=False)),
        ):
            with self.subTest(what):
                self.assertEqual(self.copies_made(book), 0)
                change()
                self.assertGreater(self.copies_made(book), 0)

    def test_another_template_gives_other_names_at_once(self) -> None:
        from calibre.library.save_to_disk import config

        book = add_book(self.db)
        before = config().parse().send_template
        self.addCleanup(lambda: config().set("send_template", before))
        wanted = name_digest("Quite different.epub")
        self.assertNotIn(wanted, self.predict(book))
        config().set("send_template", "Quite different")
        self.assertIn(wanted, self.predict(book))


class Stopping(Case):
    def large(self) -> int:
        return add_book(self.db, make_epub(Recipe("large", content=60_000_000, cover=True)))

    def test_a_stop_in_the_middle_of_a_large_book_ends_calibres_own_writing(self) -> None:
        book = self.large()
        abort, ended = threading.Event(), threading.Event()
        seen: list[type[BaseException] | None] = []

        def writes(stream: Any, *args: Any) -> bool:
            reads = stream.read

            def read(*size: Any) -> bytes:
                # The writer is in the middle of the book's file now.
                if stream.tell() > 20_000_000:
                    abort.set()
                return reads(*size)

            stream.read = read
            try:
                return genuine(stream, *args)
            except BaseException as error:
                seen.append(type(error))
                raise
            finally:
                ended.set()

        genuine = copies.calibre_writes
        with mock.patch.object(copies, "calibre_writes", writes):
            self.assertEqual(self.predict(book, abort), set())
            self.assertTrue(ended.wait(PATIENCE))
        self.assertEqual(seen, [stoppable.Stopped])
        # Nothing half is kept, and the next run goes on with this book.
        self.assertGreater(self.copies_made(book), 1)

    def test_a_writer_that_cannot_be_stopped_is_not_waited_for(self) -> None:
        book = add_book(self.db)
        abort, release, ended = threading.Event(), threading.Event(), threading.Event()

        def writes(*_args: Any) -> bool:
            abort.set()
            release.wait(PATIENCE)
            ended.set()
            return False

        with mock.patch.object(copies, "calibre_writes", writes):
            self.assertEqual(self.predict(book, abort), set())
            self.assertFalse(ended.is_set())
            release.set()
            self.assertTrue(ended.wait(PATIENCE))
        self.assertGreater(self.copies_made(book), 1)

    def test_books_predicted_before_the_stop_are_not_predicted_again(self) -> None:
        first, second = add_book(self.db, title="One"), add_book(self.db, title="Two")
        abort = threading.Event()
        predicting = predict.predictor(self.api, self.columns, abort)
        known = predicting(first)
        abort.set()
        self.assertEqual(predicting(second), [])
        self.assertEqual(self.copies_made(first), 0)
        self.assertEqual({one["digest"] for one in known}, self.predict(first))
        self.assertGreater(self.copies_made(second), 0)

    def test_what_goes_wrong_inside_is_told_outside(self) -> None:
        def fails() -> list[Any]:
            raise ValueError("told")

        with self.assertRaisesRegex(ValueError, "told"):
            stoppable.unless_stopped(fails, threading.Event())
