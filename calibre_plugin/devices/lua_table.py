"""Reads the one Lua table that KOReader's files hold: `return { ... }`. It only reads: nothing is ever executed.

Strings, numbers, booleans, nil, nested tables and comments are understood, which is all that KOReader writes; any other
expression (`1/0` for infinity) counts as nil. Strings are text where they are UTF-8, with stray bytes kept as surrogates.
Each character is looked at a fixed number of times: no input takes longer than its length.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final

from .odd_file import OddFile, OddReason

# A book with thousands of highlights has about 2 MB.
LARGEST: Final = 8 << 20
DEEPEST: Final = 60
# Ten thousand highlights have a dozen values each.
MOST_VALUES: Final = 400_000
# KOReader writes seventeen digits at most.
LONGEST_NUMBER: Final = 400
# Far above `1/0 --[[math.huge]]`; a whole function is none of KOReader's business here.
LONGEST_EXPRESSION: Final = 1000
# Integers beyond it are not exact in Lua either.
EXACT: Final = 1 << 53

_BOM: Final = b"\xef\xbb\xbf"
_SPACE: Final = re.compile(r"[ \t\r\n\v\f]*")
# No more equal signs than anybody writes: the search for as many again stays linear.
_LONG: Final = re.compile(r"\[(={0,40})\[")
_PLAIN: Final = {quote: re.compile(rf"[^\\{quote}]*") for quote in "\"'"}
_ESCAPE: Final = re.compile(r"\\(z[ \t\r\n\v\f]*|x[0-9A-Fa-f]{2}|u\{[0-9A-Fa-f]{1,16}\}|\d{1,3}|\r\n|[^xu])", re.DOTALL)
_NUMBER: Final = re.compile(r"(?:0[xX][0-9A-Fa-f]+|(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# What an expression of a kind we do not understand may consist of: never a string, a table or a separator.
_OTHER: Final = re.compile(r"[^-\s,;}\]{=\"']+|-(?!-)")
_ENDS: Final = frozenset(",;}]")
_WORDS: Final = {"true": True, "false": False, "nil": None}
_ESCAPED: Final = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "v": "\v",
    "\n": "\n",
    "\r\n": "\n",
}


class LuaError(OddFile):
    """The text is not a table that we understand; `here` is where, in bytes."""

    def __init__(self, reason: OddReason, here: int = 0) -> None:
        super().__init__(reason)
        self.here: Final = here


def read_lua_table(data: bytes) -> dict[Any, Any]:
    """The table that a Lua file returns; array items have the keys 1, 2, 3. Raises LuaError."""
    if len(data) > LARGEST:
        raise LuaError("too_large")
    if not data:
        raise LuaError("empty")
    # Every byte a character of its own, so that escapes of single bytes and the text around them join again.
    reader = _Reader(data.removeprefix(_BOM).decode("latin-1"))
    reader.skip()
    if reader.take(_NAME) != "return":
        raise LuaError("not_a_table")
    reader.skip()
    if not reader.at("{"):
        raise LuaError("not_a_table")
    return reader.table(0)


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.here = 0
        self.values = 0

    def skip(self) -> None:
        """Blanks and comments."""
        while True:
            self.take(_SPACE)
            if not self.at("--"):
                return
            self.here += 2
            if self.long() is None:
                end = self.text.find("\n", self.here)
                self.here = len(self.text) if end < 0 else end

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
            raise self.lost()
        self.here += len(what)
        self.skip()

    def lost(self) -> LuaError:
        """What to raise where the text goes on otherwise than a table does, or not at all."""
        return LuaError("cut_off" if self.here >= len(self.text) else "not_lua", self.here)

    def table(self, depth: int) -> dict[Any, Any]:
        if depth > DEEPEST:
            raise LuaError("too_deep", self.here)
        found: dict[Any, Any] = {}
        counted = 0
        self.want("{")
        while not self.at("}"):
            key = self.key(depth)
            if key is None:
                counted += 1
                key = counted
            value = self.value(depth)
            self.values += 1
            if self.values > MOST_VALUES:
                raise LuaError("too_large", self.here)
            if value is not None:
                found[key] = value
            self.skip()
            if self.at(",") or self.at(";"):
                self.here += 1
                self.skip()
            elif not self.at("}"):
                raise self.lost()
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
                raise LuaError("not_lua", before)
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
        if self.at('"') or self.at("'"):
            return _text(self.quoted())
        long = self.long()
        if long is not None:
            return _text(long)
        begin = self.here
        is_negative = self.at("-") and not self.at("--")
        if is_negative:
            self.here += 1
            self.take(_SPACE)
        number = self.take(_NUMBER)
        if number is not None and len(number) > LONGEST_NUMBER:
            raise LuaError("number_too_large", begin)
        if number is not None and self.ends():
            return _number(number, is_negative, begin)
        self.here = begin
        word = self.take(_NAME)
        if word in _WORDS and self.ends():
            return _WORDS[word]
        self.here = begin
        while not self.ends():
            if self.take(_OTHER) is None or self.here > begin + LONGEST_EXPRESSION:
                raise self.lost()
        if self.here == begin:
            raise self.lost()
        return None

    def ends(self) -> bool:
        """Whether the value is over here; what lies between it and its end has been skipped."""
        self.skip()
        return self.text[self.here : self.here + 1] in _ENDS

    def quoted(self) -> str:
        quote = self.text[self.here]
        self.here += 1
        parts: list[str] = []
        while True:
            parts.append(self.take(_PLAIN[quote]) or "")
            if self.at(quote):
                self.here += 1
                return "".join(parts)
            escape = _ESCAPE.match(self.text, self.here)
            if escape is None:
                raise LuaError("bad_escape" if self.here + 1 < len(self.text) else "cut_off", self.here)
            parts.append(_unescaped(escape.group(1), self.here))
            self.here = escape.end()

    def long(self) -> str | None:
        """The text of `[[...]]` or `[=[...]=]`; None where none begins."""
        begins = _LONG.match(self.text, self.here)
        if begins is None:
            return None
        closing = f"]{begins.group(1)}]"
        end = self.text.find(closing, begins.end())
        if end < 0:
            raise LuaError("cut_off", self.here)
        self.here = end + len(closing)
        return self.text[begins.end() : end].removeprefix("\n")


def _unescaped(escape: str, here: int) -> str:
    kind, rest = escape[0], escape[1:]
    if kind == "z":
        return ""
    if kind == "x":
        return chr(int(rest, 16))
    if kind == "u":
        code = int(rest[1:-1], 16)
        if code > 0x10FFFF:
            raise LuaError("bad_escape", here)
        return chr(code).encode("utf-8", "surrogatepass").decode("latin-1")
    if kind.isdigit():
        if int(escape) > 255:
            raise LuaError("bad_escape", here)
        return chr(int(escape))
    return _ESCAPED.get(escape, escape)


def _text(characters: str) -> str:
    return characters.encode("latin-1").decode("utf-8", "surrogateescape")


def _number(text: str, is_negative: bool, here: int) -> int | float:
    """A number as Lua has it: none that is infinite, a whole one as int."""
    is_hex = text[:2].lower() == "0x"
    try:
        value = float(int(text, 16)) if is_hex else float(text)
    except OverflowError:
        value = math.inf
    if math.isinf(value):
        raise LuaError("number_too_large", here)
    signed = -value if is_negative else value
    is_whole = is_hex or text.isdigit()
    return int(signed) if is_whole and abs(signed) <= EXACT else signed
