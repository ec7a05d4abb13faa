"""What an EPUB's package document says of its files, read as the bridge reads it, in linear time and bounded memory.

A reader's file may be anybody's: calibre's own parser builds a tree of whatever it is given, in calibre's own process.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.entities import html5
from typing import Final
from zipfile import ZipFile, ZipInfo

from .archive_names import clean_name, entries_by_name, resolve_name

CONTAINER: Final = "META-INF/container.xml"
PACKAGE_TYPE: Final = "application/oebps-package+xml"

MOST_ENTRIES: Final = 100_000
LARGEST_DOCUMENT: Final = 100 << 20
LARGEST_CONTAINER: Final = 1 << 20
LARGEST_PACKAGE: Final = 16 << 20
# Beyond 1 MiB, text does not shrink to less than a two-hundredth: what does is a bomb.
STEEPEST: Final = 200
# The bridge refuses more as well: `core/position/package.ts`.
_MOST_ELEMENTS: Final = 50_000
_LONGEST_TAG: Final = 1 << 16

_ELEMENT: Final = re.compile(
    r"<(?:!--|!\[CDATA\[|(?:[A-Za-z][\w.-]*:)?(item|itemref|meta|reference|rootfile|identifier)(?=[\s/>]))", re.ASCII
)
_ATTRIBUTE: Final = re.compile(
    r"(?<![\w.:-])(?:[A-Za-z][\w.-]{0,64}:)?([A-Za-z][\w.-]{0,64})[ \t\r\n]{0,64}="
    r"[ \t\r\n]{0,64}(?:\"([^\"]*)|'([^']*)|([^\s\"'>]+))",
    re.ASCII,
)
_ORDINARY: Final = re.compile(r"[^&\t\r\n]*")
_CHARACTER: Final = re.compile(r"&(?:#([0-9]{1,7})|#[xX]([0-9a-fA-F]{1,6})|([A-Za-z][A-Za-z0-9]{0,31}));")
_DECLARED: Final = re.compile(rb"^\s{0,64}<\?xml[^>]{0,512}?\sencoding\s{0,64}=\s{0,64}[\"']([\w.:-]{1,64})[\"']")
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_MEDIA_TYPE: Final = re.compile(r"(?:image|audio|video)/", re.IGNORECASE)


class Unreadable(Exception):
    """An archive, or one of its files, that is larger than any book's; its text says what."""


@dataclass(frozen=True)
class Element:
    """A tag of interest: its name, its attributes, and of an identifier the text up to the next tag."""

    name: str
    attributes: Mapping[str, str]
    text: str


@dataclass(frozen=True)
class Package:
    """A package document; files by their names in the archive, in the one form of `archive_names`."""

    spine: list[str] = field(default_factory=list)
    # Whether each reference of the spine leads to an item of the manifest.
    is_whole: bool = True
    # The manifest's images, audio and video.
    media: frozenset[str] = frozenset()
    # What is declared as the cover, which calibre replaces.
    covers: frozenset[str] = frozenset()
    uuids: list[str] = field(default_factory=list)


def open_package(archive: ZipFile) -> tuple[dict[str, ZipInfo], Package]:
    """An EPUB's files by name, and its package document. Raises for what is no readable EPUB, or beyond all measure."""
    infos = archive.infolist()
    if len(infos) > MOST_ENTRIES:
        raise Unreadable("too many entries")
    entries = entries_by_name(infos)
    container = read_text(archive, entries[CONTAINER], LARGEST_CONTAINER)
    path = next((name for name in package_paths(container) if name in entries), None)
    if path is None:
        raise Unreadable("no package document")
    return entries, read_package(read_text(archive, entries[path], LARGEST_PACKAGE), path)


def package_paths(container: str) -> Iterator[str]:
    """Where container.xml says that the package document is, the likeliest name first: as it stands, then decoded."""
    roots = [root.attributes for root in elements(container) if root.name == "rootfile"]
    named = [root for root in roots if root.get("full-path")]
    typed = [root for root in named if root.get("media-type") == PACKAGE_TYPE]
    for root in [*typed, *named][:1]:
        path = root["full-path"]
        yield from filter(None, (clean_name(path), resolve_name(path, "")))


def renditions(container: str) -> Iterator[str]:
    """Every package document that container.xml names, of all renditions."""
    for root in elements(container):
        if root.name == "rootfile" and root.attributes.get("media-type") == PACKAGE_TYPE:
            path = root.attributes.get("full-path", "")
            yield from (clean_name(path), resolve_name(path, ""))


