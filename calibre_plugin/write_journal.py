"""The write journal: every cell a run writes, on the disk before it is written, so that it can be put back.

One folder a library, one file a run, one JSON line an event. A run's file has one writer and is only ever appended to.
Books are named by their uuid, because ids do not survive a restored library.
"""

from __future__ import annotations

import datetime
import json
import os
import secrets
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from .contract import Base, Cell, ColumnUpdate, Progress, PutBack, PutBackOurs, Why

RunKind = Literal["pull", "push", "undo"]
# Where a cell stands: (book uuid, lookup name).
CellKey = tuple[str, str]
# What a server has of a book: (book uuid, document).
PutKey = tuple[str, str]
# What became of a write on a server: it stands there, something else was left there, or the server did not answer.
PutOutcome = Literal["put", "left", "failed"]

SUFFIX: Final = ".jsonl"
KEPT_RUNS: Final = 200
# Bytes at a run's beginning and end in which its first and last line are looked for, and where a last line is long.
HEAD: Final = 2 << 10
TAIL: Final = 64 << 10


@dataclass(frozen=True)
class Entry:
    """One cell of a run: what stood there, what was to be written, and whose record on the server said so, if any."""

    uuid: str
    column: str
    before: Cell
    after: Cell
    document: str | None = None

    @property
    def key(self) -> CellKey:
        return self.uuid, self.column


@dataclass(frozen=True)
class PutEntry:
    """One write on the server: the place that was to stand there (None: nothing any more), and what stood there before."""

    uuid: str
    document: str
    ours: PutBackOurs | None
    before: Progress | None

    @property
    def key(self) -> PutKey:
        return self.uuid, self.document


@dataclass(frozen=True)
class BaseChange:
    """A book's base before and after a run; null where there was none."""

    uuid: str
    before: Base | None
    after: Base | None


@dataclass
class Run:
    """One run as its file tells it. `at` is epoch seconds; `ended` is false after a crash, until it is repaired."""

    id: str
    at: float
    kind: RunKind
    profile: str
    account: str
    undoes: str | None
    entries: list[Entry] = field(default_factory=list)
    bases: list[BaseChange] = field(default_factory=list)
    puts: list[PutEntry] = field(default_factory=list)
    # What became of the puts, and when the server stored them; one that is missing may stand there or not.
    put_outcomes: dict[PutKey, PutOutcome] = field(default_factory=dict)
    put_times: dict[PutKey, float | None] = field(default_factory=dict)
    ended: bool = False
    unwritten: set[CellKey] = field(default_factory=set)
    # Cells of this run that later runs have put back.
    undone: set[CellKey] = field(default_factory=set)
    puts_undone: set[PutKey] = field(default_factory=set)

    @property
    def standing(self) -> list[Entry]:
        """What the run wrote and nobody has undone."""
        return [entry for entry in self.entries if entry.key not in self.unwritten and entry.key not in self.undone]

    @property
    def standing_puts(self) -> list[PutEntry]:
        """What the run put on the server, as far as anybody knows, and nobody has undone."""
        return [
            put
            for put in self.puts
            if self.put_outcomes.get(put.key, "put") == "put" and put.key not in self.puts_undone
        ]

    @property
    def books(self) -> set[str]:
        """The uuids of the books of which there is something to undo."""
        return {entry.uuid for entry in self.standing} | {put.uuid for put in self.standing_puts}


@dataclass(frozen=True)
class RunHead:
    """A run as it is listed: `at` is epoch seconds, `books` the number of books of which there is something to undo."""

    id: str
    at: float
    kind: RunKind
    profile: str
    undoes: str | None
    books: int


@dataclass(frozen=True)
class Undo:
    """What undoing a run would do: on the server first, then write the updates, then put back each base that is still
    the run's own."""

    run: Run
    updates: list[ColumnUpdate]
    bases: list[BaseChange]
    puts: list[PutBack]


