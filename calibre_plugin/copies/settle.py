"""Gives an EPUB a layout in which its metadata cannot change KOReader's digest of it.

KOReader samples 1 KiB at each of a dozen offsets. calibre writes metadata into the package document alone, and its
viewer the reader's bookmarks into an entry of their own. So these become the zip's last entries, and this tail (package
document, bookmarks, central directory, end record) begins at the first place after the content that no sample reaches within the next RESERVE bytes. That place depends on the
content alone. The way there is padded in local headers only, with the extra field that APPNOTE 4.6.10 provides for it;
calibre's next rewriting drops it and settling makes it again.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile
from typing import IO, BinaryIO, Final
from zipfile import ZipFile

from .archive_names import entries_by_name, raw_name
from .digest import OFFSETS, SAMPLE
from .package_document import CONTAINER, LARGEST_CONTAINER, package_paths, read_text, renditions

# What calibre's viewer writes at closing: bookmarks and highlights.
BOOKMARKS: Final = "META-INF/calibre_bookmarks.txt"

# Room for the package document, ahead of the next sample. With 32 KiB, 200 KB of prose in the comments were too much
# for 40 of 177 books; with this, for none.
RESERVE = 96 * 1024
# Copies up to this size are laid out in memory.
IN_MEMORY = 100 << 20

LOCAL_HEADER, CENTRAL_RECORD, END_RECORD = 30, 46, 22
MAX_EXTRA = 0xFFFF
# Identifier, size of what follows, signature, size the file began with; then zeros.
PADDING = struct.Struct("<4H")
PADDING_ID, PADDING_SIGNATURE = 0xA220, 0xA028
# 1980-01-01 00:00 in DOS notation: calibre stamps the cover it has just added with the clock.
TIMELESS = b"\0\0\x21\0"
ENCRYPTED, HAS_DESCRIPTOR = 1, 8
CHUNK = 1 << 20


class NotSettled(Exception):
    """The file is out of the ordinary: whoever settles leaves it alone. Its text says why."""


@dataclass
class Entry:
    """One zip entry: where it stands, and the pieces that settling may change."""

    offset: int
    record: bytearray
    head: bytearray
    extra: bytes
    data_at: int
    data_size: int
    old_header: bytes
    new_data_at: int = field(default=0)

    @property
    def name(self) -> bytes:
        return bytes(self.head[LOCAL_HEADER:])

    @property
    def size(self) -> int:
        return len(self.head) + len(self.extra) + self.data_size


@dataclass(frozen=True)
class Archive:
    """A zip that is exactly its entries, its directory and its end record, with nothing in front, between or behind."""

    entries: list[Entry]
    # Names of the entries that calibre changes while a book stays the same.
    changing: frozenset[bytes]
    directory: bytes
    end: bytes


def settle(stream: BinaryIO, without: Collection[bytes] = ()) -> bool:
    """Settles the EPUB in a stream open for reading and writing; False, and the stream as it was, when in doubt.

    Entries of the names `without` are left out. OSError rises only when copying back failed and the old content could
    not be put back either.
    """
    return replace(stream, settled_order, without)


def leave_out(stream: BinaryIO, names: Collection[bytes]) -> bool:
    """Takes entries out of the EPUB in a stream and leaves it as it is otherwise; False, and as it was, when in doubt."""
    return replace(stream, lambda archive, kept: kept, names)


def replace(stream: BinaryIO, order: Callable[[Archive, list[Entry]], list[Entry]], without: Collection[bytes]) -> bool:
    """Writes an archive's entries anew, in the order that `order` gives those that stay."""
    with SpooledTemporaryFile(IN_MEMORY) as settled:
        try:
            archive = read_archive(stream)
            kept = [entry for entry in archive.entries if entry.name not in without]
            left = [entry for entry in archive.entries if entry.name in without]
            new_size = write_archive(archive, order(archive, kept), stream, settled)
            # Behind the new archive: should copying back fail, the old one is put together from here.
            for entry in left:
                entry.new_data_at = settled.tell()
                copy_bytes(stream, entry.data_at, entry.data_size, settled)
        except Exception:
            return False
        stream.flush()
        # A buffered stream would offer what the disk refused again and again: the raw one below can be turned back.
        raw = getattr(stream, "raw", stream)
        try:
            copy_back(settled, new_size, raw)
        except Exception:
            restore(archive, settled, raw)
            return False
        finally:
            stream.seek(0)
    return True


