"""One run as the write journal tells it: what it decided, what it wrote and put, and what of it still stands."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, TypedDict, cast

from .book_names import BookName
from ..link.contract import Base, CalibreAnnotation, Cell, Placeless, Progress, PutBackOurs
from ..copies.stored import is_newer, notice

# `arrival` is a pull of what has just arrived at a server of one's own; `carry_over` and `offer` put places on the server
# as a push does: unasked, or because the reader asked for it. `annotations` writes calibre's own,
# and `move` is reading that goes to another account.
RunKind = Literal["pull", "arrival", "push", "undo", "carry_over", "offer", "annotations", "move"]
# A cell by its book and lookup name, or a record by its book and document.
LineKey = tuple[BookName, str]
# What became of a write on a server: it stands there, something else was left there, or the server did not answer.
PutOutcome = Literal["put", "left", "failed"]

SUFFIX: Final = ".jsonl"


class Record(TypedDict):
    """What makes a server's record the same."""

    document: str
    percentage: float
    progress: str
    timestamp: float | None


@dataclass(frozen=True)
class Entry:
    """One cell of a run: what stood there, what was to be written, and whose record on the server said so, if any.

    In an undo `undoes_id` is the id in the line that it undoes: a library that was restored between has given another.
    """

    book: BookName
    column: str
    before: Cell
    after: Cell
    document: str | None = None
    undoes_id: int | None = None

    @property
    def key(self) -> LineKey:
        return self.book, self.column

    @property
    def undone_key(self) -> LineKey:
        return BookName(self.book.uuid, self.undoes_id), self.column


@dataclass(frozen=True)
class PutEntry:
    """One write on the server: the place that was to stand there (None: nothing any more), and what stood there before."""

    book: BookName
    document: str
    ours: PutBackOurs | None
    before: Progress | None
    undoes_id: int | None = None

    @property
    def key(self) -> LineKey:
        return self.book, self.document

    @property
    def undone_key(self) -> LineKey:
        return BookName(self.book.uuid, self.undoes_id), self.document


@dataclass(frozen=True)
class AnnotationEntry:
    """One of calibre's own annotations, of one of its readers: what stood there (None: nothing), and what was to be written."""

    book: BookName
    target: str
    format: str
    place: str
    before: CalibreAnnotation | None
    after: CalibreAnnotation
    undoes_id: int | None = None

    @property
    def key(self) -> LineKey:
        return self.book, self.place

    @property
    def undone_key(self) -> LineKey:
        return BookName(self.book.uuid, self.undoes_id), self.place


@dataclass(frozen=True)
class BaseChange:
    """A book's base before and after a run; null where there was none."""

    book: BookName
    before: Base | None
    after: Base | None


@dataclass(frozen=True)
class Decision:
    """What was decided about a server's record before anything was written: that it is taken, or that it is declined."""

    book: BookName
    record: Record
    accepted: bool


