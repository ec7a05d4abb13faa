"""What a sidecar tells of a reader's highlights, notes and page bookmarks, in whatever form its KOReader kept them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, cast

from ..link.contract import DRAWERS, HIGHLIGHT_COLORS, FoundAnnotation, Drawer, HighlightColor
from .lua_table import read_lua_table

# So many of one book are read, and characters of one text; more is no reader's.
MOST: Final = 20_000
_LONGEST: Final = 100_000
_LONGEST_POINTER: Final = 4096
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
# What no text of a reader's holds, and no file of calibre's may.
_CONTROLS: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# What an older KOReader wrote by itself into a bookmark that has no note, in any language: "Page 12 … @ 2023-04-05 …".
_AUTOMATIC: Final = re.compile(r"@ \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$")


def read_annotations(data: bytes, device: str) -> list[FoundAnnotation]:
    """The annotations in a sidecar, in book order; those of which no date is told are left out. OddFile for what is none."""
    return read_marked(data, device)[0]


def read_marked(data: bytes, device: str) -> tuple[list[FoundAnnotation], bool]:
    """As `read_annotations`, and whether these are all: KOReader's own list of now, of which nothing was left out."""
    table = read_lua_table(data)
    found = annotations_in(table, device)
    own = table.get("annotations")
    return found, isinstance(own, dict) and len(own) == len(found)


def annotations_in(table: dict[Any, Any], device: str) -> list[FoundAnnotation]:
    """As `read_annotations`, of a sidecar's table.

    Since July 2024 there is one list, `annotations`; where it stands, even empty, older ones beside it are leftovers.
    """
    for name in ("annotations", "annotations_rolling", "annotations_paging"):
        # The other engine's are a backup: what an older KOReader kept beside them is newer.
        if isinstance(table.get(name), dict) and (name == "annotations" or "bookmarks" not in table):
            made = (_annotation(item, device) for item in _items(table[name]))
            return [annotation for annotation in made if annotation is not None]
    return _older(table, device)


def _items(value: object) -> Iterator[dict[Any, Any]]:
    """The tables of a Lua array, in its order, as far as anybody reads."""
    if not isinstance(value, dict):
        return
    keys = sorted(key for key in value if isinstance(key, (int, float)) and not isinstance(key, bool))
    for key in keys[:MOST]:
        if isinstance(value[key], dict):
            yield value[key]


def _annotation(item: dict[Any, Any], device: str) -> FoundAnnotation | None:
    created = _date(item.get("datetime"))
    page = _pointer(item.get("page"))
    if created is None or page is None:
        return None
    drawer, color = item.get("drawer"), item.get("color")
    is_highlight = drawer in DRAWERS
    return {
        "kind": "highlight" if is_highlight else "bookmark",
        "created": created,
        "updated": _date(item.get("datetime_updated")),
        "page": page,
        "pos0": _pointer(item.get("pos0")) if is_highlight else None,
        "pos1": _pointer(item.get("pos1")) if is_highlight else None,
        # A bookmark's is made by KOReader, in its own language: "in Chapter One".
        "text": _text(item.get("text")) if is_highlight else None,
        "edited": item.get("text_edited") is True,
        "note": _text(item.get("note")),
        "drawer": cast(Drawer, drawer) if is_highlight else None,
        "color": cast(HighlightColor, color) if color in HIGHLIGHT_COLORS else None,
        "chapter": _line(item.get("chapter")),
        "page_label": _label(item.get("pageref")) or _label(item.get("pageno")),
        "device": device,
    }


def _older(table: dict[Any, Any], device: str) -> list[FoundAnnotation]:
    """Before July 2024 a highlight stood in two lists, joined by its date: its place in one, its note in the other.

    In that other one, `bookmarks`, the highlighted text is called `notes`, and the note `text`.
    """
    drawn: dict[str, dict[Any, Any]] = {}
    for _page, highlights in sorted(_pages(table.get("highlight")), key=lambda each: each[0]):
        for highlight in _items(highlights):
            date = _date(highlight.get("datetime"))
            if date is not None and len(drawn) < MOST:
                drawn.setdefault(date, highlight)
    found: list[FoundAnnotation] = []
    told: set[str] = set()
    # KOReader kept the last one first.
    for bookmark in reversed(list(_items(table.get("bookmarks")))):
        date = _date(bookmark.get("datetime"))
        if date is None or date in told:
            continue
        told.add(date)
        note = _text(bookmark.get("text"))
        if note is not None and _AUTOMATIC.search(note):
            note = None
        highlight = drawn.pop(date, {})
        is_highlight = bookmark.get("highlighted") is True or bool(highlight)
        text = bookmark.get("notes") if is_highlight else None
        made = {
            **bookmark,
            "drawer": highlight.get("drawer", "lighten") if is_highlight else None,
            "color": highlight.get("color"),
            "text": highlight.get("text", text),
            "text_edited": highlight.get("edited") is True,
            "note": note if note != text else None,
            "pos0": bookmark.get("pos0", highlight.get("pos0")),
            "pos1": bookmark.get("pos1", highlight.get("pos1")),
            "chapter": bookmark.get("chapter", highlight.get("chapter")),
        }
        annotation = _annotation(made, device)
        if annotation is not None:
            found.append(annotation)
    for highlight in drawn.values():
        drawer = highlight.get("drawer", "lighten")
        annotation = _annotation({**highlight, "page": highlight.get("pos0"), "drawer": drawer}, device)
        if annotation is not None:
            found.append(annotation)
    return found


def _pages(value: object) -> Iterator[tuple[float, object]]:
    if isinstance(value, dict):
        for key, highlights in value.items():
            if isinstance(key, (int, float)) and not isinstance(key, bool):
                yield float(key), highlights


def _date(value: object) -> str | None:
    return value if isinstance(value, str) and _DATE.fullmatch(value) else None


def _pointer(value: object) -> str | None:
    """A pointer into the text, or the number of a page as text; of a paged book's position, its page."""
    if isinstance(value, dict):
        value = value.get("page")
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 1 <= value < 1 << 31:
        return str(int(value))
    if isinstance(value, str) and value.startswith("/") and len(value) <= _LONGEST_POINTER and value.isprintable():
        return value
    return None


def _text(value: object) -> str | None:
    # Half of one would be false.
    if not isinstance(value, str) or len(value) > _LONGEST:
        return None
    text = value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip() or None


def _line(value: object) -> str | None:
    text = _text(value)
    return " ".join(text.split())[:1000] if text is not None else None


def _label(value: object) -> str | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(int(value))
    return _line(value)