class RunWriter:
    """The file of a run under way. Every method returns only when its lines are on the disk."""

    def __init__(self, path: Path, run_id: str) -> None:
        self.id = run_id
        self._file = open(path, "ab")  # noqa: SIM115
        self._recorded: set[CellKey] = set()
        self._puts: dict[PutKey, PutOutcome] = {}

    def record(
        self, updates: Iterable[ColumnUpdate], uuids: Mapping[int, str], documents: Mapping[int, str] | None = None
    ) -> None:
        """Writes down what is about to be written. Call it before the library is touched; raises OSError if it cannot.

        `documents` says by book id under which document the server told it.
        """
        lines = []
        told = documents or {}
        for update in updates:
            uuid = uuids[update["book_id"]]
            self._recorded.add((uuid, update["column"]))
            lines.append(
                {
                    "what": "cell",
                    "uuid": uuid,
                    "column": update["column"],
                    "before": update["before"],
                    "after": update["after"],
                    "document": told.get(update["book_id"]),
                }
            )
        self._append(lines)

    def record_puts(self, puts: Iterable[PutBack], uuids: Mapping[int, str]) -> None:
        """Writes down what is about to be put on the server, and what stands there. Raises OSError if it cannot."""
        lines = []
        for put in puts:
            uuid = uuids[put["book_id"]]
            self._puts[uuid, put["document"]] = "put"
            told = {"document": put["document"], "ours": put["ours"], "before": put["before"]}
            lines.append({"what": "put", "uuid": uuid, **told})
        self._append(lines)

    def record_outcomes(self, outcomes: Iterable[tuple[PutKey, PutOutcome, float | None]]) -> None:
        """Writes down what became of the puts, and when the server stored them (epoch seconds, None: it did not say)."""
        lines = []
        for (uuid, document), outcome, timestamp in outcomes:
            self._puts[uuid, document] = outcome
            told = {"document": document, "outcome": outcome, "timestamp": timestamp}
            lines.append({"what": "told", "uuid": uuid, **told})
        self._append(lines)

    def record_bases(self, changes: Iterable[BaseChange]) -> None:
        """Writes down which books' bases are about to change; all together, for each writing waits for the disk."""
        self._append(
            [{"what": "base", "uuid": each.uuid, "before": each.before, "after": each.after} for each in changes]
        )

    def finish(self, written: Iterable[ColumnUpdate], uuids: Mapping[int, str]) -> None:
        """Ends the run; what was recorded and is not in `written` was never written."""
        done = {(uuids[update["book_id"]], update["column"]) for update in written}
        sent = {uuid for (uuid, _document), outcome in self._puts.items() if outcome == "put"}
        books = {uuid for uuid, _column in self._recorded & done} | sent
        self._append([_end_line(self._recorded - done, len(books))])
        self._file.close()

    def close(self) -> None:
        """Gives the file up without ending the run: a repair will see what became of it."""
        self._file.close()

    def _append(self, lines: Sequence[Mapping[str, Any]]) -> None:
        if not lines:
            return
        # Escaped: a device's name may hold half a surrogate pair, which UTF-8 cannot carry.
        self._file.write(b"".join(json.dumps(line).encode("ascii") + b"\n" for line in lines))
        self._file.flush()
        os.fsync(self._file.fileno())


