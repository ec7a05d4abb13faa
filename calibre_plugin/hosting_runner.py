"""Starts and stops the server of one's own beside calibre's window, and says so when it cannot."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from qt.core import QObject, Qt, pyqtSignal

from .bridge_host import BridgeHost, Launch
from .config import Settings
from .explain import Explanation, explain
from .hosting import DEFAULTS, Hosting, HostingSettings, hosting_settings
from .trouble import show_trouble

load_translations()


class HostingRunner(QObject):
    """One for each calibre window; the waiting happens in threads."""

    ended = pyqtSignal(object)

    def __init__(self, gui: Any, host: BridgeHost, settings: Settings, open_preferences: Callable[[str], None]) -> None:
        super().__init__(gui)
        self._gui = gui
        self._host = host
        self._settings = settings
        self._open_preferences = open_preferences
        self._applied: HostingSettings = DEFAULTS
        self.hosting = Hosting(host)
        self.ended.connect(self._told, type=Qt.ConnectionType.QueuedConnection)

    def apply(self) -> None:
        """After calibre has started and after each change of the preferences."""
        wanted = hosting_settings(self._settings.get("hosting"))
        if wanted == self._applied:
            return
        self._applied = wanted
        launch = self._host.prepare(self._settings.get("runtime_path"))
        threading.Thread(target=self._work, args=(launch, wanted), name="hosting", daemon=True).start()

    def _work(self, launch: Launch, wanted: HostingSettings) -> None:
        try:
            outcome: Any = self.hosting.apply(launch, wanted)
        except Exception as error:
            outcome = explain(error) or Explanation(_("The sync server could not be started."), "", repr(error))
        try:
            self.ended.emit(outcome)
        except RuntimeError:
            # calibre is closing, and Qt has taken the object away.
            pass

    def _told(self, outcome: Any) -> None:
        if self._gui.shutting_down:
            return
        if isinstance(outcome, Explanation):
            # The next OK tries again, whatever it changes.
            self._applied = DEFAULTS
            show_trouble(
                self._gui,
                Explanation(outcome.sentence, outcome.advice, outcome.details, "server"),
                self._open_preferences,
            )
        elif outcome["running"]:
            message = _("KOReader Progress: the sync server runs at {url}.").format(url=outcome["urls"][0])
            self._gui.status_bar.show_message(message, 8000)

    def stop(self) -> None:
        """calibre is closing: the bridge host ends the process itself."""
        self._applied = DEFAULTS
