"""Files of lines that only grow, and how two of them that began as one become one again."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

# A longer line is none of ours.
LONGEST: Final = 4 << 20
PIECE: Final = 1 << 20


def lines_of(path: Path) -> Iterator[bytes]:
    """The whole lines of a file, without their ends; none where there is no file. What was torn is left out."""
    try:
        file = open(path, "rb")  # noqa: SIM115
    except FileNotFoundError:
        return
    with file:
        is_whole = True
        while line := file.readline(LONGEST):
            ended = line.endswith(b"\n")
            if ended and is_whole and len(line) > 1:
                yield line[:-1]
            # Of a line that is too long, all further pieces are none either.
            is_whole = ended


def line_hash(line: bytes) -> bytes:
    """Sixteen bytes that stand for a line, where many have to be remembered."""
    return hashlib.blake2b(line, digest_size=16).digest()


def longer_of(one: Path, other: Path) -> Path | None:
    """Which of two files goes on where the other ends (the other, when they are the same); None when they part ways."""
    with open(one, "rb") as first, open(other, "rb") as second:
        while True:
            left, right = first.read(PIECE), second.read(PIECE)
            common = min(len(left), len(right))
            if left[:common] != right[:common]:
                return None
            if len(left) != len(right) or not common:
                return one if len(left) > len(right) else other


def append_lines(path: Path, lines: list[bytes]) -> None:
    """Appends lines, whole, to a file that its owner alone can read, and waits for the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "ab+") as file:
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                # A crash has torn the last one: it must not spoil the first of these.
                file.write(b"\n")
        file.write(b"".join(line + b"\n" for line in lines))
        file.flush()
        os.fsync(file.fileno())


def unheard(ours: Path, theirs: Path) -> Iterator[bytes]:
    """The lines of another computer's memory log that this one's lacks.

    Which of two decisions about a record came last only one computer's own log can tell: where ours says anything of a
    record, it is right.
    """
    known: set[bytes] = set()
    decided: set[bytes] = set()
    for line in lines_of(ours):
        known.add(line_hash(line))
        if (about := _decision(line)) is not None:
            decided.add(about)
    for line in lines_of(theirs):
        about = _decision(line)
        if about is None and line_hash(line) not in known:
            known.add(line_hash(line))
            yield line
        elif about is not None and about not in decided:
            yield line


def _decision(line: bytes) -> bytes | None:
    """What stands for the record that a line decides about; None for a line that decides nothing."""
    try:
        told: Any = json.loads(line)
        if told["what"] == "heard":
            return None
        about = [told["uuid"], told["account"], told["entry"]]
    except (ValueError, RecursionError, LookupError, TypeError):
        return None
    return line_hash(json.dumps(about, sort_keys=True).encode("ascii"))
