"""What a file inside an archive is called: one rule for the names of entries and for the references to them.

Accents are put together (NFC: macOS takes them apart), references are percent-decoded as UTF-8, backslashes are
slashes, blanks around a name do not count, `.` and `..` are resolved. Capital and small letters differ. The bridge has
the same rule in `core/position/archive-name.ts`; test/fixtures/content-key-vectors.json keeps the two together.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote
from zipfile import ZipInfo

UTF8_NAME: Final = 0x800
_BLANKS: Final = "\t\n\f\r "
# Most names are in their one form already.
_CLEAN: Final = re.compile(r"[\w-][\w.-]*(?:/[\w-][\w.-]*)*", re.ASCII)


def entries_by_name(infos: Iterable[ZipInfo]) -> dict[str, ZipInfo]:
    """An archive's files by their names in the one form; of two with one name the last counts, as in calibre."""
    entries: dict[str, ZipInfo] = {}
    broken: dict[str, ZipInfo] = {}
    for info in infos:
        raw = raw_name(info)
        if raw.endswith(b"/"):
            continue
        name = entry_name(raw, bool(info.flag_bits & UTF8_NAME))
        entries[name] = info
        # A reference in another encoding decodes to U+FFFD where its bytes are no UTF-8.
        alias = raw.decode("utf-8", "replace")
        if "\ufffd" in alias:
            broken[clean_name(alias)] = info
    return {**broken, **entries}


def raw_name(info: ZipInfo) -> bytes:
    """A name's bytes as the directory has them; what Python makes of them differs by version and system."""
    return info.orig_filename.encode("utf-8" if info.flag_bits & UTF8_NAME else "cp437")


def entry_name(raw: bytes, is_utf8: bool) -> str:
    """A name as the archive's directory has it; `is_utf8` is its flag, which many programs forget to set."""
    try:
        return clean_name(raw.decode("utf-8"))
    except UnicodeDecodeError:
        return clean_name(raw.decode("utf-8", "replace") if is_utf8 else raw.decode("cp437"))


def resolve_name(href: str, base: str) -> str:
    """Resolves a reference inside the archive: relative to a file, percent-decoded, without fragment."""
    decoded = unquote(href.partition("#")[0].strip(_BLANKS)).replace("\\", "/")
    folder = "" if decoded.startswith("/") else base[: base.rfind("/") + 1]
    return clean_name(folder + decoded.strip(_BLANKS))


def clean_name(path: str) -> str:
    """A path inside the archive in its one form."""
    if _CLEAN.fullmatch(path):
        return path
    parts: list[str] = []
    for part in path.strip(_BLANKS).replace("\\", "/").split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return unicodedata.normalize("NFC", "/".join(parts))
