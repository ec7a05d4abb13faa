"""Undo: puts back what a run wrote, and repairs what a crash left; an undo is a run of its own and can be undone."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, cast

from .book_memory import forget_run, remember_written
from .contract import ColumnMapping, ColumnUpdate
from .library import WriteReport, in_slices, read_cell, write_updates
from .write_journal import BaseChange, Entry, Run, WriteJournal


@dataclass(frozen=True)
class Undone:
    """What an undo did: cells put back are `written`, cells changed since are `stale` and were left alone."""

    run: Run
    report: WriteReport


def undo_run(
    api: Any,
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
    uuids: dict[int, str] = api.all_field_for("uuid", api.all_book_ids())
    ids = {uuid: book_id for book_id, uuid in uuids.items()}
    undo = journal.undo_updates(run, ids, only)
    if not undo.updates:
        return Undone(run, WriteReport())
    writer = journal.begin_run("undo", run.profile, run.account, undoes=run.id)
    try:
        columns = _mappings(api, undo.updates)
        report = WriteReport()
        for some in in_slices(undo.updates, abort):
            report.extend(write_updates(api, some, columns, lambda fresh: writer.record(fresh, uuids)))
        touched = {update["book_id"] for update in report.written}
        bases = {ids[change.uuid]: change for change in undo.bases if ids[change.uuid] in touched}
        writer.record_bases(bases.values())
        again = run.kind == "undo"
        forget_run(
            api, run.account, run.profile, report.written, bases, time.time() if now is None else now, again=again
        )
        writer.finish(report.written, uuids)
    finally:
        writer.close()
    return Undone(run, report)


def repair(api: Any, journal: WriteJournal) -> list[Run]:
    """Ends the runs that a crash left open, and remembers which cells are ours. Call it before a library's first run."""
    ids = {uuid: book_id for book_id, uuid in api.all_field_for("uuid", api.all_book_ids()).items()}
    known = api.field_metadata.custom_field_metadata()

    def cell(uuid: str, column: str) -> Any:
        return read_cell(api, ids[uuid], column) if uuid in ids and column in known else None

    ended = journal.repair(cell)
    for run in ended:
        here = [entry for entry in run.standing if entry.uuid in ids]
        undone = next((other for other in journal.runs() if other.id == run.undoes), None) if run.undoes else None
        if undone is None:
            remember_written(api, run.account, {(ids[entry.uuid], entry.column): entry.after for entry in here})
        else:
            _finish_undo(api, undone, here, ids)
    journal.prune()
    return ended


def _finish_undo(api: Any, undone: Run, restored: Collection[Entry], ids: Mapping[str, int]) -> None:
    """Remembers what a crash kept an undo from remembering: else the next sync would bring back what was undone."""
    touched = {entry.uuid for entry in restored}
    updates = [
        cast(ColumnUpdate, {"book_id": ids[entry.uuid], "column": entry.column, "after": entry.after})
        for entry in restored
    ]
    bases = {
        ids[change.uuid]: BaseChange(change.uuid, change.after, change.before)
        for change in reversed(undone.bases)
        if change.uuid in touched
    }
    forget_run(api, undone.account, undone.profile, updates, bases, time.time(), again=undone.kind == "undo")


def last_pull(journal: WriteJournal) -> Run | None:
    """The newest run that still has something to undo."""
    return journal.newest("pull")


def _mappings(api: Any, updates: Collection[ColumnUpdate]) -> list[ColumnMapping]:
    """The columns of these updates as they are now: a run is undone also where its columns are no longer mapped."""
    described = api.field_metadata.custom_field_metadata()
    names = {update["column"] for update in updates} & set(described)
    return [cast(ColumnMapping, {"column": name, "datatype": described[name]["datatype"]}) for name in sorted(names)]
