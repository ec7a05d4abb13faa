"""Books that are told apart by what they show: comics, and the files calibre makes of them."""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Sequence

from epubs import CONTAINER, MADE_ON

PAGE = (
    '<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml"><head><title>{n}'
    '</title></head><body><div><img width="60" height="80" src="../Images/{n}.png"/></div></body></html>'
)


def picture(seed: str, width: int = 24, height: int = 32) -> bytes:
    """A PNG that no other seed has."""
    rng = random.Random(seed)
    rows = b"".join(b"\0" + rng.randbytes(3 * width) for _ in range(height))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def comic(volume: str, pages: int = 5, pictures: bool = True) -> bytes:
    """An EPUB as converters of comics make it: every page is the same few words around a picture's name."""
    numbers = [f"{n:03d}" for n in range(pages)]
    items = [
        f'<item id="p{n}" href="Text/{n}.xhtml" media-type="application/xhtml+xml"/>'
        f'<item id="i{n}" href="Images/{n}.png" media-type="image/png"/>'
        for n in numbers
    ]
    entries = [(f"OEBPS/Text/{n}.xhtml", PAGE.format(n=n).encode()) for n in numbers]
    if pictures:
        entries += [(f"OEBPS/Images/{n}.png", picture(f"{volume}/{n}")) for n in numbers]
    return packed(items, [f"p{n}" for n in numbers], entries)


def novel(text: str, referred: str = "chapter.xhtml", kept: str = "chapter.xhtml") -> bytes:
    """An EPUB with a title page that many have, and a chapter that the package may call otherwise than the archive."""
    page = '<html xmlns="http://www.w3.org/1999/xhtml"><head><title>T</title></head><body>{}</body></html>'
    items = [
        f'<item id="{name}" href="{href}" media-type="application/xhtml+xml"/>'
        for name, href in (("title", "title.xhtml"), ("chapter", referred))
    ]
    entries = [
        ("OEBPS/title.xhtml", page.format("<p>" + "A house that prints many books. " * 12 + "</p>").encode()),
        (f"OEBPS/{kept}", page.format("".join(f"<p>{text} {n}, and so on and on.</p>" for n in range(40))).encode()),
    ]
    return packed(items, ["title", "chapter"], entries)


def comic_archive(volume: str, pages: int = 5) -> bytes:
    """A CBZ."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for n in range(pages):
            archive.writestr(f"{n:03d}.png", picture(f"{volume}/{n}", 60, 80))
    return out.getvalue()


def packed(items: Sequence[str], spine: Sequence[str], entries: Sequence[tuple[str, bytes]]) -> bytes:
    """An EPUB of these manifest items, spine references and files below OEBPS."""
    references = "".join(f'<itemref idref="{name}"/>' for name in spine)
    package = (
        '<?xml version="1.0" encoding="utf-8"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0" '
        'unique-identifier="uid"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>T</dc:title>'
        '<dc:language>en</dc:language><dc:identifier id="uid">none</dc:identifier></metadata>'
        f"<manifest>{''.join(items)}</manifest>"
        f"<spine>{references}</spine></package>"
    )
    described = (("META-INF/container.xml", CONTAINER.encode()), ("OEBPS/content.opf", package.encode()))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        # Made again, a book is the same file: the clock is no part of it.
        archive.writestr(zipfile.ZipInfo("mimetype", MADE_ON), "application/epub+zip")
        for name, data in (*described, *entries):
            archive.writestr(zipfile.ZipInfo(name, MADE_ON), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()
