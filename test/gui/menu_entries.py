"""Each entry of the menu, from the one that is greyed with its reason to the one that writes."""

from __future__ import annotations

import os
import time

from calibre_gui import click, gui
from faces import untrue
from calibre.gui2.threaded_jobs import ThreadedJob
from qt.core import QApplication, QContextMenuEvent, QLineEdit, QTreeWidget
from steps import (
    USER,
    WithServer,
    action,
    api,
    book,
    click_toolbar,
    configure,
    digest_of,
    select,
    wait_for_run,
)

NAMES = {
    "koreader-progress-selected", "koreader-progress-all", "koreader-progress-reading",
    "koreader-progress-all-profiles", "koreader-progress-push", "koreader-progress-offer", "koreader-progress-open",
    "koreader-progress-preview",
    "koreader-progress-report", "koreader-progress-details", "koreader-progress-unmatched", "koreader-progress-undo",
    "koreader-progress-undo-push", "koreader-progress-undo-earlier", "koreader-progress-move",
    "koreader-progress-preferences",
    "koreader-progress-help", "koreader-progress-welcome",
    "koreader-progress-about",
}  # fmt: skip


DETAILS = ["History", "Last sync", "Known copies"]


class MenuEntries(WithServer):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.server.push(USER, digest_of(book("Dracula")), 0.42)
        cls.server.push(USER, digest_of(book("Emma")), 0.7, "PocketBook")

    def test_01_the_names_for_the_shortcut_editor_never_change(self) -> None:
        self.assertEqual(set(action().menu.entries), NAMES)
        registered = gui(lambda: set(gui.main.keyboard.shortcuts))
        for name in NAMES:
            self.assertTrue([known for known in registered if name in known], name)

    def test_01b_calibre_s_window_is_what_our_types_say(self) -> None:
        from calibre_plugins.koreader_progress.window.parts import calibre_window

        def found() -> list[str]:
            main = gui.main
            job = ThreadedJob("none", "a job that is never begun", print, (), {}, print)
            faces = (
                (main, calibre_window.CalibreWindow),
                (main.current_db, calibre_window.OpenLibrary),
                (main.status_bar, calibre_window.StatusBar),
                (main.library_view, calibre_window.BookList),
                (main.job_manager, calibre_window.JobManager),
                (main.device_manager, calibre_window.DeviceManager),
                (job, calibre_window.Job),
            )
            return [f"{face.__name__}: {why}" for real, face in faces for why in untrue(real, face)]

        self.assertEqual(gui(found), [])

    def test_02_every_entry_has_an_icon_and_a_letter_of_its_own(self) -> None:
        entries = gui(lambda: [entry for entry in action().qaction.menu().actions() if not entry.isSeparator()])
        texts = gui(lambda: [entry.text().replace("&&", "") for entry in entries])
        self.assertFalse([entry.text() for entry in entries if gui(entry.icon().isNull)])
        letters = [text[text.index("&") + 1].lower() for text in texts if "&" in text]
        self.assertEqual(len(letters), len(texts), texts)
        self.assertEqual(len(set(letters)), len(letters), texts)

    def test_03_a_greyed_entry_says_why(self) -> None:
        select()
        gui(action().menu.refresh)
        for name, (row, entry) in action().menu.entries.items():
            if not gui(entry.isEnabled):
                self.assertEqual(gui(entry.toolTip), gui(row.why_not), name)
                self.assertTrue(gui(entry.toolTip), name)
        self.assertFalse(gui(lambda: action().menu.entries["koreader-progress-selected"][1].isEnabled()))
        self.assertFalse(gui(lambda: action().menu.entries["koreader-progress-undo"][1].isEnabled()))
        self.assertTrue(gui(lambda: action().menu.entries["koreader-progress-all"][1].isEnabled()))
        menu = action().qaction.menu()
        gui.post(lambda: menu.popup(gui.main.mapToGlobal(gui.main.rect().topLeft())))
        gui.wait(menu.isVisible, "the menu")
        gui.grab(menu, "menu")
        gui(menu.close)
        # A shortcut pressed later asks for itself.
        self.assertTrue(gui(lambda: action().menu.entries["koreader-progress-selected"][1].isEnabled()))

    def test_04_a_greyed_entry_used_by_shortcut_says_why_in_the_status_bar(self) -> None:
        configure(self.server)
        select()
        self.use("koreader-progress-selected")
        gui.wait(lambda: "Select at least one book" in action().said)

    def test_05_preview_shows_and_cancel_writes_nothing(self) -> None:
        self.use("koreader-progress-preview")
        review = gui.window("koreader_progress_result")
        gui(review.reject)
        wait_for_run()
        self.assertIsNone(api().field_for("#percent", book("Dracula")))

    def test_06_sync_selected_asks_only_about_the_selected_books(self) -> None:
        select(book("Dracula"))
        self.use("koreader-progress-selected")
        gui.wait(lambda: api().field_for("#percent", book("Dracula")) == 42, "the value")
        wait_for_run()
        self.assertIsNone(api().field_for("#percent", book("Emma")))

    def test_07_what_is_unticked_is_not_written(self) -> None:
        self.server.push(USER, digest_of(book("Persuasion")), 0.3)
        select(book("Emma"), book("Persuasion"))
        self.use("koreader-progress-preview")
        review = gui.window("koreader_progress_result")
        row = gui(lambda: next(each for each in review.rows if each.title == "Persuasion"))

        def untick() -> None:
            top = review.model.index_of(row)
            number = [cell.update["column"] for cell in row.cells].index("#device")
            from qt.core import Qt

            index = review.model.index(number, 0, top)
            review.model.setData(index, Qt.CheckState.Unchecked.value, Qt.ItemDataRole.CheckStateRole)

        gui(untick)
        gui(lambda: click(review.apply_button))
        gui.wait(lambda: api().field_for("#percent", book("Emma")) == 70, "the value")
        wait_for_run()
        self.assertEqual(api().field_for("#device", book("Emma")), "PocketBook")
        self.assertEqual(api().field_for("#percent", book("Persuasion")), 30)
        self.assertIsNone(api().field_for("#device", book("Persuasion")))

    def test_08_books_being_read_are_those_the_columns_name(self) -> None:
        self.server.push(USER, digest_of(book("Emma")), 0.75, "PocketBook")
        self.server.push(USER, digest_of(book("Walden")), 0.2)
        self.use("koreader-progress-reading")
        gui.wait(lambda: api().field_for("#percent", book("Emma")) == 75, "the value")
        wait_for_run()
        self.assertIsNone(api().field_for("#percent", book("Walden")))

    def test_09_details_show_digests_and_history_and_link_another_digest(self) -> None:
        select(book("Emma"))
        self.use("koreader-progress-details")
        dialog = gui.window("koreader_progress_details")
        known = gui(lambda: [dialog.digests.topLevelItem(n).text(0) for n in range(dialog.digests.topLevelItemCount())])
        self.assertIn(digest_of(book("Emma")), known)
        log = gui(lambda: dialog.findChild(QTreeWidget, "reading_log"))
        self.assertGreaterEqual(gui(log.topLevelItemCount), 2)
        gui(lambda: dialog.tabs.setCurrentIndex(2))
        gui.grab(dialog, "details-copies")
        self.assertFalse(gui(dialog.link_button.isEnabled))
        gui(lambda: dialog.findChild(QLineEdit, "new_digest").setText("ab" * 16))
        gui(lambda: click(dialog.link_button))
        known = gui(lambda: [dialog.digests.topLevelItem(n).text(0) for n in range(dialog.digests.topLevelItemCount())])
        self.assertIn("ab" * 16, known)
        self.assertEqual(gui(lambda: [dialog.tabs.tabText(n).replace("&", "") for n in range(3)]), DETAILS)
        gui(lambda: dialog.tabs.setCurrentIndex(1))
        gui.grab(dialog, "details-last-sync")
        gui(lambda: dialog.tabs.setCurrentIndex(0))
        gui.wait(lambda: "Read on 1 day." in dialog.history.story.text(), "the story")
        gui.grab(dialog, "details-history")
        path = os.path.join(os.environ["TEST_FOLDER"], "log.csv")
        gui(lambda: dialog.history.export_to(path, "csv"))
        gui.wait(lambda: os.path.exists(path), "the exported log")
        with open(path, encoding="utf-8", newline="") as exported:
            rows = exported.read().split("\r\n")
        self.assertTrue(rows[0].startswith("title,authors,uuid,read_at"))
        self.assertTrue(rows[1].startswith("Emma,Jane Austen,"))

    def test_10_undo_puts_back_what_the_last_sync_changed(self) -> None:
        self.assertEqual(api().field_for("#percent", book("Emma")), 75)
        gui.wait(lambda: action().undoing.pull is not None, "the journal")
        self.use("koreader-progress-undo")
        gui.wait(lambda: api().field_for("#percent", book("Emma")) == 70, "the old value")
        gui.wait(lambda: "put back" in action().runs.said, "the sentence")

    def test_11_an_earlier_run_is_undone_for_some_of_its_books(self) -> None:
        gui.wait(lambda: not action().runs.is_busy)
        gui.wait(lambda: action().undoing.pull is not None, "the journal")
        self.use("koreader-progress-undo-earlier")
        dialog = gui.window("koreader_progress_undo")
        count = gui(dialog.tree.topLevelItemCount)
        self.assertGreaterEqual(count, 2)

        last = gui(lambda: dialog.tree.topLevelItem(count - 1))
        gui(lambda: last.setExpanded(True))
        gui.wait(last.childCount, "its books")
        gui(lambda: dialog.tree.setCurrentItem(last.child(0)))
        gui.grab(dialog, "undo")
        self.assertEqual(gui(lambda: dialog.status.text()), "1 book will be undone.")
        gui(lambda: click(dialog.undo_button))
        gui.wait(lambda: api().field_for("#percent", book("Dracula")) is None, "the emptied cell")

    def test_12_what_was_undone_is_not_offered_again(self) -> None:
        gui.wait(lambda: not action().runs.is_busy)
        self.use("koreader-progress-preview")
        gui.wait(lambda: action().runs.is_busy, "the run")
        gui.wait(lambda: action().runs.review is not None or not action().runs.is_busy, "its end")
        review = gui(lambda: action().runs.review)
        offered = {row.title for row in review.rows if row.kind != "skip"} if review else set()
        self.assertNotIn("Dracula", offered)
        if review:
            gui(review.reject)
        wait_for_run()

    def test_13_the_profile_menu_chooses_what_a_click_syncs(self) -> None:
        from calibre_plugins.koreader_progress.settings import config

        def add() -> None:
            known = config.profiles(api())
            second = {**known[0], "id": "p2", "name": "Anna & Ben"}
            config.save_profiles(api(), [*known, second], "p1")
            action().profile_menu.aboutToShow.emit()

        gui(add)
        entries = gui(lambda: {entry.text(): entry for entry in action().profile_menu.actions()})
        self.assertEqual(list(entries), ["KOReader", "Anna && Ben"])
        self.assertTrue(gui(entries["KOReader"].isChecked))
        gui(entries["Anna && Ben"].trigger)
        self.assertEqual(gui(lambda: action().profile["id"]), "p2")

    def test_14_all_profiles_run_one_after_the_other(self) -> None:
        self.server.push(USER, digest_of(book("Middlemarch")), 0.5)
        self.use("koreader-progress-all-profiles")
        gui.wait(lambda: api().field_for("#percent", book("Middlemarch")) == 50, "the value")
        wait_for_run()
        self.assertEqual(action().runs.last.stored["id"], "p2")

    def test_14_push_shows_what_it_would_send_and_sends_what_is_ticked(self) -> None:
        from calibre_plugins.koreader_progress.settings import config

        gui(lambda: config.save_profiles(api(), config.profiles(api()), "p1"))
        walden = book("Walden")
        self.server.push(USER, digest_of(walden), 0.2)
        select(walden)
        self.use("koreader-progress-selected")
        gui.wait(lambda: api().field_for("#percent", walden) == 20, "the server's value")
        wait_for_run()
        gui.wait(lambda: time.monotonic() > action().local_changes._ours_until, "silence")
        gui(lambda: api().set_field("#percent", {walden: 23}))
        gui.wait(lambda: not action().local_changes._gathered and not action().local_changes._timer.isActive())
        time.sleep(1.5)
        self.use("koreader-progress-push")
        review = gui.window("koreader_progress_result")
        gui.grab(review, "push")
        rows = {row.title: row for row in review.rows}
        self.assertIn(rows["Walden"].kind, ("update", "conflict", "skip"), rows["Walden"])
        gui(review.reject)
        wait_for_run()
        self.assertIn("Nothing was sent", action().runs.said)

    def test_15_the_context_menu_of_a_book_begins_with_the_sync(self) -> None:
        view = gui.main.library_view

        def open_menu() -> None:
            place = view.visualRect(view.model().index(0, 1)).center()
            there = view.viewport().mapToGlobal(place)
            event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, there)
            QApplication.sendEvent(view.viewport(), event)

        gui.post(open_menu)
        menu = gui.wait(lambda: QApplication.activePopupWidget(), "the context menu")
        ours = gui(lambda: next(entry for entry in menu.actions() if entry.text().startswith("KOReader Progress")))
        first = gui(lambda: ours.menu().actions()[0].text().replace("&", "").strip())
        self.assertEqual(first, "Sync now")
        gui.grab(menu, "context-menu")
        gui(menu.close)

    def test_15_unmatched_documents_are_listed_and_linked(self) -> None:
        self.server.push(USER, "cd" * 16, 0.33, "PocketBook")
        select(book("Moby Dick"))
        self.use("koreader-progress-unmatched")
        window = gui.window("koreader_progress_unmatched")
        names = gui(lambda: [window.tree.topLevelItem(n).text(0) for n in range(window.tree.topLevelItemCount())])
        self.assertIn("cd" * 16, names)
        gui(lambda: window.tree.setCurrentItem(window.tree.topLevelItem(names.index("cd" * 16))))
        gui.grab(window, "unmatched")
        gui(lambda: click(window.other_button))
        gui(window.close)
        self.use("koreader-progress-selected")
        gui.wait(lambda: api().field_for("#percent", book("Moby Dick")) == 33, "the linked progress")
        wait_for_run()

    def test_16_help_and_about_open_without_a_network(self) -> None:
        self.use("koreader-progress-help")
        window = gui.window("koreader_progress_help")
        self.assertIn("KOReader", gui(lambda: window.page.toPlainText()))
        gui.grab(window, "help")
        gui(window.close)
        self.use("koreader-progress-about")
        window = gui.window("koreader_progress_about")
        gui.grab(window, "about")

    def test_17_a_click_does_what_the_preferences_say(self) -> None:
        select()
        gui(lambda: action().settings.set("click", "selected"))
        click_toolbar()
        gui.wait(lambda: "Select at least one book" in action().said)
        gui(lambda: action().settings.set("click", "selected_or_all"))
        for chosen, asked in (((), len(api().all_book_ids())), ((book("Emma"),), 1)):
            select(*chosen)
            click_toolbar()
            wait_for_run()
            self.assertEqual(len(action().runs.last.book_ids), asked)

    def test_18_nothing_went_wrong_unseen(self) -> None:
        self.assertEqual(gui.errors, [])
        self.assertLessEqual(len(action().host.pids), 1)
