"""What a reader calls a copy, and where its digest is known from; no widgets."""

from __future__ import annotations

from ..link.contract import KnownDigest

load_translations()


def source_names() -> dict[str, str]:
    """Where a digest is known from, in words."""
    return {
        "linked": _("linked by you"),
        "sidecar": _("KOReader's own notes"),
        "sent": _("sent to a device"),
        "written": _("copied out of calibre"),
        "device": _("found on a device"),
        "statistics": _("KOReader's statistics"),
        "imported": _("imported"),
        "library": _("the library's file"),
        "predicted": _("predicted"),
    }


def copy_name(known: KnownDigest) -> str:
    """Device and file name as far as they are known, otherwise where the copy is known from."""
    told = [known["device"], known["name"]]
    return ": ".join(part for part in told if part) or source_names().get(known["source"], known["digest"])
