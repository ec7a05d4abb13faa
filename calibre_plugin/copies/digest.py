"""What names a file: KOReader's digest of it, of its basename, and the key that all copies of one text share."""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
from collections.abc import Iterator
from typing import Any, BinaryIO
from urllib.parse import unquote
from zipfile import ZipFile, is_zipfile

SAMPLE = 1024
# KOReader shifts 1024 by 2*i bits for i = -1 .. 10; LuaJIT wraps the first shift to zero.
OFFSETS = (0, *(SAMPLE << 2 * i for i in range(11)))

CONTAINER = "META-INF/container.xml"
PACKAGE_TYPE = "application/oebps-package+xml"
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


def partial_md5(stream: BinaryIO) -> str:
    """KOReader's partial MD5 of a seekable stream, which is left where it stood. Reads at most 12 KiB."""
    before = stream.tell()
    md5 = hashlib.md5(usedforsecurity=False)
    try:
        for offset in OFFSETS:
            stream.seek(offset)
            sample = stream.read(SAMPLE)
            if not sample:
                break
            md5.update(sample)
    finally:
        stream.seek(before)
    return md5.hexdigest()


def file_digest(path: str) -> str:
    """KOReader's partial MD5 of a file; OSError when it cannot be read."""
    # Unbuffered: a buffered reader would fetch eight times what is sampled.
    with open(path, "rb", buffering=0) as file:
        return partial_md5(file)


def name_digest(name: str) -> str:
    """What KOReader's *Filename* matching asks for: the MD5 of the basename with its extension."""
    try:
        encoded = name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        # Half a character, as a system that cuts names in UTF-16 may leave it.
        encoded = name.encode("utf-8", "surrogatepass")
    return hashlib.md5(encoded, usedforsecurity=False).hexdigest()


def stream_size(stream: BinaryIO) -> int:
    """Bytes in a seekable stream, which is left where it stood."""
    before = stream.tell()
    # A spooled file's own seek returns nothing in an old Python.
    stream.seek(0, os.SEEK_END)
    size = stream.tell()
    stream.seek(before)
    return size


def content_key(stream: BinaryIO) -> str | None:
    """The MD5 of an EPUB's text as the zip directory tells it; None for whatever is not a readable EPUB.

    For each entry of the spine in reading order: its path in the zip, a NUL, its CRC-32 as eight hex digits, a NUL,
    its size in decimal, a line feed; UTF-8. Spine entries that the zip lacks do not count. Metadata has no part in it,
    so the library's file and every copy of it have one key. Only container.xml and the package document are unpacked.
    """
    before = stream.tell()
    try:
        if not is_zipfile(stream):
            return None
        with ZipFile(stream) as archive:
            return _content_key(archive)
    except Exception:
        return None
    finally:
        stream.seek(before)


def file_content_key(path: str) -> str | None:
    """The content key of a file; None also when it cannot be read."""
    try:
        with open(path, "rb") as file:
            return content_key(file)
    except OSError:
        return None


def package_uuids(path: str) -> list[str]:
    """The uuids among an EPUB's identifiers, lower case; none for whatever cannot be read as one.

    calibre writes a book's uuid as `opf:scheme="calibre"` or `"uuid"` in OPF 2, as `calibre:` or `uuid:` in OPF 3.
    """
    try:
        with ZipFile(path) as archive:
            _path, package = _package(archive)
            texts = [
                element.text or ""
                for element in package.iterfind("{*}metadata/{http://purl.org/dc/elements/1.1/}identifier")
            ]
            return uuids_in("\n".join(texts))
    except Exception:
        return []


def uuids_in(text: str) -> list[str]:
    """The uuids that a text mentions, lower case, each once."""
    return list(dict.fromkeys(found.lower() for found in _UUID.findall(text)))


def _content_key(archive: ZipFile) -> str | None:
    md5 = hashlib.md5(usedforsecurity=False)
    entries = archive.NameToInfo
    found = False
    for path in spine_paths(archive):
        entry = entries.get(path)
        if entry is not None:
            found = True
            md5.update(f"{path}\0{entry.CRC:08x}\0{entry.file_size}\n".encode("utf-8", "surrogateescape"))
    return md5.hexdigest() if found else None


def spine_paths(archive: ZipFile) -> Iterator[str]:
    """The zip paths of an EPUB's reading order. Raises whatever a malformed book makes the parsers raise."""
    package_path, package = _package(archive)
    hrefs = {item.get("id"): item.get("href") for item in package.iterfind("{*}manifest/{*}item")}
    folder = posixpath.dirname(package_path)
    for itemref in package.iterfind("{*}spine/{*}itemref"):
        href = hrefs.get(itemref.get("idref"))
        if href:
            # calibre percent-decodes hrefs when it rewrites an OPF 2: only the decoded path stays the same.
            yield posixpath.normpath(posixpath.join(folder, unquote(href.partition("#")[0])))


def _package(archive: ZipFile) -> tuple[str, Any]:
    """The path of the package document and its root element."""
    from calibre.utils.xml_parse import safe_xml_fromstring

    container = safe_xml_fromstring(archive.read(CONTAINER))
    path = next(
        element.get("full-path")
        for element in container.iter("{*}rootfile")
        if element.get("media-type") == PACKAGE_TYPE and element.get("full-path")
    )
    return path, safe_xml_fromstring(archive.read(path))
