"""What the names in a reason or an error mean: causes of the network, of certificates and of files, and fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from .data import Words

load_translations()

CAUSES: Final[dict[str, Callable[[], str]]] = {
    "refused": lambda: _("nothing answers at that address and port"),
    "unknown_host": lambda: _("no such host; check the address and your network"),
    "timeout": lambda: _("it did not answer in time"),
    "reset": lambda: _("it broke off the connection"),
    "no_route": lambda: _("there is no way to it from this network"),
    "tls": lambda: _("no secure connection could be made; http instead of https, or another port?"),
    "too_large": lambda: _("its answer is far too long"),
    "bad_request": lambda: _("the address or one of the extra headers cannot be sent"),
    "bad_url": lambda: _("this is no address of a server"),
    "proxy_unsupported": lambda: _("this kind of proxy cannot be used"),
    "proxy_unreachable": lambda: _("the proxy does not answer"),
    "proxy_login": lambda: _("the proxy wants a login"),
    "proxy_refused": lambda: _("the proxy refused to connect"),
    "closed": lambda: _("the connection was closed"),
    "other": lambda: _("the connection failed"),
}

CERTIFICATE: Final[dict[str, Callable[[], str]]] = {
    "self_signed": lambda: _("it signed its certificate itself"),
    "unknown_issuer": lambda: _("its certificate was signed by nobody this computer knows"),
    "expired": lambda: _("its certificate has expired"),
    "not_yet_valid": lambda: _("its certificate is not valid yet; is this computer's clock right?"),
    "wrong_host": lambda: _("its certificate is for another host"),
    "changed": lambda: _("its certificate is not the one you trusted"),
    "revoked": lambda: _("its certificate was revoked"),
    "ca_file_unreadable": lambda: _("the file with the certificates you trust cannot be read"),
    "other": lambda: _("its certificate is not in order"),
}

FIELDS: Final[dict[str, Callable[[], str]]] = {
    "percent": lambda: _("percent read"),
    "status": lambda: _("status"),
    "place": lambda: _("place in words"),
    "device": lambda: _("device"),
    "last_read": lambda: _("last read"),
    "started": lambda: _("started"),
    "finished": lambda: _("finished"),
    "times_read": lambda: _("times read"),
    "rating": lambda: _("stars"),
    "review": lambda: _("review"),
    "read_time": lambda: _("time read"),
    "days_read": lambda: _("days read"),
    "time_left": lambda: _("time left"),
    "last_synced": lambda: _("last synced"),
    "location": lambda: _("raw location"),
}

FILE: Final[dict[str, Callable[[], str]]] = {
    "ENOENT": lambda: _("it is not there"),
    "EACCES": lambda: _("this user may not read it"),
    "EPERM": lambda: _("this user may not read it"),
    "EMPTY": lambda: _("it is empty"),
    "ENOTFILE": lambda: _("it is no file"),
    "EISDIR": lambda: _("it is no file"),
    "EIO": lambda: _("the disk reported an error"),
}


# What a server says that has done what it was asked; nothing of use came with it, or nobody would complain.
WELL: Final = range(200, 300)

# What came in place of an answer, where it was no status and no silence.
INSTEAD: Final[dict[str, Callable[[], str]]] = {
    "NotKosyncServer": lambda: _("a web page came instead"),
    "BehindLogin": lambda: _("a login page came instead"),
    "OtherAddress": lambda: _("it sends us elsewhere"),
    "Unauthorized": lambda: _("it no longer accepts the password"),
    "CertificateRefused": lambda: _("its certificate is not trusted"),
    "Cancelled": lambda: _("the sync was stopped"),
}


def one_of(table: Mapping[str, Callable[[], str]], name: str) -> str:
    made = table.get(name)
    return made() if made is not None else name


def file_trouble(w: Words) -> str:
    w.put("reason", one_of(FILE, w["reason"]))
    return _("{path} could not be read: {reason}.")