@dataclass
class Run:
    """One run as its file tells it. `at` is epoch seconds; `ended` is false after a crash, until it is repaired."""

    id: str
    at: float
    kind: RunKind
    profile: str
    account: str
    undoes: str | None
    decisions: list[Decision] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    bases: list[BaseChange] = field(default_factory=list)
    puts: list[PutEntry] = field(default_factory=list)
    # What became of the puts, and when the server stored them; one that is missing may stand there or not.
    put_outcomes: dict[LineKey, PutOutcome] = field(default_factory=dict)
    put_times: dict[LineKey, float | None] = field(default_factory=dict)
    ended: bool = False
    unwritten: set[LineKey] = field(default_factory=set)
    # Cells and records of this run that later runs have put back.
    undone: set[LineKey] = field(default_factory=set)
    puts_undone: set[LineKey] = field(default_factory=set)
    annotations: list[AnnotationEntry] = field(default_factory=list)
    # Those that were changed in calibre before they could be written.
    annotations_left: set[LineKey] = field(default_factory=set)
    annotations_undone: set[LineKey] = field(default_factory=set)

    @property
    def written(self) -> list[Entry]:
        """What the run wrote."""
        return [entry for entry in self.entries if entry.key not in self.unwritten]

    @property
    def standing(self) -> list[Entry]:
        """What the run wrote and nobody has undone."""
        return [entry for entry in self.written if entry.key not in self.undone]

    @property
    def standing_puts(self) -> list[PutEntry]:
        """What the run put on the server, as far as anybody knows, and nobody has undone."""
        return [
            put
            for put in self.puts
            if self.put_outcomes.get(put.key, "put") == "put" and put.key not in self.puts_undone
        ]

    @property
    def standing_annotations(self) -> list[AnnotationEntry]:
        """The annotations that the run wrote and nobody has undone."""
        gone = self.annotations_left | self.annotations_undone
        return [entry for entry in self.annotations if entry.key not in gone]

    @property
    def books(self) -> set[BookName]:
        """The books of which there is something to undo."""
        return {entry.book for entry in (*self.standing, *self.standing_puts, *self.standing_annotations)}


def record_of(said: Base | Placeless | Progress) -> Record:
    """The record that a base or an answer is about, or what stands for one."""
    return {
        "document": said["document"],
        "percentage": said["percentage"],
        "progress": said["progress"],
        "timestamp": said["timestamp"],
    }


def read_run(path: Path) -> Run | None:
    """The run of a file, nothing of it undone yet; None when the file cannot be read, tells of none, or of a newer
    version's."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError:
        return None
    run: Run | None = None
    for line in lines:
        try:
            event = json.loads(line)
            if event["what"] == "begin":
                if is_newer(event):
                    notice("newer", "journal", str(path.parent))
                    return None
                run = begun(path, event)
            elif run is None:
                return None
            else:
                _READ[event["what"]](run, event)
        except (ValueError, KeyError, TypeError):
            # A line torn by a crash: what it announced was not written, because the announcement comes first.
            continue
    return run if run is None else _with_shared_names(run)


def begun(path: Path, event: Mapping[str, Any]) -> Run:
    """A run of which only its first line is known. Raises KeyError, TypeError or ValueError when that is no such line."""
    return Run(
        id=id_of(path),
        at=float(event["at"]),
        kind=kind_of(event),
        profile=event["profile"],
        account=event["account"],
        undoes=event["undoes"],
    )


def kind_of(event: Mapping[str, object]) -> RunKind:
    """A run's kind by its first line, where `puts` says what sort of pull or push it is: earlier versions know no other kinds."""
    return cast(RunKind, event.get("puts") or event["kind"])


def id_of(path: Path) -> str:
    """The run's id is the name of its file."""
    return path.name.removesuffix(SUFFIX)


def _book_of(event: Mapping[str, Any]) -> BookName:
    return BookName(event["uuid"], event.get("id"), event.get("shared", False))


def _read_decision(run: Run, event: Mapping[str, Any]) -> None:
    run.decisions.append(Decision(_book_of(event), event["record"], event["accepted"]))


def _read_cell(run: Run, event: Mapping[str, Any]) -> None:
    # Runs of earlier days do not say whose record it was.
    whose, undoes_id = event.get("document"), event.get("undoes_id")
    run.entries.append(Entry(_book_of(event), event["column"], event["before"], event["after"], whose, undoes_id))


def _read_base(run: Run, event: Mapping[str, Any]) -> None:
    run.bases.append(BaseChange(_book_of(event), event["before"], event["after"]))


def _read_put(run: Run, event: Mapping[str, Any]) -> None:
    book, undoes_id = _book_of(event), event.get("undoes_id")
    run.puts.append(PutEntry(book, event["document"], event["ours"], event["before"], undoes_id))


def _read_told(run: Run, event: Mapping[str, Any]) -> None:
    key = _book_of(event), event["document"]
    run.put_outcomes[key] = event["outcome"]
    run.put_times[key] = event["timestamp"]