class WriteJournal:
    """The journal of one library; `folder` is below calibre's configuration folder, `library` an id that survives it."""

    def __init__(self, folder: str | os.PathLike[str], library: str) -> None:
        safe = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in library)
        self._folder = Path(folder) / safe

    def begin_run(
        self, kind: RunKind, profile: str, account: str, undoes: str | None = None, at: float | None = None
    ) -> RunWriter:
        """Starts a run's file. Raises OSError when nothing can be kept: then nothing may be written either."""
        self._folder.mkdir(parents=True, exist_ok=True)
        now = time.time() if at is None else at
        # Names sort by time; the random end keeps two runs of one millisecond apart.
        run_id = f"{int(now * 1000):015d}-{secrets.token_hex(4)}"
        writer = RunWriter(self._folder / f"{run_id}{SUFFIX}", run_id)
        begin = {"what": "begin", "at": now, "kind": kind, "profile": profile, "account": account, "undoes": undoes}
        writer._append([begin])
        _sync_folder(self._folder)
        return writer

    def runs(self) -> list[Run]:
        """Every run that is kept, the newest first, each knowing what of it was undone."""
        found = [run for path in reversed(self._paths()) if (run := _read_run(path)) is not None]
        by_id = {run.id: run for run in found}
        for run in found:
            _mark_undone(run, by_id)
        return found[::-1]

    def heads(self) -> Iterator[RunHead]:
        """Every run that is kept, the newest first, as far as a list needs it; what is not asked for is not read.

        Of a run that nobody undid only the first and the last line are read.
        """
        undoing: list[Run] = []
        targets: set[str] = set()
        by_id: dict[str, Run] = {}
        for path in self._paths():
            begin, last = _ends_of(path)
            if not begin:
                continue
            run_id = _id_of(path)
            books = last.get("books") if last.get("what") == "end" else None
            is_undone = run_id in targets
            if begin["undoes"] is not None or is_undone or not isinstance(books, int):
                run = _read_run(path)
                if run is None:
                    continue
                by_id[run_id] = run
                if run.undoes is not None:
                    undoing.append(run)
                    targets.add(run.undoes)
                if is_undone:
                    # What undid it is newer, and so was read before.
                    for later in reversed(undoing):
                        _mark_undone(later, by_id)
                books = len(run.books)
            yield RunHead(run_id, float(begin["at"]), begin["kind"], begin["profile"], begin["undoes"], books)

    def run(self, run_id: str) -> Run | None:
        """One run whole, knowing what of it was undone; None when it is gone."""
        run = _read_run(self._folder / f"{run_id}{SUFFIX}")
        if run is None:
            return None
        by_id = {run_id: run}
        for path in self._paths():
            if _id_of(path) <= run_id:
                break
            later = _read_run(path) if (_first_event(path).get("undoes")) is not None else None
            if later is not None:
                by_id[later.id] = later
        for later in sorted(by_id.values(), key=lambda each: each.id):
            _mark_undone(later, by_id)
        return run

    def newest(self, *kinds: RunKind) -> Run | None:
        """The newest run of these kinds that still has something to undo; reads no more of the others than it must."""
        for head in self.heads():
            if head.kind in kinds and head.books:
                return self.run(head.id)
        return None

    def _paths(self) -> list[Path]:
        """The files of all runs, the newest first."""
        try:
            names = os.listdir(self._folder)
        except OSError:
            return []
        return [self._folder / name for name in sorted(names, reverse=True) if name.endswith(SUFFIX)]

    def undo_updates(self, run: Run, ids: Mapping[str, int], only: Collection[int] | None = None) -> Undo:
        """What puts a run's cells back, last written first. `ids` gives a book's id by uuid, `only` limits the books.

        Written like any plan: a cell that no longer holds what the run wrote is left alone.
        """
        why: Why = {"code": "undone", "data": {"timestamp": run.at}}
        updates: list[ColumnUpdate] = []
        for entry in reversed(run.standing):
            book_id = ids.get(entry.uuid)
            if book_id is None or (only is not None and book_id not in only):
                continue
            updates.append(
                {
                    "book_id": book_id,
                    "column": entry.column,
                    "before": entry.after,
                    "after": entry.before,
                    "why": why,
                }
            )
        puts: list[PutBack] = []
        for put in reversed(run.standing_puts):
            book_id = ids.get(put.uuid)
            if book_id is not None and (only is None or book_id in only):
                puts.append({"book_id": book_id, "document": put.document, "ours": put.ours, "before": put.before})
        touched = {update["book_id"] for update in updates} | {put["book_id"] for put in puts}
        bases = [
            BaseChange(change.uuid, change.after, change.before)
            for change in reversed(run.bases)
            if ids.get(change.uuid) in touched
        ]
        return Undo(run, updates, bases, puts)

    def is_redone_by_undoing(self, run: Run) -> bool:
        """Whether undoing this run brings back what it took away: it is an undo, or the undo of a redo, and so on."""
        redoes = False
        while run.undoes is not None:
            redoes = not redoes
            before = _read_run(self._folder / f"{run.undoes}{SUFFIX}")
            if before is None:
                break
            run = before
        return redoes

    def repair(self, read_cell: Callable[[str, str], Cell]) -> list[Run]:
        """Ends the runs that a crash left open, by looking which of their cells really hold what was to be written.

        `read_cell(uuid, column)` gives a cell as the library holds it now, null for a book or column that is gone.
        Call it when the library is opened and before any run. Gives back the runs it ended.
        """
        ended: list[Run] = []
        for path in self._paths():
            if _last_event(path).get("what") == "end" or (run := _read_run(path)) is None or run.ended:
                continue
            run.unwritten = {
                entry.key for entry in run.entries if not same_cell(read_cell(entry.uuid, entry.column), entry.after)
            }
            _drop_torn_line(path)
            writer = RunWriter(path, run.id)
            writer._append([_end_line(run.unwritten, len(run.books))])
            writer.close()
            run.ended = True
            ended.append(run)
        return ended

    def prune(self, keep: int = KEPT_RUNS) -> None:
        """Deletes the oldest ended runs beyond `keep`."""
        for path in self._paths()[keep:]:
            if _last_event(path).get("what") == "end":
                path.unlink(missing_ok=True)


