"""Pull: the server's progress becomes a plan (`prepare`), and the accepted part of it becomes cells (`apply`)."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import islice
from types import TracebackType
from typing import Final

from ..library.calibre_db import CalibreDb
from .bridge_run import bridge_run
from ..library.book_data import heed_damage
from ..memory.account_key import key_for
from ..memory.book_memory import Outcome, base_changes, decided, merge_into, recall, remember
from ..link.client import Bridge, BridgeClient, SyncError
from ..library.settings import has_newer_book_data, library_id
from ..memory.mending import mend
from ..copies.content_key import file_content_key, is_versioned
from ..link.contract import (
    BOOKS_PER_MESSAGE,
    EPUB_FORMATS,
    SYNC_ERRORS,
    Account,
    Book,
    ColumnUpdate,
    ConflictPolicy,
    KnownDigest,
    PlanPage,
    PlanPullAnswer,
    PredictedDigests,
    Profile,
    PullPlan,
    Reach,
    Why,
)
from ..memory.marks import read_marks
from ..memory.readings import read_readings
from ..settings.readers import readers_of
from ..memory.history import add_digests, read_digests
from ..memory.journal_run import Decision, RunKind
from ..memory.journaled import Journaled
from ..library.books import WriteReport, read_books
from ..memory.noticed import with_news
from ..copies.strip_list import our_folder
from ..memory.journal import WriteJournal

# (done, total, phase): phases are "reading", "digests", "asking", "planning", "opening" and "predicting".
OnPhase = Callable[[int, int, str], None]
# The reason of books that a shared server's daily allowance left no question for.
SPENT: Final = "allowance_spent"
# The reason of books about which the server was not asked this time: news of others was likelier.
NOT_ASKED: Final = "not_asked"
# The reason of books that the run did not come to, because the server fell silent before.
NOT_REACHED: Final = "not_reached"
# Digests that a book's copies may have although none of them was seen leaving.
Predict = Callable[[int], list[KnownDigest]]


@dataclass(frozen=True)
class PullOptions:
    """How a pull is run: `reach` says how far it asks.

    `settle` decides what planning leaves for a person to decide. `readers` are the devices and folders whose word counts;
    None: the profile's.
    """

    reach: Reach = "quiet"
    settle: ConflictPolicy | None = None
    predict: Predict | None = None
    readers: Collection[str] | None = None


@dataclass(frozen=True)
class Decisions:
    """What the reader said to a plan: the accepted updates (None: all), and conflicts decided for one side."""

    accepted: Sequence[ColumnUpdate] | None = None
    theirs: frozenset[int] = frozenset()
    ours: frozenset[int] = frozenset()


@dataclass
class Pulled:
    """A prepared pull: what would be done to which books, and when it was begun (epoch seconds)."""

    plan: PullPlan
    book_ids: list[int]
    began: float


@dataclass
class Applied:
    """What was done: `run_id` names the run in the write journal, None when nothing was written."""

    report: WriteReport = field(default_factory=WriteReport)
    run_id: str | None = None


def prepare(
    api: CalibreDb,
    book_ids: Sequence[int],
    account: Account | None,
    profile: Profile,
    bridge: Bridge,
    options: PullOptions,
    abort: threading.Event,
    on_phase: OnPhase,
) -> Pulled:
    """Reads the books, asks the server, and plans. Writes nothing. Raises SyncError, also `Cancelled` on abort."""
    began = time.time()
    ids = list(book_ids)
    key = key_for(account, profile["id"])
    mended: set[int] = set()

    def ask(one: BridgeClient) -> PullPlan:
        pages = with_memory(api, key, profile, read_books(api, ids, profile["columns"]), mended, options.readers)
        return _plan(pages, len(ids), account, profile, one, options, abort, on_phase)

    plan = bridge.in_one(ask)
    known = api.all_book_ids()
    plan["skipped"].extend(
        {"book_id": book_id, "reason": {"code": "book_gone", "data": {}}} for book_id in ids if book_id not in known
    )
    plan["skipped"].extend(
        {"book_id": book_id, "reason": {"code": "memory_mended", "data": {}}} for book_id in sorted(mended)
    )
    return Pulled(plan, ids, began)


def with_memory(
    api: CalibreDb,
    account_id: str,
    profile: Profile,
    pages: Iterator[list[Book]],
    mended: set[int] | None = None,
    readers: Collection[str] | None = None,
) -> Iterator[list[Book]]:
    """The pages with all that the library remembers of each book: base, reading log, history of digests.

    Of books in `mended` it was damaged, and is now what the logs know. Of the devices and folders, those in `readers`
    count; None: the profile's own.
    """
    counting = readers_of(api, profile["id"]) if readers is None else frozenset(readers)
    for read in pages:
        page = with_news(api, read)
        with heed_damage() as damage:
            remembered = _remembered(api, account_id, profile, page, counting)
        if damage:
            mend(api, journal_of(api), damage)
            remembered = _remembered(api, account_id, profile, page, counting)
            if mended is not None:
                mended |= {book_id for _name, book_id in damage}
        yield remembered


def _remembered(
    api: CalibreDb, account_id: str, profile: Profile, page: Sequence[Book], readers: Collection[str]
) -> list[Book]:
    ids = [book["book_id"] for book in page]
    remembered = recall(api, account_id, ids, profile["id"])
    digests = read_digests(api, ids)
    marks = read_marks(api, ids)
    readings = read_readings(api, ids)

    def whole(book: Book) -> Book:
        told = readings.get(book["book_id"], [])
        # A device that tells more is known by its id, and whose it is; these words are of before that.
        named = {reading["device"] for reading in told}
        return {
            **merge_into(book, remembered),  # type: ignore[typeddict-item]
            "digests": digests.get(book["book_id"], []),
            "marks": [mark for mark in marks.get(book["book_id"], []) if mark["device"] not in named],
            "readings": [reading for reading in told if reading["device_id"] in readers],
        }

    return [whole(book) for book in page]


def wanted_updates(plan: PullPlan, said: Decisions) -> list[ColumnUpdate]:
    """The cells that the reader wants written: those accepted, and those of conflicts decided for the server."""
    wanted = [*(plan["updates"] if said.accepted is None else said.accepted)]
    for conflict in plan["conflicts"]:
        if conflict["book_id"] in said.theirs:
            wanted.extend(conflict["updates"])
    return wanted


class Writing(AbstractContextManager["Writing"]):
    """The writing of an accepted plan, as a whole or slice by slice; nothing is written that is not journalled first.

    `run` is the run that it belongs to, where one has begun; else it is a run of its own of this `kind`, if there is
    anything to write.
    What was not finished is repaired at the next start. Raises OSError when the journal cannot be kept: then nothing
    more was written.
    """

    def __init__(
        self,
        api: CalibreDb,
        pulled: Pulled,
        account: Account | None,
        profile: Profile,
        decisions: Decisions | None = None,
        run: Journaled | None = None,
        kind: RunKind = "pull",
    ) -> None:
        self._api = api
        self._pulled = pulled
        self._account = account
        self._profile = profile
        self._said = decisions or Decisions()
        plan = pulled.plan
        self.wanted = wanted_updates(plan, self._said)
        agreed = [*plan["placeless"], *plan["bases"], *(conflict["base"] for conflict in plan["conflicts"])]
        self._documents = {base["book_id"]: base["document"] for base in agreed}
        self._own = None
        # Said to the journal before the first cell is written.
        self._unsaid: list[Decision] = []
        if run is None and self.wanted:
            run = self._own = Journaled(api, journal_of(api), kind, profile["id"], key_for(account, profile["id"]))
            self._unsaid = decided(plan, self.wanted, self._said.theirs, self._said.ours, run.names)
        self._run = run
        self.report = run.report if run is not None else WriteReport()

    def write(self, updates: Sequence[ColumnUpdate]) -> None:
        """Writes these of the wanted updates: only cells that still hold `before`."""
        if self._run is None:
            return
        self._run.decide(self._unsaid)
        self._unsaid = []
        self._run.write(updates, self._profile["columns"], self._documents)

    def finish(self) -> Applied:
        """Remembers what both sides now agree on. What was never written is offered again."""
        plan, profile = self._pulled.plan, self._profile
        account_id = key_for(self._account, profile["id"])
        outcome = self._outcome()

        def keep() -> None:
            book_ids, began = self._pulled.book_ids, self._pulled.began
            remember(self._api, account_id, profile, plan, outcome, book_ids, began, time.time())
            add_digests(self._api, _digests_by_book(self._api, plan))

        if self._run is None:
            keep()
            return Applied(self.report)
        changes = base_changes(plan, outcome, self._run.names, self._api, account_id, profile["id"])
        self._run.remember(changes, keep)
        return Applied(self.report, self._run.id)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._own is not None:
            self._own.__exit__(kind, error, trace)

    def _outcome(self) -> Outcome:
        """Cells that changed under our hands, failed, or were never reached are no refusal of the reader's."""
        written = {(update["book_id"], update["column"]) for update in self.report.written}
        left = {update["book_id"] for update in self.wanted if (update["book_id"], update["column"]) not in written}
        return Outcome(self.report.written, set(self._said.theirs), set(self._said.ours), left)


