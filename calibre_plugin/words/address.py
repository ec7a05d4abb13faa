"""A server's address as it may be shown: without the login that somebody typed inside it."""

from __future__ import annotations

import re
from typing import Final

# What stands before an @ in the part that names the host.
_LOGIN: Final = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s/?#]*@", re.IGNORECASE)
_SCHEME: Final = re.compile(r"^\s*[a-z][a-z0-9+.-]*://", re.IGNORECASE)


def shown_address(typed: str) -> str:
    """An address as somebody typed it, whatever it is worth, without a user name and password."""
    scheme = _SCHEME.match(typed)
    begin = scheme.group() if scheme else ""
    rest = typed[len(begin) :]
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in host:
        return begin + host.rpartition("@")[2] + rest[len(host) :]
    _name, colon, after = host.partition(":")
    if colon and not after.isdigit() and "@" in rest:
        # A password with a slash in it, which no browser would take.
        return begin + rest.rpartition("@")[2]
    return typed


def without_logins(text: str) -> str:
    """Any text, such as a server's own words, without the logins of the addresses in it."""
    return _LOGIN.sub(r"\1", text)
