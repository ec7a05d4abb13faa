"""Books to be sent: generated EPUBs of every shape, and one book in every other format that calibre can write here."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace

from epubs import KIB, Recipe, make_epub
from libraries import run

SHAPES = (
    Recipe("one", version=2, place="first"),
    Recipe("two", version=3, place="first"),
    Recipe("three", version=2, place="last"),
    Recipe("four", version=3, place="last", cover=True),
    Recipe("five", version=2, place="first", cover=True, chapters=40, content=200 * KIB),
    Recipe("six", version=3, place="middle", chapters=300, content=700 * KIB),
    Recipe("seven", version=2, place="first", chapters=1000, content=2 * KIB * KIB),
    Recipe("eight", version=3, place="last", chapters=2994, cover=True, content=5 * KIB * KIB),
    Recipe("nine", version=2, place="middle", content=16 * KIB * KIB, cover=True),
    Recipe("ten", version=3, place="first", content=60 * KIB * KIB),
    Recipe("eleven", version=2, place="first", content=4 * KIB + 512),
    Recipe("twelve", version=3, place="first", content=64 * KIB - 100, cover=True),
    Recipe("thirteen", version=2, place="middle", content=256 * KIB + 1000, extra=b"UT\x05\x00\x03\x00\x2f\x68\x59"),
)
# `pdf` needs a browser and is made by hand below, `tcr` is sent to no device; calibre converts to these.
CONVERTED = ("azw3", "docx", "fb2", "htmlz", "lit", "lrf", "mobi", "pdb", "pmlz", "rb", "rtf", "snb", "txt", "txtz")  # fmt: skip
PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 400]>>endobj\ntrailer<</Root 1 0 R>>\n"
)
CONVERT = """
import sys
from calibre.ebooks.conversion.plumber import Plumber
from calibre.utils.logging import Log
source, folder, formats = sys.argv[1], sys.argv[2], sys.argv[3:]
for fmt in formats:
    try:
        Plumber(source, folder + '/book.' + fmt, Log()).run()
    except Exception as error:
        print('NOT', fmt, error)
"""


def books(shapes: tuple[Recipe, ...] = SHAPES, others: bool = True) -> Iterator[tuple[str, str, bytes]]:
    """Title, format and content of each; every title is a word of its own."""
    for recipe in shapes:
        title = f"Shape {recipe.name.title()}"
        yield title, "EPUB", make_epub(replace(recipe, title=title))
    if others:
        yield from other_formats()


def other_formats() -> Iterator[tuple[str, str, bytes]]:
    """One short book in each format, as calibre converts it, and some that calibre only carries."""
    folder = tempfile.mkdtemp(prefix="formats-", dir=os.environ["TEST_FOLDER"])
    source, script = os.path.join(folder, "source.epub"), os.path.join(folder, "convert.py")
    with open(source, "wb") as file:
        file.write(make_epub(Recipe("source", chapters=4, cover=True)))
    with open(script, "w") as file:
        file.write(CONVERT)
    run("calibre-debug", "-e", script, "--", source, folder, *CONVERTED)
    for fmt in CONVERTED:
        path = os.path.join(folder, f"book.{fmt}")
        if os.path.exists(path):
            with open(path, "rb") as file:
                yield f"{fmt.title()} Kind", fmt.upper(), file.read()
    yield "Pdf Kind", "PDF", PDF
    for fmt in ("cbz", "djvu"):
        yield f"{fmt.title()} Kind", fmt.upper(), f"{fmt} pages ".encode() * 500
    shutil.rmtree(folder)
