"""A pull in the window: the plan is reviewed, what was accepted is written, and what came of it is said."""

from __future__ import annotations

from functools import partial
from typing import Final

from ..parts.calibre_window import CalibreWindow
from ...library.calibre_db import CalibreDb
from ...link.contract import ColumnUpdate, PullPlan
from ...settings import config
from ...settings.config import Settings
from ...sync.pull import Decisions
from ..review.nothing_found import NextSteps, NothingFoundDialog
from ..review.plan_rows import BookRow
from .jobs import PullOutcome, WriteOutcome, write_job
from .run import Arrival, Run, RunsHub
from .sentence import run_sentence

load_translations()

# Of fewer books asked about, that none is known is no riddle.
FEW: Final = 3
# Reasons of a book that the server has never heard of.
ABSENT: Final = frozenset({"not_on_server", "not_asked", "no_candidates", "book_unreadable"})


class PullRun:
    """One pull: `runs` gives the window, the job and the words."""

    def __init__(self, gui: CalibreWindow, runs: RunsHub, settings: Settings) -> None:
        self._gui = gui
        self._runs = runs
        self._settings = settings

    def asked(self, run: Run, outcome: PullOutcome | None) -> None:
        """Shows the plan for a review where there is one, else writes it."""
        if outcome is not None and outcome.trouble is not None:
            self._runs.end_in_trouble(run, outcome.trouble)
        elif outcome is not None and outcome.pulled is not None:
            run.pulled, run.rows, run.out_of_reach = outcome.pulled, outcome.rows, outcome.out_of_reach
            run.notices = outcome.notices
            self._planned(run, outcome.pulled.plan)
        else:
            nothing = outcome.nothing if outcome is not None else ""
            if run.arrival is not None:
                self._runs.end(run, "")
                return
            self._runs.end(run, nothing or _("Stopped; nothing was written."))

    def _planned(self, run: Run, plan: PullPlan) -> None:
        if run.arrival is not None:
            self._arrived(run, run.arrival, plan)
        elif self._needs_review(run, plan):
            self._show_review(run, plan)
        else:
            # Without cells too: what the server said is remembered.
            self._write(run, Decisions())

    def _arrived(self, run: Run, arrival: Arrival, plan: PullPlan) -> None:
        """Places that have arrived open no window: what is for the reader to see waits for their next sync."""
        waiting = {each["book_id"] for each in (*plan["updates"], *plan["conflicts"])}
        if arrival.is_in_the_way():
            arrival.put_off()
            self._runs.end(run, "")
        elif waiting and (plan["review"] or run.stored["review"] == "always"):
            words = ngettext(
                "a place arrived for {n} book of “{name}”; your next sync shows it",
                "places arrived for {n} books of “{name}”; your next sync shows them",
                len(waiting),
            )
            self._runs.end(run, words.format(n=len(waiting), name=run.stored["name"]))
        else:
            self._write(run, Decisions())

    def _needs_review(self, run: Run, plan: PullPlan) -> bool:
        if not plan["updates"] and not plan["conflicts"]:
            return False
        review = run.stored["review"]
        if run.preview or plan["review"] or review == "always":
            return True
        return review == "conflicts" and bool(plan["conflicts"])

    def _show_review(self, run: Run, plan: PullPlan) -> None:
        run.reviewed = True
        first = any(why["code"] == "first_run" for why in plan["review"])
        headline = (
            _(
                "This is the first sync of “{name}”. Nothing has been changed yet; every sync can be undone. "
                "Before it writes, it keeps a copy of the library's database."
            )
            if first
            else _("The sync of “{name}” would change these books. Untick what should stay as it is.")
        )
        self._runs.show_rows(
            run,
            _("KOReader Progress: review"),
            headline.format(name=run.stored["name"]),
            apply_label=_("&Write to library"),
            column_name=self._runs.column_name,
            on_accept=partial(self._accepted, run),
            on_reject=partial(self._declined, run),
        )

    def _accepted(self, run: Run, rows: list[BookRow], updates: list[ColumnUpdate]) -> None:
        self._runs.review = None
        theirs = frozenset(row.book_id for row in rows if row.kind == "conflict" and row.accepted())
        ours = frozenset(row.book_id for row in rows if row.kind == "conflict" and row.decision == "ours")
        # A conflict's cells are added for the books decided for the server; what was unticked there is not wanted.
        planned = [update for row in rows if row.kind == "update" for update in row.accepted()]
        self._write(run, Decisions(planned, theirs, ours))

    def _declined(self, run: Run) -> None:
        self._runs.end(run, _("Nothing was written."))

    def _write(self, run: Run, decisions: Decisions) -> None:
        if not self._runs.is_open(run.api):
            self._runs.end(run, _("The library was changed meanwhile: nothing was written."))
            return
        title = _("KOReader Progress: write what was accepted")
        self._runs.run_job(run, title, write_job, (run.request, run.pulled, decisions, run.rows), self._written)
        if run.window is not None:
            run.window.bring_back()
            run.window.follow(run.job)

    def _written(self, run: Run, outcome: WriteOutcome | None) -> None:
        if outcome is None:
            self._runs.end(run, _("Stopped; nothing was written."))
            return
        run.applied, run.unwritten = outcome.applied, outcome.unwritten
        self._runs.last = run
        changed = {update["book_id"] for update in run.applied.report.written}
        self._runs.refresh(changed)
        if changed and not run.stored["ran_before"]:
            mark_as_run(run.api, run.stored["id"])
        if run.arrival is not None:
            self._runs.end(run, run_sentence(run) if changed or run.needs_eyes else "")
            return
        self._runs.end(run, run_sentence(run))
        if self._found_nothing(run):
            self._show_nothing_found(run)
        else:
            self._offer_prediction(run)
        if run.stored["push"] != "off":
            # What was read in calibre meanwhile goes the other way, quietly.
            self._runs.start(run.stored, run.pulled.book_ids if run.pulled else (), "sync", push=True)
        if outcome.trouble is not None:
            self._runs.complain(outcome.trouble, run.is_quiet)

    def _found_nothing(self, run: Run) -> bool:
        """Whether the reader asked about several books, and the server knew none of them, nor has it ever."""
        if run.is_quiet or run.plan is None or run.request is None or len(run.book_ids) < FEW:
            return False
        # The page tells of a server: without one, the readers were looked at.
        if run.request.account is None:
            return False
        codes = {skip["reason"]["code"] for skip in run.plan["skipped"]}
        return not run.plan["updates"] and not run.plan["conflicts"] and bool(codes) and codes <= ABSENT

    def _show_nothing_found(self, run: Run) -> None:
        request, runs = run.request, self._runs
        account = request.account if request is not None else None
        if request is None or account is None:
            return

        def find_earlier() -> None:
            runs.keep("predict", True)
            if runs.is_open(run.api):
                runs.start(run.stored, run.book_ids)

        steps = NextSteps(
            lambda: runs.show_unmatched(),
            lambda: runs.open_preferences("copies"),
            None if self._settings.get("predict") is True else find_earlier,
        )
        if run.window is not None:
            run.window.close()
        NothingFoundDialog(self._gui, len(run.book_ids), account, run.profile["matching"], request.launch, steps).show()

    def _offer_prediction(self, run: Run) -> None:
        """Asks once whether names that no copy is known to have may be tried too."""
        absent = list(run.plan["unanswered"]) if run.plan else []
        if run.is_quiet or not absent or self._settings.get("predict") is not None:
            return
        text = ngettext(
            "The server does not know {n} book by its file in the library.",
            "The server does not know {n} books by their files in the library.",
            len(absent),
        ).format(n=len(absent))

        def answer(agreed: bool) -> None:
            self._runs.keep("predict", agreed)
            if agreed and self._runs.is_open(run.api):
                self._runs.start(run.stored, absent)

        self._gui.proceed_question(
            lambda _payload: answer(True),
            None,
            "",
            "",
            _("Look further?"),
            text
            + " "
            + _(
                "Copies that calibre sent to a reader before have other digests. The plugin can work out which ones, and "
                "ask the server for those too: a few more questions for each book. The tab Copies changes this later."
            ),
            cancel_callback=lambda _payload: answer(False),
        )


def mark_as_run(api: CalibreDb, profile_id: str) -> None:
    """From now on the profile's own choice decides about the review."""
    known = config.profiles(api)
    for profile in known:
        if profile["id"] == profile_id:
            profile["ran_before"] = True
    config.save_profiles(api, known, config.library_settings(api)["default_profile"])
