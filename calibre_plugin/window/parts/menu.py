"""The menu: each entry is a row, with a name that never changes, an icon, and the reason when it cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from qt.core import QAction, QMenu

from .icons import icon

load_translations()


def always() -> str:
    """No reason against it."""
    return ""


@dataclass(frozen=True)
class Row:
    """One entry. `why_not` gives the sentence that explains why it cannot be used now, or nothing."""

    name: str
    label: str
    icon: str
    handler: Callable[[], None]
    description: str
    why_not: Callable[[], str] = always


class PluginMenu:
    """Fills calibre's menu for the action and keeps its entries true whenever it opens."""

    def __init__(self, action: Any, menu: QMenu, rows: Sequence[Row | None]) -> None:
        self._action = action
        self._menu = menu
        self.entries: dict[str, tuple[Row, QAction]] = {}
        menu.setToolTipsVisible(True)
        for row in rows:
            if row is None:
                menu.addSeparator()
            else:
                self.entries[row.name] = (row, self._add(row))
        menu.aboutToShow.connect(self.refresh)
        # A shortcut asks for itself when it is pressed; an entry greyed for the last menu must not swallow it.
        menu.aboutToHide.connect(self._enable_all)

    def _add(self, row: Row) -> QAction:
        return self._action.create_menu_action(
            self._menu,
            row.name,
            row.label,
            icon=icon(row.icon),
            description=row.description,
            triggered=lambda checked=False: self._use(row),
            shortcut_name=row.label.replace("&", "").rstrip("…"),
            persist_shortcut=True,
        )

    def _use(self, row: Row) -> None:
        reason = row.why_not()
        if reason:
            self._action.say(reason)
        else:
            row.handler()

    def refresh(self) -> None:
        """Greys what cannot be used now, and says why in its tooltip."""
        for row, entry in self.entries.values():
            reason = row.why_not()
            entry.setEnabled(not reason)
            entry.setToolTip(reason or row.description)
            entry.setStatusTip(reason or row.description)

    def refresh_icons(self) -> None:
        """After calibre changed between light and dark."""
        for row, entry in self.entries.values():
            entry.setIcon(icon(row.icon))

    def _enable_all(self) -> None:
        for _row, entry in self.entries.values():
            entry.setEnabled(True)
