"""What undoing a run would do: which cells, records and bases are put back, and which books cannot be told any more."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ..memory.book_names import BookName, BookNames, NotFound
from ..link.contract import ColumnUpdate, PutBack, Why
from ..memory.journal_run import BaseChange, Decision, Record, Run, record_of


@dataclass(frozen=True)
class LeftBook:
    """A book of the run that nothing is done to, because the library does not tell which one it is."""

    book: BookName
    reason: NotFound


@dataclass(frozen=True)
class Undo:
    """On the server first, then the updates are written, then each base that is still the run's own is put back.

    `bases` and `decisions` are by book id; `unreached` are books that the run would have written to next when it ended
    early: an undo of the whole run is meant for them too. `undoes` gives the id by which the run's lines know a book.
    """

    run: Run
    updates: list[ColumnUpdate]
    bases: dict[int, BaseChange]
    puts: list[PutBack]
    decisions: dict[int, Record]
    unreached: frozenset[int]
    undoes: dict[int, int | None]
    left: list[LeftBook]


def plan_undo(run: Run, names: BookNames, again: bool, only: Collection[int] | None = None) -> Undo:
    """What puts a run's cells back, last written first; `only` limits the books, `again` says that an undo is undone.

    Written like any plan: a cell that no longer holds what the run wrote is left alone.
    """
    why: Why = {"code": "undone", "data": {"timestamp": run.at}}
    updates: list[ColumnUpdate] = []
    puts: list[PutBack] = []
    undoes: dict[int, int | None] = {}
    for entry in reversed(run.standing):
        book_id = names.book_of(entry.book)
        if book_id is not None and (only is None or book_id in only):
            cell = {"column": entry.column, "before": entry.after, "after": entry.before}
            updates.append({"book_id": book_id, **cell, "why": why})  # type: ignore[typeddict-item]
            undoes[book_id] = entry.book.id
    for put in reversed(run.standing_puts):
        book_id = names.book_of(put.book)
        if book_id is not None and (only is None or book_id in only):
            puts.append({"book_id": book_id, "document": put.document, "ours": put.ours, "before": put.before})
            undoes[book_id] = put.book.id
    unreached = _unreached(run, names) if only is None and undoes else frozenset[int]()
    lost = [book for book in run.books if names.book_of(book) is None] if only is None else []
    return Undo(
        run,
        updates,
        bases_of(run, names, undoes),
        puts,
        records_of(run, names, again, {*undoes, *unreached}),
        unreached,
        undoes,
        [LeftBook(book, names.why_not(book)) for book in sorted(lost, key=str)],
    )


def bases_of(run: Run, names: BookNames, touched: Collection[int]) -> dict[int, BaseChange]:
    """How undoing a run changes the bases of these books, by book id."""
    bases: dict[int, BaseChange] = {}
    for change in reversed(run.bases):
        book_id = names.book_of(change.book)
        if book_id in touched and book_id is not None:
            bases[book_id] = BaseChange(names.name_of(book_id), change.after, change.before)
    return bases


def meant_by(run: Run) -> list[Decision]:
    """The decisions that an undo takes back; what the reader had declined before the run wrote anything stays declined."""
    return [each for each in run.decisions if each.accepted or run.undoes is not None]


def records_of(run: Run, names: BookNames, again: bool, wanted: Collection[int]) -> dict[int, Record]:
    """The records that a run took, or gave `again`, for these books; runs of earlier days say it only by their bases."""
    found: dict[int, Record] = {}
    for change in run.bases:
        book_id, base = names.book_of(change.book), change.before if again else change.after
        if book_id is not None and book_id in wanted and base is not None:
            found[book_id] = record_of(base)
    for each in meant_by(run):
        book_id = names.book_of(each.book)
        if book_id is not None and book_id in wanted:
            found[book_id] = each.record
    return found


def _unreached(run: Run, names: BookNames) -> frozenset[int]:
    """Books that were decided about and of which no cell was written."""
    written = {entry.book for entry in run.written}
    return frozenset(names.books_of(each.book for each in meant_by(run) if each.book not in written))
