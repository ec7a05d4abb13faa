"""What KOReader has to be told: it syncs nothing by itself after a login. And what calibre shall show of it."""

from __future__ import annotations

from qt.core import QCheckBox, QVBoxLayout, QWidget

from ..parts.text import Label, formatted
from ...words.koreader import koreader_steps

load_translations()


class ReaderPage(QWidget):
    """Nothing here is asked of the server."""

    def __init__(self, is_in_sight: bool, parent: QWidget) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        self.heading = Label("", self)
        layout.addWidget(self.heading)
        steps = "".join(f"<li>{step}</li>" for step in koreader_steps())
        self.steps = formatted(f"<ol>{steps}</ol>", self)
        layout.addWidget(self.steps)
        self.predict = QCheckBox(_("Also &find books that I sent earlier"), self)
        self.predict.setObjectName("welcome_predict")
        self.predict.setChecked(True)
        self.predict.setToolTip(
            _("Copies that calibre sent before have other fingerprints; they are worked out, and asked for too.")
        )
        layout.addWidget(self.predict)
        self.button = QCheckBox(_("Put the &button in sight: toolbar and context menu"), self)
        self.button.setObjectName("welcome_button")
        self.button.setChecked(not is_in_sight)
        self.button.setVisible(not is_in_sight)
        layout.addWidget(self.button)
        self.beside = QCheckBox(_("Show the new columns &right beside the authors"), self)
        self.beside.setObjectName("welcome_columns")
        self.beside.setChecked(True)
        layout.addWidget(self.beside)
        layout.addStretch(1)

    def show_steps(self, has_server: bool) -> None:
        """What is to be done on the reader; where no server is asked, nothing."""
        self.steps.setVisible(has_server)
        self.predict.setVisible(has_server)
        self.heading.setText(
            _("KOReader’s side is half of the way. On each reader:")
            if has_server
            else _(
                "Nothing has to be set up on the reader. Plug it in, or connect it to calibre by Wi-Fi: calibre asks once "
                "whose it is, and shows what it tells before anything is written."
            )
        )
