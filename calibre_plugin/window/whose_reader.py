"""Asks, once for each device and folder, whose it is: nothing that it tells counts for anybody before that."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from qt.core import QComboBox, QDialog, QDialogButtonBox, QFormLayout, Qt, QVBoxLayout

from ..devices.home import Collected
from ..memory.schema import why_left_alone
from ..settings import config
from ..settings.config import Settings, StoredProfile
from ..settings.readers import readers, set_readers
from .parts.calibre_window import CalibreWindow
from .parts.icons import icon
from .parts.text import Label, bounded, caption, name_of, on_one_line

load_translations()

# Starts the first look at these books for a profile; it is reviewed.
FirstLook = Callable[[StoredProfile, list[int]], None]


class WhoseReader:
    """One for each calibre window. *Not now* asks again at the device's next connection."""

    def __init__(
        self, gui: CalibreWindow, settings: Settings, look: FirstLook, open_preferences: Callable[[str], None]
    ) -> None:
        self._gui = gui
        self._settings = settings
        self._look = look
        self._open_preferences = open_preferences
        self.dialog: WhoseReaderDialog | None = None

    def ask(self, collected: Collected) -> bool:
        """Asks about a device that has just been read; False when there is nothing to ask."""
        api = self._gui.current_db.new_api
        if not collected.read or collected.device_id in readers(api) or why_left_alone(api) is not None:
            return False
        if self.dialog is not None:
            self.dialog.close()
        known = config.profiles(api) or [self._first_profile()]
        self.dialog = WhoseReaderDialog(self._gui, collected, known, lambda said: self._answered(api, collected, said))
        self.dialog.finished.connect(self._closed)
        self.dialog.show()
        return True

    def _closed(self, _result: int) -> None:
        self.dialog = None

    def _first_profile(self) -> StoredProfile:
        accounts = self._settings.accounts()
        return config.new_profile(uuid.uuid4().hex, _("KOReader"), accounts[0]["id"] if len(accounts) == 1 else "")

    def _answered(self, api: object, collected: Collected, said: StoredProfile | None) -> None:
        now = self._gui.current_db.new_api
        if now is not api:
            # Another library: there it is asked about when the device is read there.
            return
        if said is not None:
            known = config.profiles(now)
            chosen = next((profile for profile in known if profile["id"] == said["id"]), None)
            if chosen is None:
                known.append(chosen := said)
            chosen["triggers"]["on_device"] = True
            config.save_profiles(now, known, config.library_settings(now)["default_profile"] or chosen["id"])
        profile = said["id"] if said is not None else None
        set_readers(now, {collected.device_id: {"name": collected.device, "profile": profile}})
        if said is None:
            return
        if any(mapped["column"] for mapped in said["columns"].values()):
            self._look(said, sorted(collected.read))
        else:
            self._open_preferences("columns")


class WhoseReaderDialog(QDialog):
    """Calls `on_answer` with a profile, or with None for nobody; not at all when it is put off."""

    def __init__(
        self,
        gui: CalibreWindow,
        collected: Collected,
        profiles: list[StoredProfile],
        on_answer: Callable[[StoredProfile | None], None],
    ) -> None:
        super().__init__(gui)  # type: ignore[call-overload]
        self._profiles = profiles
        self._on_answer = on_answer
        self.setObjectName("koreader_progress_whose_reader")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(caption(_("KOReader Progress: {device}").format(device=collected.device)))
        self.setWindowIcon(icon("reading"))
        layout = QVBoxLayout(self)
        layout.addWidget(Label(found_sentence(collected), self))
        form = QFormLayout()
        self.whose = bounded(QComboBox(self))
        self.whose.setObjectName("whose")
        for profile in profiles:
            self.whose.addItem(on_one_line(profile["name"]), profile["id"])
        form.addRow(name_of(self.whose, _("This reader &belongs to:")), self.whose)
        layout.addLayout(form)
        layout.addWidget(
            Label(
                _(
                    "What it tells goes into the columns of this profile, and of no other. You see the changes before "
                    "anything is written; nothing is ever written to the reader."
                ),
                self,
            )
        )
        self.buttons = QDialogButtonBox(self)
        look = self.buttons.addButton(_("&Look at them"), QDialogButtonBox.ButtonRole.AcceptRole)
        look.setObjectName("look")
        nobody = self.buttons.addButton(_("Leave this reader &alone"), QDialogButtonBox.ButtonRole.DestructiveRole)
        nobody.setObjectName("nobody")
        later = self.buttons.addButton(_("&Not now"), QDialogButtonBox.ButtonRole.RejectRole)
        later.setObjectName("later")
        self.buttons.accepted.connect(self._chosen)
        self.buttons.rejected.connect(self.reject)
        nobody.clicked.connect(self._nobody)
        layout.addWidget(self.buttons)

    def _chosen(self) -> None:
        wanted = self.whose.currentData()
        profile = next(profile for profile in self._profiles if profile["id"] == wanted)
        self.accept()
        self._on_answer(profile)

    def _nobody(self) -> None:
        self.accept()
        self._on_answer(None)


def found_sentence(collected: Collected) -> str:
    """How many books were opened in KOReader on a device, and how many of them are the library's."""
    mine = len(collected.read)
    opened = mine + len(collected.unmatched)
    text = ngettext(
        "{device}: {n} book was opened in KOReader, {mine} of them in this library. Look at it?",
        "{device}: {n} books were opened in KOReader, {mine} of them are in this library. Look at them?",
        opened,
    )
    return text.format(device=collected.device, n=opened, mine=mine)
