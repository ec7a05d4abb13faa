"""The tab Runtime: which program runs the bridge, and whether it really does."""

from __future__ import annotations

from collections.abc import Callable

from qt.core import QApplication, QFormLayout, QHBoxLayout, QPushButton, QShowEvent, QVBoxLayout, QWidget, Qt

from calibre.gui2 import choose_files

from ...library.calibre_db import CalibreDb
from ..parts.background import Background
from ..parts.calibre_window import CalibreWindow
from ...link.client import BridgeDied, BridgeFault, BridgeNotStarted, SyncError
from ...link.host import BridgeHost, Launch
from ...memory.predict import all_digests
from ...settings.config import StoredProfile, resolve_profile
from ...settings.draft import Draft
from ...link.contract import Account, Diagnosis, KnownDigest
from ...words.explain import Explanation, explain
from ...words.faults import note_fault
from .own_runtime import OwnRuntimeBox
from ...link.proxy import with_proxy
from ...sync.report import make_report
from ...link.ask_version import NEEDED, Runtime
from ...link.runtime import RuntimeMissing, all_runtimes
from ..parts.fields import EnterField
from ..parts.text import Label

load_translations()


class RuntimeTab(QWidget):
    """Looks in a thread: a program that hangs must not hang the preferences."""

    def __init__(
        self, gui: CalibreWindow, draft: Draft, host: BridgeHost, chosen: Callable[[], list[int]], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._gui = gui
        self._chosen = chosen
        self._draft = draft
        self._host = host
        layout = QVBoxLayout(self)
        about = Label(
            _(
                "The part of this plugin that talks to the server runs in Node.js {node} or newer, or Deno {deno} or "
                "newer. One that is installed in the usual places is found by itself."
            ).format(node=".".join(map(str, NEEDED["node"])), deno=".".join(map(str, NEEDED["deno"]))),
            self,
        )
        layout.addWidget(about)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        row = QWidget(self)
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        self.path = EnterField(row)
        self.path.setObjectName("runtime_path")
        self.path.setPlaceholderText(_("found by itself"))
        self.path.setClearButtonEnabled(True)
        self.path.setText(draft.machine["runtime_path"])
        self.path.entered.connect(self.test)
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
        self.test_button.setToolTip(_("Starts the helper and waits for its answer"))
        self.test_button.clicked.connect(self.test)
        self.report_button = QPushButton(_("Copy a &report for the forum"), self)
        self.report_button.setObjectName("copy_report")
        self.report_button.setToolTip(
            _(
                "Tries the server step by step, and looks there for the selected book, where it is but one; names neither "
                "you nor your books nor your server"
            )
        )
        self.report_button.clicked.connect(self.copy_report)
        buttons.addWidget(self.test_button)
        buttons.addWidget(self.report_button)
        buttons.addStretch(1)
        layout.addLayout(buttons)
        self.status = Label("", self)
        self.status.setObjectName("runtime_status")
        self.list = Label(_("Looking for programs…"), self)
        self.list.setObjectName("runtime_list")
        for label in (self.status, self.list):
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            layout.addWidget(label)
        self.own = OwnRuntimeBox(host, self._look, self)
        layout.insertWidget(1, self.own)
        layout.addStretch(1)
        self._layout = layout
        self._background = Background(self)
        self._profile: StoredProfile | None = None
        self._looked = False

    def show_below(self, box: QWidget) -> None:
        """What belongs to this computer as well has its place at the end."""
        self._layout.addWidget(box)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._looked:
            self._looked = True
            self._look()

    def _look(self) -> None:
        environment, own = self._host.prepare("").environment, self._host.runtimes.own
        self._background.run(lambda: all_runtimes(environment, own), self._show_found)

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
        launch = self._host.prepare(self.path.text().strip())
        self._background.run(lambda: tested(launch), self._show_tested)

    def _show_tested(self, outcome: tuple[str, bool]) -> None:
        sentence, is_good = outcome
        self.status.setText(("✓ " if is_good else "✗ ") + sentence)
        self.test_button.setEnabled(True)

    def copy_report(self) -> None:
        """Puts onto the clipboard what somebody who helps needs to know."""
        self.report_button.setEnabled(False)
        self.status.setText(_("Trying the server…"))
        profile = self._profile
        account = self._draft.account(profile["account_id"]) if profile else None
        launch = self._host.prepare(self.path.text().strip())
        api, version = self._gui.current_db.new_api, self._host.version
        chosen = self._chosen()
        book_id = chosen[0] if len(chosen) == 1 else None
        self._background.run(lambda: report_of(api, version, launch, profile, account, book_id), self._show_report)

    def _show_report(self, text: str) -> None:
        QApplication.clipboard().setText(text)
        self.report_button.setEnabled(True)
        self.status.setText(_("The report is on the clipboard:") + "\n\n" + text)

    def show_profile(self, profile: StoredProfile) -> None:
        """The report tells of the profile's columns and rules; nothing else here belongs to one."""
        self._profile = profile

    def store(self) -> None:
        self._draft.machine["runtime_path"] = self.path.text().strip()


def tested(launch: Launch) -> tuple[str, bool]:
    """Starts the bridge as a sync would: a sentence, and whether it is good news. Never raises."""
    try:
        runtime = launch.find_runtime()
        launch.try_out()
    except Exception as error:
        return (explain(error) or Explanation(repr(error))).text, False
    name = {"node": "Node.js", "deno": "Deno"}[runtime.name]
    words = _("It works: {name} {version} at {path}")
    return words.format(name=name, version=runtime.version_text, path=runtime.path), True


def report_of(
    api: CalibreDb,
    version: str,
    launch: Launch,
    profile: StoredProfile | None,
    account: Account | None,
    book_id: int | None,
) -> str:
    """The report, with whatever of it can be had: of the book, which of its digests the server knows. Never raises."""
    runtime: Runtime | None = None
    diagnosis: Diagnosis | None = None
    try:
        runtime = launch.find_runtime()
        if account is not None:
            digests = digests_of(api, profile, book_id)
            with launch.open(account) as bridge:
                diagnosis = bridge.request("diagnose/run", {"account": with_proxy(account), "digests": digests})
    except (RuntimeMissing, SyncError, BridgeNotStarted, BridgeDied, BridgeFault):
        # Exactly then the rest of the report is wanted.
        pass
    return make_report(api, version, runtime, profile, account, diagnosis)


def digests_of(api: CalibreDb, profile: StoredProfile | None, book_id: int | None) -> list[KnownDigest]:
    """All digests of the book; none where none is chosen, or where its files cannot be read."""
    if profile is None or book_id is None:
        return []
    try:
        return all_digests(api, resolve_profile(api, profile)[0]["columns"], book_id)
    except Exception as error:
        note_fault("tell the digests of a book", error)
        return []
