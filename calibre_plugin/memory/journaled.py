"""One run under way, in the order that survives a crash at any moment.

Before a profile's first value the database is copied. Then it is on the disk what is about to be done, then it is done, then what came of it is on the disk; then the bases,
then what the library remembers, then the end. Whoever leaves by an exception leaves the run open for a repair.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType

from ..library.calibre_db import CalibreDb
from .book_names import BookName, names_in
from .first_copy import keep_first_copy
from ..link.contract import ColumnMapping, ColumnUpdate, PutBack
from .journal_run import BaseChange, Decision, PutOutcome, RunKind
from ..library.annotations import AnnotationChange, write_annotations
from ..library.books import WriteReport, write_updates
from .journal import WriteJournal

# What became of a write on the server: book id, document, outcome, when it was stored.
Told = tuple[int, str, PutOutcome, float | None]


class Journaled(AbstractContextManager["Journaled"]):
    """Raises OSError as soon as the journal cannot be kept: then nothing more was done."""

    def __init__(
        self,
        api: CalibreDb,
        journal: WriteJournal,
        kind: RunKind,
        profile: str,
        account: str,
        undoes: str | None = None,
    ) -> None:
        self._api = api
        # An undo has something to put back only where a run has written.
        self._copies_first = profile if kind != "undo" else None
        self.names = names_in(api)
        self.report = WriteReport()
        self._writer = journal.begin_run(kind, profile, account, self.names, undoes)

    @property
    def id(self) -> str:
        """The run's name in the journal."""
        return self._writer.id

    def name_of(self, book_id: int) -> BookName:
        """What the journal calls a book."""
        return self.names.name_of(book_id)

    def decide(self, decisions: Iterable[Decision]) -> None:
        """Says which records are about to be taken or declined."""
        self._writer.record_decisions(decisions)

    def put(
        self,
        puts: Collection[PutBack],
        send: Callable[[], Iterable[Told]],
        undoes: Mapping[int, int | None] | None = None,
    ) -> None:
        """Has `send` put these on the server. What it raises leaves open whether they stand there."""
        self._writer.record_puts(puts, undoes)
        self._writer.record_outcomes(send())

    def write(
        self,
        updates: Iterable[ColumnUpdate],
        columns: Sequence[ColumnMapping],
        documents: Mapping[int, str] | None = None,
        undoes: Mapping[int, int | None] | None = None,
    ) -> None:
        """Writes cells that still hold `before`; what became of them is added to the report."""
        updates = [*updates]
        if updates and self._copies_first is not None:
            keep_first_copy(self._api, self._copies_first)
            self._copies_first = None

        def record(fresh: Sequence[ColumnUpdate]) -> None:
            self._writer.record(fresh, documents, undoes)

        self.report.extend(write_updates(self._api, updates, columns, record))

    def annotate(
        self, target: str, changes: Sequence[AnnotationChange], undoes: Mapping[int, int | None] | None = None
    ) -> list[AnnotationChange]:
        """Writes calibre's own annotations of one of its readers; those that now stand there."""
        self._writer.record_annotations(target, changes, undoes)
        written = write_annotations(self._api, target, changes)
        self._writer.record_left_annotations(change for change in changes if change not in written)
        return written

    def remember(self, bases: Iterable[BaseChange], keep: Callable[[], None]) -> None:
        """Has `keep` change these bases, and whatever else the library remembers of the run."""
        self._writer.record_bases(bases)
        keep()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._writer.finish(self.report.written)
        finally:
            self._writer.close()
