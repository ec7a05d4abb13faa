"""Calibre's own places: read from every corner where calibre keeps them, delivered without harm to anything newer."""

from __future__ import annotations

import json
import os
import unittest
from hashlib import sha256
from typing import Any

from calibre_plugins.koreader_progress.library.positions import (
    Delivery,
    annotations_path,
    deliver,
    read_places,
    read_positions,
    viewer_time,
)
from calibre_plugins.koreader_progress.library.read_progress import asks_for_all_users, put_back_progress
from libraries import add_book, make_library

HERE = "epubcfi(/2/2/4/2/1:3)"
THERE = "epubcfi(/4/2/4/2/1:0)"
DAY = 86_400.0
THEN = 1_767_225_600.0


class NewApi:
    """The library as calibre 9.5 and newer answer: all users at once, each named."""

    def __init__(self, api: Any) -> None:
        self._api = api

    def __getattr__(self, name: str) -> Any:
        return getattr(self._api, name)

    def get_last_read_positions(
        self, book_id: int, fmt: str = "", user: str = "", order_by: str = "", limit: int = 0
    ) -> list[dict[str, Any]]:
        assert not user
        users = ("anna", "ben", "local")
        return [
            {**entry, "user": each} for each in users for entry in self._api.get_last_read_positions(book_id, fmt, each)
        ]


