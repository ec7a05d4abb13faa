"""What a reader is told when a computer's knowledge is moved to another, listed or removed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Final

load_translations()

_THOUSAND: Final = 1000


def refused_sentence(fault: str, path: str, name: str) -> str:
    """Why a file is not taken over, or not written."""
    sentences = {
        "foreign": _("{file} was not made by “Export” of KOReader Progress. Nothing was changed."),
        "newer": _(
            "{file} was made by a newer version of KOReader Progress: please update the plugin here. Nothing was changed."
        ),
        "damaged": _("{file} is damaged or not whole: export it again, or copy it again. Nothing was changed."),
        "too_large": _("{file}: {name} is larger than it can be. Nothing was changed."),
    }
    # In this order: a name may hold what looks like a gap.
    return sentences[fault].replace("{name}", name).replace("{file}", os.path.basename(path))


def exported_sentence(path: str) -> str:
    """A file was written; what is to be known about it."""
    words = _(
        "Everything is in {path}, but no password. It holds titles and user names: keep it as private as your library."
    )
    return words.format(path=path)


def taken_words(new: Iterable[tuple[str, int]], logins: Sequence[tuple[str, str]], missing: Sequence[str]) -> list[str]:
    """What came with a file, a sentence each: kinds of things by how many were new, what is still asked for."""
    lines = [_taken(kind, count) for kind, count in new] or [_("All of it was known here already.")]
    lines += [
        _("Enter the password of {username} on {url} under Account.").format(username=username, url=url)
        for username, url in logins
    ]
    lines += [
        _("The folder {folder} is not on this computer: its copies are not read here.").format(folder=folder)
        for folder in missing
    ]
    return lines


def left_words(apart: Sequence[str], server_left: bool) -> list[str]:
    """What of a file was not added to what is here."""
    lines = [
        _("A sync of the same name is here already and is another one. The one that came lies in {path}.").format(
            path=path
        )
        for path in apart
    ]
    if server_left:
        lines.append(_("The server of this computer has documents of its own: those that came were left out."))
    return lines


def _taken(kind: str, count: int) -> str:
    names = {
        "settings": _("Choices of the preferences"),
        "strip_list": _("Columns that are left out of copies"),
        "copies": _("Copies that left calibre"),
        "memory": _("What libraries remember of their books"),
        "before": _("What libraries remembered before an update"),
        "put_aside": _("Damaged things that were kept aside"),
        "server": _("Documents of the server"),
    }
    if kind == "journal":
        return ngettext("✓ {n} sync that can be undone", "✓ {n} syncs that can be undone", count).format(n=count)
    if kind == "devices":
        return ngettext("✓ What {n} device held", "✓ What {n} devices held", count).format(n=count)
    return f"✓ {names[kind]}"


def held_words(held: str, books: int) -> str:
    """What a kind of thing is that the plugin keeps."""
    if held == "book_data":
        return ngettext(
            "What this library remembers of {n} book", "What this library remembers of {n} books", books
        ).format(n=books)
    return {
        "profiles": _("Profiles of this library"),
        "settings": _("Accounts and choices of this computer"),
        "logs": _("Logs: copies that left calibre, what devices held"),
        "programs": _("Programs, and what can be asked again"),
        "server": _("The server’s documents: places of all who sync with this computer"),
        "journal": _("The journal: what is needed to undo, and each database as it was before the first sync"),
    }[held]


def bytes_words(size: int) -> str:
    """A size as a reader reads it."""
    if size < _THOUSAND:
        return ngettext("{n} byte", "{n} bytes", size).format(n=size)
    if size < _THOUSAND**2:
        return _("{n} KB").format(n=round(size / _THOUSAND))
    return _("{n} MB").format(n=round(size / _THOUSAND**2))
