"""What leaves calibre: the body of the metadata writer.

While any calibre process makes a copy of a book, our columns are left out, calibre writes, the EPUB is settled, and the
digest of what goes out is logged. Nothing is ever raised: whatever goes wrong in our part, the copy is the one calibre
alone would have made, and what goes wrong in calibre's own writer is reported the way calibre reports it.
"""

from __future__ import annotations

import io
import os
import re
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any, BinaryIO
from zipfile import ZipFile, is_zipfile

from .log import append
from .record import CopyRecord
from .archive_names import raw_name
from .content_key import content_key
from .digest import partial_md5, stream_origin, stream_size
from .settle import BOOKMARKS, leave_out, settle
from .strip_list import StripList, read_strip_list

if TYPE_CHECKING:
    from calibre.ebooks.metadata.book.base import Metadata

EPUBS = frozenset({"epub", "kepub"})
# What a reader noted is nobody else's: a book is lent, and mailed.
PRIVATE = frozenset({BOOKMARKS.encode()})
AS_CALIBRE = StripList(strip=False, settle=False)


def write_copy_and_log(writer: Any, stream: BinaryIO, mi: Metadata, fmt: str) -> None:
    """What the metadata writer does: a copy is stripped and settled, any other file is left to calibre alone."""
    leaves = not is_embedding(stream)
    settled = False
    origin: str | None = None
    if leaves:
        with complaining("tell which file a copy is made of"):
            origin = stream_origin(stream)
    try:
        strip_list = read_strip_list() if leaves else AS_CALIBRE
        settled = write_copy(stream, mi, fmt, strip_list, writer.apply_null, writer.force_identifiers)
    except Exception:
        report_as_calibre(mi, fmt)
    with complaining("log a copy"):
        log_copy(stream, mi, fmt, settled, "written" if leaves else "library", origin)


def write_copy(
    stream: BinaryIO,
    mi: Metadata,
    fmt: str,
    strip_list: StripList,
    apply_null: bool = False,
    force_identifiers: bool = False,
) -> bool:
    """Writes metadata into a stream as a copy gets it, and logs nothing; True when the result is settled.

    Raises what calibre's writer raises, and nothing else.
    """
    stripped = mi
    with complaining("leave our columns out"):
        stripped = without_our_columns(mi, strip_list)
    if fmt not in EPUBS:
        calibre_writes(stream, stripped, fmt, apply_null, force_identifiers)
        return False
    try:
        written = calibre_writes(stream, stripped, fmt, apply_null, force_identifiers)
    except Exception:
        leave_private_notes_out(stream, strip_list)
        raise
    if written and strip_list.settle:
        with complaining("settle a copy"):
            if settle(stream, PRIVATE if strip_list.strip else ()):
                return True
    leave_private_notes_out(stream, strip_list)
    return False


def leave_private_notes_out(stream: BinaryIO, strip_list: StripList) -> None:
    """Takes the bookmarks of calibre's viewer out of an EPUB that has some; emptied, where its layout is out of the ordinary."""
    if not strip_list.strip:
        return
    with complaining("leave private notes out of a copy"):
        stream.seek(0)
        has_notes = is_zipfile(stream) and any(raw_name(info) in PRIVATE for info in ZipFile(stream).infolist())
        if has_notes and not leave_out(stream, PRIVATE):
            from calibre.utils.zipfile import safe_replace

            safe_replace(stream, BOOKMARKS, io.BytesIO())
        stream.seek(0)


def calibre_writes(stream: BinaryIO, mi: Metadata, fmt: str, apply_null: bool, force_identifiers: bool) -> bool:
    """Hands over to the writer that calibre would have chosen without us; False when there is none."""
    from calibre.customize import ui

    for plugin in ui._metadata_writers.get(fmt, ()):
        if plugin.name == "KOReader Progress" or ui.is_disabled(plugin):
            continue
        with plugin:
            plugin.apply_null = apply_null
            plugin.force_identifiers = force_identifiers
            plugin.site_customization = ui.config["plugin_customization"].get(plugin.name, "")
            plugin.set_metadata(stream, mi, fmt)
        return True
    return False


