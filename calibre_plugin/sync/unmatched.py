"""Documents that belong to no book yet: what is known of each, and which books it may be. A reader decides.

Titles and file names suggest here, and nothing more: only a person may make a guess true.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from typing import Any, Final, Literal

from ..library.calibre_db import CalibreDb
from ..link.client import Bridge
from ..link.contract import Account, ListedDocument
from ..devices.state import all_states
from ..memory.history import read_stored
from ..memory.other_libraries import Elsewhere
from ..memory.rebuild import Orphan
from ..devices.odd_file import OddFile
from ..devices.sidecar import read_sidecar

Origin = Literal["server", "device", "orphan", "pasted"]
# Where somebody may have read it; an orphan is only known to have left calibre.
READ: Final[frozenset[Origin]] = frozenset({"server", "device", "pasted"})

DIGEST: Final = re.compile(r"[0-9a-f]{32}")
# Below this, titles have no more in common than any two.
LIKELY: Final = 0.6
SUGGESTIONS: Final = 5


@dataclass(frozen=True)
class Document:
    """One document, with all that anybody told of it; what is not known is None or empty."""

    digest: str
    origins: frozenset[Origin]
    title: str | None = None
    authors: tuple[str, ...] = ()
    # Basename of the file.
    name: str | None = None
    device: str | None = None
    percentage: float | None = None
    # When it was read last, epoch seconds.
    at: float | None = None
    # The library's book of this uuid has gone, or is in another library.
    uuid: str | None = None
    # The other library of this machine that knows it.
    library: str | None = None

    @property
    def was_read(self) -> bool:
        """Whether anybody but our own logs speaks of it."""
        return not self.origins.isdisjoint(READ)


@dataclass(frozen=True)
class Suggestion:
    """A book that a document may be; `likeness` 0 to 1."""

    book_id: int
    title: str
    authors: tuple[str, ...]
    likeness: float


@dataclass(frozen=True)
class Shelf:
    """What suggestions are made from: the library's titles and authors."""

    titles: Mapping[int, str]
    authors: Mapping[int, tuple[str, ...]]
    words: Mapping[int, frozenset[str]] = field(default_factory=dict)


def list_documents(bridge: Bridge, account: Account, abort: Any = None) -> list[ListedDocument] | None:
    """What the server knows of this account, newest first; None where it cannot list. Raises SyncError."""
    found = bridge.request("documents/list", {"account": account}, abort=abort)["list"]
    return None if found is None else found["documents"]


def unmatched(
    api: CalibreDb,
    listed: Iterable[ListedDocument] = (),
    orphans: Iterable[Orphan] = (),
    pasted: Iterable[Document] = (),
    elsewhere: Elsewhere | None = None,
) -> list[Document]:
    """Everything known that no book of this library has: what was read first, the newest of it before the older.

    `listed` is what servers told, `orphans` what `rebuild` could give to no book, `pasted` what the reader brought,
    `elsewhere` what other libraries know. Devices that were ever connected are asked from memory.
    """
    found: dict[str, Document] = {}
    for document in (*_from_servers(listed), *_from_devices(), *_from_orphans(orphans), *pasted):
        known = found.get(document.digest)
        found[document.digest] = document if known is None else _joined(known, document)
    matched = _matched(api)
    known = elsewhere or Elsewhere()
    left = [_named(one, known) for one in found.values() if one.digest not in matched]
    return sorted(left, key=lambda one: (not one.was_read, -(one.at or 0.0), one.title or "", one.digest))


def documents_in(text: str) -> list[Document]:
    """What a reader pasted: KOReader's sidecar, or any text with digests in it, each once."""
    try:
        sidecar = read_sidecar(text.encode("utf-8", "surrogatepass"))
    except OddFile:
        sidecar = None
    if sidecar is None:
        return [Document(digest, frozenset({"pasted"})) for digest in dict.fromkeys(DIGEST.findall(text.lower()))]
    name = re.split(r"[/\\]", sidecar["doc_path"] or "")[-1]
    told = {"title": sidecar["title"], "authors": tuple(sidecar["authors"]), "name": name or None}
    return [Document(sidecar["digest"], frozenset({"pasted"}), percentage=sidecar["percentage"], **told)]


def owners_of(api: CalibreDb, digests: Collection[str]) -> dict[str, int]:
    """The books of this library that have these digests already."""
    stored = read_stored(api, api.all_book_ids())
    return {
        known["digest"]: book_id
        for book_id, history in stored.items()
        for known in history["digests"]
        if known["digest"] in digests
    }


def shelf_of(api: CalibreDb) -> Shelf:
    """Titles and authors of the whole library; 10,000 books in a fraction of a second."""
    ids = api.all_book_ids()
    titles: dict[int, str] = {book_id: title or "" for book_id, title in api.all_field_for("title", ids).items()}
    authors: dict[int, tuple[str, ...]] = {
        book_id: tuple(names or ()) for book_id, names in api.all_field_for("authors", ids).items()
    }
    words = {book_id: _words(title, *authors.get(book_id, ())) for book_id, title in titles.items()}
    return Shelf(titles, authors, words)


