"""The tab Account: which server and login a profile uses, and whether it is known there."""

from __future__ import annotations

from typing import Any

from qt.core import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    Qt,
    QVBoxLayout,
    QWidget,
    pyqtSignal,
)

from .account_check import AccountCheck, Question, Verdict
from .account_security import AccountSecurity
from .account_input import (
    missing_fields,
    why_no_login,
    with_colons,
    with_login_of,
)
from ...link.host import BridgeHost
from ...settings.config import StoredProfile, account_id_of, new_account, userkey_of
from ...settings.draft import Draft
from ...link.contract import Account, AccountAnswer
from ...words.explain import Explanation
from ...link.proxy import with_proxy
from ...words.address import shown_address
from ..parts.fields import EnterField
from ..parts.text import Label, bounded, button_text, name_of, on_one_line, tip

load_translations()

NEW = ""


class AccountTab(QWidget):
    """Edits the account that the shown profile uses; `done` once it is logged in and there is more to choose."""

    done = pyqtSignal()

    def __init__(self, draft: Draft, host: BridgeHost, parent: QWidget) -> None:
        super().__init__(parent)
        self._draft = draft
        self._host = host
        self._profile: StoredProfile = draft.profiles[0]
        self._id = NEW
        self._userkey = ""
        self._offered_fingerprint = ""
        self._offered_url = ""
        self._question: Question = "account/authorize"
        self.check = AccountCheck(self)

        layout = QVBoxLayout(self)
        layout.addLayout(self._chooser())
        layout.addLayout(self._login())
        layout.addLayout(self._buttons())
        self.status = Label("", self)
        self.status.setObjectName("account_status")
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.status.setMinimumHeight(2 * self.status.fontMetrics().lineSpacing())
        layout.addWidget(self.status)
        self.security = AccountSecurity(self)
        self.security.edited.connect(self._edited)
        self.security.entered.connect(self._entered)
        layout.addWidget(self.security)
        sent = Label(
            _(
                "Sent to this server: your user name, a key made from the password, and the fingerprints "
                "of your books’ files or file names; never a title, an author or a book."
            ),
            self,
        )
        layout.addWidget(sent)
        layout.addStretch(1)

    def _chooser(self) -> QHBoxLayout:
        line = QHBoxLayout()
        self.accounts = bounded(QComboBox(self))
        self.accounts.setObjectName("accounts")
        label = name_of(self.accounts, _("This pro&file uses:"))
        self.delete_button = QPushButton(_("&Remove account"), self)
        self.delete_button.clicked.connect(self._delete)
        line.addWidget(label)
        line.addWidget(self.accounts, 1)
        line.addWidget(self.delete_button)
        self.accounts.activated.connect(self._chosen)
        return line

    def _login(self) -> QFormLayout:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        self.url = EnterField(self)
        self.url.setObjectName("url")
        self.url.setPlaceholderText("https://sync.example.org")
        self.url.setToolTip(
            _(
                "As KOReader shows it under Custom sync server. When no sync server answers there, others nearby are "
                "looked at, and you are asked before your password goes to one."
            )
        )
        self.username = EnterField(self)
        self.username.setObjectName("username")
        self.password = EnterField(self)
        self.password.setObjectName("password")
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self.password.setToolTip(_("Only a key made from it is kept, in a file that nobody else can read."))
        form.addRow(_("&Server:"), self.url)
        form.addRow(_("&User name:"), self.username)
        form.addRow(_("Pass&word:"), self.password)
        for edit in (self.url, self.username, self.password):
            edit.textEdited.connect(self._edited)
            edit.entered.connect(self._entered)
        return form

    def _buttons(self) -> QHBoxLayout:
        line = QHBoxLayout()
        self.login_button = QPushButton(_("&Log in"), self)
        self.register_button = QPushButton(_("Re&gister"), self)
        self.login_button.clicked.connect(lambda: self._ask("account/authorize"))
        self.register_button.clicked.connect(lambda: self._ask("account/register"))
        self.trust_button = QPushButton(_("&Trust this certificate"), self)
        self.trust_button.setVisible(False)
        self.trust_button.clicked.connect(self._trust)
        line.addWidget(self.login_button)
        line.addWidget(self.register_button)
        line.addWidget(self.trust_button)
        self.other_button = QPushButton("", self)
        self.other_button.setObjectName("other_address")
        self.other_button.setVisible(False)
        self.other_button.clicked.connect(self._use_other)
        line.addWidget(self.other_button)
        self.next_button = QPushButton(_("Next: colum&ns"), self)
        self.next_button.setObjectName("on_to_columns")
        self.next_button.setVisible(False)
        self.next_button.clicked.connect(self.done.emit)
        line.addWidget(self.next_button)
        line.addStretch(1)
        return line

    # Showing and keeping.

    def show_profile(self, profile: StoredProfile) -> None:
        """Fills the tab with the profile's account."""
        self._profile = profile
        self._fill_accounts()
        self._show_account(self._draft.account(profile["account_id"]))

    def _fill_accounts(self) -> None:
        self.accounts.blockSignals(True)
        self.accounts.clear()
        for account in self._draft.accounts:
            words = _("{username} on {url}")
            url = shown_address(account["url"])
            self.accounts.addItem(on_one_line(words.format(username=account["username"], url=url)), account["id"])
        for moved in self._draft.moved_logins:
            words = _("{username} on {url} (password needed)")
            url = shown_address(moved["url"])
            self.accounts.addItem(on_one_line(words.format(username=moved["username"], url=url)), moved["id"])
        self.accounts.addItem(_("A new account"), NEW)
        found = self.accounts.findData(self._profile["account_id"])
        self.accounts.setCurrentIndex(found if found >= 0 else self.accounts.count() - 1)
        self.accounts.blockSignals(False)

    def _show_account(self, account: Account | None) -> None:
        moved = None if account else self._draft.moved_login(self._profile["account_id"])
        named = account or moved
        self._id = named["id"] if named else NEW
        self._userkey = account["userkey"] if account else ""
        self.url.setText(named["url"] if named else "")
        self.username.setText(named["username"] if named else "")
        self.password.clear()
        self.password.setPlaceholderText(_("kept; type to change it") if self._userkey else "")
        self.security.show_of(account)
        self.delete_button.setEnabled(named is not None)
        self._hide_offers()
        if moved is not None:
            self.status.setText(_("This account comes from another computer: type its password, then log in."))
        else:
            self.status.setText("" if account else _("Type the same as in KOReader, then log in."))
        self._show_buttons()

    def _chosen(self, _index: int) -> None:
        self.store()
        self._profile["account_id"] = self.accounts.currentData()
        self._show_account(self._draft.account(self._profile["account_id"]))

    def _delete(self) -> None:
        self._draft.delete_account(self._id)
        self.show_profile(self._profile)

    def _edited(self) -> None:
        self.status.setText(
            missing_fields(self.url.text().strip(), self.username.text().strip(), bool(self._key()))
            or self.security.unfinished()
        )
        self.status.setToolTip("")
        self._hide_offers()
        self._show_buttons()

    def _why_no_login(self) -> str:
        return why_no_login(self.url.text().strip(), self.username.text().strip(), bool(self._key()))

    def _show_buttons(self) -> None:
        missing = self._why_no_login()
        running = self.check.is_running
        about = {
            self.login_button: _("Asks the server whether it knows this user and password"),
            self.register_button: _("Makes a new user on the server; KOReader can do it as well"),
        }
        for button, does in about.items():
            button.setEnabled(not missing and not running)
            button.setToolTip(missing or does)

    def _entered(self) -> None:
        """Enter logs in, or goes on to what is still to be typed: it never closes the preferences."""
        missing = self._why_no_login()
        if not missing:
            self._ask("account/authorize")
            return
        self.status.setText(missing)
        fields = (self.url, self.username, self.password)
        next(field for field in fields if not field.text().strip()).setFocus()

    def begin(self) -> None:
        """Brings the keyboard to where typing begins."""
        self.url.setFocus()

    def _key(self) -> str:
        return userkey_of(self.password.text()) if self.password.text() else self._userkey

    def edited_account(self) -> Account | None:
        """The account as the fields say; None while one of them is empty."""
        url, username = self.url.text().strip(), self.username.text().strip()
        if not (url and username and self._key()):
            return None
        account = new_account(url, username, self._key())
        known = self._draft.account(self._id) or self._draft.moved_login(self._id)
        if known is not None and known["username"] == username:
            # A server that moved is the same account: what was synced with it stays known.
            account["id"] = known["id"]
        account["tls"] = self.security.tls()
        account["headers"] = self.security.extra_headers()
        return account

    def store(self) -> None:
        """Puts what the fields say into the draft."""
        account = self.edited_account()
        if account is None:
            return
        self._draft.put_account(self._id, account)
        self._id = account["id"]
        self._profile["account_id"] = account["id"]

    # Asking the server.

    def _ask(self, question: Question) -> None:
        account = self.edited_account()
        if account is None or self.check.is_running:
            return
        self._hide_offers()
        self._question = question
        self.status.setText(_("Asking {url} …").format(url=shown_address(account["url"])))
        launch = self._host.prepare(self._draft.machine["runtime_path"])
        self.check.ask(launch, question, with_proxy(account), self._judged)
        self._show_buttons()

    def _judged(self, verdict: Verdict) -> None:
        if verdict.answer is not None:
            self._answered(verdict.answer)
        elif verdict.reason is not None:
            self._refused(verdict.reason, verdict.data)

    def _answered(self, answer: AccountAnswer) -> None:
        account = self.edited_account()
        if account is not None:
            if self._id == NEW:
                account["id"] = account_id_of(answer["url"], account["username"])
            account["url"] = answer["url"]
            self._draft.put_account(self._id, account)
            self._profile["account_id"] = account["id"]
            self._fill_accounts()
            self._show_account(account)
        told: dict[str, Any] = {**answer, "url": shown_address(answer["url"])}
        said = (
            _("Logged in: {url} knows {username}.")
            if answer["shown"]
            else _(
                "{url} answers as a sync server, but does not say whether it knows {username} and the password: the first "
                "sync shows it."
            )
        )
        self._say(said.format(**told), good=True)
        if not self._profile["columns"]:
            self.next_button.setVisible(True)
            self.next_button.setFocus()

    def _refused(self, reason: Explanation, data: Any) -> None:
        self._say(reason.text, good=False)
        self.status.setToolTip(tip(reason.details))
        fingerprint = str(data.get("fingerprint") or "")
        if fingerprint:
            self._offered_fingerprint = fingerprint
            self.trust_button.setVisible(True)
            self.status.setText(
                self.status.text() + "\n" + _("Its fingerprint is {text}").format(text=with_colons(fingerprint))
            )

        found = str(data.get("found") or "")
        if found:
            self._offered_url = found
            self.other_button.setText(button_text(_("Use {url}").format(url=shown_address(found))))
            self.other_button.setVisible(True)

    def _hide_offers(self) -> None:
        self.trust_button.setVisible(False)
        self.other_button.setVisible(False)
        self.next_button.setVisible(False)

    def _use_other(self) -> None:
        """The reader confirms the address that was found, by its name: only now the password goes there."""
        self.url.setText(with_login_of(self.url.text().strip(), self._offered_url))
        self._ask(self._question)

    def _say(self, sentence: str, good: bool) -> None:
        self.status.setText(("✓ " if good else "✗ ") + sentence)
        self.status.setToolTip("")
        self._show_buttons()

    def _trust(self) -> None:
        self.security.trust(self._offered_fingerprint)
        self._ask(self._question)
