"""Stores a draft: planned columns are made, and one restart is offered for all of them."""

from __future__ import annotations

from typing import Any

from calibre.gui2 import show_restart_warning

from ..parts.trouble import show_trouble
from ...settings.draft import Draft
from ...words.explain import unsaved

load_translations()


def save_draft(action: Any, draft: Draft) -> bool:
    """Makes the columns, stores the rest; whether calibre restarts now or has to before the new columns are there."""
    gui = action.gui
    for new in draft.new_columns:
        gui.current_db.create_custom_column(
            new["column"].lstrip("#"), new["name"], new["datatype"], False, display=new["display"]
        )
    if draft.new_columns:
        gui.must_restart_before_config = True
    try:
        draft.save(gui.current_db.new_api, action.settings)
    except OSError as error:
        # The dialog has closed by now: what was entered counts until calibre ends, and the reader is told.
        show_trouble(gui, unsaved(error), action.open_preferences)
    action.settings_changed()
    has_new = bool(draft.new_columns or draft.made_columns)
    if has_new and show_restart_warning(_("The new columns are there once calibre has been restarted."), gui):
        gui.quit(restart=True)
    return has_new
