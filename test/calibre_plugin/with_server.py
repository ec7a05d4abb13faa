"""A library with one book, a kosync server and a bridge, all real: what the tests of whole runs begin with."""

from __future__ import annotations

import os
import sys
import threading
import unittest
from pathlib import Path
from typing import Any

from calibre_plugins.koreader_progress.settings import config
from calibre_plugins.koreader_progress.sync import pull, push, push_undo, undo
from calibre_plugins.koreader_progress.link.client import BridgeClient
from calibre_plugins.koreader_progress.link.contract import Account
from calibre_plugins.koreader_progress.copies.digest import file_digest
from libraries import add_book, make_library

sys.path.append(str(Path(__file__).resolve().parent.parent / "gui"))
from kosync import KosyncServer, Proxy, userkey

USER = ("anna", "correct horse")
COLUMNS = {"percent": "#pct", "status": "#status", "device": "#dev", "last_read": "#read", "place": "#place"}
ABORT = threading.Event()
DATATYPES = {"pct": "int", "pct2": "int", "status": "text", "dev": "text", "read": "datetime", "place": "text"}


def unheard(_done: int, _total: int, _phase: str) -> None:
    """Nobody watches."""


class WithServer(unittest.TestCase):
    def setUp(self) -> None:
        self.server = KosyncServer()
        self.addCleanup(self.server.stop)
        self.server.register(*USER)
        self.db = make_library([(label, datatype, {}) for label, datatype in DATATYPES.items()])
        self.addCleanup(self.db.close)
        self.api = self.db.new_api
        self.book = add_book(self.db, title="Emma")
        digest = file_digest(self.api.format_abspath(self.book, "EPUB"))
        assert digest
        self.document = digest
        self.account: Account = config.new_account(self.server.url, USER[0], userkey(USER[1]))
        self.bridge = BridgeClient([os.environ["TEST_NODE"], os.environ["TEST_BRIDGE"]], os.environ)
        self.addCleanup(self.bridge.stop)
        self.bridge.hello("test", None)

    def profile(self, name: str, *shown: str, **columns: str) -> Any:
        """A profile that ran before; `shown` are fields in their usual columns, `columns` in others."""
        stored = config.new_profile(name, name, self.account["id"])
        wanted: Any = {**{field: COLUMNS[field] for field in shown}, **columns}
        stored["columns"] = {field: {"column": column, "scale": None} for field, column in wanted.items()}
        stored["ran_before"] = True
        profile, unusable = config.resolve_profile(self.api, stored)
        self.assertEqual(unusable, [])
        return profile

    def prepare(self, profile: Any) -> pull.Pulled:
        options = pull.PullOptions("usual")
        books, bridge = [self.book], self.bridge
        return pull.prepare(self.api, books, self.account, profile, bridge, options, ABORT, unheard)

    def sync(self, profile: Any) -> dict[str, Any]:
        """One sync with nothing to decide; what it wrote, by column."""
        pulled = self.prepare(profile)
        self.assertEqual(pulled.plan["conflicts"], [])
        written = pull.apply(self.api, pulled, self.account, profile).report.written
        return {update["column"]: update["after"] for update in written}

    def reasons(self, profile: Any) -> list[str]:
        return [skip["reason"]["code"] for skip in self.prepare(profile).plan["skipped"]]

    def push(self, profile: Any, percentage: int) -> push.Pushed:
        self.api.set_field("#pct", {self.book: percentage})
        prepared = self.prepare_push(profile)
        self.assertEqual({put["percentage"] for put in prepared.plan["puts"]}, {percentage / 100})
        return push.apply(self.api, prepared, self.account, profile, self.bridge, ABORT, unheard)

    def prepare_push(self, profile: Any) -> push.Prepared:
        books, bridge = [self.book], self.bridge
        return push.prepare(self.api, books, self.account, profile, bridge, ABORT, unheard, typed=True)

    def undo(self, run: Any = None) -> undo.Undone:
        journal = pull.journal_of(self.api)
        run = run or journal.runs()[0]
        return push_undo.undo_push(self.api, journal, run, self.account, self.bridge, ABORT, unheard)

    def stands(self) -> Any:
        return self.server.call("GET", f"/syncs/progress/{self.document}", user=USER)

    def outcomes(self, undone: undo.Undone) -> list[tuple[str, str]]:
        return [(result["outcome"], result["why"]["code"]) for result in undone.results]

    def behind_a_front(self) -> Proxy:
        """From now on the server is reached through a front that can be in trouble for some documents."""
        front = Proxy(self.server.url)
        self.addCleanup(front.stop)
        self.account = {**self.account, "url": front.url}
        return front
