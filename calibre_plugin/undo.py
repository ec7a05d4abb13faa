"""Undo: puts back what a run wrote, and repairs what a crash left; an undo is a run of its own and can be undone."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from .book_memory import forget_run, remember_written
from .contract import ColumnMapping, ColumnUpdate, Progress, PutBackResult
from .library import WriteReport, in_slices, read_cell, write_updates
from .write_journal import BaseChange, Entry, PutEntry, Run, RunWriter, WriteJournal


@dataclass(frozen=True)
class Undone:
    """What an undo did: cells put back are `written`, cells changed since are `stale` and were left alone.

    `results` say what became of each record that the run had put on the server.
    """

    run: Run
    report: WriteReport
    results: list[PutBackResult] = field(default_factory=list)


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
        report = put_cells_back(api, undo.updates, uuids, writer, abort)
        touched = {update["book_id"] for update in report.written}
        bases = {ids[change.uuid]: change for change in undo.bases if ids[change.uuid] in touched}
        writer.record_bases(bases.values())
        again = journal.is_redone_by_undoing(run)
        forget_run(
            api, run.account, run.profile, report.written, bases, time.time() if now is None else now, again=again
        )
        writer.finish(report.written, uuids)
    finally:
        writer.close()
    return Undone(run, report)


def put_cells_back(
    api: Any,
    updates: Sequence[ColumnUpdate],
    uuids: Mapping[int, str],
    writer: RunWriter,
    abort: threading.Event | None = None,
) -> WriteReport:
    """Writes an undo's updates, each journalled first, also into columns that are no longer mapped."""
    columns = _mappings(api, updates)
    report = WriteReport()
    for some in in_slices(updates, abort):
        report.extend(write_updates(api, some, columns, lambda fresh: writer.record(fresh, uuids)))
    return report


def repair(api: Any, journal: WriteJournal) -> list[Run]:
    """Ends the runs that a crash left open, and remembers which cells are ours. Call it before a library's first run."""
    ids = {uuid: book_id for book_id, uuid in api.all_field_for("uuid", api.all_book_ids()).items()}
    known = api.field_metadata.custom_field_metadata()

    def cell(uuid: str, column: str) -> Any:
        return read_cell(api, ids[uuid], column) if uuid in ids and column in known else None

    ended = journal.repair(cell)
    for run in ended:
        here = [entry for entry in run.standing if entry.uuid in ids]
        undone = journal.run(run.undoes) if run.undoes else None
        if undone is None:
            remember_written(api, run.account, {(ids[entry.uuid], entry.column): entry.after for entry in here})
        else:
            _finish_undo(api, journal, undone, run, here, ids)
    journal.prune()
    return ended


def _finish_undo(
    api: Any, journal: WriteJournal, undone: Run, undo: Run, restored: Collection[Entry], ids: Mapping[str, int]
) -> None:
    """Remembers what a crash kept an undo from remembering: else the next sync would bring back what was undone."""
    again = journal.is_redone_by_undoing(undone)
    touched = {entry.uuid for entry in restored} | {put.uuid for put in undo.puts}
    # Whether a record was put back before the crash nobody knows; that the reader wanted it is known.
    sent = None if not undo.puts else records_by_book(undo.puts if not again else undone.puts, ids)
    updates = [
        cast(ColumnUpdate, {"book_id": ids[entry.uuid], "column": entry.column, "after": entry.after})
        for entry in restored
    ]
    bases = {
        ids[change.uuid]: BaseChange(change.uuid, change.after, change.before)
        for change in reversed(undone.bases)
        if change.uuid in touched and change.uuid in ids
    }
    forget_run(api, undone.account, undone.profile, updates, bases, time.time(), again=again, sent=sent)


def records_by_book(puts: Iterable[PutEntry], ids: Mapping[str, int]) -> dict[int, list[Progress]]:
    """The records that stood before these puts, by book id."""
    records: dict[int, list[Progress]] = {}
    for put in puts:
        if put.uuid in ids and put.before is not None:
            records.setdefault(ids[put.uuid], []).append(put.before)
    return records


def last_pull(journal: WriteJournal) -> Run | None:
    """The newest sync that still has something to undo."""
    return journal.newest("pull")


def last_push(journal: WriteJournal) -> Run | None:
    """The newest push that still has something to undo."""
    return journal.newest("push")


def _mappings(api: Any, updates: Collection[ColumnUpdate]) -> list[ColumnMapping]:
    """The columns of these updates as they are now: a run is undone also where its columns are no longer mapped."""
    described = api.field_metadata.custom_field_metadata()
    names = {update["column"] for update in updates} & set(described)
    return [cast(ColumnMapping, {"column": name, "datatype": described[name]["datatype"]}) for name in sorted(names)]
