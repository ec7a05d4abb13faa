"""The reasons that calibre's own side gives, each in a real run: the bridge's share is shown beside the bridge."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import mock

from calibre_plugins.koreader_progress.library import book_shapes
from calibre_plugins.koreader_progress.memory.history import add_digests, known_digest
from calibre_plugins.koreader_progress.sync import pull, undo
from calibre_plugins.koreader_progress.sync.offers import alike_copies, offers_of
from calibre_plugins.koreader_progress.window.review import plan_rows
from calibre_plugins.koreader_progress.window.runs.offer import rows_of_offers
from calibre_plugins.koreader_progress.words.reasons import why_sentence
from libraries import add_book
from pictures import comic
from with_server import ABORT, USER, WithServer, unheard

REASONS = set(json.loads(Path(os.environ["TEST_FIXTURES"], "reasons-of-calibre.json").read_text("utf-8")))
told: set[str] = set()


def heed(value: Any) -> None:
    """Notes every reason in what a run gave, wherever it stands."""
    if isinstance(value, Mapping):
        if {"code", "data"} <= set(value):
            told.add(value["code"])
        heed(list(value.values()))
    elif isinstance(value, (list, tuple)):
        for part in value:
            heed(part)


class Reasons(WithServer):
    def setUp(self) -> None:
        super().setUp()
        self.shown = self.profile("one", "percent", "status")
        self.server.push(USER, self.document, 0.4)

    def planned(self, *books: int) -> pull.Pulled:
        options = pull.PullOptions("usual")
        pulled = pull.prepare(
            self.api, list(books) or [self.book], self.account, self.shown, self.bridge, options, ABORT, unheard
        )
        heed(pulled.plan)
        return pulled

    def test_1_a_book_that_is_gone_and_one_whose_memory_was_damaged(self) -> None:
        self.api.add_custom_book_data(book_shapes.MEMORY, {self.book: ["no memory of ours"]})
        self.planned(self.book, 999)

    def test_2_a_cell_that_was_unticked_and_one_that_calibre_refuses(self) -> None:
        pulled = self.planned()
        table = self.api.backend.custom_table_names(self.api.field_metadata["#pct"]["colnum"])[0]
        refused = "the disk is of another opinion"
        self.api.backend.execute(
            f"CREATE TRIGGER refusing BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, '{refused}'); END"
        )
        rows = plan_rows.rows_of(self.api, pulled.plan)
        cells = {cell.update["column"]: cell for row in rows for cell in row.cells}
        cells["#status"].ticked = False
        done = pull.apply(self.api, pulled, self.account, self.shown, pull.Decisions([cells["#pct"].update]))
        heard: list[Mapping[str, Any]] = []

        def hear(why: Mapping[str, Any]) -> str:
            heard.append(why)
            return why_sentence(why)

        with mock.patch.object(plan_rows, "why_sentence", hear):
            plan_rows.tell_outcomes(rows, done.report)
        heed(heard)
        self.assertIn(refused, cells["#pct"].outcome)
        self.assertIsNone(self.api.field_for("#status", self.book))

    def test_3_a_run_that_is_undone(self) -> None:
        pull.apply(self.api, self.planned(), self.account, self.shown)
        journal = pull.journal_of(self.api)
        done = undo.undo_run(self.api, journal, journal.runs()[0])
        self.assertEqual(len(done.report.written), 2)
        heed(done.report.written)

    def test_4_a_book_without_a_place_to_offer_and_one_whose_pages_are_alike(self) -> None:
        rows = rows_of_offers(self.api, [self.book], [])
        heed([row.why for row in rows])
        bare = add_book(self.db, comic("bare", pictures=False))
        add_digests(self.api, {bare: [known_digest(self.document, "sent", 1.0)]})
        pull.apply(self.api, self.planned(bare), self.account, self.shown)
        add_digests(self.api, {bare: [known_digest("c" * 32, "sent", time.time(), format="EPUB")]})
        offers = offers_of(self.api, self.account["id"], self.shown, [bare])
        heed([left["why"] for left in alike_copies(self.api, offers)])

    def test_5_each_of_them_was_told(self) -> None:
        self.assertEqual(REASONS - told, set())


if __name__ == "__main__":
    raise SystemExit("run me through run_tests.py")
