"""What goes wrong in a reader's life, and what the window says then."""

from __future__ import annotations

import os
import tempfile
import time

from calibre_gui import click, gui
from kosync import OddServer, Proxy, make_certificate, userkey
from qt.core import QApplication, QLabel, QPushButton
from steps import (
    DAMAGED,
    USER,
    WithServer,
    action,
    api,
    book,
    configure,
    digest_of,
    preferences_in,
    trouble,
    wait_for_run,
)


def config_of(account_id: str) -> bool:
    """The profile uses this account from now on."""
    from calibre_plugins.koreader_progress.settings import config

    profile = {**config.profiles(api())[0], "account_id": account_id}
    config.save_profiles(api(), [profile], "p1")
    return action().profile["account_id"] == account_id


class Troubles(WithServer):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.server.push(USER, digest_of(book("Dracula")), 0.42)

    def setUp(self) -> None:
        configure(self.server)

    def tearDown(self) -> None:
        super().tearDown()
        gui.wait(lambda: not action().runs.is_busy, "quiet")

    def with_account(self, **changes: object) -> None:
        """The account, with something about it changed."""

        def change() -> None:
            accounts = action().settings.accounts()
            accounts[0].update(changes)
            action().settings.set("accounts", accounts)

        gui(change)

    def complaint(self) -> str:
        """Syncs everything, and gives back what the window says of it."""
        gui.post(action().sync_all)
        box = trouble()
        text = gui(lambda: box.msg.text())
        self.assertFalse(gui(box.isModal))
        gui(box.close)
        wait_for_run()
        return text

    def test_01_a_server_that_is_down_is_named(self) -> None:
        self.with_account(url="http://127.0.0.1:9")
        text = self.complaint()
        self.assertIn("cannot be reached", text)
        self.assertIn("127.0.0.1:9", text)

    def test_02_a_web_page_is_no_server(self) -> None:
        page = OddServer(page="<html>Hello</html>")
        self.with_account(url=page.url)
        self.assertIn("no KOReader sync server", self.complaint())
        page.stop()

    def test_03_a_wrong_password_leads_to_the_account_tab(self) -> None:
        self.with_account(userkey="0" * 32)
        gui.post(action().sync_all)
        box = trouble()
        self.assertIn("does not accept", gui(lambda: box.msg.text()))
        gui.grab(box, "trouble")
        gui.post(lambda: click(box.findChild(QPushButton, "open_preferences")))
        dialog = gui.modal()
        widget = preferences_in(dialog)
        self.assertIs(gui(widget.tabs.currentWidget), widget.pages["account"])
        gui(dialog.reject)

    def test_04_a_certificate_that_signed_itself_is_refused_then_trusted_by_its_fingerprint(self) -> None:
        own = OddServer(certificate=make_certificate(os.environ["TEST_FOLDER"]))
        self.with_account(url=own.url)
        gui.post(action().open_preferences)
        dialog = gui.modal()
        widget = preferences_in(dialog)
        tab = widget.account
        gui(lambda: widget.show_tab("account"))
        gui(lambda: click(tab.login_button))
        gui.wait(tab.trust_button.isVisible, "the offer to trust")
        self.assertIn("fingerprint", gui(tab.status.text))
        gui.grab(dialog, "preferences-certificate")
        gui(lambda: click(tab.trust_button))
        gui.wait(lambda: tab.status.text().startswith("✓"), "the login")
        gui.press(dialog)
        kept = gui(lambda: action().settings.accounts()[0]["tls"])
        self.assertEqual(kept["mode"], "fingerprint")
        own.stop()

    def test_05_a_missing_runtime_says_what_to_install(self) -> None:
        gui(lambda: action().settings.set("runtime_path", "/nowhere/node"))
        text = self.complaint()
        self.assertIn("/nowhere/node", text)
        self.assertIn("Node.js 22.19", text)
        gui(lambda: action().settings.set("runtime_path", ""))

    def test_06_a_deleted_column_is_named_and_mended(self) -> None:
        configure(self.server, {"percent": "#gone", "status": "#status"})
        self.assertIn("#gone", self.complaint())
        gui.post(action().open_preferences)
        dialog = gui.modal()
        widget = preferences_in(dialog)
        gui(lambda: widget.show_tab("columns"))
        self.assertIn("#gone", gui(widget.columns.status.text))
        gui.grab(dialog, "preferences-column-gone")
        box = widget.columns.columns["percent"]
        gui(lambda: box.setCurrentIndex(box.findData("#percent")))
        self.assertNotIn("#gone", gui(widget.columns.status.text))
        gui.press(dialog)
        self.assertIsNone(gui(lambda: action().runs.why_not(action().profile)))

    def test_07_stop_ends_a_slow_run_and_asks_no_more(self) -> None:
        slow = OddServer(delay=20)
        self.with_account(url=slow.url)
        gui.post(action().sync_all)
        window = gui.window("koreader_progress_window")
        gui.wait(lambda: slow.asked, "the first question")
        gui.grab(window, "progress")
        self.assertFalse(gui(window.bar.isTextVisible))
        self.assertFalse(gui(window.details_button.isVisible))
        self.assertFalse(gui(window.stop_button.isDefault))
        began = time.monotonic()
        gui(lambda: click(window.stop_button))
        wait_for_run()
        gui.wait(lambda: not action().host.shared.is_held, "the end of the bridge's work")
        print(f"stopped after {time.monotonic() - began:.2f} s")
        asked = slow.asked
        time.sleep(0.5)
        self.assertEqual(slow.asked, asked)
        self.assertIn("nothing was written", gui(lambda: action().runs.said))
        self.assertEqual(gui(window.hide_button.text), "&Close")
        gui(lambda: click(window.hide_button))
        self.assertFalse(gui(window.isVisible))
        slow.stop()

    def test_08_a_quiet_run_says_it_in_the_status_bar_only(self) -> None:
        self.with_account(url="http://127.0.0.1:9")
        gui(lambda: action().runs.start(action().profile, action().all_ids(), "timer"))
        wait_for_run()
        self.assertIn("cannot be reached", gui(lambda: action().runs.said))
        shown = gui(lambda: [w for w in QApplication.topLevelWidgets() if w.isVisible()])
        ours = [w.objectName() for w in shown if w.objectName().startswith("koreader_progress")]
        self.assertEqual(ours, [], gui.situation())

    def test_09_a_library_switched_during_a_run_gets_nothing_of_the_other(self) -> None:
        from calibre.db.legacy import LibraryDatabase

        slow = OddServer(delay=20)
        self.with_account(url=slow.url)
        first, second = gui.main.library_path, gui.main.library_path + "-2"
        LibraryDatabase(second).close()
        gui.post(action().sync_all)
        gui.wait(lambda: slow.asked, "the first question")
        # As a calibre:// address does it, past the question about running jobs.
        gui.post(lambda: gui.main.library_moved(second)).result(30)
        gui.wait(lambda: not action().runs.is_busy, "the run's end")
        gui.wait(lambda: not action().host.pids, "the bridge's end")
        self.assertEqual(gui.errors, [])
        gui.post(lambda: gui.main.library_moved(first)).result(30)
        slow.stop()

    def test_10_the_next_run_works_as_if_nothing_had_been(self) -> None:
        gui.post(action().sync_all)
        gui.wait(lambda: api().field_for("#percent", book("Dracula")) == 42, "the value")

    def test_11_a_damaged_journal_is_shown_not_taken_for_an_empty_one(self) -> None:
        from calibre_plugins.koreader_progress.window.preferences.runtime import report_of
        from calibre_plugins.koreader_progress.sync.pull import journal_of

        damaged = journal_of(api())._folder / "000000000000001-damaged.jsonl"
        damaged.write_text(DAMAGED, encoding="utf-8")
        gui.post(action().undoing.show)
        box = trouble()
        self.assertIn("could not be read", gui(lambda: box.msg.text()))
        self.assertIn("TypeError", gui(lambda: box.det_msg.toPlainText()))
        gui(box.close)
        launch = gui(lambda: action().host.prepare(""))
        report = report_of(api(), "0", launch, None, None, None)
        self.assertIn("could not read the write journal: TypeError at ", report)
        damaged.unlink()
        gui.post(action().undoing.show)
        gui(gui.window("koreader_progress_undo").reject)

    def test_12_an_undo_that_failed_says_so_and_can_be_tried_again(self) -> None:
        from calibre_plugins.koreader_progress.sync.pull import journal_of

        self.assertEqual(api().field_for("#percent", book("Dracula")), 42)
        gui.post(action().undoing.show)
        dialog = gui.window("koreader_progress_undo")
        # Newer than the run that is to be undone, and so asked whether it undid that one already.
        damaged = journal_of(api())._folder / "999999999999999-damaged.jsonl"
        damaged.write_text(DAMAGED, encoding="utf-8")
        gui(lambda: click(dialog.undo_button))
        gui.wait(lambda: "could not be read" in dialog.status.text(), "the sentence")
        gui.grab(dialog, "undo-failed")
        self.assertEqual((gui(dialog.isVisible), gui(dialog.undo_button.isEnabled)), (True, True))
        self.assertEqual(api().field_for("#percent", book("Dracula")), 42)
        damaged.unlink()
        gui(lambda: click(dialog.undo_button))
        gui.wait(lambda: api().field_for("#percent", book("Dracula")) is None, "the emptied cell")
        gui.wait(lambda: not action().runs.is_busy, "the end of the undo")

    def test_13_digests_that_could_not_be_taken_over_can_be_tried_again(self) -> None:
        from calibre_plugins.koreader_progress.memory.history import read_digests

        dracula, foreign = book("Dracula"), "ab" * 16
        others = dict.fromkeys(api().all_book_ids())
        gui(lambda: api().set_field("#device", {**others, dracula: foreign}))
        closed = gui.post(action().open_preferences, "copies")
        dialog = gui.modal()
        box = gui(lambda: dialog.findChild(QPushButton, "take_over"))
        status = gui(lambda: dialog.findChild(QLabel, "import_status"))
        gui.wait(box.isEnabled, "the column")
        # The library's own database refuses, as it does when the disk is full.
        refuse = "CREATE TRIGGER refuse BEFORE INSERT ON books_plugin_data BEGIN SELECT RAISE(ABORT, 'full'); END"
        gui(lambda: api().backend.execute(refuse))
        gui(lambda: click(box))
        gui.wait(lambda: status.text().startswith("✗"), "the sentence")
        gui.grab(dialog, "take-over-failed")
        self.assertIn("could not be written", gui(status.text))
        self.assertTrue(gui(box.isEnabled))
        gui(lambda: api().backend.execute("DROP TRIGGER refuse"))
        gui(lambda: click(box))
        gui.wait(lambda: status.text().startswith("✓ 1 book"), "what was learned")
        self.assertIn(foreign, {each["digest"] for each in gui(lambda: read_digests(api(), [dracula]))[dracula]})
        gui(dialog.reject)
        closed.result(10)

    def test_14_a_library_whose_folder_is_gone_is_said_to_be_gone(self) -> None:
        folder = gui.main.library_path
        os.rename(folder, f"{folder}-away")
        try:
            self.assertIn("The library is not where it was", self.complaint())
            self.assertIn(folder, gui(lambda: action().runs.said))
        finally:
            os.rename(f"{folder}-away", folder)

    def test_15_a_book_deleted_during_the_review_is_said_to_be_gone(self) -> None:
        from calibre.ebooks.metadata.book.base import Metadata
        from calibre_plugins.koreader_progress.copies.digest import file_digest

        with tempfile.NamedTemporaryFile(suffix=".txt") as text:
            text.write(b"It is read while it lives.")
            text.flush()
            (book_id,) = api().add_books([(Metadata("Short-lived"), {"TXT": text.name})])[0]
        self.server.push(USER, str(file_digest(api().format_abspath(book_id, "TXT"))), 0.5)
        configure(self.server, review="always")
        gui.post(action().sync_all)
        review = gui.window("koreader_progress_result")
        gui(lambda: api().remove_books([book_id]))
        gui(lambda: click(review.apply_button))
        wait_for_run()
        self.assertIn("1 no longer in the library", gui(lambda: action().runs.said))
        self.assertNotIn("could not be written", gui(lambda: action().runs.said))

    def test_16_a_server_that_fails_for_some_books_is_said_to_have_failed(self) -> None:
        front = Proxy(self.server.url)
        front.troubled.add(digest_of(book("Emma")))
        self.with_account(url=front.url)
        gui.post(action().sync_all)
        gui.wait(lambda: action().runs.is_busy, "the run")
        wait_for_run()
        self.assertIn("no answer from the server for 1 book", gui(lambda: action().runs.said))
        front.stop()

    def test_17_in_a_library_of_a_newer_version_everything_says_so_before_it_begins(self) -> None:
        from calibre_plugins.koreader_progress.copies.stored import SCHEMA
        from calibre_plugins.koreader_progress.library.settings import NAMESPACE, stored_settings
        from calibre_plugins.koreader_progress.sync.pull import journal_of

        configure(self.server)
        own = gui(lambda: stored_settings(api()))
        [run, *_older] = [each for each in journal_of(api()).runs() if each.kind == "pull"]
        dracula = book("Dracula")

        def put_in(settings: object) -> None:
            api().set_pref("settings", settings, namespace=NAMESPACE)

        for key in ("schema", "book_data"):
            gui(put_in, {**own, key: SCHEMA + 1, "unheard_of": 1})
            newer = gui(lambda: stored_settings(api()))
            cells = gui(lambda: [api().field_for(f"#{name}", dracula) for name in ("percent", "status", "device")])
            for begin in (
                action().sync_all,
                action().push,
                lambda: action().runs.offer(action().profile, [dracula]),
                lambda: action().runs.undos.undo(api(), run),
                lambda: action().runs.undos.put_back(api(), [run], [dracula]),
                lambda: action().choose_profile("p1"),
            ):
                gui.post(begin)
                box = trouble()
                self.assertIn("newer version", gui(lambda box=box: box.msg.text()))
                self.assertFalse(gui(lambda: action().runs.is_busy))
                gui(box.close)
            gui.post(action().open_preferences)
            dialog = gui.modal()
            told = gui(lambda dialog=dialog: dialog.findChild(QLabel, "left_alone"))
            self.assertIn("newer version", gui(told.text))
            gui.grab(dialog, "preferences-newer-library")
            gui.press(dialog)
            box = trouble()
            self.assertIn("newer version", gui(lambda box=box: box.msg.text()))
            gui(box.close)
            self.assertEqual(gui(lambda: stored_settings(api())), newer)
            self.assertEqual(
                gui(lambda: [api().field_for(f"#{name}", dracula) for name in ("percent", "status", "device")]), cells
            )
        gui(put_in, own)

    def test_17b_when_no_book_is_found_each_reason_is_checked_and_has_its_next_step(self) -> None:
        newcomer = ("newcomer", "no progress yet")
        self.server.register(*newcomer)
        self.with_account(username=newcomer[0], userkey=userkey(newcomer[1]), id="newcomer")
        self.assertTrue(gui(config_of, "newcomer"))
        gui.post(action().sync_all)
        window = gui.window("koreader_progress_nothing_found")
        gui.wait(lambda: "KOReader has sent nothing" in window.server.text(), "what the server holds")
        self.assertIn("Automatically keep documents in sync", gui(window.reader.text))
        needed = gui(lambda: window.reader.heightForWidth(window.reader.width()))
        gui.wait(lambda: window.reader.height() >= needed, "room for every step")
        gui.grab(window, "nothing-found")
        gui(window.reject)
        wait_for_run()
        self.server.push(newcomer, "cd" * 16, 0.5)
        gui.post(action().sync_all)
        window = gui.window("koreader_progress_nothing_found")
        gui.wait(window.unmatched_button.isVisible, "the next step")
        self.assertIn("the progress of 1 book", gui(window.server.text))
        gui(lambda: click(window.unmatched_button))
        gui(gui.window("koreader_progress_unmatched").reject)
        wait_for_run()
        gui.post(action().sync_all)
        window = gui.window("koreader_progress_nothing_found")
        gui(lambda: click(window.earlier_button))
        gui.wait(lambda: action().settings.get("predict") is True, "the choice")
        wait_for_run()
        gui.wait(lambda: not action().runs.is_busy, "the sync that looks for earlier copies")

    def test_18_nothing_went_wrong_unseen(self) -> None:
        self.assertEqual(gui.errors, [])
