"""How much a page has to read, told without building its tree: the same count as `core/position/visible-text.ts` makes."""

from __future__ import annotations

import re
from typing import Final

# What is inside of these is not shown.
_HIDDEN: Final = frozenset({"head", "script", "style", "title"})
# A reference that shows nothing.
_BLANK_REFERENCE: Final = re.compile(
    r"&(?:nbsp|ensp|emsp|thinsp|shy|zwnj|zwj|#0*(?:9|10|13|32|160)|#x0*(?:9|a|d|20|a0));", re.IGNORECASE | re.ASCII
)
_REFERENCE: Final = re.compile(r"&#?[0-9a-z]{1,32};", re.IGNORECASE | re.ASCII)
_NAME: Final = re.compile(r"[a-z][a-z0-9]*", re.IGNORECASE | re.ASCII)
# Everything that is not blank.
_SHOWN: Final = re.compile(
    "[^\\0-\\x20\\x7f-\\xa0\\xad\\u1680\\u2000-\\u200f\\u2028-\\u202f\\u205f\\u2060\\u3000\\ufeff]+"
)


def visible_characters(source: str, enough: int) -> int:
    """The visible characters of an XHTML source, counted until they are `enough`. Linear, never raises."""
    count, at = 0, 0
    while at < len(source) and count < enough:
        tag = source.find("<", at)
        count += _shown(source[at:] if tag < 0 else source[at:tag])
        if tag < 0:
            break
        at = _after_tag(source, tag)
    return min(count, enough)


def _shown(text: str) -> int:
    text = _REFERENCE.sub("x", _BLANK_REFERENCE.sub("", text))
    return sum(map(len, _SHOWN.findall(text)))


def _after_tag(source: str, tag: int) -> int:
    """Where text begins again behind the `<` at `tag`."""
    if source.startswith("<!--", tag):
        return _after(source, "-->", tag + 4)
    named = _NAME.match(source, tag + 1)
    name = named.group().lower() if named else ""
    end = _after(source, ">", tag)
    if name not in _HIDDEN or source[end - 2 : end - 1] == "/":
        return end
    close = re.compile(f"</{name}", re.IGNORECASE | re.ASCII).search(source, end)
    return len(source) if close is None else _after(source, ">", close.start())


def _after(source: str, what: str, start: int) -> int:
    at = source.find(what, start)
    return len(source) if at < 0 else at + len(what)
