"""Under which name it is kept what a profile agreed on: its account's, or its own where it has none."""

from __future__ import annotations

from ..link.contract import Account


def key_of(account_id: str, profile_id: str) -> str:
    """The key of a profile; `account_id` is empty for a profile without an account."""
    return account_id or own_key(profile_id)


def own_key(profile_id: str) -> str:
    """The key of a profile without an account: no account's id has a colon."""
    return f"profile:{profile_id}"


def key_for(account: Account | None, profile_id: str) -> str:
    """As `key_of`."""
    return key_of(account["id"] if account is not None else "", profile_id)
