"""Shows how a run comes along, beside calibre and never in its way, and how it ended."""

from __future__ import annotations

from collections.abc import Callable

from qt.core import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    Qt,
    QTimer,
    QVBoxLayout,
)

from calibre.gui2 import gprefs

from .calibre_window import CalibreWindow, Job
from .icons import icon
from ...words.phases import phase_sentence
from .geometry import keep_geometry
from .text import Label, picture

load_translations()

GEOMETRY = "koreader_progress_progress_window"
POLL_MS = 100
# Long enough to read one sentence.
LINGER_MS = 4000


class ProgressWindow(QDialog):
    """Non-modal. `stop` asks the job to end; closing the window leaves the run alone: calibre's Jobs list has it."""

    def __init__(self, gui: CalibreWindow, title: str, stop: Callable[[], None], keep_open: bool) -> None:
        super().__init__(gui)
        self.setObjectName("koreader_progress_window")
        self.setWindowTitle(_("KOReader Progress"))
        self.setWindowIcon(icon("sync"))
        self.setModal(False)
        self._stop = stop
        self._job: Job | None = None
        self.on_details: Callable[[], None] | None = None
        self._is_aside = False

        layout = QVBoxLayout(self)
        top = QHBoxLayout()
        top.addWidget(picture(icon("sync"), 48, self), alignment=Qt.AlignmentFlag.AlignTop)
        words = QVBoxLayout()
        self.title = Label(title, self)
        font = self.title.font()
        font.setBold(True)
        self.title.setFont(font)
        self.phase = Label(_("Starting…"), self)
        self.phase.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.phase.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.MinimumExpanding)
        self.bar = QProgressBar(self)
        self.bar.setRange(0, 1000)
        # A percentage of the whole beside a count of one part would contradict it: 40 % at 0 of 16.
        self.bar.setTextVisible(False)
        words.addWidget(self.title)
        words.addWidget(self.bar)
        words.addWidget(self.phase)
        top.addLayout(words, 1)
        layout.addLayout(top, 1)

        self.stay = QCheckBox(_("Stay &open when the sync has ended"), self)
        self.stay.setChecked(keep_open)
        layout.addWidget(self.stay)
        self.buttons = QDialogButtonBox(self)
        self.details_button = QPushButton(_("Show &details…"), self)
        self.details_button.clicked.connect(self._show_details)
        # The box would show it: it is given the button when there is something to show.
        self.details_button.hide()
        self.stop_button = QPushButton(_("&Stop"), self)
        self.stop_button.clicked.connect(self._ask_to_stop)
        # Enter must not stop a run.
        self.stop_button.setAutoDefault(False)
        self.buttons.addButton(self.stop_button, QDialogButtonBox.ButtonRole.ActionRole)
        self.hide_button = QPushButton(_("&Hide"), self)
        self.hide_button.setToolTip(_("The sync goes on; calibre's list of jobs shows it."))
        self.hide_button.clicked.connect(self.close)
        self.hide_button.setDefault(True)
        self.buttons.addButton(self.hide_button, QDialogButtonBox.ButtonRole.RejectRole)
        layout.addWidget(self.buttons)

        self._poll = QTimer(self)
        self._poll.timeout.connect(self._update)
        self.setMinimumWidth(460)
        self.resize(self.sizeHint())
        self.restore_geometry(gprefs, GEOMETRY)

    def follow(self, job: Job) -> None:
        """Shows this job's progress until `finish` is called."""
        self._job = job
        self._poll.start(POLL_MS)
        self.show()

    def set_aside(self) -> None:
        """Makes room for the review, if the reader has not hidden the window already."""
        self._is_aside = self.isVisible()
        self._poll.stop()
        self.hide()

    def bring_back(self) -> None:
        """After the review."""
        if self._is_aside:
            self._is_aside = False
            self.show()

    def show_writing(self, done: int, total: int) -> None:
        """The second half of a run: cells being written."""
        self._poll.stop()
        self.bring_back()
        self.stop_button.setEnabled(False)
        self.bar.setValue(1000 * done // max(1, total))
        self.phase.setText(phase_sentence("writing", done, total))

    def finish(
        self,
        sentence: str,
        on_details: Callable[[], None] | None,
        on_everything: Callable[[], None] | None,
        needs_eyes: bool,
    ) -> None:
        """The run has ended: says how. Closes itself unless there is something to see or the reader wants it open."""
        self._poll.stop()
        if self.isHidden():
            return
        if not needs_eyes and not self.stay.isChecked():
            QTimer.singleShot(LINGER_MS, self.close)
        self.bar.setValue(1000)
        self.phase.setText(sentence)
        self.on_details = on_details
        if on_details is not None:
            self.buttons.addButton(self.details_button, QDialogButtonBox.ButtonRole.ActionRole)
            self.details_button.show()
        if on_everything is not None:
            self.everything_button = QPushButton(_("Ask about &everything"), self)
            self.everything_button.setToolTip(_("Also about the books that the server did not know the last time"))
            self.everything_button.setAutoDefault(False)
            self.everything_button.clicked.connect(on_everything)
            self.buttons.addButton(self.everything_button, QDialogButtonBox.ButtonRole.ActionRole)
        self.stop_button.setVisible(False)
        self.hide_button.setText(_("&Close"))
        self.hide_button.setToolTip("")
        self.hide_button.setDefault(True)

    def _update(self) -> None:
        if self._job is None:
            return
        self.bar.setValue(int(10 * self._job.percent))
        text = self._job.status_text
        if text and self.stop_button.isEnabled():
            self.phase.setText(text)

    def _ask_to_stop(self) -> None:
        self.stop_button.setEnabled(False)
        self.phase.setText(_("Stopping…"))
        self._stop()

    def _show_details(self) -> None:
        if self.on_details is not None:
            self.on_details()
        self.close()

    def done(self, result: int) -> None:
        keep_geometry(self, GEOMETRY)
        super().done(result)
