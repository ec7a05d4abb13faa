"""The server's places in the library's own files: for calibre's viewer, for the content server, and in words.

A record that tells no place of the library's file tells at least how far: then the place is approximate, its `quality`
being `percent`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from ..library.calibre_db import CalibreDb
from ..memory.book_memory import kept_bases, recall
from ..link.client import Bridge
from ..link.contract import Base, PlaceAnswer, PlaceRequest, PullPlan, Rules, ViewerPlace
from ..memory.history import read_digests
from ..library.books import read_formats
from ..library.positions import FORMAT, Delivery, deliver, last_read_at, standing_places

# Books in one question: each is opened and read, so that a stop is noticed soon.
BOOKS_AT_ONCE: Final = 20
# The device of a base that a push has made (`PUSH_DEVICE` in `src/core/plan-push.ts`).
OWN_DEVICE: Final = "calibre"
# Places that moved nobody when they were asked for, while calibre runs: opening the book again would find the same.
_useless: Final[set[tuple[Any, ...]]] = set()
# (done, total, phase).
OnPhase = Callable[[int, int, str], None]


def deliver_positions(
    api: CalibreDb,
    plan: PullPlan,
    account_id: str,
    rules: Rules,
    users: Iterable[str],
    viewer: bool,
    bridge: Bridge,
    abort: threading.Event,
    on_phase: OnPhase,
    book_ids: Iterable[int] = (),
) -> int:
    """After a pull: brings calibre's own readers to the places that were taken; how many books it brought there.

    Among `book_ids`, also to places that were taken before and did not arrive, or were written over by an older one.
    Finished and unread books have no place worth opening at. Raises SyncError as any request does.
    """
    users = list(users)
    if not viewer and not users:
        return 0
    taken = owed_bases(api, account_id, book_ids, users, viewer)
    taken.update({base["book_id"]: base for base in taken_bases(api, plan, account_id)})
    reading = {
        book_id: base
        for book_id, base in taken.items()
        if rules["reading_from"] <= base["percentage"] < rules["finish_at"]
    }
    done = delivered = 0

    def standing(book_id: int) -> list[str]:
        return standing_places(api, book_id, users, viewer)

    for answers in find_places(api, reading, bridge, abort, standing):
        for answer in answers:
            base = reading[answer["book_id"]]
            made = [
                Delivery(answer["book_id"], place, base["timestamp"], base["percentage"]) for place in answer["places"]
            ]
            put = deliver(api, made, users, viewer)
            delivered += put
            if not put:
                _useless.add(_name_of(answer["book_id"], base))
        done += len(answers)
        on_phase(done, len(reading), "delivering")
    return delivered


def taken_bases(api: CalibreDb, plan: PullPlan, account_id: str) -> Iterator[Base]:
    """The bases of a plan that were really kept, when its cells were written or needed no writing."""
    planned = [*plan["bases"], *(asked["base"] for asked in plan["conflicts"])]
    kept = kept_bases(api, account_id, [base["book_id"] for base in planned])
    for base in planned:
        if any(_is_one(stored, base) for stored in kept.get(base["book_id"], ())):
            yield base


def owed_bases(
    api: CalibreDb, account_id: str, book_ids: Iterable[int], users: Collection[str], viewer: bool
) -> dict[int, Base]:
    """The agreed places, by book, that one of calibre's readers is behind: it has nothing newer and was not brought there.

    A delivery that was cut off leaves such places, and a viewer that was open and wrote its own older one at closing.
    """
    owed: dict[int, Base] = {}
    for book_id, bases in kept_bases(api, account_id, book_ids).items():
        base = max(bases, key=lambda each: each["timestamp"] or 0)
        at = base["timestamp"]
        # What calibre itself has sent is where its reader was.
        if at is None or base["device"] == OWN_DEVICE:
            continue
        behind = any(stands < at for stands in last_read_at(api, book_id, users, viewer))
        if behind and _name_of(book_id, base) not in _useless:
            owed[book_id] = {**base, "book_id": book_id}
    return owed


def cfi_for(
    api: CalibreDb, book_id: int, account_id: str, bridge: Bridge, abort: threading.Event
) -> ViewerPlace | None:
    """Where calibre's viewer should open a book: at or about the place of the last sync; None where there is none.

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
    api: CalibreDb,
    records: Mapping[int, Base],
    bridge: Bridge,
    abort: threading.Event,
    standing: Callable[[int], list[str]] = lambda _book_id: [],
) -> Iterator[list[PlaceAnswer]]:
    """Asks the bridge where these records stand in the library's own files, some books at a time.

    `standing` tells where calibre's readers stand in a book: none of them is moved by a percentage that says the same.
    """
    asked = (_request(api, book_id, base, standing) for book_id, base in records.items())
    wanted = [request for request in asked if request is not None]
    for start in range(0, len(wanted), BOOKS_AT_ONCE):
        part = wanted[start : start + BOOKS_AT_ONCE]
        yield bridge.request("position/convert", {"requests": part}, abort=abort)["answers"]


def _request(api: CalibreDb, book_id: int, base: Base, standing: Callable[[int], list[str]]) -> PlaceRequest | None:
    formats = list(read_formats(api, book_id))
    if all(book_format["format"] != FORMAT for book_format in formats):
        return None
    return {
        "book_id": book_id,
        "formats": formats,
        "digests": read_digests(api, [book_id]).get(book_id, []),
        "document": base["document"],
        "progress": base["progress"],
        "percentage": base["percentage"],
        "standing": standing(book_id),
    }


def _name_of(book_id: int, base: Base) -> tuple[Any, ...]:
    return (book_id, base["document"], base["progress"], base["percentage"], base["timestamp"])


def _is_one(one: Base, other: Base) -> bool:
    return all(one[key] == other[key] for key in ("document", "percentage", "progress", "timestamp"))  # type: ignore[literal-required]
