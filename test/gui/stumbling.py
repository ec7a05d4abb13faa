"""What somebody would stumble over in a window: a letter that two things have, words that are cut off or hardly seen."""

from __future__ import annotations

import re
from typing import Any

from qt.core import QAbstractButton, QColor, QGroupBox, QLabel, QTabBar, QWidget

# What the Web Content Accessibility Guidelines ask of text at least.
READABLE = 4.5


def luminance(colour: QColor) -> float:
    """How light a colour is to the eye, 0 to 1, as the Web Content Accessibility Guidelines count it."""
    parts = (colour.redF(), colour.greenF(), colour.blueF())
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: QColor, other: QColor) -> float:
    """From 1, the same colour, to 21, black on white."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def stumbling(window: Any) -> list[str]:
    """All of it in a window as it is shown now, for the window's thread."""
    shown = [each for each in window.findChildren(QWidget) if each.isVisible()]
    return [*_letters(shown), *_cut_off(shown), *_hardly_seen(shown)]


def _letters(shown: list[QWidget]) -> list[str]:
    texts: list[str] = []
    for each in shown:
        # What is grey answers no letter, but may soon.
        if isinstance(each, QAbstractButton) or (isinstance(each, QLabel) and each.buddy() is not None):
            texts.append(each.text())
        elif isinstance(each, QGroupBox):
            texts.append(each.title())
        elif isinstance(each, QTabBar):
            texts.extend(each.tabText(index) for index in range(each.count()))
    found: dict[str, list[str]] = {}
    for text in texts:
        letter = re.search(r"&(\w)", text.replace("&&", ""))
        if letter is not None:
            found.setdefault(letter[1].lower(), []).append(text)
    return [f"Alt+{letter}: {several}" for letter, several in found.items() if len(several) > 1]


def _cut_off(shown: list[QWidget]) -> list[str]:
    return [
        f"cut off: {each.text()}"
        for each in _with_text(shown)
        if not (isinstance(each, QLabel) and each.wordWrap()) and each.width() < each.minimumSizeHint().width()
    ]


def _hardly_seen(shown: list[QWidget]) -> list[str]:
    found = []
    for each in _with_text(shown):
        colours = each.palette()
        ratio = contrast(colours.color(each.foregroundRole()), colours.color(each.backgroundRole()))
        if each.isEnabled() and ratio < READABLE:
            found.append(f"contrast {ratio:.1f}: {each.text()}")
    return found


def _with_text(shown: list[QWidget]) -> list[Any]:
    return [each for each in shown if isinstance(each, (QAbstractButton, QLabel)) and each.text()]
