"""Undo: puts back what a run wrote into the library; an undo is a run of its own and can be undone."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from ..library.calibre_db import CalibreDb
from ..memory.book_memory import forget_run
from ..memory.book_names import names_in
from ..link.contract import ColumnMapping, ColumnUpdate, PutBackResult
from ..memory.journal_run import BaseChange, Decision, Run
from ..memory.journaled import Journaled
from ..library.books import WriteReport, in_slices
from .annotations import take_back
from ..library.read_progress import put_back_progress
from .undo_plan import LeftBook, Undo, plan_undo
from ..memory.journal import WriteJournal


@dataclass(frozen=True)
class Undone:
    """What an undo did: cells put back are `written`, cells changed since are `stale` and were left alone.

    `results` say what became of each record that the run had put on the server, `left` which books were not touched.
    """

    run: Run
    report: WriteReport
    results: list[PutBackResult] = field(default_factory=list)
    left: list[LeftBook] = field(default_factory=list)
    # calibre's own annotations: how many were put back, and how many were changed since and were left alone.
    annotations: int = 0
    # By which the journal knows the undo itself; empty where nothing was written.
    id: str = ""
    annotations_left: int = 0


def undo_run(
    api: CalibreDb,
    journal: WriteJournal,
    run: Run,
    only: Collection[int] | None = None,
    now: float | None = None,
    abort: threading.Event | None = None,
) -> Undone:
    """Puts a run's cells back where they still hold what it wrote, for all its books or `only` some.

    Undoing an undo writes the run again. What `abort` leaves over can still be undone. Raises OSError when the journal
    cannot be kept: then nothing more was written.
    """
    again = journal.is_redone_by_undoing(run)
    names = names_in(api)
    undo = plan_undo(run, names, again, only)
    marked, known_as = take_back(api, run, names, only)
    if not undo.updates and not marked:
        return Undone(run, WriteReport(), left=undo.left)
    put_back = 0
    with Journaled(api, journal, "undo", run.profile, run.account, undoes=run.id) as doing:
        doing.decide(decisions_of(doing, undo, again))
        put_cells_back(api, undo.updates, doing, undo.undoes, abort)
        for target in dict.fromkeys(target for target, _change in marked):
            changes = [change for whose, change in marked if whose == target]
            put_back += len(doing.annotate(target, changes, known_as))
        restored = {update["book_id"] for update in doing.report.written}
        bases = {book_id: change for book_id, change in undo.bases.items() if book_id in restored}
        at = time.time() if now is None else now
        doing.remember(bases.values(), lambda: _forget(api, undo, doing.report, bases, at, again))
    return Undone(
        run,
        doing.report,
        left=undo.left,
        annotations=put_back,
        annotations_left=len(marked) - put_back,
        id=doing.id,
    )


def _forget(
    api: CalibreDb, undo: Undo, report: WriteReport, bases: Mapping[int, BaseChange], now: float, again: bool
) -> None:
    restored = {update["book_id"] for update in report.written}
    meant = restored | undo.unreached if restored else restored
    records = {book_id: record for book_id, record in undo.decisions.items() if book_id in meant}
    run = undo.run
    forget_run(api, run.account, run.profile, report.written, bases, records, now, again=again)
    for book_id in restored & records.keys():
        put_back_progress(api, book_id, records[book_id], again)


def decisions_of(doing: Journaled, undo: Undo, again: bool) -> list[Decision]:
    """What an undo decides: its run's records are declined, or wanted `again`."""
    return [Decision(doing.name_of(book_id), record, again) for book_id, record in undo.decisions.items()]


def put_cells_back(
    api: CalibreDb,
    updates: Sequence[ColumnUpdate],
    doing: Journaled,
    undoes: Mapping[int, int | None],
    abort: threading.Event | None = None,
) -> None:
    """Writes an undo's updates, each journalled first, also into columns that are no longer mapped."""
    columns = _mappings(api, updates)
    for some in in_slices(updates, abort):
        doing.write(some, columns, undoes=undoes)


def last_pull(journal: WriteJournal) -> Run | None:
    """The newest sync that still has something to undo."""
    return journal.newest("pull")


def last_push(journal: WriteJournal) -> Run | None:
    """The newest push that still has something to undo."""
    return journal.newest("push")


def _mappings(api: CalibreDb, updates: Collection[ColumnUpdate]) -> list[ColumnMapping]:
    """The columns of these updates as they are now: a run is undone also where its columns are no longer mapped."""
    described = api.field_metadata.custom_field_metadata()
    names = {update["column"] for update in updates} & set(described)
    return [cast(ColumnMapping, {"column": name, "datatype": described[name]["datatype"]}) for name in sorted(names)]
