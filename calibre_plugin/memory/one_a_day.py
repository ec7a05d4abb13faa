"""Runs that a profile makes many of in a day, as one: what other runs wrote stays within what is kept for an undo."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from ..link.contract import Cell
from .book_names import BookName
from .journal import RunHead, WriteJournal
from .journal_run import BaseChange, Decision, Entry, LineKey, Run

# Whether two values of a column are one.
IsSame = Callable[[str, Cell, Cell], bool]


def join_day(journal: WriteJournal, run_id: str, is_same: IsSame) -> None:
    """Joins an ended run with the one of its kind, profile and day before it, if they make one.

    They do not where somebody else wrote to their cells between them, or undid the earlier one. Raises OSError when the
    journal cannot be written: then both stay as they are.
    """
    run = journal.run(run_id)
    earlier = None if run is None else _earlier(journal, run)
    if run is not None and earlier is not None and _goes_on(earlier, run, is_same):
        journal.put_in_place(joined(earlier, run, is_same), earlier)


def joined(earlier: Run, run: Run, is_same: IsSame) -> Run:
    """Both as one, by the name of the later: what stood there before the earlier one, and what stands there now."""
    return Run(
        run.id,
        run.at,
        run.kind,
        run.profile,
        run.account,
        None,
        decisions=_last_decisions([*earlier.decisions, *run.decisions]),
        entries=_whole_entries([*earlier.written, *run.written], is_same),
        bases=_whole_bases([*earlier.bases, *run.bases]),
        ended=True,
    )


def _earlier(journal: WriteJournal, run: Run) -> Run | None:
    """The newest of its kind on the run's day that nobody has undone."""
    undone: set[str | None] = set()
    for head in journal.heads():
        undone.add(head.undoes)
        if head.id < run.id and _is_of(run, head):
            found = None if head.id in undone else journal.run(head.id)
            return found if found is not None and found.ended and found.account == run.account else None
    return None


def _is_of(run: Run, head: RunHead) -> bool:
    return head.kind == run.kind and head.profile == run.profile and _day(head.at) == _day(run.at)


def _day(at: float) -> tuple[int, int]:
    """The day in the reader's own time zone."""
    local = time.localtime(at)
    return local.tm_year, local.tm_yday


def _goes_on(earlier: Run, run: Run, is_same: IsSame) -> bool:
    """Whether the run found each cell as the earlier one had left it."""
    left = {entry.key: entry.after for entry in earlier.written}
    return all(entry.key not in left or is_same(entry.column, left[entry.key], entry.before) for entry in run.written)


def _whole_entries(entries: Iterable[Entry], is_same: IsSame) -> list[Entry]:
    first: dict[LineKey, Entry] = {}
    last: dict[LineKey, Entry] = {}
    for entry in entries:
        first.setdefault(entry.key, entry)
        last[entry.key] = entry
    return [
        Entry(entry.book, entry.column, first[key].before, entry.after, entry.document)
        for key, entry in last.items()
        if not is_same(entry.column, first[key].before, entry.after)
    ]


def _whole_bases(bases: Iterable[BaseChange]) -> list[BaseChange]:
    whole: dict[BookName, BaseChange] = {}
    for change in bases:
        before = whole.get(change.book, change).before
        whole[change.book] = BaseChange(change.book, before, change.after)
    return list(whole.values())


def _last_decisions(decisions: Iterable[Decision]) -> list[Decision]:
    last = {(each.book, each.accepted): each for each in decisions}
    return list(last.values())
