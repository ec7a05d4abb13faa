"""A server in this calibre: it is started, a user is made up, and what to enter in KOReader stands in large letters."""

from __future__ import annotations

import secrets
from typing import Final

from qt.core import QFont, Qt, QVBoxLayout, QWidget, pyqtSignal

from ..parts.background import Background, Fault, attempt
from ..parts.text import Label
from ...link.contract import Account, ArrivedPlace, HostingStatus, Visit
from ...link.host import BridgeHost
from ...settings.config import new_account, userkey_of
from ...settings.draft import Draft
from ...sync.hosting import HERE, Hosting, Watching, hosting_settings, reachable
from ...words.explain import explain

load_translations()

# None that looks like another on an e-ink screen, and none on a second page of its keyboard.
LETTERS: Final = "abcdefghjkmnpqrstuvwxyz"
# Of 23 letters: 45 bits.
PASSWORD: Final = 10
USER: Final = "reader"


def made_up_password() -> str:
    """Short enough to be typed on a reader, with at least 40 bits that nobody can guess."""
    return "".join(secrets.choice(LETTERS) for _letter in range(PASSWORD))


class HomePage(QWidget):
    """`changed` when the server runs. The user is made at once: a server keeps it, and not the settings."""

    changed = pyqtSignal()
    # From the bridge's thread into the window's.
    _visited = pyqtSignal(object)
    _arrived = pyqtSignal(object)

    def __init__(self, draft: Draft, host: BridgeHost, hosting: Hosting, parent: QWidget) -> None:
        super().__init__(parent)
        self._draft = draft
        self._host = host
        self._hosting = hosting
        self._background = Background(self)
        self._settings = {**hosting_settings(draft.machine["hosting"]), "enabled": True}
        self._password = made_up_password()
        self.account: Account | None = None
        layout = QVBoxLayout(self)
        layout.addWidget(
            Label(_("On the reader, open a book, then: Tools → Progress sync → Custom sync server. Enter"), self)
        )
        self.to_enter = Label("", self)
        self.to_enter.setObjectName("to_enter")
        self.to_enter.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        large = QFont(self.to_enter.font())
        large.setPointSizeF(1.6 * large.pointSizeF())
        self.to_enter.setFont(large)
        layout.addWidget(self.to_enter)
        self.status = Label(_("Starting…"), self)
        self.status.setObjectName("home_status")
        layout.addWidget(self.status)
        self.reader = Label("", self)
        self.reader.setObjectName("home_reader")
        layout.addWidget(self.reader)
        self._has_place = False
        self._visited.connect(self._show_visit)
        self._arrived.connect(self._show_place)
        layout.addWidget(
            Label(
                _(
                    "If this computer asks whether calibre may be reached from the network, allow it. Its address may "
                    "change with the network, and while the computer sleeps, readers wait. Addresses of a VPN do not "
                    "work for a reader."
                ),
                self,
            )
        )
        layout.addStretch(1)

    def begin(self) -> None:
        """Starts the server, once."""
        if self.account is not None or self._background.is_running:
            return
        launch = self._host.prepare(self._draft.machine["runtime_path"])
        settings, hosting, key = hosting_settings(self._settings), self._hosting, userkey_of(self._password)

        def work() -> tuple[HostingStatus, str]:
            status = hosting.apply(launch, settings)
            user, number = USER, 2
            known = hosting.change_users(launch, "list")
            while user in known:
                user, number = f"{USER}{number}", number + 1
            hosting.change_users(launch, "add", user, key)
            return status, user

        self._background.run(lambda: attempt(work), self._started)

    def _started(self, outcome: tuple[HostingStatus, str] | Fault) -> None:
        if isinstance(outcome, Fault):
            reason = explain(outcome.error)
            self.status.setText("✗ " + (reason.text if reason else repr(outcome.error)))
            return
        status, user = outcome
        self.account = new_account(f"http://{HERE}:{status['port']}", user, userkey_of(self._password))
        addresses = reachable(status["urls"])
        lines = [*addresses, _("User: {name}").format(name=user), _("Password: {word}").format(word=self._password)]
        self.to_enter.setText("\n".join(lines))
        several = _("Of several addresses, try one after the other.") if len(addresses) > 1 else ""
        none = "" if addresses else _("This computer is in no network that a reader could reach.")
        self.status.setText(" ".join(filter(None, ("✓", _("The server runs."), several, none))))
        self.reader.setText(_("… Waiting for KOReader. What it does is shown here."))
        self._hosting.watching = Watching(self._visited.emit, self._arrived.emit)
        self.changed.emit()

    def _show_visit(self, visit: Visit) -> None:
        if self._has_place or self.account is None:
            return
        if visit["admitted"] and visit["username"] == self.account["username"]:
            self.reader.setText(
                "✓ "
                + _(
                    "KOReader has logged in. Switch on “Automatically keep documents in sync” there, read a page and close "
                    "the book: its place arrives here."
                )
            )
        elif not visit["admitted"]:
            self.reader.setText(
                "✗ "
                + _("KOReader was here as “{name}”, and user or password are others: compare each letter.").format(
                    name=visit["username"]
                )
            )

    def _show_place(self, places: list[ArrivedPlace]) -> None:
        mine = [place for place in places if self.account and place["username"] == self.account["username"]]
        if not mine:
            return
        self._has_place = True
        place = mine[-1]
        words = _(
            "The first place has come: {percent} % on {device}. From now on KOReader and calibre know each other."
        )
        device = place["device"] or "KOReader"
        self.reader.setText("✓ " + words.format(percent=round(100 * place["percentage"]), device=device))

    def leave(self) -> None:
        """Nobody looks at this any more."""
        self._hosting.watching = None

    def store(self) -> None:
        """Puts server and account into the draft."""
        if self.account is None:
            return
        self._draft.machine["hosting"] = dict(self._settings)
        self._draft.put_account(self.account["id"], self.account)
        self._draft.profile(self._draft.default)["account_id"] = self.account["id"]
