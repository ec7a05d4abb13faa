"""The copy log: what left calibre, or was met outside it, one line each, written by any number of processes at once.

Each process appends to a file of its own and holds a lock on it for as long as it lives, also when it is killed. A
gatherer merges the files whose lock nobody holds into one and deletes them. Logs of other calibres (in a container, on
a server) can be read as well; they are never deleted, because a lock may not reach across machines.
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
import time
import uuid
from collections.abc import Container, Iterable, Iterator
from contextlib import ExitStack, suppress
from typing import IO, cast

from .content_key import newest_key
from .record import CopyRecord, checked_record
from .stored import SCHEMA, is_newer, notice
from .strip_list import our_folder

VARIABLE = "KOREADER_PROGRESS_COPY_LOGS"
GATHERED = "gathered.jsonl"
SUFFIX = ".jsonl"
# More files than this are gathered by the next process that begins a log: a server that nobody syncs stays tidy.
MANY = 64
# More than these are gathered by a sync: fewer are as quickly read as they are, and the large file stays as it is.
SEVERAL = 16
# The uuid of a line, without parsing it: a quotation mark inside of a text has a backslash before it.
_UUID = re.compile(rb'"uuid"\s*:\s*"([^"]*)"')
# Windows locks forbid reading the locked bytes: far behind any line, and within what a C `long` reaches there.
LOCKED_BYTE = (1 << 31) - 2


def log_folder() -> str:
    """This calibre's own log folder."""
    return os.path.join(our_folder(), "copies")


class ProcessLog:
    """This process's own file, made at its first line."""

    def __init__(self) -> None:
        self.mutex = threading.Lock()
        self.file: IO[bytes] | None = None
        self.torn = False

    def append(self, record: CopyRecord) -> None:
        """Appends one line, or raises OSError."""
        line = _line({**record, "schema": SCHEMA})
        with self.mutex:
            if self.file is None or not is_still_there(self.file):
                self.file = begin_log(log_folder())
            # After a failed write (a full disk) half a line may stand there: it must not spoil this one.
            data = b"\n" + line if self.torn else line
            self.torn = True
            if self.file.write(data) == len(data):
                self.torn = False


_own = ProcessLog()


def append(record: CopyRecord) -> None:
    """Appends one line to this process's log; OSError when that cannot be done."""
    _own.append(record)


def end_own_log() -> None:
    """Ends this process's file, which could not be deleted everywhere while it is open; the next line begins another."""
    with _own.mutex:
        file, _own.file = _own.file, None
        if file is not None:
            file.close()


def begin_log(folder: str) -> IO[bytes]:
    """Creates and locks a file for this process; the lock is the kernel's and ends with the process."""
    os.makedirs(folder, exist_ok=True)
    if len(log_files(folder)) > MANY:
        # On Windows nothing can be replaced that another process is reading just now.
        with suppress(OSError):
            gather(folder)
    while True:
        name = f"{int(time.time())}-{os.getpid()}-{uuid.uuid4().hex[:8]}{SUFFIX}"
        file = open(os.path.join(folder, name), "ab", buffering=0)  # noqa: SIM115
        # A gatherer may find the file before it is locked, take it for an ended process's and delete it.
        if lock(file) is not False and is_still_there(file):
            return file
        file.close()


def is_still_there(file: IO[bytes]) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(file.name))
    except OSError:
        return False


def lock(file: IO[bytes]) -> bool | None:
    """Locks a file without waiting: True when it is ours, False when it is another's, None where there are no locks."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(LOCKED_BYTE)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return None
    return True


def log_files(folder: str) -> list[str]:
    """Paths of the processes' logs in a folder, the oldest first; none when there is no folder."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    return [os.path.join(folder, name) for name in names if name.endswith(SUFFIX) and name != GATHERED]


def log_versions(folders: Iterable[str]) -> dict[str, list[int]]:
    """Size and date (nanoseconds) of every log in these folders, by path, the oldest first: what changed, grew."""
    found: dict[str, list[int]] = {}
    for folder in folders:
        for path in (os.path.join(folder, GATHERED), *log_files(folder)):
            with suppress(OSError):
                about = os.stat(path)
                found[path] = [about.st_size, about.st_mtime_ns]
    return found


