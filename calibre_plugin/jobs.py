"""What runs in calibre's job threads: no widgets, no writing; plain data comes back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from typing import Any

from . import pull
from .bridge_client import SyncError
from .bridge_host import Launch
from .contract import Account, Profile, PullPlan
from .explain import Explanation, explain
from .messages import phase_sentence

load_translations()

# Of the whole bar, where each phase begins and how much of it the phase takes.
PHASES: dict[str, tuple[float, float]] = {
    "reading": (0.0, 0.1),
    "digests": (0.1, 0.3),
    "asking": (0.4, 0.45),
    "planning": (0.85, 0.05),
    "predicting": (0.9, 0.1),
}


@dataclass(frozen=True)
class PullRequest:
    """One pull of one profile; `api` is the library that was open when it was asked for."""

    api: Any
    book_ids: Sequence[int]
    account: Account
    profile: Profile
    launch: Launch
    force: bool


@dataclass(frozen=True)
class PullOutcome:
    """How a pull's first half ended: with a plan, with an explanation, or (both None) stopped by the reader."""

    plan: PullPlan | None = None
    trouble: Explanation | None = None


def pull_job(
    request: PullRequest, *, log: Callable[..., None], abort: threading.Event, notifications: Queue[Any]
) -> PullOutcome:
    """Asks the server and plans. Returns also when it was stopped: calibre loses the end of a job that raises then."""

    def on_phase(done: int, total: int, phase: str) -> None:
        begin, share = PHASES.get(phase, (0.0, 1.0))
        notifications.put((begin + share * (done / total if total else 1.0), phase_sentence(phase, done, total)))

    library = str(Path(request.api.backend.library_path))
    try:
        notifications.put((0.0, _("Starting…")))
        with request.launch.open(request.account, read=[library]) as bridge:
            options = pull.PullOptions(force=request.force)
            plan = pull.prepare(
                request.api,
                list(request.book_ids),
                request.account,
                request.profile,
                bridge,
                options,
                abort,
                on_phase,
            )
            log(bridge.log)
        return PullOutcome(plan=plan)
    except Exception as error:
        if abort.is_set() or (isinstance(error, SyncError) and error.name == "Cancelled"):
            return PullOutcome()
        trouble = explain(error)
        if trouble is None:
            raise
        log(trouble.text, trouble.details)
        return PullOutcome(trouble=trouble)
