"""The tab When: what starts a sync, when the reader sees it first, and what a click on the button does."""

from __future__ import annotations


from qt.core import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from calibre.gui2 import gprefs

from ..parts.calibre_window import CalibreWindow
from ...settings.config import StoredProfile
from ...settings.draft import Draft
from ..parts.icons import PLUGIN_NAME
from ..parts.geometry import keep_choice
from ..parts.text import Label, beside
from .readers import ReadersBox

load_translations()

CONTEXT_MENU = "action-layout-context-menu"


class WhenTab(QWidget):
    """Triggers and review belong to the profile, the click and the context menu to this machine."""

    def __init__(self, gui: CalibreWindow, draft: Draft, parent: QWidget) -> None:
        super().__init__(parent)
        self._gui = gui
        self._draft = draft
        self._profile: StoredProfile = draft.profiles[0]
        layout = QVBoxLayout(self)
        layout.addWidget(self._automatic())
        self.readers = ReadersBox(draft, self)
        layout.addWidget(self.readers)
        layout.addWidget(self._review())
        layout.addWidget(self._by_hand())
        layout.addStretch(1)

    def _automatic(self) -> QGroupBox:
        box = QGroupBox(_("Sync this profile by itself"), self)
        column = QVBoxLayout(box)
        self.at_start = QCheckBox(_("When calibre &starts"), box)
        self.at_start.setObjectName("at_start")
        column.addWidget(self.at_start)
        line = QHBoxLayout()
        self.regularly = QCheckBox(_("&Every"), box)
        self.regularly.setObjectName("regularly")
        self.minutes = QSpinBox(box)
        self.minutes.setObjectName("every_minutes")
        self.minutes.setRange(5, 24 * 60)
        self.minutes.setAccessibleName(_("Minutes between two syncs"))
        line.addWidget(self.regularly)
        line.addWidget(self.minutes)
        line.addWidget(beside(_("minutes; what a sleeping computer missed is made up for"), box))
        line.addStretch(1)
        column.addLayout(line)
        self.regularly.toggled.connect(self.minutes.setEnabled)
        self.on_device = QCheckBox(_("When a &device is connected"), box)
        self.on_device.setObjectName("on_device")
        column.addWidget(self.on_device)
        self.on_arrival = QCheckBox(_("When a place &arrives at this calibre's own sync server"), box)
        self.on_arrival.setObjectName("on_arrival")
        self.on_arrival.setToolTip(
            _(
                "The book's cells follow within a minute, while its pages are turned every ten minutes. Whatever needs a "
                "decision waits for your next sync."
            )
        )
        column.addWidget(self.on_arrival)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        self.device = QComboBox(box)
        self.device.setObjectName("device")
        self.device.setEditable(True)
        self.device.setMinimumContentsLength(24)
        form.addRow(_("Belongs to de&vice:"), self.device)
        column.addLayout(form)
        self.device.setToolTip(_("With a device of its own, a profile is used whenever that device is connected."))
        return box

    def _review(self) -> QGroupBox:
        box = QGroupBox(_("Before anything is written"), self)
        form = QFormLayout(box)
        self.review = QComboBox(box)
        self.review.setObjectName("review")
        for label, value in (
            (_("Show me every change"), "always"),
            (_("Show me only what needs a decision"), "conflicts"),
            (_("Show me nothing; undecided books stay as they are"), "never"),
        ):
            self.review.addItem(label, value)
        form.addRow(_("Sho&w first:"), self.review)
        note = Label(_("The first sync of a profile is always shown. Every sync can be undone."), box)
        form.addRow(note)
        return box

    def _by_hand(self) -> QGroupBox:
        box = QGroupBox(_("By hand"), self)
        form = QFormLayout(box)
        self.click = QComboBox(box)
        self.click.setObjectName("click")
        for label, value in (
            (_("The selected books, or all when none is selected"), "selected_or_all"),
            (_("The selected books"), "selected"),
            (_("All books"), "all"),
            (_("Books being read"), "reading"),
        ):
            self.click.addItem(label, value)
        form.addRow(_("A &click on the button syncs:"), self.click)
        self.context_button = QPushButton(_("Add to the context &menu of books"), box)
        self.context_button.setObjectName("context_menu")
        self.context_button.clicked.connect(self._add_to_context_menu)
        form.addRow(self.context_button)
        return box

    def _show_context_button(self) -> None:
        is_there = PLUGIN_NAME in gprefs[CONTEXT_MENU]
        self.context_button.setEnabled(not is_there)
        self.context_button.setToolTip(
            _("It is there already; calibre's own preferences take it away again.") if is_there else ""
        )

    def _add_to_context_menu(self) -> None:
        keep_choice(CONTEXT_MENU, (*gprefs[CONTEXT_MENU], None, PLUGIN_NAME))
        self._gui.build_context_menus()
        self._show_context_button()

    def show_profile(self, profile: StoredProfile) -> None:
        self._profile = profile
        triggers = profile["triggers"]
        self.readers.show_profiles()
        self.at_start.setChecked(triggers["at_start"])
        self.regularly.setChecked(triggers["every_minutes"] > 0)
        self.minutes.setValue(triggers["every_minutes"] or 60)
        self.minutes.setEnabled(self.regularly.isChecked())
        self.on_device.setChecked(triggers["on_device"])
        self.on_arrival.setChecked(triggers["on_arrival"])
        self.device.clear()
        self.device.addItem("")
        for name in self._device_names():
            self.device.addItem(name)
        self.device.setCurrentText(profile["device"])
        self.device.lineEdit().setPlaceholderText(_("any device"))
        self.review.setCurrentIndex(self.review.findData(profile["review"]))
        self.click.setCurrentIndex(self.click.findData(self._draft.machine["click"]))
        self._show_context_button()

    def _device_names(self) -> list[str]:
        """The connected device and those that other profiles name."""
        names = {profile["device"] for profile in self._draft.profiles if profile["device"]}
        connected = connected_device(self._gui)
        return sorted(names | ({connected} if connected else set()))

    def store(self) -> None:
        self.readers.store()
        self._profile["triggers"] = {
            "at_start": self.at_start.isChecked(),
            "every_minutes": self.minutes.value() if self.regularly.isChecked() else 0,
            "on_device": self.on_device.isChecked(),
            "on_arrival": self.on_arrival.isChecked(),
        }
        self._profile["device"] = self.device.currentText().strip()
        self._profile["review"] = self.review.currentData()
        self._draft.machine["click"] = self.click.currentData()


def connected_device(gui: CalibreWindow) -> str:
    """The name of the connected device as calibre shows it; empty when there is none."""
    manager = gui.device_manager
    if not manager.is_device_present:
        return ""
    return str((manager.get_current_device_information() or {}).get("info", ("",))[0] or manager.device.get_gui_name())