def read_package(source: str, path: str) -> Package:
    """Reads a package document; `path` is its own name in the archive."""
    found = list(elements(source))
    items: dict[str, Mapping[str, str]] = {}
    for element in found:
        item = element.attributes
        if element.name == "item" and "id" in item and "href" in item:
            items.setdefault(item["id"], item)
    references = [items.get(e.attributes.get("idref", "")) for e in found if e.name == "itemref"]
    names = {item_id: resolve_name(item["href"], path) for item_id, item in items.items()}
    media = {names[item_id] for item_id, item in items.items() if _MEDIA_TYPE.match(item.get("media-type", ""))}
    identifiers = "\n".join(element.text for element in found if element.name == "identifier")
    return Package(
        [names[item["id"]] for item in references if item is not None],
        None not in references,
        frozenset(media),
        frozenset(_covers(found, items, path)),
        uuids_in(identifiers),
    )


def uuids_in(text: str) -> list[str]:
    """The uuids that a text mentions, lower case, each once."""
    return list(dict.fromkeys(found.lower() for found in _UUID.findall(text)))


def _covers(found: list[Element], items: Mapping[str, Mapping[str, str]], path: str) -> Iterator[str]:
    """The cover in each of the ways in which calibre looks for the one to replace."""
    ids: set[str] = set()
    for element in found:
        about = element.attributes
        if element.name == "meta" and about.get("name", "").lower() == "cover":
            ids.add(about.get("content", ""))
        if element.name == "reference" and "cover" in about.get("type", "").lower():
            yield resolve_name(about.get("href", ""), path)
    for item_id, item in items.items():
        if item_id in ids or item["href"] in ids or "cover-image" in item.get("properties", "").split():
            yield resolve_name(item["href"], path)


def elements(source: str) -> Iterator[Element]:
    """The tags of interest in document order, namespaces dropped; as in crengine, a `>` ends a tag wherever it stands."""
    at, seen = 0, 0
    while found := _ELEMENT.search(source, at):
        if found.group(1) is None:
            end = source.find("-->" if found.group() == "<!--" else "]]>", found.end())
            at = len(source) if end < 0 else end + 3
            continue
        seen += 1
        if seen > _MOST_ELEMENTS:
            raise Unreadable("more files than any book has")
        name, start = found.group(1), found.end()
        end = source.find(">", start)
        end = len(source) if end < 0 else end
        text = source[end + 1 : end + _LONGEST_TAG].partition("<")[0] if name == "identifier" else ""
        yield Element(name, _attributes(source[start : min(end, start + _LONGEST_TAG)]), text)
        at = end


def _attributes(tag: str) -> dict[str, str]:
    return {name: _value((double or single or bare).strip()) for name, double, single, bare in _ATTRIBUTE.findall(tag)}


def _value(raw: str) -> str:
    if _ORDINARY.fullmatch(raw):
        return raw
    return _CHARACTER.sub(_character, raw.replace("\t", " ").replace("\r", " ").replace("\n", " "))


def _character(reference: re.Match[str]) -> str:
    decimal, hexadecimal, name = reference.groups()
    if name:
        return html5.get(f"{name};", reference.group())
    code = int(decimal) if decimal else int(hexadecimal, 16)
    return chr(code) if 0 < code <= 0x10FFFF else ""


def read_text(archive: ZipFile, info: ZipInfo, largest: int = LARGEST_DOCUMENT, first: int = LARGEST_DOCUMENT) -> str:
    """The text of one entry: UTF-8 wherever it is valid, else what the file names itself, else Windows-1252.

    Of a file beyond `first` bytes only what stands in these, up to the last tag. Raises `Unreadable` for more than
    `largest` bytes, and for a bomb, before unpacking it.
    """
    if info.file_size > largest:
        raise Unreadable("an entry too large")
    if info.file_size > 1 << 20 and info.file_size > info.compress_size * STEEPEST:
        raise Unreadable("a bomb")
    with archive.open(info) as entry:
        data = entry.read(first)
    if info.file_size > first:
        data = data[: data.rfind(b"<")]
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    declared = _DECLARED.match(data[:2048])
    for encoding in ("utf-8-sig", declared.group(1).decode() if declared else ""):
        try:
            return data.decode(encoding)
        except (LookupError, UnicodeDecodeError):
            continue
    return data.decode("cp1252", "replace")
