"""Push from calibre's window: asked for by the reader and shown first, or after a sync as the profile says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from queue import Queue
from typing import Any, cast

from .run import Run, RunsHub
from ...library.calibre_db import CalibreDb
from ...sync import push
from ...link.client import SyncError
from ...link.contract import ColumnUpdate, PushPlan
from ...words.explain import Explanation, explain, why_text
from .jobs import PullRequest, gone_library, phase_reporter
from ...words.data import percent
from ..review.plan_rows import BookRow, CellRow, Kind

load_translations()

# What stands in a row instead of a column's name.
ON_SERVER = "server"


@dataclass(frozen=True)
class PushOutcome:
    """How a push's first half ended: with a plan and its rows, with an explanation, or stopped."""

    prepared: push.Prepared | None = None
    rows: list[BookRow] = field(default_factory=list)
    trouble: Explanation | None = None


@dataclass(frozen=True)
class SentOutcome:
    """How a push's second half ended."""

    # None when it was stopped, or could not be done.
    pushed: push.Pushed | None = None
    trouble: Explanation | None = None


def prepare_job(
    request: PullRequest, *, log: Callable[..., None], abort: threading.Event, notifications: Queue[tuple[float, str]]
) -> PushOutcome:
    """Reads calibre's own places and plans. Returns also when it was stopped."""
    library = str(Path(request.api.backend.library_path))
    gone = gone_library(request.api)
    if gone is not None:
        return PushOutcome(trouble=gone)
    try:
        notifications.put((0.0, _("Starting…")))
        with request.launch.open(request.login, read=[library]) as bridge:
            prepared = push.prepare(
                request.api,
                request.book_ids,
                request.login,
                request.profile,
                bridge,
                abort,
                phase_reporter(notifications),
                request.users,
                # A percentage typed by hand is a place only when the reader asked for exactly this book.
                typed=request.reach != "quiet" and len(request.book_ids) == 1,
            )
        return PushOutcome(prepared, rows_of_push(request.api, prepared.plan))
    except Exception as error:
        trouble = expected(error, abort)
        if trouble is None:
            raise
        return PushOutcome(trouble=trouble if trouble.sentence else None)


def send_job(
    request: PullRequest,
    prepared: push.Prepared,
    accepted: Collection[int],
    decided: Collection[int],
    *,
    log: Callable[..., None],
    abort: threading.Event,
    notifications: Queue[tuple[float, str]],
) -> SentOutcome:
    """Puts the accepted places on the server."""
    library = str(Path(request.api.backend.library_path))
    try:
        with request.launch.open(request.login, read=[library]) as bridge:
            try:
                pushed = push.apply(
                    request.api,
                    prepared,
                    request.login,
                    request.profile,
                    bridge,
                    abort,
                    phase_reporter(notifications),
                    accepted,
                    decided,
                )
            except OSError as error:
                return SentOutcome(trouble=Explanation(_("The log for undoing could not be kept."), "", str(error)))
        return SentOutcome(pushed)
    except Exception as error:
        trouble = expected(error, abort)
        if trouble is None:
            raise
        return SentOutcome(trouble=trouble if trouble.sentence else None)


def expected(error: Exception, abort: threading.Event) -> Explanation | None:
    """The explanation of an expected error, an empty one for a stop, None for a fault of ours."""
    if abort.is_set() or (isinstance(error, SyncError) and error.name == "Cancelled"):
        return Explanation("")
    return explain(error)


def rows_of_push(api: CalibreDb, plan: PushPlan) -> list[BookRow]:
    """A push as rows: what the server has, and what it would get."""
    rows: dict[int, BookRow] = {}

    def row(kind: Kind, book_id: int, why: Any) -> BookRow:
        if book_id not in rows:
            title = api.field_for("title", book_id) or _("Book {id}").format(id=book_id)
            rows[book_id] = BookRow(book_id, title, " & ".join(api.field_for("authors", book_id) or ()), kind, why)
        return rows[book_id]

    for conflict in plan["conflicts"]:
        asked = row("conflict", conflict["book_id"], conflict["why"])
        asked.cells.extend(CellRow(_as_update(put)) for put in conflict["puts"][:1])
    for put in plan["puts"]:
        found = row("update", put["book_id"], put["why"])
        # The same place goes to every copy of a book: one line tells it.
        if not found.cells:
            found.cells.append(CellRow(_as_update(put)))
    for skip in plan["skipped"]:
        quiet = skip["reason"]["code"] in ("push_nothing_new", "push_same_place", "unchanged")
        row("unchanged" if quiet else "skip", skip["book_id"], skip["reason"])
    for each in rows.values():
        each.words = f"{each.title}\n{each.authors}\n{why_text(each.why)}".casefold()
    order = {"conflict": 0, "update": 1, "skip": 2, "unchanged": 3}
    return sorted(rows.values(), key=lambda each: (order[each.kind], each.title.casefold()))


