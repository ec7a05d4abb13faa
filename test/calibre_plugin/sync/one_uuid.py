"""Two records of one uuid, as a library restored twice has them: what is done to the one never reaches the other."""

from __future__ import annotations

from typing import Any

from calibre_plugins.koreader_progress.copies.digest import file_digest
from calibre_plugins.koreader_progress.memory.history import unlink
from calibre_plugins.koreader_progress.sync import pull, push, push_undo, undo
from calibre_plugins.koreader_progress.sync.unlinking import put_back, restorable, runs_under
from libraries import add_book
from with_server import ABORT, USER, WithServer, unheard


class OneUuid(WithServer):
    def setUp(self) -> None:
        super().setUp()
        self.twin = add_book(self.db, title="Persuasion")
        self.api.set_field("uuid", {self.twin: self.api.field_for("uuid", self.book)})
        digest = file_digest(self.api.format_abspath(self.twin, "EPUB"))
        assert digest and digest != self.document
        self.of_twin = digest
        self.books = [self.book, self.twin]
        self.shown = self.profile("one", "percent")
        self.server.push(USER, self.document, 0.4)
        self.server.push(USER, self.of_twin, 0.6)

    def sync_both(self) -> list[str]:
        """A sync of both; the reasons for what it left alone, in the order of the books."""
        options = pull.PullOptions("usual")
        pulled = pull.prepare(self.api, self.books, self.account, self.shown, self.bridge, options, ABORT, unheard)
        self.assertEqual(pulled.plan["conflicts"], [])
        report = pull.apply(self.api, pulled, self.account, self.shown).report
        self.assertEqual((report.stale, report.failed), ([], []))
        skipped = sorted(pulled.plan["skipped"], key=lambda skip: skip["book_id"])
        return [skip["reason"]["code"] for skip in skipped]

    def percents(self) -> list[Any]:
        return [self.api.field_for("#pct", book_id) for book_id in self.books]

    def there(self) -> list[float]:
        documents = (self.document, self.of_twin)
        return [self.server.call("GET", f"/syncs/progress/{each}", user=USER)["percentage"] for each in documents]

    def test_a_sync_is_undone_and_done_again_for_each_of_them(self) -> None:
        self.sync_both()
        self.assertEqual(self.percents(), [40, 60])
        journal = pull.journal_of(self.api)
        one_only = undo.undo_run(self.api, journal, journal.runs()[0], [self.twin])
        self.assertEqual(([each["book_id"] for each in one_only.report.written], one_only.left), ([self.twin], []))
        self.assertEqual(self.percents(), [40, None])
        self.assertEqual(self.sync_both(), ["unchanged", "declined"])
        # The undo of the undo, then of all.
        undo.undo_run(self.api, journal, journal.runs()[0])
        self.assertEqual(self.percents(), [40, 60])
        self.assertEqual(self.sync_both(), ["unchanged", "unchanged"])
        for after in ([40, None], [40, 60]):
            undo.undo_run(self.api, journal, journal.runs()[0])
            self.assertEqual(self.percents(), after)

    def test_a_whole_undo_puts_back_each_and_is_whole(self) -> None:
        self.api.set_field("#pct", {self.book: 0, self.twin: 0})
        self.sync_both()
        journal = pull.journal_of(self.api)
        done = undo.undo_run(self.api, journal, journal.runs()[0])
        self.assertEqual((done.left, done.report.stale, self.percents()), ([], [], [0, 0]))
        self.assertIsNone(undo.last_pull(journal))
        self.assertEqual(self.sync_both(), ["declined", "declined"])
        undo.undo_run(self.api, journal, journal.runs()[0])
        self.assertEqual(self.percents(), [40, 60])

    def test_a_push_of_the_one_is_undone_on_the_server_and_leaves_the_other(self) -> None:
        self.sync_both()
        for book_id, percent in ((self.twin, 70), (self.book, 50)):
            self.api.set_field("#pct", {book_id: percent})
            prepared = push.prepare(
                self.api, [book_id], self.account, self.shown, self.bridge, ABORT, unheard, typed=True
            )
            push.apply(self.api, prepared, self.account, self.shown, self.bridge, ABORT, unheard)
        self.assertEqual(self.there(), [0.5, 0.7])
        journal = pull.journal_of(self.api)
        of_twin = next(run for run in journal.runs() if run.kind == "push" and {b.id for b in run.books} == {self.twin})
        undone = push_undo.undo_push(self.api, journal, of_twin, self.account, self.bridge, ABORT, unheard)
        self.assertEqual(([each["outcome"] for each in undone.results], undone.left), (["restored"], []))
        self.assertEqual(self.there(), [0.5, 0.6])
        self.assertEqual(self.percents(), [50, 70])
        again = push_undo.undo_push(self.api, journal, journal.runs()[0], self.account, self.bridge, ABORT, unheard)
        self.assertEqual([each["outcome"] for each in again.results], ["restored"])
        self.assertEqual(self.there(), [0.5, 0.7])
        self.assertEqual(self.percents(), [50, 70])

    def test_what_a_wrong_digest_wrote_is_taken_back_from_the_one_it_wrote_to(self) -> None:
        self.sync_both()
        self.api.set_field("#pct", {self.book: 60})
        unlink(self.api, self.twin, self.of_twin)
        self.assertEqual(runs_under(self.api, self.book, self.of_twin), [])
        runs = runs_under(self.api, self.twin, self.of_twin)
        self.assertEqual([each["book_id"] for each in restorable(self.api, self.twin, runs)], [self.twin])
        report = put_back(self.api, runs, [self.twin])
        self.assertEqual([each["book_id"] for each in report.written], [self.twin])
        self.assertEqual(self.percents(), [60, None])
        self.assertEqual(restorable(self.api, self.twin, runs_under(self.api, self.twin, self.of_twin)), [])


if __name__ == "__main__":
    raise SystemExit("run me through run_tests.py")
