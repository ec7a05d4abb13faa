"""What a book's file is called on a reader, route by route: a reader set to *Filename* matching knows nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any, Final

from ..library.calibre_db import CalibreDb

WIRELESS_TEMPLATE: Final = "{title} - {authors} ({id})"


def names_on_readers(api: CalibreDb, book_id: int) -> list[str]:
    """Basenames that a copy of any format of this book may have, likeliest first, each once."""
    metadata = api.get_metadata(book_id)
    names: list[str] = []
    for fmt in api.formats(book_id, verify_formats=False):
        extension = fmt.lower()
        for route in ROUTES:
            try:
                names.extend(route(api, book_id, metadata, extension))
            except Exception:
                # A template of the reader's own may fail for one book: that route then has no name to offer.
                continue
    return list(dict.fromkeys(name for name in names if name))


def _sent(api: CalibreDb, book_id: int, metadata: object, extension: str) -> Iterator[str]:
    """Send to device: the template of calibre's settings, and that of KOReader's wireless connection."""
    from calibre.library.save_to_disk import config

    settings: Any = config().parse()
    for template in (settings.send_template, WIRELESS_TEMPLATE):
        yield _by_template(book_id, metadata, extension, template)


def _saved(api: CalibreDb, book_id: int, metadata: object, extension: str) -> Iterator[str]:
    """Save to disk."""
    from calibre.library.save_to_disk import config

    settings: Any = config().parse()
    yield _by_template(book_id, metadata, extension, settings.template)


def _downloaded(api: CalibreDb, book_id: int, metadata: Any, extension: str) -> Iterator[str]:
    """The content server's own name, plain and as newer clients get it."""
    from calibre.ebooks.metadata import authors_to_string
    from calibre.utils.filenames import ascii_filename

    authors = authors_to_string(metadata.authors or ())
    name = f"{metadata.title[:30]} - {authors[:30]}_{book_id}.{extension}"
    yield ascii_filename(name).replace('"', "_")
    yield _safe(name)


def _by_opds(api: CalibreDb, book_id: int, metadata: Any, extension: str) -> Iterator[str]:
    """KOReader's own catalogue browser names a file by author and title."""
    from calibre.ebooks.metadata import authors_to_string

    for authors in dict.fromkeys((authors_to_string(metadata.authors or ()), (metadata.authors or ("",))[0])):
        yield f"{authors} - {metadata.title}.{extension}".replace("/", "_")


def _in_library(api: CalibreDb, book_id: int, metadata: object, extension: str) -> Iterator[str]:
    """A copy made by hand."""
    path = api.format_abspath(book_id, extension.upper())
    if path:
        yield os.path.basename(path)


def _by_template(book_id: int, metadata: object, extension: str, template: str) -> str:
    from calibre.library.save_to_disk import get_components, preprocess_template
    from calibre.utils.filenames import ascii_filename

    parts = get_components(preprocess_template(template), metadata, book_id, sanitize_func=ascii_filename)
    return f"{parts[-1]}.{extension}" if parts else ""


def _safe(name: str) -> str:
    from calibre.utils.filenames import sanitize_file_name

    return sanitize_file_name(name)


ROUTES: Final[tuple[Callable[[Any, int, Any, str], Iterator[str]], ...]] = (
    _in_library,
    _sent,
    _downloaded,
    _by_opds,
    _saved,
)
