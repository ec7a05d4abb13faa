"""The tab Devices and folders: folders of sidecars without a device, and what is known of each device."""

from __future__ import annotations

import os
import time

from qt.core import QGroupBox, QVBoxLayout, QWidget

from ...devices.state import DeviceState, all_states
from ...settings.config import StoredProfile
from ...settings.draft import Draft
from ..parts.text import Label
from .folder_list import FolderList

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
        gone = _("This folder is not there now. It is read again as soon as it is; until then nothing changes.")
        self.folders = FolderList(
            "folders",
            _("A folder with KOReader's sidecars"),
            [folder["path"] for folder in draft.machine["folders"]],
            lambda path: None if os.path.isdir(path) else gone,
            self._keep,
            110,
            self,
        )
        column.addWidget(self.folders)

    def _keep(self, paths: list[str]) -> None:
        """A folder that was named keeps its name."""
        known = {folder["path"]: folder for folder in self._draft.machine["folders"]}
        self._draft.machine["folders"] = [known.get(path, {"path": path, "name": ""}) for path in paths]


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
