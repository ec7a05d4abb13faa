"""What a reader does by hand: offers a place, links and unlinks, pastes digests, takes over a column of them."""

from __future__ import annotations

import time
import unittest
from typing import Any

from calibre_gui import gui
from kosync import KosyncServer
from steps import USER, action, api, book, configure, digest_of, select, tidy_up, wait_for_run

SENT, NEVER_READ = "5e" * 16, "c0" * 16


class ByHand(unittest.TestCase):
    server: KosyncServer

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = KosyncServer()
        cls.server.register(*USER)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.stop()

    def tearDown(self) -> None:
        tidy_up()

    def use(self, name: str) -> None:
        """Triggers an entry as a click or a shortcut does."""
        gui.post(lambda: action().menu.entries[name][1].trigger())

    def on_the_server(self, document: str) -> Any:
        return self.server.call("GET", f"/syncs/progress/{document}", user=USER)


class Offers(ByHand):
    def offered(self) -> tuple[Any, dict[str, str]]:
        """Offers the selected books' places; the report, and what it says of each copy."""
        self.use("koreader-progress-offer")
        report = gui.window("koreader_progress_result")
        wait_for_run()
        said = {cell.update["column"]: cell.update["why"]["code"] for row in report.rows for cell in row.cells}
        return report, said

    def test_1_without_a_selection_or_an_account_the_entry_says_why(self) -> None:
        entry = action().menu.entries["koreader-progress-offer"][1]
        select(book("Dracula"))
        gui(action().menu.refresh)
        self.assertEqual((gui(entry.isEnabled), gui(entry.toolTip)), (False, "There is no sync account yet."))
        configure(self.server)
        select()
        gui(action().menu.refresh)
        self.assertEqual((gui(entry.isEnabled), gui(entry.toolTip)), (False, "Select at least one book first."))
        gui(action().qaction.menu().aboutToHide.emit)

    def test_2_a_place_goes_to_every_copy_but_not_over_a_newer_one(self) -> None:
        from calibre_plugins.koreader_progress.digest import file_content_key
        from calibre_plugins.koreader_progress.history import add_digests, known_digest

        dracula = book("Dracula")
        own = digest_of(dracula)
        key = file_content_key(api().format_abspath(dracula, "EPUB"))
        copies = [
            known_digest(
                SENT, "sent", time.time(), content_key=key, format="EPUB", device="Phone", name="Dracula.epub"
            ),
            known_digest(NEVER_READ, "written", time.time(), content_key=key, format="EPUB"),
        ]
        gui(lambda: add_digests(api(), {dracula: copies}))
        self.server.push(USER, SENT, 0.2, "Phone")
        time.sleep(1.1)
        self.server.push(USER, own, 0.42, "Kobo")
        select(dracula)
        self.use("koreader-progress-selected")
        gui.wait(lambda: api().field_for("#percent", dracula) == 42, "the sync")
        wait_for_run()
        # What was carried over by itself: nothing that a device has read.
        self.assertEqual(self.on_the_server(SENT)["device"], "Phone")
        self.assertEqual(self.on_the_server(NEVER_READ)["device"], "calibre")

        report, said = self.offered()
        gui.grab(report, "offered")
        self.assertEqual(said, {own: "offer_again", SENT: "offer_replaced", NEVER_READ: "offer_same_place"})
        self.assertEqual([row.kind for row in report.rows], ["update"])
        self.assertIn("2 copies were offered their place, 1 copy left alone.", gui(lambda: action().runs.said))
        self.assertIn("Phone: Dracula.epub", gui(report.csv_text))
        for document in (own, SENT):
            record = self.on_the_server(document)
            self.assertEqual((record["percentage"], record["device"]), (0.42, "calibre"))
            self.assertTrue(record["device_id"].startswith("calibre-koreader-progress-"), record)
        gui(report.close)

    def test_3_what_a_device_has_read_since_is_left_alone_and_said(self) -> None:
        time.sleep(1.1)
        self.server.push(USER, SENT, 0.3, "Phone")
        report, said = self.offered()
        self.assertEqual(said[SENT], "offer_read_there")
        self.assertEqual((self.on_the_server(SENT)["percentage"], self.on_the_server(SENT)["device"]), (0.3, "Phone"))
        self.assertIn("Left alone: Phone has 30 % there", gui(report.csv_text))
        gui(report.close)

    def test_4_a_book_that_no_device_has_read_is_named(self) -> None:
        select(book("Walden"))
        report, said = self.offered()
        self.assertEqual(said, {})
        self.assertEqual([(row.title, row.why["code"]) for row in report.rows], [("Walden", "offer_no_place")])
        self.assertIn("1 book without a known place", gui(lambda: action().runs.said))

    def test_5_what_was_offered_is_no_news_to_the_next_sync(self) -> None:
        select(book("Dracula"))
        self.use("koreader-progress-selected")
        # The phone's own later place is asked about, as a larger step back is; calibre's is no news.
        review = gui.window("koreader_progress_result")
        self.assertEqual(
            [(row.why["code"], row.why["data"]["device"]) for row in review.rows], [("step_back", "Phone")]
        )
        gui(review.reject)
        wait_for_run()
        self.assertEqual(api().field_for("#percent", book("Dracula")), 42)


class Unseen(unittest.TestCase):
    def test_nothing_went_wrong_unseen(self) -> None:
        self.assertEqual(gui.errors, [])
        self.assertEqual(action().host.pids, [])
