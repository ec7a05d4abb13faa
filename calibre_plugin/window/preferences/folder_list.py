"""A list of folders to choose, each looked at in the background, and one line for what is amiss with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from qt.core import QHBoxLayout, QListWidget, QListWidgetItem, QPushButton, Qt, QVBoxLayout, QWidget

from calibre.gui2 import choose_dir

from ..parts.background import Background
from ..parts.text import Label, tip

load_translations()


class FolderList(QWidget):
    """`trouble_with` says what is wrong with a folder, in a sentence, or None; `changed` is told the paths that are left."""

    def __init__(
        self,
        name: str,
        title: str,
        paths: Sequence[str],
        trouble_with: Callable[[str], str | None],
        changed: Callable[[list[str]], None],
        height: int,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._name, self._title = name, title
        self._trouble_with, self._changed = trouble_with, changed
        self._background = Background(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        line = QHBoxLayout()
        self.list = QListWidget(self)
        self.list.setObjectName(name)
        self.list.setMaximumHeight(height)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.currentItemChanged.connect(lambda *_items: self._show_state())
        line.addWidget(self.list, 1)
        buttons = QVBoxLayout()
        self.add_button = QPushButton(_("Add &folder…"), self)
        self.add_button.clicked.connect(self._choose)
        self.remove_button = QPushButton(_("Remo&ve"), self)
        self.remove_button.clicked.connect(self._remove)
        buttons.addWidget(self.add_button)
        buttons.addWidget(self.remove_button)
        buttons.addStretch(1)
        line.addLayout(buttons)
        column.addLayout(line)
        self.status = Label("", self)
        self.status.setObjectName(f"{name}_status")
        column.addWidget(self.status)
        for path in paths:
            self._append(path)
        self._show_state()

    @property
    def paths(self) -> list[str]:
        return [item.text() for item in self._items()]

    def add(self, path: str) -> None:
        """Appends a folder to the list, once, and looks at it."""
        if path not in self.paths:
            self._append(path)
            self._changed(self.paths)
        self.list.setCurrentRow(self.paths.index(path))

    def _choose(self) -> None:
        folder = choose_dir(self, f"koreader-progress-{self._name}", self._title)
        if folder:
            self.add(str(folder))

    def _append(self, path: str) -> None:
        item = QListWidgetItem(path, self.list)
        item.setToolTip(tip(path))
        # A network folder may take its time: the preferences do not wait for it.
        self._background.run(lambda: self._trouble_with(path), lambda trouble: self._looked(path, trouble))

    def _looked(self, path: str, trouble: str | None) -> None:
        for item in self.list.findItems(path, Qt.MatchFlag.MatchExactly):
            item.setData(Qt.ItemDataRole.UserRole, trouble)
            item.setToolTip(tip(path if trouble is None else f"{path}\n{trouble}"))
        self._show_state()

    def _remove(self) -> None:
        if self.list.takeItem(self.list.currentRow()) is not None:
            self._changed(self.paths)
        self._show_state()

    def _items(self) -> list[Any]:
        return [self.list.item(row) for row in range(self.list.count())]

    def _show_state(self) -> None:
        item: Any = self.list.currentItem()
        self.remove_button.setEnabled(item is not None)
        self.remove_button.setToolTip("" if item is not None else _("Select a folder first"))
        # What is selected is spoken of; otherwise the first that is amiss.
        asked = (item, *self._items())
        amiss = next((one for one in asked if one is not None and one.data(Qt.ItemDataRole.UserRole)), None)
        self.status.setVisible(amiss is not None)
        if amiss is not None:
            self.status.setText(f"✗ {amiss.text()}: {amiss.data(Qt.ItemDataRole.UserRole)}")
