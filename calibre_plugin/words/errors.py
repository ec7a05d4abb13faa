"""The sentence of every error by name: what happened, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .causes import CAUSES, CERTIFICATE, WELL, file_trouble, one_of
from .data import UNKNOWN, Sentence, Words, say

load_translations()

# Statuses of a proxy whose server behind it does not answer.
_DOWN: Final = frozenset({502, 503, 504, 530, *range(520, 528)})


def _unreachable(w: Words) -> str:
    if w["cause"] == "bad_url":
        return _("“{url}” is no address of a server; one looks like https://sync.example.org.")
    w.put("cause", one_of(CAUSES, w["cause"]))
    return _("The server {url} cannot be reached: {cause}.")


def _certificate(w: Words) -> str:
    w.put("reason", one_of(CERTIFICATE, w["reason"]))
    return _("The server {url} is not trusted: {reason}.")


def _refused(w: Words) -> str:
    status = w.count("status")
    if status == 429:
        return _("The server {url} has had too many requests; its address is right, try again in a while.")
    if status in _DOWN:
        return _(
            "The server behind {url} is down or overloaded (HTTP {status}); its address is right, try again later."
        )
    if status in WELL:
        return _("The server {url} sent an answer that is empty or cut off; try again later, or ask who runs it.")
    if w["message"] in ("", UNKNOWN):
        return _("The server {url} could not do it (HTTP {status}); try again later, or ask who runs it.")
    return _("The server {url} could not do it (HTTP {status}): {message}")


def _behind_login(w: Words) -> str:
    if w.has("location"):
        return _(
            "{url} sends us to a login page ({location}) in front of the server; whoever runs it must let /users/*, "
            "/syncs/* and /healthcheck pass without it. In a hotel or on a train, sign in to the network first."
        )
    return _(
        "A login page answers in front of {url}; whoever runs it must let /users/*, /syncs/* and /healthcheck pass "
        "without it. In a hotel or on a train, sign in to the network first."
    )


def _other_address(w: Words) -> str:
    if w["by"] == "redirect":
        return _(
            "{url} sends us on to {found}. Your password was not sent there: use that address if it is your server."
        )
    return _(
        "{url} is no KOReader sync server, but {found} answers as one. Your password was not sent there: use that "
        "address if it is your server."
    )


_ERRORS: Final[dict[str, Sentence]] = {
    "ContractMismatch": lambda w: _(
        "The plugin and its helper are of different versions; restart calibre so that both are of one."
    ),
    "Cancelled": lambda w: _("Stopped."),
    "ServerUnreachable": _unreachable,
    "NotKosyncServer": lambda w: _(
        "{url} answers, but is no KOReader sync server (it sent {content_type}); check the address and its path."
    ),
    "Unauthorized": lambda w: _("The server {url} does not accept the user name {username} with this password."),
    "UsernameTaken": lambda w: _("The user name {username} is taken at {url}; choose another, or log in with it."),
    "RegistrationClosed": lambda w: _("The server {url} takes no new users; ask who runs it for an account."),
    "ServerRefused": _refused,
    "CertificateRefused": _certificate,
    "BehindLogin": _behind_login,
    "OtherAddress": _other_address,
    "BookUnreadable": lambda w: file_trouble(w),
    "PortTaken": lambda w: _("Port {port} is in use by another program; choose another."),
    "StoreUnavailable": lambda w: _("The place where the data is kept cannot be used: {reason}"),
}


def error_sentence(name: str, data: Mapping[str, object] | None = None) -> str:
    """The sentence of a `SyncError` by name: what happened and what to do. An unknown name says that it is our fault."""
    said = say(_ERRORS, name, data or {})
    return said if said is not None else _("Something went wrong that should not have ({name}).").format(name=name)
