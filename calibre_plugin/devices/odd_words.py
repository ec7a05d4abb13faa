"""Files on devices that could not be read, in words: for the reader with their paths, for a forum without them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from .state import DeviceState
from .odd_file import OddReason
from .sidecar import ARCHIVED, NAME
from .statistics import NAME as STATISTICS

load_translations()

# More than these in one window nobody reads.
SHOWN: Final = 30


def odd_sentence(reason: OddReason) -> str:
    """What is wrong with a file, for the reader."""
    sentences: dict[OddReason, str] = {
        "unreadable": _("The device did not let it be read."),
        "not_a_file": _("It is no file: a pipe, a folder or a link that leads nowhere."),
        "empty": _("It is empty."),
        "too_large": _("It is larger than any that KOReader writes."),
        "cut_off": _("It ends in the middle: KOReader was interrupted while it wrote."),
        "not_a_table": _("It does not hold what KOReader writes."),
        "not_lua": _("It does not hold what KOReader writes."),
        "number_too_large": _("It has a number that is larger than any."),
        "bad_escape": _("It has a character that does not exist."),
        "too_deep": _("It does not hold what KOReader writes."),
        "name_and_digest_differ": _("It is called as another document is."),
        "not_a_database": _("It is no database, or a damaged one."),
        "no_book_table": _("It is a database without a list of books."),
        "no_plain_table": _("Its list of books is computed, not kept; that is not looked at."),
        "endless": _("Its list of books does not end."),
        "too_many_files": _("It has more files than are looked at: choose a folder further down."),
        "text_not_utf8": _("A title in it has characters that cannot be read; all else was."),
        "blob_for_text": _("A title in it is no text; all else was read."),
        "unexpected": _("This is a fault of KOReader Progress; the report for the forum says more."),
    }
    return sentences.get(reason, reason)


def odd_note(states: Iterable[DeviceState]) -> str:
    """Every such file of every device, a line each; empty when there is none."""
    lines = [f"{path}: {odd_sentence(odd['reason'])}" for state in states for path, odd in sorted(state["odd"].items())]
    if not lines:
        return ""
    count = len(lines)
    heading = ngettext(
        "{n} file on your devices could not be read, or not in full:",
        "{n} files on your devices could not be read, or not in full:",
        count,
    ).format(n=count)
    return "\n".join((heading, *lines[:SHOWN], *(["…"] if count > SHOWN else [])))


def odd_report_lines(states: Iterable[DeviceState]) -> list[str]:
    """A line for each file, in English: what kind it is and what is wrong, and nothing that names a book or a person."""
    return [
        f"{_kind_of(path)} ({hashlib.sha256(path.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}): "
        f"{odd['reason'].replace('_', ' ')}"
        for state in states
        for path, odd in sorted(state["odd"].items())
    ]


def _kind_of(path: str) -> str:
    name = path.rpartition("/")[2]
    if NAME.match(name) or ARCHIVED.fullmatch(name):
        return "sidecar"
    return "statistics" if STATISTICS.fullmatch(name) else "book"