def apply(
    api: CalibreDb, pulled: Pulled, account: Account | None, profile: Profile, decisions: Decisions | None = None
) -> Applied:
    """Writes what was accepted, in one go. Raises OSError when the journal cannot be kept."""
    with Writing(api, pulled, account, profile, decisions) as writing:
        writing.write(writing.wanted)
        return writing.finish()


def settled(plan: PullPlan) -> Decisions:
    """The decisions that the bridge made by the policy it was given."""
    sides = {conflict["book_id"]: conflict["side"] for conflict in plan["conflicts"]}
    theirs = frozenset(book_id for book_id, side in sides.items() if side == "theirs")
    ours = frozenset(book_id for book_id, side in sides.items() if side == "ours")
    return Decisions(theirs=theirs, ours=ours)


def journal_of(api: CalibreDb) -> WriteJournal:
    """The write journal of this library on this machine."""
    return WriteJournal(os.path.join(our_folder(), "journal"), library_id(api), has_newer_book_data(api))


def _digests_by_book(api: CalibreDb, plan: PullPlan) -> dict[int, list[KnownDigest]]:
    """The digests that answered, by book, for its history."""
    found: dict[int, list[KnownDigest]] = {}
    for finding in plan["digests"]:
        digest = _with_content_key(api, finding["book_id"], finding["digest"])
        found.setdefault(finding["book_id"], []).append(digest)
    return found


