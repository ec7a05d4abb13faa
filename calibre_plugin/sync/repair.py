"""Puts right what a crash left open: ends the runs, and remembers what they would have remembered."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import cast

from ..library.calibre_db import CalibreDb
from ..memory.book_memory import decline, forget_run, remember_written
from ..memory.book_names import BookNames, names_in
from ..link.contract import ColumnUpdate, Progress
from ..memory.journal_run import Entry, PutEntry, Run
from ..library.books import read_cell
from ..library.same_cell import same_cell
from .undo_plan import bases_of, records_of
from ..memory.journal import WriteJournal


# One at a time: a library that opens and its first run both look.
_repairing = threading.Lock()


def repair(api: CalibreDb, journal: WriteJournal) -> list[Run]:
    """Ends the runs that a crash left open, after remembering what was written and decided; gives back those runs.

    Call it when a library is opened and before each run: nothing that was never written is offered to be undone.
    """
    names = names_in(api)
    known = api.field_metadata.custom_field_metadata()

    def was_written(entry: Entry) -> bool:
        book_id = names.book_of(entry.book)
        if book_id is None or entry.column not in known:
            return entry.after is None
        return same_cell(known[entry.column]["datatype"], read_cell(api, book_id, entry.column), entry.after)

    with _repairing:
        left_open = journal.open_runs(was_written)
        for run in left_open:
            undone = journal.run(run.undoes) if run.undoes else None
            if undone is None:
                _finish_run(api, run, names)
            else:
                _finish_undo(api, journal, undone, run, names)
            # Last: a repair that is cut short itself begins again.
            journal.end(run)
        journal.prune()
    return left_open


def _finish_run(api: CalibreDb, run: Run, names: BookNames) -> None:
    """The cells that hold what was to be written are ours; what the reader had declined is declined."""
    written = [(names.book_of(entry.book), entry) for entry in run.standing]
    cells = {(book_id, entry.column): entry.after for book_id, entry in written if book_id is not None}
    remember_written(api, run.account, cells)
    declined = {
        book_id: each.record
        for each in run.decisions
        if not each.accepted and (book_id := names.book_of(each.book)) is not None
    }
    decline(api, run.account, declined, run.at)


def _finish_undo(api: CalibreDb, journal: WriteJournal, undone: Run, undo: Run, names: BookNames) -> None:
    """Remembers what a crash kept an undo from remembering: else the next sync would bring back what was undone."""
    again = journal.is_redone_by_undoing(undone)
    restored = [(book_id, entry) for entry in undo.standing if (book_id := names.book_of(entry.book)) is not None]
    touched = {book_id for book_id, _entry in restored} | names.books_of(put.book for put in undo.puts)
    # Whether a record was put back before the crash nobody knows; that the reader wanted it is known.
    sent = None if not undo.puts else records_by_book(undo.puts if not again else undone.puts, names)
    bases = bases_of(undone, names, touched)
    # The books that the run never reached were meant too, once anything of it was undone.
    written = names.books_of(entry.book for entry in undone.written)
    unreached = names.books_of(each.book for each in undo.decisions) - written if restored else set[int]()
    records = records_of(undone, names, again, touched | unreached)
    updates = [
        cast(ColumnUpdate, {"book_id": book_id, "column": entry.column, "after": entry.after})
        for book_id, entry in restored
    ]
    forget_run(api, undone.account, undone.profile, updates, bases, records, time.time(), again=again, sent=sent)


def records_by_book(puts: Iterable[PutEntry], names: BookNames) -> dict[int, list[Progress]]:
    """The records that stood before these puts, by book id."""
    records: dict[int, list[Progress]] = {}
    for put in puts:
        book_id = names.book_of(put.book)
        if book_id is not None and put.before is not None:
            records.setdefault(book_id, []).append(put.before)
    return records
