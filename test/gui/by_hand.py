"""What a reader does by hand: offers a place, links and unlinks, pastes digests, takes over a column of them."""

from __future__ import annotations

import json
import os
import sqlite3
import time
import unittest
from contextlib import closing
from typing import Any

from calibre_gui import click, gui
from kosync import Gate, Proxy, userkey
from steps import (
    USER,
    WithServer,
    action,
    api,
    ask_at,
    book,
    configure,
    digest_of,
    preferences_in,
    select,
    wait_for_run,
)

SENT, NEVER_READ = "5e" * 16, "c0" * 16


class ByHand(WithServer):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        configure(cls.server)

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
        gui(lambda: action().settings.set("accounts", []))
        select(book("Dracula"))
        gui(action().menu.refresh)
        self.assertEqual((gui(entry.isEnabled), gui(entry.toolTip)), (False, "There is no sync account yet."))
        configure(self.server)
        select()
        gui(action().menu.refresh)
        self.assertEqual((gui(entry.isEnabled), gui(entry.toolTip)), (False, "Select at least one book first."))
        gui(action().qaction.menu().aboutToHide.emit)

    def test_2_a_place_goes_to_every_copy_but_not_over_a_newer_one(self) -> None:
        from calibre_plugins.koreader_progress.copies.content_key import file_content_key
        from calibre_plugins.koreader_progress.memory.history import add_digests, known_digest

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


