"""The file of a run under way: what is about to be done stands on the disk before it is done."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .book_names import BookName, BookNames
from ..library.annotations import AnnotationChange
from ..link.contract import ColumnUpdate, PutBack
from .journal_run import BaseChange, Decision, LineKey, PutOutcome, Run

# Files that are being written in this process: no crash has left them open.
_under_way: set[Path] = set()


class RunWriter:
    """Every method returns only when its lines are on the disk, and raises OSError when they cannot be.

    `names` says what the run's books are called.
    """

    def __init__(self, path: Path, run_id: str, names: BookNames) -> None:
        self.id = run_id
        self._path = path
        self._names = names
        self._file = open(path, "ab")  # noqa: SIM115
        _under_way.add(path)
        self._recorded: set[LineKey] = set()
        self._puts: dict[LineKey, PutOutcome] = {}
        self._annotations: set[LineKey] = set()

    def record_decisions(self, decisions: Iterable[Decision]) -> None:
        """Writes down what was decided about the server's records, so that an undo knows it even after a crash."""
        self._append([_line("decision", each.book, record=each.record, accepted=each.accepted) for each in decisions])

    def record(
        self,
        updates: Iterable[ColumnUpdate],
        documents: Mapping[int, str] | None = None,
        undoes: Mapping[int, int | None] | None = None,
    ) -> None:
        """Writes down what is about to be written. Call it before the library is touched.

        `documents` says by book id under which document the server told it, `undoes` of an undo the id in the lines that
        are undone.
        """
        lines = []
        for update in updates:
            book_id = update["book_id"]
            book = self._names.name_of(book_id)
            self._recorded.add((book, update["column"]))
            told = {"column": update["column"], "before": update["before"], "after": update["after"]}
            whose = {"document": (documents or {}).get(book_id)}
            lines.append(_line("cell", book, **told, **whose, **_undoing(undoes, book_id)))
        self._append(lines)

    def record_puts(self, puts: Iterable[PutBack], undoes: Mapping[int, int | None] | None = None) -> None:
        """Writes down what is about to be put on the server, and what stands there; `undoes` as for cells."""
        lines = []
        for put in puts:
            book = self._names.name_of(put["book_id"])
            self._puts[book, put["document"]] = "put"
            told = {"document": put["document"], "ours": put["ours"], "before": put["before"]}
            lines.append(_line("put", book, **told, **_undoing(undoes, put["book_id"])))
        self._append(lines)

    def record_outcomes(self, outcomes: Iterable[tuple[int, str, PutOutcome, float | None]]) -> None:
        """Writes down what became of the puts: book id, document, outcome, and when the server stored it.

        The time is epoch seconds, None where the server did not say.
        """
        lines = []
        for book_id, document, outcome, timestamp in outcomes:
            book = self._names.name_of(book_id)
            self._puts[book, document] = outcome
            lines.append(_line("told", book, document=document, outcome=outcome, timestamp=timestamp))
        self._append(lines)

    def record_annotations(
        self, target: str, changes: Iterable[AnnotationChange], undoes: Mapping[int, int | None] | None = None
    ) -> None:
        """Writes down which of calibre's own annotations are about to be written; `undoes` as for cells."""
        lines = []
        for change in changes:
            book = self._names.name_of(change.book_id)
            self._annotations.add((book, change.place))
            told = {"target": target, "format": change.format, "place": change.place}
            rows = {"before": change.before, "after": change.after}
            lines.append(_line("annotation", book, **told, **rows, **_undoing(undoes, change.book_id)))
        self._append(lines)

    def record_left_annotations(self, changes: Iterable[AnnotationChange]) -> None:
        """Writes down which of them were not written."""
        left = [(self._names.name_of(change.book_id), change.place) for change in changes]
        self._annotations.difference_update(left)
        self._append([_line("annotation_left", book, place=place) for book, place in left])

    def record_bases(self, changes: Iterable[BaseChange]) -> None:
        """Writes down which books' bases are about to change; all together, for each writing waits for the disk."""
        self._append([_line("base", each.book, before=each.before, after=each.after) for each in changes])

    def record_run(self, run: Run) -> None:
        """Writes down a whole run of cells that has ended, as it is."""
        decisions = [_line("decision", each.book, record=each.record, accepted=each.accepted) for each in run.decisions]
        cells = [
            _line("cell", each.book, column=each.column, before=each.before, after=each.after, document=each.document)
            for each in run.entries
        ]
        bases = [_line("base", each.book, before=each.before, after=each.after) for each in run.bases]
        self._append([*decisions, *cells, *bases])
        self.end((), len({each.book for each in run.entries}))

    def finish(self, written: Iterable[ColumnUpdate]) -> None:
        """Ends the run; what was recorded and is not in `written` was never written."""
        done = {(self._names.name_of(update["book_id"]), update["column"]) for update in written}
        sent = {book for (book, _document), outcome in self._puts.items() if outcome == "put"}
        books = {book for book, _place in (self._recorded & done) | self._annotations} | sent
        self.end(self._recorded - done, len(books))
        self.close()

    def end(self, unwritten: Collection[LineKey], books: int) -> None:
        """Writes a run's last line: the cells that it did not write, and of how many books there is something to undo."""
        cells = sorted(unwritten, key=lambda key: (key[0].uuid, key[1], key[0].id or 0))
        # The ids beside the cells, not in them, for earlier versions; the number last, for a listing looks at a run's
        # first and last line alone.
        told = {
            "unwritten": [(book.uuid, column) for book, column in cells],
            "unwritten_ids": [book.id for book, _column in cells],
        }
        self._append([{"what": "end", "at": time.time(), **told, "books": books}])

    def close(self) -> None:
        """Gives the file up; a run that was not ended is looked after by a repair."""
        self._file.close()
        _under_way.discard(self._path)

    def begin(self, event: Mapping[str, object]) -> None:
        """Writes a run's first line."""
        self._append([{"what": "begin", **event}])

    def _append(self, lines: Sequence[Mapping[str, object]]) -> None:
        if not lines:
            return
        # Escaped: a device's name may hold half a surrogate pair, which UTF-8 cannot carry.
        self._file.write(b"".join(json.dumps(line).encode("ascii") + b"\n" for line in lines))
        self._file.flush()
        os.fsync(self._file.fileno())


def is_under_way(path: Path) -> bool:
    """Whether this process is writing the run of this file."""
    return path in _under_way


def _line(what: str, book: BookName, **told: object) -> dict[str, Any]:
    shared = {"shared": True} if book.shared else {}
    return {"what": what, "uuid": book.uuid, "id": book.id, **shared, **told}


def _undoing(undoes: Mapping[int, int | None] | None, book_id: int) -> dict[str, int | None]:
    return {} if undoes is None else {"undoes_id": undoes.get(book_id)}
