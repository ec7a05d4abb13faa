"""One book as this plugin knows it: its digests, what was agreed last, and what each device said and when."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from qt.core import (
    QApplication,
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QMessageBox,
    QPushButton,
    QSize,
    Qt,
    QTabWidget,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from calibre.gui2 import gprefs

from ..parts.calibre_window import CalibreWindow
from ..parts.background import Background
from ...memory.account_key import key_of
from ...memory.book_memory import logged_books, recall
from ...settings.config import StoredProfile, mappings_of
from ...link.contract import ColumnUpdate
from ...words.digest_names import source_names
from ...memory.history import link, read_digests, unlink
from .history import HistoryPage
from ..parts.help import help_button
from ..parts.icons import PLUGIN_NAME, icon
from ..parts.letters import Letters
from ...words.data import percent
from .plan_rows import show_cell, show_time
from ...sync.unlinking import restorable, runs_under
from ...memory.journal_run import Run
from ..parts.geometry import keep_choice, keep_geometry
from ..parts.fields import EnterField
from ..parts.text import Label, LineLabel, caption, name_of, on_one_line

load_translations()

GEOMETRY = "koreader_progress_details_dialog"
EXPERTS = "koreader_progress_details_for_experts"
DIGEST: Final = re.compile(r"[0-9a-f]{32}")


class DetailsDialog(QDialog):
    """Non-modal."""

    def __init__(
        self, gui: CalibreWindow, book_id: int, stored: StoredProfile | None, column_name: Callable[[str], str]
    ) -> None:
        super().__init__(gui)
        self.setObjectName("koreader_progress_details")
        self._api = gui.current_db.new_api
        self._book_id = book_id
        self._column_name = column_name
        self._place: QTreeWidgetItem | None = None
        self._background = Background(self)
        self._restore = partial(gui.iactions[PLUGIN_NAME].runs.undos.put_back, self._api)
        title = self._api.field_for("title", book_id)
        self.setWindowTitle(caption(_("KOReader Progress: {title}").format(title=title)))
        self.setWindowIcon(icon("details"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        layout = QVBoxLayout(self)
        self.heading = LineLabel(f"{title} — {' & '.join(self._api.field_for('authors', book_id) or ())}", self)
        font = self.heading.font()
        font.setBold(True)
        self.heading.setFont(font)
        layout.addWidget(self.heading)
        self.tabs = QTabWidget(self)
        layout.addWidget(self.tabs, 1)
        account_id = key_of(stored["account_id"], stored["id"]) if stored else ""
        memory = recall(self._api, account_id, [book_id], stored["id"]).get(book_id, {}) if stored else {}
        book = next(logged_books(self._api, [book_id], account_id), None)
        action = gui.iactions[PLUGIN_NAME]
        launch = action.host.prepare(action.settings.get("runtime_path"))
        self.history = HistoryPage(book, stored, launch, self)
        self.tabs.addTab(self.history, icon("when"), _("&History"))
        self.tabs.addTab(self._base_page(memory), icon("account"), _("&Last sync"))
        self.tabs.addTab(self._digest_page(), icon("copies"), _("&Known copies"))
        self.experts = QCheckBox(_("Details for e&xperts"), self)
        self.experts.setObjectName("experts")
        self.experts.toggled.connect(self._show_experts)
        layout.addWidget(self.experts)
        self.experts.setChecked(gprefs.get(EXPERTS) is True)
        self._show_experts(self.experts.isChecked())
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        self.buttons.addButton(help_button(self, lambda: "notfound"), QDialogButtonBox.ButtonRole.HelpRole)
        self.buttons.rejected.connect(self.reject)
        layout.addWidget(self.buttons)
        Letters(self)
        self.restore_geometry(gprefs, GEOMETRY)

    def sizeHint(self) -> QSize:
        return QSize(820, 480)

    def _show_experts(self, on: bool) -> None:
        """Shows or hides what only somebody who knows KOReader from inside can read."""
        if on != (gprefs.get(EXPERTS) is True):
            keep_choice(EXPERTS, on)
        self.history.show_places(on)
        if self._place is not None:
            self._place.setHidden(not on)

    def _table(self, headings: list[str]) -> QTreeWidget:
        tree = QTreeWidget(self)
        tree.setHeaderLabels(headings)
        tree.setRootIsDecorated(False)
        tree.setAlternatingRowColors(True)
        return tree

    # Digests.

    def _digest_page(self) -> QWidget:
        page = QWidget(self)
        layout = QVBoxLayout(page)
        about = Label(_("Under each of these names a server may know this book."), page)
        layout.addWidget(about)
        self.digests = self._table([_("Fingerprint"), _("By"), _("Known from"), _("Format"), _("Last seen")])
        self.digests.setObjectName("digests")
        self.digests.setColumnWidth(0, 280)
        self.digests.setColumnWidth(2, 160)
        self.digests.itemSelectionChanged.connect(self._show_state)
        layout.addWidget(self.digests, 1)
        line = QHBoxLayout()
        self.new_digest = EnterField(page)
        self.new_digest.setObjectName("new_digest")
        self.new_digest.setPlaceholderText(_("partial_md5_checksum of KOReader's metadata.epub.lua"))
        self.new_digest.textChanged.connect(self._show_state)
        self.new_digest.entered.connect(self._link)
        label = name_of(self.new_digest, _("&Another fingerprint:"))
        self.link_button = QPushButton(_("Lin&k"), page)
        self.link_button.clicked.connect(self._link)
        self.unlink_button = QPushButton(_("&Not this book"), page)
        self.unlink_button.setToolTip(_("The selected copy is never again taken for this book"))
        self.unlink_button.clicked.connect(self._unlink)
        self.copy_button = QPushButton(_("&Copy"), page)
        self.copy_button.clicked.connect(self._copy)
        for widget in (label, self.new_digest, self.link_button):
            line.addWidget(widget)
        line.addSpacing(16)
        line.addWidget(self.copy_button)
        line.addWidget(self.unlink_button)
        layout.addLayout(line)
        self._fill_digests()
        return page

    def _fill_digests(self) -> None:
        self.digests.clear()
        names = source_names()
        kinds = {"partial_md5": _("content"), "filename": _("file name")}
        for known in read_digests(self._api, [self._book_id]).get(self._book_id, []):
            source = names.get(known["source"], known["source"])
            texts = [
                known["digest"],
                kinds[known["kind"]],
                source,
                known["format"] or "",
                show_time(known["last_seen"]),
            ]
            QTreeWidgetItem(self.digests, [on_one_line(text) for text in texts])
        if not self.digests.topLevelItemCount():
            hint = _("None yet: the next sync, or the next copy that leaves calibre, brings some.")
            item = QTreeWidgetItem(self.digests, [hint])
            item.setFirstColumnSpanned(True)
            item.setFlags(Qt.ItemFlag.NoItemFlags)
        self._show_state()

    def _selected(self) -> str:
        items = self.digests.selectedItems()
        return items[0].text(0) if items else ""

    def _show_state(self) -> None:
        typed = self.new_digest.text().strip().lower()
        self.link_button.setEnabled(DIGEST.fullmatch(typed) is not None)
        reason = "" if self.link_button.isEnabled() else _("A fingerprint has 32 characters, 0 to 9 and a to f")
        self.link_button.setToolTip(reason)
        for button in (self.unlink_button, self.copy_button):
            button.setEnabled(bool(self._selected()))

    def _link(self) -> None:
        if not self.link_button.isEnabled():
            return
        link(self._api, self._book_id, self.new_digest.text().strip().lower())
        self.new_digest.clear()
        self._fill_digests()

    def _unlink(self) -> None:
        digest = self._selected()
        unlink(self._api, self._book_id, digest)
        self._fill_digests()
        # The journal may hold hundreds of runs.
        self._background.run(lambda: self._written_under(digest), self._offer_to_restore)

    def _written_under(self, digest: str) -> tuple[list[Run], list[ColumnUpdate]]:
        runs = runs_under(self._api, self._book_id, digest)
        return runs, restorable(self._api, self._book_id, runs)

    def _offer_to_restore(self, found: tuple[list[Run], list[ColumnUpdate]]) -> None:
        """Asks whether what the digest has brought should go too; what was changed since is no part of it."""
        runs, updates = found
        if not updates:
            return
        lines = [
            on_one_line(
                _("{column}: {now} → {then}").format(
                    column=self._column_name(update["column"]),
                    now=show_cell(update["before"], None),
                    then=show_cell(update["after"], None),
                )
            )
            for update in updates
        ]
        question = QMessageBox(self)
        question.setObjectName("koreader_progress_restore")
        question.setIcon(QMessageBox.Icon.Question)
        question.setWindowTitle(_("KOReader Progress"))
        question.setTextFormat(Qt.TextFormat.PlainText)
        question.setText(_("This copy has brought values into the library. Put back what stood there before?"))
        question.setInformativeText("\n".join(lines))
        self.restore_button = question.addButton(_("&Put back"), QMessageBox.ButtonRole.AcceptRole)
        question.addButton(_("&Leave as it is"), QMessageBox.ButtonRole.RejectRole)
        self.restore_button.clicked.connect(lambda: self._restore(runs, [self._book_id]))
        question.open()

    def _copy(self) -> None:
        QApplication.clipboard().setText(self._selected())

    # What is remembered.

    def _base_page(self, memory: dict[str, Any]) -> QWidget:
        page = QWidget(self)
        layout = QVBoxLayout(page)
        base = memory.get("base")
        if base is None:
            layout.addWidget(Label(_("This book was not synced yet."), page))
            layout.addStretch(1)
            return page
        words = _("The last sync saw {percentage}, read with {device} ({when}).")
        text = words.format(
            percentage=percent(base["percentage"]), device=base["device"] or "?", when=show_time(base["timestamp"])
        )
        label = Label(text, page)
        layout.addWidget(label)
        table = self._table([_("Column"), _("Value")])
        table.setColumnWidth(0, 260)
        mappings = mappings_of(self._api)
        for column, value in sorted(base["values"].items()):
            self._add_line(table, self._column_name(column), show_cell(value, mappings.get(column)))
        self._place = self._add_line(table, _("Place in KOReader's terms"), base["progress"])
        layout.addWidget(table, 1)
        return page

    def _add_line(self, table: QTreeWidget, name: str, value: str) -> QTreeWidgetItem:
        return QTreeWidgetItem(table, [on_one_line(name), on_one_line(value)])

    def done(self, result: int) -> None:
        keep_geometry(self, GEOMETRY)
        super().done(result)
