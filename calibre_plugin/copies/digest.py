"""What names a file: KOReader's digest of it, and of its basename."""

from __future__ import annotations

import hashlib
import os
from typing import BinaryIO

SAMPLE = 1024
# KOReader shifts 1024 by 2*i bits for i = -1 .. 10; LuaJIT wraps the first shift to zero.
OFFSETS = (0, *(SAMPLE << 2 * i for i in range(11)))


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


def stream_origin(stream: BinaryIO) -> str:
    """What a file is known by that has no content key, while it is the very same: its size and its digest."""
    return f"{stream_size(stream)}:{partial_md5(stream)}"


def file_origin(path: str) -> str:
    """`stream_origin` of a file; OSError when it cannot be read."""
    with open(path, "rb", buffering=0) as file:
        return stream_origin(file)


def name_digest(name: str) -> str:
    """What KOReader's *Filename* matching asks for: the MD5 of the basename with its extension.

    The bridge names the same bytes in `core/digest.ts`; test/fixtures/filename-digest-vectors.json keeps the two together.
    """
    return hashlib.md5(_bytes_of(name), usedforsecurity=False).hexdigest()


def _bytes_of(name: str) -> bytes:
    try:
        return name.encode("utf-8")
    except UnicodeEncodeError:
        # Two halves are one character, whoever took them apart.
        whole = name.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        return b"".join(map(_bytes_of_character, whole))


def _bytes_of_character(character: str) -> bytes:
    # A byte of a name that is not UTF-8 is itself; any other half, of a system that cuts names in UTF-16, has three bytes.
    is_byte = "\udc80" <= character <= "\udcff"
    return character.encode("utf-8", "surrogateescape" if is_byte else "surrogatepass")


def stream_size(stream: BinaryIO) -> int:
    """Bytes in a seekable stream, which is left where it stood."""
    before = stream.tell()
    # A spooled file's own seek returns nothing in an old Python.
    stream.seek(0, os.SEEK_END)
    size = stream.tell()
    stream.seek(before)
    return size
