"""In the tab Copies: digests that another plugin keeps in a column are taken over, once and on request."""

from __future__ import annotations

import time

from qt.core import QComboBox, QGroupBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from ...library.calibre_db import CalibreDb
from ..parts.background import Background, Fault, attempt
from ...words.faults import note_fault
from ...memory.imports import digest_columns, import_column
from ..parts.text import Label, name_of

load_translations()


class ImportBox(QGroupBox):
    """Takes over at once: there is nothing to undo, a digest that is wrong can be unlinked in a book's details."""

    def __init__(self, api: CalibreDb, parent: QWidget) -> None:
        super().__init__(_("Fingerprints from another plugin"), parent)
        self._api = api
        self._background = Background(self)
        column = QVBoxLayout(self)
        line = QHBoxLayout()
        self.columns = QComboBox(self)
        self.columns.setObjectName("digest_columns")
        label = name_of(self.columns, _("Colum&n with fingerprints:"))
        self.button = QPushButton(_("&Take over now"), self)
        self.button.setObjectName("take_over")
        self.button.clicked.connect(self._take_over)
        line.addWidget(label)
        line.addWidget(self.columns, 1)
        line.addWidget(self.button)
        column.addLayout(line)
        self.status = Label(_("Looking for columns that hold nothing but KOReader's fingerprints…"), self)
        self.status.setObjectName("import_status")
        column.addWidget(self.status)
        self._allow(False)
        # Every value of every text column is looked at: not while the preferences open.
        self._background.run(lambda: attempt(lambda: digest_columns(api)), self._found)

    def _allow(self, on: bool) -> None:
        self.columns.setEnabled(on)
        self.button.setEnabled(on)
        self.button.setToolTip("" if on else _("No column holds nothing but fingerprints"))

    def _found(self, found: dict[str, int] | Fault) -> None:
        if isinstance(found, Fault):
            note_fault("look for columns with digests", found.error)
            self.status.setText(_("✗ The columns of this library could not be read."))
            return
        described = self._api.field_metadata.custom_field_metadata()
        for column, count in sorted(found.items()):
            books = ngettext("{n} book", "{n} books", count).format(n=count)
            self.columns.addItem(f"{described[column]['name']} ({column}): {books}", column)
        self._allow(bool(found))
        self.status.setText(
            _("The fingerprints are added to what is known of each book; the column itself is left as it is.")
            if found
            else _("No column of this library holds nothing but fingerprints, so there is nothing to take over.")
        )

    def _take_over(self) -> None:
        column = self.columns.currentData()
        self._allow(False)
        self._background.run(lambda: attempt(lambda: import_column(self._api, column, time.time())), self._took_over)

    def _took_over(self, changed: set[int] | Fault) -> None:
        self._allow(True)
        if isinstance(changed, Fault):
            note_fault("take over the digests of a column", changed.error)
            self.status.setText(_("✗ The fingerprints could not be written into the library. Try again later."))
            return
        self.status.setText(
            ngettext("✓ {n} book learned a fingerprint.", "✓ {n} books learned a fingerprint.", len(changed)).format(
                n=len(changed)
            )
            if changed
            else _("✓ Nothing new: all of these fingerprints were known already.")
        )
