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


def name_digest(name: str) -> str:
    """What KOReader's *Filename* matching asks for: the MD5 of the basename with its extension."""
    try:
        encoded = name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        # Half a character, as a system that cuts names in UTF-16 may leave it.
        encoded = name.encode("utf-8", "surrogatepass")
    return hashlib.md5(encoded, usedforsecurity=False).hexdigest()


def stream_size(stream: BinaryIO) -> int:
    """Bytes in a seekable stream, which is left where it stood."""
    before = stream.tell()
    # A spooled file's own seek returns nothing in an old Python.
    stream.seek(0, os.SEEK_END)
    size = stream.tell()
    stream.seek(before)
    return size
