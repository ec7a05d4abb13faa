"""The plugin in calibre's window: a toolbar button, its menu, and what calibre tells us of its own life."""

from __future__ import annotations

from typing import Any

from qt.core import QToolButton

from calibre.gui2.actions import InterfaceAction

from . import config
from .bridge_host import BridgeHost
from .config import Settings, StoredProfile
from .icons import PLUGIN_NAME, icon
from .menu import PluginMenu, Row
from .runs import Runs

load_translations()


class ProgressAction(InterfaceAction):
    """One for each calibre window."""

    name = PLUGIN_NAME
    action_spec = (_("KOReader Progress"), None, _("Bring KOReader's reading progress into the library"), ())
    popup_type = QToolButton.ToolButtonPopupMode.MenuButtonPopup
    action_add_menu = True
    action_menu_clone_qaction = _("Sync &now")
    action_type = "current"
    dont_add_to = frozenset({"toolbar-device", "context-menu-device", "menubar-device"})

    def genesis(self) -> None:
        plugin = self.interface_action_base_plugin
        self.settings = Settings()
        self.host = BridgeHost(plugin.plugin_path, ".".join(map(str, plugin.version)))
        self.runs = Runs(self.gui, self.host, self.settings, self.open_preferences)
        self.wanted_tab = ""
        self.menu = PluginMenu(self, self.qaction.menu(), self._rows())
        self._show_icons()
        self.qaction.triggered.connect(self.clicked)

    def _rows(self) -> list[Row | None]:
        return [
            Row(
                "koreader-progress-selected",
                _("Sync &selected books"),
                "sync",
                self.sync_selected,
                _("Ask the server about the selected books"),
                self._why_no_selection,
            ),
            Row("koreader-progress-all", _("Sync &all books"), "sync-all", self.sync_all, _("Ask about every book")),
            None,
            Row(
                "koreader-progress-report",
                _("Last &report…"),
                "report",
                self.runs.show_last_report,
                _("What the last sync did, book by book, and why"),
                self._why_no_report,
            ),
            None,
            Row(
                "koreader-progress-preferences",
                _("&Preferences…"),
                "preferences",
                self.open_preferences,
                _("Account, columns and rules"),
            ),
        ]

    def _show_icons(self) -> None:
        self.qaction.setIcon(icon("sync"))
        self.menuless_qaction.setIcon(icon("sync"))

    # What can be done, and why not.

    def _why_no_selection(self) -> str:
        return "" if self.gui.library_view.get_selected_ids() else _("Select at least one book first.")

    def _why_no_report(self) -> str:
        return "" if self.runs.last is not None else _("Nothing was synced since calibre started.")

    # What the reader does.

    def clicked(self) -> None:
        """The toolbar button: the selected books, or all of them when none is selected."""
        self.sync_selected() if self.gui.library_view.get_selected_ids() else self.sync_all()

    def sync_selected(self) -> None:
        self.runs.start(self.profile, self.gui.library_view.get_selected_ids())

    def sync_all(self) -> None:
        self.runs.start(self.profile, self.all_ids())

    def all_ids(self) -> list[int]:
        return sorted(self.gui.current_db.new_api.all_book_ids())

    @property
    def profile(self) -> StoredProfile | None:
        """The profile that a plain click syncs."""
        return config.default_profile(self.gui.current_db.new_api)

    def open_preferences(self, tab: str = "") -> None:
        """Opens the one door to the preferences, at the named tab."""
        self.wanted_tab = tab
        self.interface_action_base_plugin.do_user_config(self.gui)

    def settings_changed(self) -> None:
        """After the preferences were accepted."""

    # What calibre tells us.

    def location_selected(self, loc: str) -> None:
        is_library = loc == "library"
        for entry in (self.qaction, self.menuless_qaction):
            entry.setEnabled(is_library)
            entry.setToolTip(
                _("Bring KOReader's reading progress into the library")
                if is_library
                else _("KOReader Progress works on the library: switch back from the device first.")
            )

    def library_about_to_change(self, olddb: Any, db: Any) -> None:
        self.runs.library_about_to_change()

    def shutting_down(self) -> None:
        self.runs.shut_down()
