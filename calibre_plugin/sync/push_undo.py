"""Undoes a push: first on the server, where ours still stands there, then in the columns that had followed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final, cast

from ..library.calibre_db import CalibreDb
from ..memory.book_memory import forget_run
from ..memory.book_names import names_in
from ..link.client import Bridge
from ..library.settings import library_id
from ..link.contract import (
    CALIBRE_DEVICE,
    OWN_DEVICE_PREFIX,
    PUSH_DEVICE_PREFIX,
    Account,
    Base,
    Progress,
    PutBack,
    PutBackOurs,
    PutBackResult,
)
from ..memory.journal_run import BaseChange, PutOutcome, Run
from ..memory.journaled import Journaled, Told
from .undo import Undone, decisions_of, put_cells_back, undo_run
from .undo_plan import Undo, plan_undo
from ..memory.journal import WriteJournal

load_translations()

# What became of a record in the words of the journal.
OUTCOMES: Final[dict[str, PutOutcome]] = {"restored": "put", "removed": "put", "left": "left", "failed": "failed"}


def undo_push(
    api: CalibreDb,
    journal: WriteJournal,
    run: Run,
    account: Account,
    bridge: Bridge,
    abort: threading.Event,
    on_phase: Callable[[int, int, str], None],
    only: Collection[int] | None = None,
) -> Undone:
    """Takes back what a run put on the server, or an undo of it, for all its books or `only` some.

    A book for which the server did not answer is left as it is, and can be undone again. Raises SyncError when the
    server as a whole cannot be asked, OSError when the journal cannot be kept: then no cell was written.
    """
    names = names_in(api)
    again = journal.is_redone_by_undoing(run)
    undo = plan_undo(run, names, again, only)
    if not undo.puts:
        return undo_run(api, journal, run, only, abort=abort)
    is_push = journal.origin_of(run).kind not in ("carry_over", "offer", "move")
    times = {(names.book_of(book), document): at for (book, document), at in run.put_times.items()}
    # A push is news to other machines; an undo, an offer and a move are not.
    left_as = (PUSH_DEVICE_PREFIX if is_push and not again else OWN_DEVICE_PREFIX) + library_id(api)
    stood = {(put["book_id"], put["document"]): _left_by(put, left_as, times) for put in undo.puts}
    results: list[PutBackResult] = []
    troubles: list[Exception] = []

    def send() -> Iterable[Told]:
        # What was a push is put again as one.
        request = {"account": account, "library_id": library_id(api), "put_backs": undo.puts}
        try:
            answer = bridge.request(
                "sync/undoPush", {**request, "again": again and is_push}, abort=abort, on_progress=on_phase
            )
        except Exception as error:
            # Whatever was put back by then is found so by the next try.
            troubles.append(error)
            return [(book_id, document, "failed", None) for book_id, document in stood]
        results.extend(answer["results"])
        return [
            (put["book_id"], put["document"], OUTCOMES[result["outcome"]], result["timestamp"])
            for result in results
            for put in (result["put_back"],)
        ]

    with Journaled(api, journal, "undo", run.profile, run.account, undoes=run.id) as doing:
        puts = [_reversed(put, stood[put["book_id"], put["document"]]) for put in undo.puts]
        doing.put(puts, send, undo.undoes)
        if not troubles:
            _follow(api, doing, undo, results, stood, again, abort)
    for trouble in troubles:
        raise trouble
    return Undone(run, doing.report, results, undo.left)


def _follow(
    api: CalibreDb,
    doing: Journaled,
    undo: Undo,
    results: Sequence[PutBackResult],
    stood: Mapping[tuple[int, str], Progress | None],
    again: bool,
    abort: threading.Event,
) -> None:
    """After the server has answered: the columns that had followed, the bases, and what is remembered."""
    failed = {result["put_back"]["book_id"] for result in results if result["outcome"] == "failed"}
    doing.decide(decisions_of(doing, undo, again))
    updates = [update for update in undo.updates if update["book_id"] not in failed]
    put_cells_back(api, updates, doing, undo.undoes, abort)
    bases = _bases(undo, results, failed, again)
    sent: dict[int, list[Progress]] = {}
    # By the copy, not the book: what is undone of a book now is not asked about again when the rest of it is.
    answered = [result["put_back"] for result in results if result["outcome"] != "failed"]
    for put in answered:
        record = put["before"] if again else stood[put["book_id"], put["document"]]
        if record is not None:
            sent.setdefault(put["book_id"], []).append(record)
    records = {book_id: record for book_id, record in undo.decisions.items() if book_id in bases}
    run, written, now = undo.run, doing.report.written, time.time()

    def keep() -> None:
        forget_run(api, run.account, run.profile, written, bases, records, now, again=again, sent=sent)

    doing.remember(bases.values(), keep)


def _left_by(put: PutBack, device_id: str, times: Mapping[tuple[int | None, str], float | None]) -> Progress | None:
    """The record that the run left under a document; None where it had taken one away."""
    ours, document = put["ours"], put["document"]
    if ours is None:
        return None
    return {
        "document": document,
        "percentage": ours["percentage"],
        "progress": ours["progress"],
        "device": CALIBRE_DEVICE,
        "device_id": device_id,
        "timestamp": times.get((put["book_id"], document)),
    }


def _reversed(put: PutBack, stood: Progress | None) -> PutBack:
    before = put["before"]
    ours: PutBackOurs | None = None
    if before is not None and before["progress"]:
        ours = {"progress": before["progress"], "percentage": before["percentage"]}
    return {"book_id": put["book_id"], "document": put["document"], "ours": ours, "before": stood}


def _bases(
    undo: Undo, results: Collection[PutBackResult], failed: Collection[int], again: bool
) -> dict[int, BaseChange]:
    """The base changes by book id. A record that was put there again has another time than when it was pushed."""
    times = {
        result["put_back"]["document"]: result["timestamp"] for result in results if result["outcome"] == "restored"
    }
    bases: dict[int, BaseChange] = {}
    for book_id, change in undo.bases.items():
        after = change.after
        if book_id in failed:
            continue
        if after is not None and again and after["document"] in times:
            after = cast(Base, {**after, "timestamp": times[after["document"]]})
        bases[book_id] = BaseChange(change.book, change.before, after)
    return bases


def server_sentence(results: Collection[PutBackResult]) -> str:
    """What became of the records on the server, and what cannot be undone there; empty when there were none."""
    if not results:
        return ""
    outcomes = [result["outcome"] for result in results]
    restored, removed, failed = (outcomes.count(name) for name in ("restored", "removed", "failed"))
    stays = sum(result["why"]["code"] == "push_stays" for result in results)
    newer = outcomes.count("left") - stays
    parts = []
    if restored:
        text = ngettext("{n} place put back on the server", "{n} places put back on the server", restored)
        parts.append(text.format(n=restored))
    if removed:
        text = ngettext("{n} place taken off the server", "{n} places taken off the server", removed)
        parts.append(text.format(n=removed))
    if newer:
        text = ngettext(
            "{n} was synced by a device since and stays", "{n} were synced by a device since and stay", newer
        )
        parts.append(text.format(n=newer))
    if stays:
        text = ngettext(
            "{n} stays, for the server knew none before and cannot forget",
            "{n} stay, for the server knew none before and cannot forget",
            stays,
        )
        parts.append(text.format(n=stays))
    if failed:
        text = ngettext("the server did not answer for {n}", "the server did not answer for {n}", failed)
        parts.append(text.format(n=failed))
    said = ", ".join(parts) + "."
    return said + " " + _("Readers that synced in between may have followed.") if restored or removed else said
