"""What an undo tells the reader: what was put back, what was left, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ...library.annotations import is_removal
from ...library.calibre_db import CalibreDb
from ...link.contract import CalibreAnnotation
from ...memory.book_names import BookName, BookNames, names_in
from ...sync.push_undo import server_sentence
from ...sync.undo import Undone
from ...sync.undo_plan import LeftBook

load_translations()

# Titles in one sentence; the window of all runs shows every book.
NAMED_BOOKS: Final = 5


def book_words(api: CalibreDb, names: BookNames, name: BookName) -> str:
    """What a book of the journal is called, or why it cannot be told any more."""
    book_id = names.book_of(name)
    if book_id is not None:
        return str(api.field_for("title", book_id))
    if names.why_not(name) == "gone":
        return _("a book that is gone")
    words = _("{title} (not undone: several books of the library have its identifier)")
    return words.format(title=_title_of(api, names, name))


def annotation_words(record: CalibreAnnotation | None) -> str:
    """One of calibre's own annotations in a line; nothing of one that is not there, or not any more."""
    if record is None or is_removal(record):
        return ""
    told = (record.get("highlighted_text") or record.get("title"), record.get("notes"))
    return " — ".join(str(part) for part in told if part)


def undo_sentence(api: CalibreDb, undone: Undone) -> str:
    """What was put back, and what was not."""
    report = undone.report
    books = len({update["book_id"] for update in report.written})
    said = []
    on_server = server_sentence(undone.results)
    if books or report.stale or not (on_server or undone.left or undone.annotations or undone.annotations_left):
        text = ngettext("{n} book put back", "{n} books put back", books).format(n=books)
        if report.stale:
            left = ngettext(
                "{n} value was changed since and stays", "{n} values were changed since and stay", len(report.stale)
            )
            text = f"{text}, {left.format(n=len(report.stale))}"
        said.append(f"{text}.")
    if undone.annotations or undone.annotations_left:
        n = undone.annotations
        said.append(ngettext("{n} annotation put back.", "{n} annotations put back.", n).format(n=n))
    if undone.annotations_left:
        n = undone.annotations_left
        text = ngettext(
            "{n} annotation was changed since and stays.", "{n} annotations were changed since and stay.", n
        )
        said.append(text.format(n=n))
    return " ".join([*said, *([on_server] if on_server else []), *_left_sentences(api, undone.left)])


def _left_sentences(api: CalibreDb, left: Sequence[LeftBook]) -> list[str]:
    said = []
    gone = sum(each.reason == "gone" for each in left)
    if gone:
        text = ngettext("{n} book is no longer in the library.", "{n} books are no longer in the library.", gone)
        said.append(text.format(n=gone))
    unsure = [each.book for each in left if each.reason == "two_records"]
    if unsure:
        names = names_in(api)
        titles = "; ".join(_title_of(api, names, book) for book in unsure[:NAMED_BOOKS])
        text = ngettext(
            "{n} book was not undone, for several books of the library have its identifier: {titles}.",
            "{n} books were not undone, for several books of the library have the identifier of each: {titles}.",
            len(unsure),
        )
        said.append(text.format(n=len(unsure), titles=titles if len(unsure) <= NAMED_BOOKS else f"{titles}; …"))
    return said


def _title_of(api: CalibreDb, names: BookNames, name: BookName) -> str:
    """The title of a record that bears the uuid: two of them are most often two of one book."""
    return next((str(api.field_for("title", book_id)) for book_id in names.bearers_of(name)), "")
