"""Asks a server about an account while the preferences are open: in a thread of its own, answered on the GUI thread."""

from __future__ import annotations

import threading
from typing import Any, Literal

from qt.core import QObject, Qt, pyqtSignal

from .bridge_client import SyncError
from .bridge_host import Launch
from .contract import Account, AccountAnswer
from .explain import Explanation, explain

load_translations()

Question = Literal["account/authorize", "account/register"]


class AccountCheck(QObject):
    """`answered` carries the URL that really answers; `refused` the explanation, and the data of the refusal."""

    answered = pyqtSignal(object)
    refused = pyqtSignal(object, object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._abort = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def ask(self, launch: Launch, question: Question, account: Account) -> None:
        """One question at a time."""
        self._abort = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(launch, question, account, self._abort), name="account-check", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Nobody waits for the answer any more."""
        self._abort.set()
        self.blockSignals(True)

    def _run(self, launch: Launch, question: Question, account: Account, abort: threading.Event) -> None:
        try:
            with launch.open(account) as bridge:
                answer: AccountAnswer = bridge.request(question, {"account": account}, abort=abort)
            outcome: Any = answer
        except Exception as error:
            data = error.data if isinstance(error, SyncError) else {}
            reason = explain(error) or Explanation(_("This could not be done."), "", repr(error))
            outcome = (reason, data)
        try:
            if abort.is_set():
                return
            if isinstance(outcome, tuple):
                self.refused.emit(*outcome)
            else:
                self.answered.emit(outcome)
        except RuntimeError:
            # The dialog was closed and Qt has taken the object away.
            pass


QUEUED = Qt.ConnectionType.QueuedConnection
