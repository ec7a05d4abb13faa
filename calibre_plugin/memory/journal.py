"""The write journal: every cell a run writes, on the disk before it is written, so that it can be put back.

One folder a library, one file a run, one JSON line an event. A run's file has one writer and is only ever appended to.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from .book_names import BookNames
from .journal_run import SUFFIX, Entry, Run, RunKind, id_of, kind_of, mark_undone, read_run
from .journal_writer import RunWriter, is_under_way
from ..copies.stored import SCHEMA, NewerSchema, is_newer, notice

KEPT_RUNS: Final = 200
# Bytes at a run's beginning and end in which its first and last line are looked for, and where a last line is long.
HEAD: Final = 2 << 10
TAIL: Final = 64 << 10
# How each kind is written: earlier versions, which read the same files, know only these three.
WRITTEN_AS: Final[dict[RunKind, str]] = {
    "pull": "pull",
    "arrival": "pull",
    "push": "push",
    "undo": "undo",
    "carry_over": "push",
    "offer": "push",
    # For earlier versions a sync without a cell: there is nothing in it that they could undo.
    "annotations": "pull",
    "move": "push",
}


@dataclass(frozen=True)
class RunHead:
    """A run as it is listed: `at` is epoch seconds, `books` the number of books of which there is something to undo."""

    id: str
    at: float
    kind: RunKind
    profile: str
    undoes: str | None
    books: int


class WriteJournal:
    """The journal of one library; `folder` is below calibre's configuration folder, `library` an id that survives it.

    `is_read_only` keeps every run from beginning: nothing is written into a library that a newer version has written.
    """

    def __init__(self, folder: str | os.PathLike[str], library: str, is_read_only: bool = False) -> None:
        self._is_read_only = is_read_only
        safe = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in library)
        self._folder = Path(folder) / safe

    def begin_run(
        self,
        kind: RunKind,
        profile: str,
        account: str,
        names: BookNames,
        undoes: str | None = None,
        at: float | None = None,
    ) -> RunWriter:
        """Starts a run's file. Raises OSError when nothing can be kept: then nothing may be written either.

        Raises NewerSchema in a library that a newer version has written.
        """
        if self._is_read_only:
            raise NewerSchema("book_data")
        self._folder.mkdir(parents=True, exist_ok=True)
        now = time.time() if at is None else at
        # Names sort by time; the random end keeps two runs of one millisecond apart.
        run_id = f"{int(now * 1000):015d}-{secrets.token_hex(4)}"
        writer = RunWriter(self._folder / f"{run_id}{SUFFIX}", run_id, names)
        try:
            writer.begin(_about(now, kind, profile, account, undoes))
        except OSError:
            writer.close()
            raise
        _sync_folder(self._folder)
        return writer

    def put_in_place(self, run: Run, earlier: Run) -> None:
        """A run's file tells this from now on, of the earlier run too, whose own is deleted. Raises OSError."""
        if self._is_read_only:
            return
        aside = self._folder / f"{run.id}{SUFFIX}.new"
        # One that a crash has left would be gone on with.
        aside.unlink(missing_ok=True)
        writer = RunWriter(aside, run.id, BookNames({}))
        try:
            writer.begin(_about(run.at, run.kind, run.profile, run.account, run.undoes))
            writer.record_run(run)
        finally:
            writer.close()
        os.replace(aside, self._folder / f"{run.id}{SUFFIX}")
        # Between the two the earlier one is told twice: what it wrote no longer stands, so undoing it does nothing.
        (self._folder / f"{earlier.id}{SUFFIX}").unlink(missing_ok=True)
        _sync_folder(self._folder)

    def runs(self) -> list[Run]:
        """Every run that is kept, the newest first, each knowing what of it was undone."""
        found = [run for path in reversed(self._paths()) if (run := read_run(path)) is not None]
        by_id = {run.id: run for run in found}
        for run in found:
            mark_undone(run, by_id)
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
            run_id = id_of(path)
            books = last.get("books") if last.get("what") == "end" else None
            is_undone = run_id in targets
            if begin["undoes"] is not None or is_undone or not isinstance(books, int):
                run = read_run(path)
                if run is None:
                    continue
                by_id[run_id] = run
                if run.undoes is not None:
                    undoing.append(run)
                    targets.add(run.undoes)
                if is_undone:
                    # What undid it is newer, and so was read before.
                    for later in reversed(undoing):
                        mark_undone(later, by_id)
                books = len(run.books)
            yield RunHead(run_id, float(begin["at"]), kind_of(begin), begin["profile"], begin["undoes"], books)

    def run(self, run_id: str) -> Run | None:
        """One run whole, knowing what of it was undone; None when it is gone."""
        run = read_run(self._folder / f"{run_id}{SUFFIX}")
        if run is None:
            return None
        by_id = {run_id: run}
        for path in self._paths():
            if id_of(path) <= run_id:
                break
            later = read_run(path) if (_first_event(path).get("undoes")) is not None else None
            if later is not None:
                by_id[later.id] = later
        for later in sorted(by_id.values(), key=lambda each: each.id):
            mark_undone(later, by_id)
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

    def is_redone_by_undoing(self, run: Run) -> bool:
        """Whether undoing this run brings back what it took away: it is an undo, or the undo of a redo, and so on."""
        redoes = False
        later: Run | None = run
        while later is not None and later.undoes is not None:
            redoes = not redoes
            later = self._undone_by(later)
        return redoes

    def origin_of(self, run: Run) -> Run:
        """The run that an undo, or an undo of an undo, goes back to, as far as it is kept; else the run itself."""
        before = self._undone_by(run)
        return run if before is None else self.origin_of(before)

    def _undone_by(self, run: Run) -> Run | None:
        return None if run.undoes is None else read_run(self._folder / f"{run.undoes}{SUFFIX}")

    def open_runs(self, was_written: Callable[[Entry], bool]) -> list[Run]:
        """The runs that a crash left open, the oldest first, each knowing which of its cells were never written.

        `was_written(entry)` says whether the library holds now what the entry was to write.
        """
        found: list[Run] = []
        for path in () if self._is_read_only else reversed(self._paths()):
            if is_under_way(path) or _last_event(path).get("what") == "end":
                continue
            run = read_run(path)
            if run is None or run.ended:
                continue
            run.unwritten = {entry.key for entry in run.entries if not was_written(entry)}
            found.append(run)
        return found

    def end(self, run: Run) -> None:
        """Ends a run that a crash left open."""
        path = self._folder / f"{run.id}{SUFFIX}"
        _drop_torn_line(path)
        writer = RunWriter(path, run.id, BookNames({}))
        try:
            writer.end(run.unwritten, len(run.books))
        finally:
            writer.close()
        run.ended = True

    def prune(self, keep: int = KEPT_RUNS) -> None:
        """Deletes the oldest ended runs beyond `keep`."""
        for path in () if self._is_read_only else self._paths()[keep:]:
            if _last_event(path).get("what") == "end" and not is_newer(_first_event(path)):
                path.unlink(missing_ok=True)


def _about(at: float, kind: RunKind, profile: str, account: str, undoes: str | None) -> dict[str, object]:
    """A run's first line."""
    sort = {} if WRITTEN_AS[kind] == kind else {"puts": kind}
    whose = {"profile": profile, "account": account, "undoes": undoes}
    return {"schema": SCHEMA, "at": at, "kind": WRITTEN_AS[kind], **sort, **whose}


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
    if is_newer(begin):
        notice("newer", "journal", str(path.parent))
        begin = {}
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