class Positions(unittest.TestCase):
    def setUp(self) -> None:
        self.db = make_library()
        self.addCleanup(self.db.close)
        self.api = self.db.new_api
        self.book = add_book(self.db, title="Emma")
        self.path = self.api.format_abspath(self.book, "EPUB")

    def viewer_wrote(self, *entries: dict[str, Any]) -> None:
        os.makedirs(os.path.dirname(annotations_path(self.path)), exist_ok=True)
        with open(annotations_path(self.path), "w", encoding="utf-8") as file:
            json.dump(entries, file)

    def viewer_has(self) -> list[dict[str, Any]]:
        with open(annotations_path(self.path), encoding="utf-8") as file:
            return json.load(file)

    def read_in_viewer(self, cfi: str, at: float) -> dict[str, Any]:
        return {"type": "last-read", "pos": cfi, "pos_type": "epubcfi", "timestamp": viewer_time(at)}

    def delivery(self, cfi: str = THERE, at: float | None = THEN + DAY) -> Delivery:
        place: Any = {"format": "EPUB", "path": self.path, "cfi": cfi, "quality": "text", "text": ""}
        return Delivery(self.book, place, at, 0.25)

    def test_the_viewer_keeps_its_places_where_calibre_itself_looks(self) -> None:
        from calibre.gui2.viewer.annotations import annotations_dir
        from calibre.gui2.viewer.ui import path_key

        # A constant until calibre 9.
        folder = annotations_dir() if callable(annotations_dir) else annotations_dir
        self.assertEqual(annotations_path(self.path), os.path.join(folder, path_key(self.path) + ".json"))
        self.assertEqual(os.path.basename(annotations_path(self.path))[:64], sha256(self.path.encode()).hexdigest())

    def test_a_book_that_nobody_opened_has_no_place(self) -> None:
        self.assertEqual(read_places(self.api, self.book), [])
        pdf = add_book(self.db, data=b"%PDF-1.4", fmt="PDF", title="A PDF")
        self.assertEqual(read_places(self.api, pdf, ["anna"]), [])

    def test_places_come_from_the_viewer_and_from_the_chosen_users(self) -> None:
        self.viewer_wrote(self.read_in_viewer(HERE, THEN))
        for user, epoch in (("anna", THEN + 5), ("ben", THEN + 6), ("local", THEN + 7)):
            self.api.set_last_read_position(self.book, "EPUB", user=user, device="d", cfi=THERE, epoch=epoch)
        for api in (self.api, NewApi(self.api)):
            places = read_places(api, self.book, ["anna"])
            self.assertEqual(
                [(place["source"], place["cfi"], place["at"], place["delivered"]) for place in places],
                [
                    ("viewer", HERE, THEN, None),
                    ("content_server", THERE, THEN + 5, None),
                    ("viewer", THERE, THEN + 7, None),
                ],
            )

    def test_what_is_no_place_of_an_epub_is_passed_over(self) -> None:
        self.viewer_wrote(
            {"type": "last-read", "pos": "12", "pos_type": "page", "timestamp": viewer_time(THEN)},
            {"type": "last-read", "pos": HERE, "pos_type": "epubcfi", "timestamp": "yesterday"},
            {"type": "bookmark", "pos": HERE, "pos_type": "epubcfi", "timestamp": viewer_time(THEN)},
        )
        self.assertEqual(read_places(self.api, self.book), [])

    def test_a_delivered_place_is_where_the_viewer_opens_and_is_known_as_ours(self) -> None:
        bookmark = {"type": "bookmark", "title": "One", "pos": HERE, "timestamp": viewer_time(THEN)}
        self.viewer_wrote(self.read_in_viewer(HERE, THEN), bookmark)
        self.assertEqual(deliver(self.api, [self.delivery()], [], viewer=True), 1)
        last, *others = self.viewer_has()
        self.assertEqual(last, self.read_in_viewer(THERE, THEN + DAY))
        self.assertEqual(others, [bookmark])
        self.assertEqual({place["delivered"] for place in read_places(self.api, self.book)}, {THERE})

    def test_a_newer_place_of_the_readers_is_never_replaced(self) -> None:
        newer = self.read_in_viewer(HERE, THEN + 2 * DAY)
        self.viewer_wrote(newer)
        self.api.set_last_read_position(self.book, "EPUB", user="anna", device="d", cfi=HERE, epoch=THEN + 2 * DAY)
        for at in (THEN + DAY, None):
            self.assertEqual(deliver(self.api, [self.delivery(at=at)], ["anna"], viewer=True), 0)
        self.assertEqual(self.viewer_has(), [newer])
        self.assertEqual([entry["cfi"] for entry in read_positions(self.api, self.book, ["anna"])], [HERE])
        self.assertEqual([place["delivered"] for place in read_places(self.api, self.book)], [None])

    def test_entries_that_are_not_understood_are_left_as_they_are(self) -> None:
        os.makedirs(os.path.dirname(annotations_path(self.path)), exist_ok=True)
        for content in ("{}", "[torn"):
            with open(annotations_path(self.path), "w", encoding="utf-8") as file:
                file.write(content)
            self.assertEqual(deliver(self.api, [self.delivery()], [], viewer=True), 0)
            with open(annotations_path(self.path), encoding="utf-8") as file:
                self.assertEqual(file.read(), content)

    def test_each_chosen_user_of_the_content_server_continues_there(self) -> None:
        self.assertEqual(deliver(self.api, [self.delivery()], ["anna", "ben"], viewer=False), 1)
        for user in ("anna", "ben"):
            (entry,) = read_positions(self.api, self.book, [user])
            self.assertEqual((entry["cfi"], entry["epoch"], entry["pos_frac"]), (THERE, THEN + DAY, 0.25))
        self.assertFalse(os.path.exists(annotations_path(self.path)))

    def progress(self) -> list[tuple[Any, ...]]:
        """What calibre's own column *Read progress* is made of."""
        told = read_positions(self.api, self.book, ["local"])
        return [(entry["device"], entry["cfi"], entry["epoch"], entry["pos_frac"]) for entry in told]

    def test_calibre_s_own_read_progress_shows_what_came_and_shows_it_no_more_when_that_is_undone(self) -> None:
        deliver(self.api, [self.delivery(HERE, THEN)], [], viewer=True)
        deliver(self.api, [self.delivery()], [], viewer=True)
        first, second = ([("calibre-desktop-viewer", cfi, at, 0.25)] for cfi, at in ((HERE, THEN), (THERE, THEN + DAY)))
        if not asks_for_all_users(self.api):
            # Before calibre 9.5 there is no such column, and its viewer writes nothing there.
            self.assertEqual(self.progress(), [])
            return
        self.assertEqual(self.progress(), second)
        from calibre.ebooks.metadata.book.formatter import SafeFormat

        about = self.api.get_proxy_metadata(self.book)
        shown = SafeFormat().safe_format("{id:reading_progress(,percent)}", about, "", about)
        self.assertEqual(shown, "25%")
        taken = {"timestamp": THEN + DAY, "percentage": 0.25}
        put_back_progress(self.api, self.book, {**taken, "timestamp": THEN})
        self.assertEqual(self.progress(), second)
        put_back_progress(self.api, self.book, taken)
        self.assertEqual(self.progress(), first)
        put_back_progress(self.api, self.book, taken, again=True)
        self.assertEqual(self.progress(), second)
        self.api.set_last_read_position(
            self.book,
            "EPUB",
            user="local",
            device="calibre-desktop-viewer",
            cfi=HERE,
            epoch=THEN + 2 * DAY,
            pos_frac=0.4,
        )
        put_back_progress(self.api, self.book, taken)
        self.assertEqual(self.progress(), [("calibre-desktop-viewer", HERE, THEN + 2 * DAY, 0.4)])

    def test_the_book_file_is_never_touched_and_a_deleted_book_is_passed_over(self) -> None:
        with open(self.path, "rb") as file:
            before = file.read()
        deliver(self.api, [self.delivery()], ["anna"], viewer=True)
        with open(self.path, "rb") as file:
            self.assertEqual(file.read(), before)
        late = self.delivery(HERE, THEN + 3 * DAY)
        self.api.remove_books([self.book])
        self.assertEqual(deliver(self.api, [late], ["anna"], viewer=True), 0)
