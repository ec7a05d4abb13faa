"""One dialog for what a sync would do and what it did: review with tick boxes, or report."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from functools import partial

from qt.core import (
    QApplication,
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QHeaderView,
    QItemSelectionModel,
    QKeySequence,
    QMenu,
    QPushButton,
    QShortcut,
    QSize,
    Qt,
    QTreeView,
    QVBoxLayout,
)

from calibre.gui2 import choose_save_file, error_dialog, gprefs

from ..parts.calibre_window import CalibreWindow
from ...link.contract import ColumnMapping, ColumnUpdate
from ..parts.help import help_button
from ..parts.icons import icon
from ..parts.letters import Letters
from .plan_details import PlanDetails
from .covers import SIZE, Covers
from .plan_model import RESULT, TITLE, WHY, PlanModel
from .plan_rows import BookRow, Decision, count_kinds, disarmed, table_of
from .plan_widths import PlanWidths
from ..parts.geometry import keep_choice, keep_geometry
from ..parts.fields import EnterField
from ..parts.text import Label, beside, in_markup, name_of

load_translations()

GEOMETRY = "koreader_progress_result_dialog"
UNFOLDED = "koreader_progress_review_unfolded"

OnAccept = Callable[[list[BookRow], list[ColumnUpdate]], None]


class ResultDialog(QDialog):
    """Non-modal. With `on_accept` a review: the accepted cells are handed over when the reader applies them."""

    def __init__(
        self,
        gui: CalibreWindow,
        title: str,
        headline: str,
        rows: list[BookRow],
        columns: Sequence[ColumnMapping],
        column_name: Callable[[str], str],
        on_accept: OnAccept | None = None,
        on_reject: Callable[[], None] | None = None,
        apply_label: str = "",
    ) -> None:
        super().__init__(gui)
        self.setObjectName("koreader_progress_result")
        self.setWindowTitle(title)
        self.setWindowIcon(icon("review" if on_accept else "report"))
        self.setWindowFlag(Qt.WindowType.WindowMaximizeButtonHint, True)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setModal(False)
        self._gui = gui
        self._columns = columns
        self._column_name = column_name
        self._on_accept = on_accept
        self._on_reject = on_reject
        self._apply_label = apply_label
        self.rows = rows
        covers = Covers(gui.current_db.new_api, lambda read: self.model.covers_read(read), self)
        self.model = PlanModel(rows, columns, column_name, on_accept is None, covers, self)

        layout = QVBoxLayout(self)
        self.headline = Label(headline, self)
        layout.addWidget(self.headline)
        layout.addLayout(self._filters())
        self.details = PlanDetails(self.model, self)
        layout.addWidget(self._tree(), 1)
        layout.addWidget(self.details)
        layout.addLayout(self._decisions())
        self.summary = Label("", self)
        layout.addWidget(self.summary)
        layout.addWidget(self._buttons())
        self.model.ticks_changed.connect(self._show_summary)
        self._filter()
        self.tree.setFocus()
        Letters(self)
        self.restore_geometry(gprefs, GEOMETRY)

    def sizeHint(self) -> QSize:
        return QSize(1010, 600)

    def _filters(self) -> QHBoxLayout:
        line = QHBoxLayout()
        counts = count_kinds(self.rows)
        self.kinds = QComboBox(self)
        news = counts["update"] + counts["conflict"] + counts["skip"]
        choices = [
            (_("All but unchanged ({n})").format(n=news), ("conflict", "update", "skip")),
            (_("Changes ({n})").format(n=counts["update"]), ("update",)),
            (_("To decide ({n})").format(n=counts["conflict"]), ("conflict",)),
            (_("Left alone ({n})").format(n=counts["skip"]), ("skip",)),
            (_("Unchanged ({n})").format(n=counts["unchanged"]), ("unchanged",)),
        ]
        for label, kinds in choices:
            self.kinds.addItem(label, kinds)
        if counts["update"] + counts["conflict"] and counts["skip"] > 20:
            # Many books that are not on the server would hide the few that changed.
            self.kinds.setCurrentIndex(1 if counts["update"] else 2)
        show = name_of(self.kinds, _("Sh&ow:"))
        self.search = EnterField(self)
        self.search.setClearButtonEnabled(True)
        self.search.setPlaceholderText(_("Title, author, device or reason"))
        find = name_of(self.search, _("&Find:"))
        line.addWidget(show)
        line.addWidget(self.kinds)
        line.addSpacing(12)
        line.addWidget(find)
        line.addWidget(self.search, 1)
        self.unfold = QCheckBox(_("Show each &value"), self)
        self.unfold.setObjectName("unfold")
        self.unfold.setToolTip(_("Unfolds every book; one alone unfolds with its arrow or the right arrow key"))
        self.unfold.setChecked(gprefs.get(UNFOLDED) is True)
        self.unfold.toggled.connect(self._unfold_chosen)
        line.addWidget(self.unfold)
        self.kinds.currentIndexChanged.connect(self._filter)
        self.search.textChanged.connect(self._filter)
        # Not what the default button does, which writes.
        self.search.entered.connect(lambda: self.tree.setFocus())
        return line

    def _tree(self) -> QTreeView:
        self.tree = QTreeView(self)
        self.tree.setModel(self.model)
        self.tree.setUniformRowHeights(True)
        self.tree.setAlternatingRowColors(True)
        self.tree.setSelectionMode(QTreeView.SelectionMode.ExtendedSelection)
        self.tree.setAllColumnsShowFocus(True)
        header = self.tree.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(WHY, QHeaderView.ResizeMode.Stretch)
        self._widths = PlanWidths(self.tree)
        self.tree.setIconSize(SIZE)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.tree.setSortingEnabled(True)
        if all(row.kind != "conflict" and not any(cell.outcome for cell in row.cells) for row in self.rows):
            self.tree.setColumnHidden(RESULT, True)
        self.tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.tree.customContextMenuRequested.connect(self._context_menu)
        QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), self.tree, self.copy_selected)
        self.model.modelReset.connect(self._fold)
        self.model.rowsInserted.connect(lambda *_rows: self._fold())
        self.model.modelReset.connect(self._begin_at_the_top)
        # A reset gives the view a new place to stand, the selection model stays.
        self.tree.selectionModel().currentChanged.connect(lambda now, _before: self.details.show_line(now))
        self.model.dataChanged.connect(lambda *_changed: self.details.show_line(self.tree.currentIndex()))
        return self.tree

    def _decisions(self) -> QHBoxLayout:
        line = QHBoxLayout()
        self.decision_buttons: dict[Decision, QPushButton] = {}
        if self._on_accept is None:
            return line
        self.tick_button = QPushButton(_("Tick &all"), self)
        self.tick_button.clicked.connect(lambda: self.model.tick_all(True))
        self.untick_button = QPushButton(_("Tick &none"), self)
        self.untick_button.clicked.connect(lambda: self.model.tick_all(False))
        line.addWidget(self.tick_button)
        line.addWidget(self.untick_button)
        line.addStretch(1)
        if count_kinds(self.rows)["conflict"]:
            line.addWidget(beside(_("Selected books to decide:"), self))
            labels: tuple[tuple[Decision, str], ...] = (
                ("theirs", _("Take &KOReader's")),
                ("ours", _("Keep &mine")),
                ("later", _("Decide &later")),
            )
            for decision, label in labels:
                button = QPushButton(label, self)
                button.clicked.connect(partial(self._decide_clicked, decision))
                self.decision_buttons[decision] = button
                line.addWidget(button)
        return line

    def _buttons(self) -> QDialogButtonBox:
        self.buttons = QDialogButtonBox(self)
        if self._on_accept is not None:
            self.apply_button = self.buttons.addButton(self._apply_label, QDialogButtonBox.ButtonRole.AcceptRole)
            self.apply_button.setIcon(icon("sync"))
            self.buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
            self.buttons.accepted.connect(self.accept)
        else:
            self.buttons.addButton(QDialogButtonBox.StandardButton.Close)
        self.buttons.rejected.connect(self.reject)
        select = self.buttons.addButton(_("&Select in library"), QDialogButtonBox.ButtonRole.ActionRole)
        select.setToolTip(_("Select the shown books in calibre's list"))
        select.clicked.connect(self.select_in_library)
        copy = self.buttons.addButton(_("&Copy…"), QDialogButtonBox.ButtonRole.ActionRole)
        menu = QMenu(self)
        menu.addAction(_("Copy as text"), self.copy_text)
        menu.addAction(_("Copy as CSV"), self.copy_csv)
        menu.addAction(_("Save as CSV…"), self.save_csv)
        copy.setMenu(menu)
        self.buttons.addButton(help_button(self, lambda: "review"), QDialogButtonBox.ButtonRole.HelpRole)
        return self.buttons

    def _filter(self) -> None:
        self.model.show_only(self.kinds.currentData(), self.search.text())
        self._fold()
        self._widths.need(self.model.changes())
        self._show_summary()

    def _fold(self) -> None:
        """As the reader wants it: a line a book, or each of its values below it, of the books that are laid out."""
        if self.unfold.isChecked():
            self.tree.expandAll()

    def _unfold_chosen(self, on: bool) -> None:
        keep_choice(UNFOLDED, on)
        (self.tree.expandAll if on else self.tree.collapseAll)()

    def _begin_at_the_top(self) -> None:
        """The keyboard stands on the first line, which is shown whole; nothing is selected by that."""
        first = self.model.index(0, TITLE)
        self.tree.selectionModel().setCurrentIndex(first, QItemSelectionModel.SelectionFlag.NoUpdate)
        self.details.show_line(first)

    def _show_summary(self) -> None:
        updates = self.accepted()
        open_ones = sum(row.kind == "conflict" and row.decision == "later" for row in self.rows)
        parts = []
        if self._on_accept is not None:
            books = len({update["book_id"] for update in updates})
            parts.append(
                ngettext("{n} book will change.", "{n} books will change.", books).format(n=books)
                if books
                else _("Nothing is ticked.")
            )
            settled = any(row.kind == "conflict" and row.decision == "ours" for row in self.rows)
            self.apply_button.setEnabled(bool(updates) or settled)
            self.apply_button.setToolTip("" if updates or settled else _("Tick at least one change first"))
        if open_ones:
            text = ngettext("{n} book is still to be decided.", "{n} books are still to be decided.", open_ones)
            parts.append(text.format(n=open_ones))
        self.summary.setText(" ".join(parts))
        self.summary.setVisible(bool(parts))

    def accepted(self) -> list[ColumnUpdate]:
        """The cells that would be written now."""
        return [update for row in self.rows for update in row.accepted()]

    def selected_rows(self) -> list[BookRow]:
        """The books of the selected lines."""
        found = (self.model.book_at(index) for index in self.tree.selectionModel().selectedRows())
        return list({id(row): row for row in found if row is not None}.values())

    def decide(self, decision: Decision) -> None:
        """Settles the selected conflicts; without a selection, all that are shown."""
        self.model.decide(self.selected_rows() or self.model.shown, decision)

    def _decide_clicked(self, decision: Decision, _checked: bool = False) -> None:
        self.decide(decision)

    def select_in_library(self) -> None:
        """Selects the shown books in calibre's list."""
        self._gui.library_view.select_rows({row.book_id for row in self.model.shown})

    def _table(self, rows: Sequence[BookRow]) -> list[list[str]]:
        return table_of(rows, self._columns, self._column_name)

    def copy_text(self) -> None:
        """Puts the shown lines on the clipboard, tabs between the columns."""
        lines = ("\t".join(line) for line in self._table(self.model.shown))
        QApplication.clipboard().setText("\n".join(lines))

    def copy_selected(self) -> None:
        """Puts the selected books on the clipboard."""
        lines = ("\t".join(line) for line in self._table(self.selected_rows())[1:])
        QApplication.clipboard().setText("\n".join(lines))

    def csv_text(self) -> str:
        """The shown lines as CSV."""
        out = io.StringIO(newline="")
        csv.writer(out).writerows([disarmed(word) for word in line] for line in self._table(self.model.shown))
        return out.getvalue()

    def copy_csv(self) -> None:
        QApplication.clipboard().setText(self.csv_text())

    def save_csv(self) -> None:
        path = choose_save_file(
            self,
            "koreader-progress-report",
            _("Save the report"),
            filters=[("CSV", ["csv"])],
            initial_filename="koreader-progress.csv",
        )
        if path:
            self.save_csv_to(str(path))

    def save_csv_to(self, path: str) -> None:
        """Writes the shown lines, or says in a sentence why they could not be written."""
        try:
            with open(path, "w", encoding="utf-8-sig", newline="") as file:
                file.write(self.csv_text())
        except OSError as error:
            sentence = _("The report could not be written: {reason}").format(reason=error)
            error_dialog(self, _("KOReader Progress"), in_markup(sentence), show=True)

    def _context_menu(self, point: object) -> None:
        menu = QMenu(self)
        menu.addAction(_("Copy"), self.copy_selected)
        row = self.model.book_at(self.tree.indexAt(point))
        if row is not None:
            book_id = row.book_id
            menu.addAction(_("Show this book in the library"), lambda: self._gui.library_view.select_rows({book_id}))
        menu.exec(self.tree.viewport().mapToGlobal(point))

    def done(self, result: int) -> None:
        keep_geometry(self, GEOMETRY)
        self._widths.keep()
        accepted = result == QDialog.DialogCode.Accepted
        on_accept, on_reject = self._on_accept, self._on_reject
        # Whatever closes the dialog twice must not write twice.
        self._on_accept = self._on_reject = None
        super().done(result)
        if accepted and on_accept is not None:
            on_accept(self.rows, self.accepted())
        elif on_reject is not None:
            on_reject()
