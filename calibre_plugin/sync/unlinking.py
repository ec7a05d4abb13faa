"""What a digest that was no such book's has written, and how it is put back: run by run, the newest first."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence

from ..library.calibre_db import CalibreDb
from ..memory.book_names import BookNames, names_in
from ..link.contract import Cell, ColumnUpdate
from ..memory.journal_run import Run
from ..library.books import WriteReport, read_cell
from ..library.same_cell import same_cell
from .pull import journal_of
from .undo import undo_run


def runs_under(api: CalibreDb, book_id: int, digest: str) -> list[Run]:
    """The runs that wrote this book's cells because of this digest, the newest first. Reads the whole journal."""
    names = names_in(api)
    return [run for run in journal_of(api).runs() if run.kind == "pull" and _wrote_under(run, names, book_id, digest)]


def _wrote_under(run: Run, names: BookNames, book_id: int, digest: str) -> bool:
    entries = [entry for entry in run.standing if names.book_of(entry.book) == book_id]
    # Runs of earlier days say it only of books whose every cell was written, for only these have a base of the run.
    agreed = any(
        names.book_of(change.book) == book_id and change.after and change.after["document"] == digest
        for change in run.bases
    )
    return any(entry.document == digest or (entry.document is None and agreed) for entry in entries)


def restorable(api: CalibreDb, book_id: int, runs: Sequence[Run]) -> list[ColumnUpdate]:
    """What undoing these runs would do to the book: only cells that still hold what they wrote, each once."""
    names = names_in(api)
    known = api.field_metadata.custom_field_metadata()
    now: dict[str, Cell] = {}
    then: dict[str, Cell] = {}
    for run in runs:
        for entry in run.standing:
            column = entry.column
            if names.book_of(entry.book) != book_id or column not in known:
                continue
            now.setdefault(column, read_cell(api, book_id, column))
            if same_cell(known[column]["datatype"], then.get(column, now[column]), entry.after):
                then[column] = entry.before
    return [
        {
            "book_id": book_id,
            "column": column,
            "before": now[column],
            "after": after,
            "why": {"code": "undone", "data": {"timestamp": runs[-1].at}},
        }
        for column, after in sorted(then.items())
        if not same_cell(known[column]["datatype"], now[column], after)
    ]


def put_back(
    api: CalibreDb, runs: Sequence[Run], only: Collection[int] | None, abort: threading.Event | None = None
) -> WriteReport:
    """Undoes these runs for these books, in the order given. Raises OSError when the journal cannot be kept."""
    report = WriteReport()
    for run in runs:
        report.extend(undo_run(api, journal_of(api), run, only, abort=abort).report)
    return report
