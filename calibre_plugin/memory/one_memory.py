"""What is remembered of one book for one account: its shape, and the small changes it undergoes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, TypedDict, cast

from ..link.contract import Base, Cell, Declined
from .account_key import own_key

KEPT_DECLINED: Final = 50


class Memory(TypedDict):
    """One book for one account."""

    # By profile: what one has taken, another with other columns has not. The one kept last comes last.
    bases: dict[str, Base]
    changed_at: dict[str, float]
    written: dict[str, Cell]
    declined: list[Declined]


def memory_of(kept: Mapping[str, Any] | None, account: str, profile: str = "") -> Memory:
    """What is remembered of a book for one account, of all that is stored of the book.

    Where that is nothing, it is what the profile remembers from before it had the account.
    """
    found = (kept or {}).get(account) or (kept or {}).get(own_key(profile)) or {}
    return {
        "bases": dict(found.get("bases") or {}),
        "changed_at": dict(found.get("changed_at") or {}),
        "written": dict(found.get("written") or {}),
        "declined": [cast(Declined, {"side": "theirs", **said}) for said in found.get("declined") or ()],
    }


def keep_base(memory: Memory, profile: str, base: Base | None) -> None:
    memory["bases"].pop(profile, None)
    if base is not None:
        memory["bases"][profile] = base


def decline_record(
    memory: Memory, record: Mapping[str, Any], now: float, side: Literal["theirs", "ours"] = "theirs"
) -> None:
    declined: Declined = {
        "side": side,
        "document": record["document"],
        "percentage": record["percentage"],
        "progress": record["progress"],
        "timestamp": record["timestamp"],
        "at": now,
    }
    memory["declined"] = [*memory["declined"], declined][-KEPT_DECLINED:]


def want_again(memory: Memory, record: Mapping[str, object]) -> None:
    memory["declined"] = [said for said in memory["declined"] if not is_same_record(said, record)]


def is_same_record(one: Mapping[str, object], other: Mapping[str, object]) -> bool:
    """Whether two things tell of one record on a server."""
    return all(one[key] == other[key] for key in ("document", "percentage", "progress", "timestamp"))


def is_same_base(one: Base | None, other: Base | None) -> bool:
    return one is other or (one is not None and other is not None and is_same_record(one, other))
