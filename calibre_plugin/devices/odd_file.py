"""What can be wrong with a file that a device has: it costs that file alone, and is one line of the report."""

from __future__ import annotations

import errno
import os
import stat
from typing import BinaryIO, Final, Literal, cast

# Stable words: they are kept with what was seen of a device, and stand in the report as they are.
OddReason = Literal[
    "unreadable",
    "not_a_file",
    "empty",
    "too_large",
    "cut_off",
    "not_a_table",
    "not_lua",
    "number_too_large",
    "bad_escape",
    "too_deep",
    "name_and_digest_differ",
    "not_a_database",
    "no_book_table",
    "no_plain_table",
    "endless",
    "too_many_files",
    "text_not_utf8",
    "blob_for_text",
    "unexpected",
]


class OddFile(ValueError):
    """This file is not what its name says, or not to be read; `reason` says why."""

    def __init__(self, reason: OddReason) -> None:
        super().__init__(reason)
        self.reason: Final = reason


def open_regular(path: str, most: int | None = None) -> BinaryIO:
    """Opens a file for unbuffered reading; OddFile for a pipe, a socket or a device, which would never end or never begin,
    and for one of more than `most` bytes. OSError as always.

    A pipe that nobody writes into would hold an ordinary `open` for ever.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        # What a socket says, and a device that nobody drives.
        if error.errno in (errno.ENXIO, errno.ENODEV, errno.EOPNOTSUPP):
            raise OddFile("not_a_file") from error
        raise
    about = os.fstat(descriptor)
    is_file = stat.S_ISREG(about.st_mode)
    if not is_file or (most is not None and about.st_size > most):
        os.close(descriptor)
        raise OddFile("too_large" if is_file else "not_a_file")
    return cast(BinaryIO, open(descriptor, "rb", buffering=0))


def read_at_most(path: str, most: int) -> bytes:
    """All of a small file, however its size is told; OddFile where there are more than `most` bytes."""
    with open_regular(path, most) as file:
        data = bytearray()
        while chunk := file.read(most + 1 - len(data)):
            data += chunk
            if len(data) > most:
                raise OddFile("too_large")
    return bytes(data)
