"""The plugin's icons, in the drawing that suits calibre's light or dark colours."""

from __future__ import annotations

from qt.core import QIcon

from calibre.gui2 import is_dark_theme

PLUGIN_NAME = "KOReader Progress"


def icon(name: str) -> QIcon:
    """The icon drawn for this plugin; a reader's icon theme may replace it under the plugin's name."""
    shade = "dark" if is_dark_theme() else "light"
    return get_icons(f"images/{shade}/{name}.png", PLUGIN_NAME)
