"""What this machine can say when something is wrong: a book's digests, and what a reader's card holds. Nothing is changed."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from typing import Final

from ..devices.files import Walk
from ..devices.odd_file import OddFile, open_regular
from ..devices.sidecar import read_sidecar_at
from ..link.contract import SeenCard

# No sidecar is nearly so long.
_LONGEST: Final = 4 << 20


@dataclass(frozen=True)
class Card:
    """What lies on a mounted card or folder: books, sidecars by digest with how far they are, and files that say nothing."""

    books: int
    sidecars: dict[str, float | None]
    odd: int


def examine_card(folder: str, abort: threading.Event) -> Card:
    """Reads every sidecar below a folder. Raises OSError when the folder cannot be read."""
    os.listdir(folder)
    books, odd = 0, 0
    sidecars: dict[str, float | None] = {}
    for found in Walk(folder, abort):
        if found.kind == "book":
            books += 1
        elif found.kind == "sidecar":
            try:
                with open_regular(found.path, _LONGEST) as file:
                    sidecar = read_sidecar_at(found.path, file.read())
            except (OSError, OddFile):
                odd += 1
                continue
            if sidecar is not None:
                sidecars.setdefault(sidecar["digest"], sidecar["percentage"])
    return Card(books, sidecars, odd)


def as_answer(card: Card) -> SeenCard:
    """The card as it is told to the command line."""
    return {"books": card.books, "sidecars": card.sidecars, "odd": card.odd}
