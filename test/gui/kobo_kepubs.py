"""A Kobo for which calibre makes KEPUBs: said once, with the way out, and shown under *Copies* for as long as it is so."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast
from unittest import mock

from calibre_gui import gui
from steps import CANCEL, WithServer, action, configure, preferences_in

from calibre.constants import numeric_version
from calibre.devices.kobo.driver import KOBOTOUCH
from calibre.gui2.device import device_signals

CALIBRE = cast("tuple[int, ...]", numeric_version)
# calibre's own default.
MADE = CALIBRE >= (8, 0)


class KoboKepubs(WithServer):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        configure(cls.server)
        # There are no files to look at.
        gui(device_signals.device_metadata_available.disconnect, action().device_watch.device_is_there)

    def connect(self) -> None:
        """What calibre tells when a Kobo is there."""
        device = KOBOTOUCH(None)
        device.detected_device = SimpleNamespace(idVendor=0x2237, idProduct=0x418D)
        with mock.patch.object(gui.main.device_manager, "connected_device", device):
            gui(device_signals.device_metadata_available.emit)

    def make_kepubs(self, on: bool) -> None:
        genuine = KOBOTOUCH.get_pref
        patched = mock.patch.object(
            KOBOTOUCH, "get_pref", staticmethod(lambda key: on if key == "kepubify" else genuine(key))
        )
        patched.start()
        self.addCleanup(patched.stop)

    def notices(self) -> list[Any]:
        from calibre.gui2.dialogs.message_box import MessageBox

        return [box for box in gui.main.findChildren(MessageBox, "koreader_progress_kepubs") if box.isVisible()]

    def copies_tab_says(self) -> bool:
        gui.post(action().open_preferences, "copies")
        dialog = gui.modal()
        shown = gui(preferences_in(dialog).copies.kepubs.isVisible)
        gui.press(dialog, CANCEL)
        return shown

    def test_1_nothing_is_said_while_epubs_stay_epubs(self) -> None:
        self.make_kepubs(False)
        self.connect()
        self.assertEqual(self.notices(), [])
        self.assertFalse(action().settings.get("kepubs_told"))

    def test_2_it_is_said_once_and_the_way_out_has_calibres_own_words(self) -> None:
        if not MADE:
            # An older calibre has no such option; one that has it by another way is treated alike.
            self.make_kepubs(True)
        with mock.patch.object(KOBOTOUCH, "isTolinoDevice", lambda _self: False, create=True):
            self.connect()
            (box,) = self.notices()
            self.assertIn("Use Kobo viewer for EPUB books", box.msg.text())
            gui(box.accept)
            self.connect()
        self.assertEqual(self.notices(), [])

    def test_3_copies_says_it_for_as_long_as_it_is_so(self) -> None:
        self.make_kepubs(True)
        self.assertTrue(self.copies_tab_says())
        self.make_kepubs(False)
        self.assertFalse(self.copies_tab_says())

    def test_4_nothing_went_wrong_unseen(self) -> None:
        self.assertEqual(gui.errors, [])
