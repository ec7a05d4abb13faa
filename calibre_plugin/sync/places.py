"""The server's places in the library's own files: for calibre's viewer, for the content server, and in words."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from ..memory.book_memory import kept_bases, recall
from ..link.client import BridgeClient
from ..link.contract import Base, PlaceAnswer, PlaceRequest, PullPlan, Rules, ViewerPlace
from ..memory.history import read_digests
from ..library.books import read_formats
from ..library.positions import FORMAT, Delivery, deliver

# Books in one question: each is opened and read, so that a stop is noticed soon.
BOOKS_AT_ONCE: Final = 20
# (done, total, phase).
OnPhase = Callable[[int, int, str], None]


def deliver_positions(
    api: Any,
    plan: PullPlan,
    account_id: str,
    rules: Rules,
    users: Iterable[str],
    viewer: bool,
    bridge: BridgeClient,
    abort: threading.Event,
    on_phase: OnPhase,
) -> int:
    """After a pull: brings calibre's own readers to the places that were taken; how many books it brought there.

    Finished and unread books have no place worth opening at. Raises SyncError as any request does.
    """
    users = list(users)
    if not viewer and not users:
        return 0
    taken = {base["book_id"]: base for base in taken_bases(api, plan, account_id)}
    reading = {
        book_id: base
        for book_id, base in taken.items()
        if rules["reading_from"] <= base["percentage"] < rules["finish_at"]
    }
    done = delivered = 0
    for answers in find_places(api, reading, bridge, abort):
        deliveries = []
        for answer in answers:
            base = reading[answer["book_id"]]
            for place in answer["places"]:
                deliveries.append(Delivery(answer["book_id"], place, base["timestamp"], base["percentage"]))
        delivered += deliver(api, deliveries, users, viewer)
        done += len(answers)
        on_phase(done, len(reading), "delivering")
    return delivered


def taken_bases(api: Any, plan: PullPlan, account_id: str) -> Iterator[Base]:
    """The bases of a plan that were really kept, when its cells were written or needed no writing."""
    planned = [*plan["bases"], *(asked["base"] for asked in plan["conflicts"])]
    kept = kept_bases(api, account_id, [base["book_id"] for base in planned])
    for base in planned:
        if any(_is_one(stored, base) for stored in kept.get(base["book_id"], ())):
            yield base


def cfi_for(
    api: Any, book_id: int, account_id: str, bridge: BridgeClient, abort: threading.Event
) -> ViewerPlace | None:
    """Where calibre's viewer should open a book: at the place of the last sync; None when that cannot be told surely.

    Pass its `format` and `cfi` to `view_format_by_id(book_id, format, open_at=cfi)`.
    """
    base = recall(api, account_id, [book_id]).get(book_id, {}).get("base")
    if base is None:
        return None
    for answers in find_places(api, {book_id: base}, bridge, abort):
        for answer in answers:
            if answer["places"]:
                return answer["places"][0]
    return None


def find_places(
    api: Any, records: Mapping[int, Base], bridge: BridgeClient, abort: threading.Event
) -> Iterator[list[PlaceAnswer]]:
    """Asks the bridge where these records stand in the library's own files, some books at a time."""
    wanted = [request for book_id, base in records.items() if (request := _request(api, book_id, base)) is not None]
    for start in range(0, len(wanted), BOOKS_AT_ONCE):
        part = wanted[start : start + BOOKS_AT_ONCE]
        yield bridge.request("position/convert", {"requests": part}, abort=abort)["answers"]


def _request(api: Any, book_id: int, base: Base) -> PlaceRequest | None:
    formats = list(read_formats(api, book_id))
    if not base["progress"] or all(book_format["format"] != FORMAT for book_format in formats):
        return None
    return {
        "book_id": book_id,
        "formats": formats,
        "digests": read_digests(api, [book_id]).get(book_id, []),
        "document": base["document"],
        "progress": base["progress"],
    }


def _is_one(one: Base, other: Base) -> bool:
    return all(one[key] == other[key] for key in ("document", "percentage", "progress", "timestamp"))  # type: ignore[literal-required]
