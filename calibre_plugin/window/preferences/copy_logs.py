"""In the tab Copies: the folders in which other calibres keep what left them."""

from __future__ import annotations

from qt.core import QGroupBox, QVBoxLayout, QWidget

from ...copies.log_places import trouble_with
from ...settings.draft import Draft
from ..parts.text import Label
from .folder_list import FolderList

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
        column = QVBoxLayout(self)
        about = Label(
            _(
                "A calibre in a container or on a server, with this plugin, writes down what it hands out. Name its "
                "configuration folder, and those copies are known here too. It is only read."
            ),
            self,
        )
        column.addWidget(about)
        sentences = trouble_sentences()
        self.folders = FolderList(
            "copy-logs",
            _("The configuration folder of the other calibre"),
            draft.machine["copy_logs"],
            lambda path: sentences.get(trouble_with(path) or ""),
            lambda paths: draft.machine.update({"copy_logs": paths}),
            76,
            self,
        )
        column.addWidget(self.folders)
