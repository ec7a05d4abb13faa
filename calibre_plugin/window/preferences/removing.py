"""Remove our data: lists all that the plugin keeps, offers to export it first, then takes it away."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from qt.core import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QSize,
    Qt,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from calibre.gui2 import gprefs

from ..parts.background import Background, Fault, attempt
from ..parts.icons import icon
from ..parts.text import Label, tip
from ...moving.holdings import Held, Holding, holdings, other_holders
from ...moving.removal import Left, remove
from ...words.faults import note_fault
from ...words.moving import bytes_words, held_words
from .exporting import Exporting

load_translations()

Found = tuple[list[Holding], list[str]]


class RemoveDialog(QDialog):
    """Accepted when everything was removed; what was ticked stays to be read then."""

    def __init__(self, action: Any, parent: QWidget) -> None:
        super().__init__(parent)
        self._action = action
        self._api = action.gui.current_db.new_api
        self._background = Background(self)
        self._ended = False
        self.setWindowTitle(_("Remove our data"))
        self.setWindowIcon(icon("preferences"))
        layout = QVBoxLayout(self)
        layout.addWidget(
            self._label(
                _(
                    "This is what KOReader Progress keeps. Your columns with all that is in them, your books and the copies "
                    "on your readers stay as they are; copies need no plugin to be read. What your sync server knows "
                    "stays there."
                )
            )
        )
        self.list = QTreeWidget(self)
        self.list.setObjectName("holdings")
        self.list.setHeaderLabels([_("What"), _("Size"), _("Where")])
        self.list.setRootIsDecorated(False)
        self.list.setSelectionMode(QTreeWidget.SelectionMode.NoSelection)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        layout.addWidget(self.list, 1)
        self.elsewhere = self._label("")
        self.elsewhere.setObjectName("elsewhere")
        self.elsewhere.setVisible(False)
        layout.addWidget(self.elsewhere)
        self.with_journal = self._tick(_("Also the &journal: what the plugin has written can never be undone then"))
        self.with_server = self._tick(_("Also the &server’s documents: the places of all who sync with this computer"))
        self.with_plugin = self._tick(_("Also the &plugin itself"))
        for box in (self.with_journal, self.with_server, self.with_plugin):
            layout.addWidget(box)
        self.status = self._label(_("Looking…"))
        self.status.setObjectName("removing_status")
        layout.addWidget(self.status)
        self.exporting = Exporting(action.settings, self._say, self)
        layout.addWidget(self._buttons())
        self._allow(False)
        self._look()

    def sizeHint(self) -> QSize:
        return QSize(820, 520)

    def _label(self, text: str) -> Label:
        label = Label(text, self)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        return label

    def _tick(self, text: str) -> QCheckBox:
        box = QCheckBox(text, self)
        box.setVisible(False)
        return box

    def _buttons(self) -> QDialogButtonBox:
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self.export_button = self.buttons.addButton(_("&Export first…"), QDialogButtonBox.ButtonRole.ActionRole)
        self.export_button.setObjectName("export_first")
        self.export_button.clicked.connect(self.exporting.begin)
        self.remove_button = self.buttons.addButton(_("&Remove"), QDialogButtonBox.ButtonRole.DestructiveRole)
        self.remove_button.setObjectName("remove_now")
        self.remove_button.clicked.connect(self.remove)
        self.buttons.rejected.connect(self.reject)
        # Enter must not remove anything.
        self.buttons.button(QDialogButtonBox.StandardButton.Cancel).setDefault(True)
        return self.buttons

    def _allow(self, on: bool) -> None:
        self.remove_button.setEnabled(on)
        self.export_button.setEnabled(on and not self._ended)

    def _say(self, sentence: str) -> None:
        self.status.setText(sentence)
        self._allow(not self.exporting.is_running)

    def reject(self) -> None:
        if self._ended:
            # What could be removed is gone: there is no way back to the preferences.
            self.accept()
        elif not self._background.is_running:
            super().reject()

    def _look(self) -> None:
        api, folders = self._api, list(gprefs.get("library_usage_stats", {}))

        def look() -> Found:
            return holdings(api), other_holders(folders, api.backend.library_path)

        self._background.run(lambda: attempt(look), self._show)

    def _show(self, found: Found | Fault) -> None:
        if isinstance(found, Fault):
            note_fault("list what the plugin keeps", found.error)
            self.status.setText("✗ " + _("This could not be done."))
            return
        listed, elsewhere = found
        self.list.clear()
        for holding in listed:
            row = [held_words(holding.held, holding.books), bytes_words(holding.size), "\n".join(holding.places)]
            item = QTreeWidgetItem(self.list, row)
            item.setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
            item.setTextAlignment(0, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
            for column, text in enumerate(row):
                item.setToolTip(column, tip(text))
        for column in range(2):
            self.list.resizeColumnToContents(column)
        held: set[Held] = {holding.held for holding in listed}
        self.with_journal.setVisible("journal" in held)
        self.with_server.setVisible("server" in held)
        self.with_plugin.setVisible(True)
        if elsewhere:
            names = ", ".join(os.path.basename(folder) for folder in elsewhere)
            self.elsewhere.setText(
                _(
                    "These libraries keep some of it as well: {names}. Remove it there first: open each in calibre."
                ).format(names=names)
            )
            self.elsewhere.setVisible(True)
        self.status.setText(self._action.leaving.why_busy() or ("" if listed else _("There is nothing.")))
        self._allow(not self._action.leaving.why_busy())

    def remove(self) -> None:
        """Ends all that the plugin does, then removes; from now on it does nothing until calibre is started again."""
        busy = self._action.leaving.why_busy()
        if busy:
            self._say(busy)
            return
        end = self._action.leaving.cease()
        self._ended = True
        self._allow(False)
        for box in (self.with_journal, self.with_server):
            box.setEnabled(False)
        self.status.setText(_("Removing…"))
        self._background.run(lambda: attempt(self._removing(end)), self._removed)

    def _removing(self, end: Callable[[], None]) -> Callable[[], list[Left]]:
        api, journal, server = self._api, self.with_journal.isChecked(), self.with_server.isChecked()

        def work() -> list[Left]:
            end()
            return remove(api, journal, server)

        return work

    def _removed(self, outcome: list[Left] | Fault) -> None:
        if isinstance(outcome, Fault):
            note_fault("remove what the plugin keeps", outcome.error)
            self.status.setText("✗ " + _("Not all of it could be removed: {reason}").format(reason=outcome.error))
        elif outcome:
            places = "\n".join(f"{left.place}: {left.reason}" for left in outcome[:5])
            self.status.setText(
                "✗ " + _("Not all of it could be removed. Close other calibre programs, and try again.") + "\n" + places
            )
        else:
            self.accept()
            return
        self.remove_button.setEnabled(True)
