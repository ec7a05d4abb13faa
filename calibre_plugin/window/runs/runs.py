"""Runs: from the reader's click, or a trigger, over the job and the review to the written cells and one sentence."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from qt.core import QObject, Qt, QTimer

from calibre.gui2 import Dispatcher
from calibre.gui2.threaded_jobs import ThreadedJob

from ..parts.calibre_window import CalibreWindow, Job
from ...library.calibre_db import CalibreDb
from ...settings import config
from ...link.host import BridgeHost
from ...settings.config import Settings, StoredProfile
from ...link.contract import ColumnUpdate, Reach
from ...words.explain import Explanation, unsaved
from .work import Work, secrets_of
from .jobs import JOB_TYPE, PullRequest, pull_job
from .move import MoveRun, plan_move_job
from .offer import OfferRun, offer_job
from ..review.plan_rows import BookRow
from ...link.proxy import with_proxy
from ..parts.progress import ProgressWindow
from .pull import PullRun
from .push import PushRun, prepare_job
from ..review.dialog import ResultDialog
from .run import Arrival, Outcome, Run, Trigger
from .sentence import run_heading, run_sentence, unasked
from ..parts.trouble import show_trouble
from .undo import UndoRuns
from .why_not import no_account, why_not

load_translations()

# calibre's list looks for each book anew: so many at once, and the window has its turn between.
REFRESHED_AT_ONCE = 100
# What calibre notes as the duration of a job that was stopped while it waited for its turn.
NEVER_BEGUN = 0.0001


class Runs(QObject):
    """One run at a time; the others wait in a queue. Lives on the GUI thread."""

    def __init__(
        self, gui: CalibreWindow, host: BridgeHost, settings: Settings, open_preferences: Callable[[str], None]
    ) -> None:
        super().__init__(gui)
        self._gui = gui
        self._host = host
        self._settings = settings
        self.open_preferences = open_preferences
        self._queue: list[Run] = []
        self.current: Run | None = None
        self.review: ResultDialog | None = None
        self.last: Run | None = None
        self.undos = UndoRuns(gui, host, settings, self)
        # What the status bar was told last.
        self.said = ""
        # One window is enough, whichever run it was that opened it.
        self._window: ProgressWindow | None = None
        # Opens the list of progress without a book; the action gives it.
        self.show_unmatched: Callable[[], None] = lambda: None
        # Told when nothing runs any more and nothing waits.
        self.on_idle: list[Callable[[], None]] = []
        # Told of each run that the server is asked in for the reader, when it begins and when it has ended: the profile.
        self.on_asked: list[Callable[[str], None]] = []
        # One for all jobs: calibre keeps each job, and with it whom it told.
        self._told = Dispatcher(self._job_done, parent=self)
        self._complained: set[str] = set()
        self._watch = QTimer(self)
        self._watch.timeout.connect(self._look_after)

    @property
    def is_busy(self) -> bool:
        return self.current is not None or self.undos.job is not None

    @property
    def is_writing(self) -> bool:
        """Whether cells are being written by us at this moment."""
        run = self.current
        return self.undos.job is not None or (run is not None and run.pulled is not None and run.job is not None)

    def why_not(self, stored: StoredProfile | None) -> Explanation | None:
        """Why this profile cannot run now, if so."""
        return why_not(self._gui, self._settings, stored)

    def start(
        self,
        stored: StoredProfile | None,
        book_ids: Sequence[int],
        trigger: Trigger = "reader",
        preview: bool = False,
        push: bool = False,
        reach: Reach = "usual",
        offer: bool = False,
        reading: bool = False,
        arrival: Arrival | None = None,
        move_from: str = "",
    ) -> bool:
        """Starts the run, or queues it; False when it cannot be done, after saying why.

        What no reader asked for is quiet, whatever the `reach`; but what has arrived is there, whatever the server did not
        know an hour ago.
        """
        if trigger != "reader":
            reach = "quiet" if arrival is None else "everything"
        reason = self.why_not(stored)
        account = self._settings.account(stored["account_id"]) if stored else None
        if reason is None and account is None and (push or offer or move_from):
            reason = no_account()
        if reason is not None or stored is None:
            # The clock asks twice a minute: a run by itself says once what keeps it.
            if reason is not None and (trigger == "reader" or reason.sentence not in self._complained):
                self._complained.add(reason.sentence)
                self.complain(reason, quiet=trigger != "reader")
            return False
        self._complained.clear()
        api = self._gui.current_db.new_api
        profile, _unusable = config.resolve_profile(api, stored)
        ids = tuple(book_ids)
        run = Run(api, stored, profile, account, ids, trigger, preview, push, reach, offer, reading, arrival, move_from)
        if self.current is not None:
            if run.is_quiet:
                # A trigger that finds its profile under way has come too late, not too early.
                waiting = [(other.stored["id"], other.push, other.offer) for other in (self.current, *self._queue)]
                if (stored["id"], push, offer) in waiting:
                    return False
                self._queue.append(run)
                return True
            self._queue.append(run)
            self._gui.status_bar.show_message(_("Another sync is running; this one follows."), 5000)
            return True
        self._begin(run)
        return True

    def _begin(self, run: Run) -> None:
        self.current = run
        self._tell_asked(run)
        launch = self._host.prepare(self._settings.get("runtime_path"))
        run.request = PullRequest(
            run.api,
            run.book_ids,
            with_proxy(run.account) if run.account is not None else None,
            run.profile,
            launch,
            run.reach,
            self._settings.get("predict") is True,
            tuple(self._settings.get("copy_logs")),
            run.stored["viewer"],
            tuple(run.stored["server_users"]),
            run.reading,
            None if run.arrival is None else (run.arrival.documents, run.arrival.tried),
        )
        books = ngettext("{n} book", "{n} books", len(run.book_ids)).format(n=len(run.book_ids))
        if run.reading:
            books = _("the books being read")
        elif run.arrival is not None:
            books = _("places that arrived")
        title = _("KOReader Progress: sync {books}").format(books=books)
        if run.push:
            title = _("KOReader Progress: send to the server")
            self.run_job(run, title, prepare_job, (run.request,), PushRun(self, run).planned)
        elif run.move_from:
            title = _("KOReader Progress: move my reading")
            self.run_job(run, title, plan_move_job, (run.request, run.move_from), MoveRun(self, run).planned)
        elif run.offer:
            title = _("KOReader Progress: offer places")
            self.run_job(run, title, offer_job, (run.request,), OfferRun(self._gui, self).offered)
        else:
            self.run_job(run, title, pull_job, (run.request,), PullRun(self._gui, self, self._settings).asked)
        if run.arrival is not None:
            return
        if run.is_quiet:
            self._gui.status_bar.show_message(title, 3000, show_notification=False)
        else:
            heading = run_heading(run, books)
            if self._window is not None:
                self._window.close()
                self._window.deleteLater()
            run.window = self._window = ProgressWindow(
                self._gui, heading, self.stop, self._settings.get("keep_progress_open")
            )
            run.window.stay.toggled.connect(partial(self.keep, "keep_progress_open"))
            run.window.follow(run.job)

    def stop(self) -> None:
        """Asks the running job to end; it answers within a second."""
        job = self.current.job if self.current is not None else None
        if job is not None and not job.is_finished:
            # Not calibre's own way to stop a job, which forgets what it had done by then.
            job.abort.set()

    def run_job(
        self,
        run: Run,
        title: str,
        work: Callable[..., Outcome],
        args: tuple[object, ...],
        then: Callable[[Run, Outcome | None], None],
    ) -> None:
        """Does the work in one of calibre's jobs; `then` is called with the run and what came of it."""
        run.work, run.then = Work(work, args, secrets_of(run.account)), then
        run.job = ThreadedJob(JOB_TYPE, title, run.work, (), {}, self._told)
        self._gui.job_manager.run_threaded_job(run.job)
        self._watch.start(1000)

    def _look_after(self) -> None:
        # calibre says nothing of a job that was stopped before it began.
        run = self.current
        if run is not None and run.job is not None and run.job.killed and run.job.duration == NEVER_BEGUN:
            self._job_done(run.job)

    def _job_done(self, job: Job) -> None:
        run = self.current
        if run is None or job is not run.job or self._gui.shutting_down:
            return
        self._watch.stop()
        work, then = run.work, run.then
        run.job = run.work = run.then = None
        outcome = work.take() if work is not None else None
        if not self.is_open(run.api):
            self.end(run, _("The library was changed meanwhile; the next sync goes on."))
        elif job.failed and not job.killed:
            self.end(run, _("The sync failed."))
            self._gui.job_exception(job, dialog_title=_("KOReader Progress: the sync failed"))
        elif then is not None:
            then(run, outcome)

    def end_in_trouble(self, run: Run, trouble: Explanation) -> None:
        """The run could not be done."""
        if run.window is not None:
            run.window.close()
        self.end(run, trouble.sentence)
        self.complain(trouble, run.is_quiet)

    def offer(self, stored: StoredProfile | None, book_ids: Sequence[int]) -> None:
        """Offers the books' newest places to every copy of them."""
        self.start(stored, book_ids, reach="chosen", offer=True)

    def push(self, stored: StoredProfile | None, book_ids: Sequence[int]) -> None:
        """Offers calibre's own places to the server."""
        self.start(stored, book_ids, push=True)

    def show_rows(
        self,
        run: Run,
        title: str,
        headline: str,
        apply_label: str,
        column_name: Callable[[str], str],
        on_accept: Callable[[list[BookRow], list[ColumnUpdate]], None],
        on_reject: Callable[[], None],
    ) -> None:
        """Opens the review of a run's rows."""
        if run.window is not None:
            run.window.set_aside()
        self.review = ResultDialog(
            self._gui, title, headline, run.rows, run.profile["columns"], column_name, on_accept, on_reject, apply_label
        )
        if run.is_quiet:
            # It must not take the keyboard from somebody who is typing.
            self.review.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating, True)
        self.review.show()

    def refresh(self, book_ids: Iterable[int]) -> None:
        """Shows the new values in calibre's list and panels, some books at a time."""
        self._refresh(self._gui.current_db.new_api, sorted(book_ids))

    def _refresh(self, api: CalibreDb, book_ids: Sequence[int]) -> None:
        if not book_ids or self._gui.shutting_down or not self.is_open(api):
            return
        now, later = book_ids[:REFRESHED_AT_ONCE], book_ids[REFRESHED_AT_ONCE:]
        # The tags are counted anew once, at the end: that takes as long for one book as for all.
        self._gui.iactions["Edit Metadata"].refresh_gui(now, covers_changed=False, tag_browser_changed=not later)
        if later:
            QTimer.singleShot(0, partial(self._refresh, api, later))

    def end(self, run: Run, sentence: str) -> None:
        """The run is over, and this is how."""
        self.current = None
        self.review = None
        self._tell_asked(run)
        if sentence:
            self.say(sentence, run.notifies)
        if run.window is not None:
            has_report = self.last is run and run.plan is not None
            run.window.bring_back()
            run.window.finish(
                sentence,
                self.show_last_report if has_report else None,
                partial(self.ask_about_everything, run) if has_report and unasked(run.plan) else None,
                needs_eyes=run.needs_eyes,
            )
        if self._queue:
            waiting = self._queue.pop(0)
            if self.is_open(waiting.api):
                self.tell_idle()
                self._begin(waiting)
                return
            self._queue.clear()
        self.tell_idle()
        self.undos.next_put_back()

    def _tell_asked(self, run: Run) -> None:
        if not run.is_quiet and not run.push and not run.offer and not run.move_from:
            for told in self.on_asked:
                told(run.stored["id"])

    def keep(self, key: str, value: object) -> None:
        """Stores one of this machine's choices; where that cannot be, it counts until calibre ends, and that is said."""
        try:
            self._settings.set(key, value)
        except OSError as error:
            self.say(unsaved(error).sentence, quiet=False)

    def tell_idle(self) -> None:
        """Tells whoever wants to know that a run or an undo is over."""
        for told in self.on_idle:
            told()

    def is_open(self, api: CalibreDb) -> bool:
        """Whether this is still the library in the window: also one that was closed and opened again is another."""
        return self._gui.current_db.new_api is api

    def say(self, sentence: str, quiet: bool) -> None:
        """Says it in the status bar; of a quiet run also as a notification."""
        text = self.said = _("KOReader Progress: {sentence}").format(sentence=sentence)
        self._gui.status_bar.show_message(text, 10_000, show_notification=quiet)

    def ask_about_everything(self, run: Run) -> None:
        """The same run once more, over all of its books, however lately the server did not know them."""
        if self.is_open(run.api):
            self.start(run.stored, run.book_ids, preview=run.preview, reach="everything", reading=run.reading)

    def show_last_report(self) -> None:
        """What the last run did, book by book, and why."""
        run = self.last
        if run is None or run.plan is None:
            return
        dialog = ResultDialog(
            self._gui,
            _("KOReader Progress: report"),
            run_sentence(run),
            run.rows,
            run.profile["columns"],
            self.column_name,
        )
        dialog.show()

    def column_name(self, column: str) -> str:
        """The heading the reader gave the column."""
        described = self._gui.current_db.field_metadata.custom_field_metadata().get(column)
        return f"{described['name']} ({column})" if described else column

    def complain(self, reason: Explanation, quiet: bool) -> None:
        """Shows the reader what went wrong; of a quiet run the status bar says it."""
        if quiet:
            self.say(reason.sentence, quiet)
        else:
            show_trouble(self._gui, reason, self.open_preferences)

    def library_about_to_change(self, until: float) -> None:
        """The old library is still open: what is being written may end until then (`time.monotonic`), the rest is let go."""
        self._queue.clear()
        if self.review is not None:
            self.review.reject()
        self._stop_jobs()
        # The next library's jobs get a bridge that may read that one alone.
        self._host.shared.retire()
        self._wait_for_jobs(until)
        self.last = None

    def _jobs(self) -> list[Job]:
        jobs = (self.current.job if self.current is not None else None, self.undos.job)
        return [job for job in jobs if job is not None and not job.is_finished]

    def _stop_jobs(self) -> None:
        for job in self._jobs():
            job.abort.set()

    def _wait_for_jobs(self, until: float) -> None:
        for job in self._jobs():
            while job.start_time is not None and job.duration is None and time.monotonic() < until:
                time.sleep(0.02)

    def shut_down(self, until: float) -> None:
        """calibre is closing: what is being written may end until then (`time.monotonic`); a bridge holds nobody up."""
        self._watch.stop()
        self._queue.clear()
        self._stop_jobs()
        # First, for a job that waits for a bridge goes on as soon as that has gone.
        self._host.stop_all(until)
        self._wait_for_jobs(until)
