"""Everything that is known of documents without a book, gathered from servers, devices, logs and other libraries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ..library.calibre_db import CalibreDb
from ..link.host import Launch
from ..link.contract import Account, ListedDocument
from ..devices.state import all_states
from ..words.explain import explain
from ..devices.odd_words import odd_note
from ..memory.other_libraries import Elsewhere, known_elsewhere
from ..memory.rebuild import Orphan, rebuild
from .unmatched import Document, Suggestion, documents_in, list_documents, owners_of, shelf_of, suggest, unmatched

load_translations()


@dataclass(frozen=True)
class Found:
    """What was found, likeliest book first for each; `note` says what could not be asked."""

    documents: list[tuple[Document, list[Suggestion]]] = field(default_factory=list)
    note: str = ""
    # Where it came from, so that what is pasted later joins it.
    listed: list[ListedDocument] = field(default_factory=list)
    orphans: list[Orphan] = field(default_factory=list)
    elsewhere: Elsewhere = field(default_factory=Elsewhere)
    # Of what was pasted, the books that have it already.
    owned: dict[str, int] = field(default_factory=dict)


def find_unmatched(
    api: CalibreDb, launch: Launch, account: Account | None, copy_logs: Iterable[str], libraries: Iterable[str]
) -> Found:
    """Asks the server and looks through the logs, in whatever thread this is. Never raises what is expected."""
    listed, note = None, ""
    if account is not None:
        try:
            with launch.open(account) as bridge:
                listed = list_documents(bridge, account)
            if listed is None:
                note = _("This server cannot list what it holds; shown is what devices and copies told.")
        except Exception as error:
            reason = explain(error)
            if reason is None:
                raise
            note = reason.sentence
    note = "\n".join(filter(None, (note, odd_note(all_states()))))
    elsewhere = known_elsewhere(libraries, but=api.backend.library_path)
    return looked_up(api, Found([], note, listed or [], rebuild(api, copy_logs).orphans, elsewhere))


def looked_up(api: CalibreDb, found: Found, text: str = "") -> Found:
    """The documents of all sources and of a pasted text, with suggestions; meant for a background thread."""
    pasted = documents_in(text)
    documents = unmatched(api, found.listed, found.orphans, pasted, found.elsewhere)
    shelf = shelf_of(api)
    owned = owners_of(api, {document.digest for document in pasted})
    return replace(found, documents=[(document, suggest(document, shelf)) for document in documents], owned=owned)


def origin_sentence(document: Document) -> str:
    """Who speaks of a document, in words."""
    if document.library is not None:
        return _("the library “{name}”").format(name=document.library)
    words = {
        "server": _("server"),
        "device": _("a device"),
        "pasted": _("pasted"),
        "orphan": _("a book that is gone"),
    }
    return ", ".join(word for origin, word in words.items() if origin in document.origins)


def is_of(kind: str, document: Document) -> bool:
    """Whether a document is read somewhere (`read`), a book's that is `gone`, known `elsewhere`; everything is of `all`."""
    if kind == "read":
        return document.was_read
    if kind == "gone":
        return not document.was_read and document.library is None
    return kind == "all" or document.library is not None
