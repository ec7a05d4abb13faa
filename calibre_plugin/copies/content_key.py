"""What copies of one text share, whatever their metadata: a key over all that is read in an EPUB, pictures too.

The bridge makes the same key in `core/position/content-key.ts`; test/fixtures/content-key-vectors.json keeps the two
together.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO, Final
from zipfile import ZipFile, ZipInfo, is_zipfile

from .package_document import Package, open_package, read_text
from .visible_text import visible_characters

# Pages with fewer visible characters than this in a whole book, and no picture, cannot be told apart.
ENOUGH_TEXT: Final = 200
# So much of the pages' source is read to find them, in bytes; who has not shown them by then is refused.
SEARCHED: Final = 4 << 20
SEARCHED_OF_EACH: Final = 1 << 20
_VERSION: Final = "2:"
_KEY: Final = re.compile(r"(?:2:)?[0-9a-f]{32}")
# Who leaves them out of the manifest may show them all the same.
_MEDIA_NAME: Final = re.compile(
    r"\.(?:jpe?g|png|gif|webp|svg|bmp|tiff?|avif|jxl|mp3|m4a|aac|ogg|oga|opus|wav|mp4|m4v|webm|ogv)$",
    re.IGNORECASE | re.ASCII,
)
# Where calibre puts a cover that a book has not.
_ADDED_COVER: Final = re.compile(r"(?:^|/)cover\.jpg$", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True)
class OldAndNew:
    """One file's key of before pictures counted, and of now; `by_text` when its text alone tells it from every other."""

    old: str
    new: str
    by_text: bool


def is_key(value: object) -> bool:
    """Whether this is a content key, of this version or of the one that knew no pictures."""
    return isinstance(value, str) and _KEY.fullmatch(value) is not None


def is_versioned(key: str | None) -> bool:
    """Whether a key knows pictures."""
    return key is not None and key.startswith(_VERSION)


def is_same_text(one: str | None, other: str | None) -> bool:
    """Whether two keys say that two copies are one text; a key without a version says that of no two."""
    return one == other and is_versioned(one)


def newest_key(preferred: str | None, other: str | None) -> str | None:
    """Of two keys of one file the preferred one, but never one that knows no pictures where the other does."""
    if preferred is None or (is_versioned(other) and not is_versioned(preferred)):
        return other
    return preferred


def content_key(stream: BinaryIO) -> str | None:
    """The key of the EPUB in a seekable stream, which is left where it stood; None for whatever has none.

    `2:` and the MD5 of, for each document of the spine in reading order, its name, a NUL, its CRC-32 as eight hex digits,
    a NUL, its size in decimal and a line feed; an empty line; then the same of each image, audio and video but the cover,
    in the order of their names; UTF-8. Nothing but the package document is unpacked, and of a book without pictures its
    first pages. A book has none when a document of its spine is missing, or when there is too little to tell it from
    another: no picture but the cover, and fewer than 200 visible characters.
    """
    before = stream.tell()
    try:
        if not is_zipfile(stream):
            return None
        with ZipFile(stream) as archive:
            return _key_of(archive, *open_package(archive))
    except Exception:
        return None
    finally:
        stream.seek(before)


def key_and_uuids(stream: BinaryIO) -> tuple[str | None, list[str]]:
    """The key of the EPUB in a seekable stream, and the uuids among its identifiers, lower case; neither of what is none.

    calibre writes a book's uuid as `opf:scheme="calibre"` or `"uuid"` in OPF 2, as `calibre:` or `uuid:` in OPF 3.
    """
    try:
        with ZipFile(stream) as archive:
            entries, package = open_package(archive)
            with suppress(Exception):
                return _key_of(archive, entries, package), package.uuids
            return None, package.uuids
    except Exception:
        return None, []


def file_content_key(path: str) -> str | None:
    """The content key of a file; None also when it cannot be read."""
    try:
        with open(path, "rb") as file:
            return content_key(file)
    except OSError:
        return None


def old_and_new_key(path: str) -> OldAndNew | None:
    """The keys of a file in both versions; None for what has no key now."""
    try:
        with ZipFile(path) as archive:
            entries, package = open_package(archive)
            new = _key_of(archive, entries, package)
            if new is None:
                return None
            spine = [entries[name] for name in package.spine]
            told = "".join(f"{info.filename}\0{info.CRC:08x}\0{info.file_size}\n" for info in spine)
            old = hashlib.md5(told.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()
            return OldAndNew(old, new, _has_enough_text(archive, spine))
    except Exception:
        return None


def pages_alike(path: str) -> bool:
    """Whether a file has no key because its pages cannot be told apart from another book's; False for a broken one."""
    try:
        with ZipFile(path) as archive:
            entries, package = open_package(archive)
            return _is_whole(entries, package) and _key_of(archive, entries, package) is None
    except Exception:
        return False


def _key_of(archive: ZipFile, entries: Mapping[str, ZipInfo], package: Package) -> str | None:
    if not _is_whole(entries, package):
        return None
    spine = package.spine
    shown = {*package.media, *filter(_is_media_name, entries)} - {*spine} - package.covers
    media = sorted(name for name in shown if name in entries)
    if not media and not _has_enough_text(archive, [entries[name] for name in spine]):
        return None
    lines = [*_lines(spine, entries), "\n", *_lines(media, entries)]
    told = "".join(lines).encode("utf-8", "surrogatepass")
    return _VERSION + hashlib.md5(told, usedforsecurity=False).hexdigest()


def _is_whole(entries: Mapping[str, ZipInfo], package: Package) -> bool:
    spine = package.spine
    return package.is_whole and bool(spine) and all(name in entries for name in spine)


def _lines(names: Iterable[str], entries: Mapping[str, ZipInfo]) -> Iterable[str]:
    for name in names:
        entry = entries[name]
        yield f"{name}\0{entry.CRC:08x}\0{entry.file_size}\n"


def _is_media_name(name: str) -> bool:
    return _MEDIA_NAME.search(name) is not None and _ADDED_COVER.search(name) is None


def _has_enough_text(archive: ZipFile, spine: Iterable[ZipInfo]) -> bool:
    found, searched = 0, 0
    for entry in spine:
        if found >= ENOUGH_TEXT or searched > SEARCHED:
            break
        searched += entry.file_size
        try:
            source = read_text(archive, entry, first=SEARCHED_OF_EACH)
        except Exception:
            continue  # What cannot be read shows nothing.
        found += visible_characters(source, ENOUGH_TEXT - found)
    return found >= ENOUGH_TEXT
