"""The plugin in calibre's window: a toolbar button, its menu, and what calibre tells us of its own life."""

from __future__ import annotations

import time

from qt.core import QActionGroup, QApplication, QMenu, QToolButton

from calibre.customize import InterfaceActionBase
from calibre.gui2 import sanitize_env_vars
from calibre.gui2.actions import InterfaceAction

from .content_server import service as content_server
from .settings import config
from .window.parts.background import Background
from .window.parts.beside import Beside
from .link.host import BridgeHost
from .window.chosen_books import ChosenBooks
from .settings.config import Settings, StoredProfile
from .words.faults import note_fault
from .window.arrivals import Arrivals
from .window.hosting import HostingRunner
from .devices.home import Collected
from .window.device_watch import DeviceWatch, collected_sentence
from .window.parts.text import button_text
from .window.parts.in_sight import has_button, move_columns, put_button_in_sight
from .window.parts.icons import PLUGIN_NAME, icon
from .window.kepub_notice import KepubNotice
from .window.leaving import Leaving
from .window.local_changes import LocalChanges
from .window.parts.menu import PluginMenu
from .window.menu_rows import menu_rows
from .window.move_reading import MoveReading
from .preload import Preload
from .link.proxy import with_proxy
from .window.runs.run import Trigger
from .window.runs.runs import Runs
from .window.triggers import Triggers
from .window.undoing import Undoing
from .window.parts.trouble import show_trouble
from .devices.uploads import watch_uploads
from .memory.schema import why_left_alone
from .window.whose_reader import WhoseReader
from .window.viewer_place import ViewerPlaces

load_translations()

# What must end before a library, or calibre, is closed has so many seconds in all: a disk or a program that answers
# nobody must not hold the window. What did not end is put right when the library opens again.
A_MOMENT = 0.6