def read_log(
    path: str, without: Container[bytes] = (), unreadable: set[str] | None = None, newer: list[bytes] | None = None
) -> Iterator[CopyRecord]:
    """The records of one file; a line that a crash has torn costs that line only.

    Lines of the uuids `without` are not worth parsing. A file that cannot be read enters `unreadable`; a line that a
    newer version wrote says nothing here, and enters `newer` as it is.
    """
    try:
        with open(path, "rb") as file:
            lines = file.read().split(b"\n")
    except OSError:
        if unreadable is not None:
            unreadable.add(path)
        return
    for line in lines:
        if without and (named := _UUID.search(line)) and named[1] in without:
            continue
        try:
            parsed = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if is_newer(parsed):
            notice("newer", "copy_log", os.path.dirname(path))
            if newer is not None:
                newer.append(line)
        elif (record := checked_record(parsed)) is not None:
            yield record


def read_logs(folders: Iterable[str], without: Container[bytes] = ()) -> list[CopyRecord]:
    """What these folders tell, merged: one record for what was logged several times; nothing of the uuids `without`."""
    return merge(record for path in log_versions(folders) for record in read_log(path, without))


def merge(records: Iterable[CopyRecord]) -> list[CopyRecord]:
    """One record for each book, digest, source, name and device, from first to last; the newest title is kept."""
    merged: dict[tuple[object, ...], CopyRecord] = {}
    for record in records:
        key = key_of(record)
        known = merged.get(key)
        merged[key] = record if known is None else merge_two(known, record)
    return list(merged.values())


def key_of(record: CopyRecord) -> tuple[object, ...]:
    """What two records of one copy have in common."""
    return tuple(record.get(part) for part in ("uuid", "digest", "kind", "source", "name", "device"))


def merge_two(one: CopyRecord, two: CopyRecord) -> CopyRecord:
    """The newer record, with what it lacks from the older and the dates of both."""
    older, newer = sorted((one, two), key=last_seen)
    told = {name: value for name, value in newer.items() if value is not None}
    merged = {**older, **told, "at": min(one["at"], two["at"]), "last": last_seen(newer)}
    key = newest_key(newer.get("content_key"), older.get("content_key"))
    return cast(CopyRecord, {**merged, "content_key": key} if key is not None else merged)


def last_seen(record: CopyRecord) -> float:
    """When it was logged last, in epoch seconds."""
    return record.get("last", record["at"])


def gather_many() -> None:
    """Gathers this calibre's logs when there are several; a disk that refuses leaves them as they are."""
    if len(log_files(log_folder())) > SEVERAL:
        with suppress(OSError):
            gather()


def gather(folder: str | None = None) -> int:
    """Merges the logs of ended processes into one file and deletes them; how many there were.

    Another gatherer at work, a place without locks, or a file that cannot be read means nothing is done: what stands
    there is read all the same.
    """
    folder = folder or log_folder()
    os.makedirs(folder, exist_ok=True)
    with ExitStack() as open_files:
        if not lock(open_files.enter_context(open(os.path.join(folder, "gather.lock"), "ab", buffering=0))):
            return 0
        ended = [file for file in map(open_if_ended, log_files(folder)) if file is not None]
        for file in ended:
            open_files.enter_context(file)
        if ended:
            path = os.path.join(folder, GATHERED)
            sources = [*([path] if os.path.exists(path) else []), *(file.name for file in ended)]
            unreadable: set[str] = set()
            newer: list[bytes] = []
            gathered = [record for source in sources for record in read_log(source, (), unreadable, newer)]
            if unreadable:
                # What cannot be read at this moment is not empty: another time.
                return 0
            write_gathered(path, merge(gathered), newer)
        for file in ended:
            remove(file)
    return len(ended)


def remove(file: IO[bytes]) -> None:
    """Deletes a gathered file: while it is locked, so that nobody writes into it, except where that is refused."""
    if sys.platform == "win32":
        file.close()
    with suppress(OSError):
        os.remove(file.name)


def open_if_ended(path: str) -> IO[bytes] | None:
    """The file, locked, when its process has ended; None when it lives or cannot be asked."""
    try:
        file = open(path, "ab", buffering=0)  # noqa: SIM115
    except OSError:
        return None
    if lock(file):
        return file
    file.close()
    return None


def write_gathered(path: str, records: list[CopyRecord], newer: Iterable[bytes] = ()) -> None:
    """Replaces the merged file at once, on the disk before the gathered files are deleted."""
    unfinished = path + ".part"
    with open(unfinished, "wb") as file:
        for record in records:
            file.write(_line(record))
        for line in dict.fromkeys(newer):
            file.write(line + b"\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(unfinished, path)


def _line(record: CopyRecord) -> bytes:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass") + b"\n"
