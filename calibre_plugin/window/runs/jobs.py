"""What runs in calibre's job threads: no widgets, no writing; plain data comes back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue

from ...library.calibre_db import CalibreDb
from ...sync import pull
from ...sync.arrived_books import books_of_arrived, join_arrivals
from ...sync.being_read import books_being_read
from ...link.client import SyncError
from ...link.host import Launch
from ...sync.carry_over import carry_over
from ...settings.config import map_columns
from ...link.contract import Account, Profile, Reach
from ...words.explain import Explanation, explain, library_gone
from ...copies.log_places import out_of_reach
from ...memory.account_key import key_for
from ...memory.schema import bring_up_to_date
from ...memory.mending import remember_again
from ...words.phases import phase_sentence
from ...sync.places import deliver_positions
from ...library.books import in_slices
from ...window.review.plan_rows import BookRow, rows_of, tell_outcomes
from ...memory.predict import predictor
from ...sync.push_undo import undo_push
from ...memory.rebuild import rebuild
from ...sync.repair import repair
from ...copies.stored import untold_notices
from ...words.stored import notice_sentence
from ...sync.undo import Undone, undo_run
from ...sync.unlinking import put_back
from ...memory.journal_run import Run, RunKind

load_translations()

# What calibre's list of jobs knows ours by.
JOB_TYPE = "koreader_progress"

# Of the whole bar, where each phase begins and how much of it the phase takes.
PHASES: dict[str, tuple[float, float]] = {
    # Who has asked nothing yet has done next to nothing: the server is what takes its time.
    "reading": (0.0, 0.03),
    "digests": (0.03, 0.02),
    "asking": (0.05, 0.8),
    "planning": (0.85, 0.02),
    "opening": (0.87, 0.03),
    "predicting": (0.9, 0.1),
}


@dataclass(frozen=True)
class PullRequest:
    """One pull of one profile; `api` is the library that was open when it was asked for."""

    api: CalibreDb
    book_ids: Sequence[int]
    # None asks no server.
    account: Account | None
    profile: Profile
    launch: Launch
    # How far the run asks: whether by itself, by a click, about everything, or about these very books.
    reach: Reach
    # Whether digests that no copy is known to have may be asked about.
    predict: bool
    # Further folders of copy logs, of a calibre in a container for instance.
    copy_logs: Sequence[str] = ()
    # Which of calibre's own readers follow: the desktop viewer, and these users of the content server.
    viewer: bool = False
    users: Sequence[str] = ()
    # Whether only those of the books count that are being read.
    reading: bool = False
    # Where places have arrived: which documents' books count, and which of them were looked for in vain already.
    arrived: tuple[frozenset[str], frozenset[str]] | None = None

    @property
    def key(self) -> str:
        """Under which what the profile agreed on is kept."""
        return key_for(self.account, self.profile["id"])

    @property
    def login(self) -> Account:
        """The account, for what is put on a server: nobody begins that without one."""
        if self.account is None:
            raise ValueError("no account")
        return self.account


@dataclass(frozen=True)
class PullOutcome:
    """How a pull's first half ended: with a plan, with an explanation, with nothing to do, or stopped by the reader."""

    pulled: pull.Pulled | None = None
    # What the review would show.
    rows: list[BookRow] = field(default_factory=list)
    trouble: Explanation | None = None
    # Folders of copy logs that could not be read.
    out_of_reach: list[str] = field(default_factory=list)
    # What the reader has to be told of stored things, in sentences.
    notices: list[str] = field(default_factory=list)
    # Why there was nothing to ask about.
    nothing: str = ""


def phase_reporter(notifications: Queue[tuple[float, str]]) -> Callable[[int, int, str], None]:
    """Turns phases into the job's bar and words."""

    def on_phase(done: int, total: int, phase: str) -> None:
        begin, share = PHASES.get(phase, (0.0, 1.0))
        notifications.put((begin + share * (done / total if total else 1.0), phase_sentence(phase, done, total)))

    return on_phase


