"""Makes EPUBs that a layout can stumble over: any version, place of the package document, number of entries and size."""

from __future__ import annotations

import io
import random
import zipfile
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

MADE_ON = (2020, 5, 6, 7, 8, 10)
CONTAINER = (
    '<?xml version="1.0"?><container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/content.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
)
XHTML = (
    '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html{doctype}><html xmlns="http://www.w3.org/1999/xhtml">'
    "<head><title>{title}</title></head><body><p>{text}</p></body></html>"
)
XHTML_11 = ' PUBLIC "-//W3C//DTD XHTML 1.1//EN" "http://www.w3.org/TR/xhtml11/DTD/xhtml11.dtd"'
NAV = (
    '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml" '
    'xmlns:epub="http://www.idpf.org/2007/ops"><head><title>Contents</title></head><body>'
    '<nav epub:type="toc"><ol><li><a href="c0.xhtml">One</a></li></ol></nav></body></html>'
)
NCX = (
    '<?xml version="1.0" encoding="utf-8"?><ncx xmlns="http://www.daisy.org/z3986/2005/ncx/" version="2005-1"><head>'
    '<meta name="dtb:uid" content="urn:uuid:{uuid}"/></head><docTitle><text>{title}</text></docTitle><navMap>'
    '<navPoint id="n1" playOrder="1"><navLabel><text>One</text></navLabel><content src="c0.xhtml"/></navPoint>'
    "</navMap></ncx>"
)
Place = Literal["first", "middle", "last"]


@dataclass(frozen=True)
class Recipe:
    """How an EPUB is to be made. `content` is where its content should end, in bytes, as far as that is possible."""

    name: str
    version: Literal[2, 3] = 2
    place: Place = "first"
    chapters: int = 3
    content: int = 0
    cover: bool = False
    extra: bytes = b""
    title: str = "A Book"
    uuid: str = "0d6a1d9e-1111-4222-8333-444455556666"


@cache
def cover_image() -> bytes:
    """A JPEG that calibre accepts as a cover."""
    from calibre.utils.img import create_canvas, image_to_data

    return image_to_data(create_canvas(120, 160, "#336699"), fmt="JPEG")


def make_epub(recipe: Recipe) -> bytes:
    """The file. A stored filler brings the content to the wanted size, as every byte of it moves the rest by one."""
    smallest, content_end = _pack(recipe, 0)
    missing = recipe.content - content_end
    return _pack(recipe, missing)[0] if missing > 0 else smallest


def _pack(recipe: Recipe, filler: int) -> tuple[bytes, int]:
    entries = _entries(recipe, filler)
    package = ("OEBPS/content.opf", _package(recipe, [name for name, _, _ in entries]).encode(), True)
    entries.insert({"first": 2, "middle": len(entries) // 2, "last": len(entries)}[recipe.place], package)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data, deflate in entries:
            info = zipfile.ZipInfo(name, MADE_ON)
            info.compress_type = zipfile.ZIP_DEFLATED if deflate else zipfile.ZIP_STORED
            info.external_attr = 0o644 << 16
            info.extra = b"" if name == "mimetype" else recipe.extra
            archive.writestr(info, data)
        start, infos = archive.start_dir, archive.infolist()
    following = [info.header_offset for info in infos[1:]] + [start]
    sizes = {info.filename: end - info.header_offset for info, end in zip(infos, following, strict=True)}
    return out.getvalue(), start - sizes["OEBPS/content.opf"]


def _entries(recipe: Recipe, filler: int) -> list[tuple[str, bytes, bool]]:
    doctype = "" if recipe.version == 3 else XHTML_11
    entries: list[tuple[str, bytes, bool]] = [
        ("mimetype", b"application/epub+zip", False),
        ("META-INF/container.xml", CONTAINER.encode(), True),
    ]
    for n in range(recipe.chapters):
        text = XHTML.format(
            doctype=doctype,
            title=f"Chapter {n}",
            text=f"{recipe.name} {n} " * ((93 if recipe.chapters < 300 else 3) + n % 7),
        )
        entries.append((f"OEBPS/c{n}.xhtml", text.encode(), True))
    if recipe.version == 3:
        entries.append(("OEBPS/nav.xhtml", NAV.encode(), True))
    else:
        entries.append(("OEBPS/toc.ncx", NCX.format(uuid=recipe.uuid, title=recipe.title).encode(), True))
    if recipe.cover:
        entries.append(("OEBPS/cover.jpg", cover_image(), False))
    entries.append(("OEBPS/f.ttf", random.Random(recipe.name).randbytes(filler), False))
    return entries


def _package(recipe: Recipe, names: list[str]) -> str:
    chapters = [
        f'<item id="i{n}" href="c{n}.xhtml" media-type="application/xhtml+xml"/>' for n in range(recipe.chapters)
    ]
    others = ['<item id="font" href="f.ttf" media-type="application/vnd.ms-opentype"/>']
    if "OEBPS/cover.jpg" in names:
        others.append('<item id="cov" href="cover.jpg" media-type="image/jpeg"/>')
    if recipe.version == 3:
        others.append('<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>')
    else:
        others.append('<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>')
    spine = "".join(f'<itemref idref="i{n}"/>' for n in range(recipe.chapters))
    return (
        '<?xml version="1.0" encoding="utf-8"?><package xmlns="http://www.idpf.org/2007/opf" '
        f'version="{recipe.version}.0" unique-identifier="uid"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/" '
        f'xmlns:opf="http://www.idpf.org/2007/opf"><dc:title>{recipe.title}</dc:title><dc:language>en</dc:language>'
        f'<dc:identifier id="uid">urn:uuid:{recipe.uuid}</dc:identifier>'
        + ('<meta property="dcterms:modified">2020-01-01T00:00:00Z</meta>' if recipe.version == 3 else "")
        + ('<meta name="cover" content="cov"/>' if recipe.cover else "")
        + f"</metadata><manifest>{''.join(chapters + others)}</manifest><spine"
        + ("" if recipe.version == 3 else ' toc="ncx"')
        + f">{spine}</spine></package>"
    )


KIB = 1024
# KOReader's samples begin here; a layout must avoid them whatever the metadata weighs.
WINDOWS = tuple(KIB << 2 * i for i in range(7))
EDGES = (-140 * KIB, -70 * KIB, -33 * KIB, -8 * KIB, -100, -3, 0, 1, 512, 1020, 1024, 1030)


def corpus() -> list[Recipe]:
    """Recipes around each sample window up to 4 MiB, with few and many entries, and some large ones."""
    recipes = []
    for window in WINDOWS:
        for n, edge in enumerate(EDGES):
            # The larger ones cost time and prove the same: every second edge is enough.
            if window + edge < 3 * KIB or (window > 256 * KIB and n % 2):
                continue
            recipe = Recipe(f"w{window // KIB}e{edge}", content=window + edge)
            if n % 2:
                recipe = replace(recipe, version=3, place="last", cover=True, chapters=20)
            recipes.append(recipe)
    places: tuple[Place, ...] = ("first", "middle", "last")
    for n, chapters in enumerate((1, 40, 300, 1000, 2994)):
        recipes.append(Recipe(f"many{chapters}", chapters=chapters, content=(3 + 60 * n) * KIB, place=places[n % 3]))
    # An extended timestamp, as many zip programs write it.
    recipes.append(Recipe("extra", content=150 * KIB, extra=b"UT\x05\x00\x03\x00\x2f\x68\x59"))
    recipes.append(Recipe("large", content=24 * KIB * KIB, version=3, cover=True, place="middle"))
    return recipes
