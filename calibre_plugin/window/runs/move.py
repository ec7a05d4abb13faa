"""Reading moves to the profile's account from another one: planned, shown, and then put on the server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from queue import Queue
from typing import Final, cast

from .jobs import PullRequest, phase_reporter
from .push import ON_SERVER, expected
from .run import Run, RunsHub
from ..review.plan_rows import BookRow, CellRow
from ...library.calibre_db import CalibreDb
from ...link.client import Bridge
from ...link.contract import CarryOverResult, ColumnUpdate
from ...sync.move import move, plan_move
from ...words.data import percent
from ...words.explain import Explanation, why_text

load_translations()

# What becomes of a book's first place decides how the book is shown: what is moved comes first.
_ORDER: Final = {"due": 0, "carried": 0, "failed": 1, "not_needed": 2}


@dataclass(frozen=True)
class MoveOutcome:
    """How a half of a move ended: with what is planned or done, with an explanation, or stopped."""

    results: list[CarryOverResult] | None = None
    rows: list[BookRow] = field(default_factory=list)
    trouble: Explanation | None = None


def plan_move_job(
    request: PullRequest,
    source: str,
    *,
    log: Callable[..., None],
    abort: threading.Event,
    notifications: Queue[tuple[float, str]],
) -> MoveOutcome:
    """Looks what the server lacks of what is remembered for the account `source`. Nothing is put."""
    notifications.put((0.0, _("Starting…")))
    on_phase = phase_reporter(notifications)

    def plan(bridge: Bridge) -> MoveOutcome:
        results = plan_move(
            request.api, request.book_ids, source, request.login, request.profile, bridge, abort, on_phase
        )
        return MoveOutcome(results, rows_of_move(request.api, results))

    return _asking(request, abort, plan)


def move_job(
    request: PullRequest,
    source: str,
    planned: Sequence[CarryOverResult],
    *,
    log: Callable[..., None],
    abort: threading.Event,
    notifications: Queue[tuple[float, str]],
) -> MoveOutcome:
    """Puts what is due on the server; the account then goes on with what was remembered of these books for `source`."""
    on_phase = phase_reporter(notifications)
    # A book that the reader unticked stays where it was, in every way.
    ids = sorted({each["carry_over"]["book_id"] for each in planned})

    def put(bridge: Bridge) -> MoveOutcome:
        try:
            return MoveOutcome(
                move(request.api, planned, ids, source, request.login, request.profile, bridge, abort, on_phase)
            )
        except OSError as error:
            return MoveOutcome(trouble=Explanation(_("The log for undoing could not be kept."), "", str(error)))

    return _asking(request, abort, put)


def _asking(request: PullRequest, abort: threading.Event, work: Callable[[Bridge], MoveOutcome]) -> MoveOutcome:
    """What comes of the work with a bridge, or why nothing does."""
    try:
        with request.launch.open(request.login) as bridge:
            return work(bridge)
    except Exception as error:
        trouble = expected(error, abort)
        if trouble is None:
            raise
        return MoveOutcome(trouble=trouble if trouble.sentence else None)


def rows_of_move(api: CalibreDb, results: Sequence[CarryOverResult]) -> list[BookRow]:
    """A row for each book: the place that it would be given, or why none. The same place goes to every copy of it."""
    by_book: dict[int, list[CarryOverResult]] = {}
    for result in results:
        by_book.setdefault(result["carry_over"]["book_id"], []).append(result)
    titles, writers = api.all_field_for("title", by_book), api.all_field_for("authors", by_book)
    rows = []
    for book_id, found in by_book.items():
        first = min(found, key=lambda result: _ORDER[result["outcome"]])
        is_due = first["outcome"] == "due"
        title = titles.get(book_id) or _("Book {id}").format(id=book_id)
        authors = " & ".join(writers.get(book_id) or ())
        cells = [CellRow(_as_update(first))] if is_due else []
        row = BookRow(book_id, title, authors, "update" if is_due else "skip", first["why"], cells)
        row.words = f"{row.title}\n{row.authors}\n{why_text(row.why)}".casefold()
        rows.append(row)
    return sorted(rows, key=lambda row: (row.kind == "skip", row.title.casefold()))


def _as_update(result: CarryOverResult) -> ColumnUpdate:
    place = result["carry_over"]
    update = {"book_id": place["book_id"], "column": ON_SERVER, "before": None, "why": result["why"]}
    return cast(ColumnUpdate, {**update, "after": percent(place["progress"]["percentage"])})


class MoveRun:
    """One move: `runs` gives the window, the job and the words."""

    def __init__(self, runs: RunsHub, run: Run) -> None:
        self._runs = runs
        self._run = run

    def planned(self, _run: Run, outcome: MoveOutcome | None) -> None:
        """Shows what would be moved; nothing is put unasked."""
        run, runs = self._run, self._runs
        if outcome is not None and outcome.trouble is not None:
            runs.end_in_trouble(run, outcome.trouble)
            return
        if outcome is None or outcome.results is None:
            runs.end(run, _("Stopped; nothing was moved."))
            return
        run.rows = outcome.rows
        runs.show_rows(
            run,
            _("KOReader Progress: move my reading"),
            _(
                "The server knows nothing of these books: they would be given the places that were known at the other one. "
                "Untick what should not."
            ),
            apply_label=_("&Move"),
            column_name=lambda _column: _("On the server"),
            on_accept=partial(self._accepted, outcome.results),
            on_reject=lambda: runs.end(run, _("Nothing was moved.")),
        )

    def _accepted(
        self, results: Sequence[CarryOverResult], rows: Sequence[BookRow], _updates: Sequence[ColumnUpdate]
    ) -> None:
        unwanted = {row.book_id for row in rows if row.kind == "update" and not row.accepted()}
        planned = [result for result in results if result["carry_over"]["book_id"] not in unwanted]
        args = (self._run.request, self._run.move_from, planned)
        self._runs.run_job(self._run, _("KOReader Progress: move my reading"), move_job, args, self._moved)

    def _moved(self, _run: Run, outcome: MoveOutcome | None) -> None:
        run, runs = self._run, self._runs
        if outcome is not None and outcome.trouble is not None:
            runs.end_in_trouble(run, outcome.trouble)
        elif outcome is None or outcome.results is None:
            runs.end(run, _("Stopped; what was moved by then stays."))
        else:
            runs.end(run, move_sentence(outcome.results))


def move_sentence(results: Collection[CarryOverResult]) -> str:
    """How many books were given their place, and how many were not."""
    moved = {each["carry_over"]["book_id"] for each in results if each["outcome"] == "carried"}
    failed = {each["carry_over"]["book_id"] for each in results if each["outcome"] == "failed"} - moved
    said = ngettext("{n} book moved", "{n} books moved", len(moved)).format(n=len(moved))
    if failed:
        left = ngettext("{n} could not be moved", "{n} could not be moved", len(failed)).format(n=len(failed))
        said = f"{said}, {left}"
    return said + "."