def pull_job(
    request: PullRequest, *, log: Callable[..., None], abort: threading.Event, notifications: Queue[tuple[float, str]]
) -> PullOutcome:
    """Asks the server and plans. Returns also when it was stopped: calibre loses the end of a job that raises then."""
    on_phase = phase_reporter(notifications)
    library = str(Path(request.api.backend.library_path))
    gone = gone_library(request.api)
    if gone is not None:
        return PullOutcome(trouble=gone)
    try:
        notifications.put((0.0, _("Starting…")))
        take_up(request.api, log)
        rebuild(request.api, request.copy_logs, abort)
        # A restored library may have numbered its columns anew.
        try:
            map_columns(request.api, request.profile["columns"])
        except OSError as error:
            log("strip list:", str(error))
        with request.launch.open(request.account, read=[library]) as bridge:
            ids = list(request.book_ids)
            if request.arrived is not None:
                ids = books_of_arrived(request.api, ids, *request.arrived)
                if not ids:
                    return PullOutcome()
            if request.reading:
                ids = books_being_read(request.api, ids, request.key, request.profile, bridge, abort)
                if not ids:
                    return PullOutcome(nothing=_("No book is being read, as far as the columns tell."))
            predict = predictor(request.api, request.profile["columns"], abort) if request.predict else None
            options = pull.PullOptions(request.reach, predict=predict)
            pulled = pull.prepare(
                request.api,
                ids,
                request.account,
                request.profile,
                bridge,
                options,
                abort,
                on_phase,
            )
            log(bridge.log)
        lost = out_of_reach(request.copy_logs)
        told = [notice_sentence(met) for met in untold_notices()]
        return PullOutcome(
            pulled=pulled,
            rows=rows_of(request.api, pulled.plan, request.profile["columns"]),
            out_of_reach=lost,
            notices=told,
        )
    except Exception as error:
        if abort.is_set() or (isinstance(error, SyncError) and error.name == "Cancelled"):
            return PullOutcome()
        trouble = explain(error)
        if trouble is None:
            raise
        log(trouble.text, trouble.details)
        return PullOutcome(trouble=trouble)


def take_up(api: CalibreDb, log: Callable[..., None]) -> None:
    """Puts right, before anything new is decided, what a crash, a restore or an older version has left.

    Raises NewerSchema in a library that a newer version has written.
    """
    try:
        bring_up_to_date(api)
    except OSError as error:
        # What is of an older schema can be read as it is.
        log("schema:", str(error))
    journal = pull.journal_of(api)
    repair(api, journal)
    remember_again(api, journal)


@dataclass(frozen=True)
class WriteOutcome:
    """How a pull's second half ended."""

    applied: pull.Applied = field(default_factory=pull.Applied)
    trouble: Explanation | None = None
    # Books that were to change and did not, because of the trouble.
    unwritten: int = 0


def write_job(
    request: PullRequest,
    pulled: pull.Pulled,
    decisions: pull.Decisions,
    rows: Sequence[BookRow],
    *,
    log: Callable[..., None],
    abort: threading.Event,
    notifications: Queue[tuple[float, str]],
) -> WriteOutcome:
    """Writes what was accepted, slice by slice, then remembers it. What a stop leaves over is offered again.

    The rows are told what became of their cells.
    """
    gone = gone_library(request.api)
    if gone is not None:
        return _unwritten(pulled, decisions, rows, pull.Applied(), gone)
    applied = pull.Applied()
    try:
        kind: RunKind = "pull" if request.arrived is None else "arrival"
        with pull.Writing(request.api, pulled, request.account, request.profile, decisions, kind=kind) as writing:
            # Also when the journal fails half way: what stands in the library by then is shown.
            applied = pull.Applied(writing.report)
            done = 0
            for some in in_slices(writing.wanted, abort):
                writing.write(some)
                done += len(some)
                share = done / len(writing.wanted)
                notifications.put((share, phase_sentence("writing", done, len(writing.wanted))))
            applied = writing.finish()
        if request.arrived is not None and applied.run_id is not None:
            join_arrivals(request.api, applied.run_id)
    except OSError as error:
        trouble = Explanation(
            _("The log for undoing could not be kept, so nothing more was written."),
            _("Is there space left on the disk of calibre's configuration folder?"),
            str(error),
        )
        return _unwritten(pulled, decisions, rows, applied, trouble)
    if not abort.is_set() and (request.viewer or request.users):
        _deliver(request, pulled, log, abort)
    # Places that arrive all day would fill the journal with it: the next sync carries over.
    if not abort.is_set() and pulled.plan["carry_overs"] and request.arrived is None:
        _carry_over(request, pulled, log, abort)
    tell_outcomes(rows, applied.report)
    return WriteOutcome(applied)


