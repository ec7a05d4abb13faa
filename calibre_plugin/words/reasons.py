"""The sentence of every reason: the same in the dialog, the report and `sync --explain`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .causes import CAUSES, FIELDS, INSTEAD, WELL, file_trouble, one_of
from .data import Sentence, Words, say

load_translations()

# Lambdas, so that each sentence is translated when it is asked for and not when calibre loads the module.
_WHY: Final[dict[str, Sentence]] = {
    # Something is written.
    "first_seen": lambda w: _("First seen: {device} read to {percentage} ({timestamp})."),
    "read_on": lambda w: _("{device} read on from {from} to {percentage} ({timestamp})."),
    "step_back_chosen": lambda w: _(
        "{device} went back from {from} to {percentage} ({timestamp}), and you prefer the server."
    ),
    "step_back_small": lambda w: _("{device} went a little back, from {from} to {percentage} ({timestamp})."),
    "same_place": lambda w: _("{device} is at the same place, {percentage}, seen again ({timestamp})."),
    "policy_newest": lambda w: _(
        "Changed on both sides; {device} is newer ({timestamp}) than the change in calibre ({changed_at}): "
        "{percentage} instead of {from}."
    ),
    "policy_furthest": lambda w: _("Changed on both sides; {device} is further: {percentage} instead of {from}."),
    "policy_server": lambda w: _(
        "Changed on both sides; your rules prefer the server: {percentage} by {device} instead of {from}."
    ),
    "too_close": lambda w: _(
        "Changed on both sides at nearly the same time; {device} is further: {percentage} instead of {from}."
    ),
    "new_column": lambda w: _("The column {column} is newly mapped; {device} is at {percentage} ({timestamp})."),
    "started": lambda w: _("First read in on {timestamp}."),
    "finished": lambda w: _("Finished with {device} on {timestamp}."),
    "finished_on_device": lambda w: _("Marked as finished on {device} ({timestamp})."),
    "reread": lambda w: _("Finished before and now read again: {device} is at {percentage} ({timestamp})."),
    "times_read": lambda w: ngettext("Read {times} time.", "Read {times} times.", w.count("times")),
    "told": lambda w: _told(w),
    "started_told": lambda w: _("First read on {timestamp}, by the statistics of {device}."),
    "finished_told": lambda w: _("Finished on {timestamp}, by the statistics of {device}."),
    "undone": lambda w: _("Puts back what the sync of {timestamp} changed."),
    "synced": lambda w: _("This sync changed the book."),
    # Somebody is asked.
    "both_changed": lambda w: _(
        "Changed on both sides: {device} says {percentage} ({timestamp}), calibre says {from} (changed {changed_at})."
    ),
    "step_back": lambda w: _(
        "{device} would go back from {from} to {percentage} ({timestamp}). A larger step back is never taken unasked."
    ),
    "no_base_differs": lambda w: _(
        "Not synced before, and {column} already holds {value}; {device} says {percentage} ({timestamp})."
    ),
    "status_differs": lambda w: _(
        "You set {column} to {value}; by what {device} read ({timestamp}) it would be {wanted}."
    ),
    "reread_ask": lambda w: _("The book is finished, and {device} reads on at {percentage} ({timestamp}). Read again?"),
    # Nothing is written for a book.
    "unchanged": lambda w: _("Nothing new."),
    "not_on_server": lambda w: _("The server knows no copy of this book."),
    "not_on_reader": lambda w: _("No card, folder or device of this profile tells anything of this book."),
    "not_asked": lambda w: (
        _("Not asked about this time; the last time was on {asked}.")
        if w.has("asked")
        else _("Not asked about yet: the next sync goes on.")
    ),
    "allowance_spent": lambda w: (
        _("The server's share of questions for today is used up; it did not know the book on {asked}.")
        if w.has("asked")
        else _("Not asked about yet: the server's share of questions for today is used up. The next sync goes on.")
    ),
    "own_record": lambda w: _("The server holds only what calibre itself put there."),
    "peek": lambda w: _("{device} only opened the book ({percentage}); another copy was read to {from}."),
    "declined": lambda w: _("You said no to {percentage} by {device} ({timestamp}); nothing newer was read since."),
    "older_record": lambda w: _(
        "{percentage} by {device} is older ({timestamp}) than what was synced last ({base_timestamp})."
    ),
    "undated_behind": lambda w: _(
        "{device} is at {percentage}, behind {from}, and the server does not say when that was."
    ),
    "changed_here": lambda w: _("Changed only in calibre, nothing new on the server."),
    "library_newer": lambda w: _(
        "Changed on both sides; the change in calibre ({changed_at}) is newer than {percentage} by {device} "
        "({timestamp}): {from} stays."
    ),
    "library_further": lambda w: _("calibre is further: {from} stays, {device} is at {percentage}."),
    "policy_library": lambda w: _(
        "Changed on both sides; your rules prefer calibre: {from} stays, {device} is at {percentage}."
    ),
    "finished_stays": lambda w: _(
        "The book is finished and stays so; {device} opened it at {percentage} ({timestamp})."
    ),
    "reread_ignored": lambda w: _(
        "The book is finished, and your rules ignore reading it again; {device} is at {percentage} ({timestamp})."
    ),
    "document_of_another": lambda w: _("The progress found belongs to another book: {other_title} ({other_id})."),
    "document_ambiguous": lambda w: _(
        "The progress found may belong to {other_title} ({other_id}) as well; link one of the two to settle it."
    ),
    "no_candidates": lambda w: _("The book has no file of which a fingerprint could be known."),
    "book_gone": lambda w: _("The book is no longer in the library."),
    "book_unreadable": lambda w: file_trouble(w),
    "memory_mended": lambda w: _(
        "What was remembered of this book was damaged: it was kept aside, and mended from the logs."
    ),
    "answer_failed": lambda w: _failed(
        w, _("The server could not answer for {document} ({error}); the next sync asks again.")
    ),
    "not_reached": lambda w: _failed(
        w, _("The server stopped answering before this book was asked about ({error}); the next sync begins with it.")
    ),
    # Nothing is written into one cell.
    "own_word": lambda w: _("{column} holds your own word {value}, which is never overwritten."),
    "status_kept": lambda w: _("You set {column} to {value} later than the last reading: it stays."),
    "place_untold": lambda w: _(
        "The place that was read at is not found in this book's file: {column} still tells the earlier one."
    ),
    "told_kept": lambda w: _("{column} was filled by your own hand and stays; empty it to take what KOReader tells."),
    "column_gone": lambda w: _("The column {column} is no longer in the library; map another in the preferences."),
    "column_unfit": lambda w: _unfit(w),
    "not_in_enumeration": lambda w: _("The column {column} does not allow {value}; add it to the column's values."),
    "write_refused": lambda w: _("calibre refused to write {column}: {error}."),
    "unticked": lambda w: _("You left {column} unticked."),
    # Something is put on the server, or somebody is asked before.
    "push_place": lambda w: _("calibre's own place, {percentage}, is newer than {from} by {device}."),
    "push_first": lambda w: _("The server knows no place in this book yet; calibre is at {percentage}."),
    "push_typed": lambda w: _("You set {percentage}; the server has {from} by {device}."),
    "push_both_changed": lambda w: _(
        "Changed on both sides: calibre is at {percentage} (changed {changed_at}), {device} at {from} ({timestamp})."
    ),
    "push_step_back": lambda w: _(
        "This would send the readers back from {from} ({device}, {timestamp}) to {percentage}. "
        "A larger step back is never taken unasked."
    ),
    "push_finished": lambda w: _(
        "The book is finished on {device} ({timestamp}); this would send the readers back to {percentage}."
    ),
    # Nothing is put on the server.
    "push_nothing_new": lambda w: _("calibre has no newer place in this book."),
    "push_protected": lambda w: _(
        "The {format} is protected (DRM): its text cannot be read, so calibre's place in it cannot be told to a reader."
    ),
    "push_unreadable": lambda w: _("The {format} could not be read, so calibre's place in it cannot be told."),
    "push_place_lost": lambda w: _("The place that calibre keeps is not in the {format} any more."),
    "push_same_place": lambda w: _("The server has the same place already, {percentage}."),
    "push_came_from_server": lambda w: _("This place, {percentage}, came from the server itself."),
    "push_server_newer": lambda w: _(
        "The server is newer: {from} by {device} ({timestamp}); calibre's {percentage} is not sent."
    ),
    "push_server_further": lambda w: _(
        "The server is further: {from} by {device}; calibre's {percentage} is not sent."
    ),
    "push_policy_server": lambda w: _(
        "Changed on both sides; your rules prefer the server: {from} by {device} stays, {percentage} is not sent."
    ),
    "push_not_verified": lambda w: _(
        "The place at {percentage} could not be verified in the reader's own terms; it is not sent."
    ),
    "push_no_document": lambda w: _("No copy of this book is known to any reader."),
    "push_many": lambda w: _("{column} was changed in several books at once; send the place of one book at a time."),
    "push_peek": lambda w: _("calibre only opened the book ({percentage}); another copy was read to {from}."),
    "push_taken_back": lambda w: _(
        "You took this place, {percentage}, back from the server; it is sent again when you have read on in calibre."
    ),
    # A push is undone.
    "push_undone": lambda w: _(
        "The earlier place was put back on the server; readers that synced in between may have followed."
    ),
    "push_removed": lambda w: _(
        "The server knew no place before, and knows none again; readers that synced in between may have followed."
    ),
    "push_superseded": lambda w: _("{device} has synced since ({timestamp}); the server was left alone."),
    "push_stays": lambda w: _("The server knew no place before, and cannot be made to forget this one."),
    "carried_over": lambda w: _("A new copy of the same text was given the place that was known, {percentage}."),
    # A place is offered to a copy, or not.
    "offer_again": lambda w: _("Offered once more, under calibre's name: {percentage}, read with {device}."),
    "offer_replaced": lambda w: _(
        "Given {percentage} instead of the older {from} by {device} ({timestamp}); it offers to go there when it syncs."
    ),
    "offer_same_place": lambda w: _("This very place, {percentage}, was offered there already."),
    "offer_read_there": lambda w: _(
        "Left alone: {device} has {from} there ({timestamp}), which is not older than the place to be offered."
    ),
    "offer_newer_there": lambda w: _("Left alone: calibre has put a newer place there, {from}."),
    "offer_moved_on": lambda w: _("Not offered: {device} has read on since ({percentage}); sync the book first."),
    # Reading moves to another account.
    "moved": lambda w: _("The server knows nothing of this copy: it is given {percentage}, read with {device}."),
    "move_stands": lambda w: _("Left alone: the server has {from} by {device} there ({timestamp})."),
    "move_waits": lambda w: _("This server is shared by many, and today's requests are used up: move again tomorrow."),
    "offer_failed": lambda w: _failed(
        w, _("The server could not answer ({error}); it can be offered again at any time.")
    ),
    "offer_no_place": lambda w: _("No device's place in this book is known yet; sync the book first."),
    "offer_pages_alike": lambda w: _(
        "Left alone: the book's pages cannot be told apart from another's, so nobody can say what this copy holds."
    ),
    # A plan must be reviewed.
    "first_run": lambda w: _("The first sync of a profile is always shown before anything is written."),
    "no_base": lambda w: ngettext(
        "{books} book has values that no earlier sync knows of.",
        "{books} books have values that no earlier sync knows of.",
        w.count("books"),
    ),
}


def _told(w: Words) -> str:
    w.put("field", one_of(FIELDS, w["field"]))
    return _("{device} tells this in its own files: {field} ({timestamp}).")


def _unfit(w: Words) -> str:
    w.put("field", one_of(FIELDS, w["field"]))
    return _("The column {column} ({datatype}) cannot hold “{field}”; map another in the preferences.")


def _failed(w: Words, sentence: str) -> str:
    """Gives a failed question its cause in words: a status, a silence, or what came instead."""
    if w.count("status") in WELL:
        w.put("error", _("its answer was empty or cut off"))
    elif w.count("status"):
        w.put("error", _("HTTP {status}").format(status=w["status"]))
    elif w.has("cause"):
        w.put("error", one_of(CAUSES, w["cause"]))
    else:
        w.put("error", one_of(INSTEAD, w["error"]))
    return sentence


def why_sentence(why: Mapping[str, Any]) -> str:
    """The sentence of a `Why`; a code of a newer bridge reads as itself."""
    code = str(why.get("code", ""))
    return say(_WHY, code, why.get("data") or {}) or code
