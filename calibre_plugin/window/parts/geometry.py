"""What windows remember of themselves in calibre's own settings; a comfort, on which neither opening nor closing depends."""

from __future__ import annotations

from typing import Any

from calibre.gui2 import gprefs

from ...words.faults import note_fault


def keep_geometry(window: Any, name: str) -> None:
    """Remembers where the window was and how large; a disk that takes nothing must not keep it open."""
    try:
        window.save_geometry(gprefs, name)
    except Exception as error:
        note_fault("remember a window's place", error)


def keep_choice(name: str, value: object) -> None:
    """Remembers a choice of how a window looks, if that can be stored."""
    try:
        gprefs[name] = value
    except Exception as error:
        note_fault("remember how a window was left", error)
