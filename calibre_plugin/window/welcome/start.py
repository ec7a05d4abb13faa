"""The first page: whether the helper runs at all, and how calibre shall learn what is read."""

from __future__ import annotations

from qt.core import QCheckBox, QGroupBox, QPushButton, QVBoxLayout, QWidget, pyqtSignal

from ..parts.background import Background
from ..parts.text import Label
from ..preferences.own_runtime import OwnRuntimeBox
from ..preferences.runtime import tested
from ...link.host import BridgeHost

load_translations()


class StartPage(QWidget):
    """`changed` when the next page is another, or may be gone to."""

    changed = pyqtSignal()

    def __init__(self, host: BridgeHost, runtime_path: str, has_account: bool, parent: QWidget) -> None:
        super().__init__(parent)
        self._host = host
        self._runtime_path = runtime_path
        self._background = Background(self)
        # Whether the helper is known to run.
        self.is_ready = False
        layout = QVBoxLayout(self)
        layout.addWidget(
            Label(
                _(
                    "This brings what you read in KOReader into calibre’s columns. A few questions, then the first sync."
                ),
                self,
            )
        )
        layout.addWidget(self._helper())
        layout.addWidget(self._answers(has_account))
        layout.addStretch(1)
        self.look()

    def _helper(self) -> QGroupBox:
        self.helper = QGroupBox(_("First, a helper program is needed"), self)
        column = QVBoxLayout(self.helper)
        self.status = Label("", self.helper)
        self.status.setObjectName("welcome_helper")
        column.addWidget(self.status)
        self.own = OwnRuntimeBox(self._host, self.look, self.helper)
        column.addWidget(self.own)
        self.look_button = QPushButton(_("&Look again"), self.helper)
        self.look_button.setObjectName("look_again")
        self.look_button.clicked.connect(self.look_anew)
        column.addWidget(self.look_button)
        # Only what has to be mended is shown.
        self.helper.setVisible(False)
        return self.helper

    def _answers(self, has_account: bool) -> QGroupBox:
        box = QGroupBox(_("How shall calibre learn what you read?"), self)
        column = QVBoxLayout(box)
        self.card = QCheckBox(_("When I &plug my reader in, or connect it to calibre by Wi-Fi: nothing to set up"), box)
        self.card.setObjectName("learn_from_card")
        self.card.setChecked(True)
        self.folder = QCheckBox(_("From a s&ynced folder, a network drive or a copy of a card"), box)
        self.folder.setObjectName("learn_from_folder")
        self.server = QCheckBox(_("From a sync server that I use &already"), box)
        self.server.setObjectName("learn_from_server")
        self.home = QCheckBox(_("While I read, over &Wi-Fi: works while this computer is on and calibre open"), box)
        self.home.setObjectName("learn_at_home")
        self.server.setChecked(has_account)
        for answer in (self.card, self.folder, self.server, self.home):
            column.addWidget(answer)
            answer.toggled.connect(self.changed.emit)
        self.server.setToolTip(
            _("There is an account already; it can be looked at on the next page") if has_account else ""
        )
        return box

    def look_anew(self) -> None:
        """After the reader has installed something."""
        self._host.runtimes.forget()
        self.look()

    def look(self) -> None:
        """Tries whether the helper runs, as a sync would."""
        self.look_button.setEnabled(False)
        launch = self._host.prepare(self._runtime_path)
        self._background.run(lambda: tested(launch), self._show)

    def _show(self, outcome: tuple[str, bool]) -> None:
        sentence, self.is_ready = outcome
        self.status.setText(("✓ " if self.is_ready else "✗ ") + sentence)
        if not self.is_ready:
            self.helper.setVisible(True)
        self.look_button.setEnabled(True)
        self.changed.emit()
