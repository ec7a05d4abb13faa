"""The review with the keyboard alone: every line can be reached, read whole, ticked and written."""

from __future__ import annotations

import unittest
from typing import Any

from calibre_gui import click, gui, press_key
from kosync import KosyncServer
from qt.core import QApplication, QKeySequence, Qt
from steps import USER, action, api, book, configure, digest_of, tidy_up, wait_for_run

Key = Qt.Key


class ReviewByKeyboard(unittest.TestCase):
    server: KosyncServer

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = KosyncServer()
        cls.server.register(*USER)
        cls.server.push(USER, digest_of(book("Dracula")), 0.42, "A <Kobo> & more")
        cls.server.push(USER, digest_of(book("Emma")), 0.7, "PocketBook")
        configure(cls.server, review="always")

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.stop()

    def tearDown(self) -> None:
        tidy_up()
        wait_for_run()

    def press(self, key: Any, text: str = "", modifiers: Any = Qt.KeyboardModifier.NoModifier) -> None:
        """A key, wherever the keyboard stands in the review."""
        gui(lambda: press_key(self.review.focusWidget(), key, text, modifiers))

    def read(self) -> str:
        return gui(lambda: self.review.details.toPlainText())

    def open_review(self) -> None:
        gui.post(action().sync_all)
        self.review = gui.window("koreader_progress_result")

    def test_1_the_first_line_is_shown_whole_and_nothing_is_selected(self) -> None:
        self.open_review()
        self.assertIs(gui(self.review.focusWidget), self.review.tree)
        self.assertIn("Dracula — Bram Stoker · A <Kobo> & more", self.read())
        self.assertIn("First seen: A <Kobo> & more read to 42 %", self.read())
        self.assertIn("Read (#percent): — → 42 %", self.read())
        self.assertIn("Status (#status): — → Reading", self.read())
        self.assertEqual(gui(self.review.selected_rows), [])
        gui.grab(self.review, "review-keyboard")

    def test_2_the_arrows_and_the_space_bar_untick_one_cell(self) -> None:
        self.open_review()
        self.press(Key.Key_Right)
        self.press(Key.Key_Down)
        self.assertIn("Read (#percent): — → 42 %", self.read())
        self.assertNotIn("Status", self.read())
        self.press(Key.Key_Down)
        self.press(Key.Key_Down)
        self.assertIn("Read on (#device)", self.read())
        self.press(Key.Key_Space, " ")
        accepted = gui(self.review.accepted)
        self.assertNotIn((book("Dracula"), "#device"), [(each["book_id"], each["column"]) for each in accepted])
        self.assertEqual(len(accepted), 5)

    def test_3_the_search_is_left_for_the_list_and_shows_its_first_line(self) -> None:
        self.open_review()
        gui(self.review.search.setFocus)
        for letter in "pocket":
            self.press(0, letter)
        self.assertIn("Emma", self.read())
        self.assertNotIn("Dracula", self.read())
        for _letter in "pocket":
            self.press(Key.Key_Backspace)
        self.assertIn("Dracula", self.read())

    def test_3b_enter_in_the_search_goes_to_the_list_and_writes_nothing(self) -> None:
        self.open_review()
        gui(self.review.search.setFocus)
        self.press(Key.Key_Return)
        self.assertIs(gui(self.review.focusWidget), self.review.tree)
        self.assertIs(gui(self.review.isVisible), True)
        self.assertIsNone(api().field_for("#percent", book("Emma")))

    def test_3c_a_book_is_one_line_until_it_is_unfolded_and_the_window_remembers(self) -> None:
        from calibre_plugins.koreader_progress.window.review.plan_model import CHANGE, TITLE

        self.open_review()

        def lines() -> list[str]:
            tree, model = self.review.tree, self.review.model
            books = [model.index(row, CHANGE) for row in range(model.rowCount())]
            opened = [tree.isExpanded(each.siblingAtColumn(TITLE)) for each in books]
            return [f"{each.data()} {unfolded}" for each, unfolded in zip(books, opened, strict=True)]

        self.assertEqual(gui(lines)[:2], ["— → 42 % · Reading False", "— → 70 % · Reading False"])
        gui(lambda: self.review.unfold.click())
        self.assertEqual(gui(lines)[0], "— → 42 % · Reading True")
        gui(lambda: (self.review.resize(900, 500), self.review.tree.header().resizeSection(TITLE, 333)))
        gui(self.review.reject)
        wait_for_run()
        self.open_review()
        self.assertEqual(gui(lines)[0], "— → 42 % · Reading True")
        self.assertEqual(gui(lambda: self.review.tree.header().sectionSize(TITLE)), 333)
        self.assertEqual(gui(lambda: self.review.width()), 900)
        gui(lambda: self.review.unfold.click())
        names = gui(
            lambda: [self.review.model.index(row, TITLE, self.review.model.index(0, TITLE)).data() for row in range(3)]
        )
        self.assertEqual(names, ["Read (#percent)", "Status (#status)", "Read on (#device)"])
        gui.grab(self.review, "review-folded")

    def test_3d_covers_stand_beside_the_titles(self) -> None:
        def paint() -> bytes:
            from qt.core import QBuffer, QByteArray, QColor, QImage

            image = QImage(60, 90, QImage.Format.Format_RGB32)
            image.fill(QColor("#c02020"))
            data = QByteArray()
            buffer = QBuffer(data)
            buffer.open(QBuffer.OpenModeFlag.WriteOnly)
            image.save(buffer, "JPG")
            return bytes(data)

        gui(lambda: api().set_cover({book("Dracula"): paint()}))
        self.open_review()

        def red() -> bool:
            first = self.review.model.index(0, 0).data(Qt.ItemDataRole.DecorationRole)
            return first.toImage().pixelColor(10, 14).red() > 150

        gui.wait(red, "the cover")
        gui.grab(self.review, "review-covers")

    def test_3e_no_spreadsheet_runs_a_title_as_a_formula(self) -> None:
        emma = book("Emma")
        gui(lambda: api().set_field("title", {emma: "=HYPERLINK(1)"}))
        self.open_review()
        text = gui(self.review.csv_text)
        self.assertIn("'=HYPERLINK(1)", text)
        self.assertNotIn("\n=HYPERLINK", text)
        gui(lambda: api().set_field("title", {emma: "Emma"}))

    def test_4_every_control_is_reached_by_the_tab_key_and_every_label_has_a_letter(self) -> None:
        self.open_review()

        def walk() -> set[str]:
            seen: list[Any] = []
            self.review.activateWindow()
            while (now := self.review.focusWidget()) not in seen:
                seen.append(now)
                self.review.focusNextChild()
            return {widget.objectName() or type(widget).__name__ for widget in seen}

        reached = gui(walk)
        self.assertLessEqual({"QTreeView", "QComboBox", "EnterField", "koreader_progress_plan_details"}, reached)

    def test_5_a_shortcut_writes_what_is_ticked(self) -> None:
        self.open_review()

        def shortcut() -> str:
            return self.review.apply_button.shortcut().toString(QKeySequence.SequenceFormat.PortableText)

        self.assertEqual(gui(shortcut), "Alt+W")
        # The button that Enter presses, as in every dialog.
        self.assertTrue(gui(self.review.apply_button.isDefault))
        self.press(Key.Key_Return)
        gui.wait(lambda: api().field_for("#percent", book("Emma")) == 70, "the value")
        wait_for_run()
        self.assertIsNone(gui(QApplication.activeModalWidget))
        # The window of the run offers its report now, and not before.
        progress = gui.window("koreader_progress_window")
        gui(lambda: click(progress.details_button))
        report = gui.window("koreader_progress_result")
        self.assertIn("2 books updated", gui(report.headline.text))

    def test_6_nothing_went_wrong_unseen(self) -> None:
        self.assertEqual(gui.errors, [])
