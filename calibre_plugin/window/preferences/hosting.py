"""The tab Server: a sync server of one's own while calibre runs, its users, and what to enter in KOReader."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Protocol

from qt.core import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QInputDialog,
    QLineEdit,
    QListWidget,
    QPushButton,
    QShowEvent,
    QSpinBox,
    QVBoxLayout,
    QWidget,
    Qt,
)

from ..parts.background import Background
from ...link.client import SyncError
from ...link.host import BridgeHost
from ...settings.config import StoredProfile, userkey_of
from ...settings.draft import Draft
from ...words.explain import Explanation, explain
from ...sync.hosting import EVERYWHERE, HERE, Hosting, hosting_settings, reachable
from ...sync.arrivals import LastPlace, Server
from ..parts.calibres_server import CalibresServer
from ..parts.text import Label, in_markup
from .content_server import ContentServerBox

load_translations()


class Servers(Protocol):
    """What is known of the servers that calibre itself runs."""

    @property
    def calibres(self) -> CalibresServer: ...

    @property
    def last(self) -> Mapping[Server, LastPlace]: ...


class HostingTab(QWidget):
    """What belongs to this machine, whatever the profile. Users are changed at once, the rest with OK."""

    def __init__(self, draft: Draft, host: BridgeHost, hosting: Hosting, servers: Servers, parent: QWidget) -> None:
        super().__init__(parent)
        self._draft = draft
        self._host = host
        self._hosting = hosting
        self._servers = servers
        self._background = Background(self)
        self._settings = hosting_settings(draft.machine["hosting"])
        layout = QVBoxLayout(self)
        about = Label(
            _(
                "With a server of your own your reading stays at home: it runs while calibre runs, and readers catch up "
                "when they find it again."
            ),
            self,
        )
        layout.addWidget(about)
        self.content_server = ContentServerBox(servers.calibres, self)
        layout.addWidget(self.content_server)
        self.enabled = QCheckBox(_("&Host a sync server while calibre runs"), self)
        self.enabled.setObjectName("hosting_enabled")
        layout.addWidget(self.enabled)
        self._where_box = self._where()
        layout.addWidget(self._where_box)
        self._who_box = self._who()
        layout.addWidget(self._who_box)
        self.status = Label("", self)
        self.status.setObjectName("hosting_status")
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout.addWidget(self.status)
        self.last_place = Label("", self)
        self.last_place.setObjectName("last_place")
        layout.addWidget(self.last_place)
        layout.addStretch(1)
        self.enabled.toggled.connect(lambda _on: self._show_what_counts())
        self.enabled.toggled.connect(lambda _on: self._show_status())
        self._fill()
        self._looked = False

    def _where(self) -> QGroupBox:
        box = QGroupBox(_("Where it listens"), self)
        form = QFormLayout(box)
        self.reach = QComboBox(box)
        self.reach.setObjectName("hosting_reach")
        self.reach.addItem(_("In my home network"), EVERYWHERE)
        self.reach.addItem(_("On this computer only"), HERE)
        form.addRow(_("Can be &reached:"), self.reach)
        self.port = QSpinBox(box)
        self.port.setObjectName("hosting_port")
        self.port.setRange(1024, 65535)
        form.addRow(_("&Port:"), self.port)
        self.registration = QCheckBox(_("Let readers re&gister from KOReader"), box)
        self.registration.setObjectName("hosting_registration")
        form.addRow(self.registration)
        return box

    def _who(self) -> QGroupBox:
        box = QGroupBox(_("Who may sync"), self)
        row = QHBoxLayout(box)
        self.users = QListWidget(box)
        self.users.setObjectName("hosting_users")
        self.users.setAccessibleName(_("Users of this server"))
        self.users.setMaximumHeight(110)
        row.addWidget(self.users, 1)
        buttons = QVBoxLayout()
        self.add_button = QPushButton(_("Add &user…"), box)
        self.add_button.setObjectName("hosting_add_user")
        self.password_button = QPushButton(_("New pass&word…"), box)
        self.delete_button = QPushButton(_("&Delete"), box)
        self.delete_button.setToolTip(_("Deletes the user with all places that the server keeps"))
        for button, act in (
            (self.add_button, self.add_user),
            (self.password_button, self.change_password),
            (self.delete_button, self.delete_user),
        ):
            button.clicked.connect(act)
            buttons.addWidget(button)
        buttons.addStretch(1)
        row.addLayout(buttons)
        self.users.itemSelectionChanged.connect(self._show_buttons)
        return box

    def _fill(self) -> None:
        self.enabled.setChecked(self._settings["enabled"])
        self._show_what_counts()
        self.reach.setCurrentIndex(max(0, self.reach.findData(self._settings["host"])))
        self.port.setValue(self._settings["port"])
        self.registration.setChecked(self._settings["registration"])
        self._show_buttons()
        self._show_status()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.content_server.show_state()
        self._show_what_counts()
        self._show_last_place()
        if not self._looked and self._has_users():
            self._ask("list")
        self._looked = True

    def _has_users(self) -> bool:
        """Whether those who are listed can log in anywhere."""
        return self.enabled.isChecked() or self._servers.calibres.takes_our_users

    def _show_what_counts(self) -> None:
        self._where_box.setEnabled(self.enabled.isChecked())
        self._who_box.setEnabled(self._has_users())

    def _show_last_place(self) -> None:
        newest = max(self._servers.last.values(), key=lambda last: last.at, default=None)
        self.last_place.setText("" if newest is None else last_place_sentence(newest, time.time()))

    def _show_buttons(self) -> None:
        chosen = self.users.currentItem() is not None and bool(self.users.selectedItems())
        for button in (self.password_button, self.delete_button):
            button.setEnabled(chosen)

    def _show_status(self) -> None:
        status = self._hosting.status
        if not self.enabled.isChecked():
            self.status.setText("")
        elif status["running"] and self._settings["host"] != HERE and not reachable(status["urls"]):
            words = _("The server runs."), _("This computer is in no network that a reader could reach.")
            self.status.setText(" ".join(words))
        elif status["running"]:
            addresses = "\n".join(f"    {url}" for url in reachable(status["urls"]) or status["urls"])
            self.status.setText(
                _(
                    "The server runs. In KOReader: Tools → Progress sync → Custom sync server, and enter\n{addresses}\n"
                    "If a reader cannot reach it, let it through this computer's firewall."
                ).format(addresses=addresses)
            )
        else:
            self.status.setText(_("The server starts with OK. Its address is shown here then."))

    # Users: at once, because a server keeps them and not the settings.

    def add_user(self) -> None:
        name, accepted = QInputDialog.getText(self, _("New user"), _("User name:"))
        if accepted and name.strip():
            self._with_password("add", name.strip())

    def change_password(self) -> None:
        self._with_password("password", self.users.currentItem().text())

    def delete_user(self) -> None:
        from calibre.gui2 import question_dialog

        name = self.users.currentItem().text()
        sure = _("Delete {name} with all places that the server keeps of them?").format(name=name)
        if question_dialog(self, _("Delete a user"), in_markup(sure)):
            self._ask("delete", name)

    def _with_password(self, act: str, name: str) -> None:
        hidden = QLineEdit.EchoMode.Password
        password, accepted = QInputDialog.getText(
            self, _("Password"), in_markup(_("Password of {name}:").format(name=name)), hidden
        )
        if accepted and password:
            self._ask(act, name, userkey_of(password))

    def _ask(self, act: str, name: str = "", userkey: str = "") -> None:
        launch = self._host.prepare(self._draft.machine["runtime_path"])

        def work() -> list[str] | Explanation:
            try:
                return self._hosting.change_users(launch, act, name, userkey)
            except SyncError as error:
                if error.name == "UsernameTaken":
                    return Explanation(_("There is a user of that name already."))
                return explain(error) or Explanation(_("This could not be done."), "", repr(error))
            except Exception as error:
                return explain(error) or Explanation(_("This could not be done."), "", repr(error))

        self._background.run(work, self._show_answer)

    def _show_answer(self, answer: list[str] | Explanation) -> None:
        if isinstance(answer, Explanation):
            self.status.setText(f"✗ {answer.text}")
        else:
            self._show_users(answer)

    def _show_users(self, names: list[str]) -> None:
        self.users.clear()
        self.users.addItems(names)
        self._show_buttons()
        self._show_status()

    # What the dialog asks of each tab.

    def show_profile(self, profile: StoredProfile) -> None:
        """Nothing here belongs to a profile."""

    def store(self) -> None:
        self._draft.machine["hosting"] = {
            "enabled": self.enabled.isChecked(),
            "host": self.reach.currentData(),
            "port": self.port.value(),
            "registration": self.registration.isChecked(),
        }


def last_place_sentence(last: LastPlace, now: float) -> str:
    """From which device the last place came, and how long ago."""
    minutes = max(0, int((now - last.at) // 60))
    device, user = last.place["device"], last.place["username"]
    if minutes < 1:
        return _("The last place: {device}, of {user}, just now.").format(device=device, user=user)
    words = ngettext(
        "The last place: {device}, of {user}, {n} minute ago.",
        "The last place: {device}, of {user}, {n} minutes ago.",
        minutes,
    )
    return words.format(device=device, user=user, n=minutes)
