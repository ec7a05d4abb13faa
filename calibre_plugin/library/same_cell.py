"""When two values of a column are one: what another program wrote in a way of its own is no change.

The bridge plans by the same rule (`src/core/same-cell.ts`); both are held to `test/fixtures/same-cells.json`.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
from typing import Final

from ..link.contract import Cell

_NUMBER: Final = re.compile(r"([+-]?[0-9]+)(?:[.,]([0-9]+))? ?%?", re.ASCII)
_MOMENT: Final = re.compile(
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
    r"(?:[T ]([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]+))?)?(?: ?(Z|[+-][0-9]{2}:?[0-9]{2}))?)?",
    re.ASCII | re.IGNORECASE,
)
_TRUTHS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False, "": None}
# calibre's undefined date is of this year; whatever is not later says nothing.
_UNDEFINED_YEAR: Final = 101
# A number of more digits than this is no percentage and no count: reading it would take Python's time.
_LONGEST_NUMBER: Final = 40


def same_cell(datatype: str, one: Cell, other: Cell) -> bool:
    """Whether two values are the same for a column of this datatype."""
    if datatype == "bool":
        return _truth(one) == _truth(other)
    if datatype in ("int", "float", "rating"):
        return _same_number(one, other)
    if datatype == "datetime":
        return _same_moment(one, other)
    if datatype == "comments":
        return _plain(one) == _plain(other)
    return _same_text(_plain(one), _plain(other))


def _plain(cell: Cell) -> str:
    """Text without what nobody sees: blanks around it and in a row, and the way in which an accent is put together."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return " ".join(unicodedata.normalize("NFC", str(cell)).replace("\ufeff", " ").split())


def _truth(cell: Cell) -> Cell:
    said = _plain(cell).lower()
    return _TRUTHS.get(said, said)


def _number(cell: Cell) -> float | None:
    if isinstance(cell, (bool, int, float)):
        return float(cell)
    said = _plain(cell)
    found = _NUMBER.fullmatch(said) if len(said) <= _LONGEST_NUMBER else None
    return float(f"{found[1]}.{found[2] or '0'}") if found else None


def _same_number(one: Cell, other: Cell) -> bool:
    first, second = _number(one), _number(other)
    if first is None or second is None:
        return _plain(one) == _plain(other)
    return abs(first - second) < 1e-9


def _same_text(one: str, other: str) -> bool:
    if one.lower() == other.lower():
        return True
    if _number(one) is not None and _number(other) is not None:
        return _same_number(one, other)
    first, second = _moment(one), _moment(other)
    if first is None or second is None:
        return False
    # A day alone says nothing of the hour.
    if first[2] or second[2]:
        return first[1] == second[1]
    return abs(first[0] - second[0]) < 1


def _moment(text: str) -> tuple[float, tuple[int, int, int], bool] | None:
    """An instant (epoch seconds, UTC where no offset is named), the day as written, and whether it names no hour."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    year, month, day = int(found[1]), int(found[2]), int(found[3])
    zone = (found[8] or "Z").replace(":", "").upper()
    minutes = 0 if zone == "Z" else int(zone[1:3]) * 60 + int(zone[3:5])
    offset = -minutes if zone.startswith("-") else minutes
    try:
        midnight = datetime.datetime(year, month, day, tzinfo=datetime.timezone.utc).timestamp()
    except (ValueError, OverflowError):
        return None
    seconds = int(found[4] or 0) * 3600 + int(found[5] or 0) * 60 + int(found[6] or 0) + float(f"0.{found[7] or '0'}")
    return midnight + seconds - offset * 60, (year, month, day), found[4] is None


def _same_moment(one: Cell, other: Cell) -> bool:
    first, second = _defined(one), _defined(other)
    if isinstance(first, float) and isinstance(second, float):
        return abs(first - second) < 1
    return first == second


def _defined(cell: Cell) -> float | str:
    said = _plain(cell)
    moment = _moment(said)
    if moment is None:
        return said
    return "" if moment[1][0] <= _UNDEFINED_YEAR else moment[0]
