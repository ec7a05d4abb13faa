"""What a sync does, and how it ended, in one sentence: what was done, and for every book that was left, what kept it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ...link.contract import PullPlan
from ...library.books import WriteReport
from ...words.address import shown_address
from ...sync.pull import NOT_ASKED, SPENT
from .run import Run

load_translations()

# Lambdas, so that each is translated when it is asked for.
_KINDS: Final[dict[str, Callable[[int], str]]] = {
    "silent": lambda n: ngettext(
        "no answer from the server for {n} book", "no answer from the server for {n} books", n
    ),
    "left": lambda n: ngettext("{n} left alone", "{n} left alone", n),
    "absent": lambda n: ngettext("{n} not on the server", "{n} not on the server", n),
    "untold": lambda n: ngettext("{n} not opened in KOReader", "{n} not opened in KOReader", n),
    "fileless": lambda n: ngettext("{n} without a file that can be read", "{n} without a file that can be read", n),
    "gone": lambda n: ngettext("{n} no longer in the library", "{n} no longer in the library", n),
    "mended": lambda n: ngettext("the memory of {n} book mended", "the memory of {n} books mended", n),
}
# The kind of book that a reason makes; all that are not here have been left alone for a reason of their own.
_KIND_OF: Final = {
    "answer_failed": "silent",
    "not_reached": "silent",
    "not_on_server": "absent",
    "not_on_reader": "untold",
    "no_candidates": "fileless",
    "book_unreadable": "fileless",
    "book_gone": "gone",
    "memory_mended": "mended",
}
# Books with these need no word, or have one of their own.
_QUIET: Final = ("unchanged", SPENT, NOT_ASKED)


def run_heading(run: Run, books: str) -> str:
    """What a run does, over these books, in words."""
    if run.account is None:
        return _("Looking what your readers tell of {books}").format(books=books)
    doing = _("Looking what {server} knows of {books}") if run.move_from else _("Syncing {books} with {server}")
    if run.offer:
        doing = _("Offering the places of {books} at {server}")
    return doing.format(books=books, server=shown_address(run.account["url"]))


def run_sentence(run: Run) -> str:
    """The sentence for the status bar, the progress window and the report."""
    report = run.applied.report
    changed = len({update["book_id"] for update in report.written})
    parts: list[str] = []
    if changed:
        parts.append(ngettext("{n} book updated", "{n} books updated", changed).format(n=changed))
    if run.unwritten:
        words = ngettext("{n} book could not be written", "{n} books could not be written", run.unwritten)
        parts.append(words.format(n=run.unwritten))
    if not parts:
        has_news = run.plan is not None and (run.plan["updates"] or run.plan["conflicts"])
        parts.append(_("Nothing was written") if has_news else _("Nothing new"))
    if run.undecided:
        parts.append(ngettext("{n} to decide", "{n} to decide", run.undecided).format(n=run.undecided))
    if run.plan is not None:
        parts.extend(_left(run.plan, report))
        books = len(run.pulled.book_ids) if run.pulled else len(run.book_ids)
        if resting := unasked(run.plan):
            parts.append(asked_sentence(books - resting, books))
        waiting = _skipped(run.plan, SPENT)
        if waiting:
            parts.append(checked_sentence(books - waiting, books))
    parts.extend(_unwritten_values(report))
    if run.out_of_reach:
        parts.append(_("copy logs out of reach: {folders}").format(folders=", ".join(run.out_of_reach)))
    return " ".join([", ".join(parts) + ".", *run.notices])


def unasked(plan: PullPlan | None) -> int:
    """Of how many books nothing was asked this time, because news of others was likelier."""
    return _skipped(plan, NOT_ASKED) if plan is not None else 0


def _skipped(plan: PullPlan, code: str) -> int:
    return sum(skip["reason"]["code"] == code for skip in plan["skipped"])


def _left(plan: PullPlan, report: WriteReport) -> list[str]:
    """How many books were left, kind by kind."""
    books: dict[str, set[int]] = {kind: set() for kind in _KINDS}
    for skip in plan["skipped"]:
        code = skip["reason"]["code"]
        if code not in _QUIET:
            books[_KIND_OF.get(code, "left")].add(skip["book_id"])
    # Deleted while the review was open.
    books["gone"] |= {update["book_id"] for update, error in report.failed if error == "book"}
    return [_KINDS[kind](len(found)).format(n=len(found)) for kind, found in books.items() if found]


def _unwritten_values(report: WriteReport) -> list[str]:
    """Values that were changed under our hands, and values that calibre did not take."""
    parts = []
    if report.stale:
        words = ngettext(
            "{n} value was changed meanwhile and stays", "{n} values were changed meanwhile and stay", len(report.stale)
        )
        parts.append(words.format(n=len(report.stale)))
    refused = sum(error != "book" for _update, error in report.failed)
    if refused:
        words = ngettext("{n} value could not be written", "{n} values could not be written", refused)
        parts.append(words.format(n=refused))
    return parts


def asked_sentence(asked: int, books: int) -> str:
    """How many of the books the server was asked about, when there were too many to ask about all each time."""
    return _("asked about {asked} of {books} books").format(asked=grouped(asked), books=grouped(books))


def checked_sentence(checked: int, books: int) -> str:
    """How far the day's questions reached, when they did not reach every book."""
    words = _("{checked} of {books} books checked, continuing with the next sync")
    return words.format(checked=grouped(checked), books=grouped(books))


def grouped(number: int) -> str:
    """A number as the reader writes it: 1,200."""
    from qt.core import QLocale

    return QLocale().toString(number)
