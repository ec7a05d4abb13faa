"""What a reader types for an account: read leniently, and what is unfinished or unreadable in it is said at once."""

from __future__ import annotations

import os
from urllib.parse import urlsplit, urlunsplit

load_translations()

FINGERPRINT_LENGTH = 64


def with_colons(fingerprint: str) -> str:
    """A fingerprint as certificates' viewers show it."""
    clean = fingerprint.replace(":", "").upper()
    return ":".join(clean[at : at + 2] for at in range(0, len(clean), 2))


def fingerprint_of(text: str) -> str:
    """The 64 hexadecimal digits of a fingerprint, in lower case; nothing while it is not whole."""
    digits = "".join(letter for letter in text.lower() if letter in "0123456789abcdef")
    return digits if len(digits) == FINGERPRINT_LENGTH else ""


def headers_of(text: str) -> dict[str, str]:
    """`Name: value` lines; others are left out."""
    pairs = (line.split(":", 1) for line in text.splitlines() if _is_header(line))
    return {name.strip(): value.strip() for name, value in pairs}


def with_login_of(typed: str, found: str) -> str:
    """The found address with the login that was typed inside the other one, if it is the same origin: nobody else's."""
    had, has = urlsplit(typed), urlsplit(found)
    login, at, host = had.netloc.rpartition("@")
    if not at or (had.scheme, host.lower()) != (has.scheme, has.netloc.lower()):
        return found
    return urlunsplit(has._replace(netloc=f"{login}@{has.netloc}"))


def _is_header(line: str) -> bool:
    name, colon, _value = line.partition(":")
    return bool(colon and name.strip())


def missing_fields(url: str, username: str, has_key: bool) -> str:
    """Which fields are still empty, once one of them is not: without all of them no account is kept."""
    missing = _missing(url, username, has_key)
    if not missing or not (url or username or has_key):
        return ""
    return _("Still missing: {fields}. Until then this account is not kept.").format(fields=", ".join(missing))


def why_no_login(url: str, username: str, has_key: bool) -> str:
    """What has to be typed before anybody can log in; nothing when all is there."""
    missing = _missing(url, username, has_key)
    return _("Still missing: {fields}").format(fields=", ".join(missing)) if missing else ""


def _missing(url: str, username: str, has_key: bool) -> list[str]:
    fields = {_("server"): bool(url), _("user name"): bool(username), _("password"): has_key}
    return [name for name, filled in fields.items() if not filled]


def unfinished_security(mode: str, ca_file: str, fingerprint: str, headers: str) -> str:
    """What cannot be used as it is typed, and what is done instead; nothing when all is well."""
    if mode == "ca_file" and not ca_file:
        return _("No certificate file is chosen yet: until then the standard check is made.")
    if mode == "ca_file" and not os.path.isfile(ca_file):
        return _("There is no file {path}.").format(path=ca_file)
    if mode == "fingerprint" and not fingerprint_of(fingerprint):
        return _(
            "A SHA-256 fingerprint has {n} characters, 0 to 9 and A to F: until then the standard check is made."
        ).format(n=FINGERPRINT_LENGTH)
    wrong = [line.strip() for line in headers.splitlines() if line.strip() and not _is_header(line)]
    if wrong:
        return _("An extra header is written as “Name: value”. Left out: {line}").format(line=wrong[0])
    return ""
