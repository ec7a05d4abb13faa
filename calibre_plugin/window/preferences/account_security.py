"""What the account tab asks about a server of one's own: how its certificate is judged, and extra headers."""

from __future__ import annotations

from qt.core import (
    QComboBox,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QStackedWidget,
    QWidget,
    pyqtSignal,
)

from calibre.gui2 import choose_files

from .account_input import fingerprint_of, headers_of, unfinished_security, with_colons
from ...link.contract import Account, Tls
from ..parts.fields import EnterField
from ..parts.text import Label

load_translations()


class AccountSecurity(QGroupBox):
    """`edited` at each change that the reader makes, `entered` at the Enter key."""

    edited = pyqtSignal()
    entered = pyqtSignal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(_("For servers of your own"), parent)
        form = QFormLayout(self)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.addRow(_("&Certificate:"), self._modes())
        form.addRow("", self._details())
        form.addRow(_("E&xtra headers:"), self._headers())
        self.mode.currentIndexChanged.connect(self._pages.setCurrentIndex)

    def show_of(self, account: Account | None) -> None:
        """Fills the fields with an account's, or empties them."""
        tls: Tls = account["tls"] if account else {"mode": "system"}
        self.mode.setCurrentIndex(self.mode.findData(tls["mode"]))
        self.ca_file.setText(tls["path"] if tls["mode"] == "ca_file" else "")
        self.fingerprint.setText(with_colons(tls["sha256"]) if tls["mode"] == "fingerprint" else "")
        headers = account["headers"] if account else {}
        # Nobody has typed this: there is nothing to say to it.
        self.headers.blockSignals(True)
        self.headers.setPlainText("\n".join(f"{name}: {value}" for name, value in headers.items()))
        self.headers.blockSignals(False)

    def trust(self, fingerprint: str) -> None:
        """Chooses exactly this certificate."""
        self.mode.setCurrentIndex(self.mode.findData("fingerprint"))
        self.fingerprint.setText(with_colons(fingerprint))

    def tls(self) -> Tls:
        """As the fields say; an unfinished choice is the safe one."""
        mode = self.mode.currentData()
        if mode == "ca_file" and self.ca_file.text().strip():
            return {"mode": "ca_file", "path": self.ca_file.text().strip()}
        fingerprint = fingerprint_of(self.fingerprint.text())
        if mode == "fingerprint" and fingerprint:
            return {"mode": "fingerprint", "sha256": fingerprint}
        return {"mode": "none"} if mode == "none" else {"mode": "system"}

    def extra_headers(self) -> dict[str, str]:
        return headers_of(self.headers.toPlainText())

    def unfinished(self) -> str:
        """What cannot be used as it is typed; nothing when all is well."""
        return unfinished_security(
            self.mode.currentData(),
            self.ca_file.text().strip(),
            self.fingerprint.text(),
            self.headers.toPlainText(),
        )

    def _modes(self) -> QComboBox:
        self.mode = QComboBox(self)
        self.mode.setObjectName("tls")
        for label, mode in (
            (_("Standard check"), "system"),
            (_("Trust the authority in a file"), "ca_file"),
            (_("Trust exactly this certificate"), "fingerprint"),
            (_("Trust any certificate (unsafe)"), "none"),
        ):
            self.mode.addItem(label, mode)
        self.mode.activated.connect(self.edited)
        return self.mode

    def _details(self) -> QStackedWidget:
        """A page for each way to judge, in their order."""
        pages = self._pages = QStackedWidget(self)
        pages.addWidget(QWidget(pages))
        pages.addWidget(self._ca_file_row())
        self.fingerprint = self._field("fingerprint", _("Fingerprint"), _("SHA-256 fingerprint, such as 3F:9A:…"))
        pages.addWidget(self.fingerprint)
        pages.addWidget(Label(_("Anyone between you and the server could read and change what is sent."), pages))
        return pages

    def _ca_file_row(self) -> QWidget:
        row = QWidget(self)
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        self.ca_file = self._field("ca_file", _("Certificate file"), _("A file with certificates (PEM)"))
        choose = QPushButton(_("Ch&oose…"), row)
        choose.clicked.connect(self._choose_ca_file)
        line.addWidget(self.ca_file, 1)
        line.addWidget(choose)
        return row

    def _field(self, name: str, spoken: str, placeholder: str) -> EnterField:
        field = EnterField(self)
        field.setObjectName(name)
        field.setAccessibleName(spoken)
        field.setPlaceholderText(placeholder)
        field.textEdited.connect(self.edited)
        field.entered.connect(self.entered)
        return field

    def _headers(self) -> QPlainTextEdit:
        self.headers = QPlainTextEdit(self)
        self.headers.setObjectName("headers")
        self.headers.setTabChangesFocus(True)
        self.headers.setPlaceholderText("CF-Access-Client-Id: …")
        self.headers.setToolTip(_("One “Name: value” a line, for a proxy that guards the server"))
        self.headers.setMaximumHeight(4 * self.headers.fontMetrics().lineSpacing())
        self.headers.textChanged.connect(self.edited)
        return self.headers

    def _choose_ca_file(self) -> None:
        chosen = choose_files(
            self,
            "koreader-progress-ca-file",
            _("Choose a certificate file"),
            filters=[(_("Certificates"), ["pem", "crt", "cer"])],
            select_only_single_file=True,
        )
        if chosen:
            self.ca_file.setText(chosen[0])
            self.edited.emit()
