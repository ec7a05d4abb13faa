"""Asks a server about an account while the preferences are open: in a thread, answered on the GUI thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from qt.core import QObject

from ..parts.background import Background
from ...link.client import SyncError
from ...link.host import Launch
from ...link.contract import Account, AccountAnswer
from ...words.explain import Explanation, explain_login

load_translations()

Question = Literal["account/authorize", "account/register"]


@dataclass(frozen=True)
class Verdict:
    """The URL that really answers, or why it was refused and what the refusal carried."""

    answer: AccountAnswer | None = None
    reason: Explanation | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


class AccountCheck:
    """One question at a time."""

    def __init__(self, parent: QObject) -> None:
        self._background = Background(parent)
        self._abort = threading.Event()

    @property
    def is_running(self) -> bool:
        return self._background.is_running

    def ask(self, launch: Launch, question: Question, account: Account, then: Callable[[Verdict], None]) -> None:
        abort = self._abort = threading.Event()
        self._background.run(lambda: verdict_of(launch, question, account, abort), then)

    def stop(self) -> None:
        """Nobody waits for the answer any more."""
        self._abort.set()
        self._background.stop()


def verdict_of(launch: Launch, question: Question, account: Account, abort: threading.Event) -> Verdict:
    """Asks, in whatever thread this is; never raises."""
    try:
        with launch.open(account) as bridge:
            return Verdict(answer=bridge.request(question, {"account": account}, abort=abort))
    except Exception as error:
        data = error.data if isinstance(error, SyncError) else {}
        return Verdict(
            reason=explain_login(error) or Explanation(_("This could not be done."), "", repr(error)), data=data
        )
