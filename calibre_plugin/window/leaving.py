"""The plugin stops for good, until calibre is started again: its data is being removed, or another computer's came."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from qt.core import QTimer

from calibre.customize.ui import remove_plugin
from calibre.gui2 import gprefs, show_restart_warning

from ..content_server import service as content_server
from .parts.icons import PLUGIN_NAME
from ..words.faults import note_fault

load_translations()

# What windows remember of themselves in calibre's own settings.
OURS: Final = "koreader_progress_"
# What is under way may end within so many seconds.
A_MOMENT: Final = 2.0


class Leaving:
    """One for each calibre window; `action` is the plugin's own."""

    def __init__(self, action: Any) -> None:
        self._action = action
        self.is_over = False

    def why_busy(self) -> str:
        """Why nothing can be removed now; empty when it can."""
        return _("A sync is running: let it end, or stop it, first.") if self._action.runs.is_busy else ""

    def cease(self) -> Callable[[], None]:
        """Starts nothing any more, and ends what runs by itself; what is returned waits for the rest, in a thread."""
        action, until = self._action, time.monotonic() + A_MOMENT
        self.is_over = True
        for entry in (action.qaction, action.menuless_qaction, *(each for _row, each in action.menu.entries.values())):
            entry.setEnabled(False)
            entry.setToolTip(_("What the plugin keeps was removed: please restart calibre."))
        action.triggers.stop()
        action.arrivals.stop()
        action.device_watch.end()
        action.local_changes.finish(until)
        action.settings.end()
        # First of all bridges: nobody is given it any more.
        action.host.shared.retire()

        def end() -> None:
            action.hosting.hosting.stop()
            content_server.stop()
            action.host.stop_all(until)

        return end

    def leave(self, preferences: Any, with_plugin: bool) -> None:
        """Closes the preferences without storing anything; then nothing of the plugin's own is left in calibre's settings."""
        preferences.reject()
        # Their closing remembers which tab was shown.
        QTimer.singleShot(0, lambda: self._leave(with_plugin))

    def _leave(self, with_plugin: bool) -> None:
        try:
            for name in [name for name in gprefs if str(name).startswith(OURS)]:
                del gprefs[name]
            if with_plugin:
                remove_plugin(PLUGIN_NAME)
        except OSError as error:
            note_fault("forget how windows were left", error)
        said = (
            _("KOReader Progress and all that it kept were removed.")
            if with_plugin
            else _("All that KOReader Progress kept was removed. It begins anew when calibre has been restarted.")
        )
        if show_restart_warning(said, self._action.gui):
            self._action.gui.quit(restart=True)

    def open_preferences_anew(self, preferences: Any, tab: str) -> None:
        """Closes the preferences without storing anything, and opens them with what is known now."""
        preferences.reject()
        QTimer.singleShot(0, lambda: self._action.open_preferences(tab))
