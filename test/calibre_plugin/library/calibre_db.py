"""What the plugin's types say of calibre's database is true of the calibre that runs."""

from __future__ import annotations

import unittest
from datetime import datetime
from typing import Protocol, get_type_hints

from calibre_plugins.koreader_progress.library import calibre_db
from calibre_plugins.koreader_progress.library.calibre_db import CalibreDb, ColumnAbout, FormatAbout
from faces import members_of, untrue
from libraries import add_book, make_library


class Face(unittest.TestCase):
    def setUp(self) -> None:
        self.db = make_library([("pct", "int", {}), ("words", "text", {})])
        self.addCleanup(self.db.close)
        self.api = self.db.new_api
        self.book = add_book(self.db, title="Emma")

    def test_every_name_is_there_and_takes_what_it_is_given(self) -> None:
        for real, protocol in (
            (self.api, CalibreDb),
            (self.api.backend, calibre_db.Backend),
            (self.api.backend.prefs, calibre_db.Prefs),
            (self.api.backend.conn, calibre_db.Connection),
            (self.api.field_metadata, calibre_db.FieldMetadata),
            (self.api.fields["formats"], calibre_db.FormatsField),
        ):
            with self.subTest(protocol=protocol.__name__):
                self.assertTrue(members_of(protocol))
                self.assertEqual(untrue(real, protocol), [])

    def test_what_calibre_has_not_is_found(self) -> None:
        class Wrong(Protocol):
            def no_such_name(self) -> None: ...
            def formats(self, book_id: int, no_such_parameter: int = 0) -> list[str]: ...

        found = untrue(self.api, Wrong)
        self.assertEqual(len(found), 2, found)

    def test_fields_are_what_their_types_say(self) -> None:
        self.assertEqual(self.api.field_for("title", self.book), "Emma")
        self.assertIsInstance(self.api.field_for("uuid", self.book), str)
        self.assertIsInstance(self.api.field_for("path", self.book), str)
        self.assertIsInstance(self.api.field_for("authors", self.book), tuple)
        self.assertIsInstance(self.api.field_for("timestamp", self.book), datetime)
        for field, none in (("title", None), ("authors", ()), ("timestamp", None)):
            self.assertEqual(self.api.field_for(field, self.book + 1), none)
        self.assertIsInstance(self.api.all_book_ids(), frozenset)
        self.assertEqual(self.api.all_field_for("authors", [self.book]), {self.book: ("Somebody",)})

    def test_columns_and_formats_tell_of_themselves_what_their_types_say(self) -> None:
        wanted = get_type_hints(ColumnAbout).keys()
        for column, about in self.api.field_metadata.custom_field_metadata().items():
            self.assertEqual(wanted - about.keys(), set(), column)
        about = self.api.format_metadata(self.book, "EPUB", allow_cache=False)
        self.assertEqual(get_type_hints(FormatAbout).keys() - about.keys(), set())
        self.assertIsInstance(about["mtime"], datetime)
        self.assertEqual(self.api.format_metadata(self.book, "PDF", allow_cache=False), {})
        self.assertIsInstance(self.api.format_abspath(self.book, "EPUB"), str)
        self.assertIsNone(self.api.format_abspath(self.book, "PDF"))
