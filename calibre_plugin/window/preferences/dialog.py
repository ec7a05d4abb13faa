"""The preferences: a profile on top, its tabs below, nothing stored before OK."""

from __future__ import annotations

from typing import Any, Protocol

from qt.core import (
    QComboBox,
    QHBoxLayout,
    QInputDialog,
    QMenu,
    QPushButton,
    QScrollArea,
    QSize,
    QTabWidget,
    QTimer,
    QVBoxLayout,
    QWidget,
)

from calibre.gui2 import gprefs

from ...settings.config import StoredProfile
from .account import AccountTab
from .columns import ColumnsTab
from .copies import CopiesTab
from .devices import DevicesTab
from ...copies.stored import notices
from ...memory.schema import why_left_alone
from ...settings.draft import Draft
from .hosting import HostingTab
from .moving import MovingBox
from .places import PlacesTab
from .rules import RulesTab
from .saving import save_draft
from .runtime import RuntimeTab
from .when import WhenTab
from ...words.explain import Explanation
from ...words.stored import notice_sentence
from ..parts.help import help_button
from ..parts.icons import icon
from ..parts.letters import Letters
from ..parts.trouble import show_trouble
from ..parts.geometry import keep_choice
from ..parts.text import Label, bounded, name_of, on_one_line

load_translations()

# Leaves calibre's dialog around us inside a screen of 1024 pixels.
WIDEST = 980
# The part of the help that each tab belongs to.
HELP = {
    "account": "start",
    "columns": "start",
    "rules": "review",
    "places": "places",
    "when": "when",
    "copies": "notfound",
    "devices": "devices",
    "server": "server",
    "runtime": "runtime",
}
LAST_TAB = "koreader_progress_last_tab"


class Tab(Protocol):
    """What the dialog asks of each tab."""

    def show_profile(self, profile: StoredProfile) -> None: ...

    def store(self) -> None: ...


