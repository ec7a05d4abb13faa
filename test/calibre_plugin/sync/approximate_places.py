"""A percentage alone brings calibre's viewer about there, is known as ours, and gives way to every better place."""

from __future__ import annotations

import io
import json
import os
import sys
import threading
import unittest
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast
from unittest import mock

from calibre_plugins.koreader_progress.copies.digest import file_digest
from calibre_plugins.koreader_progress.library import positions
from calibre_plugins.koreader_progress.link.client import BridgeClient
from calibre_plugins.koreader_progress.link.contract import Account
from calibre_plugins.koreader_progress.settings import config
from calibre_plugins.koreader_progress.sync import places, pull, push
from calibre_plugins.koreader_progress.window import viewer_place
from libraries import add_book, make_library

sys.path.append(str(Path(__file__).resolve().parent.parent.parent / "gui"))
from kosync import KosyncServer, userkey

USER = ("anna", "correct horse")
ABORT = threading.Event()
CONTAINER = (
    '<container><rootfiles><rootfile full-path="content.opf" media-type="application/oebps-package+xml"/>'
    "</rootfiles></container>"
)
PACKAGE = (
    '<package xmlns="http://www.idpf.org/2007/opf" version="2.0" unique-identifier="u"><metadata '
    'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Emma</dc:title><dc:language>en</dc:language>'
    '<dc:identifier id="u">x</dc:identifier></metadata><manifest>'
    '<item id="a" href="a.xhtml" media-type="application/xhtml+xml"/></manifest>'
    '<spine><itemref idref="a"/></spine></package>'
)


def unheard(_done: int, _total: int, _phase: str) -> None:
    """Nobody watches."""


def book_of_paragraphs() -> bytes:
    """A hundred numbered paragraphs of some 250 characters: a hundredth of the book each."""
    paragraphs = "".join(f"<p>{1000 + at} {'words and more words ' * 14}</p>" for at in range(100))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr("META-INF/container.xml", CONTAINER)
        archive.writestr("content.opf", PACKAGE)
        archive.writestr(
            "a.xhtml",
            f'<html xmlns="http://www.w3.org/1999/xhtml"><head><title>a</title></head><body>{paragraphs}</body></html>',
        )
    return out.getvalue()


class Launched:
    """The bridge that the test has started, as the window asks for one."""

    def __init__(self, bridge: BridgeClient) -> None:
        self._bridge = bridge

    @contextmanager
    def open(self, _account: Any = None, read: Any = ()) -> Iterator[BridgeClient]:
        yield self._bridge


