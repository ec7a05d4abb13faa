"""Where calibre itself stands in a book: the places of its viewer and its content server, read and delivered.

Nothing here touches a book's file. What we deliver is remembered with the library, so that it is never taken for the
reader's own place and sent back.
"""

from __future__ import annotations

import datetime
import json
import math
import os
import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Literal, TypeGuard

from .calibre_db import CalibreDb
from .book_data import fetch, keep
from .book_shapes import DELIVERED
from .read_progress import VIEWER_USER, ReadProgress, asks_for_all_users, write_progress
from ..link.contract import KeptPlace, ViewerPlace

# Custom book data: by format, the CFI that we delivered last.
# The device under which the content server's users see what we delivered.
DEVICE: Final = "koreader-progress"
# The only format that calibre's viewer shows as it is: a place in anything else is one in a conversion.
FORMAT: Final = "EPUB"


@dataclass(frozen=True)
class Delivery:
    """A place to be put before calibre's own readers: when it was read (epoch seconds, None: unknown) and how far."""

    book_id: int
    place: ViewerPlace
    at: float | None
    percentage: float


def read_places(api: CalibreDb, book_id: int, users: Collection[str] = ()) -> list[KeptPlace]:
    """The places that calibre keeps in a book's EPUB: the desktop viewer's, and those of the content server's users."""
    path = api.format_abspath(book_id, FORMAT)
    if not path:
        return []
    delivered = delivered_to(api, book_id).get(FORMAT)

    def kept(source: Literal["viewer", "content_server"], cfi: object, at: object) -> Iterable[KeptPlace]:
        if isinstance(cfi, str) and cfi.startswith("epubcfi(") and isinstance(at, (int, float)):
            yield {"source": source, "format": FORMAT, "cfi": cfi, "at": float(at), "delivered": delivered}

    found: list[KeptPlace] = []
    for entry in [*_last_read(read_annotations(path)), *_library_last_read(api, book_id)]:
        found.extend(kept("viewer", entry.get("pos"), seconds_of(entry.get("timestamp"))))
    for position in read_positions(api, book_id, [*users, VIEWER_USER]):
        source: Literal["viewer", "content_server"] = (
            "viewer" if position.get("user") == VIEWER_USER else "content_server"
        )
        found.extend(kept(source, position.get("cfi"), position.get("epoch")))
    return found


def read_positions(api: CalibreDb, book_id: int, users: Iterable[str]) -> list[Mapping[str, object]]:
    """The library's last read positions of these users, each with its `user`, in every version of calibre."""
    wanted = list(dict.fromkeys(users))
    # Where all users can be asked for at once; else the user is needed and not told again.
    if asks_for_all_users(api):
        return [entry for entry in api.get_last_read_positions(book_id, FORMAT) if entry.get("user") in wanted]
    return [{**entry, "user": user} for user in wanted for entry in api.get_last_read_positions(book_id, FORMAT, user)]


def _epoch_of(position: Mapping[str, object]) -> float:
    epoch = position.get("epoch")
    return float(epoch) if isinstance(epoch, (int, float)) else 0.0


def delivered_to(api: CalibreDb, book_id: int) -> dict[str, str]:
    """By format, the CFI that we delivered last."""
    kept = fetch(api, DELIVERED, (book_id,)).get(book_id)
    return dict(kept) if isinstance(kept, dict) else {}


def standing_places(api: CalibreDb, book_id: int, users: Collection[str], viewer: bool) -> list[str]:
    """Where each of calibre's readers that a delivery would move stands now, as a CFI; empty for one that was nowhere."""
    found = []
    if viewer:
        own = [place for place in read_places(api, book_id) if place["source"] == "viewer"]
        found.append(max(own, key=lambda place: place["at"])["cfi"] if own else "")
    for user in users:
        entries = read_positions(api, book_id, [user])
        newest: Mapping[str, object] = max(entries, key=_epoch_of, default={})
        found.append(str(newest.get("cfi") or ""))
    return found


def last_read_at(api: CalibreDb, book_id: int, users: Collection[str], viewer: bool) -> list[float]:
    """When each of calibre's readers that a delivery would move was last in a book (epoch seconds); 0 for never."""
    found = []
    if viewer:
        own = [place["at"] for place in read_places(api, book_id) if place["source"] == "viewer"]
        # Entries that are not understood are never written over.
        understood = read_annotations(api.format_abspath(book_id, FORMAT) or "") is not None
        found.append(max(own, default=0.0) if understood else math.inf)
    found.extend(
        max((_epoch_of(entry) for entry in read_positions(api, book_id, [user])), default=0.0) for user in users
    )
    return found


def remember_delivered(api: CalibreDb, book_id: int, place: ViewerPlace) -> None:
    """Remembers a place as ours, so that a reader of calibre's that was opened there is not taken to have read."""
    keep(api, DELIVERED, {book_id: {**delivered_to(api, book_id), place["format"]: place["cfi"]}})


