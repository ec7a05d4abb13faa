"""Whether a key is that of one of calibre's own users: KOReader sends the MD5 of a password, calibre keeps the password."""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
import time
from collections.abc import Callable
from hmac import compare_digest
from typing import Protocol

from .limits import Limiter, Remembered


class Users(Protocol):
    """What is needed of calibre's `UserManager`."""

    def get(self, username: str) -> str | None: ...


class Accounts:
    """Refuses wrong keys, and those who try too many; both look alike from outside."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        # As the server in the bridge has it: wrong keys from one address for one name, and for all names together.
        self._per_user = Limiter(10, 30, clock)
        self._per_address = Limiter(60, 2, clock)
        self._let_in = Remembered()
        self._wrong = Remembered()
        # Whoever is not there is compared with a key that nobody has.
        self._nobody = secrets.token_hex(16)

    def admits(self, users: Users, name: str, key: str, address: str) -> bool:
        """Whether this is the user's key at this moment. A name is looked up only while its tries last."""
        # Neither names nor keys of strangers are kept as they came.
        claim = hashlib.sha256(f"{len(name)}:{name}{key}".encode("utf-8", "surrogatepass")).digest()
        # A device that was let in before is never in the way of a limit, whoever else guesses from its address.
        was_let_in = claim in self._let_in
        house = _house(address)
        pair = hashlib.sha256(f"{house}\n{name}".encode("utf-8", "surrogatepass")).digest()
        if not was_let_in and not (self._per_user.allows(pair) and self._per_address.allows(house)):
            return False
        password = users.get(name)
        kept = hashlib.md5((password or self._nobody).encode(), usedforsecurity=False).hexdigest()
        is_right = compare_digest(kept.encode(), key.encode("utf-8", "surrogatepass")) and bool(password)
        if is_right:
            self._let_in.note(claim)
            return True
        self._let_in.forget(claim)
        # The same wrong key again teaches nobody anything: a device with an old password uses up no tries of its house.
        if claim not in self._wrong:
            self._wrong.note(claim)
            self._per_user.take(pair)
            self._per_address.take(house)
        return False


def _house(address: str) -> str:
    """What counts as one address: an IPv6 network of 64 bits is one household, and an IPv4 address in IPv6 is itself."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))
