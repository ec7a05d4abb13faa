"""Text from outside in a window: never markup, never wider than a screen. Titles, devices and servers say what they like."""

from __future__ import annotations

from typing import Any, Final

from qt.core import QComboBox, QIcon, QLabel, QResizeEvent, QSize, QSizePolicy, Qt, QWidget

from calibre import prepare_string_for_xml

load_translations()

# Letters that one line, a tooltip and a paragraph show at most: laying out ten thousand stops a window for seconds.
LINE: Final = 300
TIP: Final = 1_000
PARAGRAPH: Final = 4_000
# Letters of a window's title, of which taskbars show fewer still.
CAPTION: Final = 80
# Pixels that a label asks for at most; it is given more where there is room.
WIDEST: Final = 600
# Letters that a choice is at least wide enough for; what is longer is cut in the box and whole in its list.
CHOICE: Final = 24


def shortened(text: str, limit: int = LINE) -> str:
    """The text, or its beginning with an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def on_one_line(text: str, limit: int = LINE) -> str:
    """The text without breaks, shortened."""
    return shortened(" ".join(text[: 4 * limit].split()), limit)


def escape(text: str) -> str:
    """Text as text inside markup of our own."""
    return prepare_string_for_xml(text)


def in_markup(text: str, limit: int = PARAGRAPH) -> str:
    """Text for where Qt takes for markup what looks like it: it is shown as it stands, wrapped, and bounded."""
    return f'<p style="white-space: pre-wrap">{escape(shortened(text, limit))}</p>'


def tip(text: str) -> str:
    """Text for a tooltip."""
    return in_markup(text, TIP) if text else ""


class Label(QLabel):
    """A label of plain text that wraps; neither its words nor their number can change the window around it."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self.setText(text)

    def setText(self, text: str | None) -> None:
        super().setText(shortened(text or "", PARAGRAPH))

    def sizeHint(self) -> QSize:
        return _narrowed(super().sizeHint(), WIDEST)

    def minimumSizeHint(self) -> QSize:
        # A word without an end would make the window as wide as itself.
        return _narrowed(super().minimumSizeHint(), WIDEST // 2)


def name_of(field: QWidget, text: str) -> Label:
    """What stands before a field, with the letter that jumps to it."""
    label = Label(text, field.parentWidget())
    label.setWordWrap(False)
    label.setBuddy(field)
    return label


def beside(text: str, parent: QWidget) -> Label:
    """A few words of our own beside a field, on one line."""
    label = Label(text, parent)
    label.setWordWrap(False)
    return label


def picture(drawn: QIcon, size: int, parent: QWidget) -> QLabel:
    """An icon as a part of a window, in pixels."""
    label = QLabel(parent)
    label.setPixmap(drawn.pixmap(size, size))
    return label


def formatted(markup: str, parent: QWidget) -> QLabel:
    """A wrapped label of markup that is wholly our own; whatever comes from outside has to be `escape`d."""
    label = QLabel(markup, parent)
    label.setTextFormat(Qt.TextFormat.RichText)
    label.setWordWrap(True)
    return label


class LineLabel(QLabel):
    """A label of one line: what does not fit is elided, and whole in the tooltip."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._whole = ""
        self.setText(text)

    def whole(self) -> str:
        """What it would say with more room."""
        return self._whole

    def setText(self, text: str | None) -> None:
        self._whole = on_one_line(text or "", TIP)
        self._fit()

    def sizeHint(self) -> QSize:
        return QSize(min(self.fontMetrics().horizontalAdvance(self._whole), WIDEST), super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        return QSize(min(self.sizeHint().width(), WIDEST // 4), super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        shown = self.fontMetrics().elidedText(self._whole, Qt.TextElideMode.ElideRight, max(self.width(), 1))
        super().setText(shown)
        self.setToolTip(tip(self._whole) if shown != self._whole else "")


def bounded(choice: QComboBox) -> QComboBox:
    """A choice whose entries come from outside: it does not grow with the longest of them."""
    choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    choice.setMinimumContentsLength(CHOICE)
    return choice


def caption(text: str) -> str:
    """Text for a window's title."""
    return on_one_line(text, CAPTION)


def button_text(text: str) -> str:
    """Text for a button or a menu's entry, where Qt takes & for a letter to jump by."""
    return on_one_line(text, CAPTION).replace("&", "&&")


def _narrowed(size: Any, width: int) -> QSize:
    return QSize(min(size.width(), width), size.height())
