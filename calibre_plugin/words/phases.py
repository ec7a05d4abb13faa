"""How far a long request has come, in words."""

from __future__ import annotations

load_translations()


def phase_sentence(label: str, done: int, total: int) -> str:
    """How far a long request has come."""
    made = {
        "reading": lambda: _("Reading books: {done} of {total}"),
        "digests": lambda: _("Fingerprints of books: {done} of {total}"),
        "asking": lambda: _("Asking the server: {done} of {total}"),
        "planning": lambda: _("Planning: {done} of {total}"),
        "opening": lambda: _("Looking up places in books: {done} of {total}"),
        "predicting": lambda: _("Predicting copies: {done} of {total}"),
        "writing": lambda: _("Writing: {done} of {total}"),
        "pushing": lambda: _("Sending: {done} of {total}"),
        "delivering": lambda: _("Bringing calibre's viewer to the place: {done} of {total}"),
    }.get(label)
    return made().format(done=done, total=total) if made is not None else f"{label} {done}/{total}"
