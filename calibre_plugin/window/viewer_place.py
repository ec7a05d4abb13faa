"""Opens calibre's viewer where KOReader stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from .parts.calibre_window import CalibreWindow
from ..library.calibre_db import CalibreDb
from .parts.background import Background
from ..memory.account_key import key_of
from ..link.host import BridgeHost, Launch
from ..settings.config import Settings, StoredProfile
from ..link.contract import ViewerPlace
from ..words.explain import Explanation, explain
from ..sync.places import cfi_for
from ..library.positions import remember_delivered
from .parts.trouble import show_trouble

load_translations()


class ViewerPlaces:
    """One for each calibre window. The place is looked for in a thread; the viewer is opened on the GUI thread."""

    def __init__(
        self,
        gui: CalibreWindow,
        host: BridgeHost,
        settings: Settings,
        background: Background,
        say: Callable[[str], None],
    ) -> None:
        self._gui = gui
        self._host = host
        self._settings = settings
        self._background = background
        self._say = say

    def open(self, stored: StoredProfile, book_id: int, open_preferences: Callable[[str], None]) -> None:
        """Opens the book at the place of its last sync, or about there; says so, and where there is none at all."""
        api = self._gui.current_db.new_api
        launch = self._host.prepare(self._settings.get("runtime_path"))

        def found(place: ViewerPlace | Explanation | None) -> None:
            if isinstance(place, Explanation):
                show_trouble(self._gui, place, open_preferences)
            elif place is None:
                self._say(_("Where KOReader stopped cannot be told in this book: sync it first, or open it as usual."))
            elif self._gui.current_db.new_api is api:
                if place["quality"] == "percent":
                    self._say(_("Opened about where KOReader stopped: only a percentage is known of that place."))
                self._gui.iactions["View"].view_format_by_id(book_id, place["format"], open_at=place["cfi"])

        self._background.run(
            lambda: place_to_open(api, book_id, key_of(stored["account_id"], stored["id"]), launch), found
        )


def place_to_open(api: CalibreDb, book_id: int, account_id: str, launch: Launch) -> ViewerPlace | Explanation | None:
    """Where calibre's viewer should open a book; None where no place is known. Never on the GUI thread."""
    library = str(Path(api.backend.library_path))
    try:
        with launch.open(read=[library]) as bridge:
            place = cfi_for(api, book_id, account_id, bridge, threading.Event())
        # Before it is opened there: the viewer will keep this place as its own, and nobody has read there yet.
        if place is not None:
            remember_delivered(api, book_id, place)
        return place
    except Exception as error:
        return explain(error) or Explanation(_("The place could not be found."), "", repr(error))
