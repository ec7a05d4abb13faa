"""In the tab Runtime: what this computer knows is taken to another one, or removed."""

from __future__ import annotations

from typing import Any

from qt.core import QGroupBox, QHBoxLayout, QPushButton, Qt, QVBoxLayout, QWidget

from calibre.gui2 import choose_files, info_dialog, question_dialog

from ..parts.background import Background, Fault, attempt
from ..parts.text import Label, in_markup
from ...moving.taking import Taken, take
from ...words.moving import left_words, taken_words
from .exporting import ENDING, Exporting, trouble_sentence
from .removing import RemoveDialog

load_translations()


class MovingBox(QGroupBox):
    """`action` is the plugin's own in calibre's window: its settings change, and the preferences are opened anew."""

    def __init__(self, action: Any, parent: QWidget) -> None:
        super().__init__(_("Another computer, and leaving"), parent)
        self._action = action
        self._background = Background(self)
        column = QVBoxLayout(self)
        about = Label(
            _(
                "What this computer knows besides its libraries (choices, copies that left, what devices held, the way to "
                "undo) goes to another one in a single file. Passwords stay here, and are asked for there."
            ),
            self,
        )
        column.addWidget(about)
        line = QHBoxLayout()
        self.exporting = Exporting(action.settings, self._say, self)
        self.export_button = QPushButton(_("&Export…"), self)
        self.export_button.setObjectName("export_machine")
        self.export_button.clicked.connect(self.exporting.begin)
        self.import_button = QPushButton(_("I&mport…"), self)
        self.import_button.setObjectName("import_machine")
        self.import_button.clicked.connect(self._choose)
        self.remove_button = QPushButton(_("Remove our &data…"), self)
        self.remove_button.setObjectName("remove_data")
        self.remove_button.setToolTip(_("Lists all that the plugin keeps, before anything is removed"))
        self.remove_button.clicked.connect(self._remove)
        for button in (self.export_button, self.import_button, self.remove_button):
            line.addWidget(button)
        line.addStretch(1)
        column.addLayout(line)
        self.status = Label("", self)
        self.status.setObjectName("moving_status")
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.status.setVisible(False)
        column.addWidget(self.status)

    def _say(self, sentence: str) -> None:
        self.status.setText(sentence)
        self.status.setVisible(True)
        busy = self._background.is_running or self.exporting.is_running
        for button in (self.export_button, self.import_button, self.remove_button):
            button.setEnabled(not busy)

    def _choose(self) -> None:
        chosen = choose_files(
            self,
            "koreader-progress-import",
            _("Import what another computer knew"),
            filters=[(_("What a computer knows"), [ENDING])],
            select_only_single_file=True,
        )
        if chosen and question_dialog(
            self,
            _("Import what another computer knew"),
            _(
                "What is chosen here already stays; what is new is added. Then the preferences open anew: what you have "
                "changed in them since they opened is forgotten. Go on?"
            ),
        ):
            self.take(str(chosen[0]))

    def take(self, path: str) -> None:
        """Adds what the file holds, in a thread."""
        settings = self._action.settings
        self._background.run(lambda: attempt(lambda: take(path, settings)), lambda outcome: self._took(path, outcome))
        self._say(_("Importing…"))

    def _took(self, path: str, outcome: Taken | Fault) -> None:
        if isinstance(outcome, Fault):
            self._say("✗ " + trouble_sentence(outcome.error, path))
            return
        self._say("")
        logins = [(login["username"], login["url"]) for login in outcome.logins]
        lines = taken_words(outcome.new.items(), logins, outcome.missing_folders)
        info_dialog(
            self,
            _("Import what another computer knew"),
            in_markup("\n".join([*lines, *left_words(outcome.apart, outcome.server_left)])),
            show=True,
        )
        # What the other tabs show is of before: they are not stored over it.
        self._action.leaving.open_preferences_anew(self.window(), "account")

    def _remove(self) -> None:
        dialog = RemoveDialog(self._action, self)
        if dialog.exec() == RemoveDialog.DialogCode.Accepted:
            self._action.leaving.leave(self.window(), dialog.with_plugin.isChecked())
