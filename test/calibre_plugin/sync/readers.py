"""What readers' own files tell fills the columns of those whose readers they are: no server, no account, no network."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import threading
import time
import unittest
from contextlib import suppress
from pathlib import Path
from typing import Any

from calibre_plugins.koreader_progress.copies import log as copy_log
from calibre_plugins.koreader_progress.copies.strip_list import our_folder
from calibre_plugins.koreader_progress.devices.device import collect
from calibre_plugins.koreader_progress.devices.names import device_id
from calibre_plugins.koreader_progress.link.client import BridgeClient
from calibre_plugins.koreader_progress.link.contract import Account, PullPlan
from calibre_plugins.koreader_progress.memory.book_memory import note_local_change
from calibre_plugins.koreader_progress.memory.readings import keep_readings, read_readings
from calibre_plugins.koreader_progress.settings import config
from calibre_plugins.koreader_progress.settings.readers import readers_of, set_readers
from calibre_plugins.koreader_progress.sync import pull
from calibre_plugins.koreader_progress.sync.undo import undo_run
from device_tree import DeviceTree
from epubs import Recipe, make_epub
from libraries import add_book, make_library, open_library
from statistics_reader import statistics_reader

sys.path.append(str(Path(__file__).resolve().parent.parent.parent / "gui"))
from kosync import KosyncServer, userkey

ABORT = threading.Event()
READ_AT = 1_700_000_000
DAY = 86_400
COLUMNS = [
    (f"{field}_{who}", "int" if field == "pct" else "text", {}) for who in ("a", "b") for field in ("pct", "status")
]


class Case(unittest.TestCase):
    bridge: BridgeClient

    @classmethod
    def setUpClass(cls) -> None:
        cls.bridge = BridgeClient([os.environ["TEST_NODE"], os.environ["TEST_BRIDGE"]], os.environ)
        cls.addClassCleanup(cls.bridge.stop)
        cls.bridge.hello("test", None)

    def setUp(self) -> None:
        shutil.rmtree(our_folder(), ignore_errors=True)
        copy_log._own.file = None
        self.db = make_library(COLUMNS)
        self.addCleanup(self.db.close)
        self.api = self.db.new_api
        self.trees = {"a": DeviceTree(), "b": DeviceTree()}
        self.book = add_book(self.db, make_epub(Recipe("b")), title="b")

    def read(self, who: str, percent: float, at: int = READ_AT, **more: Any) -> None:
        """The book is read on the card of `who`, and the card is plugged in."""
        tree = self.trees[who]
        tree.put("b.epub", self.api.format(self.book, "EPUB"))
        pointer = f'["last_xpointer"] = "/body/DocFragment[1]/body/p[{int(percent * 1000)}]",'
        os.utime(tree.sidecar("b.epub", percent=percent, more=pointer, **more), (at, at))
        collect(tree.connect(), self.api, ABORT, {})

    def belongs(self, who: str, profile: str | None) -> None:
        set_readers(self.api, {device_id(self.trees[who].connect()): {"name": "Card", "profile": profile}})

    def sync(self, who: str, account: Account | None = None) -> PullPlan:
        stored = config.new_profile(who, who, account["id"] if account else "")
        stored["columns"] = {
            "percent": {"column": f"#pct_{who}", "scale": None},
            "status": {"column": f"#status_{who}", "scale": None},
        }
        stored["ran_before"] = True
        profile, unusable = config.resolve_profile(self.api, stored)
        self.assertEqual(unusable, [])
        pulled = pull.prepare(
            self.api, [self.book], account, profile, self.bridge, pull.PullOptions(), ABORT, lambda *_phase: None
        )
        self.applied = pull.apply(self.api, pulled, account, profile)
        return pulled.plan

    def cells(self) -> list[Any]:
        return [self.api.field_for(f"#{label}", self.book) for label, *_about in COLUMNS]

    def codes(self, plan: PullPlan) -> list[str]:
        return [*(each["why"]["code"] for each in plan["conflicts"]), *(s["reason"]["code"] for s in plan["skipped"])]


TOLD = {
    "rating": ("stars", "rating", {"allow_half_stars": True}, 8),
    "review": ("review", "comments", {"interpret_as": "html"}, "<p>Fine &amp; &lt;b&gt;good&lt;/b&gt;.<br>Twice.</p>"),
    "read_time": ("time", "int", {}, 312),
    "days_read": ("days", "int", {}, 3),
    "time_left": ("left", "text", {}, "1 h 30 min"),
}


class Told(Case):
    def setUp(self) -> None:
        super().setUp()
        for label, datatype, display, _value in TOLD.values():
            self.db.create_custom_column(label, label, datatype, False, display=display)
        path = self.db.library_path
        self.db.close()
        self.db = open_library(path)
        self.api = self.db.new_api
        self.belongs("a", "a")

    def sync_told(self) -> PullPlan:
        stored = config.new_profile("a", "a", "")
        stored["columns"] = {
            field: {"column": f"#{label}", "scale": None}  # type: ignore[misc]
            for field, (label, *_about) in TOLD.items()
        }
        stored["ran_before"] = True
        profile, unusable = config.resolve_profile(self.api, stored)
        self.assertEqual(unusable, [])
        pulled = pull.prepare(
            self.api, [self.book], None, profile, self.bridge, pull.PullOptions(), ABORT, lambda *_phase: None
        )
        self.applied = pull.apply(self.api, pulled, None, profile)
        return pulled.plan

    def told(self) -> list[Any]:
        return [self.api.field_for(f"#{label}", self.book) for label, *_about in TOLD.values()]

    def test_stars_review_and_hours_fill_columns_of_their_own_and_can_be_undone(self) -> None:
        self.read("a", 0.4, summary='["rating"] = 4, ["note"] = "Fine & <b>good</b>.\\nTwice.",')
        reading = read_readings(self.api, [self.book])[self.book][0]
        hours = {
            "source": "statistics",
            "read_time": 18_720,
            "read_on": [20_000, 20_001, 20_009],
            "time_left": 5400,
            "last_read": READ_AT,
        }
        empty = dict.fromkeys(("percentage", "progress", "status", "marked", "rating", "review"))
        keep_readings(self.api, {self.book: [{**reading, **empty, **hours}]})  # type: ignore[typeddict-item]
        self.sync_told()
        self.assertEqual(self.told(), [value for *_about, value in TOLD.values()])
        plan = self.sync_told()
        self.assertEqual((plan["updates"], plan["bases"], plan["conflicts"]), ([], [], []))
        # Half a star more by the reader's own hand outlasts whatever is told of whole ones.
        self.api.set_field("#stars", {self.book: 9})
        self.read("a", 0.5, at=READ_AT + 900, summary='["rating"] = 5,')
        self.sync_told()
        self.assertEqual(self.told()[:2], [9, TOLD["review"][-1]])
        journal = pull.journal_of(self.api)
        first = next(run for run in reversed(journal.runs()) if len(run.written) == len(TOLD))
        undo_run(self.api, journal, first)
        self.assertEqual(self.told(), [9, None, None, None, None])

    def test_hours_of_a_book_that_only_statistics_know_fill_its_columns_and_can_be_undone(self) -> None:
        self.count([READ_AT, READ_AT + DAY])
        plan = self.sync_told()
        self.assertEqual((plan["bases"], plan["skipped"]), ([], []))
        self.assertEqual(self.told(), [None, None, 200, 2, "3 h 20 min"])
        run_id = self.applied.run_id
        again = self.sync_told()
        self.assertEqual((again["updates"], again["placeless"], self.codes(again)), ([], [], ["unchanged"]))
        journal = pull.journal_of(self.api)
        undo_run(self.api, journal, next(run for run in journal.runs() if run.id == run_id))
        self.assertEqual(self.told(), [None] * 5)
        self.assertEqual(self.sync_told()["updates"], [])
        # Who reads on wants to see it after all.
        tonight = READ_AT + DAY * int((time.time() - READ_AT) / DAY + 1)
        self.count([READ_AT, READ_AT + DAY, tonight])
        self.sync_told()
        self.assertEqual(self.told()[2:4], [300, 3])

    def count(self, starts: list[int]) -> None:
        """The statistics of a card without a sidecar: at each of these times a hundred minutes are counted."""
        tree = self.trees["a"]
        digest = tree.put("b.epub", self.api.format(self.book, "EPUB"))
        path = os.path.join(tree.koreader, "settings", "statistics.sqlite3")
        with suppress(FileNotFoundError):
            os.unlink(path)
        with sqlite3.connect(tree.statistics([(digest, "b", "A", starts[-1])])) as db:
            db.execute("CREATE TABLE page_stat_data (id_book, page, start_time, duration, total_pages)")
            visits = [(page, start + page) for start in starts for page in range(100)]
            db.executemany("INSERT INTO page_stat_data VALUES(1, ? + 1, ?, 60, 200)", visits)
        db.close()
        collect(tree.connect(), self.api, ABORT, {}, statistics=statistics_reader())


class Readers(Case):
    def test_a_card_alone_fills_the_columns_once_it_was_said_whose_it_is(self) -> None:
        self.read("a", 0.94, status="complete")
        self.assertEqual(self.codes(self.sync("a")), ["not_on_reader"])
        self.assertEqual(self.cells(), [None] * 4)
        self.belongs("a", "a")
        self.sync("a")
        self.assertEqual(self.cells(), [94, "Finished", None, None])
        run = self.applied.run_id
        again = self.sync("a")
        self.assertEqual((again["updates"], again["bases"], self.codes(again)), ([], [], ["unchanged"]))
        journal = pull.journal_of(self.api)
        undo_run(self.api, journal, next(each for each in journal.runs() if each.id == run))
        self.assertEqual(self.cells(), [None] * 4)
        self.assertEqual(self.codes(self.sync("a")), ["declined"])

    def test_two_persons_of_one_library_never_mix(self) -> None:
        self.read("a", 0.9, status="complete")
        self.read("b", 0.2, at=READ_AT + 500)
        self.belongs("a", "a")
        self.belongs("b", "b")
        for _time in range(2):
            self.sync("a")
            self.sync("b")
            self.assertEqual(self.cells(), [90, "Finished", 20, "Reading"])
        self.read("b", 0.6, at=READ_AT + 900)
        self.assertEqual(self.sync("a")["updates"], [])
        self.sync("b")
        self.assertEqual(self.cells(), [90, "Finished", 60, "Reading"])
        self.assertEqual(readers_of(self.api, "a") & readers_of(self.api, "b"), frozenset())

    def test_a_reader_of_nobody_counts_for_nobody(self) -> None:
        self.read("a", 0.5, status="complete")
        self.belongs("a", None)
        self.assertEqual([self.codes(self.sync(who)) for who in "ab"], [["not_on_reader"]] * 2)
        self.assertEqual(self.cells(), [None] * 4)

    def test_a_profile_that_gets_an_account_later_goes_on_from_its_card(self) -> None:
        self.belongs("a", "a")
        self.read("a", 0.4)
        self.sync("a")
        self.api.set_field("#pct_a", {self.book: 41})
        change = {"book_id": self.book, "column": "#pct_a", "at": READ_AT + 50_000.0}
        server = KosyncServer()
        self.addCleanup(server.stop)
        server.register("anna", "secret")
        account = config.new_account(server.url, "anna", userkey("secret"))
        note_local_change(self.api, account["id"], [change], ["a"])  # type: ignore[list-item]
        plan = self.sync("a", account)
        self.assertEqual((plan["updates"], plan["review"], self.codes(plan)), ([], [], ["changed_here"]))
        plan = self.sync("a", account)
        self.assertEqual((plan["updates"], plan["review"], self.codes(plan)), ([], [], ["changed_here"]))
        self.api.set_field("#pct_a", {self.book: 40})
        self.read("a", 0.7, at=READ_AT + 60_000)
        self.sync("a", account)
        self.assertEqual(self.cells()[0], 70)

    def test_a_card_that_is_gone_or_empty_takes_nothing_back(self) -> None:
        self.belongs("a", "a")
        self.read("a", 0.4)
        self.sync("a")
        for left in ("return {", "", "return {}"):
            path = self.trees["a"].path("b.sdr/metadata.epub.lua")
            Path(path).write_text(left, encoding="utf-8")
            collect(self.trees["a"].connect(), self.api, ABORT, {})
            self.assertEqual((self.sync("a")["updates"], self.cells()[0]), ([], 40))
        shutil.rmtree(self.trees["a"].path("b.sdr"))
        collect(self.trees["a"].connect(), self.api, ABORT, {})
        self.assertEqual((self.sync("a")["updates"], self.cells()[0]), ([], 40))