class PublicServer(ByHand):
    """The public server's share of questions for a day, with a real server behind its name."""

    URL = "http://sync.koreader.rocks"

    def spend(self, questions: int) -> None:
        """So many of today's questions have been asked."""
        from calibre.constants import cache_dir
        from calibre_plugins.koreader_progress.settings.config import account_id_of

        path = os.path.join(cache_dir(), "koreader_progress", "koreader-progress.sqlite")
        with closing(sqlite3.connect(path)) as cache:
            row = (account_id_of(self.URL, USER[0]), int(time.time() // 86400), questions)
            cache.execute("INSERT OR REPLACE INTO spent VALUES (?, ?, ?)", row)
            cache.commit()

    def test_a_run_over_all_books_says_how_far_today_reached_and_goes_on(self) -> None:
        from calibre_plugins.koreader_progress.settings import config

        proxy = Proxy(self.server.url)
        self.addCleanup(proxy.stop)
        # The cache is made by the first run of all.
        select(book("Walden"))
        configure(self.server)
        self.use("koreader-progress-selected")
        gui.wait(lambda: action().runs.last is not None, "the first run")
        wait_for_run()

        account = {**config.new_account(self.URL, USER[0], userkey(USER[1])), "proxy": proxy.url}

        def store() -> None:
            action().settings.set("accounts", [account])
            profile = {**config.profiles(api())[0], "account_id": account["id"], "matching": "binary"}
            config.save_profiles(api(), [profile], profile["id"])

        gui(store)
        self.addCleanup(configure, self.server)
        self.spend(1995)
        gui(action().sync_all)
        wait_for_run()
        questions = [line for line in proxy.asked if "/syncs/progress/" in line]
        self.assertEqual(len(questions), 5)
        gui.post(action().runs.show_last_report)
        report = gui.window("koreader_progress_result")
        waiting = [row.why["code"] for row in report.rows].count("allowance_spent")
        self.assertGreater(waiting, 0)
        sentence = f"{8 - waiting} of 8 books checked, continuing with the next sync"
        self.assertIn(sentence, gui(lambda: action().runs.said))
        self.assertIn(sentence, gui(report.headline.text))
        self.assertIn("share of questions for today is used up", gui(report.csv_text))
        gui.grab(report, "allowance")
        gui(report.close)

        # Another day's share: what was left over is asked, nothing of it was lost.
        for title in ("Emma", "Middlemarch", "Persuasion"):
            self.server.push(USER, digest_of(book(title)), 0.05)
        self.spend(0)
        gui(action().sync_all)
        gui.wait(lambda: action().runs.review is not None or not action().runs.is_busy, "the second run")
        asked = {line.rpartition("/")[2] for line in proxy.asked}
        self.assertLessEqual({digest_of(book_id) for book_id in api().all_book_ids()}, asked)
        if action().runs.review is not None:
            gui(action().runs.review.reject)
        wait_for_run()
        self.assertNotIn("continuing", gui(lambda: action().runs.said))


class Unlinking(ByHand):
    STRANGER = "77" * 16

    def details(self, title: str) -> Any:
        select(book(title))
        self.use("koreader-progress-details")
        return gui.window("koreader_progress_details")

    def unlink(self, dialog: Any, digest: str) -> None:
        def choose() -> None:
            tree = dialog.digests
            items = [tree.topLevelItem(n) for n in range(tree.topLevelItemCount())]
            tree.setCurrentItem(next(item for item in items if item.text(0) == digest))
            click(dialog.unlink_button)

        gui(choose)

    def test_what_an_unlinked_digest_wrote_is_put_back_when_the_reader_says_so(self) -> None:
        emma = book("Emma")
        self.server.push(USER, digest_of(emma), 0.1)
        select(emma)
        self.use("koreader-progress-selected")
        gui.wait(lambda: api().field_for("#percent", emma) == 10, "the first value")
        wait_for_run()
        dialog = self.details("Emma")
        gui(lambda: dialog.new_digest.setText(self.STRANGER))
        gui(lambda: click(dialog.link_button))
        gui(dialog.close)
        time.sleep(1.1)
        self.server.push(USER, self.STRANGER, 0.66, "Tolino")
        select(emma)
        self.use("koreader-progress-selected")
        gui.wait(lambda: api().field_for("#percent", emma) == 66, "the linked value")
        wait_for_run()

        dialog = self.details("Emma")
        self.unlink(dialog, self.STRANGER)
        question = gui.window("koreader_progress_restore")
        self.assertIn("66 → 10", gui(question.informativeText))
        gui.grab(question, "restore")
        # A run that is under way is not disturbed, and what was asked for meanwhile is not forgotten.
        gate = Gate(self.server)
        gui(lambda: ask_at(gate.url))
        select(book("Walden"))
        gui.post(action().sync_selected)
        gui.wait(lambda: gate.asked, "the first question")
        gui(lambda: click(dialog.restore_button))
        self.assertEqual(api().field_for("#percent", emma), 66)
        gate.open()
        gui.wait(lambda: api().field_for("#percent", emma) == 10, "the old value")
        gui(lambda: ask_at(self.server.url))
        gate.close()
        gui.wait(lambda: "1 book put back" in action().runs.said, "the sentence")
        self.assertEqual(api().field_for("#device", emma), "Kobo")

        # Nothing else was written under it: nobody is asked a second time.
        gui(lambda: dialog.new_digest.setText("88" * 16))
        gui(lambda: click(dialog.link_button))
        self.unlink(dialog, "88" * 16)
        gui.wait(lambda: not dialog._background.is_running, "the look into the journal")
        self.assertFalse(gui(question.isVisible))


class CopiesTab(ByHand):
    """Folders of other calibres' logs, and a column of digests."""

    def open(self) -> tuple[Any, Any]:
        self.opened = gui.post(action().open_preferences, "copies")
        dialog = gui.modal()
        return dialog, preferences_in(dialog).copies

    def test_1_a_column_of_digests_is_taken_over_and_counted(self) -> None:
        from calibre_plugins.koreader_progress.memory.history import read_digests

        walden, moby = book("Walden"), book("Moby Dick")
        gui(lambda: api().set_field("#device", {walden: "AB" * 16, moby: "cd" * 16}))
        dialog, tab = self.open()
        gui.wait(lambda: tab.imported.columns.count() == 1, "the column")
        self.assertIn("#device): 2 books", gui(tab.imported.columns.currentText))
        gui(lambda: click(tab.imported.button))
        gui.wait(lambda: tab.imported.status.text() == "✓ 2 books learned a fingerprint.", "the count")
        gui.grab(dialog, "preferences-copies-taken-over")
        known = gui(lambda: read_digests(api(), [walden])[walden])
        self.assertIn(("ab" * 16, "imported"), [(each["digest"], each["source"]) for each in known])
        gui(lambda: click(tab.imported.button))
        gui.wait(lambda: "Nothing new" in tab.imported.status.text(), "the second count")
        gui(dialog.reject)

    def test_2_without_such_a_column_the_tab_says_so(self) -> None:
        gui(lambda: api().set_field("#device", {book("Walden"): "Kobo", book("Moby Dick"): None}))
        dialog, tab = self.open()
        gui.wait(lambda: "No column of this library" in tab.imported.status.text(), "the sentence")
        self.assertEqual((gui(tab.imported.button.isEnabled), gui(tab.imported.button.toolTip) != ""), (False, True))
        gui(dialog.reject)
        gui(lambda: api().set_field("#device", {book("Walden"): None}))

    def test_3_the_copies_of_another_calibre_are_found_by_the_next_sync(self) -> None:
        theirs = os.path.join(os.environ["TEST_FOLDER"], "container")
        logs = os.path.join(theirs, "plugins", "koreader_progress", "copies")
        os.makedirs(logs)
        middlemarch = book("Middlemarch")
        record = {
            "at": time.time(),
            "source": "written",
            "uuid": api().field_for("uuid", middlemarch),
            "kind": "partial_md5",
            "digest": "9a" * 16,
            "title": "Middlemarch",
        }
        with open(os.path.join(logs, "1-1-1.jsonl"), "w", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        self.server.push(USER, "9a" * 16, 0.55)
        gone = os.path.join(os.environ["TEST_FOLDER"], "unplugged")
        dialog, tab = self.open()
        for folder in (theirs, gone):
            gui(lambda folder=folder: tab.copy_logs.folders.add(folder))
        gui.wait(lambda: "This folder is not there now" in tab.copy_logs.folders.status.text(), "the complaint")
        gui.grab(dialog, "preferences-copies-logs")
        gui.press(dialog)
        self.opened.result(10)
        self.assertEqual(action().settings.get("copy_logs"), [theirs, gone])
        select(middlemarch)
        self.use("koreader-progress-selected")
        gui.wait(lambda: api().field_for("#percent", middlemarch) == 55, "their copy's progress")
        wait_for_run()
        self.assertIn(f"copy logs out of reach: {gone}", gui(lambda: action().runs.said))

        dialog, tab = self.open()
        gui(lambda: tab.copy_logs.folders.list.setCurrentRow(1))
        gui(lambda: click(tab.copy_logs.folders.remove_button))
        gui.press(dialog)
        self.opened.result(10)
        self.assertEqual(action().settings.get("copy_logs"), [theirs])


class Unmatched(ByHand):
    def open(self) -> Any:
        self.use("koreader-progress-unmatched")
        return gui.window("koreader_progress_unmatched")

    def rows(self, window: Any) -> list[list[str]]:
        def read() -> list[list[str]]:
            items = [window.tree.topLevelItem(n) for n in range(window.tree.topLevelItemCount())]
            return [[item.text(column) for column in range(window.tree.columnCount())] for item in items]

        return gui(read)

    def show_kind(self, window: Any, kind: str) -> None:
        def choose() -> None:
            window.kinds.setCurrentIndex(window.kinds.findData(kind))
            window.kinds.activated.emit(window.kinds.currentIndex())

        gui(choose)

    def paste(self, window: Any, text: str) -> None:
        gui(lambda: window.pasted.setPlainText(text))
        gui.wait(lambda: not window._typing.isActive() and not window._background.is_running, "the look")

    def test_1_pasted_digests_are_listed_with_what_is_known_and_linked(self) -> None:
        persuasion = book("Persuasion")
        self.server.push(USER, "1d" * 16, 0.61, "Boox")
        window = self.open()
        self.paste(window, "no digest in here")
        self.assertIn("No fingerprint is in this text", gui(window.status.text))
        sidecar = (
            'return { ["partial_md5_checksum"] = "'
            + "1d" * 16
            + '", ["doc_path"] = "/sd/Persuasion - Jane Austen.epub", '
            '["doc_props"] = { ["title"] = "Persuasion", ["authors"] = "Jane Austen" } }'
        )
        self.paste(window, sidecar)
        row = next(row for row in self.rows(window) if row[0] == "Persuasion — Jane Austen")
        self.assertEqual(
            (row[1:4], row[5:]), (["Persuasion - Jane Austen.epub", "61 %", "Boox"], ["server, pasted", "Persuasion"])
        )
        self.assertTrue(row[4])
        gui.grab(window, "unmatched-pasted")
        self.assertIn("Persuasion", gui(window.books.currentText))
        gui(lambda: click(window.link_button))
        self.assertIn("1 copy linked to “Persuasion”", gui(window.status.text))
        self.paste(window, "and again: " + "1D" * 16)
        self.assertIn("belongs to “Persuasion” already", gui(window.status.text))
        gui(window.close)
        select(persuasion)
        self.use("koreader-progress-selected")
        gui.wait(lambda: api().field_for("#percent", persuasion) == 61, "the linked progress")
        wait_for_run()

    def test_2_koreaders_file_is_opened_and_one_that_cannot_be_read_is_named(self) -> None:
        path = os.path.join(os.environ["TEST_FOLDER"], "metadata.epub.lua")
        with open(path, "w", encoding="utf-8") as file:
            file.write('return { ["partial_md5_checksum"] = "' + "2d" * 16 + '", ["percent_finished"] = 0.5 }')
        window = self.open()
        gui(lambda: window.open_file(path + ".gone"))
        self.assertIn("metadata.epub.lua.gone cannot be read", gui(window.status.text))
        gui(lambda: window.open_file(path))
        gui.wait(lambda: "Select what was pasted" in window.status.text(), "the file's digest")
        self.assertIn(["2d" * 16, "", "50 %", "", "", "pasted", ""], self.rows(window))
        # Without a suggestion any book of the list can be chosen.
        self.assertFalse(gui(window.link_button.isEnabled))
        self.assertTrue(gui(window.link_button.toolTip))
        gui(window.close)

    def test_3_copies_of_a_book_that_is_gone_keep_its_name_and_find_a_new_book_together(self) -> None:
        from calibre_plugins.koreader_progress.memory.history import read_digests

        gone = "0b5cd4c4-0000-4000-8000-00000000dead"
        logs = os.path.join(os.environ["TEST_FOLDER"], "another")
        os.makedirs(logs)
        with open(os.path.join(logs, "1-1-1.jsonl"), "w", encoding="utf-8") as file:
            for digest in ("3d" * 16, "4d" * 16):
                record = {"at": 5.0, "source": "sent", "uuid": gone, "kind": "partial_md5", "digest": digest}
                file.write(json.dumps({**record, "title": "Walden", "authors": ["Henry David Thoreau"]}) + "\n")
        gui(lambda: action().settings.set("copy_logs", [logs]))
        window = self.open()
        self.assertNotIn("Walden", "".join(row[0] for row in self.rows(window)))
        self.show_kind(window, "gone")
        rows = [row for row in self.rows(window) if row[0].startswith("Walden")]
        self.assertEqual(
            [(row[0], row[5], row[6]) for row in rows],
            [("Walden — Henry David Thoreau", "a book that is gone", "Walden")] * 2,
        )
        gui.grab(window, "unmatched-gone")
        gui(lambda: window.tree.setCurrentItem(window.tree.topLevelItem(0)))
        gui(lambda: click(window.link_button))
        self.assertIn("2 copies linked to “Walden”", gui(window.status.text))
        known = gui(lambda: {each["digest"] for each in read_digests(api(), [book("Walden")])[book("Walden")]})
        self.assertLessEqual({"3d" * 16, "4d" * 16}, known)
        gui(lambda: action().settings.set("copy_logs", []))

    def test_4_what_another_library_knows_is_named_so(self) -> None:
        from calibre.db.legacy import LibraryDatabase
        from calibre.ebooks.metadata.book.base import Metadata
        from calibre.gui2 import gprefs
        from calibre_plugins.koreader_progress.memory.history import add_digests, known_digest

        folder = os.path.join(os.environ["TEST_FOLDER"], "Comics")
        os.makedirs(folder)
        other = LibraryDatabase(folder)
        book_id = other.new_api.create_book_entry(Metadata("Nemo", ["Winsor McCay"]))
        add_digests(other.new_api, {book_id: [known_digest("5d" * 16, "sent", 5.0)]}, log=False)
        other.close()
        gui(lambda: gprefs.set("library_usage_stats", {**gprefs.get("library_usage_stats", {}), folder: 1}))
        self.server.push(USER, "5d" * 16, 0.2, "Boox")
        window = self.open()
        row = next(row for row in self.rows(window) if row[0].startswith("Nemo"))
        self.assertEqual((row[0], row[5]), ("Nemo — Winsor McCay", "the library “Comics”"))
        self.show_kind(window, "elsewhere")
        self.assertEqual([row[0] for row in self.rows(window)], ["Nemo — Winsor McCay"])


class Unseen(unittest.TestCase):
    def test_nothing_went_wrong_unseen(self) -> None:
        self.assertEqual(gui.errors, [])
        gui.wait(lambda: len(action().host.pids) <= 1, "the end of all bridges but the one for everything")
