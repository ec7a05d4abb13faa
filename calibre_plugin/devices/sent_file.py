"""Which file arrived on a device: proven by reading it there, or by the size that its driver says it sent.

Most drivers send the file that calibre hands them, some after editing it. Some make a file of their own (an optimiser,
a conversion) and send that: the file handed over is then not what arrived, and its digest is nobody's.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final

from .files import book_extensions, mounted_at, with_slashes
from ..copies.content_key import content_key
from ..copies.digest import partial_md5, stream_size
from ..link.contract import EPUB_FORMATS

# More files than this no driver makes for one sending.
_MOST: Final = 1000


@dataclass(frozen=True)
class SentFile:
    """What is known of a file that was sent."""

    digest: str
    size: int
    content_key: str | None


class Unproven(Exception):
    """It cannot be told which file arrived; the message says why, in English, without anybody's words."""


def arrived(device: Any, file: Any, location: Any, path: str | None, kind: str, own: Iterable[SentFile]) -> SentFile:
    """The file that arrived at `path` on the device. Raises Unproven; OSError when it is there and cannot be read.

    `file` is what calibre handed over (a path, or a file that can be read), `location` what the driver gave back, `own`
    what the driver made for itself meanwhile.
    """
    if path is not None and is_mounted(device, path):
        # Unbuffered: a buffered reader would fetch eight times what is sampled.
        with open(path, "rb", buffering=0) as stream:
            return sent_file(stream, kind)
    told = size_told(location)
    if told is None:
        raise Unproven("the driver does not say how much it sent")
    handed = _of_handed(file, kind)
    seen = {each for each in (handed, *own) if each.size == told}
    if not seen:
        raise Unproven("the driver sent a file of its own making")
    if len({each.digest for each in seen}) > 1:
        raise Unproven("the driver made several files of the size that it sent")
    return seen.pop()


def is_mounted(device: Any, path: str) -> bool:
    """Whether a path on a device is one of this machine's, too: `/books/a.epub` may be a path on the device alone."""
    below = with_slashes(os.path.abspath(path)) + "/"
    prefixes = (with_slashes(os.path.abspath(prefix)).rstrip("/") + "/" for prefix in mounted_at(device))
    return os.path.isabs(path) and any(below.startswith(prefix) for prefix in prefixes)


def size_told(location: Any) -> int | None:
    """How many bytes a driver says it sent: `(path, size)` wireless, `(object with a size, n)` MTP."""
    place = location[0] if isinstance(location, (tuple, list)) and location else location
    if isinstance(place, str):
        size = location[1] if isinstance(location, (tuple, list)) and len(location) > 1 else None
    else:
        size = getattr(place, "size", None)
    return size if isinstance(size, int) and not isinstance(size, bool) and size > 0 else None


def sent_file(stream: Any, kind: str) -> SentFile:
    """A file that can be read, as it is now."""
    return SentFile(partial_md5(stream), stream_size(stream), content_key(stream) if kind in EPUB_FORMATS else None)


def _of_handed(file: Any, kind: str) -> SentFile:
    if not isinstance(file, str):
        return sent_file(file, kind)
    with open(file, "rb", buffering=0) as stream:
        return sent_file(stream, kind)


class OwnFiles:
    """What a driver makes for itself while it sends, as it stands at each of its reports of progress.

    Such a file is deleted before the sending returns; while it is being sent it lies in calibre's folder for temporary
    files, or in the system's.
    """

    def __init__(self, device: Any) -> None:
        self._device = device
        self._report: Callable[..., Any] | None = None
        self._found: dict[tuple[str, int, int], SentFile] = {}
        self._known: set[str] = set()

    @property
    def found(self) -> Sequence[SentFile]:
        """Every such file, in every state in which it was seen."""
        return list(self._found.values())

    def __enter__(self) -> OwnFiles:
        report = getattr(self._device, "report_progress", None)
        # calibre's own drivers send what they are given; what is mounted is read where it arrived.
        is_calibres = type(self._device).__module__.startswith("calibre.")
        if callable(report) and not is_calibres and not mounted_at(self._device):
            # A sending never fails because of this.
            with suppress(Exception):
                self._known = {entry.path for entry in self._entries()}
                self._device.report_progress = self._on_progress
                self._report = report
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._report is not None:
            self._device.report_progress = self._report

    def _on_progress(self, *args: Any, **named: Any) -> Any:
        with suppress(Exception):
            self._look()
        return self._report(*args, **named) if self._report is not None else None

    def _look(self) -> None:
        extensions = book_extensions()
        for entry in self._entries():
            extension = entry.name.rpartition(".")[2].lower()
            if extension not in extensions or entry.path in self._known or len(self._found) >= _MOST:
                continue
            about = entry.stat(follow_symlinks=False)
            version = (entry.path, about.st_size, about.st_mtime_ns)
            if version not in self._found and entry.is_file(follow_symlinks=False):
                with open(entry.path, "rb", buffering=0) as stream:
                    self._found[version] = sent_file(stream, extension.upper())

    def _entries(self) -> Iterable[os.DirEntry[str]]:
        from calibre.ptempfile import base_dir

        for folder in {base_dir(), tempfile.gettempdir()}:
            with suppress(OSError), os.scandir(folder) as entries:
                yield from entries