def suggest(document: Document, shelf: Shelf, most: int = SUGGESTIONS) -> list[Suggestion]:
    """The books that a document may be, likeliest first; none when its title and name resemble nothing."""
    told = _words(document.title or "", *document.authors) or _words(_stem(document.name))
    if not told:
        return []
    # Only books that share a word are compared letter by letter.
    sharing = [book_id for book_id, words in shelf.words.items() if words & told]
    found = [
        Suggestion(book_id, shelf.titles[book_id], shelf.authors.get(book_id, ()), likeness)
        for book_id in sharing
        for likeness in (_likeness(document, shelf, book_id),)
        if likeness >= LIKELY
    ]
    return sorted(found, key=lambda one: (-one.likeness, one.book_id))[:most]


def _from_servers(listed: Iterable[ListedDocument]) -> Iterable[Document]:
    for entry in listed:
        progress, told = entry["progress"], entry["metadata"] or {}
        if DIGEST.fullmatch(progress["document"]):
            yield Document(
                progress["document"],
                frozenset({"server"}),
                title=told.get("title") or None,
                authors=_names(told.get("authors")),
                name=told.get("filename") or None,
                device=progress["device"] or None,
                percentage=progress["percentage"],
                at=progress["timestamp"],
            )


def _from_devices() -> Iterable[Document]:
    for state in all_states():
        for told in state["unmatched"]:
            yield Document(
                told["digest"],
                frozenset({"device"}),
                title=told["title"],
                authors=tuple(told["authors"]),
                name=told["name"],
                device=told["device"],
                percentage=told["percentage"],
                at=told["at"],
            )


def _from_orphans(orphans: Iterable[Orphan]) -> Iterable[Document]:
    for orphan in orphans:
        for known in orphan.digests:
            yield Document(
                known["digest"],
                frozenset({"orphan"}),
                title=orphan.title or None,
                authors=orphan.authors,
                name=known["name"],
                device=known["device"],
                uuid=orphan.uuid,
            )


def _named(document: Document, elsewhere: Elsewhere) -> Document:
    """The document under the name that another library has for it, if one knows it."""
    book = elsewhere.by_digest.get(document.digest) or elsewhere.by_uuid.get(document.uuid or "")
    if book is None:
        return document
    title, authors = document.title or book.title or None, document.authors or book.authors
    return replace(document, title=title, authors=authors, library=book.library)


def _joined(known: Document, more: Document) -> Document:
    """The first to tell something is believed: servers, then devices, then our own logs."""
    completed = {
        name: getattr(more, name)
        for name in ("title", "authors", "name", "device", "percentage", "at", "uuid")
        if not getattr(known, name) and getattr(more, name)
    }
    return replace(known, origins=known.origins | more.origins, **completed)


def _matched(api: CalibreDb) -> set[str]:
    """Digests that some book has. What a reader unlinked from one book may still be another's."""
    stored = read_stored(api, api.all_book_ids())
    return {known["digest"] for history in stored.values() for known in history["digests"]}


def _likeness(document: Document, shelf: Shelf, book_id: int) -> float:
    title, authors = shelf.titles[book_id], shelf.authors.get(book_id, ())
    by_title = _alike(document.title, title) if document.title else 0.0
    if document.authors and by_title:
        # The same author makes a like title likelier, another one makes it a namesake.
        by_title = 0.7 * by_title + 0.3 * max(
            (_alike(one, other) for one in document.authors for other in authors), default=0.0
        )
    stem = _stem(document.name)
    names = (f"{title} - {', '.join(authors)}", f"{', '.join(authors)} - {title}", title)
    by_name = max(_alike(stem, name) for name in names) if stem else 0.0
    return max(by_title, by_name)


def _alike(one: str | None, other: str | None) -> float:
    first, second = _plain(one or ""), _plain(other or "")
    if not first or not second:
        return 0.0
    return 1.0 if first == second else SequenceMatcher(None, first, second, autojunk=False).ratio()


def _plain(text: str) -> str:
    """Without case, accents and punctuation, so that a name made for a file system is still alike."""
    letters = unicodedata.normalize("NFKD", text).casefold()
    return " ".join(
        re.findall(r"\w+", "".join(each for each in letters if not unicodedata.combining(each)).replace("_", " "))
    )


def _words(*texts: str) -> frozenset[str]:
    return frozenset(word for text in texts for word in _plain(text).split() if len(word) > 2 or not word.isascii())


def _stem(name: str | None) -> str:
    return re.sub(r"(\.kepub)?\.\w{1,5}$", "", name or "", flags=re.IGNORECASE)


def _names(authors: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in re.split(r"[\n;&]", authors or "") if part.strip())
