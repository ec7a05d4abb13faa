"""A book's reading history: its story in one sentence, a chart, every observation, and the log for other programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from qt.core import QHBoxLayout, QMenu, QPushButton, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from calibre.gui2 import choose_save_file

from ..parts.background import Background
from ...link.host import Launch
from ...settings.config import StoredProfile
from ...link.contract import DEFAULT_RULES
from ...link.contract import LoggedBook, ReadingStory
from ...words.explain import explain
from ...words.data import percent
from .plan_rows import show_time
from .chart import ReadingChart
from ..parts.text import Label, on_one_line

load_translations()

DAY: Final = 86_400
PLACE: Final = 3


class HistoryPage(QWidget):
    """`book` is None while nothing was heard of it; `launch` starts a bridge, which tells the story."""

    def __init__(self, book: LoggedBook | None, stored: StoredProfile | None, launch: Launch, parent: QWidget) -> None:
        super().__init__(parent)
        self._book = book
        self._rules = stored["rules"] if stored else DEFAULT_RULES
        self._launch = launch
        self._background = Background(self)
        layout = QVBoxLayout(self)
        self.story = Label("", self)
        self.story.setObjectName("reading_story")
        layout.addWidget(self.story)
        self.chart = ReadingChart(self)
        layout.addWidget(self.chart, 1)
        self.log = self._table()
        layout.addWidget(self.log, 1)
        layout.addLayout(self._export_line())
        if book is not None:
            self.chart.is_waiting = True
            told = {"observations": book["observations"], "rules": self._rules, "time_zone": None}
            self._ask("log/tell", told, self._show_story)

    def _table(self) -> QTreeWidget:
        table = QTreeWidget(self)
        table.setObjectName("reading_log")
        table.setHeaderLabels([_("When"), _("Device"), _("Progress"), _("Place in KOReader's terms")])
        table.setRootIsDecorated(False)
        table.setAlternatingRowColors(True)
        table.setColumnWidth(0, 150)
        for heard in reversed(self._book["observations"] if self._book else []):
            said = heard["progress"]
            when = show_time(said["timestamp"] or heard["at"])
            texts = [when, said["device"], percent(said["percentage"]), said["progress"]]
            QTreeWidgetItem(table, [on_one_line(text) for text in texts])
        return table

    def show_places(self, on: bool) -> None:
        """Shows or hides where exactly each place is, in KOReader's own terms."""
        self.log.setColumnHidden(PLACE, not on)

    def _export_line(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.addStretch(1)
        self.export_button = QPushButton(_("&Export…"), self)
        self.export_button.setObjectName("export_log")
        menu = QMenu(self.export_button)
        menu.addAction(_("As a table (CSV)…"), lambda: self.export("csv"))
        menu.addAction(_("For other programs (JSON)…"), lambda: self.export("json"))
        self.export_button.setMenu(menu)
        self.export_button.setEnabled(self._book is not None)
        if self._book is None:
            self.export_button.setToolTip(_("No reading known yet."))
        line.addWidget(self.export_button)
        return line

    def _ask(self, method: str, params: dict[str, Any], then: Callable[[Any], None]) -> None:
        def work() -> Any:
            try:
                with self._launch.open() as bridge:
                    return bridge.request(method, params, timeout=30.0)
            except Exception as error:
                return error

        self._background.run(work, then)

    def _show_story(self, told: ReadingStory | Exception) -> None:
        if isinstance(told, Exception):
            reason = explain(told)
            self.story.setText(reason.text if reason else str(told))
            return
        self.chart.show_points(told["points"])
        self.story.setText(story_sentence(told))

    def export(self, fmt: str) -> None:
        """Asks where to, and writes this book's log there."""
        if self._book is None:
            return
        kinds = [(fmt.upper(), [fmt])]
        name = f"koreader-progress.{fmt}"
        path = choose_save_file(
            self, "koreader-progress-log", _("Export the reading log"), kinds, initial_filename=name
        )
        if path:
            self.export_to(str(path), fmt)

    def export_to(self, path: str, fmt: str) -> None:
        """Writes this book's log as `csv` or `json`."""

        def write(answer: dict[str, str] | Exception) -> None:
            if isinstance(answer, Exception):
                self._show_story(answer)
                return
            try:
                # The bridge has put the line ends that the format wants.
                Path(path).write_bytes(answer["text"].encode())
            except OSError as error:
                self.story.setText(_("The log could not be written: {reason}").format(reason=error))

        params = {"books": [self._book], "format": fmt, "rules": self._rules, "time_zone": None}
        self._ask("log/export", params, write)


def story_sentence(told: ReadingStory) -> str:
    """Days read, readings and the time they took, in words."""
    days = ngettext("Read on {n} day.", "Read on {n} days.", len(told["days"])).format(n=len(told["days"]))
    if not told["times_read"]:
        return days
    times = ngettext("Finished once.", "Finished {n} times.", told["times_read"]).format(n=told["times_read"])
    if told["time_to_finish"] is None:
        return f"{days} {times}"
    took = max(1, round(told["time_to_finish"] / DAY))
    lasted = ngettext("The last reading took {n} day.", "The last reading took {n} days.", took).format(n=took)
    return f"{days} {times} {lasted}"
