"""Whole runs without a window: the plugin's own orchestration, the built bridge, a real library and a real server."""

from __future__ import annotations

import os
import sys
import threading
import unittest
from typing import Any

from calibre_plugins.koreader_progress import config, pull
from calibre_plugins.koreader_progress.bridge_client import BridgeClient
from calibre_plugins.koreader_progress.contract import Account
from calibre_plugins.koreader_progress.digest import file_digest
from libraries import add_book, make_library

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "gui"))
from kosync import KosyncServer, userkey

USER = ("anna", "correct horse")
COLUMNS = {"percent": "#pct", "status": "#status", "device": "#dev", "last_read": "#read", "place": "#place"}
DATATYPES = {"pct": "int", "pct2": "int", "status": "text", "dev": "text", "read": "datetime", "place": "text"}


class WholeRuns(unittest.TestCase):
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
        options = pull.PullOptions(force=True)
        abort = threading.Event()
        books = [self.book]
        return pull.prepare(self.api, books, self.account, profile, self.bridge, options, abort, lambda *_phase: None)

    def sync(self, profile: Any) -> dict[str, Any]:
        """One sync with nothing to decide; what it wrote, by column."""
        pulled = self.prepare(profile)
        self.assertEqual(pulled.plan["conflicts"], [])
        written = pull.apply(self.api, pulled, self.account, profile).report.written
        return {update["column"]: update["after"] for update in written}

    def reasons(self, profile: Any) -> list[str]:
        return [skip["reason"]["code"] for skip in self.prepare(profile).plan["skipped"]]

    def test_two_profiles_of_one_account_each_get_what_they_show(self) -> None:
        one, other = self.profile("one", "percent"), self.profile("other", "device", percent="#pct2")
        self.server.push(USER, self.document, 0.4)
        self.assertEqual(self.sync(one), {"#pct": 40})
        self.assertEqual(self.sync(other), {"#pct2": 40, "#dev": "Kobo"})
        self.server.push(USER, self.document, 0.5, device="Phone")
        self.assertEqual(self.sync(one), {"#pct": 50})
        self.assertEqual(self.sync(other), {"#pct2": 50, "#dev": "Phone"})
        self.assertEqual([self.reasons(profile) for profile in (one, other)], [["unchanged"], ["unchanged"]])

    def test_a_column_mapped_or_made_after_the_first_sync_is_filled(self) -> None:
        self.server.push(USER, self.document, 0.4)
        self.assertEqual(self.sync(self.profile("one", "percent")), {"#pct": 40})
        self.assertEqual(self.sync(self.profile("one", "percent", "device")), {"#dev": "Kobo"})
        self.db.create_custom_column("made", "Made later", "text", False)
        path = self.db.library_path
        self.db.close()
        from libraries import open_library

        # A new column is there after a restart.
        self.db = open_library(path)
        self.api = self.db.new_api
        self.assertEqual(self.sync(self.profile("one", "percent", "device", status="#made")), {"#made": "Reading"})
        self.assertEqual(self.reasons(self.profile("one", "percent", "device", status="#made")), ["unchanged"])

    def test_after_one_cell_was_unticked_the_next_sync_says_that_it_was_declined(self) -> None:
        profile = self.profile("one", "percent", "device")
        self.server.push(USER, self.document, 0.4)
        pulled = self.prepare(profile)
        kept = [update for update in pulled.plan["updates"] if update["column"] == "#pct"]
        pull.apply(self.api, pulled, self.account, profile, pull.Decisions(kept))
        self.assertEqual(self.reasons(profile), ["declined"])
        # What we wrote ourselves is no obstacle when the reader reads on.
        self.server.push(USER, self.document, 0.5)
        self.assertEqual(self.sync(profile), {"#pct": 50, "#dev": "Kobo"})


if __name__ == "__main__":
    sys.exit("run me through run_tests.py")
