"""How far a run is, told to somebody who reads it as text."""

from __future__ import annotations

from collections.abc import Callable

from ..words.phases import phase_sentence
from .pull import OnPhase


def in_whole_percents(heard: Callable[[str], None]) -> OnPhase:
    """Tells in words how far a phase is, at most a hundred times; it may be called in any thread."""
    told: tuple[str, int] | None = None

    def on_phase(done: int, total: int, phase: str) -> None:
        nonlocal told
        now = phase, 100 * done // max(total, 1)
        if now != told:
            told = now
            heard(phase_sentence(phase, done, total))

    return on_phase
