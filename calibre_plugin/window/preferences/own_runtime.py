"""In the tab Runtime: the Deno of the plugin's own, where it lies, how it is fetched, and how it goes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from qt.core import QGroupBox, QHBoxLayout, QProgressBar, QPushButton, Qt, QTimer, QVBoxLayout, QWidget

from calibre.gui2 import question_dialog

from ..parts.background import Background, Fault, attempt
from ...link.deno_build import Archive, fitting
from ...link.host import BridgeHost, ask_once
from ...words.explain import Explanation, explain
from ...words.runtime import runtime_words, size_words
from ..parts.text import Label

load_translations()

POLL_MS = 100


class OwnRuntimeBox(QGroupBox):
    """Shown where there is one, or where one can be had; `changed` is called when there is one more or less."""

    def __init__(self, host: BridgeHost, changed: Callable[[], None], parent: QWidget) -> None:
        super().__init__(_("Deno of this plugin’s own"), parent)
        self._host = host
        self._own = host.runtimes.own
        self._changed = changed
        self._background = Background(self)
        self._stopped = threading.Event()
        # Bytes that are there; written by the thread that fetches.
        self._there = 0
        self._poll = QTimer(self)
        self._poll.timeout.connect(lambda: self.bar.setValue(self._there))
        column = QVBoxLayout(self)
        self.about = Label("", self)
        self.about.setObjectName("own_runtime")
        self.about.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column.addWidget(self.about)
        line = QHBoxLayout()
        self.fetch_button = QPushButton(_("&Fetch Deno…"), self)
        self.fetch_button.setObjectName("fetch_runtime")
        self.fetch_button.clicked.connect(self.fetch)
        self.remove_button = QPushButton(_("Remo&ve"), self)
        self.remove_button.setObjectName("remove_runtime")
        self.remove_button.clicked.connect(self.remove)
        self.bar = QProgressBar(self)
        self.stop_button = QPushButton(_("&Stop"), self)
        self.stop_button.clicked.connect(self.stop)
        for button in (self.fetch_button, self.remove_button, self.bar, self.stop_button):
            line.addWidget(button)
        line.addStretch(1)
        column.addLayout(line)
        self.status = Label("", self)
        self.status.setObjectName("own_runtime_status")
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column.addWidget(self.status)
        self._show_state()

    def fetch(self) -> None:
        """Asks first: what is fetched, whose it is, how large, and what it may reach."""
        archive = self._own.offered
        if archive is None or not question_dialog(self, _("Fetch Deno"), self._question(archive)):
            return
        self._stopped.clear()
        self._there = 0
        self.bar.setRange(0, archive.size)
        self.bar.setValue(0)
        self.status.setText("")
        environment = self._host.prepare("").environment
        own, stopped = self._own, self._stopped

        def go_on(size: int) -> bool:
            self._there = size
            return not stopped.is_set()

        self._background.run(lambda: attempt(lambda: own.fetch(archive, ask_once, go_on, environment)), self._fetched)
        self._poll.start(POLL_MS)
        self._show_state()

    def _question(self, archive: Archive) -> str:
        return _(
            "Deno {version} is a program by Deno Land Inc. that runs JavaScript (MIT licence). It comes from this "
            "project’s own release at {host}: {size} are fetched and take {unpacked} on the disk. What comes is checked "
            "against what this version of the plugin knows, and thrown away when it differs.\n\nIt may reach the folders "
            "of your library and of this plugin, and your sync server, and nothing else. Fetch it?"
        ).format(
            version=archive.build.version,
            host=urlsplit(self._own.address).hostname,
            size=size_words(archive.size),
            unpacked=size_words(archive.build.size),
        )

    def _fetched(self, outcome: Any) -> None:
        self._poll.stop()
        if isinstance(outcome, Fault):
            reason = explain(outcome.error) or Explanation(repr(outcome.error))
            self.status.setText("✗ " + "\n".join(filter(None, (reason.text, reason.details))))
        else:
            self.status.setText("✓ " + _("{runtime} is there.").format(runtime=runtime_words(outcome)))
        self._tell()

    def stop(self) -> None:
        """The reader wants no more of it."""
        self._stopped.set()
        self.stop_button.setEnabled(False)
        self.status.setText(_("Stopping…"))

    def remove(self) -> None:
        """Deletes every kept one."""
        try:
            self._own.remove()
        except OSError as error:
            # In use, on Windows: it goes when no sync runs.
            self.status.setText(
                "✗ " + _("{path} could not be removed: {reason}.").format(path=error.filename, reason=error.strerror)
            )
        else:
            self.status.setText("✓ " + _("Removed."))
        self._tell()

    def _tell(self) -> None:
        self._host.runtimes.forget()
        self._show_state()
        self._changed()

    def _show_state(self) -> None:
        kept, offered, is_fetching = self._own.kept(), self._own.offered, self._background.is_running
        carried = bool(fitting(self._own.carried))
        self.setVisible(bool(kept or offered or carried))
        lines = [_("Kept in {folder}: {size}.").format(folder=folder, size=size_words(size)) for folder, size in kept]
        if carried:
            lines.append(_("It is inside this package of the plugin, and is unpacked whenever it is needed."))
        elif not kept and offered is not None:
            lines.append(_("Where neither Node.js nor Deno is installed, the plugin can fetch Deno for itself alone."))
        self.about.setText("\n".join(lines))
        self.fetch_button.setVisible(not kept and offered is not None and not is_fetching)
        self.remove_button.setVisible(bool(kept) and not is_fetching)
        for widget in (self.bar, self.stop_button):
            widget.setVisible(is_fetching)
        self.stop_button.setEnabled(True)
