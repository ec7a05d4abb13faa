"""calibre's own *Read progress*, a column since 9.5: it shows what the desktop viewer wrote into the library last.

What is written there as the viewer itself writes it is kept beside what stood there before, so that undoing the sync that
brought the place puts it back.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Final, TypedDict

from .book_data import fetch, keep
from .book_shapes import READ_PROGRESS
from .calibre_db import CalibreDb

# Under these names calibre's desktop viewer keeps its places in the library.
VIEWER_USER: Final = "local"
VIEWER_DEVICE: Final = "calibre-desktop-viewer"


class ReadProgress(TypedDict):
    """One place as the library keeps it: a CFI, when (epoch seconds), and how far, 0 to 1."""

    cfi: str
    epoch: float
    pos_frac: float


def asks_for_all_users(api: CalibreDb) -> bool:
    """Whether this calibre keeps the viewer's places in the library: it came with asking for every user's at once."""
    return "order_by" in inspect.signature(api.get_last_read_positions).parameters


def write_progress(api: CalibreDb, book_id: int, fmt: str, progress: ReadProgress) -> None:
    """Writes a place as calibre's viewer does; nothing where this calibre's keeps none in the library."""
    if not asks_for_all_users(api):
        return
    kept = fetch(api, READ_PROGRESS, [book_id]).get(book_id) or {}
    # Remembered first: what a crash left unwritten is never taken for ours.
    keep(api, READ_PROGRESS, {book_id: {**kept, fmt: {"ours": progress, "before": _standing(api, book_id, fmt)}}})
    _put(api, book_id, fmt, progress)


def put_back_progress(api: CalibreDb, book_id: int, record: Mapping[str, object], again: bool = False) -> None:
    """Undoes, or does `again`, what was written for a record, where that stands there still: its time and how far it is
    tell which one it was."""
    if not asks_for_all_users(api):
        return
    for fmt, kept in (fetch(api, READ_PROGRESS, [book_id]).get(book_id) or {}).items():
        ours, before = kept["ours"], kept["before"]
        stands, wanted = (before, ours) if again else (ours, before)
        is_meant = (ours["epoch"], ours["pos_frac"]) == (record["timestamp"], record["percentage"])
        if is_meant and _standing(api, book_id, fmt) == stands:
            _put(api, book_id, fmt, wanted)


def _standing(api: CalibreDb, book_id: int, fmt: str) -> ReadProgress | None:
    for entry in api.get_last_read_positions(book_id, fmt, VIEWER_USER):
        cfi, epoch, share = entry.get("cfi"), entry.get("epoch"), entry.get("pos_frac")
        is_told = isinstance(cfi, str) and isinstance(epoch, (int, float)) and isinstance(share, (int, float))
        if entry.get("device") == VIEWER_DEVICE and is_told:
            return {"cfi": str(cfi), "epoch": float(epoch), "pos_frac": float(share)}  # type: ignore[arg-type]
    return None


def _put(api: CalibreDb, book_id: int, fmt: str, progress: ReadProgress | None) -> None:
    """None leaves no place."""
    cfi, at, share = (progress["cfi"], progress["epoch"], progress["pos_frac"]) if progress else (None, None, 0.0)
    api.set_last_read_position(book_id, fmt, user=VIEWER_USER, device=VIEWER_DEVICE, cfi=cfi, epoch=at, pos_frac=share)
