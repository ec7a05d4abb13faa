"""Undoes a push: first on the server, where ours still stands there, then in the columns that had followed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, cast

from .book_memory import forget_run
from .bridge_client import BridgeClient
from .config import library_id
from .contract import Account, Base, Progress, PutBack, PutBackOurs, PutBackResult
from .offers import OWN_DEVICE_PREFIX
from .undo import Undone, put_cells_back, undo_run
from .write_journal import BaseChange, PutOutcome, Run, Undo, WriteJournal

load_translations()

# The name and the id that the bridge gives to what it puts on a server (`src/core/peek.ts`).
DEVICE: Final = "calibre"
PUSH_DEVICE_PREFIX: Final = "calibre-push-"
# What became of a record in the words of the journal.
OUTCOMES: Final[dict[str, PutOutcome]] = {"restored": "put", "removed": "put", "left": "left", "failed": "failed"}


def undo_push(
    api: Any,
    journal: WriteJournal,
    run: Run,
    account: Account,
    bridge: BridgeClient,
    abort: threading.Event,
    on_phase: Callable[[int, int, str], None],
    only: Collection[int] | None = None,
) -> Undone:
    """Takes a push back, or an undo of one, for all its books or `only` some.

    A book for which the server did not answer is left as it is, and can be undone again. Raises SyncError when the
    server as a whole cannot be asked, OSError when the journal cannot be kept: then no cell was written.
    """
    uuids: dict[int, str] = api.all_field_for("uuid", api.all_book_ids())
    ids = {uuid: book_id for book_id, uuid in uuids.items()}
    undo = journal.undo_updates(run, ids, only)
    if not undo.puts:
        return undo_run(api, journal, run, only, abort=abort)
    again = journal.is_redone_by_undoing(run)
    stood = {(put["book_id"], put["document"]): _left_by(run, put, uuids, api, again) for put in undo.puts}
    writer = journal.begin_run("undo", run.profile, run.account, undoes=run.id)
    try:
        writer.record_puts([_reversed(put, stood[put["book_id"], put["document"]]) for put in undo.puts], uuids)
        request = {"account": account, "library_id": library_id(api), "put_backs": undo.puts, "again": again}
        try:
            answer = bridge.request("sync/undoPush", request, abort=abort, on_progress=on_phase)
        except Exception:
            # Whatever was put back by then is found so by the next try.
            writer.record_outcomes(((uuids[book_id], document), "failed", None) for book_id, document in stood)
            writer.finish([], uuids)
            raise
        results: list[PutBackResult] = answer["results"]
        writer.record_outcomes(
            ((uuids[put["book_id"]], put["document"]), OUTCOMES[result["outcome"]], result["timestamp"])
            for result in results
            for put in (result["put_back"],)
        )
        failed = {result["put_back"]["book_id"] for result in results if result["outcome"] == "failed"}
        updates = [update for update in undo.updates if update["book_id"] not in failed]
        report = put_cells_back(api, updates, uuids, writer, abort)
        bases = _bases(undo, results, failed, ids, again)
        writer.record_bases(bases.values())
        now = time.time()
        sent: dict[int, list[Progress]] = {}
        # By the copy, not the book: what is undone of a book now is not asked about again when the rest of it is.
        answered = [result["put_back"] for result in results if result["outcome"] != "failed"]
        for put in answered:
            record = put["before"] if again else stood[put["book_id"], put["document"]]
            if record is not None:
                sent.setdefault(put["book_id"], []).append(record)
        forget_run(api, run.account, run.profile, report.written, bases, now, again=again, sent=sent)
        writer.finish(report.written, uuids)
    finally:
        writer.close()
    return Undone(run, report, results)


def _left_by(run: Run, put: PutBack, uuids: Mapping[int, str], api: Any, again: bool) -> Progress | None:
    """The record that the run left under a document; None where it had taken one away."""
    ours = put["ours"]
    if ours is None:
        return None
    prefix = OWN_DEVICE_PREFIX if again else PUSH_DEVICE_PREFIX
    return {
        "document": put["document"],
        "percentage": ours["percentage"],
        "progress": ours["progress"],
        "device": DEVICE,
        "device_id": prefix + library_id(api),
        "timestamp": run.put_times.get((uuids[put["book_id"]], put["document"])),
    }


def _reversed(put: PutBack, stood: Progress | None) -> PutBack:
    before = put["before"]
    ours: PutBackOurs | None = None
    if before is not None and before["progress"]:
        ours = {"progress": before["progress"], "percentage": before["percentage"]}
    return {"book_id": put["book_id"], "document": put["document"], "ours": ours, "before": stood}


def _bases(
    undo: Undo, results: Collection[PutBackResult], failed: Collection[int], ids: Mapping[str, int], again: bool
) -> dict[int, BaseChange]:
    """The base changes by book id. A record that was put there again has another time than when it was pushed."""
    times = {
        result["put_back"]["document"]: result["timestamp"] for result in results if result["outcome"] == "restored"
    }
    bases: dict[int, BaseChange] = {}
    for change in undo.bases:
        book_id, after = ids[change.uuid], change.after
        if book_id in failed:
            continue
        if after is not None and again and after["document"] in times:
            after = cast(Base, {**after, "timestamp": times[after["document"]]})
        bases[book_id] = BaseChange(change.uuid, change.before, after)
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
