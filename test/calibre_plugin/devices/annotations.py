"""What readers marked is read out of every form in which KOReader has kept it."""

from __future__ import annotations

import unittest
from typing import Any

from calibre_plugins.koreader_progress.devices.annotations import MOST, read_annotations
from calibre_plugins.koreader_progress.devices.odd_file import OddFile

TODAY = """-- /mnt/onboard/q.sdr
return {
    ["annotations"] = {
        [1] = {
            ["chapter"] = "One", ["color"] = "yellow", ["datetime"] = "2026-11-20 21:04:05", ["drawer"] = "lighten",
            ["datetime_updated"] = "2026-11-21 08:00:00", ["note"] = "of what?\\\r\n", ["pageno"] = 14,
            ["page"] = "/body/DocFragment[4]/body/p[3]/text().30",
            ["pos0"] = "/body/DocFragment[4]/body/p[3]/text().30",
            ["pos1"] = "/body/DocFragment[4]/body/p[3]/text().46",
            ["text"] = "pale and patient",
        },
        [2] = {
            ["datetime"] = "2026-11-20 21:05:00", ["page"] = "/body/DocFragment[4]/body/p[9]/text().0",
            ["text"] = "in One", ["pageref"] = "xiv", ["pageno"] = 15,
        },
    },
    ["bookmarks"] = { [1] = { ["datetime"] = "2020-01-01 00:00:00", ["page"] = 3, ["notes"] = "a leftover" } },
    ["partial_md5_checksum"] = "0b229176d4e8db7f6d2b5a4952368d7a",
}
"""

BEFORE_2024 = """return {
    ["bookmarks"] = {
        [1] = {
            ["chapter"] = "Two", ["datetime"] = "2023-04-05 10:00:02", ["highlighted"] = true,
            ["notes"] = "the boats", ["page"] = "/body/DocFragment[2]/body/p[1]/text().4",
            ["pos0"] = "/body/DocFragment[2]/body/p[1]/text().4", ["pos1"] = "/body/DocFragment[2]/body/p[1]/text().13",
            ["text"] = "my own note",
        },
        [2] = {
            ["datetime"] = "2023-04-05 10:00:01", ["highlighted"] = true, ["notes"] = "a garden",
            ["page"] = "/body/DocFragment[1]/body/p[1]/text().0",
            ["pos0"] = "/body/DocFragment[1]/body/p[1]/text().0", ["pos1"] = "/body/DocFragment[1]/body/p[1]/text().8",
            ["text"] = "Seite 1 a garden @ 2023-04-05 10:00:01",
        },
        [3] = { ["datetime"] = "2023-04-05 09:00:00", ["notes"] = "in One", ["page"] = "/body/DocFragment[1]/body/p[7]" },
    },
    ["highlight"] = {
        [4] = { [1] = {
            ["chapter"] = "Two", ["datetime"] = "2023-04-05 10:00:02", ["drawer"] = "underscore", ["text"] = "the boats",
            ["pos0"] = "/body/DocFragment[2]/body/p[1]/text().4", ["pos1"] = "/body/DocFragment[2]/body/p[1]/text().13",
        } },
        [9] = { [1] = {
            ["datetime"] = "2023-04-05 11:00:00", ["drawer"] = "invert", ["text"] = "in one list alone",
            ["pos0"] = "/body/DocFragment[3]/body/p[1]/text().0", ["pos1"] = "/body/DocFragment[3]/body/p[1]/text().17",
        } },
    },
}
"""

PAGED = """return { annotations_paging = { {
    datetime = "2026-01-01 00:00:00", drawer = "lighten", page = 12, text = "on a page",
    pos0 = { page = 12, x = 1, y = 2, zoom = 1, rotation = 0 }, pos1 = { page = 12, x = 5, y = 2, zoom = 1, rotation = 0 },
} } }
"""


def read(text: str) -> list[Any]:
    return list(read_annotations(text.encode(), "Kobo"))


