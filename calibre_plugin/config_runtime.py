"""The tab Runtime: which program runs the bridge, and whether it really does."""

from __future__ import annotations

import threading
from typing import Any

from qt.core import QFormLayout, QHBoxLayout, QLabel, QLineEdit, QPushButton, Qt, QVBoxLayout, QWidget, pyqtSignal

from calibre.gui2 import choose_files

from .bridge_host import BridgeHost, Launch
from .config import StoredProfile
from .config_draft import Draft
from .explain import Explanation, explain
from .runtime import NEEDED, Runtime, all_runtimes

load_translations()


class RuntimeTab(QWidget):
    """Looks in a thread: a program that hangs must not hang the preferences."""

    found = pyqtSignal(object)
    tested = pyqtSignal(str, bool)

    def __init__(self, draft: Draft, host: BridgeHost, parent: QWidget) -> None:
        super().__init__(parent)
        self._draft = draft
        self._host = host
        layout = QVBoxLayout(self)
        about = QLabel(
            _(
                "The part of this plugin that talks to the server runs in Node.js {node} or newer, or Deno {deno} or "
                "newer. One that is installed in the usual places is found by itself."
            ).format(node=".".join(map(str, NEEDED["node"])), deno=".".join(map(str, NEEDED["deno"]))),
            self,
        )
        about.setWordWrap(True)
        layout.addWidget(about)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        row = QWidget(self)
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        self.path = QLineEdit(row)
        self.path.setObjectName("runtime_path")
        self.path.setPlaceholderText(_("found by itself"))
        self.path.setClearButtonEnabled(True)
        self.path.setText(draft.machine["runtime_path"])
        choose = QPushButton(_("Ch&oose…"), row)
        choose.clicked.connect(self._choose)
        line.addWidget(self.path, 1)
        line.addWidget(choose)
        form.addRow(_("&Program:"), row)
        form.labelForField(row).setBuddy(self.path)
        layout.addLayout(form)
        buttons = QHBoxLayout()
        self.test_button = QPushButton(_("&Test"), self)
        self.test_button.setObjectName("test_runtime")
        self.test_button.setToolTip(_("Starts the bridge and waits for its answer"))
        self.test_button.clicked.connect(self.test)
        buttons.addWidget(self.test_button)
        buttons.addStretch(1)
        layout.addLayout(buttons)
        self.status = QLabel(self)
        self.status.setObjectName("runtime_status")
        self.list = QLabel(_("Looking for programs…"), self)
        self.list.setObjectName("runtime_list")
        for label in (self.status, self.list):
            label.setWordWrap(True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            layout.addWidget(label)
        layout.addStretch(1)
        self.found.connect(self._show_found, type=Qt.ConnectionType.QueuedConnection)
        self.tested.connect(self._show_tested, type=Qt.ConnectionType.QueuedConnection)
        self._looked = False

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        if not self._looked:
            self._looked = True
            self._in_thread(self._look, self._host.prepare(""))

    def _in_thread(self, work: Any, launch: Launch) -> None:
        threading.Thread(target=self._quietly, args=(work, launch), name="runtime-tab", daemon=True).start()

    def _quietly(self, work: Any, launch: Launch) -> None:
        try:
            work(launch)
        except RuntimeError:
            # The dialog was closed meanwhile and Qt has taken the tab away.
            pass

    def _look(self, launch: Launch) -> None:
        self.found.emit(all_runtimes(launch.environment))

    def _show_found(self, runtimes: list[Runtime]) -> None:
        lines = [
            "• {path} ({name} {version}){note}".format(
                path=runtime.path,
                name={"node": "Node.js", "deno": "Deno"}[runtime.name],
                version=runtime.version_text,
                note="" if runtime.is_new_enough else " — " + _("too old"),
            )
            for runtime in runtimes
        ]
        heading = _("Found on this computer:") if lines else _("Neither Node.js nor Deno was found on this computer.")
        self.list.setText("\n".join([heading, *lines]))

    def _choose(self) -> None:
        chosen = choose_files(
            self, "koreader-progress-runtime", _("Choose Node.js or Deno"), select_only_single_file=True
        )
        if chosen:
            self.path.setText(chosen[0])

    def test(self) -> None:
        """Starts the bridge as a sync would."""
        self.test_button.setEnabled(False)
        self.status.setText(_("Starting…"))
        self._in_thread(self._test, self._host.prepare(self.path.text().strip()))

    def _test(self, launch: Launch) -> None:
        try:
            runtime = launch.find_runtime()
            with launch.open():
                pass
        except Exception as error:
            reason = explain(error) or Explanation(repr(error))
            self.tested.emit(reason.text, False)
            return
        name = {"node": "Node.js", "deno": "Deno"}[runtime.name]
        words = _("It works: {name} {version} at {path}")
        self.tested.emit(words.format(name=name, version=runtime.version_text, path=runtime.path), True)

    def _show_tested(self, sentence: str, is_good: bool) -> None:
        self.status.setText(("✓ " if is_good else "✗ ") + sentence)
        self.test_button.setEnabled(True)

    def show_profile(self, profile: StoredProfile) -> None:
        """Nothing here belongs to a profile."""

    def store(self) -> None:
        self._draft.machine["runtime_path"] = self.path.text().strip()
