"""The tab Rules: what happens when both sides changed, when a book counts as read, and the reader's own words."""

from __future__ import annotations

from qt.core import QComboBox, QFormLayout, QGroupBox, QLineEdit, QSpinBox, QVBoxLayout, QWidget

from ...settings.config import StoredProfile
from ...settings.draft import Draft
from ..parts.text import Label

load_translations()


class RulesTab(QWidget):
    """Whole percents here, shares (0..1) in the profile."""

    def __init__(self, draft: Draft, parent: QWidget) -> None:
        super().__init__(parent)
        self._profile: StoredProfile = draft.profiles[0]
        layout = QVBoxLayout(self)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        self.policy = QComboBox(self)
        self.policy.setObjectName("policy")
        for label, policy in (
            (_("The newest reading wins"), "newest"),
            (_("The furthest reading wins"), "furthest"),
            (_("The server wins"), "server"),
            (_("calibre wins"), "library"),
            (_("Ask me"), "ask"),
        ):
            self.policy.addItem(label, policy)
        form.addRow(_("When both sides c&hanged:"), self.policy)
        self.larger_step = self._percent("larger_step", 0, 100)
        form.addRow(_("Always ask before going bac&k more than:"), self.larger_step)
        self.reading_from = self._percent("reading_from", 0, 50)
        form.addRow(_("A book counts as be&gun from:"), self.reading_from)
        self.finish_at = self._percent("finish_at", 51, 100)
        form.addRow(_("A book counts as &finished from:"), self.finish_at)
        self.reread = QComboBox(self)
        self.reread.setObjectName("reread")
        for label, rule in (
            (_("Ask whether it is read again"), "ask"),
            (_("Count it as read again"), "count"),
            (_("Leave it finished"), "ignore"),
        ):
            self.reread.addItem(label, rule)
        form.addRow(_("When a finished book is &opened again:"), self.reread)
        layout.addLayout(form)
        shares = (self.larger_step, self.reading_from, self.finish_at)
        for box in shares:
            box.setMinimumWidth(max(each.sizeHint().width() for each in shares))

        words = QGroupBox(_("Words for the status column"), self)
        word_form = QFormLayout(words)
        word_form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        self.unread = self._word("unread")
        self.reading = self._word("reading")
        self.finished = self._word("finished")
        word_form.addRow(_("&Unread:"), self.unread)
        word_form.addRow(_("&Reading:"), self.reading)
        word_form.addRow(_("Finishe&d:"), self.finished)
        layout.addWidget(words)
        about = Label(
            _(
                "A status of your own, such as “Abandoned”, is never overwritten. A yes/no column is set to yes when "
                "the book is finished. Dates of starting and finishing are set once."
            ),
            self,
        )
        layout.addWidget(about)
        layout.addStretch(1)

    def _percent(self, name: str, least: int, most: int) -> QSpinBox:
        box = QSpinBox(self)
        box.setObjectName(name)
        box.setRange(least, most)
        box.setSuffix(" %")
        return box

    def _word(self, name: str) -> QLineEdit:
        edit = QLineEdit(self)
        edit.setObjectName(f"word_{name}")
        edit.setMaxLength(60)
        return edit

    def show_profile(self, profile: StoredProfile) -> None:
        self._profile = profile
        rules = profile["rules"]
        self.policy.setCurrentIndex(self.policy.findData(rules["conflict"]))
        self.reread.setCurrentIndex(self.reread.findData(rules["reread"]))
        self.larger_step.setValue(round(rules["larger_step"] * 100))
        self.reading_from.setValue(round(rules["reading_from"] * 100))
        self.finish_at.setValue(round(rules["finish_at"] * 100))
        for name, edit in (("unread", self.unread), ("reading", self.reading), ("finished", self.finished)):
            edit.setText(rules["status_words"][name])
            edit.setPlaceholderText(default_words()[name])

    def store(self) -> None:
        usual = default_words()
        self._profile["rules"] = {
            "conflict": self.policy.currentData(),
            "reread": self.reread.currentData(),
            "larger_step": self.larger_step.value() / 100,
            "reading_from": self.reading_from.value() / 100,
            "finish_at": self.finish_at.value() / 100,
            # An emptied field means the usual word: two empty words could not be told apart.
            "status_words": {
                "unread": self.unread.text().strip() or usual["unread"],
                "reading": self.reading.text().strip() or usual["reading"],
                "finished": self.finished.text().strip() or usual["finished"],
            },
        }


def default_words() -> dict[str, str]:
    """The usual words in the reader's language."""
    return {"unread": _("Unread"), "reading": _("Reading"), "finished": _("Finished")}
