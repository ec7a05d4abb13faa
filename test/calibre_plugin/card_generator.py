"""Makes whole cards: books in every form that KOReader has ever kept, every second one as a Kobo's driver makes it.

Of each book it is known what has to arrive, or why nothing can.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from calibre.ebooks.metadata.book.base import Metadata
from copies_of import as_kepub
from device_tree import DeviceTree, sidecar_text
from epubs import Recipe, make_epub

READ_AT: Final = 1_700_000_000


@dataclass
class Expected:
    """What has to arrive of one book: the fields of its reading."""

    percentage: float
    progress: str
    status: str = "reading"
    rating: int | None = None
    review: str | None = None


@dataclass
class Card:
    """A device, the books of the library on it, and what is to come of each."""

    tree: DeviceTree
    # By book id.
    expected: dict[int, Expected] = field(default_factory=dict)
    # Paths that have a line of their own, with the reason.
    odd: dict[str, str] = field(default_factory=dict)
    # Digests of documents that no book has.
    strangers: set[str] = field(default_factory=set)
    # Books of which the card has nothing that counts.
    silent: set[int] = field(default_factory=set)
    # What calibre itself says of the files: path below the memory -> the book's uuid.
    calibre_uuids: dict[str, str] = field(default_factory=dict)


def make_card(db: Any, count: int) -> Card:
    """A card with `count` books of the library, each form in turn."""
    card = Card(DeviceTree())
    api = db.new_api
    # A library that is thrown away need not survive a power cut.
    api.backend.conn.execute("PRAGMA synchronous=OFF")
    for n in range(count):
        form = FORMS[n % len(FORMS)]
        is_kepub = (n // len(FORMS)) % 2 == 1
        title = f"Book {n}"
        data = make_epub(Recipe(title, chapters=1, title=title))
        book = api.create_book_entry(Metadata(title, ["Somebody"]), apply_import_tags=False)
        api.add_format(book, "EPUB", io.BytesIO(data), run_hooks=False)
        uuid = api.field_for("uuid", book)
        own = make_epub(Recipe(title, chapters=1, title=title, uuid=uuid))
        name = f"Books/{title}{'.kepub' if is_kepub else ''}.epub"
        digest = card.tree.put(name, as_kepub(own) if is_kepub else own)
        card.calibre_uuids[name] = uuid
        form(card, book, name, digest, n)
    return card


def _text(n: int, digest: str, uuid: str, **more: Any) -> tuple[str, Expected]:
    """A sidecar, and what it tells."""
    expected = Expected(
        percentage=round(0.01 + (n % 97) / 100, 2),
        progress=f"/body/DocFragment[1]/body/p[{n + 1}]/text().0",
        status=("reading", "complete", "abandoned")[n % 3],
        rating=(None, 1, 2, 3, 4, 5)[n % 6],
        review=None if n % 4 else f"Thoughts on {n},\nin two lines",
    )
    summary = f'["rating"] = {expected.rating},\n' if expected.rating else ""
    if expected.review:
        summary += '["note"] = "{}",\n'.format(expected.review.replace("\n", "\\\n"))
    text = sidecar_text(
        f"/mnt/onboard/Book {n}.epub",
        digest,
        status=expected.status,
        percent=expected.percentage,
        props={"title": f"Book {n}", "identifiers": f"calibre:{uuid}"},
        summary=summary,
        more=f'["last_xpointer"] = "{expected.progress}",\n',
        **more,
    )
    return text, expected


def _write(path: str, text: str, at: int = READ_AT) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.utime(path, (at, at))


def _beside(card: Card, name: str) -> str:
    stem, extension = os.path.splitext(name)
    return card.tree.path(f"{stem}.sdr/metadata{extension}.lua")


def _docsettings(card: Card, name: str) -> str:
    stem, extension = os.path.splitext(name)
    return os.path.join(card.tree.koreader, "docsettings/mnt/onboard", f"{stem}.sdr/metadata{extension}.lua")


def _hashed(card: Card, digest: str) -> str:
    return os.path.join(card.tree.koreader, "hashdocsettings", digest[:2], f"{digest}.sdr/metadata.epub.lua")


Form = Callable[[Card, int, str, str, int], None]


def _placed(place: Callable[[Card, str, str], str]) -> Form:
    def form(card: Card, book: int, name: str, digest: str, n: int) -> None:
        text, card.expected[book] = _text(n, digest, card.calibre_uuids[name])
        _write(place(card, name, digest), text)

    return form


def _archived_only(card: Card, book: int, name: str, digest: str, n: int) -> None:
    """A finished book that was deleted on the reader lives in the archive alone."""
    text, card.expected[book] = _text(n, digest, card.calibre_uuids[name])
    _write(card.tree.path(f"Archive/{digest}.lua"), text)
    os.remove(card.tree.path(name))


def _cut_beside_a_good_old(card: Card, book: int, name: str, digest: str, n: int) -> None:
    text, card.expected[book] = _text(n, digest, card.calibre_uuids[name])
    path = _beside(card, name)
    _write(path, text[: len(text) // 2])
    _write(path + ".old", text, READ_AT - 100)
    card.odd[path] = "cut_off"


def _before_its_old(card: Card, book: int, name: str, digest: str, n: int) -> None:
    text, card.expected[book] = _text(n, digest, card.calibre_uuids[name])
    older, _expected = _text(n + 1, digest, card.calibre_uuids[name])
    _write(_beside(card, name), text)
    # A copied card dates everything alike: what was before counts only by its name.
    _write(_beside(card, name) + ".old", older)


def _newest_of_two_places(card: Card, book: int, name: str, digest: str, n: int) -> None:
    text, card.expected[book] = _text(n, digest, card.calibre_uuids[name])
    older, _expected = _text(n + 2, digest, card.calibre_uuids[name])
    _write(_docsettings(card, name), older, READ_AT - 5000)
    _write(_beside(card, name), text)


def _file_sent_again(card: Card, book: int, name: str, digest: str, n: int) -> None:
    """KOReader keeps the digest of the first opening."""
    text, card.expected[book] = _text(n, f"{n:032x}", card.calibre_uuids[name])
    _write(_beside(card, name), text)


def _without_summary(card: Card, book: int, name: str, digest: str, n: int) -> None:
    """As the first versions wrote it, with a paged place."""
    text = f'return {{\n["partial_md5_checksum"] = "{digest}",\n["percent_finished"] = 0.5,\n["last_page"] = 7,\n}}\n'
    card.expected[book] = Expected(0.5, "7", None)  # type: ignore[arg-type]
    _write(_beside(card, name), text)


def _never_opened(card: Card, book: int, _name: str, _digest: str, _n: int) -> None:
    card.silent.add(book)


def _reset(card: Card, book: int, name: str, digest: str, _n: int) -> None:
    card.silent.add(book)
    _write(_beside(card, name), f'return {{ ["partial_md5_checksum"] = "{digest}", ["summary"] = {{}} }}')


def _damaged(card: Card, book: int, name: str, digest: str, _n: int) -> None:
    card.silent.add(book)
    path = _beside(card, name)
    _write(path, f'return {{ ["partial_md5_checksum"] = "{digest}", ["percent_finished"] = {"9" * 500} }}')
    card.odd[path] = "number_too_large"


def _stranger(card: Card, book: int, _name: str, _digest: str, n: int) -> None:
    """A book that calibre does not have."""
    card.silent.add(book)
    digest = card.tree.put(f"Mine/Own {n}.txt", f"my own words {n}".encode())
    _write(_beside(card, f"Mine/Own {n}.txt"), sidecar_text(f"/mnt/onboard/Mine/Own {n}.txt", digest))
    card.strangers.add(digest)


FORMS: Final[tuple[Form, ...]] = (
    _placed(lambda card, name, _digest: _beside(card, name)),
    _placed(lambda card, name, _digest: _docsettings(card, name)),
    _placed(lambda card, _name, digest: _hashed(card, digest)),
    _archived_only,
    _cut_beside_a_good_old,
    _before_its_old,
    _newest_of_two_places,
    _file_sent_again,
    _without_summary,
    _never_opened,
    _reset,
    _damaged,
    _stranger,
)