class ConfigWidget(QWidget):
    """calibre puts it into its own dialog with OK and Cancel."""

    def __init__(self, action: Any) -> None:
        super().__init__()
        self.action = action
        self._api = action.gui.current_db.new_api
        self._library_id = action.gui.current_db.library_id
        self.draft = Draft.load(self._api, action.settings)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(self._profile_bar())
        for told in self._left_alone():
            label = Label(told.text, self)
            label.setObjectName("left_alone")
            layout.addWidget(label)
        self.tabs = QTabWidget(self)
        layout.addWidget(self.tabs, 1)
        self.pages: dict[str, Any] = {}
        self.account = AccountTab(self.draft, action.host, self)
        self.account.done.connect(self._go_on_to_columns)
        self.columns = ColumnsTab(action.gui, self.draft, self)
        self._add_page("account", self.account, _("&Account"), "account")
        self._add_page("columns", self.columns, _("&Columns"), "columns")
        self.rules = RulesTab(self.draft, self)
        self.places = PlacesTab(self.draft, self)
        self.when = WhenTab(action.gui, self.draft, self)
        self.copies = CopiesTab(action.gui, self.draft, self)
        self.runtime = RuntimeTab(action.gui, self.draft, action.host, action.chosen.ids, self)
        self.moving = MovingBox(action, self.runtime)
        self.runtime.show_below(self.moving)
        self.server = HostingTab(self.draft, action.host, action.hosting.hosting, action.arrivals, self)
        self._add_page("rules", self.rules, _("&Rules"), "rules")
        self._add_page("places", self.places, _("P&laces"), "reading")
        self._add_page("when", self.when, _("&When"), "when")
        self._add_page("copies", self.copies, _("C&opies"), "copies")
        self.devices = DevicesTab(self.draft, self)
        self._add_page("devices", self.devices, _("&Devices and folders"), "reading")
        self._add_page("server", self.server, _("Ser&ver"), "server")
        self._add_page("runtime", self.runtime, _("Runt&ime"), "runtime")
        self._fill_profiles(self.draft.default)
        self.show_tab(action.wanted_tab or str(gprefs.get(LAST_TAB, "account")))
        Letters(self)
        # calibre's dialog around us has no title of ours and no mnemonics for its buttons' sake.
        QTimer.singleShot(0, self._dress_dialog)

    def sizeHint(self) -> QSize:
        # Every tab in sight, as far as a small screen has room for them.
        every_tab = self.tabs.tabBar().sizeHint().width() + 8
        return QSize(min(max(720, every_tab), WIDEST), 600)

    def _dress_dialog(self) -> None:
        self.window().setWindowIcon(icon("preferences"))
        self.window().finished.connect(self._closed)
        if self._tab_name() == "account":
            self.account.begin()

    def _closed(self, _result: int) -> None:
        keep_choice(LAST_TAB, self._tab_name())
        self.account.check.stop()
        self.action.wanted_tab = ""

    def _left_alone(self) -> list[Explanation]:
        """What cannot be stored, as a newer version of the plugin has written it: to be known before anything is entered."""
        library = why_left_alone(self._api)
        machine = [Explanation(notice_sentence(met)) for met in notices() if met.kept == "settings"]
        return [*([library] if library is not None else []), *(machine if self.action.settings.is_read_only else [])]

    def _profile_bar(self) -> QHBoxLayout:
        line = QHBoxLayout()
        self.profiles = bounded(QComboBox(self))
        self.profiles.setObjectName("profiles")
        label = name_of(self.profiles, _("&Profile:"))
        self.profiles.activated.connect(self._profile_chosen)
        self.manage = QPushButton(_("Mana&ge"), self)
        menu = QMenu(self.manage)
        self.add_entry = menu.addAction(_("&Add…"), self.add_profile)
        self.copy_entry = menu.addAction(_("&Copy"), self.copy_profile)
        self.rename_entry = menu.addAction(_("&Rename…"), self.rename_profile)
        self.delete_entry = menu.addAction(_("&Delete"), self.delete_profile)
        menu.addSeparator()
        self.default_entry = menu.addAction(_("&Use by default"), self.make_default)
        menu.setToolTipsVisible(True)
        menu.aboutToShow.connect(self._show_manage_state)
        self.manage.setMenu(menu)
        line.addWidget(label)
        line.addWidget(self.profiles, 1)
        line.addWidget(self.manage)
        line.addWidget(help_button(self, lambda: HELP[self._tab_name()]))
        return line

    def _tab_name(self) -> str:
        return next(name for name, page in self.pages.items() if page is self.tabs.currentWidget())

    def _add_page(self, name: str, tab: QWidget, label: str, picture: str) -> None:
        area = QScrollArea(self.tabs)
        area.setWidgetResizable(True)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setWidget(tab)
        self.pages[name] = area
        self.tabs.addTab(area, icon(picture), label)

    def show_tab(self, name: str) -> None:
        """Brings the named tab to the front."""
        if name in self.pages:
            self.tabs.setCurrentWidget(self.pages[name])

    def _go_on_to_columns(self) -> None:
        self.show_tab("columns")
        self.columns.usual_button.setFocus()

    # Profiles.

    @property
    def _tabs(self) -> list[Tab]:
        return [
            self.account,
            self.columns,
            self.rules,
            self.places,
            self.when,
            self.copies,
            self.devices,
            self.server,
            self.runtime,
        ]

    @property
    def current(self) -> StoredProfile:
        """The profile whose tabs are shown."""
        return self.draft.profile(self.profiles.currentData())

    def _fill_profiles(self, shown: str) -> None:
        self.profiles.clear()
        for profile in self.draft.profiles:
            is_default = profile["id"] == self.draft.default and len(self.draft.profiles) > 1
            name = _("{name} (default)").format(name=profile["name"]) if is_default else profile["name"]
            self.profiles.addItem(on_one_line(name), profile["id"])
        self.profiles.setCurrentIndex(self.profiles.findData(shown))
        self._shown = shown
        for tab in self._tabs:
            tab.show_profile(self.draft.profile(shown))

    def _store_shown(self) -> None:
        for tab in self._tabs:
            tab.store()

    def _profile_chosen(self, _index: int) -> None:
        wanted = self.profiles.currentData()
        self._store_shown()
        self._fill_profiles(wanted)

    def _show_manage_state(self) -> None:
        several = len(self.draft.profiles) > 1
        self.delete_entry.setEnabled(several)
        self.delete_entry.setToolTip("" if several else _("The last profile cannot be deleted"))
        self.default_entry.setEnabled(self.draft.default != self._shown)
        self.default_entry.setToolTip("" if self.default_entry.isEnabled() else _("This is the default already"))

    def add_profile(self) -> None:
        name, accepted = QInputDialog.getText(self, _("New profile"), _("Name:"))
        if accepted and name.strip():
            self._store_shown()
            self._fill_profiles(self.draft.add_profile(name.strip())["id"])

    def copy_profile(self) -> None:
        self._store_shown()
        self._fill_profiles(self.draft.copy_profile(self._shown)["id"])

    def rename_profile(self) -> None:
        old = self.current["name"]
        name, accepted = QInputDialog.getText(self, _("Rename profile"), _("Name:"), text=old)
        if accepted and name.strip() and name.strip() != old:
            self._store_shown()
            self.current["name"] = self.draft.free_name(name.strip())
            self._fill_profiles(self._shown)

    def delete_profile(self) -> None:
        self.draft.delete_profile(self._shown)
        self._fill_profiles(self.draft.default)

    def make_default(self) -> None:
        self._store_shown()
        self.draft.default = self._shown
        self._fill_profiles(self._shown)

    # What calibre asks.

    def save_settings(self) -> None:
        """Stores everything; makes the planned columns, and offers one restart for all of them."""
        gui = self.action.gui
        if gui.current_db.library_id != self._library_id:
            return
        left_alone = self._left_alone()
        if left_alone:
            show_trouble(gui, left_alone[0], self.action.open_preferences)
        if why_left_alone(self._api) is not None:
            # A new column would be made for a profile that cannot be stored.
            return
        self._store_shown()
        save_draft(self.action, self.draft)
