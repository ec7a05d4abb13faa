"""Which books the places are of that have arrived, and how what they wrote is kept: as one run a day."""

from __future__ import annotations

from collections.abc import Collection

from ..library.calibre_db import CalibreDb
from ..library.same_cell import same_cell
from ..link.contract import Cell
from ..memory.history import read_digests
from ..memory.one_a_day import join_day
from .pull import journal_of


def books_of_arrived(
    api: CalibreDb, book_ids: Collection[int], documents: frozenset[str], tried: frozenset[str]
) -> list[int]:
    """Those of these books that have such a document.

    All of them where one is new: the server is asked for every book then, and the digest that answers is known from
    then on. Whose book a document in `tried` is was looked for like that before.
    """
    owners: set[int] = set()
    known: set[str] = set()
    for book_id, digests in read_digests(api, api.all_book_ids()).items():
        its = documents.intersection(each["digest"] for each in digests)
        if its:
            known |= its
            owners.add(book_id)
    return list(book_ids) if documents - known - tried else sorted(owners.intersection(book_ids))


def join_arrivals(api: CalibreDb, run_id: str) -> None:
    """Joins a run with what arrived before it on its day. Raises OSError."""
    known = api.field_metadata.custom_field_metadata()

    def is_same(column: str, one: Cell, other: Cell) -> bool:
        return one == other or (column in known and same_cell(known[column]["datatype"], one, other))

    join_day(journal_of(api), run_id, is_same)
