"""Gathers the places that arrive at a server of one's own, until their books are to follow: a reader is left in peace."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple
from urllib.parse import urlsplit

from ..link.contract import ArrivedPlace

# A book follows once so many seconds have passed without a further place of it.
QUIET: Final = 60.0
# While places go on arriving, one run in so many seconds is enough.
BETWEEN: Final = 600.0
# More documents than these wait for no run of their own: the next sync brings them.
MOST: Final = 10_000

# Which of the two servers of one's own: the one on a port of its own, or calibre's content server.
Server = Literal["hosted", "content_server"]


class Whose(NamedTuple):
    """A user of one of the two servers."""

    server: Server
    username: str


@dataclass(frozen=True)
class LastPlace:
    """The place that has arrived last, and when (epoch seconds)."""

    place: ArrivedPlace
    at: float


@dataclass
class _Waiting:
    """When a document's first and last place arrived that no run has brought yet."""

    first: float
    last: float


@dataclass
class _User:
    waiting: dict[str, _Waiting] = field(default_factory=dict)
    # When a run last began, for each document and for any.
    ran: dict[str, float] = field(default_factory=dict)
    last_run: float | None = None
    last_place: float = 0.0


class Gathering:
    """Not thread-safe; all times are seconds of one clock that only goes forward."""

    def __init__(self) -> None:
        self._users: dict[Whose, _User] = {}

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not any(user.waiting for user in self._users.values())

    def note(self, whose: Whose, document: str, now: float) -> None:
        """A place has arrived."""
        user = self._users.setdefault(whose, _User())
        user.last_place = now
        if document in user.waiting:
            user.waiting[document].last = now
        elif len(user.waiting) < MOST:
            user.waiting[document] = _Waiting(now, now)

    def due(self, now: float) -> dict[Whose, frozenset[str]]:
        """The documents whose books are to follow now, user by user."""
        found = {whose: _due_of(user, now) for whose, user in self._users.items()}
        return {whose: documents for whose, documents in found.items() if documents}

    def take(self, whose: Whose, documents: frozenset[str], now: float) -> None:
        """A run of these documents begins; what arrives from now on waits anew."""
        user = self._users[whose]
        user.last_run = now
        for document in documents:
            user.waiting.pop(document, None)
        ran = {document: at for document, at in user.ran.items() if now - at < BETWEEN}
        user.ran = {**ran, **dict.fromkeys(documents, now)}

    def put_back(self, whose: Whose, documents: frozenset[str], now: float) -> None:
        """Their run could not be: they wait as if they had waited all the time."""
        user = self._users.setdefault(whose, _User())
        user.last_run = None
        for document in documents:
            user.ran.pop(document, None)
            user.waiting.setdefault(document, _Waiting(now - BETWEEN, now - QUIET))

    def drop(self, whose: Whose) -> None:
        """Nobody here is to follow this user."""
        self._users.pop(whose, None)

    def clear(self) -> None:
        """Nothing of what waits is wanted any more: another library is open."""
        self._users.clear()


def _due_of(user: _User, now: float) -> frozenset[str]:
    goes_on = now - user.last_place < QUIET
    if goes_on and user.last_run is not None and now - user.last_run < BETWEEN:
        return frozenset()
    return frozenset(
        document
        for document, waiting in user.waiting.items()
        if (now - waiting.last >= QUIET or now - waiting.first >= BETWEEN)
        and now - user.ran.get(document, now - BETWEEN) >= BETWEEN
    )


@dataclass(frozen=True)
class Served:
    """Where a server of one's own is asked: its port, and below which path."""

    port: int
    path: str = ""

    def is_at(self, url: str) -> bool:
        """Whether an account's address may lead here; one that leads elsewhere only costs a sync with that server."""
        parts = urlsplit(url)
        try:
            port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
        except ValueError:
            return False
        path = parts.path.rstrip("/")
        # Behind a proxy the port is another one; a path of its own tells it all the same.
        return path.endswith(self.path) and (port == self.port or bool(self.path))
