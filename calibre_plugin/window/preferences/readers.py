"""Whose reader each device and folder is, as it was said once, to be said otherwise."""

from __future__ import annotations

from qt.core import QComboBox, QFormLayout, QGroupBox, QWidget

from ...settings.draft import Draft
from ..parts.text import bounded, name_of, on_one_line

load_translations()

NOBODY = ""


class ReadersBox(QGroupBox):
    """One row a device or folder; hidden while none is known."""

    def __init__(self, draft: Draft, parent: QWidget) -> None:
        super().__init__(_("Whose readers these are"), parent)
        self._draft = draft
        self.whose: dict[str, QComboBox] = {}
        form = QFormLayout(self)
        for key, reader in sorted(draft.readers.items(), key=lambda each: each[1]["name"].casefold()):
            box = self.whose[key] = bounded(QComboBox(self))
            box.setObjectName(f"whose_{key}")
            form.addRow(name_of(box, on_one_line(reader["name"]).replace("&", "&&")), box)
        self.setVisible(bool(self.whose))

    def show_profiles(self) -> None:
        """The profiles as they are by now: one may have been added, named anew, or deleted."""
        for key, box in self.whose.items():
            box.clear()
            box.addItem(_("nobody: left alone"), NOBODY)
            for profile in self._draft.profiles:
                box.addItem(on_one_line(profile["name"]), profile["id"])
            box.setCurrentIndex(max(0, box.findData(self._draft.readers[key]["profile"] or NOBODY)))

    def store(self) -> None:
        for key, box in self.whose.items():
            self._draft.readers[key] = {**self._draft.readers[key], "profile": box.currentData() or None}
