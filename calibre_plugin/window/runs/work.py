"""What a job of calibre's is called with: one thing that says nothing of what it knows, and keeps nothing it has told.

calibre writes whatever a failed job was called with into the job's details, and keeps every job until it closes.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable
from typing import Any, Final, Generic, TypeVar

from ..parts.calibre_window import Job
from ...link.contract import Account

Outcome = TypeVar("Outcome")

# What stands in a report in place of a secret.
HIDDEN: Final = "…"


class JobFault(Exception):
    """A fault of ours in a job, as text: the error itself would keep alive all that its frames knew."""


class Work(Generic[Outcome]):
    """Calls `do` with `args` in a job's thread, once; what comes of it is taken once. Raises JobFault in place of a fault.

    None of the `secrets` is in the fault's text.
    """

    def __init__(self, do: Callable[..., Outcome], args: tuple[Any, ...], secrets: Iterable[str] = ()) -> None:
        self._given: tuple[Callable[..., Outcome], tuple[Any, ...]] | None = (do, args)
        # The longest first: one may be part of another.
        self._secrets = sorted({secret for secret in secrets if secret}, key=len, reverse=True)
        self._outcome: Outcome | None = None

    def __call__(self, **job: Job) -> None:
        given, self._given = self._given, None
        if given is None:
            return
        do, args = given
        told = ""
        try:
            self._outcome = do(*args, **job)
        except Exception as error:
            told = self._without_secrets("".join(traceback.format_exception(type(error), error, error.__traceback__)))
        del do, args, given
        # Not inside the handler: the new error would hold on to the old one.
        if told:
            raise JobFault(told)

    def take(self) -> Outcome | None:
        """What came of it, let go with that; None when it was stopped or never begun."""
        self._given = None
        outcome, self._outcome = self._outcome, None
        return outcome

    def _without_secrets(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text


def secrets_of(account: Account | None) -> list[str]:
    """What of an account nobody else may read; its address too, which may hold a key or a password."""
    if account is None:
        return []
    return [account["userkey"], *account["headers"].values(), account["url"], account["proxy"] or ""]
