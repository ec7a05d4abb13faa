"""With Alt one letter reaches one thing: whatever a window shows and in whatever language, no two answer to the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from qt.core import QAbstractButton, QEvent, QGroupBox, QLabel, QObject, QStackedWidget, QTabBar, QWidget


@dataclass(frozen=True)
class Lettered:
    """Something that has a letter, and how its text is changed."""

    text: str
    change: Callable[[str], object]


class Letters(QObject):
    """Keeps apart the letters of what a window shows, for as long as the window lives."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._widget = window
        window.installEventFilter(self)
        for bar in window.findChildren(QTabBar):
            bar.currentChanged.connect(self.settle)
        for stack in window.findChildren(QStackedWidget):
            stack.currentChanged.connect(self.settle)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Show, QEvent.Type.LayoutRequest):
            self.settle()
        return False

    def settle(self, _index: int = 0) -> None:
        """Gives another letter to whatever has one that is taken, or none where all of its letters are."""
        # What is looked for first keeps its letter: tabs, then all else from the beginning of the window.
        shown = [*_lettered(self._widget.window())]
        wanted = [letter_of(each.text) for each in shown]
        taken: set[str] = set()
        for at, each in enumerate(shown):
            letter = wanted[at]
            if letter in taken:
                text = with_free_letter(each.text, taken | {later for later in wanted[at + 1 :] if later})
                each.change(text)
                letter = letter_of(text)
            if letter:
                taken.add(letter)


def letter_of(text: str) -> str:
    """The letter that is marked, in small; empty where there is none."""
    at = _mark(text)
    return text[at + 1].lower() if at >= 0 else ""


def with_free_letter(text: str, taken: set[str]) -> str:
    """The text with another letter marked: the first of a word where one is free."""
    at = _mark(text)
    plain = text[:at] + text[at + 1 :] if at >= 0 else text
    places = [place for place, letter in enumerate(plain) if letter.isalnum() and letter.lower() not in taken]
    begins = [place for place in places if place == 0 or not plain[place - 1].isalnum()]
    for place in (*begins, *places):
        return f"{plain[:place]}&{plain[place:]}"
    return plain


def _mark(text: str) -> int:
    """Where the mark stands; two of them are the sign itself. -1 where there is none."""
    at = text.find("&")
    while at >= 0 and text[at + 1 : at + 2] == "&":
        at = text.find("&", at + 2)
    return at if at + 1 < len(text) else -1


def _lettered(window: QWidget) -> Iterator[Lettered]:
    shown = [each for each in window.findChildren(QWidget) if each.isVisibleTo(window)]
    for each in shown:
        if isinstance(each, QTabBar):
            for index in range(each.count()):
                yield Lettered(each.tabText(index), _tab_changer(each, index))
    for each in shown:
        if isinstance(each, QGroupBox):
            yield Lettered(each.title(), each.setTitle)
        elif isinstance(each, QAbstractButton) or (isinstance(each, QLabel) and each.buddy() is not None):
            yield Lettered(each.text(), each.setText)


def _tab_changer(bar: QTabBar, index: int) -> Callable[[str], object]:
    return lambda text: bar.setTabText(index, text)