def deliver(api: CalibreDb, deliveries: Sequence[Delivery], users: Collection[str], viewer: bool) -> int:
    """Puts places before the content server's users and the desktop viewer, never over newer ones; how many books."""
    done = 0
    known = api.all_book_ids()
    for delivery in deliveries:
        if delivery.book_id not in known:
            continue
        # Remembered first: what a crash left undelivered only looks like ours, and is no loss.
        kept = delivered_to(api, delivery.book_id)
        fresh = {**kept, delivery.place["format"]: delivery.place["cfi"]}
        put = [_to_user(api, delivery, user, fresh) for user in users]
        if viewer:
            put.append(_to_viewer(api, delivery, fresh))
        done += any(put)
    return done


def _to_user(api: CalibreDb, delivery: Delivery, user: str, fresh: dict[str, str]) -> bool:
    standing = [_epoch_of(entry) for entry in read_positions(api, delivery.book_id, [user])]
    if standing and (delivery.at is None or max(standing) >= delivery.at):
        return False
    keep(api, DELIVERED, {delivery.book_id: fresh})
    api.set_last_read_position(
        delivery.book_id,
        delivery.place["format"],
        user=user,
        device=DEVICE,
        cfi=delivery.place["cfi"],
        epoch=delivery.at,
        pos_frac=delivery.percentage,
    )
    return True


def _to_viewer(api: CalibreDb, delivery: Delivery, fresh: dict[str, str]) -> bool:
    path = delivery.place["path"]
    entries = read_annotations(path)
    if entries is None:
        return False
    own = [*_last_read(entries), *_library_last_read(api, delivery.book_id)]
    local = read_positions(api, delivery.book_id, [VIEWER_USER])
    standing = [seconds_of(entry.get("timestamp")) or 0 for entry in own] + [_epoch_of(entry) for entry in local]
    if standing and (delivery.at is None or max(standing) >= delivery.at):
        return False
    at = datetime.datetime.now().timestamp() if delivery.at is None else delivery.at
    place = {
        "pos": delivery.place["cfi"],
        "pos_type": "epubcfi",
        "timestamp": viewer_time(at),
        "type": "last-read",
    }
    keep(api, DELIVERED, {delivery.book_id: fresh})
    if not write_annotations(path, [place, *(entry for entry in entries if not _is_last_read(entry))]):
        return False
    told: ReadProgress = {"cfi": delivery.place["cfi"], "epoch": at, "pos_frac": delivery.percentage}
    write_progress(api, delivery.book_id, delivery.place["format"], told)
    return True


def annotations_path(book_path: str) -> str:
    """Where the desktop viewer keeps what belongs to the file at this path."""
    from calibre.constants import config_dir

    key = sha256(os.path.abspath(book_path).encode("utf-8", "surrogateescape")).hexdigest()
    return os.path.join(config_dir, "viewer", "annots", f"{key}.json")


def read_annotations(book_path: str) -> list[object] | None:
    """The viewer's entries for a file; none for one it never opened, None for entries that are not understood."""
    try:
        with open(annotations_path(book_path), encoding="utf-8") as file:
            entries = json.load(file)
    except FileNotFoundError:
        return []
    except (OSError, ValueError):
        return None
    return entries if isinstance(entries, list) else None


def write_annotations(book_path: str, entries: Sequence[object]) -> bool:
    """Replaces the viewer's entries for a file, all or nothing; False when the disk refuses."""
    path = annotations_path(book_path)
    unfinished = ""
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        handle, unfinished = tempfile.mkstemp(dir=os.path.dirname(path), suffix=".unfinished")
        with open(handle, "w", encoding="utf-8") as file:
            json.dump(entries, file, ensure_ascii=False)
        os.replace(unfinished, path)
    except OSError:
        with suppress(OSError):
            os.remove(unfinished)
        return False
    return True


def viewer_time(seconds: float) -> str:
    """An instant (epoch seconds) as the viewer writes it: it compares these as text, so all digits must be there."""
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).isoformat(timespec="microseconds")


def seconds_of(text: object) -> float | None:
    """The viewer's time as epoch seconds; None for what is no time."""
    from calibre.utils.iso8601 import parse_iso8601

    try:
        return parse_iso8601(text, assume_utc=True).timestamp()
    except Exception:
        return None


def _is_last_read(entry: object) -> TypeGuard[Mapping[str, object]]:
    return isinstance(entry, dict) and entry.get("type") == "last-read"


def _last_read(entries: Iterable[object] | None) -> list[Mapping[str, object]]:
    return [entry for entry in entries or () if _is_last_read(entry) and entry.get("pos_type") == "epubcfi"]


def _library_last_read(api: CalibreDb, book_id: int) -> list[Mapping[str, object]]:
    """What a viewer has left in the library's annotations: it opens a book at the newest of both."""
    entries = api.annotations_map_for_book(book_id, FORMAT).get("last-read", ())
    return [entry for entry in entries if entry.get("pos_type") == "epubcfi"]
