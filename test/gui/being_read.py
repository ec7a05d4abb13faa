"""*Sync books being read*, where the columns hold text that says it in a way of its own."""

from __future__ import annotations

from calibre_gui import gui
from steps import USER, WithServer, action, api, book, configure, digest_of, wait_for_run


class BeingRead(WithServer):
    def expect(self, shown: str, cell: str) -> None:
        """With the one book that has this cell, the sync is of that book alone."""
        others = dict.fromkeys(api().all_book_ids())
        gui(lambda: api().set_field("#device", {**others, book("Walden"): cell}))
        configure(self.server, columns={shown: "#device"}, review="always")
        self.use("koreader-progress-reading")
        review = gui.window("koreader_progress_result")
        self.assertEqual([row.title for row in review.rows], ["Walden"])
        gui(review.reject)
        wait_for_run()

    def test_1_a_percentage_in_words_counts(self) -> None:
        for title in ("Walden", "Emma"):
            self.server.push(USER, digest_of(book(title)), 0.3)
        self.expect("percent", "12,5 %")

    def test_2_the_word_for_it_counts_in_any_case(self) -> None:
        self.server.push(USER, digest_of(book("Walden")), 1.0)
        self.expect("status", "READING")

    def test_3_that_no_book_is_being_read_is_said(self) -> None:
        gui(lambda: api().set_field("#device", dict.fromkeys(api().all_book_ids())))
        self.use("koreader-progress-reading")
        gui.wait(lambda: "No book is being read" in action().runs.said, "the sentence")
        wait_for_run()

    def test_4_nothing_went_wrong_unseen(self) -> None:
        self.assertEqual(gui.errors, [])
