"""The plugin's icons, in the drawing that suits calibre's light or dark colours, sharp in every size calibre uses."""

from __future__ import annotations

from functools import cache
from typing import Final

from qt.core import QIcon, QPixmap

from calibre.gui2 import is_dark_theme

PLUGIN_NAME = "KOReader Progress"
# Menus and tabs; small, medium and large toolbars; all of them on screens of double density. The largest has no folder.
SIZES: Final = (16, 24, 32, 48, 64)


def icon(name: str) -> QIcon:
    """The icon drawn for this plugin; a reader's icon theme may replace it under the plugin's name."""
    shade = "dark" if is_dark_theme() else "light"
    themed = QIcon.ic(f"{PLUGIN_NAME}/images/{shade}/{name}.png")
    return themed if themed.is_ok() else _drawn(shade, name)


@cache
def _drawn(shade: str, name: str) -> QIcon:
    paths = [*(f"images/{shade}/{size}/{name}.png" for size in SIZES), f"images/{shade}/{name}.png"]
    drawn = QIcon()
    for raw in get_resources(paths).values():
        pixmap = QPixmap()
        pixmap.loadFromData(raw)
        drawn.addPixmap(pixmap)
    return drawn
