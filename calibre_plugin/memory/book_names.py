"""Which book a line of the write journal means: by its uuid, which outlives ids, and its id, where two records share a uuid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from ..library.calibre_db import CalibreDb

# Why a line's book cannot be told: no record bears the uuid, or several do and nothing says which one was meant.
NotFound = Literal["gone", "two_records"]


@dataclass(frozen=True)
class BookName:
    """A book as a line names it; lines of earlier days know no id.

    `shared` says that other records bore the uuid too when the line was written: then nothing but the id tells the book.
    """

    uuid: str
    id: int | None = None
    shared: bool = field(default=False, compare=False)


class BookNames:
    """The books of one library as they are now, `uuids` by id."""

    def __init__(self, uuids: Mapping[int, str]) -> None:
        self._uuids = dict(uuids)
        self._bearers: dict[str, list[int]] = {}
        for book_id, uuid in self._uuids.items():
            self._bearers.setdefault(uuid, []).append(book_id)

    def __contains__(self, book_id: int) -> bool:
        return book_id in self._uuids

    def name_of(self, book_id: int) -> BookName:
        """What to call a book of the library in the journal."""
        uuid = self._uuids[book_id]
        return BookName(uuid, book_id, len(self._bearers[uuid]) > 1)

    def book_of(self, name: BookName) -> int | None:
        """The id of the book that was meant; None where that cannot be told surely: `why_not` says why."""
        bearers = self._bearers.get(name.uuid, [])
        if name.id in bearers:
            return name.id
        # A restored library has given its books other ids: one bearer of a uuid that never was shared is still the book.
        return bearers[0] if len(bearers) == 1 and not name.shared else None

    def why_not(self, name: BookName) -> NotFound:
        """Why a line's book is not found."""
        return "two_records" if self._bearers.get(name.uuid) else "gone"

    def bearers_of(self, name: BookName) -> list[int]:
        """The ids of all books that bear the uuid."""
        return [*self._bearers.get(name.uuid, ())]

    def books_of(self, names: Iterable[BookName]) -> set[int]:
        """The ids of those of these books that are found."""
        return {book_id for name in names if (book_id := self.book_of(name)) is not None}


def names_in(api: CalibreDb) -> BookNames:
    """The books of the library that is open."""
    uuids = api.all_field_for("uuid", api.all_book_ids())
    return BookNames({book_id: uuid or "" for book_id, uuid in uuids.items()})
