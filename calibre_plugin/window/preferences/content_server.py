"""In the tab Server: calibre's own content server, where it takes places, and what to enter in KOReader."""

from __future__ import annotations

from qt.core import QGroupBox, QPushButton, Qt, QVBoxLayout, QWidget

from ..parts.calibres_server import CalibresServer
from ..parts.text import Label

load_translations()


class ContentServerBox(QGroupBox):
    """Not shown where calibre lets no plugin answer there; it is started at once, not with OK."""

    def __init__(self, server: CalibresServer, parent: QWidget) -> None:
        super().__init__(_("calibre's content server"), parent)
        self._server = server
        layout = QVBoxLayout(self)
        self.status = Label("", self)
        self.status.setObjectName("content_server_status")
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout.addWidget(self.status)
        self.start_button = QPushButton(_("S&tart it"), self)
        self.start_button.setObjectName("content_server_start")
        self.start_button.clicked.connect(self._start)
        layout.addWidget(self.start_button, 0, Qt.AlignmentFlag.AlignLeft)
        self.setVisible(server.can_sync)
        self.show_state()

    def show_state(self) -> None:
        """What is so now."""
        url = self._server.url
        self.start_button.setVisible(url is None)
        if url is None:
            self.status.setText(_("It takes places of readers as well, while it runs. It does not run now."))
            return
        login = (
            _("with the name and the password of their calibre user")
            if self._server.has_users
            else _("with a user of the list below")
        )
        self.status.setText(
            _(
                "It takes places of readers as well. In KOReader: Tools → Progress sync → Custom sync server, and enter\n"
                "    {url}\nReaders log in {login}."
            ).format(url=url, login=login)
        )

    def _start(self) -> None:
        self._server.start()
        self.start_button.setEnabled(False)
        self.status.setText(_("It starts. Its address is shown here when this tab is opened again."))
