"""A place arrives at a server of one's own, and the book's cells follow: quietly, and by the rules of every sync."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

from qt.core import QAbstractItemView, QApplication, QObject, QTimer

from calibre.gui2 import Dispatcher

from ..link.contract import ArrivedPlace, HostingStatus
from ..settings import config
from ..settings.config import Settings, StoredProfile
from ..sync.arrivals import Gathering, LastPlace, Served, Server, Whose
from .parts.calibres_server import CalibresServer
from .parts.calibre_window import CalibreWindow
from .runs.run import Arrival, Trigger

# How often it is looked whether a book is to follow, while any waits.
LOOK_EVERY_MS: Final = 5_000


class HasStatus(Protocol):
    """What is needed of the server on a port of its own."""

    @property
    def status(self) -> HostingStatus: ...


class HasRuns(Protocol):
    """What is needed of the window's runs."""

    @property
    def is_busy(self) -> bool: ...

    def start(
        self, stored: StoredProfile, book_ids: list[int], trigger: Trigger = ..., *, arrival: Arrival | None = ...
    ) -> bool: ...


class Arrivals(QObject):
    """Lives on the GUI thread; `told` may be called in any. `clock` is in seconds and only goes forward."""

    def __init__(
        self,
        gui: CalibreWindow,
        settings: Settings,
        runs: HasRuns,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(gui)
        self._gui = gui
        self._settings = settings
        self._runs = runs
        self.clock = clock
        self.calibres = CalibresServer(gui)
        self.hosting: HasStatus | None = None
        self.last: dict[Server, LastPlace] = {}
        self._gathering = Gathering()
        # Documents that every book was asked about, for this library, while calibre runs.
        self._tried: set[tuple[str, str]] = set()
        self._dispatch = Dispatcher(self._heard, parent=self)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.look)

    def told(self, server: Server) -> Callable[[list[ArrivedPlace]], None]:
        """Whom that server tells of places."""
        return lambda places: self._dispatch(server, places)

    def library_changed(self) -> None:
        """What waited was another library's: its next sync brings it."""
        self._gathering.clear()

    def stop(self) -> None:
        """calibre closes."""
        self._timer.stop()

    def _heard(self, server: Server, places: list[ArrivedPlace]) -> None:
        if self._gui.shutting_down or not places:
            return
        now = self.clock()
        self.last[server] = LastPlace(places[-1], time.time())
        for place in places:
            self._gathering.note(Whose(server, place["username"]), place["document"], now)
        self._timer.start(LOOK_EVERY_MS)

    def look(self) -> None:
        """Starts the next run that is due; none while another runs, or a book may be edited."""
        if self._gathering.is_empty or self._gui.shutting_down:
            self._timer.stop()
            return
        now = self.clock()
        for whose, documents in self._gathering.due(now).items():
            if self._runs.is_busy or self.is_edited():
                return
            profile = self._profile_of(whose)
            if profile is None:
                self._gathering.drop(whose)
            else:
                self._gathering.take(whose, documents, now)
                self._follow(whose, documents, profile)

    def is_edited(self) -> bool:
        """Whether a window is open in which a book may be edited, or a cell of the list is being typed into."""
        state = getattr(self._gui.library_view, "state", None)
        is_typing = callable(state) and state() == QAbstractItemView.State.EditingState
        return QApplication.activeModalWidget() is not None or is_typing

    def _follow(self, whose: Whose, documents: frozenset[str], profile: StoredProfile) -> None:
        api = self._gui.current_db.new_api
        book_ids = sorted(self._books_of(whose) if whose.server == "content_server" else api.all_book_ids())
        library = self._gui.current_db.library_id
        tried = frozenset(document for document in documents if (library, document) in self._tried)
        arrival = Arrival(documents, tried, self.is_edited, partial(self._again, whose, documents))
        if book_ids and self._runs.start(profile, book_ids, "arrival", arrival=arrival):
            self._tried.update((library, document) for document in documents)

    def _again(self, whose: Whose, documents: frozenset[str]) -> None:
        self._gathering.put_back(whose, documents, self.clock())

    def _books_of(self, whose: Whose) -> set[int]:
        return self.calibres.books_of(whose.username)

    def _profile_of(self, whose: Whose) -> StoredProfile | None:
        """The profile of this user: the first that follows, and whose account is theirs on this server."""
        served = self.served(whose.server)
        if served is None or (whose.server == "content_server" and not self.calibres.may_write(whose.username)):
            return None
        for profile in config.profiles(self._gui.current_db.new_api):
            account = self._settings.account(profile["account_id"])
            is_theirs = account is not None and account["username"] == whose.username and served.is_at(account["url"])
            if is_theirs and profile["triggers"]["on_arrival"]:
                return profile
        return None

    def served(self, server: Server) -> Served | None:
        """Where that server is asked, while it runs."""
        if server == "content_server":
            return self.calibres.served
        port = self.hosting.status["port"] if self.hosting is not None else None
        return None if port is None else Served(port)
