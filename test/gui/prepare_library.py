"""`calibre-debug -e prepare_library.py LIBRARY BOOKS KIND`: preferences so that nothing asks, and a library of books.

KIND is `columns` for a library with columns for everything, `bare` for one without any.
"""

from __future__ import annotations

import io
import os
import sys
import zipfile

from calibre.db.legacy import LibraryDatabase
from calibre.ebooks.metadata.book.base import Metadata
from calibre.gui2 import config, gprefs
from calibre.utils.config import dynamic, prefs

PLUGIN = "KOReader Progress"

COLUMNS = (
    ("percent", "Read", "int", {"number_format": "{0} %"}),
    ("share", "Share", "float", {"number_format": "{:.2f}"}),
    ("status", "Status", "enumeration", {"enum_values": ["Unread", "Reading", "Finished"], "enum_colors": []}),
    ("device", "Read on", "text", {}),
    ("last_read", "Last read", "datetime", {}),
    ("done", "Done", "bool", {}),
)


def epub(title: str) -> bytes:
    """A book of one page, different for each title, and long enough to be told from every other."""
    container = (
        '<?xml version="1.0"?><container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">'
        '<rootfiles><rootfile full-path="c.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
    )
    opf = (
        '<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="2.0" unique-identifier="i">'
        '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f'<dc:title>{title}</dc:title><dc:language>en</dc:language><dc:identifier id="i">{title}</dc:identifier>'
        '</metadata><manifest><item id="a" href="a.xhtml" media-type="application/xhtml+xml"/></manifest>'
        '<spine><itemref idref="a"/></spine></package>'
    )
    told = f"This is all that is told of {title}. " * 10
    text = f'<html xmlns="http://www.w3.org/1999/xhtml"><head><title>x</title></head><body><p>{told}</p></body></html>'
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zipped:
        zipped.writestr("mimetype", "application/epub+zip")
        for name, content in (("META-INF/container.xml", container), ("c.opf", opf), ("a.xhtml", text)):
            zipped.writestr(name, content)
    return out.getvalue()


def seed_preferences(library: str) -> None:
    """Nothing asks, nothing phones home, and the plugin's button is where a reader would have put it."""
    dynamic.set("welcome_wizard_was_run", True)
    config["new_version_notification"] = False
    config["systray_icon"] = False
    gprefs["quick_start_guide_added"] = True
    gprefs["show_splash_screen"] = False
    gprefs["ui_style"] = "calibre"
    gprefs["color_palette"] = os.environ.get("TEST_PALETTE", "light")
    for place in ("toolbar", "context-menu"):
        layout = [entry for entry in gprefs[f"action-layout-{place}"] if entry != PLUGIN]
        gprefs[f"action-layout-{place}"] = [PLUGIN, None, *layout] if place == "toolbar" else [*layout, None, PLUGIN]
    prefs["library_path"] = library


TITLES = (
    ("The Time Machine", "H. G. Wells"), ("Middlemarch", "George Eliot"), ("Der Prozess", "Franz Kafka"),
    ("Dracula", "Bram Stoker"), ("Emma", "Jane Austen"), ("Moby Dick", "Herman Melville"),
    ("Walden", "Henry David Thoreau"), ("Persuasion", "Jane Austen"),
)  # fmt: skip


def fill(library: str, books: int, kind: str) -> None:
    """A few real files first; books beyond them are entries without a file, which are quicker to make."""
    os.makedirs(library, exist_ok=True)
    db = LibraryDatabase(library)
    if kind == "columns":
        for label, name, datatype, display in COLUMNS:
            db.create_custom_column(label, name, datatype, False, display=display)
        db.close()
        db = LibraryDatabase(library)
    api = db.new_api
    # A library that is thrown away need not survive a power cut: ten thousand books in a tenth of the time.
    api.backend.conn.execute("PRAGMA synchronous=OFF")
    for number in range(books):
        title, author = TITLES[number] if number < len(TITLES) else (f"Book {number + 1}", f"Author {number % 50}")
        book_id = api.create_book_entry(Metadata(title, [author]), apply_import_tags=False)
        if number < int(os.environ.get("BOOKS_WITH_FILES", "50")):
            api.add_format(book_id, "EPUB", io.BytesIO(epub(title)), run_hooks=False)
    db.close()


seed_preferences(sys.argv[-3])
# A second calibre of the same test finds what the first one left.
if not os.path.exists(os.path.join(sys.argv[-3], "metadata.db")):
    fill(sys.argv[-3], int(sys.argv[-2]), sys.argv[-1])
