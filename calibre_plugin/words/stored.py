"""What a reader is told of stored things that are damaged, or that a newer version of the plugin has written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..copies.stored import Kept, Notice

load_translations()

_NEWER: Final[dict[Kept, Callable[[], str]]] = {
    "settings": lambda: _(
        "The settings were written by a newer version of KOReader Progress: they are read, and no change of them is kept."
    ),
    "profiles": lambda: _(
        "This library was synced by a newer version of KOReader Progress: please update the plugin here. "
        "Nothing was changed."
    ),
    "book_data": lambda: _(
        "This library was synced by a newer version of KOReader Progress: please update the plugin here. "
        "Nothing was changed."
    ),
    "strip_list": lambda: _(
        "What is left out of copies was last decided by a newer version of KOReader Progress, and stays as it is."
    ),
    "device": lambda: _(
        "What was seen on a device was kept by a newer version of KOReader Progress: the device is read anew each time."
    ),
    "journal": lambda: _(
        "Some syncs were made by a newer version of KOReader Progress: they can be undone with that version only."
    ),
    "copy_log": lambda: _(
        "Some copies were logged by a newer version of KOReader Progress: they are left out here, and kept."
    ),
    "memory_log": lambda: _(
        "Something was remembered by a newer version of KOReader Progress: it is left out here, and kept."
    ),
    "first_copy": lambda: _(
        "This library was synced by a newer version of KOReader Progress: please update the plugin here. "
        "Nothing was changed."
    ),
}

_DAMAGED: Final[dict[Kept, Callable[[], str]]] = {
    "settings": lambda: _("The settings were damaged: what could be read is used. The file as it was: {place}"),
    "profiles": lambda: _(
        "The profiles of this library were damaged: what could be read is used, and the rest is kept in the library."
    ),
    "strip_list": lambda: _("The list of what is left out of copies was damaged. The file as it was: {place}"),
    "device": lambda: _("What was seen on a device was damaged: it is read anew. The file as it was: {place}"),
}


def notice_sentence(met: Notice) -> str:
    """A notice as a sentence."""
    made = (_NEWER if met.trouble == "newer" else _DAMAGED).get(met.kept)
    return made().replace("{place}", met.place) if made is not None else ""


def newer_sentence(kept: Kept) -> str:
    """Why something is not done where a newer version has written."""
    return _NEWER[kept]()