def _unwritten(
    pulled: pull.Pulled,
    decisions: pull.Decisions,
    rows: Sequence[BookRow],
    applied: pull.Applied,
    trouble: Explanation,
) -> WriteOutcome:
    """The writing ended early: what stands in the library by then, and how many books it never came to."""
    report = applied.report
    tell_outcomes(rows, report, _("not written"))
    tried = [*report.written, *report.stale, *(update for update, _error in report.failed)]
    reached = {update["book_id"] for update in tried}
    wanted = {update["book_id"] for update in pull.wanted_updates(pulled.plan, decisions)}
    return WriteOutcome(applied, trouble, len(wanted - reached))


def gone_library(api: CalibreDb) -> Explanation | None:
    """Why nothing can be read or written: the library's folder is out of reach, although calibre holds its database."""
    folder = Path(api.backend.library_path)
    return None if Path(folder, "metadata.db").exists() else library_gone(str(folder))


def _deliver(request: PullRequest, pulled: pull.Pulled, log: Callable[..., None], abort: threading.Event) -> None:
    """calibre's own readers follow. That is a comfort: a failure is only logged, and the next sync delivers again."""
    library = str(Path(request.api.backend.library_path))
    try:
        with request.launch.open(read=[library]) as bridge:
            deliver_positions(
                request.api,
                pulled.plan,
                request.key,
                request.profile["rules"],
                request.users,
                request.viewer,
                bridge,
                abort,
                lambda *_phase: None,
                pulled.book_ids,
            )
    except Exception as error:
        log("deliver:", repr(error))


def _carry_over(request: PullRequest, pulled: pull.Pulled, log: Callable[..., None], abort: threading.Event) -> None:
    """A new copy of a book is offered its old place. It can wait for the next sync, so a failure is only logged."""
    if request.account is None:
        return
    try:
        with request.launch.open(request.account) as bridge:
            carry_over(request.api, pulled.plan, request.account, request.profile, bridge, abort, lambda *_phase: None)
    except Exception as error:
        log("carry over:", repr(error))


@dataclass(frozen=True)
class UndoOutcome:
    """How an undo ended: with what was put back, or with why nothing was."""

    undone: Undone | None = None
    trouble: Explanation | None = None


def undo_job(
    api: CalibreDb,
    run: Run,
    only: Collection[int] | None,
    launch: Launch,
    account: Account | None,
    *,
    log: Callable[..., None],
    abort: threading.Event,
    notifications: Queue[tuple[float, str]],
) -> UndoOutcome:
    """Puts back what a run wrote; what it had put on the server needs the `account`."""
    notifications.put((0.0, _("Putting back…")))
    journal = pull.journal_of(api)

    def undo(undone: Callable[[], Undone]) -> UndoOutcome:
        try:
            return UndoOutcome(undone())
        except OSError as error:
            return UndoOutcome(trouble=Explanation(_("The log for undoing could not be kept."), "", str(error)))

    try:
        if account is None:
            return undo(lambda: undo_run(api, journal, run, only, abort=abort))
        with launch.open(account) as bridge:
            return undo(lambda: undo_push(api, journal, run, account, bridge, abort, lambda *_phase: None, only))
    except Exception as error:
        if abort.is_set() or (isinstance(error, SyncError) and error.name == "Cancelled"):
            return UndoOutcome()
        trouble = explain(error)
        if trouble is None:
            raise
        return UndoOutcome(trouble=trouble)


def put_back_job(
    api: CalibreDb,
    runs: Sequence[Run],
    only: Collection[int],
    *,
    log: Callable[..., None],
    abort: threading.Event,
    notifications: Queue[tuple[float, str]],
) -> UndoOutcome:
    """Puts back what these runs wrote for some books, in this order."""
    notifications.put((0.0, _("Putting back…")))
    try:
        return UndoOutcome(Undone(runs[0], put_back(api, runs, only, abort)))
    except OSError as error:
        return UndoOutcome(trouble=Explanation(_("The log for undoing could not be kept."), "", str(error)))
