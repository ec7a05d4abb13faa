"""Reads the one Lua table that KOReader's files hold: `return { ... }`. It only reads: nothing is ever executed.

Strings, numbers, booleans, nil, nested tables and comments are understood, which is all that KOReader writes; any other
expression counts as nil. Strings are text where they are UTF-8, with stray bytes kept as surrogates.
"""

from __future__ import annotations

import re
from typing import Any, Final

# Far above what a book with thousands of highlights needs (about 2 MB).
LARGEST: Final = 32 << 20
DEEPEST: Final = 60

_BLANK: Final = re.compile(r"(?:\s+|--\[(=*)\[.*?\]\1\]|--(?!\[=*\[)[^\n]*)*", re.DOTALL)
_LONG: Final = re.compile(r"\[(=*)\[\n?(.*?)\]\1\]", re.DOTALL)
_QUOTED: Final = {quote: re.compile(rf"{quote}((?:[^\\{quote}]|\\.)*){quote}", re.DOTALL) for quote in "\"'"}
_ESCAPE: Final = re.compile(r"\\(z\s*|x[0-9A-Fa-f]{2}|u\{[0-9A-Fa-f]+\}|\d{1,3}|\r\n|.)", re.DOTALL)
_NUMBER: Final = re.compile(
    r"-?\s*(?:0[xX][0-9A-Fa-f]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?=\s*(?:[,;}\]]|--))",
)
_NAME: Final = re.compile(r"[A-Za-z_]\w*")
# What an expression of a kind we do not understand may consist of: never a string, a table or a separator.
_OTHER: Final = re.compile(r"[^],;}{=\"'\n]+")
_PLAIN: Final = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "\n": "\n", "\r\n": "\n"}


class LuaError(ValueError):
    """The text is not a table that we understand."""


def read_lua_table(data: bytes) -> dict[Any, Any]:
    """The table that a Lua file returns; array items have the keys 1, 2, 3. Raises LuaError."""
    if len(data) > LARGEST:
        raise LuaError("too large")
    # Every byte a character of its own, so that escapes of single bytes and the text around them join again.
    reader = _Reader(data.decode("latin-1"))
    reader.skip()
    if reader.take(_NAME) != "return":
        raise LuaError("no return")
    reader.skip()
    if not reader.at("{"):
        raise LuaError("no table")
    return reader.table(0)


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.here = 0

    def skip(self) -> None:
        match = _BLANK.match(self.text, self.here)
        if match:
            self.here = match.end()

    def at(self, what: str) -> bool:
        return self.text.startswith(what, self.here)

    def take(self, pattern: re.Pattern[str]) -> str | None:
        match = pattern.match(self.text, self.here)
        if match is None:
            return None
        self.here = match.end()
        return match.group()

    def want(self, what: str) -> None:
        self.skip()
        if not self.at(what):
            raise LuaError(f"expected {what} at {self.here}")
        self.here += len(what)
        self.skip()

    def table(self, depth: int) -> dict[Any, Any]:
        if depth > DEEPEST:
            raise LuaError("nested too deeply")
        found: dict[Any, Any] = {}
        counted = 0
        self.want("{")
        while not self.at("}"):
            key = self.key(depth)
            if key is None:
                counted += 1
                key = counted
            value = self.value(depth)
            if value is not None:
                found[key] = value
            self.skip()
            if self.at(",") or self.at(";"):
                self.here += 1
                self.skip()
            elif not self.at("}"):
                raise LuaError(f"expected an end at {self.here}")
        self.here += 1
        return found

    def key(self, depth: int) -> Any:
        """The key of `[key] =` or `name =`; None when an array item follows."""
        before = self.here
        if self.at("[") and not _LONG.match(self.text, self.here):
            self.here += 1
            self.skip()
            key = self.value(depth)
            self.want("]")
            self.want("=")
            if key is None or isinstance(key, dict):
                raise LuaError("a key that cannot be one")
            return key
        name = self.take(_NAME)
        if name is not None:
            self.skip()
            if self.at("=") and not self.at("=="):
                self.here += 1
                self.skip()
                return name
        self.here = before
        return None

    def value(self, depth: int) -> Any:
        if self.at("{"):
            return self.table(depth + 1)
        for quote, pattern in _QUOTED.items():
            if self.at(quote):
                match = pattern.match(self.text, self.here)
                if match is None:
                    raise LuaError("a string without an end")
                self.here = match.end()
                return _text(_ESCAPE.sub(_unescaped, match.group(1)))
        long = _LONG.match(self.text, self.here)
        if long is not None:
            self.here = long.end()
            return _text(long.group(2))
        number = self.take(_NUMBER)
        if number is not None:
            return _number(number)
        other = self.take(_OTHER)
        if other is None:
            raise LuaError(f"expected a value at {self.here}")
        return {"true": True, "false": False}.get(other.strip())


def _unescaped(match: re.Match[str]) -> str:
    escape = match.group(1)
    if escape[0] == "z":
        return ""
    if escape[0] == "x":
        return chr(int(escape[1:], 16))
    if escape[0] == "u" and len(escape) > 1:
        return chr(int(escape[2:-1], 16)).encode("utf-8", "surrogatepass").decode("latin-1")
    if escape[0].isdigit():
        return chr(min(int(escape), 255))
    return _PLAIN.get(escape, escape)


def _text(characters: str) -> str:
    return characters.encode("latin-1").decode("utf-8", "surrogateescape")


def _number(text: str) -> int | float:
    text = text.replace(" ", "")
    if "x" in text.lower():
        return int(text, 16)
    return float(text) if any(mark in text for mark in ".eE") else int(text)
