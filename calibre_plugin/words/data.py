"""The data of a reason or an error in words, and what fills a sentence with them."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Final

from .address import shown_address, without_logins

load_translations()

UNKNOWN: Final = "?"
# Letters of one thing in a sentence: a title, a device or a server may say any number of them.
LONGEST: Final = 300


def percent(share: object) -> str:
    """A share (0..1) as a reader sees it: whole percent."""
    if not isinstance(share, (int, float)):
        return UNKNOWN
    return _("{number} %").format(number=round(share * 100))


def moment(seconds: object) -> str:
    """An instant (epoch seconds) in the reader's own time zone."""
    if not isinstance(seconds, (int, float)) or seconds <= 0:
        return _("an unknown time")
    try:
        return datetime.datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")
    except (OverflowError, OSError, ValueError):
        return _("an unknown time")


class Words:
    """The data of a reason in words; a name that is missing reads as a question mark rather than spoiling a report."""

    def __init__(self, data: Mapping[str, object]) -> None:
        self._data = dict(data)

    def put(self, name: str, words: str) -> None:
        """Gives a name its words, in place of what the data says."""
        self._data[name] = words

    def __getitem__(self, name: str) -> str:
        value = self._data.get(name)
        if name == "from" and value is None:
            return _("nothing")
        if name in ("percentage", "from"):
            return percent(value)
        if name in ("timestamp", "changed_at", "base_timestamp", "asked"):
            return moment(value)
        if name == "device":
            return str(value) if value else _("a device")
        if name in ("value", "wanted") and value is None:
            return _("nothing")
        if value is None:
            return UNKNOWN if name not in self._data else ""
        text = without_logins(str(value))
        if name in ("url", "found", "location"):
            text = shown_address(text)
        return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"

    def has(self, name: str) -> bool:
        """Whether the data says anything under this name."""
        return self._data.get(name) is not None

    def count(self, name: str) -> int:
        value = self._data.get(name)
        return value if isinstance(value, int) else 0

    def fill(self, sentence: str) -> str:
        return sentence.format_map(self)


Sentence = Callable[[Words], str]


def say(table: Mapping[str, Sentence], name: str, data: Mapping[str, object]) -> str | None:
    made = table.get(name)
    if made is None:
        return None
    words = Words(data)
    sentence = made(words)
    try:
        return words.fill(sentence)
    except (ValueError, IndexError, KeyError, AttributeError):
        # A translation with a broken brace must not cost anybody a report.
        return sentence
