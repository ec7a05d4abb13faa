"""What really went to a device: a wrapper around the device manager's sending, which hashes each file where it arrived.

Drivers may change a file after calibre has written its metadata, and the name on the device is theirs: both are known
only once the sending has returned. Where it cannot be proven which file arrived, only its name is logged. Nothing here
needs Qt, and nothing here can make a sending fail.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from ..copies.log import append
from ..copies.record import CopyRecord
from .names import device_name
from ..copies.digest import name_digest
from ..words.faults import note_fault, note_line
from .sent_file import OwnFiles, SentFile, Unproven, arrived

# Told in the device's own thread: the uuids of the books that were sent.
OnSent = Callable[[list[str]], None]

_ORIGINAL: Final = "_koreader_progress_original"


def watch_uploads(device_manager: Any, on_sent: OnSent | None = None) -> None:
    """Wraps this device manager's `_upload_books`; doing it again only replaces `on_sent`."""
    original = getattr(device_manager._upload_books, _ORIGINAL, device_manager._upload_books)

    # calibre calls it by these names, in every version from 5 to 9; what a later one adds is passed on.
    def upload_books(files: Sequence[Any], names: Sequence[str], *args: Any, **named: Any) -> Any:
        device = device_manager.device
        with OwnFiles(device) as own:
            result = original(files, names, *args, **named)
        try:
            metadata = named.get("metadata") or (args[1] if len(args) > 1 else None) or ()
            sent = log_uploads(device, files, metadata, result or (), own.found)
            if sent and on_sent is not None:
                on_sent(sent)
        except Exception as error:
            note_fault("remember what was sent", error)
        return result

    setattr(upload_books, _ORIGINAL, original)
    device_manager._upload_books = upload_books


def unwatch_uploads(device_manager: Any) -> None:
    """Puts calibre's own method back."""
    original = getattr(device_manager._upload_books, _ORIGINAL, None)
    if original is not None:
        device_manager._upload_books = original


def log_uploads(
    device: object,
    files: Sequence[object],
    metadata: Sequence[object],
    result: Sequence[object],
    own: Sequence[SentFile] = (),
) -> list[str]:
    """Logs each sent file as `sent`; the uuids of the books. A file that cannot be read costs that file only."""
    called = device_name(device)
    sent: list[str] = []
    for file, mi, location in zip(files, metadata, result):  # noqa: B905
        uuid = getattr(mi, "uuid", None)
        if not uuid:
            continue
        try:
            record = _record(device, file, mi, uuid, called, location, own)
            if record is not None:
                append(record)
            sent.append(uuid)
        except Exception as error:
            note_fault("remember what was sent", error)
    return sent


def _record(
    device: Any, file: Any, mi: Any, uuid: str, called: str, location: Any, own: Sequence[SentFile]
) -> CopyRecord | None:
    """What is known of one sending: the file that arrived, else its name; None where not even that is."""
    path = path_on_device(location)
    kind = format_of(path or getattr(file, "name", None) or str(file))
    name = path.replace("\\", "/").rpartition("/")[2] if path else None
    record = CopyRecord(
        at=time.time(),
        source="sent",
        uuid=uuid,
        title=mi.title or "",
        authors=list(mi.authors or ()),
        kind="filename",
        digest=name_digest(name or ""),
        format=kind,
        size=None,
        content_key=None,
        name=name,
        path=path,
        device=called,
        by=os.path.basename(sys.argv[0]) if sys.argv else "",
    )
    try:
        known = arrived(device, file, location, path, kind, own)
    except (Unproven, OSError) as error:
        why = str(error) if isinstance(error, Unproven) else type(error).__name__
        note_line(f"a copy sent by {type(device).__name__} is known by its name only: {why}")
        return record if name else None
    return {
        **record,
        "kind": "partial_md5",
        "digest": known.digest,
        "size": known.size,
        "content_key": known.content_key,
    }


def path_on_device(location: object) -> str | None:
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
