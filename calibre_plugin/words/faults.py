"""Faults that end no run: told to calibre's debug output in full, and to the report without anybody's words."""

from __future__ import annotations

import os
import sys
import threading
import traceback
from collections import Counter
from typing import Final

# More kinds than this nobody reads.
KEPT_KINDS: Final = 20

_lock = threading.Lock()
_noted: Counter[str] = Counter()


def note_fault(what: str, error: BaseException) -> str:
    """Notes that something could not be done (`what`, in English: it is for the report), and gives back the traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else "nowhere"
    # Not the error's own words: they may name a book or a folder.
    note_line(f"could not {what}: {type(error).__name__} at {place}")
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    if sys.stderr is not None:
        sys.stderr.write(f"KOReader Progress could not {what}:\n{text}")
    return text


def note_line(line: str) -> None:
    """Notes what the report shall say, in English and without anybody's words."""
    with _lock:
        if line in _noted or len(_noted) < KEPT_KINDS:
            _noted[line] += 1


def noted_faults() -> list[str]:
    """What was noted since calibre started, a line for each kind, with how often it happened."""
    with _lock:
        return [f"{line}, {count} times" if count > 1 else line for line, count in _noted.items()]