class Annotations(unittest.TestCase):
    def test_a_reader_of_today_tells_highlights_notes_and_bookmarks_and_its_leftovers_are_none(self) -> None:
        highlight, bookmark = read(TODAY)
        self.assertEqual(
            highlight,
            {
                "kind": "highlight",
                "created": "2026-11-20 21:04:05",
                "updated": "2026-11-21 08:00:00",
                "page": "/body/DocFragment[4]/body/p[3]/text().30",
                "pos0": "/body/DocFragment[4]/body/p[3]/text().30",
                "pos1": "/body/DocFragment[4]/body/p[3]/text().46",
                "text": "pale and patient",
                "edited": False,
                "note": "of what?",
                "drawer": "lighten",
                "color": "yellow",
                "chapter": "One",
                "page_label": "14",
                "device": "Kobo",
            },
        )
        self.assertEqual(
            {key: bookmark[key] for key in ("kind", "text", "pos0", "drawer", "page_label")},
            {"kind": "bookmark", "text": None, "pos0": None, "drawer": None, "page_label": "xiv"},
        )

    def test_an_empty_list_of_today_is_the_last_word(self) -> None:
        self.assertEqual(read(BEFORE_2024.replace("return {", "return { annotations = {},", 1)), [])

    def test_before_2024_a_highlight_is_one_though_it_stands_in_two_lists(self) -> None:
        found = read(BEFORE_2024)
        told = [(each["created"][11:], each["kind"], each["text"], each["note"], each["drawer"]) for each in found]
        self.assertEqual(
            told,
            [
                ("09:00:00", "bookmark", None, None, None),
                ("10:00:01", "highlight", "a garden", None, "lighten"),
                ("10:00:02", "highlight", "the boats", "my own note", "underscore"),
                ("11:00:00", "highlight", "in one list alone", None, "invert"),
            ],
        )

    def test_a_page_of_a_pdf_is_told_by_its_number(self) -> None:
        (found,) = read(PAGED)
        self.assertEqual((found["page"], found["pos0"], found["text"]), ("12", "12", "on a page"))

    def test_what_is_odd_is_left_out_each_for_itself(self) -> None:
        good = '{ datetime = "2026-01-01 00:00:00", page = "/body/p", drawer = "lighten", text = "good" }'
        odd = (
            "7",
            '"text"',
            "{}",
            '{ datetime = "yesterday", page = "/body/p" }',
            '{ datetime = "2026-01-01 00:00:01" }',
            '{ datetime = "2026-01-01 00:00:02", page = "nowhere" }',
            '{ datetime = "2026-01-01 00:00:03", page = -1 }',
            f'{{ datetime = "2026-01-01 00:00:04", page = "/{"x" * 5000}" }}',
        )
        for each in odd:
            with self.subTest(each[:60]):
                self.assertEqual(
                    [one["text"] for one in read(f"return {{ annotations = {{ {each}, {good} }} }}")], ["good"]
                )

    def test_odd_values_cost_themselves_alone(self) -> None:
        item = (
            'datetime = "2026-01-01 00:00:00", page = "/body/p", drawer = "lighten", color = "mauve", text = {}, note = 7,'
            ' chapter = true, datetime_updated = "soon", pos0 = "/body/p", pos1 = 0, pageno = {}, text_edited = "yes"'
        )
        (found,) = read(f"return {{ annotations = {{ {{ {item} }} }} }}")
        for key in ("color", "text", "note", "chapter", "updated", "pos1", "page_label"):
            self.assertIsNone(found[key], key)
        self.assertEqual((found["kind"], found["edited"]), ("highlight", False))

    def test_bytes_that_are_no_text_become_one(self) -> None:
        data = b'return { annotations = { { datetime = "2026-01-01 00:00:00", page = "/body/p", note = "caf\xe9\0 end" } } }'
        (found,) = read_annotations(data, "Kobo")
        self.assertEqual(found["note"], "caf\ufffd end")

    def test_no_reader_has_more_than_are_read(self) -> None:
        item = '{ datetime = "2026-01-01 00:00:00", page = 1 },'
        self.assertEqual(len(read(f"return {{ annotations = {{ {item * (MOST + 5)} }} }}")), MOST)

    def test_what_is_no_sidecar_is_said(self) -> None:
        for text in ("", "return 7", "return {", "<html>"):
            with self.subTest(text), self.assertRaises(OddFile):
                read(text)