def same_cell(one: Cell, other: Cell) -> bool:
    """Whether two cells hold the same: dates by their instant, numbers but for the noise of rounding."""
    if one == other:
        return True
    if isinstance(one, bool) or isinstance(other, bool):
        return False
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return abs(one - other) < 1e-9
    if isinstance(one, str) and isinstance(other, str):
        try:
            first, second = datetime.datetime.fromisoformat(one), datetime.datetime.fromisoformat(other)
            return abs((first - second).total_seconds()) < 1
        except (ValueError, TypeError):
            return False
    return False


def _read_run(path: Path) -> Run | None:
    run: Run | None = None
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError:
        return None
    for line in lines:
        try:
            event = json.loads(line)
            if event["what"] == "begin":
                run = Run(
                    id=_id_of(path),
                    at=float(event["at"]),
                    kind=event["kind"],
                    profile=event["profile"],
                    account=event["account"],
                    undoes=event["undoes"],
                )
            elif run is None:
                return None
            elif event["what"] == "cell":
                # Runs of earlier days do not say whose record it was.
                whose = event.get("document")
                run.entries.append(Entry(event["uuid"], event["column"], event["before"], event["after"], whose))
            elif event["what"] == "base":
                run.bases.append(BaseChange(event["uuid"], event["before"], event["after"]))
            elif event["what"] == "put":
                run.puts.append(PutEntry(event["uuid"], event["document"], event["ours"], event["before"]))
            elif event["what"] == "told":
                run.put_outcomes[event["uuid"], event["document"]] = event["outcome"]
                run.put_times[event["uuid"], event["document"]] = event["timestamp"]
            elif event["what"] == "end":
                run.ended = True
                run.unwritten = {(uuid, column) for uuid, column in event["unwritten"]}
        except (ValueError, KeyError, TypeError):
            # A line torn by a crash: what it announced was not written, because the announcement comes first.
            continue
    return run


def _end_line(unwritten: Collection[CellKey], books: int) -> dict[str, Any]:
    # The number last: a listing looks at a run's first and last line alone.
    return {"what": "end", "at": time.time(), "unwritten": sorted(unwritten), "books": books}


def _id_of(path: Path) -> str:
    return path.name.removesuffix(SUFFIX)


def _event(line: bytes) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def _ends_of(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """A run's first and last line; the first is empty when the file tells of no run, the last when it is torn or long."""
    try:
        with open(path, "rb") as file:
            start = file.read(HEAD)
            size = file.seek(0, os.SEEK_END)
            lines = start.split(b"\n")
            end = start
            for tail in (HEAD, TAIL):
                # A run of a few lines was read whole already.
                if size > len(start):
                    file.seek(max(0, size - tail))
                    end = file.read()
                if end.count(b"\n") > 1 or tail >= size:
                    break
    except OSError:
        return {}, {}
    begin = _event(lines[0])
    if begin.get("what") != "begin" or any(key not in begin for key in ("at", "kind", "profile", "account", "undoes")):
        begin = {}
    told = end.split(b"\n")
    return begin, _event(told[-2]) if told[-1] == b"" and len(told) > 1 else {}


def _first_event(path: Path) -> dict[str, Any]:
    """The first line of a run, which says what kind of run it is; empty when it cannot be read."""
    try:
        with open(path, "rb") as file:
            return _event(file.readline())
    except OSError:
        return {}


def _last_event(path: Path) -> dict[str, Any]:
    """The last line of a run, which is its end unless a crash came first; empty when it is torn or too long to be cheap."""
    return _ends_of(path)[1]


def _mark_undone(run: Run, by_id: Mapping[str, Run]) -> None:
    """Takes what an undo wrote from the run it undid; undoing an undo gives it back to the run before that, and so on."""
    cells = {entry.key for entry in run.entries if entry.key not in run.unwritten}
    # What could not be taken back never will be: only what the server did not answer for, or what a crash cut short, is
    # worth another try.
    puts = {put.key for put in run.puts if run.put_outcomes.get(put.key) in ("put", "left")}
    takes, target = True, by_id.get(run.undoes or "")
    while target is not None:
        if takes:
            target.undone |= cells
            target.puts_undone |= puts
        else:
            target.undone -= cells
            target.puts_undone -= puts
        takes, target = not takes, by_id.get(target.undoes or "")


def _drop_torn_line(path: Path) -> None:
    """Cuts off a last line without an end, so that what is appended next is a line of its own."""
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with open(path, "r+b") as file:
            file.truncate(whole)


def _sync_folder(folder: Path) -> None:
    """Makes a new file's name as lasting as its content, where the system can."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)
