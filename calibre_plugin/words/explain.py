"""What a reader is told when something cannot be done: one sentence, and what to do about it."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from ..link.client import BridgeDied, BridgeFault, BridgeNotStarted, SyncError
from ..link.contract import Why
from .address import without_logins
from .errors import error_sentence
from .reasons import why_sentence
from ..link.fetch_archive import FetchFailed
from ..link.kept_runtime import OwnRuntimeTrouble
from ..link.runtime import RuntimeMissing
from ..copies.stored import NewerSchema
from .runtime import fetch_advice, fetch_sentence, missing_advice, missing_sentence, trouble_advice, trouble_sentence
from .stored import newer_sentence

load_translations()


# What the system says when a disk takes nothing more, or nothing from us.
_REFUSED: Final = {
    number
    for name in ("ENOSPC", "EDQUOT", "EROFS", "EACCES", "EPERM", "EIO", "ENAMETOOLONG")
    if (number := getattr(errno, name, None)) is not None
}


@dataclass(frozen=True)
class Explanation:
    """One sentence, what to do, and details that stay folded; `tab` names the preferences' tab that mends it."""

    sentence: str
    advice: str = ""
    details: str = ""
    tab: str = ""

    @property
    def text(self) -> str:
        return f"{self.sentence} {self.advice}".strip()


def explain(error: BaseException) -> Explanation | None:
    """The explanation of an expected error; None for a fault of ours, which calibre itself reports."""
    if isinstance(error, RuntimeMissing):
        found = "\n".join(f"{runtime.path}: {runtime.name} {runtime.version_text}" for runtime in error.found)
        said = error.trouble.said if error.trouble is not None else ""
        details = "\n".join(filter(None, (found, said)))
        return Explanation(missing_sentence(error), missing_advice(error), details, "runtime")
    if isinstance(error, FetchFailed):
        return Explanation(fetch_sentence(error), fetch_advice(error), error.said, "runtime")
    if isinstance(error, OwnRuntimeTrouble):
        return Explanation(trouble_sentence(error), trouble_advice(error), error.said, "runtime")
    if isinstance(error, SyncError):
        return explain_sync_error(error.name, error.data)
    if isinstance(error, NewerSchema):
        return explain_newer(error)
    if isinstance(error, BridgeNotStarted):
        return Explanation(
            _("The helper program could not be started: {path}").format(path=error.path),
            _("Try again, or choose another under Runtime in the preferences."),
            error.reason,
            "runtime",
        )
    if isinstance(error, BridgeDied):
        return Explanation(
            _("The helper program ended unexpectedly."),
            _("Try again; if it happens again, the details below help to find out why."),
            str(error),
            "runtime",
        )
    if isinstance(error, BridgeFault):
        return Explanation(
            _("The helper program could not do its work."),
            _("This is a fault of KOReader Progress: please report it with the details below."),
            str(error),
        )
    if isinstance(error, OSError) and error.errno in _REFUSED:
        return explain_disk(error)
    return None


def explain_newer(error: NewerSchema) -> Explanation:
    """Why nothing is changed where a newer version of the plugin has written."""
    return Explanation(newer_sentence(error.kept))


def explain_disk(error: OSError) -> Explanation:
    """A file that the system did not let us write, or read: which one, and what the system said."""
    sentence = (
        _("{path} cannot be used: {reason}.").format(path=error.filename, reason=error.strerror)
        if error.filename
        else _("A disk cannot be used: {reason}.").format(reason=error.strerror)
    )
    return Explanation(sentence, _("Is there space left on the disk, and may this user write there?"), str(error))


def unsaved(error: OSError) -> Explanation:
    """Choices that could not be stored."""
    return Explanation(
        _("The settings could not be stored: {reason}. They count until calibre is closed.").format(
            reason=error.strerror or str(error)
        ),
        _("Is there space left on the disk of calibre's configuration folder?"),
        str(error),
    )


def library_gone(path: str) -> Explanation:
    """The folder of the library, on a disk or network folder that is not there at the moment."""
    return Explanation(
        _("The library is not where it was: {path}").format(path=path),
        _("Nothing was changed. Connect its disk or network folder again, then sync."),
    )


def explain_sync_error(name: str, data: Mapping[str, object]) -> Explanation:
    """A request that could not be done, by its name in the contract; the tab is where it can be mended."""
    given = sorted((key, value) for key, value in data.items() if value not in (None, ""))
    details = "\n".join(f"{key}: {without_logins(str(value))}" for key, value in given)
    at_server = (
        "ServerUnreachable",
        "NotKosyncServer",
        "Unauthorized",
        "CertificateRefused",
        "ServerRefused",
        "BehindLogin",
        "OtherAddress",
    )
    tab = "account" if name in at_server else ""
    return Explanation(error_sentence(name, data), _sync_advice(name, data), details, tab)


def _sync_advice(name: str, data: Mapping[str, object]) -> str:
    """What to do after a sync that could not be done; a login has an advice of its own."""
    if name == "Unauthorized":
        return _("Log in again under Account in the preferences.")
    if name == "CertificateRefused":
        return _("If it is yours, trust its certificate under Account in the preferences.")
    if name == "ServerUnreachable" and data.get("cause") == "bad_url":
        return _("Correct it under Account in the preferences.")
    return _("Nothing was changed; the next sync makes up for it.") if name == "ServerUnreachable" else ""


def explain_login(error: BaseException) -> Explanation | None:
    """Why a login was refused, said where it was tried: the fields and buttons that mend it are in sight."""
    told = explain(error)
    if told is None or not isinstance(error, SyncError):
        return told
    advice = {
        "Unauthorized": _("Both are written as in KOReader, capital letters too."),
        "CertificateRefused": _("If the server is yours, trust its certificate below."),
    }.get(error.name, "")
    return replace(told, advice=advice)


def why_text(why: Why) -> str:
    """The reason in words."""
    return why_sentence(why)