def without_our_columns(mi: Metadata, strip_list: StripList) -> Metadata:
    """The metadata without mapped columns and the composites built on them: itself when it has none, else a copy."""
    columns: dict[str, dict] = mi.get_all_user_metadata(False)
    ours = our_columns(columns, strip_list) if strip_list.strip and strip_list.columns else set()
    if not ours:
        return mi
    stripped = mi.deepcopy_metadata()
    kept = stripped.get_all_user_metadata(False)
    for lookup in ours:
        del kept[lookup]
    return stripped


def our_columns(columns: dict[str, dict], strip_list: StripList) -> set[str]:
    """Lookup names of mapped columns, and of composites whose template names one of them or another such composite."""
    ours = {
        name for name, column in columns.items() if strip_list.names(name, column.get("colnum"), column["datatype"])
    }
    return with_composites(columns, ours)


def with_composites(columns: Mapping[str, Mapping[str, Any]], ours: set[str]) -> set[str]:
    """These lookup names, and those of the composites built on them."""
    templates = {
        name: (column.get("display") or {}).get("composite_template") or ""
        for name, column in columns.items()
        if column["datatype"] == "composite"
    }
    found = len(ours) > 0
    while found:
        mentions = re.compile("(?:" + "|".join(re.escape(name) for name in ours) + r")(?!\w)")
        built_on_ours = {name for name, template in templates.items() if mentions.search(template)} - ours
        ours = ours | built_on_ours
        found = len(built_on_ours) > 0
    return ours


def is_embedding(stream: BinaryIO) -> bool:
    """Whether calibre writes into a file that is no copy: *Embed metadata*, or any file by `ebook-meta`."""
    for frame in calling_frames():
        module = frame.f_globals.get("__name__")
        if module == "calibre.ebooks.metadata.cli":
            return True
        if module == "calibre.db.cache" and frame.f_code.co_name in ("embed_metadata", "_embed_metadata"):
            return True
    # A library keeps its files two folders below its database, whoever writes into them.
    name = getattr(stream, "name", None)
    if not isinstance(name, str):
        return False
    library = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(name))))
    return os.path.exists(os.path.join(library, "metadata.db"))


def calling_frames() -> Iterator[FrameType]:
    """The frames below which we run, the nearest first."""
    frame = sys._getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back


def report_as_calibre(mi: Metadata, fmt: str) -> None:
    """Tells of an error of calibre's writer where calibre would: to the caller's `report_error`, or to stderr.

    Letting it rise instead would make calibre run its own writer a second time over a half-written file.
    """
    report = traceback.format_exc()
    for frame in calling_frames():
        if frame.f_code.co_name == "set_file_type_metadata":
            report_error = frame.f_locals.get("report_error")
            if callable(report_error):
                report_error(mi, fmt, report)
                return
    print("Failed to set metadata for the", fmt.upper(), "format of:", getattr(mi, "title", ""), file=sys.stderr)
    print(report, file=sys.stderr)


def log_copy(stream: BinaryIO, mi: Metadata, fmt: str, settled: bool, source: str, origin: str | None = None) -> None:
    """Appends the digest of what stands in the stream now; nothing for a file that names no book of a library."""
    uuid = getattr(mi, "uuid", None)
    if not uuid:
        return
    append(
        CopyRecord(
            at=time.time(),
            source=source,
            uuid=uuid,
            title=mi.title,
            authors=list(mi.authors or ()),
            kind="partial_md5",
            digest=partial_md5(stream),
            format=fmt.upper(),
            size=stream_size(stream),
            content_key=content_key(stream) if fmt in EPUBS else None,
            origin=origin,
            name=None,
            device=None,
            settled=settled,
            by=os.path.basename(sys.argv[0]) if sys.argv else "",
        )
    )


@contextmanager
def complaining(what: str) -> Iterator[None]:
    """Whatever goes wrong inside is told to stderr and goes no further."""
    try:
        yield
    except Exception:
        with_trace = f"KOReader Progress could not {what}:\n{traceback.format_exc()}"
        if sys.stderr is not None:
            sys.stderr.write(with_trace)
