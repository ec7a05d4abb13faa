"""The selected line of a review or report, whole: what the table has no room for."""

from __future__ import annotations


from qt.core import QModelIndex, QTextBrowser

from ...words.explain import why_text
from .plan_model import CHANGE, RESULT, TITLE, PlanModel
from .plan_rows import BookRow, device_of, when_of
from ..parts.text import escape

load_translations()

# As many lines as a conflict's reason takes beside its cells.
LINES = 5


class PlanDetails(QTextBrowser):
    """Shows the line that the keyboard or the mouse is on."""

    def __init__(self, model: PlanModel, parent: object) -> None:
        super().__init__(parent)
        self.setObjectName("koreader_progress_plan_details")
        self.setAccessibleName(_("The selected line, whole"))
        self.setPlaceholderText(_("Select a line to read it whole."))
        self.setOpenLinks(False)
        self._model = model
        margins = 2 * int(self.document().documentMargin()) + 2 * self.frameWidth()
        self.setFixedHeight(LINES * self.fontMetrics().lineSpacing() + margins)

    def show_line(self, index: QModelIndex) -> None:
        """A book's line, or a cell's; nothing for no line."""
        self.setHtml(self._html(index) if index.isValid() else "")

    def _html(self, index: QModelIndex) -> str:
        book, cell = self._model.book_at(index), self._model.cell_at(index)
        if book is None:
            return ""
        top = index.siblingAtColumn(TITLE) if cell is None else index.parent()
        numbers = range(len(book.cells)) if cell is None else (index.row(),)
        changes = [self._change(self._model.index(number, TITLE, top)) for number in numbers]
        why = why_text(book.why if cell is None else cell.update["why"])
        parts = [_heading(book, top), escape(why)]
        if changes:
            parts.append(" · ".join(changes))
        return "<br>".join(part for part in parts if part)

    def _change(self, index: QModelIndex) -> str:
        name, change, result = (
            escape(str(index.siblingAtColumn(column).data() or "")) for column in (TITLE, CHANGE, RESULT)
        )
        before, arrow, after = change.rpartition(" → ")
        change = f"{name}: {before}{arrow}<b>{after}</b>"
        return f"{change} ({result})" if result else change


def _heading(book: BookRow, top: QModelIndex) -> str:
    about = [device_of(book), when_of(book), str(top.siblingAtColumn(RESULT).data() or "")]
    told = " · ".join(escape(text) for text in about if text)
    title = f"<b>{escape(str(top.data() or ''))}</b>"
    return f"{title} · {told}" if told else title
