"""Where calibre shows the plugin's button and columns: calibre puts new ones last, where a small screen has no room."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from calibre.gui2 import gprefs

from .geometry import keep_choice
from .icons import PLUGIN_NAME

TOOLBAR: Final = "action-layout-toolbar"
CONTEXT_MENU: Final = "action-layout-context-menu"
# Entries of the toolbar that stay before ours: adding and editing books.
BEFORE: Final = 3
# Columns that are still to be moved beside the authors, once calibre knows them.
MOVED: Final = "koreader_progress_columns_beside_authors"


def has_button() -> bool:
    """Whether the button is anywhere: `calibre-customize -a` puts it nowhere."""
    return any(PLUGIN_NAME in (value or ()) for key, value in gprefs.items() if key.startswith("action-layout-"))


def is_in_sight() -> bool:
    """Whether the button is among the first of the toolbar, and in the books' context menu."""
    first = [name for name in gprefs[TOOLBAR] if name][: 2 * BEFORE]
    return PLUGIN_NAME in first and PLUGIN_NAME in gprefs[CONTEXT_MENU]


def put_button_in_sight(gui: Any) -> None:
    """Moves the button to the front of the toolbar, and adds it to the context menu."""
    others = [name for name in gprefs[TOOLBAR] if name != PLUGIN_NAME]
    keep_choice(TOOLBAR, (*others[:BEFORE], PLUGIN_NAME, *others[BEFORE:]))
    if PLUGIN_NAME not in gprefs[CONTEXT_MENU]:
        keep_choice(CONTEXT_MENU, (*gprefs[CONTEXT_MENU], None, PLUGIN_NAME))
    gui.bars_manager.init_bars()
    gui.bars_manager.update_bars()
    gui.build_context_menus()


def move_columns_later(columns: Sequence[str]) -> None:
    """Remembers columns that are to stand beside the authors: calibre knows new ones only after a restart."""
    keep_choice(MOVED, list(columns))


def move_columns(gui: Any) -> None:
    """Puts what was remembered beside the authors, once."""
    wanted = gprefs.get(MOVED) or []
    view = gui.library_view
    names = view.model().column_map
    there = [column for column in wanted if column in names]
    if not there or "authors" not in names:
        return
    header = view.column_header
    after = header.visualIndex(names.index("authors"))
    for column in reversed(there):
        at = header.visualIndex(names.index(column))
        header.moveSection(at, after + 1 if at > after else after)
        header.setSectionHidden(names.index(column), False)
    view.save_state()
    keep_choice(MOVED, [])
