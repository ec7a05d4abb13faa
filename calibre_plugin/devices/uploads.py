"""What really went to a device: a wrapper around the device manager's sending, which hashes each file where it arrived.

Drivers may change a file after calibre has written its metadata, and the name on the device is theirs: both are known
only once the sending has returned. Nothing here needs Qt, and nothing here can make a sending fail.
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from ..copies.log import append
from ..copies.record import CopyRecord
from .names import device_name
from ..copies.digest import content_key, partial_md5, stream_size

# Told in the device's own thread: the uuids of the books that were sent.
OnSent = Callable[[list[str]], None]

_EPUBS: Final = frozenset({"EPUB", "KEPUB"})
_ORIGINAL: Final = "_koreader_progress_original"


def watch_uploads(device_manager: Any, on_sent: OnSent | None = None) -> None:
    """Wraps this device manager's `_upload_books`; doing it again only replaces `on_sent`."""
    original = getattr(device_manager._upload_books, _ORIGINAL, device_manager._upload_books)

    # calibre calls it by these names, in every version from 5 to 9; what a later one adds is passed on.
    def upload_books(files: Sequence[Any], names: Sequence[str], *args: Any, **named: Any) -> Any:
        result = original(files, names, *args, **named)
        try:
            metadata = named.get("metadata") or (args[1] if len(args) > 1 else None) or ()
            sent = log_uploads(device_manager.device, files, metadata, result or ())
            if sent and on_sent is not None:
                on_sent(sent)
        except Exception:
            _complain()
        return result

    setattr(upload_books, _ORIGINAL, original)
    device_manager._upload_books = upload_books


def unwatch_uploads(device_manager: Any) -> None:
    """Puts calibre's own method back."""
    original = getattr(device_manager._upload_books, _ORIGINAL, None)
    if original is not None:
        device_manager._upload_books = original


def log_uploads(device: Any, files: Sequence[Any], metadata: Sequence[Any], result: Sequence[Any]) -> list[str]:
    """Logs each sent file as `sent`; the uuids of the books. A file that cannot be read costs that file only."""
    called = device_name(device)
    sent: list[str] = []
    for file, mi, location in zip(files, metadata, result):  # noqa: B905
        uuid = getattr(mi, "uuid", None)
        if not uuid:
            continue
        try:
            append(_record(file, mi, uuid, called, location))
            sent.append(uuid)
        except Exception:
            _complain()
    return sent


def _record(file: Any, mi: Any, uuid: str, called: str, location: Any) -> CopyRecord:
    path = path_on_device(location)
    with _opened(file, path) as stream:
        kind = format_of(path or getattr(file, "name", None) or str(file))
        return CopyRecord(
            at=time.time(),
            source="sent",
            uuid=uuid,
            title=mi.title or "",
            authors=list(mi.authors or ()),
            kind="partial_md5",
            digest=partial_md5(stream),
            format=kind,
            size=stream_size(stream),
            content_key=content_key(stream) if kind in _EPUBS else None,
            name=path.replace("\\", "/").rpartition("/")[2] if path else None,
            path=path,
            device=called,
            by=os.path.basename(sys.argv[0]) if sys.argv else "",
        )


def path_on_device(location: Any) -> str | None:
    """Where the driver says the file is now: `(absolute path, card)` by USB, `(lpath, length)` wireless, `(object, n)` MTP."""
    place = location[0] if isinstance(location, (tuple, list)) and location else location
    if isinstance(place, str):
        return place
    parts = getattr(place, "full_path", None)
    if isinstance(parts, (tuple, list)):
        # The first part names the storage.
        return "/".join(map(str, parts[1:]))
    name = getattr(place, "name", None)
    return name if isinstance(name, str) else None


def format_of(path: str) -> str:
    """The format as calibre names it; Kobo's `.kepub.epub` is a KEPUB."""
    name = path.lower()
    return "KEPUB" if name.endswith(".kepub.epub") else name.rpartition(".")[2].upper()


class _opened:
    """The file where it arrived, when that is mounted; else the temporary file, which carries the driver's own edits."""

    def __init__(self, file: Any, path: str | None) -> None:
        self._file, self._path, self._close = file, path, True

    def __enter__(self) -> Any:
        for path in self._paths():
            try:
                # Unbuffered: a buffered reader would fetch eight times what is sampled.
                self._stream: Any = open(path, "rb", buffering=0)
                return self._stream
            except OSError:
                continue
        self._stream, self._close = self._file, False
        return self._stream

    def _paths(self) -> Iterator[str]:
        if self._path and os.path.isabs(self._path):
            yield self._path
        if isinstance(self._file, str):
            yield self._file

    def __exit__(self, *_: object) -> None:
        if self._close:
            self._stream.close()


def _complain() -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"KOReader Progress could not remember what was sent:\n{traceback.format_exc()}")