class ProgressAction(InterfaceAction):
    """One for each calibre window."""

    name = PLUGIN_NAME
    action_spec = (_("KOReader Progress"), None, _("Bring KOReader's reading progress into the library"), ())
    popup_type = QToolButton.ToolButtonPopupMode.MenuButtonPopup
    action_add_menu = True
    action_menu_clone_qaction = _("Sync &now")
    action_type = "current"
    dont_add_to = frozenset({"toolbar-device", "context-menu-device", "menubar-device"})
    # calibre sets it before `genesis`.
    interface_action_base_plugin: InterfaceActionBase

    def genesis(self) -> None:
        plugin = self.interface_action_base_plugin
        self.version = ".".join(map(str, plugin.version))
        self.settings = Settings()
        self.host = BridgeHost(plugin.plugin_path, self.version, sanitize_env_vars)
        self.runs = Runs(self.gui, self.host, self.settings, self.open_preferences)
        self.arrivals = Arrivals(self.gui, self.settings, self.runs)
        self.hosting = HostingRunner(
            self.gui, self.host, self.settings, self.open_preferences, self.arrivals.told("hosted")
        )
        self.arrivals.hosting = self.hosting.hosting
        content_server.listen(self.arrivals.told("content_server"))
        self.triggers = Triggers(self.gui, self._run_by_itself)
        self.runs.on_asked.append(self.triggers.note_run)
        self.runs.show_unmatched = self.show_unmatched
        self.device_watch = DeviceWatch(self.gui, self.host, self.settings, self._device_was_read)
        self.whose_reader = WhoseReader(self.gui, self.settings, self._look_first, self.open_preferences)
        self.kepub_notice = KepubNotice(self.gui, self.settings)
        self.local_changes = LocalChanges(self.gui, lambda: self.runs.is_writing)
        self.runs.on_idle.append(self.local_changes.ours_ended)
        self.background = Background(self.gui)
        self.chosen = ChosenBooks(self.gui)
        self.viewer_places = ViewerPlaces(self.gui, self.host, self.settings, self.background, self.say)
        self.leaving = Leaving(self)
        self.beside = Beside(self.gui, self.background, self.open_preferences)
        self.moving = MoveReading(self.gui, self.settings, self.runs, self.beside)
        self.undoing = Undoing(self.gui, self.runs, self.beside, lambda: self.leaving.is_over)
        self.runs.on_idle.append(self.undoing.look)
        self.wanted_tab = ""
        self.said = ""
        self.menu = PluginMenu(self, self.qaction.menu(), menu_rows(self))
        self.profile_menu = QMenu(_("&Choose profile"), self.qaction.menu())
        self.profile_menu.aboutToShow.connect(self._fill_profile_menu)
        self.qaction.menu().insertMenu(self.menu.entries["koreader-progress-preferences"][1], self.profile_menu)
        self._show_icons()
        QApplication.instance().palette_changed.connect(self._show_icons)
        self.qaction.triggered.connect(self.clicked)

    def _show_icons(self) -> None:
        for entry in (self.qaction, self.menuless_qaction):
            entry.setIcon(icon("sync"))
        self.profile_menu.setIcon(icon("profiles"))
        self.menu.refresh_icons()

    def _fill_profile_menu(self) -> None:
        self.profile_menu.clear()
        api = self.gui.current_db.new_api
        chosen = self.profile
        group = QActionGroup(self.profile_menu)
        for profile in config.profiles(api):
            entry = self.profile_menu.addAction(button_text(profile["name"]))
            entry.setCheckable(True)
            entry.setActionGroup(group)
            entry.setChecked(chosen is not None and profile["id"] == chosen["id"])
            entry.triggered.connect(lambda _checked=False, wanted=profile["id"]: self.choose_profile(wanted))
        if self.profile_menu.isEmpty():
            self.profile_menu.addAction(_("No profile yet: open the preferences")).setEnabled(False)

    # What can be done, and why not.

    def why_no_selection(self) -> str:
        return "" if self.selected_ids() else _("Select at least one book first.")

    def why_not_one(self) -> str:
        return "" if len(self.selected_ids()) == 1 else _("Select exactly one book first.")

    def why_no_report(self) -> str:
        return "" if self.runs.last is not None else _("Nothing was synced since calibre started.")

    def why_no_profiles(self) -> str:
        several = len(config.profiles(self.gui.current_db.new_api)) > 1
        return "" if several else _("There is only one profile.")

    def push(self) -> None:
        """Offers calibre's own places in the chosen books, or in all, to the server."""
        self.runs.push(self.profile, self.chosen.ids() or self.all_ids())

    def say(self, sentence: str) -> None:
        """A short word in the status bar."""
        self.said = sentence
        self.gui.status_bar.show_message(sentence, 8000)

    # What the reader does.

    @property
    def profile(self) -> StoredProfile | None:
        """The profile that a plain click syncs."""
        return config.default_profile(self.gui.current_db.new_api)

    def choose_profile(self, profile_id: str) -> None:
        """From now on a click syncs this profile."""
        api = self.gui.current_db.new_api
        if (left_alone := why_left_alone(api)) is not None:
            show_trouble(self.gui, left_alone, self.open_preferences)
        else:
            config.save_profiles(api, config.profiles(api), profile_id)

    def selected_ids(self) -> list[int]:
        return self.gui.library_view.get_selected_ids()

    def all_ids(self) -> list[int]:
        return sorted(self.gui.current_db.new_api.all_book_ids())

    def clicked(self) -> None:
        """The toolbar button: what the preferences say it does, and the first steps before anything is set up."""
        if self.profile is None and why_left_alone(self.gui.current_db.new_api) is None:
            self.show_welcome()
            return
        choice = self.settings.get("click")
        if choice == "all" or (choice == "selected_or_all" and not self.chosen.ids()):
            self.sync_all()
        elif choice == "reading":
            self.sync_reading()
        elif self.selected_ids():
            self.sync_selected()
        else:
            self.say(self.why_no_selection())

    def sync_selected(self) -> None:
        self.runs.start(self.profile, self.selected_ids(), reach="chosen")

    def sync_all(self) -> None:
        self.runs.start(self.profile, self.all_ids())

    def sync_reading(self) -> None:
        """Books that the library says are being read."""
        self.runs.start(self.profile, self.all_ids(), reading=True)

    def sync_all_profiles(self) -> None:
        """One after the other."""
        for profile in config.profiles(self.gui.current_db.new_api):
            self.runs.start(profile, self.all_ids())

    def preview(self) -> None:
        """Shows what a sync would change; nothing is written unless the reader says so."""
        chosen = self.chosen.ids()
        self.runs.start(self.profile, chosen or self.all_ids(), preview=True, reach="chosen" if chosen else "usual")

    def why_no_offer(self) -> str:
        reason = self.runs.why_not(self.profile)
        return self.why_no_selection() or (reason.sentence if reason else "")

    def offer_place(self) -> None:
        """Puts the selected books' places on the server once more, for every copy of them."""
        self.runs.offer(self.profile, self.selected_ids())

    def why_no_move(self) -> str:
        reason = self.runs.why_not(self.profile)
        return reason.sentence if reason else ""

    def move_reading(self) -> None:
        """Puts what was known at another account on the profile's server."""
        stored = self.profile
        if stored is None or self.settings.account(stored["account_id"]) is None:
            self.runs.push(stored, [])
        else:
            self.moving.ask(stored, self.all_ids())

    def open_at_place(self) -> None:
        """calibre's viewer, where KOReader stopped."""
        stored = self.profile
        if stored is None or self.runs.why_not(stored) is not None:
            self.runs.start(stored, [])
        else:
            self.viewer_places.open(stored, self.selected_ids()[0], self.open_preferences)

    def show_details(self) -> None:
        from .window.review.book import DetailsDialog

        DetailsDialog(self.gui, self.selected_ids()[0], self.profile, self.runs.column_name).show()

    def show_unmatched(self) -> None:
        """Asks the server beside the window's own work, then lists what belongs to no book."""
        from .window.review.unmatched import UnmatchedDialog, other_libraries
        from .sync.unmatched_found import find_unmatched

        db, stored = self.gui.current_db, self.profile
        account = self.settings.account(stored["account_id"]) if stored else None
        launch = self.host.prepare(self.settings.get("runtime_path"))
        asked = with_proxy(account) if account else None
        copy_logs, libraries = self.settings.get("copy_logs"), other_libraries()
        self.say(_("Looking for progress without a book…"))
        self.beside.ask(
            "find unmatched documents",
            lambda: find_unmatched(db.new_api, launch, asked, copy_logs, libraries),
            lambda found: UnmatchedDialog(self.gui, found).show(),
            lambda details: self.beside.complain(_("Progress without a book could not be looked for."), details),
        )

    def open_preferences(self, tab: str = "") -> None:
        """Opens the one door to the preferences, at the named tab."""
        self.wanted_tab = tab
        try:
            self.interface_action_base_plugin.do_user_config(self.gui)
        except OSError as error:
            # calibre remembers how large its dialog was once everything else is done.
            note_fault("remember how large the preferences were", error)

    def show_welcome(self) -> None:
        """The first steps, which can be come back to."""
        from .window.welcome.dialog import WelcomeDialog

        WelcomeDialog(self, self.sync_all).open()

    def show_help(self, anchor: str = "") -> None:
        from .window.parts.help import HelpDialog

        HelpDialog(self.gui, anchor).show()

    def show_about(self) -> None:
        from .window.parts.help import AboutDialog

        AboutDialog(self.gui, self.version).show()

    def settings_changed(self) -> None:
        """After the preferences were accepted."""
        self.hosting.apply()

    def _run_by_itself(self, profile: StoredProfile, trigger: Trigger) -> bool:
        return self.runs.start(profile, self.all_ids(), trigger)

    def _device_was_read(self, collected: Collected | None) -> None:
        said = _("The device could not be read.") if collected is None else collected_sentence(collected)
        if said:
            self.gui.status_bar.show_message(said, 8000)
        # The first look is reviewed, and waits for an answer.
        if collected is None or not self.whose_reader.ask(collected):
            self.triggers.device_is_there(collected.device_id if collected is not None else "")

    def _look_first(self, profile: StoredProfile, book_ids: list[int]) -> None:
        self.runs.start(profile, book_ids, preview=True)

    # What calibre tells us.

    def initialization_complete(self) -> None:
        self.preload = Preload(self.gui, self.interface_action_base_plugin.plugin_path)
        self.local_changes.begin()
        self.chosen.begin()
        self.triggers.begin()
        self.hosting.apply()
        self.device_watch.begin()
        self.kepub_notice.begin()
        self.undoing.look()
        move_columns(self.gui)
        self._offer_button()
        watch_uploads(self.gui.device_manager, self.Dispatcher(self.books_were_sent))

    def _offer_button(self) -> None:
        """Installed from the command line, the plugin has no button anywhere: offered once."""
        if has_button() or self.settings.get("button_offered"):
            return
        self.runs.keep("button_offered", True)
        self.gui.proceed_question(
            lambda _payload: put_button_in_sight(self.gui),
            None,
            "",
            "",
            _("KOReader Progress"),
            _("KOReader Progress has no button yet. Put it into the toolbar and into the context menu of books?"),
        )

    def books_were_sent(self, uuids: list[str]) -> None:
        """New copies are on a device: a quiet run offers them the places of the old ones."""
        stored = self.profile
        if self.gui.shutting_down or stored is None or self.runs.why_not(stored) is not None:
            return
        wanted = set(uuids)
        known = self.gui.current_db.new_api.all_field_for("uuid", self.all_ids())
        found = [book_id for book_id, uuid in known.items() if uuid in wanted]
        if found:
            self.runs.start(stored, found, "device")

    def location_selected(self, loc: str) -> None:
        is_library = loc == "library"
        for entry in (self.qaction, self.menuless_qaction):
            entry.setEnabled(is_library and not self.leaving.is_over)
            entry.setToolTip(
                _("Bring KOReader's reading progress into the library")
                if is_library
                else _("KOReader Progress works on the library: switch back from the device first.")
            )

    def library_about_to_change(self, olddb: object, db: object) -> None:
        until = time.monotonic() + A_MOMENT
        self.device_watch.stop(until)
        self.local_changes.finish(until)
        self.runs.library_about_to_change(until)

    def library_changed(self, db: object) -> None:
        self.chosen.expect_a_row()
        self.arrivals.library_changed()
        self.undoing.look()

    def shutting_down(self) -> None:
        until = time.monotonic() + A_MOMENT
        self.triggers.stop()
        self.arrivals.stop()
        self.device_watch.stop(until)
        self.local_changes.finish(until)
        self.hosting.stop()
        self.runs.shut_down(until)
