"""A sync that found none of its books: why that may be, checked one by one, and the next step for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qt.core import QDialog, QDialogButtonBox, QPushButton, QSize, Qt, QVBoxLayout

from ..parts.background import Background, Fault, attempt
from ..parts.help import help_button
from ..parts.icons import icon
from ..parts.text import Label, escape, formatted
from ...link.contract import Account, ListedDocument
from ...link.host import Launch
from ...sync.unmatched import list_documents
from ...words.address import shown_address
from ...words.explain import explain
from ...words.koreader import koreader_steps

load_translations()


@dataclass(frozen=True)
class NextSteps:
    """What the window's buttons do; `find_earlier` is None where earlier copies are looked for already."""

    show_unmatched: Callable[[], None]
    open_copies: Callable[[], None]
    find_earlier: Callable[[], None] | None


class NothingFoundDialog(QDialog):
    """Non-modal."""

    def __init__(self, gui: Any, books: int, account: Account, matching: str, launch: Launch, steps: NextSteps) -> None:
        super().__init__(gui)
        self.setObjectName("koreader_progress_nothing_found")
        self.setWindowTitle(_("KOReader Progress: no book was found"))
        self.setWindowIcon(icon("unmatched"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._background = Background(self)
        self._layout = QVBoxLayout(self)
        found = ngettext("0 of {n} book found. Why that may be:", "0 of {n} books found. Why that may be:", books)
        heading = Label(found.format(n=books), self)
        font = heading.font()
        font.setBold(True)
        heading.setFont(font)
        self._layout.addWidget(heading)
        knows = _("✓ The server {url} answers, and knows {username}.")
        self._add(knows.format(url=shown_address(account["url"]), username=account["username"]))
        self.server = self._add(_("• Looking at what the server holds…"))
        self.server.setObjectName("what_the_server_holds")
        self.reader = formatted("", self)
        self.reader.setVisible(False)
        self._layout.addWidget(self.reader)
        self.unmatched_button = self._button(_("&Progress without a book…"), steps.show_unmatched)
        self.unmatched_button.setVisible(False)
        names = {
            "both": _("Binary or Filename, whichever answers"),
            "binary": _("Binary"),
            "filename": _("Filename"),
        }
        self._add(
            _(
                "• KOReader names books by “Document matching method”, under Progress sync. Here they are asked for by: "
                "{matching}."
            ).format(matching=names.get(matching, matching))
        )
        self._button(_("&Change it under Copies…"), steps.open_copies)
        if steps.find_earlier is None:
            self._add(_("✓ Copies that calibre sent earlier are looked for too."))
        else:
            self._add(_("✗ Copies that calibre sent earlier, with other fingerprints, are not looked for yet."))
            self.earlier_button = self._button(_("&Look for them, and sync again"), steps.find_earlier)
        self._layout.addStretch(1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.addButton(help_button(self, lambda: "notfound"), QDialogButtonBox.ButtonRole.HelpRole)
        buttons.rejected.connect(self.reject)
        self._layout.addWidget(buttons)

        def ask() -> list[ListedDocument] | None:
            with launch.open(account) as bridge:
                return list_documents(bridge, account)

        self._background.run(lambda: attempt(ask), self._listed)

    def sizeHint(self) -> QSize:
        return QSize(640, 440)

    def _add(self, words: str) -> Label:
        label = Label(words, self)
        self._layout.addWidget(label)
        return label

    def _button(self, words: str, step: Callable[[], None]) -> QPushButton:
        button = QPushButton(words, self)
        button.setAutoDefault(False)

        def go() -> None:
            self.accept()
            step()

        button.clicked.connect(go)
        self._layout.addWidget(button, alignment=Qt.AlignmentFlag.AlignLeft)
        return button

    def _listed(self, held: list[ListedDocument] | Fault | None) -> None:
        if isinstance(held, Fault):
            reason = explain(held.error)
            self.server.setText("✗ " + (reason.sentence if reason else repr(held.error)))
        elif held is None:
            self.server.setText(
                _("• This server does not tell what it holds. Has KOReader sent anything? On each reader:")
            )
        elif held:
            words = ngettext(
                "✗ The server holds the progress of {n} book, under no name that these books are known by.",
                "✗ The server holds the progress of {n} books, under no name that these books are known by.",
                len(held),
            )
            self.server.setText(words.format(n=len(held)))
            self.unmatched_button.setVisible(True)
        else:
            self.server.setText(
                _("✗ The server holds nothing of yours yet: KOReader has sent nothing. On each reader:")
            )
        if not held:
            items = "".join(f"<li>{escape(step)}</li>" for step in koreader_steps())
            self.reader.setText(f"<ol>{items}</ol>")
            self.reader.setVisible(True)
            self.resize(self.width(), max(self.height(), self._layout.totalHeightForWidth(self.width())))
