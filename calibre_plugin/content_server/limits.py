"""How often a stranger may try: so many at once, and one more each so many seconds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Final

# The keys that have waited longest are forgotten first.
KEPT: Final = 50_000


class Limiter:
    """`burst` tries at once, and one more each `refill` seconds, for each key; thread-safe."""

    def __init__(self, burst: int, refill: float, clock: Callable[[], float]) -> None:
        self._burst, self._refill, self._clock = burst, refill, clock
        # The moment at which a key has all its tries again says all.
        self._full_at: dict[Hashable, float] = {}
        self._lock = threading.Lock()

    def allows(self, key: Hashable) -> bool:
        """Whether a try is left."""
        with self._lock:
            full = self._full_at.get(key)
            return full is None or full - self._clock() <= (self._burst - 1) * self._refill

    def take(self, key: Hashable) -> None:
        """Uses one up."""
        with self._lock:
            now = self._clock()
            full = max(self._full_at.pop(key, now), now) + self._refill
            self._full_at[key] = full
            if len(self._full_at) > KEPT:
                del self._full_at[next(iter(self._full_at))]


class Remembered:
    """The last few thousand things that were noted; thread-safe."""

    def __init__(self, kept: int = 10_000) -> None:
        self._kept = kept
        self._noted: dict[Hashable, None] = {}
        self._lock = threading.Lock()

    def __contains__(self, thing: Hashable) -> bool:
        with self._lock:
            return thing in self._noted

    def note(self, thing: Hashable) -> None:
        with self._lock:
            self._noted.pop(thing, None)
            self._noted[thing] = None
            if len(self._noted) > self._kept:
                del self._noted[next(iter(self._noted))]

    def forget(self, thing: Hashable) -> None:
        with self._lock:
            self._noted.pop(thing, None)
