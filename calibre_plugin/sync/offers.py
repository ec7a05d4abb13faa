"""Places put on the server once more at the reader's request, so that devices offer to continue.

Also to a device whose sidecar was not found any more: but never by itself, for what is missing on a device may only have
been missed. KOReader ignores a record that bears its own name, so a place that the device itself had put there must be put again
under ours. What stands there is looked at once more before: nothing newer, and no other place of a device's, is replaced.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final, Literal

from ..library.calibre_db import CalibreDb
from ..memory.book_memory import recall
from ..copies.content_key import is_versioned, pages_alike
from ..link.contract import (
    EPUB_FORMATS,
    REAL_COPIES,
    Base,
    CarryOver,
    CarryOverResult,
    KnownDigest,
    Profile,
    Progress,
    Rules,
    Why,
)
from ..devices.state import all_states
from ..library.files import epub_formats
from ..memory.history import read_digests
from .own_records import is_own

# Of the copies that really exist the last few are what readers hold.
_TARGETS: Final = 6
# What makes a record the same.
_RECORD: Final[tuple[Literal["document", "percentage", "progress", "timestamp"], ...]] = (
    "document",
    "percentage",
    "progress",
    "timestamp",
)


def lost_sidecars(api: CalibreDb) -> dict[int, list[str]]:
    """Digests of this library's books, by id, whose sidecar has gone from a device that still has the book."""
    lost: dict[str, set[str]] = {}
    for state in all_states():
        for digest, uuid in state["to_offer"].items():
            lost.setdefault(uuid, set()).add(digest)
    if not lost:
        return {}
    uuids = api.all_field_for("uuid", api.all_book_ids())
    return {book_id: sorted(lost[uuid]) for book_id, uuid in uuids.items() if uuid in lost}


def offers_again(api: CalibreDb, account_id: str, book_ids: Collection[int]) -> list[CarryOver]:
    """The last place that a server gave under each lost sidecar's digest, to be put there again under our name."""
    lost = {book_id: digests for book_id, digests in lost_sidecars(api).items() if book_id in book_ids}
    remembered = recall(api, account_id, lost)
    offers: list[CarryOver] = []
    for book_id, digests in lost.items():
        heard = _places(remembered, book_id)
        for digest in digests:
            place = _newest(place for place in heard if place["document"] == digest)
            if place is not None:
                offers.append({"book_id": book_id, "document": digest, "progress": place})
    return offers


def offers_of(api: CalibreDb, account_id: str, profile: Profile, book_ids: Collection[int]) -> list[CarryOver]:
    """*Offer this place to my devices*: each book's place, for every copy of the same text that is out there, and for
    copies that have lost their own, that one."""
    remembered = recall(api, account_id, book_ids, profile["id"])
    digests = read_digests(api, book_ids)
    offers: list[CarryOver] = []
    for book_id in book_ids:
        place = _place_of(remembered.get(book_id, {}).get("base"), _places(remembered, book_id), profile["rules"])
        if place is not None:
            targets = [place["document"], *_copies_of(place["document"], digests.get(book_id, []))]
            offers.extend(
                {"book_id": book_id, "document": target, "progress": place} for target in dict.fromkeys(targets)
            )
    offered = {(offer["book_id"], offer["document"]) for offer in offers}
    lost = offers_again(api, account_id, book_ids)
    return [*offers, *(offer for offer in lost if (offer["book_id"], offer["document"]) not in offered)]


def alike_copies(api: CalibreDb, offers: Iterable[CarryOver]) -> list[CarryOverResult]:
    """Copies of these books that no place is offered to, because their pages cannot be told apart, with that reason."""
    offered: dict[int, list[CarryOver]] = {}
    for offer in offers:
        offered.setdefault(offer["book_id"], []).append(offer)
    left: list[CarryOverResult] = []
    for book_id, digests in read_digests(api, offered).items():
        documents = {offer["document"] for offer in offered[book_id]}
        unknown = [d["digest"] for d in digests if _is_unkeyed_copy(d) and d["digest"] not in documents]
        paths = [api.format_abspath(book_id, fmt) for fmt in epub_formats(api, book_id)] if unknown else []
        if any(path and pages_alike(path) for path in paths):
            place = offered[book_id][0]["progress"]
            for document in unknown:
                offer: CarryOver = {"book_id": book_id, "document": document, "progress": place}
                why: Why = {"code": "offer_pages_alike", "data": {}}
                left.append(
                    {"carry_over": offer, "outcome": "not_needed", "found": None, "timestamp": None, "why": why}
                )
    return left


def _is_unkeyed_copy(digest: KnownDigest) -> bool:
    is_epub = digest["format"] in EPUB_FORMATS and digest["kind"] == "partial_md5"
    return is_epub and digest["source"] in REAL_COPIES and digest["content_key"] is None


def _place_of(base: Base | None, heard: Sequence[Progress], rules: Rules) -> Progress | None:
    """The place that the library agreed on last; without one, the newest that was really read.

    What the reader has declined, or not decided yet, is no place to send the other devices to; nor is a peek.
    """
    if base is not None and base["progress"]:
        same = (place for place in heard if all(place[key] == base[key] for key in _RECORD))
        told: Progress = {
            "document": base["document"],
            "percentage": base["percentage"],
            "progress": base["progress"],
            "device": base["device"],
            "device_id": None,
            "timestamp": base["timestamp"],
        }
        return next(same, told)
    furthest = max((place["percentage"] for place in heard), default=0.0)
    least = rules["reading_from"] if furthest >= rules["reading_from"] else 0.0
    return _newest(place for place in heard if place["percentage"] >= least)


def _places(remembered: Any, book_id: int) -> list[Progress]:
    """What devices said of a book; what we put there ourselves is no place of anybody's."""
    heard = remembered.get(book_id, {}).get("observations", ())
    return [entry["progress"] for entry in heard if entry["progress"]["progress"] and not is_own(entry["progress"])]


def _newest(places: Iterable[Progress]) -> Progress | None:
    return max(places, key=lambda place: place["timestamp"] or 0.0, default=None)


def _copies_of(document: str, digests: Iterable[KnownDigest]) -> list[str]:
    known = list(digests)
    keys = {
        digest["content_key"]
        for digest in known
        if digest["digest"] == document and is_versioned(digest["content_key"])
    }
    copies = [digest for digest in known if digest["content_key"] in keys and digest["source"] in REAL_COPIES]
    newest = sorted(copies, key=lambda digest: -digest["last_seen"])
    return [digest["digest"] for digest in newest if digest["kind"] == "partial_md5"][:_TARGETS]
