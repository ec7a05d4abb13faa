"""The tab Devices and folders: folders of sidecars without a device, and what is known of each device."""

from __future__ import annotations

import os
import time
from typing import Any

from qt.core import QGroupBox, QHBoxLayout, QListWidget, QListWidgetItem, QPushButton, Qt, QVBoxLayout, QWidget

from calibre.gui2 import choose_dir

from ...devices.state import DeviceState, all_states
from ...settings.config import StoredProfile
from ...settings.draft import Draft
from ..parts.background import Background
from ..parts.text import Label, tip

load_translations()


class DevicesTab(QWidget):
    """Belongs to this machine; stored with the preferences."""

    def __init__(self, draft: Draft, parent: QWidget) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        self.folders = FoldersBox(draft, self)
        layout.addWidget(self.folders)
        self.devices = KnownDevicesBox(self)
        layout.addWidget(self.devices)
        layout.addStretch(1)

    def show_profile(self, profile: StoredProfile) -> None:
        """It is the same for every profile."""

    def store(self) -> None:
        """The list is in the draft already."""


class FoldersBox(QGroupBox):
    """The list of folders."""

    def __init__(self, draft: Draft, parent: QWidget) -> None:
        super().__init__(_("Folders of sidecars without a device"), parent)
        self._draft = draft
        self._background = Background(self)
        column = QVBoxLayout(self)
        column.addWidget(
            Label(
                _(
                    "A folder that Syncthing or a cloud keeps, a network drive, a backup of a card: what KOReader left there "
                    "is read as from a connected reader, every few minutes. Nothing is written to it."
                ),
                self,
            )
        )
        line = QHBoxLayout()
        self.list = QListWidget(self)
        self.list.setObjectName("folders")
        self.list.setMaximumHeight(110)
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
        self.status.setObjectName("folders_status")
        column.addWidget(self.status)
        for folder in draft.machine["folders"]:
            self._append(folder["path"])
        self._show_state()

    def _choose(self) -> None:
        folder = choose_dir(self, "koreader-progress-folders", _("A folder with KOReader's sidecars"))
        if folder:
            self.add(str(folder))

    def add(self, path: str) -> None:
        """Appends a folder to the list, once, and looks whether it is there."""
        known = [folder["path"] for folder in self._draft.machine["folders"]]
        if path not in known:
            self._draft.machine["folders"] = [*self._draft.machine["folders"], {"path": path, "name": ""}]
            self._append(path)
            known.append(path)
        self.list.setCurrentRow(known.index(path))

    def _append(self, path: str) -> None:
        item = QListWidgetItem(path, self.list)
        item.setToolTip(tip(path))
        # A network folder may take its time: the preferences do not wait for it.
        self._background.run(lambda: os.path.isdir(path), lambda there: self._looked(path, there))

    def _looked(self, path: str, there: bool) -> None:
        for item in self.list.findItems(path, Qt.MatchFlag.MatchExactly):
            item.setData(Qt.ItemDataRole.UserRole, not there)
        self._show_state()

    def _remove(self) -> None:
        item = self.list.takeItem(self.list.currentRow())
        if item is not None:
            kept = [folder for folder in self._draft.machine["folders"] if folder["path"] != item.text()]
            self._draft.machine["folders"] = kept
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
            said = _("This folder is not there now. It is read again as soon as it is; until then nothing changes.")
            self.status.setText(f"✗ {amiss.text()}: {said}")


class KnownDevicesBox(QGroupBox):
    """What was ever read here, and when."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(_("Known devices and folders"), parent)
        column = QVBoxLayout(self)
        states = sorted(all_states(), key=lambda state: -state["looked"])
        self.known = Label("\n".join(map(known_line, states)) or _("No reader was connected yet."), self)
        self.known.setObjectName("known_devices")
        column.addWidget(self.known)


def known_line(state: DeviceState) -> str:
    """A device in one line: what it is called, of how many books it tells, and when it was looked at last."""
    count = sum(entry["sidecar"] is not None for entry in state["sidecars"].values())
    books = ngettext("{n} book opened there", "{n} books opened there", count).format(n=count)
    if not state["looked"]:
        return _("{device}: {books}").format(device=state["name"], books=books)
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(state["looked"]))
    return _("{device}: {books}, read {when}").format(device=state["name"], books=books, when=when)
