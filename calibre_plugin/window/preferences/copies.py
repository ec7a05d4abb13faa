"""The tab Copies: how KOReader names its books, and what this plugin does to the copies that leave calibre."""

from __future__ import annotations


from qt.core import QCheckBox, QComboBox, QFormLayout, QGroupBox, QVBoxLayout, QWidget

from ..parts.calibre_window import CalibreWindow
from ...settings.config import StoredProfile
from ...devices.kepubs import kepubs_are_made
from ...words.kepubs import way_out
from .copy_logs import CopyLogsBox
from ...settings.draft import Draft
from .importing import ImportBox
from ...memory.history import read_stored
from ..parts.text import Label

load_translations()


class CopiesTab(QWidget):
    """Matching belongs to the profile, the two switches to this machine."""

    def __init__(self, gui: CalibreWindow, draft: Draft, parent: QWidget) -> None:
        super().__init__(parent)
        self._api = gui.current_db.new_api
        self._draft = draft
        self._profile: StoredProfile = draft.profiles[0]
        layout = QVBoxLayout(self)
        box = QGroupBox(_("How KOReader names its books"), self)
        form = QFormLayout(box)
        self.matching = QComboBox(box)
        self.matching.setObjectName("matching")
        for label, value in (
            (_("By content (Binary) or by name, whichever answers"), "both"),
            (_("By content (Binary)"), "binary"),
            (_("By file name (Filename)"), "filename"),
        ):
            self.matching.addItem(label, value)
        form.addRow(_("&Document matching:"), self.matching)
        note = Label(
            _(
                "KOReader has the same choice under Progress sync, Document matching method. All your devices must "
                "agree on it, or they silently sync nothing with each other."
            ),
            box,
        )
        form.addRow(note)
        self.predict = QCheckBox(_("Also try the names that earlier copies &may have had"), box)
        self.predict.setObjectName("predict")
        self.predict.setToolTip(_("For books the server does not know otherwise: a few more questions for each"))
        form.addRow(self.predict)
        layout.addWidget(box)

        copies = QGroupBox(_("Copies that leave calibre"), self)
        column = QVBoxLayout(copies)
        self.strip = QCheckBox(_("&Leave the progress columns and the viewer's notes out of the copies"), copies)
        self.strip.setObjectName("strip")
        self.settle = QCheckBox(_("Keep the fingerprints of &EPUBs steady"), copies)
        self.settle.setObjectName("settle")
        for switch, words in (
            (self.strip, _("Otherwise each sync changes the next copy, and KOReader takes it for another book.")),
            (
                self.settle,
                _("A book sent again after a change of its title or tags is then the same book to KOReader."),
            ),
        ):
            column.addWidget(switch)
            about = Label(words, copies)
            about.setIndent(24)
            column.addWidget(about)
        self.kepubs = Label(
            _("calibre makes KEPUBs for your Kobo: each of them is new, whatever is ticked here.") + " " + way_out(),
            copies,
        )
        self.kepubs.setObjectName("kepubs")
        # Of no interest to who has never connected a Kobo, or has found the way out.
        self.kepubs.setVisible(draft.kobo_is_known and kepubs_are_made())
        column.addWidget(self.kepubs)
        layout.addWidget(copies)
        self.copy_logs = CopyLogsBox(draft, self)
        layout.addWidget(self.copy_logs)
        self.imported = ImportBox(self._api, self)
        layout.addWidget(self.imported)

        self.known = Label("", self)
        self.known.setObjectName("known_digests")
        layout.addWidget(self.known)
        layout.addStretch(1)
        self.strip.setChecked(draft.strip)
        self.settle.setChecked(draft.settle)
        self.predict.setChecked(draft.machine["predict"] is True)
        # Untouched, the question is still open and will be asked once.
        self.predict.toggled.connect(self._predict_chosen)
        self._count()

    def _predict_chosen(self, on: bool) -> None:
        self._draft.machine["predict"] = on

    def _count(self) -> None:
        """What is known, in one sentence."""
        stored = read_stored(self._api, self._api.all_book_ids())
        books = sum(bool(history["digests"]) for history in stored.values())
        digests = sum(len(history["digests"]) for history in stored.values())
        self.known.setText(
            ngettext(
                "This library remembers {digests} copies of {books} book; a book's details show them.",
                "This library remembers {digests} copies of {books} books; a book's details show them.",
                books,
            ).format(digests=digests, books=books)
            if books
            else _("No copy of these books has been remembered yet: that begins with the next one that leaves calibre.")
        )

    def show_profile(self, profile: StoredProfile) -> None:
        self._profile = profile
        self.matching.setCurrentIndex(self.matching.findData(profile["matching"]))

    def store(self) -> None:
        self._profile["matching"] = self.matching.currentData()
        self._draft.strip = self.strip.isChecked()
        self._draft.settle = self.settle.isChecked()
