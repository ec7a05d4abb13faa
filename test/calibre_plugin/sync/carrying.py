"""Places carried over and offered: journalled before they are put, taken back like a push, and not put again."""

from __future__ import annotations

import json
import sys
from typing import Any, cast
from unittest import mock

from calibre_plugins.koreader_progress.memory import book_memory
from calibre_plugins.koreader_progress.sync import carry_over, pull, push_undo, repair, undo
from calibre_plugins.koreader_progress.link.client import BridgeDied
from calibre_plugins.koreader_progress.copies.content_key import file_content_key
from calibre_plugins.koreader_progress.memory.history import add_digests, known_digest
from calibre_plugins.koreader_progress.sync.offers import offers_of
from calibre_plugins.koreader_progress.memory.journal import WriteJournal
from with_server import ABORT, USER, WithServer, unheard

OTHER = "f" * 32


class Carrying(WithServer):
    def setUp(self) -> None:
        super().setUp()
        key = file_content_key(self.api.format_abspath(self.book, "EPUB"))
        copies = [
            known_digest(name, "sent", at, format="EPUB", content_key=key)
            for name, at in ((self.document, 1.0), (OTHER, 2.0))
        ]
        add_digests(self.api, {self.book: copies})
        self.shown = self.profile("one", "percent", "status")

    def journal(self) -> WriteJournal:
        return pull.journal_of(self.api)

    def at(self, document: str) -> Any:
        return self.server.call("GET", f"/syncs/progress/{document}", user=USER)

    def carry(self) -> list[str]:
        """One whole sync, carrying over as the window and the command line do; what became of each place."""
        pulled = self.prepare(self.shown)
        pull.apply(self.api, pulled, self.account, self.shown)
        done = carry_over.carry_over(self.api, pulled.plan, self.account, self.shown, self.bridge, ABORT, unheard)
        return [result["outcome"] for result in done]

    def offer(self) -> list[str]:
        """*Offer this place to my devices*; what became of each place, by why."""
        offers = offers_of(self.api, self.account["id"], self.shown, [self.book])
        done = carry_over.offer(
            self.api, offers, self.account, self.shown, self.bridge, ABORT, unheard, on_request=True
        )
        return [result["why"]["code"] for result in done]

    def kinds(self) -> list[tuple[str, int]]:
        return [(head.kind, head.books) for head in self.journal().heads()]

    def test_a_carried_place_is_taken_back_and_not_carried_again_until_somebody_reads_on(self) -> None:
        self.server.push(USER, self.document, 0.4)
        self.assertEqual(self.carry(), ["carried"])
        self.assertEqual(self.at(OTHER)["device"], "calibre")
        self.assertEqual(self.kinds(), [("carry_over", 1), ("pull", 1)])
        self.assertEqual(self.outcomes(self.undo()), [("removed", "push_removed")])
        self.assertEqual(self.at(OTHER), {})
        # The columns are the sync's, which stands.
        self.assertEqual(self.api.field_for("#pct", self.book), 40)
        self.assertEqual(self.carry(), [])
        self.assertEqual(self.at(OTHER), {})
        self.server.push(USER, self.document, 0.5)
        self.assertEqual(self.carry(), ["carried"])
        self.assertAlmostEqual(self.at(OTHER)["percentage"], 0.5)

    def test_undoing_that_offers_it_again_as_no_news(self) -> None:
        self.server.push(USER, self.document, 0.4)
        self.carry()
        self.undo()
        self.assertEqual(self.outcomes(self.undo()), [("restored", "push_undone")])
        self.assertTrue(self.at(OTHER)["device_id"].startswith("calibre-koreader-progress-"))
        self.assertEqual(book_memory.recall(self.api, self.account["id"], [self.book])[self.book]["declined"], [])
        self.undo()
        self.assertEqual(self.at(OTHER), {})
        self.assertEqual(self.carry(), [])

    def test_a_device_that_has_read_there_since_keeps_its_place(self) -> None:
        self.server.push(USER, self.document, 0.4)
        self.carry()
        self.server.push(USER, OTHER, 0.6, device="Phone")
        self.assertEqual(self.outcomes(self.undo()), [("left", "push_superseded")])
        self.assertEqual(self.at(OTHER)["device"], "Phone")

    def test_a_server_that_cannot_forget_is_said(self) -> None:
        self.behind_a_front()
        self.server.push(USER, self.document, 0.4)
        self.carry()
        undone = self.undo()
        self.assertEqual(self.outcomes(undone), [("left", "push_stays")])
        self.assertIn("the server knew none before and cannot forget", push_undo.server_sentence(undone.results))
        self.assertEqual(self.carry(), [])

    def test_an_older_place_that_an_offer_replaced_is_put_back_and_is_no_news(self) -> None:
        self.server.push(USER, OTHER, 0.2, device="Phone")
        self.server.push(USER, self.document, 0.4)
        self.sync(self.shown)
        self.assertEqual(sorted(self.offer()), ["offer_again", "offer_replaced"])
        self.assertAlmostEqual(self.at(OTHER)["percentage"], 0.4)
        self.assertEqual(self.kinds()[0], ("offer", 1))
        # A push it is not: the reader has not pushed anything.
        self.assertIsNone(undo.last_push(self.journal()))
        self.assertEqual(self.outcomes(self.undo()), [("restored", "push_undone")] * 2)
        self.assertAlmostEqual(self.at(OTHER)["percentage"], 0.2)
        self.assertEqual((self.sync(self.shown), self.reasons(self.shown)), ({}, ["unchanged"]))
        self.assertEqual(self.carry(), [])
        self.undo(self.journal().newest("undo"))
        self.assertAlmostEqual(self.at(OTHER)["percentage"], 0.4)

    def test_what_is_carried_over_is_on_the_disk_before_it_is_put(self) -> None:
        self.server.push(USER, self.document, 0.4)
        ask = self.bridge.request
        seen: list[Any] = []

        def die(method: str, *args: Any, **more: Any) -> Any:
            if method == "sync/carryOver":
                seen.extend(self.journal().runs()[0].standing_puts)
                ask(method, *args, **more)
                raise BridgeDied(-9, "as in a crash")
            return ask(method, *args, **more)

        with mock.patch.object(self.bridge, "request", die), self.assertRaises(BridgeDied):
            self.carry()
        self.assertEqual([(put.document, put.before) for put in seen], [(OTHER, None)])
        repair.repair(self.api, self.journal())
        self.assertEqual(self.kinds()[0], ("carry_over", 1))
        self.assertEqual(self.outcomes(self.undo()), [("removed", "push_removed")])
        self.assertEqual(self.carry(), [])

    def test_a_journal_that_cannot_be_kept_keeps_a_place_from_being_put(self) -> None:
        self.server.push(USER, self.document, 0.4)
        self.sync(self.shown)
        full = cast(Any, mock.Mock(side_effect=OSError("no space left")))
        with mock.patch.object(WriteJournal, "begin_run", full), self.assertRaises(OSError):
            self.offer()
        self.assertEqual(self.at(OTHER), {})

    def test_an_earlier_version_reads_what_was_carried_as_a_push(self) -> None:
        self.server.push(USER, self.document, 0.4)
        self.carry()
        first = self.journal()._paths()[0].read_text().splitlines()[0]
        self.assertEqual(json.loads(first)["kind"], "push")


if __name__ == "__main__":
    sys.exit("run me through run_tests.py")
