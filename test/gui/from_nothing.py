"""From a fresh installation to the first synced column, by the welcome, counting what a reader clicks and fills in."""

from __future__ import annotations

import json
import os
import unittest
from typing import Any

from calibre_gui import click, gui
from kosync import KosyncServer
from qt.core import QApplication, QLineEdit
from steps import USER, action, api, book, digest_of, tidy_up, toolbar_button, wait_for_run

# Both calibres of this test have a network of their own, and the account remembers the address.
PORT = 18_081


class FromNothing(unittest.TestCase):
    """`STAGE` is `before` or `after` the restart that new columns need."""

    server: KosyncServer

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = KosyncServer(PORT)
        cls.server.register(*USER)
        cls.server.push(USER, digest_of(book("Dracula")), 0.42)
        cls.counted = {"clicks": 0, "fields": 0}

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.stop()
        with open(os.environ["COUNT_FILE"], "w", encoding="utf-8") as file:
            json.dump(cls.counted, file)

    def tearDown(self) -> None:
        tidy_up()

    def click(self, widget: Any, at: Any = None) -> None:
        self.counted["clicks"] += 1
        gui.post(click, widget, at)

    def type(self, field: QLineEdit, text: str) -> None:
        self.counted["fields"] += 1

        def type_in() -> None:
            field.setText(text)
            field.textEdited.emit(text)

        gui(type_in)

    def click_toolbar(self) -> None:
        button = toolbar_button()
        self.click(button, gui(lambda: button.rect().topLeft() + button.rect().center() / 4))

    @unittest.skipUnless(os.environ["STAGE"] == "before", "after the restart")
    def test_1_the_account_and_the_usual_columns(self) -> None:
        self.click_toolbar()
        welcome = gui.window("koreader_progress_welcome")
        gui.wait(welcome.next_button.isEnabled, "the helper")
        gui.grab(welcome, "welcome-start")
        self.click(welcome.start.server)
        self.click(welcome.next_button)
        account = welcome.account
        gui.wait(account.url.hasFocus, "the keyboard in the field Server")
        self.type(account.url, self.server.url)
        self.type(account.username, USER[0])
        self.type(account.password, USER[1])
        gui.wait(account.login_button.isEnabled, "the button")
        self.click(account.login_button)
        gui.wait(lambda: account.status.text().startswith("✓"), "the login")
        gui.grab(welcome, "welcome-account")
        self.click(welcome.next_button)
        gui.wait(lambda: welcome.columns.columns["percent"].currentData(), "the columns")
        gui.grab(welcome, "welcome-columns")
        self.click(welcome.next_button)
        gui.wait(welcome.reader.predict.isVisible, "KOReader's switches")
        gui.grab(welcome, "welcome-reader")
        self.assertEqual(action().settings.accounts(), [])
        restarts: list[bool] = []
        gui.main.quit = lambda restart=False, **_other: restarts.append(restart)
        try:
            self.click(welcome.next_button)
            asked = gui.wait(
                lambda: (w := QApplication.activeModalWidget()) not in (welcome, None) and w, "the restart's offer"
            )
            self.click(gui(lambda: next(b for b in asked.bb.buttons() if "Restart" in b.text())))
            gui.wait(lambda: restarts, "the restart")
        finally:
            del gui.main.quit
        self.assertEqual(restarts, [True])

    @unittest.skipUnless(os.environ["STAGE"] == "after", "before the restart")
    def test_2_the_first_sync(self) -> None:
        # calibre has selected a book by itself, and nobody wants to sync that one alone.
        (by_itself,) = gui(action().selected_ids)
        self.assertNotEqual(by_itself, book("Dracula"))

        def push() -> int:
            action().menu.entries["koreader-progress-push"][1].trigger()
            return len(action().runs.current.book_ids)

        self.assertEqual(gui(push), len(api().all_book_ids()))
        gui(gui.window("koreader_progress_result").reject)
        wait_for_run()
        # What the welcome was told: the progress stands beside the authors, and the button where it is seen.
        view = gui.main.library_view
        names = gui(lambda: view.model().column_map)
        place = gui(lambda: view.column_header.visualIndex(names.index("#percent_read")))
        self.assertEqual(place, gui(lambda: view.column_header.visualIndex(names.index("authors"))) + 1)
        self.assertLess(gui(toolbar_button().x), 500)
        self.assertIs(action().settings.get("predict"), True)
        self.click_toolbar()
        review = gui.window("koreader_progress_result")
        self.click(review.apply_button)
        wait_for_run()
        column = action().profile["columns"]["percent"]["column"]
        self.assertEqual(api().field_for(column, book("Dracula")), 42)

    def test_3_nothing_went_wrong_unseen(self) -> None:
        self.assertEqual(gui.errors, [])
