"""The tab Places: calibre's own readers, where they continue and whether KOReader hears of them."""

from __future__ import annotations

from qt.core import QCheckBox, QComboBox, QFormLayout, QGroupBox, QLineEdit, QVBoxLayout, QWidget

from ...settings.config import StoredProfile
from ...settings.draft import Draft
from ..parts.text import Label

load_translations()


class PlacesTab(QWidget):
    """Both ways: what a sync brings to calibre's readers, and what goes back to the server."""

    def __init__(self, draft: Draft, parent: QWidget) -> None:
        super().__init__(parent)
        self._profile: StoredProfile = draft.profiles[0]
        layout = QVBoxLayout(self)
        layout.addWidget(self._from_koreader())
        layout.addWidget(self._to_koreader())
        layout.addStretch(1)

    def _from_koreader(self) -> QGroupBox:
        box = QGroupBox(_("After a sync"), self)
        column = QVBoxLayout(box)
        self.viewer = QCheckBox(_("calibre's viewer &opens where KOReader stopped"), box)
        self.viewer.setObjectName("places_viewer")
        column.addWidget(self.viewer)
        form = QFormLayout()
        self.users = QLineEdit(box)
        self.users.setObjectName("places_users")
        self.users.setMinimumWidth(330)
        self.users.setPlaceholderText(_("nobody; user names with commas between them"))
        form.addRow(_("And so does the content server &for:"), self.users)
        column.addLayout(form)
        note = Label(_("A newer place of calibre's own is never replaced, and nothing is written into a book."), box)
        column.addWidget(note)
        return box

    def _to_koreader(self) -> QGroupBox:
        box = QGroupBox(_("The other way"), self)
        form = QFormLayout(box)
        self.push = QComboBox(box)
        self.push.setObjectName("places_push")
        for label, value in (
            (_("Send only when I say so"), "off"),
            (_("After a sync, show me what could be sent"), "ask"),
            (_("After a sync, send what needs no decision"), "automatic"),
        ):
            self.push.addItem(label, value)
        form.addRow(_("Where I &read in calibre:"), self.push)
        note = Label(_("Only a place that is found again in the copy on the reader is sent."), box)
        form.addRow(note)
        return box

    def show_profile(self, profile: StoredProfile) -> None:
        self._profile = profile
        self.viewer.setChecked(profile["viewer"])
        self.users.setText(", ".join(profile["server_users"]))
        self.push.setCurrentIndex(max(0, self.push.findData(profile["push"])))

    def store(self) -> None:
        self._profile["viewer"] = self.viewer.isChecked()
        names = (name.strip() for name in self.users.text().split(","))
        self._profile["server_users"] = [name for name in names if name]
        self._profile["push"] = self.push.currentData()