class ApproximatePlaces(unittest.TestCase):
    def setUp(self) -> None:
        self.server = KosyncServer()
        self.addCleanup(self.server.stop)
        self.server.register(*USER)
        self.db = make_library([("pct", "int", {})])
        self.addCleanup(self.db.close)
        self.api = self.db.new_api
        self.book = add_book(self.db, book_of_paragraphs(), title="Emma")
        self.path = self.api.format_abspath(self.book, "EPUB")
        self.document = file_digest(self.path)
        self.account: Account = config.new_account(self.server.url, USER[0], userkey(USER[1]))
        self.bridge = BridgeClient([os.environ["TEST_NODE"], os.environ["TEST_BRIDGE"]], os.environ)
        self.addCleanup(self.bridge.stop)
        self.bridge.hello("test", None)
        stored = config.new_profile("one", "one", self.account["id"])
        stored["columns"] = {"percent": {"column": "#pct", "scale": None}}
        stored["ran_before"] = True
        self.profile, _unusable = config.resolve_profile(self.api, stored)

    def device_says(self, percentage: float, progress: str) -> None:
        self.server.next_second()
        record = {"document": self.document, "progress": progress, "percentage": percentage}
        self.server.call("PUT", "/syncs/progress", {**record, "device": "Kobo", "device_id": "Kobo-1"}, USER)

    def sync(self) -> int:
        """A sync with nothing to decide, and what follows it; in how many books calibre's readers were moved."""
        options = pull.PullOptions("usual")
        pulled = pull.prepare(self.api, [self.book], self.account, self.profile, self.bridge, options, ABORT, unheard)
        pull.apply(self.api, pulled, self.account, self.profile)
        rules, account_id = self.profile["rules"], self.account["id"]
        return places.deliver_positions(
            self.api, pulled.plan, account_id, rules, ["anna"], True, self.bridge, ABORT, unheard, [self.book]
        )

    def viewer_stands(self) -> str:
        with open(positions.annotations_path(self.path), encoding="utf-8") as file:
            return str(json.load(file)[0]["pos"])

    def reader_reads(self, cfi: str, after: float) -> None:
        at = positions.seconds_of(self.viewer_entry()["timestamp"]) or 0
        entry = {"type": "last-read", "pos": cfi, "pos_type": "epubcfi", "timestamp": positions.viewer_time(at + after)}
        self.assertTrue(positions.write_annotations(self.path, [entry]))

    def viewer_entry(self) -> dict[str, Any]:
        entries = positions.read_annotations(self.path) or []
        return cast(dict[str, Any], entries[0])

    def planned_push(self) -> tuple[list[Any], list[str]]:
        prepared = push.prepare(
            self.api, [self.book], self.account, self.profile, self.bridge, ABORT, unheard, typed=False
        )
        return prepared.plan["puts"], [skip["reason"]["code"] for skip in prepared.plan["skipped"]]

    def test_a_percentage_alone_opens_the_viewer_about_there_and_is_not_sent_back(self) -> None:
        self.device_says(0.4, "212")
        self.assertEqual(self.sync(), 1)
        self.assertEqual(self.viewer_stands(), "epubcfi(/2/2/4/82)")
        (entry,) = positions.read_positions(self.api, self.book, ["anna"])
        self.assertEqual((entry["cfi"], entry["pos_frac"]), ("epubcfi(/2/2/4/82)", 0.4))
        self.assertEqual(self.planned_push(), ([], ["push_came_from_server"]))
        # The viewer keeps the middle of the page that it opened at: nobody has read yet.
        self.reader_reads("epubcfi(/2/2/4/86/1:100)", 60)
        self.assertEqual(self.planned_push(), ([], ["push_came_from_server"]))
        # Who reads on from there has read.
        self.reader_reads("epubcfi(/2/2/4/120/1:100)", 600)
        (put,), _skipped = self.planned_push()
        self.assertIn("/p[60]/", put["progress"])

    def test_a_place_that_did_not_arrive_arrives_with_the_next_sync(self) -> None:
        self.device_says(0.4, "/body/DocFragment[1]/body/p[41]/text().5")
        with mock.patch.object(positions, "_to_viewer", side_effect=KeyboardInterrupt):
            self.assertRaises(KeyboardInterrupt, self.sync)
        self.assertEqual(positions.read_annotations(self.path), [])
        # Nothing is new on the server.
        self.assertEqual(self.sync(), 1)
        self.assertEqual(self.viewer_stands(), "epubcfi(/2/2/4/82/1:5)")
        self.assertEqual(self.sync(), 0)

    def test_a_viewer_that_was_open_and_wrote_its_older_place_is_brought_there_again(self) -> None:
        self.device_says(0.4, "/body/DocFragment[1]/body/p[41]/text().5")
        self.assertEqual(self.sync(), 1)
        self.reader_reads("epubcfi(/2/2/4/10/1:0)", -600)
        self.assertEqual(self.sync(), 1)
        self.assertEqual(self.viewer_stands(), "epubcfi(/2/2/4/82/1:5)")
        # What was read there later stays.
        self.reader_reads("epubcfi(/2/2/4/120/1:0)", 600)
        self.assertEqual(self.sync(), 0)
        self.assertEqual(self.viewer_stands(), "epubcfi(/2/2/4/120/1:0)")

    def test_a_place_that_is_exact_and_newer_stays(self) -> None:
        self.device_says(0.4, "/body/DocFragment[1]/body/p[41]/text().5")
        self.assertEqual(self.sync(), 1)
        self.assertEqual(self.viewer_stands(), "epubcfi(/2/2/4/82/1:5)")
        self.reader_reads("epubcfi(/2/2/4/160/1:100)", 3600)
        self.device_says(0.5, "300")
        self.assertEqual(self.sync(), 1)
        self.assertEqual(self.viewer_stands(), "epubcfi(/2/2/4/160/1:100)")
        (entry,) = positions.read_positions(self.api, self.book, ["anna"])
        self.assertEqual(entry["cfi"], "epubcfi(/2/2/4/102)")

    def test_a_percentage_that_says_the_same_leaves_the_exact_place(self) -> None:
        self.device_says(0.4, "/body/DocFragment[1]/body/p[41]/text().5")
        self.sync()
        self.device_says(0.405, "212")
        self.assertEqual(self.sync(), 0)
        self.assertEqual(self.viewer_stands(), "epubcfi(/2/2/4/82/1:5)")

    def test_opened_by_hand_it_is_called_approximate_and_is_known_as_ours(self) -> None:
        self.device_says(0.4, "212")
        pulled = pull.prepare(
            self.api,
            [self.book],
            self.account,
            self.profile,
            self.bridge,
            pull.PullOptions("usual"),
            ABORT,
            unheard,
        )
        pull.apply(self.api, pulled, self.account, self.profile)
        launch: Any = Launched(self.bridge)
        place: Any = viewer_place.place_to_open(self.api, self.book, self.account["id"], launch)
        self.assertEqual((place["cfi"], place["quality"]), ("epubcfi(/2/2/4/82)", "percent"))
        self.assertEqual(positions.delivered_to(self.api, self.book), {"EPUB": place["cfi"]})
