"""What the plugin's types say of calibre's database is true of the calibre that runs."""

from __future__ import annotations

import inspect
import unittest
from datetime import datetime
from types import SimpleNamespace
from typing import Any, Protocol, get_overloads, get_type_hints

from calibre_plugins.koreader_progress.library import calibre_db
from calibre_plugins.koreader_progress.library.calibre_db import CalibreDb, ColumnAbout, FormatAbout
from libraries import add_book, make_library

NOT_OURS = vars(type("Empty", (), {})).keys()


def members_of(protocol: type) -> list[str]:
    """What a Protocol says that there is."""
    told = {*vars(protocol), *vars(protocol).get("__annotations__", {})} - NOT_OURS
    return sorted(name for name in told if not name.startswith(("__", "_abc", "_is_")))


def ways_to_call(protocol: type, name: str) -> list[inspect.Signature]:
    # Of a name with overloads alone a Protocol keeps a stand-in, which does not know where it stood.
    named: Any = SimpleNamespace(__module__=protocol.__module__, __qualname__=f"{protocol.__qualname__}.{name}")
    return [inspect.signature(way) for way in get_overloads(named) or [vars(protocol)[name]]]


def untrue(real: Any, protocol: type) -> list[str]:
    """What a Protocol says of a thing that is not so."""
    found = []
    for name in members_of(protocol):
        told = vars(protocol).get(name)
        if not hasattr(real, name):
            found.append(f"there is no {name}")
        elif inspect.isfunction(told):
            found.extend(
                f"{name}: {why}" for way in ways_to_call(protocol, name) if (why := refused(getattr(real, name), way))
            )
    return found


def refused(real: Any, way: inspect.Signature) -> str:
    """Why a method cannot be called in this way; empty when it can."""
    try:
        taken = inspect.signature(real)
    except ValueError:
        # Written in C, it tells nothing of itself.
        return "" if callable(real) else "cannot be called"
    given = [*way.parameters.values()][1:]
    by_place = [one.name for one in given if one.kind is one.POSITIONAL_ONLY]
    try:
        taken.bind(*by_place, **{one.name: None for one in given if one.kind is not one.POSITIONAL_ONLY})
    except TypeError as error:
        return str(error)
    return ""


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
