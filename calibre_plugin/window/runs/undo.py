"""Undo from calibre's window: a run of the journal, or what a digest wrote by mistake, is put back in a job."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from calibre.gui2 import Dispatcher
from calibre.gui2.threaded_jobs import ThreadedJob

from ..parts.calibre_window import CalibreWindow, Job
from .run import RunsHub
from ...library.calibre_db import CalibreDb
from ...link.host import BridgeHost
from ...settings.config import Settings
from ...link.contract import Account
from ...words.explain import Explanation
from .work import Work, secrets_of
from .jobs import JOB_TYPE, UndoOutcome, put_back_job, undo_job
from ...link.proxy import with_proxy
from ..review.undo_words import undo_sentence
from ...memory.journal_run import Run
from ...memory.schema import why_left_alone

load_translations()


class UndoRuns:
    """One undo at a time, and none beside a run: `runs` gives the window's words, and knows whether something runs."""

    def __init__(self, gui: CalibreWindow, host: BridgeHost, settings: Settings, runs: RunsHub) -> None:
        self._gui = gui
        self._host = host
        self._settings = settings
        self._runs = runs
        # The job that puts back at this moment, what it does, and the library it does it in.
        self.job: Job | None = None
        self._work: Work[UndoOutcome] | None = None
        self._api: CalibreDb | None = None
        # One for all jobs: calibre keeps each job, and with it whom it told.
        self._told = Dispatcher(self._done, parent=runs)
        # What is to be put back as soon as nothing runs: the library, runs, books.
        self._put_backs: list[tuple[CalibreDb, Sequence[Run], Collection[int]]] = []

    def undo(self, api: CalibreDb, journaled: Run, only: Collection[int] | None = None) -> None:
        """Puts back what a run wrote in this library, for all its books or some, in a job."""
        if self._runs.is_busy:
            self._gui.status_bar.show_message(_("A sync is running: undo when it has ended."), 5000)
            return
        if not self._runs.is_open(api):
            self._runs.say(_("That was in another library: switch back to it first."), quiet=False)
            return
        if not self._may_write(api):
            return
        account: Account | None = None
        if journaled.standing_puts:
            account = self._settings.account(journaled.account)
            if account is None:
                self._runs.complain(
                    Explanation(
                        _(
                            "The account that sent this is no longer there, so nothing can be taken back from its "
                            "server."
                        ),
                        _("Enter it again in the preferences, then undo."),
                        tab="account",
                    ),
                    quiet=False,
                )
                return

        launch = self._host.prepare(self._settings.get("runtime_path"))
        asked = with_proxy(account) if account else None
        self._begin(undo_job, (api, journaled, only, launch, asked), secrets_of(asked))

    def _may_write(self, api: CalibreDb) -> bool:
        """Whether this version may put anything back in the library; else the reader is told why not."""
        left_alone = why_left_alone(api)
        if left_alone is not None:
            self._runs.complain(left_alone, quiet=False)
        return left_alone is None

    def put_back(self, api: CalibreDb, journaled: Sequence[Run], only: Collection[int]) -> None:
        """Puts back the cells that these runs wrote for some books of this library, one run after the other."""
        if not self._may_write(api):
            return
        self._put_backs.append((api, journaled, only))
        if self._runs.is_busy:
            # Asked for once and for all: the window that offered it is gone.
            self._gui.status_bar.show_message(_("Another sync is running; this one follows."), 5000)
        else:
            self.next_put_back()

    def next_put_back(self) -> None:
        """Begins what waits to be put back, if nothing runs."""
        while self._put_backs and not self._runs.is_busy:
            args = self._put_backs.pop(0)
            if self._runs.is_open(args[0]):
                self._begin(put_back_job, args)
            else:
                self._runs.say(_("That was in another library: switch back to it first."), quiet=False)

    def _begin(self, work: Any, args: tuple[Any, ...], secrets: Iterable[str] = ()) -> None:
        """Runs a job that puts back; its first argument is the library."""
        self._work, self._api = Work(work, args, secrets), args[0]
        title = _("KOReader Progress: undo")
        self.job = ThreadedJob(JOB_TYPE, title, self._work, (), {}, self._told, killable=False)
        self._gui.job_manager.run_threaded_job(self.job)

    def _done(self, job: Job) -> None:
        if job is not self.job:
            return
        work, api = self._work, self._api
        self.job = self._work = self._api = None
        outcome = work.take() if work is not None else None
        self._runs.tell_idle()
        self.next_put_back()
        if api is None or self._gui.shutting_down or not self._runs.is_open(api):
            return
        if job.failed:
            self._gui.job_exception(job, dialog_title=_("KOReader Progress: the undo failed"))
        elif outcome is not None and outcome.trouble is not None:
            self._runs.say(outcome.trouble.sentence, quiet=False)
            self._runs.complain(outcome.trouble, quiet=False)
        elif outcome is None or outcome.undone is None:
            self._runs.say(_("Stopped; the rest can be undone another time."), quiet=False)
        else:
            self._runs.refresh({update["book_id"] for update in outcome.undone.report.written})
            self._runs.say(undo_sentence(api, outcome.undone), quiet=False)