def _as_update(put: Any) -> ColumnUpdate:
    before = percent(put["before"]["percentage"]) if put["before"] else None
    update = {"book_id": put["book_id"], "column": ON_SERVER, "before": before, "after": percent(put["percentage"])}
    return cast(ColumnUpdate, {**update, "why": put["why"]})


class PushRun:
    """One push: `runs` gives the window, the job and the words."""

    def __init__(self, runs: RunsHub, run: Run) -> None:
        self._runs = runs
        self._run = run

    def planned(self, _run: Run, outcome: PushOutcome | None) -> None:
        """Shows what would be sent; nothing is sent unasked."""
        run, runs = self._run, self._runs
        if outcome is not None and outcome.trouble is not None:
            runs.end_in_trouble(run, outcome.trouble)
            return
        prepared = outcome.prepared if outcome is not None else None
        if outcome is None or prepared is None:
            runs.end(run, _("Stopped; nothing was sent."))
            return
        run.rows = outcome.rows
        if run.is_quiet and self._settled(prepared, outcome.rows):
            return
        runs.show_rows(
            run,
            _("KOReader Progress: send to the server"),
            _("These places would go from calibre to the server, where KOReader finds them. Untick what should not."),
            apply_label=_("&Send to server"),
            column_name=lambda _column: _("On the server"),
            on_accept=partial(self._accepted, prepared),
            on_reject=lambda: runs.end(run, _("Nothing was sent.")),
        )

    def _settled(self, prepared: push.Prepared, rows: Sequence[BookRow]) -> bool:
        """After a sync nobody is shown what needs no looking at: nothing to send, or what the profile sends at once."""
        sure = [row.book_id for row in rows if row.kind == "update"]
        asked = any(row.kind == "conflict" for row in rows)
        if self._run.stored["push"] == "automatic" and sure:
            self._send(prepared, sure, [])
            return True
        if sure or (asked and self._run.stored["push"] == "ask"):
            return False
        self._runs.end(self._run, "")
        return True

    def _accepted(self, prepared: push.Prepared, rows: Sequence[BookRow], _updates: Sequence[ColumnUpdate]) -> None:
        wanted = [row for row in rows if row.accepted()]
        accepted = [row.book_id for row in wanted if row.kind == "update"]
        decided = [row.book_id for row in wanted if row.kind == "conflict"]
        self._send(prepared, accepted, decided)

    def _send(self, prepared: push.Prepared, accepted: Collection[int], decided: Collection[int]) -> None:
        args = (self._run.request, prepared, accepted, decided)
        self._runs.run_job(self._run, _("KOReader Progress: send to the server"), send_job, args, self._sent)

    def _sent(self, _run: Run, outcome: SentOutcome | None) -> None:
        run, runs = self._run, self._runs
        if outcome is not None and outcome.trouble is not None:
            runs.end_in_trouble(run, outcome.trouble)
            return
        if outcome is None or outcome.pushed is None:
            runs.end(run, _("Stopped; what was sent by then stays sent."))
            return
        results = outcome.pushed.results
        books = len(push.pushed_books(results))
        parts = [ngettext("{n} book sent", "{n} books sent", books).format(n=books)]
        left = len({each["put"]["book_id"] for each in results if each["outcome"] != "put"})
        if left:
            parts.append(
                ngettext("{n} changed meanwhile or failed", "{n} changed meanwhile or failed", left).format(n=left)
            )
        runs.refresh({update["book_id"] for update in outcome.pushed.report.written})
        runs.end(run, ", ".join(parts) + ".")
