"""*Offer this place to my devices*: each selected book's newest place is put under its other copies, and reported."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from queue import Queue
from typing import cast

from ..parts.calibre_window import CalibreWindow
from .run import Run, RunsHub
from ...library.calibre_db import CalibreDb
from ...sync.carry_over import offer
from ...link.contract import CarryOverResult, ColumnUpdate, KnownDigest, Why
from ...devices.state import forget_offers
from ...words.digest_names import copy_name
from ...words.explain import Explanation, why_text
from ...memory.history import read_digests
from .jobs import PullRequest, phase_reporter
from ...words.data import percent
from ...sync.offers import alike_copies, offers_of
from ..review.plan_rows import BookRow, CellRow
from .push import expected
from ...memory.rebuild import rebuild
from ..review.dialog import ResultDialog

load_translations()


@dataclass(frozen=True)
class OfferOutcome:
    """How an offer ended: what became of each copy, with an explanation, or stopped."""

    results: list[CarryOverResult] = field(default_factory=list)
    # What the report shows, and what it calls each copy.
    rows: list[BookRow] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    trouble: Explanation | None = None


def offer_job(
    request: PullRequest, *, log: Callable[..., None], abort: threading.Event, notifications: Queue[tuple[float, str]]
) -> OfferOutcome | None:
    """Puts the places on the server. Returns also when it was stopped: then nothing."""
    api, ids = request.api, request.book_ids
    try:
        notifications.put((0.0, _("Starting…")))
        # A copy that left a moment ago is one of those that the place is for.
        rebuild(api, request.copy_logs, abort)
        offers = offers_of(api, request.login["id"], request.profile, ids)
        results: list[CarryOverResult] = []
        if offers:
            with request.launch.open(request.login) as bridge:
                on_phase = phase_reporter(notifications)
                try:
                    results = offer(
                        api, offers, request.login, request.profile, bridge, abort, on_phase, on_request=True
                    )
                except OSError as error:
                    return OfferOutcome(
                        trouble=Explanation(_("The log for undoing could not be kept."), "", str(error))
                    )
            results += alike_copies(api, offers)
            forget_offers({done["carry_over"]["document"] for done in results if done["outcome"] == "carried"})
        digests = read_digests(api, ids)
        return OfferOutcome(results, rows_of_offers(api, ids, results), names_of(digests.values()))
    except Exception as error:
        trouble = expected(error, abort)
        if trouble is None:
            raise
        return OfferOutcome(trouble=trouble) if trouble.sentence else None


def names_of(histories: Iterable[Iterable[KnownDigest]]) -> dict[str, str]:
    """What a reader would call each copy, by digest."""
    return {known["digest"]: copy_name(known) for history in histories for known in history}


def rows_of_offers(api: CalibreDb, book_ids: Collection[int], results: Sequence[CarryOverResult]) -> list[BookRow]:
    """One row a book, below it one for each copy: what stood there, what stands there now, and why."""
    by_book: dict[int, list[CarryOverResult]] = {book_id: [] for book_id in book_ids}
    for result in results:
        by_book[result["carry_over"]["book_id"]].append(result)
    titles, writers = api.all_field_for("title", book_ids), api.all_field_for("authors", book_ids)
    rows = []
    for book_id, found in by_book.items():
        # What was really done comes first, and speaks for the book.
        found.sort(key=lambda result: result["outcome"] != "carried")
        unknown = cast(Why, {"code": "offer_no_place", "data": {}})
        why = found[0]["why"] if found else unknown
        done = any(result["outcome"] == "carried" for result in found)
        row = BookRow(
            book_id,
            titles.get(book_id) or _("Book {id}").format(id=book_id),
            " & ".join(writers.get(book_id) or ()),
            "update" if done else "skip",
            why,
            [_cell_of(result) for result in found],
        )
        row.words = f"{row.title}\n{row.authors}\n{why_text(why)}".casefold()
        rows.append(row)
    return sorted(rows, key=lambda row: (row.kind == "skip", row.title.casefold()))


def _cell_of(result: CarryOverResult) -> CellRow:
    outcomes = {"carried": _("offered"), "not_needed": _("left alone"), "failed": _("failed")}
    before = percent(result["found"]["percentage"]) if result["found"] else None
    offered = percent(result["carry_over"]["progress"]["percentage"])
    update = {
        "book_id": result["carry_over"]["book_id"],
        "column": result["carry_over"]["document"],
        "before": before,
        "after": offered if result["outcome"] == "carried" else before,
        "why": result["why"],
    }
    return CellRow(cast(ColumnUpdate, update), outcome=outcomes[result["outcome"]])


def offer_sentence(rows: Sequence[BookRow], results: Sequence[CarryOverResult]) -> str:
    """How many copies were given a place, and how many were not."""
    offered = sum(result["outcome"] == "carried" for result in results)
    parts = [
        ngettext("{n} copy was offered its place", "{n} copies were offered their place", offered).format(n=offered)
        if offered
        else _("Nothing was offered")
    ]
    left = len(results) - offered
    if left:
        parts.append(ngettext("{n} copy left alone", "{n} copies left alone", left).format(n=left))
    unknown = sum(not row.cells for row in rows)
    if unknown:
        words = ngettext("{n} book without a known place", "{n} books without a known place", unknown)
        parts.append(words.format(n=unknown))
    return ", ".join(parts) + "."


class OfferRun:
    """One offer: `runs` gives the window, the job and the words."""

    def __init__(self, gui: CalibreWindow, runs: RunsHub) -> None:
        self._gui = gui
        self._runs = runs

    def offered(self, run: Run, outcome: OfferOutcome | None) -> None:
        """Says what was done, and shows it copy by copy."""
        if outcome is None:
            self._runs.end(run, _("Stopped; what was offered by then stays."))
            return
        if outcome.trouble is not None:
            self._runs.end_in_trouble(run, outcome.trouble)
            return
        sentence = offer_sentence(outcome.rows, outcome.results)
        self._runs.end(run, sentence)
        if run.window is not None:
            run.window.close()
        names = outcome.names
        report = ResultDialog(
            self._gui,
            _("KOReader Progress: offered places"),
            sentence + " " + _("A device that syncs one of these copies asks whether to go there."),
            outcome.rows,
            (),
            lambda document: names.get(document, document),
        )
        report.show()