def _read_annotation(run: Run, event: Mapping[str, Any]) -> None:
    book, undoes_id = _book_of(event), event.get("undoes_id")
    told = event["target"], event["format"], event["place"], event["before"], event["after"]
    run.annotations.append(AnnotationEntry(book, *told, undoes_id))


def _read_annotation_left(run: Run, event: Mapping[str, Any]) -> None:
    run.annotations_left.add((_book_of(event), event["place"]))


def _read_end(run: Run, event: Mapping[str, Any]) -> None:
    run.ended = True
    cells = event["unwritten"]
    ids = event.get("unwritten_ids") or [None] * len(cells)
    run.unwritten = {(BookName(uuid, book_id), column) for (uuid, column), book_id in zip(cells, ids, strict=True)}


_READ: Final[Mapping[str, Callable[[Run, Mapping[str, Any]], None]]] = {
    "decision": _read_decision,
    "cell": _read_cell,
    "base": _read_base,
    "put": _read_put,
    "told": _read_told,
    "annotation": _read_annotation,
    "annotation_left": _read_annotation_left,
    "end": _read_end,
}


def _with_shared_names(run: Run) -> Run:
    """A cell that a run of earlier days wrote twice belongs to two records of one uuid, and nothing says to which."""
    seen: set[LineKey] = set()
    twice = {entry.book.uuid for entry in run.entries if entry.book.id is None and _seen_before(entry.key, seen)}
    if twice:
        run.entries = [
            Entry(BookName(entry.book.uuid, None, True), entry.column, entry.before, entry.after, entry.document)
            if entry.book.uuid in twice
            else entry
            for entry in run.entries
        ]
    return run


def _seen_before(key: LineKey, seen: set[LineKey]) -> bool:
    if key in seen:
        return True
    seen.add(key)
    return False


def mark_undone(run: Run, by_id: Mapping[str, Run]) -> None:
    """Takes what an undo wrote from the run it undid; undoing an undo gives it back to the run before that, and so on."""
    cells = {entry.undone_key for entry in run.written}
    # What could not be taken back never will be: only what the server did not answer for, or what a crash cut short, is
    # worth another try.
    puts = {put.undone_key for put in run.puts if run.put_outcomes.get(put.key) in ("put", "left")}
    annotations = {entry.undone_key for entry in run.annotations if entry.key not in run.annotations_left}
    takes, target = True, by_id.get(run.undoes or "")
    while target is not None:
        is_cell, is_put, is_annotation = _among(cells), _among(puts), _among(annotations)
        entries = [entry for entry in target.entries if is_cell(entry.key)]
        records = [put for put in target.puts if is_put(put.key)]
        marked = [entry for entry in target.annotations if is_annotation(entry.key)]
        if takes:
            target.undone.update(entry.key for entry in entries)
            target.puts_undone.update(put.key for put in records)
            target.annotations_undone.update(entry.key for entry in marked)
        else:
            target.undone.difference_update(entry.key for entry in entries)
            target.puts_undone.difference_update(put.key for put in records)
            target.annotations_undone.difference_update(entry.key for entry in marked)
        cells, puts = {entry.undone_key for entry in entries}, {put.undone_key for put in records}
        annotations = {entry.undone_key for entry in marked}
        takes, target = not takes, by_id.get(target.undoes or "")


def _among(keys: Iterable[LineKey]) -> Callable[[LineKey], bool]:
    """Tells whether a key is one of these; where either of two lines knows no id, the uuid says it."""
    ids: dict[tuple[str, str], set[int | None]] = {}
    for book, place in keys:
        ids.setdefault((book.uuid, place), set()).add(book.id)

    def is_one(key: LineKey) -> bool:
        book, place = key
        found = ids.get((book.uuid, place), set())
        return book.id in found or bool(found and (book.id is None or None in found))

    return is_one
