"""One run of one profile: what was asked for, and how far it has come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

from ..parts.calibre_window import Job
from ...library.calibre_db import CalibreDb
from ...settings.config import StoredProfile
from ...link.contract import Account, ColumnUpdate, Profile, PullPlan, Reach
from .work import Work
from .jobs import PullRequest
from ..review.dialog import ResultDialog
from ..review.plan_rows import BookRow
from ..parts.progress import ProgressWindow
from ...sync.pull import Applied, Pulled
from ...words.explain import Explanation

Outcome = TypeVar("Outcome")
Trigger = Literal["reader", "start", "timer", "device", "sync", "arrival"]


@dataclass(frozen=True)
class Arrival:
    """What a run of places that have arrived is about."""

    documents: frozenset[str]
    # Documents that the whole library was looked through for already.
    tried: frozenset[str]
    # Whether the reader has a window open in which a book may be edited.
    is_in_the_way: Callable[[], bool]
    # Has them follow later.
    put_off: Callable[[], None]


@dataclass
class Run:
    """One run of one profile over some books of one library."""

    api: CalibreDb
    stored: StoredProfile
    profile: Profile
    account: Account | None
    book_ids: Sequence[int]
    trigger: Trigger
    preview: bool
    push: bool = False
    reach: Reach = "usual"
    offer: bool = False
    # Whether only those of the books count that are being read.
    reading: bool = False
    # Where places have arrived, which.
    arrival: Arrival | None = None
    # The account that reading moves away from; empty where none does.
    move_from: str = ""
    # calibre's job that is under way, what it does, and who is told what came of it.
    job: Job | None = None
    work: Work[Any] | None = None
    then: Callable[[Run, Any], None] | None = None
    window: ProgressWindow | None = None
    request: PullRequest | None = None
    pulled: Pulled | None = None
    applied: Applied = field(default_factory=Applied)
    # Books that were to change and did not, because what is written could not be noted first.
    unwritten: int = 0
    rows: list[BookRow] = field(default_factory=list)
    reviewed: bool = False
    # Folders of copy logs that could not be read.
    out_of_reach: list[str] = field(default_factory=list)
    # What the reader has to be told of stored things, in sentences.
    notices: list[str] = field(default_factory=list)

    @property
    def plan(self) -> PullPlan | None:
        """What would be done, once it is known."""
        return self.pulled.plan if self.pulled else None

    @property
    def is_quiet(self) -> bool:
        return self.trigger != "reader"

    @property
    def notifies(self) -> bool:
        """Whether its end is a notification too: of places that arrive the status bar tells alone."""
        return self.is_quiet and self.arrival is None

    @property
    def undecided(self) -> int:
        """How many books are still for the reader to decide about."""
        if self.reviewed:
            return sum(row.kind == "conflict" and row.decision == "later" for row in self.rows)
        return len(self.plan["conflicts"]) if self.plan else 0

    @property
    def needs_eyes(self) -> bool:
        """Whether something is left that the reader may want to look into."""
        report = self.applied.report
        return bool(report.stale or report.failed or self.unwritten or self.undecided)


class RunsHub(Protocol):
    """What a run of any kind needs of the window's runs: jobs, words, and to be ended."""

    last: Run | None
    review: ResultDialog | None
    show_unmatched: Callable[[], None]
    open_preferences: Callable[[str], None]

    @property
    def is_busy(self) -> bool: ...
    def is_open(self, api: CalibreDb) -> bool: ...
    def start(
        self, stored: StoredProfile | None, book_ids: Sequence[int], trigger: Trigger = ..., *, push: bool = ...
    ) -> bool: ...
    def run_job(
        self,
        run: Run,
        title: str,
        work: Callable[..., Outcome],
        args: tuple[object, ...],
        then: Callable[[Run, Outcome | None], None],
    ) -> None: ...
    def end(self, run: Run, sentence: str) -> None: ...
    def end_in_trouble(self, run: Run, trouble: Explanation) -> None: ...
    def say(self, sentence: str, quiet: bool) -> None: ...
    def complain(self, reason: Explanation, quiet: bool) -> None: ...
    def tell_idle(self) -> None: ...
    def refresh(self, book_ids: Iterable[int]) -> None: ...
    def keep(self, key: str, value: object) -> None: ...
    def column_name(self, column: str) -> str: ...
    def show_rows(
        self,
        run: Run,
        title: str,
        headline: str,
        apply_label: str,
        column_name: Callable[[str], str],
        on_accept: Callable[[list[BookRow], list[ColumnUpdate]], None],
        on_reject: Callable[[], None],
    ) -> None: ...
