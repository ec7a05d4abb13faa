"""In the tab Copies: the folders in which other calibres keep what left them."""

from __future__ import annotations

from typing import Any

from qt.core import QGroupBox, QHBoxLayout, QListWidget, QListWidgetItem, QPushButton, Qt, QVBoxLayout, QWidget

from calibre.gui2 import choose_dir

from ..parts.background import Background
from ...settings.draft import Draft
from ...copies.log_places import Trouble, trouble_with
from ..parts.text import Label, tip

load_translations()


def trouble_sentences() -> dict[str, str]:
    """What is wrong with a folder, in words."""
    return {
        "missing": _("This folder is not there now. It is read again as soon as it is."),
        "unreadable": _("This folder cannot be read: calibre has no right to."),
        "empty": _("This folder holds no copy log yet: choose the configuration folder of the other calibre."),
    }


class CopyLogsBox(QGroupBox):
    """A list that belongs to this machine; stored with the preferences."""

    def __init__(self, draft: Draft, parent: QWidget) -> None:
        super().__init__(_("Copies that leave another calibre"), parent)
        self._draft = draft
        self._background = Background(self)
        column = QVBoxLayout(self)
        about = Label(
            _(
                "A calibre in a container or on a server, with this plugin, writes down what it hands out. Name its "
                "configuration folder, and those copies are known here too. It is only read."
            ),
            self,
        )
        column.addWidget(about)
        line = QHBoxLayout()
        self.list = QListWidget(self)
        self.list.setObjectName("copy_logs")
        self.list.setMaximumHeight(76)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.currentItemChanged.connect(lambda *_items: self._show_state())
        line.addWidget(self.list, 1)
        buttons = QVBoxLayout()
        self.add_button = QPushButton(_("Add &folder…"), self)
        self.add_button.clicked.connect(self._choose)
        self.remove_button = QPushButton(_("Remo&ve"), self)
        self.remove_button.clicked.connect(self._remove)
        buttons.addWidget(self.add_button)
        buttons.addWidget(self.remove_button)
        buttons.addStretch(1)
        line.addLayout(buttons)
        column.addLayout(line)
        self.status = Label("", self)
        self.status.setObjectName("copy_logs_status")
        column.addWidget(self.status)
        for folder in draft.machine["copy_logs"]:
            self._append(folder)
        self._show_state()

    def _choose(self) -> None:
        folder = choose_dir(self, "koreader-progress-copy-logs", _("The configuration folder of the other calibre"))
        if folder:
            self.add(str(folder))

    def add(self, folder: str) -> None:
        """Appends a folder to the list, once, and looks at it."""
        if folder not in self._draft.machine["copy_logs"]:
            self._draft.machine["copy_logs"] = [*self._draft.machine["copy_logs"], folder]
            self._append(folder)
        self.list.setCurrentRow(self._draft.machine["copy_logs"].index(folder))

    def _append(self, folder: str) -> None:
        item = QListWidgetItem(folder, self.list)
        item.setToolTip(tip(folder))
        # A network folder may take its time: the preferences do not wait for it.
        self._background.run(lambda: trouble_with(folder), lambda trouble: self._looked(folder, trouble))

    def _looked(self, folder: str, trouble: Trouble) -> None:
        for item in self.list.findItems(folder, Qt.MatchFlag.MatchExactly):
            item.setData(Qt.ItemDataRole.UserRole, trouble)
            if trouble:
                item.setText(folder)
                item.setToolTip(tip(f"{folder}\n{trouble_sentences()[trouble]}"))
        self._show_state()

    def _remove(self) -> None:
        item = self.list.takeItem(self.list.currentRow())
        if item is not None:
            folders = [folder for folder in self._draft.machine["copy_logs"] if folder != item.text()]
            self._draft.machine["copy_logs"] = folders
        self._show_state()

    def _show_state(self) -> None:
        item: Any = self.list.currentItem()
        self.remove_button.setEnabled(item is not None)
        self.remove_button.setToolTip("" if item is not None else _("Select a folder first"))
        items = [self.list.item(row) for row in range(self.list.count())]
        # What is selected is spoken of; otherwise the first that is amiss.
        amiss = next((one for one in (item, *items) if one is not None and one.data(Qt.ItemDataRole.UserRole)), None)
        self.status.setVisible(amiss is not None)
        if amiss is not None:
            trouble = trouble_sentences()[amiss.data(Qt.ItemDataRole.UserRole)]
            self.status.setText(f"✗ {amiss.text()}: {trouble}")