def _with_content_key(api: CalibreDb, book_id: int, digest: KnownDigest) -> KnownDigest:
    """A copy made by hand of the library's own file has that file's text: its place may be offered on other copies."""
    fmt = digest["format"]
    if digest["source"] != "library" or is_versioned(digest["content_key"]) or fmt not in EPUB_FORMATS:
        return digest
    path = api.format_abspath(book_id, fmt)
    return {**digest, "content_key": file_content_key(path) if path else digest["content_key"]}


def _plan(
    pages: Iterator[list[Book]],
    total: int,
    account: Account | None,
    profile: Profile,
    bridge: BridgeClient,
    options: PullOptions,
    abort: threading.Event,
    on_phase: OnPhase,
) -> PullPlan:
    with bridge_run(bridge, pages, abort, lambda sent: on_phase(sent, total, "reading")) as run:
        request = {
            "run": run,
            "account": account,
            "profile": profile,
            "reach": options.reach,
            "predicts": options.predict is not None,
            "settle": options.settle,
        }
        asked: PlanPullAnswer = bridge.request("sync/planPull", request, abort=abort, on_progress=on_phase)
        if options.predict is not None and asked["wants"]:
            for books in _in_pages(_predicted(asked["wants"], options.predict, abort, on_phase)):
                bridge.request("sync/predicted", {"run": run, "books": books}, abort=abort)
        reasons: dict[str, Why] = {}
        plan = _shared(asked["plan"], reasons)
        more = asked["more"]
        while more:
            _stop_if(abort)
            page: PlanPage = bridge.request("sync/next", {"run": run}, abort=abort, on_progress=on_phase)
            _extend(plan, _shared(page["plan"], reasons))
            more = page["more"]
    return plan


def _predicted(
    book_ids: Sequence[int], predict: Predict, abort: threading.Event, on_phase: OnPhase
) -> Iterator[PredictedDigests]:
    """The digests that the copies of these books may have, for those that may have any."""
    for done, book_id in enumerate(book_ids, 1):
        _stop_if(abort)
        digests = predict(book_id)
        _stop_if(abort)
        on_phase(done, len(book_ids), "predicting")
        if digests:
            yield {"book_id": book_id, "digests": digests}


def _in_pages(books: Iterator[PredictedDigests]) -> Iterator[list[PredictedDigests]]:
    while page := list(islice(books, BOOKS_PER_MESSAGE)):
        yield page


def _extend(plan: PullPlan, more: PullPlan) -> None:
    for key, items in more.items():
        plan[key].extend(items)


def _shared(plan: PullPlan, reasons: dict[str, Why]) -> PullPlan:
    """The plan with one object for each reason, not for each book: calibre's window looks through all that is new."""
    for skip in plan["skipped"]:
        skip["reason"] = reasons.setdefault(repr(skip["reason"]), skip["reason"])
    return plan


def _stop_if(abort: threading.Event) -> None:
    if abort.is_set():
        raise SyncError("Cancelled", SYNC_ERRORS["Cancelled"])
