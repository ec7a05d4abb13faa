"""The one file that carries what a computer knows to another: named files in pieces, as JSON lines, compressed.

The first line says what it is and of which schema, the last one that nothing is missing. A name is one of those that
`places` knows and leads nowhere else; whatever else the file claims, it costs no more memory than a line.
"""

from __future__ import annotations

import errno
import gzip
import io
import json
import os
import shutil
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, Final, Literal

from ..copies.stored import SCHEMA, is_newer
from .places import kind_of, limit_of

WHAT: Final = "KOReader Progress: what a computer knows"
# Bytes of a file in one line, and what a line of such a piece may take at most: every byte may need six letters.
PIECE: Final = 32 << 10
LONGEST_LINE: Final = 8 * PIECE
# Bytes that all files may take together.
LARGEST: Final = 2 << 30
MOST_FILES: Final = 100_000
# Left free on the disk.
ROOM: Final = 64 << 20

Fault = Literal["foreign", "newer", "damaged", "too_large"]


class PackRefused(Exception):
    """A file that is not taken over, or would not be written; nothing was changed. `name` is what in it is amiss."""

    def __init__(self, fault: Fault, path: str, name: str = "") -> None:
        super().__init__(fault, path, name)
        self.fault: Fault = fault
        self.path = path
        self.name = name


def write_pack(path: str, made: float, files: Iterable[tuple[str, IO[bytes]]]) -> int:
    """Writes a pack, whole or not at all, readable by its owner alone; how many files it holds.

    `files` are names with what is to be read to its present end. Raises OSError, and PackRefused where something is
    larger than any reader of it takes.
    """
    unfinished = f"{path}.{os.getpid()}.part"
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            with gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=6, mtime=0) as lines:
                count = _write_files(path, lines, made, files)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise
    return count


def _write_files(path: str, lines: io.BufferedIOBase, made: float, files: Iterable[tuple[str, IO[bytes]]]) -> int:
    count = total = 0
    lines.write(_line({"what": WHAT, "schema": SCHEMA, "made": made}))
    for name, file in files:
        # What is appended meanwhile belongs to the next one.
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        total += size
        if size > limit_of(name) or total > LARGEST:
            raise PackRefused("too_large", path, name)
        lines.write(_line({"file": name, "size": size}))
        while size:
            piece = file.read(min(size, PIECE))
            if not piece:
                raise OSError(0, "It was cut while it was read", name)
            size -= len(piece)
            lines.write(_line({"piece": piece.decode("utf-8", "surrogateescape")}))
        count += 1
    lines.write(_line({"end": count}))
    return count


def read_pack(path: str, folder: str) -> list[str]:
    """Unpacks a pack into an empty folder; the names of its files. Raises PackRefused and OSError."""
    with open(path, "rb") as file, gzip.GzipFile(fileobj=file, mode="rb") as unpacked:
        return _Reading(path, folder, _lines(path, unpacked)).files()


class _Reading:
    """A pack that is being unpacked."""

    def __init__(self, path: str, folder: str, lines: Iterator[dict[str, Any]]) -> None:
        self._path = path
        self._folder = folder
        self._lines = lines
        self._names: list[str] = []
        self._total = 0

    def files(self) -> list[str]:
        head = next(self._lines, {})
        if head.get("what") != WHAT:
            raise PackRefused("foreign", self._path)
        if is_newer(head):
            raise PackRefused("newer", self._path)
        for line in self._lines:
            if "end" in line:
                if line["end"] == len(self._names) and next(self._lines, None) is None:
                    return self._names
                break
            self._unpack(line.get("file"), line.get("size"))
        raise PackRefused("damaged", self._path)

    def _unpack(self, name: object, size: object) -> None:
        if not isinstance(name, str) or kind_of(name) is None:
            raise PackRefused("damaged", self._path, str(name)[:200])
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise PackRefused("damaged", self._path, name)
        self._total += size
        if size > limit_of(name) or self._total > LARGEST or len(self._names) == MOST_FILES:
            raise PackRefused("too_large", self._path, name)
        target = Path(self._folder, *name.split("/"))
        if target.exists():
            # The same name twice.
            raise PackRefused("damaged", self._path, name)
        if shutil.disk_usage(self._folder).free < size + ROOM:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self._folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(target, "xb") as file:
            while size > 0:
                piece = self._piece()
                size -= len(piece)
                if not piece or size < 0:
                    raise PackRefused("damaged", self._path, name)
                file.write(piece)
        self._names.append(name)

    def _piece(self) -> bytes:
        piece = next(self._lines, {}).get("piece")
        try:
            return piece.encode("utf-8", "surrogateescape") if isinstance(piece, str) else b""
        except UnicodeEncodeError:
            return b""


def _lines(path: str, unpacked: io.BufferedIOBase) -> Iterator[dict[str, Any]]:
    """The objects of all lines. What is no gzip of JSON lines is not ours; cut, or once there was a line, it is damaged."""
    fault: Fault = "foreign"
    try:
        while line := unpacked.readline(LONGEST_LINE):
            parsed = json.loads(line) if line.endswith(b"\n") else None
            if not isinstance(parsed, dict):
                raise PackRefused(fault, path)
            yield parsed
            fault = "damaged"
    except (EOFError, zlib.error) as error:
        raise PackRefused("damaged", path) from error
    except (ValueError, RecursionError, gzip.BadGzipFile) as error:
        raise PackRefused(fault, path) from error


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode("ascii") + b"\n"