def read_archive(stream: BinaryIO) -> Archive:
    """Reads a zip's structure. Raises for everything unusual: moving what we do not understand could lose data."""
    stream.seek(0)
    with ZipFile(stream) as archive:
        infos, start, end_size = archive.infolist(), archive.start_dir, END_RECORD + len(archive.comment)
        by_name = entries_by_name(infos)
        container = read_text(archive, by_name[CONTAINER], LARGEST_CONTAINER)
        changing = {BOOKMARKS, *renditions(container), *package_paths(container)}
        names = frozenset(raw_name(by_name[name]) for name in changing & by_name.keys())
    stream.seek(start)
    rest = stream.read()
    directory, end = rest[:-end_size], rest[-end_size:]
    entries: list[Entry] = []
    at = 0
    for info in infos:
        record_size = CENTRAL_RECORD + sum(struct.unpack_from("<3H", directory, at + 28))
        record, at = bytearray(directory[at : at + record_size]), at + record_size
        stream.seek(info.header_offset)
        head = bytearray(stream.read(LOCAL_HEADER))
        name_size, extra_size = struct.unpack_from("<2H", head, 26)
        head += stream.read(name_size)
        if info.flag_bits & ENCRYPTED:
            raise NotSettled("encrypted")
        if head[:4] != b"PK\3\4" or head[LOCAL_HEADER:] != record[CENTRAL_RECORD : CENTRAL_RECORD + name_size]:
            raise NotSettled("a header that contradicts the directory")
        extra = stream.read(extra_size)
        entries.append(
            Entry(
                offset=info.header_offset,
                record=record,
                head=head,
                extra=without_padding(extra),
                data_at=stream.tell(),
                data_size=info.compress_size,
                old_header=bytes(head) + extra,
            )
        )
    count = len(entries)
    ordinary = (b"PK\5\6", 0, 0, count, count, len(directory), start)
    if struct.unpack_from("<4s4H2L", end) != ordinary or at != len(directory):
        raise NotSettled("ZIP64, several parts, or bytes in front or behind")
    entries.sort(key=lambda entry: entry.offset)
    check_gapless(entries, start)
    return Archive(entries, names, directory, end)


def without_padding(extra: bytes) -> bytes:
    """A local header's extra fields without the padding of an earlier settling, which stands first."""
    if len(extra) >= PADDING.size:
        found, size, signature, _ = PADDING.unpack_from(extra)
        if (found, signature) == (PADDING_ID, PADDING_SIGNATURE):
            return extra[4 + size :]
    return extra


def check_gapless(entries: list[Entry], start: int) -> None:
    """Each entry must end where the next begins; a data descriptor is counted as part of the data."""
    if not entries or entries[0].offset != 0 or len({entry.name for entry in entries}) != len(entries):
        raise NotSettled("something in front, or two entries of one name")
    for entry, following in zip(entries, [entry.offset for entry in entries[1:]] + [start], strict=True):
        descriptor = following - entry.data_at - entry.data_size
        flags = struct.unpack_from("<H", entry.record, 8)[0]
        if descriptor not in ((12, 16) if flags & HAS_DESCRIPTOR else (0,)):
            raise NotSettled("a gap or an overlap")
        entry.data_size += descriptor


