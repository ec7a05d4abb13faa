"""Starts and stops the server of one's own beside calibre's window, and says so when it cannot."""

from __future__ import annotations

from collections.abc import Callable

from qt.core import QObject

from .parts.calibre_window import CalibreWindow
from .parts.background import Background
from ..link.client import OnPlaces
from ..link.host import BridgeHost
from ..settings.config import Settings
from ..link.contract import HostingStatus
from ..words.explain import Explanation, explain
from ..sync.hosting import DEFAULTS, Hosting, HostingSettings, hosting_settings, reachable
from .parts.trouble import show_trouble

load_translations()


class HostingRunner(QObject):
    """One for each calibre window; the waiting happens in threads."""

    def __init__(
        self,
        gui: CalibreWindow,
        host: BridgeHost,
        settings: Settings,
        open_preferences: Callable[[str], None],
        on_places: OnPlaces | None = None,
    ) -> None:
        super().__init__(gui)
        self._gui = gui
        self._host = host
        self._settings = settings
        self._open_preferences = open_preferences
        self._applied: HostingSettings = DEFAULTS
        self.hosting = Hosting(host, on_places)
        self._background = Background(self)

    def apply(self) -> None:
        """After calibre has started and after each change of the preferences."""
        wanted = hosting_settings(self._settings.get("hosting"))
        if wanted == self._applied and self._is_as_applied():
            return
        self._applied = wanted
        launch = self._host.prepare(self._settings.get("runtime_path"))

        def work() -> HostingStatus | Explanation:
            try:
                return self.hosting.apply(launch, wanted)
            except Exception as error:
                return explain(error) or Explanation(_("The sync server could not be started."), "", repr(error))

        self._background.run(work, self._told)

    def _is_as_applied(self) -> bool:
        """False when the server has died: then OK starts it again. While it is being started, it is as applied."""
        return not self._applied["enabled"] or self._background.is_running or self.hosting.status["running"]

    def _told(self, outcome: HostingStatus | Explanation) -> None:
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
            message = _("KOReader Progress: the sync server runs at {url}.").format(
                url=(reachable(outcome["urls"]) or outcome["urls"])[0]
            )
            self._gui.status_bar.show_message(message, 8000)

    def stop(self) -> None:
        """calibre is closing: the bridge host ends the process itself."""
        self._background.stop()
