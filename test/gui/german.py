"""The window in German: nothing is left in English, and nothing is cut off by the longer words."""

from __future__ import annotations

from typing import Any

from calibre_gui import gui
from qt.core import QPushButton
from steps import USER, WithServer, action, book, configure, cut_values, digest_of, preferences_in, select, wait_for_run
from stumbling import stumbling


class German(WithServer):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.server.push(USER, digest_of(book("Der Prozess")), 0.42)
        configure(cls.server, ran_before=False)

    def test_1_the_menu_speaks_german_with_letters_of_their_own(self) -> None:
        entries = gui(lambda: [entry for entry in action().qaction.menu().actions() if not entry.isSeparator()])
        texts = gui(lambda: [entry.text() for entry in entries])
        self.assertIn("Au&sgewählte Bücher abgleichen", texts)
        letters = [text[text.index("&") + 1].lower() for text in texts]
        self.assertEqual(sorted(set(letters)), sorted(letters), texts)

    def test_2_the_preferences_show_whole_words(self) -> None:
        gui.post(action().open_preferences, "account")
        dialog = gui.modal()
        widget = preferences_in(dialog)
        self.assertEqual(gui(lambda: widget.tabs.tabText(0)), "&Konto")

        def cut_off() -> list[str]:
            found = []
            for name, page in widget.pages.items():
                widget.show_tab(name)
                found += [f"{name}: {trouble}" for trouble in stumbling(dialog)]
                for button in page.findChildren(QPushButton):
                    if button.isVisible() and button.width() < button.sizeHint().width():
                        found.append(button.text())
            return found

        self.assertEqual(gui(cut_off), [])
        self.assertLessEqual(gui(dialog.width), 1024)
        gui(dialog.reject)

    def test_3_the_review_gives_its_reasons_in_german_and_counts_in_german(self) -> None:
        gui.post(action().sync_all)
        review = gui.window("koreader_progress_result")
        self.assertIn("1 Buch wird geändert.", gui(review.summary.text))
        row = next(each for each in review.rows if each.title == "Der Prozess")
        from calibre_plugins.koreader_progress.window.review.plan_model import WHY

        shown = gui(lambda: review.model.index_of(row).siblingAtColumn(WHY).data())
        self.assertIn("Zum ersten Mal gesehen", shown)
        changes = gui(cut_values, review)
        self.assertTrue(changes)
        self.assertEqual([text for text, is_cut in changes if is_cut], [])
        self.assertEqual(gui(stumbling, review), [])
        gui(review.accept)
        wait_for_run()
        self.assertIn("1 Buch aktualisiert", gui(lambda: action().runs.said))

    def test_4_the_help_is_german(self) -> None:
        gui.post(action().show_help)
        window = gui.window("koreader_progress_help")
        self.assertIn("Lesefortschritt", gui(lambda: window.page.toPlainText()))

    def test_5_every_other_window_fits_a_small_screen_with_whole_words(self) -> None:
        select(book("Der Prozess"))
        gui.wait(lambda: action().undoing.pull is not None, "the journal")
        for entry, name in (
            ("details", "details"),
            ("unmatched", "unmatched"),
            ("undo-earlier", "undo"),
            ("report", "result"),
            ("about", "about"),
        ):
            gui.post(action().menu.entries[f"koreader-progress-{entry}"][1].trigger)
            window = gui.window(f"koreader_progress_{name}")
            size = gui(window.size)
            self.assertTrue(size.width() <= 1024 and size.height() <= 700, f"{name}: {size.width()} x {size.height()}")

            def cut_off(window: Any = window) -> list[str]:
                buttons = [each for each in window.findChildren(QPushButton) if each.isVisible()]
                return [each.text() for each in buttons if each.width() < each.minimumSizeHint().width()]

            self.assertEqual([*gui(cut_off), *gui(stumbling, window)], [], name)
            gui(window.close)

    def test_6_nothing_went_wrong_unseen(self) -> None:
        self.assertEqual(gui.errors, [])