def tail_start(content_end: int, reserve: int) -> int:
    """The first offset from the content's end on that has no sample within `reserve` bytes and is near no other."""
    start = content_end
    for sample in OFFSETS:
        if start < sample + SAMPLE and sample < start + reserve:
            start = max(sample + SAMPLE, content_end + PADDING.size)
    return start


def settled_order(archive: Archive, entries: list[Entry]) -> list[Entry]:
    """Content as it stands, with the padding behind it, then what calibre changes."""
    content = [entry for entry in entries if entry.name not in archive.changing]
    changing = [entry for entry in entries if entry.name in archive.changing]
    if all(entry.name == BOOKMARKS.encode() for entry in changing) or len(content) < 2:
        raise NotSettled("no package document, or no content")
    content[-1].record[12:16] = content[-1].head[10:14] = TIMELESS
    content_end = sum(entry.size for entry in content)
    pad(content, tail_start(content_end, RESERVE + sum(len(entry.record) for entry in content)) - content_end)
    return content + changing


def write_archive(archive: Archive, entries: list[Entry], source: BinaryIO, out: IO[bytes]) -> int:
    """Writes these entries of an archive to `out`, with directory and end; the size of the whole."""
    for entry in entries:
        entry.record[42:46] = struct.pack("<L", out.tell())
        entry.head[28:30] = struct.pack("<H", len(entry.extra))
        out.write(entry.head + entry.extra)
        entry.new_data_at = out.tell()
        copy_bytes(source, entry.data_at, entry.data_size, out)
    directory = b"".join(entry.record for entry in entries)
    end = bytearray(archive.end)
    struct.pack_into("<2H2L", end, 8, len(entries), len(entries), len(directory), out.tell())
    out.write(directory + end)
    return out.tell()


def pad(content: list[Entry], missing: int) -> None:
    """Spreads the padding over the last entries' local headers, never over the first, which is the mimetype."""
    for entry in content[:0:-1]:
        size = min(missing, MAX_EXTRA - len(entry.extra))
        if 0 < missing - size < PADDING.size:
            size -= PADDING.size  # else the remainder could not hold a field's own header
        if size >= PADDING.size:
            field_header = PADDING.pack(PADDING_ID, size - 4, PADDING_SIGNATURE, size - PADDING.size)
            entry.extra = field_header.ljust(size, b"\0") + entry.extra
            missing -= size
    if missing:
        raise NotSettled("no room for the padding")


def copy_back(settled: IO[bytes], new_size: int, stream: BinaryIO) -> None:
    """Replaces the stream's content. What needs new room on the disk comes first, while nothing is lost yet."""
    old_size = size_of(stream)
    copy_bytes(settled, old_size, new_size - old_size, stream)
    stream.seek(0)
    copy_bytes(settled, 0, min(old_size, new_size), stream)
    stream.truncate(new_size)


def size_of(stream: IO[bytes]) -> int:
    """Bytes in a stream, which is left at its end."""
    stream.seek(0, os.SEEK_END)  # a spooled file's own returns nothing in an old Python
    return stream.tell()


def restore(archive: Archive, settled: IO[bytes], stream: BinaryIO) -> None:
    """Puts the old file together again from the settled one, which holds all its data."""
    for entry in archive.entries:
        stream.seek(entry.offset)
        write_all(stream, entry.old_header)
        copy_bytes(settled, entry.new_data_at, entry.data_size, stream)
    write_all(stream, archive.directory + archive.end)
    stream.truncate(stream.tell())


def copy_bytes(source: IO[bytes], at: int, size: int, out: IO[bytes]) -> None:
    """Copies `size` bytes to where `out` stands; EOFError when the source ends before."""
    source.seek(at)
    while size > 0:
        chunk = source.read(min(size, CHUNK))
        if not chunk:
            raise EOFError
        write_all(out, chunk)
        size -= len(chunk)


def write_all(out: IO[bytes], data: bytes) -> None:
    """Writes everything: a raw file may take less at a time."""
    view = memoryview(data)
    while view:
        view = view[out.write(view) :]
