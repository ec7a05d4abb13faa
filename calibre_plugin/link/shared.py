"""One bridge for all the jobs of a calibre: started at first use, shared, ended when nobody used it for a while."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from .client import BridgeClient, BridgeDied, BridgeSilent, RequestOptions
from .contract import WRITING_METHODS

if TYPE_CHECKING:
    from typing_extensions import Unpack

T = TypeVar("T")

# Seconds that a bridge may be without work before it is ended.
IDLE_TIME: Final = 600.0
CLOSING: Final = "calibre is closing"


@dataclass(frozen=True)
class Rights:
    """What a bridge runs in, whom it may talk to, and what it may read; one that may do more serves as well."""

    # As the reader chose it; empty where it is found.
    runtime_path: str = ""
    hosts: frozenset[str] = frozenset()
    # The account's own files, such as a certificate.
    files: frozenset[str] = frozenset()
    # The folders of the library.
    library: frozenset[str] = frozenset()

    def cover(self, wanted: Rights) -> bool:
        return (
            self.runtime_path == wanted.runtime_path
            and self.hosts >= wanted.hosts
            and self.files >= wanted.files
            and self.library >= wanted.library
        )

    def filled_up(self, before: Rights) -> Rights:
        """With the account and the library of before where these name none: a delivery names no account, an offer no library."""
        named = self if self.hosts else replace(self, hosts=before.hosts, files=before.files)
        return named if named.library else replace(named, library=before.library)


Start = Callable[[Rights], BridgeClient]


@dataclass(eq=False)
class _Running:
    """A bridge that runs, and by how many it is held."""

    client: BridgeClient
    rights: Rights
    holds: int = 1
    idle: threading.Timer | None = None

    def stay(self) -> None:
        """Somebody holds it, or it is let go: it does not end for want of work."""
        if self.idle is not None:
            self.idle.cancel()
            self.idle = None


class SharedBridge:
    """One for each calibre; thread-safe. `end` ends a bridge and may wait for it.

    Whoever holds a bridge keeps it. Where another one is needed (for another library, account or runtime), the one that
    is held goes on beside it until it is let go.
    """

    def __init__(self, end: Callable[[BridgeClient], None], idle_time: float = IDLE_TIME) -> None:
        self._end = end
        self._idle_time = idle_time
        # One at a time starts a bridge: who comes second finds the first one's.
        self._starting = threading.Lock()
        # Never held for long: the GUI thread waits for it.
        self._lock = threading.Lock()
        self._current: _Running | None = None
        self._is_closed = False

    @contextmanager
    def hold(self, rights: Rights, start: Start) -> Iterator[Hold]:
        """A bridge with these rights for the length of a block; `start` starts one. Raises what that raises, or BridgeDied."""
        held = Hold(self, rights, start)
        try:
            yield held
        finally:
            held.let_go()

    @property
    def is_held(self) -> bool:
        """Whether somebody works with the bridge that new work would be given."""
        with self._lock:
            return self._current is not None and self._current.holds > 0

    def retire(self) -> None:
        """No new work goes to the bridge that runs now; it is ended with its last work. Waits for nothing."""
        idle = self._dismiss()
        if idle is not None:
            threading.Thread(target=self._end, args=(idle.client,), name="bridge-end", daemon=True).start()

    def close(self) -> None:
        """calibre is closing: nothing is started any more, and no timer runs."""
        with self._lock:
            self._is_closed = True
            if self._current is not None:
                self._current.stay()

    def take(self, wanted: Rights, start: Start) -> _Running:
        """The bridge that runs, if it may do what is wanted; else a new one in its place."""
        with self._starting:
            with self._lock:
                now = self._current
                if self._is_closed:
                    raise BridgeDied(None, CLOSING)
                if now is not None and now.client.is_usable and now.rights.cover(wanted):
                    now.stay()
                    now.holds += 1
                    return now
            rights = wanted if now is None else wanted.filled_up(now.rights)
            idle = self._dismiss()
            if idle is not None:
                self._end(idle.client)
            started = _Running(start(rights), rights)
            with self._lock:
                if not self._is_closed:
                    self._current = started
                    return started
        # Whoever closed may not have seen it yet.
        self._end(started.client)
        raise BridgeDied(None, CLOSING)

    def give_back(self, running: _Running) -> None:
        """One holds it no longer; the last one ends it, unless it is kept for who comes next."""
        with self._lock:
            running.holds -= 1
            if running.holds > 0:
                return
            if self._current is running and running.client.is_usable and not self._is_closed:
                running.idle = threading.Timer(self._idle_time, self._end_idle, (running,))
                running.idle.daemon = True
                running.idle.start()
                return
            if self._current is running:
                self._current = None
        self._end(running.client)

    def _dismiss(self) -> _Running | None:
        """Nobody is given the bridge any more that runs now; returned if nobody holds it: then it is to be ended."""
        with self._lock:
            running, self._current = self._current, None
            if running is None:
                return None
            running.stay()
            return running if running.holds == 0 else None

    def _end_idle(self, running: _Running) -> None:
        with self._lock:
            if self._current is not running or running.holds > 0:
                return
            self._current = None
        self._end(running.client)


class Hold:
    """One thread's hold on the shared bridge. Raises as `BridgeClient` does.

    When the bridge dies, whatever only asks is asked once more, of a new one; what writes on a server never is, for
    nobody knows whether it was done.
    """

    def __init__(self, shared: SharedBridge, rights: Rights, start: Start) -> None:
        self._shared = shared
        self._rights = rights
        self._start = start
        self._running: _Running | None = None
        self._take()

    @property
    def log(self) -> str:
        """The end of what the bridge wrote to its log since it is held."""
        return self._client.log_since(self._begin)

    def request(self, method: str, params: Mapping[str, object], **options: Unpack[RequestOptions]) -> Any:
        """As `BridgeClient.request`, at most twice."""
        if not self._client.is_usable:
            # It died, or fell silent, between two requests: nothing is asked twice.
            self._renew()
        try:
            return self._client.request(method, params, **options)
        except BridgeSilent:
            raise
        except BridgeDied:
            abort = options.get("abort")
            if method in WRITING_METHODS or (abort is not None and abort.is_set()):
                raise
        self._renew()
        return self._client.request(method, params, **options)

    def in_one(self, work: Callable[[BridgeClient], T]) -> T:
        """Work whose requests build on one another, all of them to one bridge; all of it once more when that dies."""
        if not self._client.is_usable:
            self._renew()
        try:
            return work(self._client)
        except BridgeSilent:
            raise
        except BridgeDied:
            self._renew()
        return work(self._client)

    def let_go(self) -> None:
        """Somebody else may have it, or nobody."""
        running, self._running = self._running, None
        if running is not None:
            self._shared.give_back(running)

    @property
    def _client(self) -> BridgeClient:
        if self._running is None:
            raise BridgeDied(None, "no bridge is held")
        return self._running.client

    def _renew(self) -> None:
        self.let_go()
        self._take()

    def _take(self) -> None:
        self._running = self._shared.take(self._rights, self._start)
        self._begin = self._client.lines_logged
