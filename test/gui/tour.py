"""A walk through every window of the plugin, with a picture of each: `node scripts/screenshots.ts` keeps them for the docs."""

from __future__ import annotations

import os
import re
import time
from typing import Any
from unittest import mock

from calibre_gui import click, gui
from kosync import OddServer, userkey
from qt.core import Qt
from steps import (
    USER,
    WithServer,
    action,
    api,
    book,
    configure,
    cut_values,
    digest_of,
    preferences_in,
    select,
    tidy_up,
    wait_for_run,
)
from stumbling import stumbling

SUFFIX = os.environ.get("SHOTS_SUFFIX", "")
TABS = ("account", "columns", "rules", "places", "when", "copies", "devices", "server", "runtime")


def without_our_folders(label: Any) -> None:
    """In which folder the developer works is of no interest to readers."""
    label.setText(re.sub(r"/\S*/node_modules/\S*/(node|deno)\b", r"/usr/local/bin/\1", label.text()))


class Tour(WithServer):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        for title, share, device in (
            ("Dracula", 0.42, "Kobo Libra"),
            ("Emma", 1.0, "Kobo Libra"),
            ("Middlemarch", 0.07, "PocketBook"),
            ("The Time Machine", 0.63, "Phone"),
        ):
            cls.server.push(USER, digest_of(book(title)), share, device)
        configure(
            cls.server,
            {"percent": "#percent", "status": "#status", "device": "#device", "last_read": "#last_read"},
            ran_before=False,
        )

        def arrange() -> None:
            gui.main.resize(1240, 640)
            model = gui.main.library_view.model()
            header = gui.main.library_view.column_header
            for position, name in enumerate(("title", "authors", "#percent", "#status", "#device", "#last_read")):
                header.moveSection(header.visualIndex(model.column_map.index(name)), position)

        gui(arrange)

    def shoot(self, widget: Any, name: str) -> None:
        path = gui.grab(widget, f"{name}{SUFFIX}")
        self.assertGreater(os.path.getsize(path), 1000)

    def fits_a_small_screen(self, window: Any) -> None:
        size = gui(window.size)
        self.assertTrue(size.width() <= 1024 and size.height() <= 700, f"{size.width()} x {size.height()}")
        self.assertEqual(gui(stumbling, window), [])

    def host_a_server(self) -> None:
        """As the tab Server does it, so that its picture shows what it looks like in use."""
        from calibre_plugins.koreader_progress.sync.hosting import DEFAULTS

        def apply() -> Any:
            action().settings.set("hosting", {**DEFAULTS, "enabled": True})
            action().settings_changed()
            return action().host.prepare("")

        launch = gui(apply)
        hosting = action().hosting.hosting
        gui.wait(lambda: hosting.status["running"], "the hosted server")
        hosting.change_users(launch, "add", "anna", userkey("secret"))
        hosting.change_users(launch, "add", "ben", userkey("secret too"))

    def stop_hosting(self) -> None:
        def apply() -> None:
            action().settings.set("hosting", {**action().settings.get("hosting"), "enabled": False})
            action().settings_changed()

        gui(apply)
        gui.wait(lambda: not action().host.pids, "the end of the hosted server")

    def test_1_every_tab_of_the_preferences(self) -> None:
        from calibre_plugins.koreader_progress.window.preferences import hosting

        self.host_a_server()
        # Where the pictures are made there may be no network that a reader could reach.
        at_home = mock.patch.object(hosting, "reachable", lambda _urls: ["http://192.168.178.20:8081"])
        at_home.start()
        self.addCleanup(at_home.stop)
        for tab in TABS:
            closed = gui.post(action().open_preferences, tab)
            dialog = gui.modal()
            widget = preferences_in(dialog)
            if tab == "runtime":
                gui.wait(lambda w=widget: "Node.js" in w.runtime.list.text(), "the list")
                gui(without_our_folders, widget.runtime.list)
            if tab == "server":
                gui.wait(lambda w=widget: w.server.users.count() == 2, "the users")
            self.fits_a_small_screen(dialog)
            self.shoot(dialog, f"preferences-{tab}")
            gui(dialog.reject)
            closed.result(10)
        self.stop_hosting()

    def test_2_the_review_and_the_library_after_it(self) -> None:
        gui.post(action().sync_all)
        review = gui.window("koreader_progress_result")
        self.fits_a_small_screen(review)
        self.assertEqual([text for text, is_cut in gui(cut_values, review) if is_cut], [])
        gui(review.tree.collapseAll)
        self.shoot(review, "review")
        gui(lambda: click(review.apply_button))
        wait_for_run()
        self.shoot(gui.main, "library")

    def test_3_a_conflict_to_decide(self) -> None:
        from calibre_plugins.koreader_progress.memory.book_memory import note_local_change

        account = action().settings.accounts()[0]["id"]
        dracula = book("Dracula")
        rules = {**action().profile["rules"], "conflict": "ask"}
        columns = {shown: mapped["column"] for shown, mapped in action().profile["columns"].items()}
        configure(self.server, columns, rules=rules)
        gui(lambda: api().set_field("#percent", {dracula: 60}))
        note_local_change(api(), account, [{"book_id": dracula, "column": "#percent", "at": time.time()}])
        self.server.push(USER, digest_of(dracula), 0.2, "Phone")
        select()
        gui(action().preview)
        gui.wait(lambda: action().runs.review is not None or not action().runs.is_busy, "the plan")
        seen = [(row.kind, row.title, row.why) for row in action().runs.last.rows if row.kind != "skip"]
        self.assertIsNotNone(action().runs.review, seen)
        review = gui.window("koreader_progress_result")
        self.shoot(review, "conflict")
        row = gui(lambda: next(each for each in review.rows if each.title == "Dracula"))
        self.assertEqual(row.kind, "conflict")
        gui(lambda: click(review.decision_buttons["ours"]))
        self.assertEqual(row.decision, "ours")
        gui(lambda: click(review.apply_button))
        wait_for_run()
        self.assertEqual(api().field_for("#percent", dracula), 60)

    def test_4_push_and_unmatched_documents(self) -> None:
        from calibre_plugins.koreader_progress.copies import log as copy_log
        from calibre_plugins.koreader_progress.memory.history import known_digest, record_of

        machine = book("The Time Machine")
        gui(lambda: api().set_field("#percent", {machine: 80}))
        select(machine)
        gui.post(action().push)
        review = gui.window("koreader_progress_result")
        self.fits_a_small_screen(review)
        self.shoot(review, "push")
        tidy_up()
        wait_for_run()
        self.server.push(USER, "cd" * 16, 0.33, "PocketBook")
        other = "ab" * 16
        self.server.push(USER, other, 0.58, "Kobo Libra")
        sent = known_digest(other, "sent", time.time(), format="EPUB", name="Walden - Henry David Thoreau.epub")
        # A copy that an earlier library has sent.
        copy_log.append(record_of(sent, "sent", "of-an-earlier-library", "Walden", ["Henry David Thoreau"]))
        gui.post(action().show_unmatched)
        window = gui.window("koreader_progress_unmatched")
        self.fits_a_small_screen(window)
        gui(lambda: window.tree.setCurrentItem(window.tree.findItems("Walden", Qt.MatchFlag.MatchContains)[0]))
        self.shoot(window, "unmatched")
        lines = gui(lambda: [window.tree.topLevelItem(n).text(6) for n in range(window.tree.topLevelItemCount())])
        self.assertIn("Walden", lines)

    def test_5_the_report_undo_and_details(self) -> None:
        gui.post(action().runs.show_last_report)
        self.shoot(gui.window("koreader_progress_result"), "report")
        tidy_up()
        gui.post(action().undoing.show)
        undo = gui.window("koreader_progress_undo")
        gui(lambda: undo.tree.topLevelItem(0).setExpanded(True))
        gui.wait(lambda: undo.tree.topLevelItem(0).childCount(), "its books")
        gui(lambda: undo.tree.topLevelItem(0).child(0).setExpanded(True))
        self.fits_a_small_screen(undo)
        self.shoot(undo, "undo")
        tidy_up()
        select(book("Dracula"))
        gui.post(action().show_details)
        details = gui.window("koreader_progress_details")
        self.fits_a_small_screen(details)
        for number, name in enumerate(("history", "last-sync", "copies")):
            gui(details.tabs.setCurrentIndex, number)
            if name == "history":
                gui.wait(lambda: details.history.story.text(), "the story")
            self.shoot(details, f"details-{name}")

    def test_6_the_progress_window_and_a_trouble(self) -> None:
        slow = OddServer(delay=20)

        def use(url: str) -> None:
            accounts = action().settings.accounts()
            accounts[0]["url"] = url
            action().settings.set("accounts", accounts)

        gui(use, slow.url)
        gui.post(action().sync_all)
        window = gui.window("koreader_progress_window")
        gui.wait(lambda: "Asking" in window.phase.text(), "the first question")
        self.shoot(window, "progress")
        gui(lambda: click(window.stop_button))
        wait_for_run()
        tidy_up()
        slow.stop()
        gui(use, "http://127.0.0.1:9")
        gui.post(action().sync_all)
        self.shoot(gui.window("koreader_progress_trouble"), "trouble")

    def test_7_the_menu_help_and_about(self) -> None:
        gui.wait(lambda: action().undoing.pull is not None, "the journal")
        menu = action().qaction.menu()
        gui.post(lambda: menu.popup(gui.main.mapToGlobal(gui.main.rect().topLeft())))
        gui.wait(menu.isVisible, "the menu")
        self.shoot(menu, "menu")
        gui(menu.close)
        gui.post(action().show_help)
        self.shoot(gui.window("koreader_progress_help"), "help")
        tidy_up()
        gui.post(action().show_about)
        self.shoot(gui.window("koreader_progress_about"), "about")

    def test_8_nothing_went_wrong_unseen(self) -> None:
        self.assertEqual(gui.errors, [])
