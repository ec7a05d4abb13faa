"""Says once, when a Kobo is connected for which calibre makes KEPUBs, what that costs a reader of KOReader and the way out."""

from __future__ import annotations


from qt.core import QObject

from calibre.gui2.dialogs.message_box import MessageBox

from .parts.calibre_window import CalibreWindow
from ..devices.kepubs import makes_kepubs
from ..settings.config import Settings
from ..words.faults import note_fault
from ..words.kepubs import notice
from .parts.trouble import escape

load_translations()


class KepubNotice(QObject):
    """Once on each machine: the option is calibre's own, and this machine's."""

    def __init__(self, gui: CalibreWindow, settings: Settings) -> None:
        super().__init__(gui)
        self._gui = gui
        self._settings = settings
        self.box: MessageBox | None = None

    def begin(self) -> None:
        """calibre is ready."""
        from calibre.gui2.device import device_signals

        device_signals.device_metadata_available.connect(self.device_is_there)

    def device_is_there(self) -> None:
        """A device is connected, and calibre has read its own lists."""
        device = self._gui.device_manager.connected_device
        if device is None or self._gui.shutting_down or self._settings.get("kepubs_told") or not makes_kepubs(device):
            return
        try:
            self._settings.set("kepubs_told", True)
        except OSError as error:
            # Said again at the next connection, then.
            note_fault("keep a setting", error)
        what, *more = map(escape, notice())
        text = "".join(f"<p>{paragraph}</p>" for paragraph in (f"<b>{what}</b>", *more))
        self.box = MessageBox(MessageBox.INFO, _("KOReader Progress"), text, show_copy_button=False, parent=self._gui)
        self.box.setObjectName("koreader_progress_kepubs")
        self.box.setModal(False)
        self.box.show()
