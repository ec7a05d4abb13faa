"""A runtime of the plugin's own on the disk: a folder named by its content, made whole or not at all, checked before use."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import IO, Final, Literal

from .deno_build import Build

FOLDER: Final = "runtime-"
UNFINISHED: Final = "unfinished-runtime-"
CHUNK: Final = 1 << 20
# Bytes that stay free beside an unpacked runtime, for everybody else.
SPARE: Final = 32 << 20
# Seconds without a byte: whoever filled it was killed.
ABANDONED_AFTER: Final = 600
# Seconds; another calibre, with another version of the plugin, uses its own every day.
OLD_AFTER: Final = 86_400
# Seconds between attempts: a virus scanner holds a program that has just appeared.
PAUSES: Final = (0.1, 0.3, 1.0)

# What the system says of a full disk; Windows has no quota of this name.
FULL: Final = tuple(getattr(errno, name) for name in ("ENOSPC", "EDQUOT") if hasattr(errno, name))

TroubleKind = Literal[
    "damaged", "wrong_machine", "no_room", "not_writable", "not_executable", "not_started", "vanished"
]


class OwnRuntimeTrouble(Exception):
    """Why the plugin's own runtime cannot be used; `place` is a folder or file, `needed` and `free` are bytes."""

    def __init__(self, kind: TroubleKind, place: str = "", said: str = "", needed: int = 0, free: int = 0) -> None:
        super().__init__(f"{kind} {place} {said}".strip())
        self.kind: TroubleKind = kind
        self.place = place
        self.said = said
        self.needed = needed
        self.free = free


# By path, what a file was like when its content was last found right: it is read once for each calibre.
_verified: dict[str, tuple[int, int, int]] = {}


def program_in(place: str, build: Build) -> str:
    """Where a build's program lies in a place, whether or not it is there."""
    return os.path.join(place, f"{FOLDER}{build.sha256[:16]}", build.name)


def is_whole(path: str, build: Build) -> bool:
    """Whether this file is the build, byte by byte."""
    try:
        stat = os.stat(path)
        state = (stat.st_size, stat.st_mtime_ns, stat.st_ino)
        if stat.st_size != build.size:
            return False
        if _verified.get(path) != state:
            with open(path, "rb") as file:
                if _copied(file, None) != (build.size, build.sha256):
                    return False
            _verified[path] = state
    except OSError:
        return False
    return True


def keep(place: str, build: Build, opened: Callable[[], AbstractContextManager[IO[bytes]]]) -> str:
    """Fills the build's folder in this place from a stream, unless it is there; the program's path.

    Raises OwnRuntimeTrouble, leaving nothing behind. Several processes may do the same at once.
    """
    program = program_in(place, build)
    if is_whole(program, build):
        return program
    unfinished = begin(place, build.size)
    try:
        _fill(os.path.join(unfinished, build.name), build, opened)
        _put_into_place(unfinished, program, build)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    if not is_whole(program, build):
        raise OwnRuntimeTrouble("vanished", program)
    return program


def begin(place: str, size: int) -> str:
    """A new folder in this place, where `size` bytes fit and programs may run. Raises OwnRuntimeTrouble, leaving nothing."""
    try:
        os.makedirs(place, exist_ok=True)
        forget_abandoned(place)
        free = shutil.disk_usage(place).free
        if free < size + SPARE:
            raise OwnRuntimeTrouble("no_room", place, "", size + SPARE, free)
        unfinished = tempfile.mkdtemp(prefix=UNFINISHED, dir=place)
    except OSError as error:
        raise OwnRuntimeTrouble("not_writable", place, error.strerror or "") from error
    # Before 100 MB are written.
    if not _may_run(unfinished):
        shutil.rmtree(unfinished, ignore_errors=True)
        raise OwnRuntimeTrouble("not_executable", place)
    return unfinished


def forget_old(places: Iterable[str], current: str) -> None:
    """Deletes the runtimes that no calibre has used for a day. Another one may do the same: nothing here is an error."""
    home = os.path.dirname(current)
    with suppress(OSError):
        os.utime(home)
    for place in places:
        forget_abandoned(place)
        for folder in Path(place).glob(f"{FOLDER}*"):
            if str(folder) != home and _last_change(folder) < time.time() - OLD_AFTER:
                shutil.rmtree(folder, ignore_errors=True)


def forget_abandoned(place: str) -> None:
    """Deletes what a killed calibre left half filled."""
    for folder in Path(place).glob(f"{UNFINISHED}*"):
        if _last_change(folder) < time.time() - ABANDONED_AFTER:
            shutil.rmtree(folder, ignore_errors=True)


def kept_in(places: Iterable[str]) -> list[tuple[str, int]]:
    """The folders of runtimes, whole or not, with their bytes."""
    folders = [folder for place in places for folder in sorted(Path(place).glob(f"{FOLDER}*"))]
    return [(str(folder), sum(size_of(path) for path in folder.rglob("*"))) for folder in folders]


def remove_kept(places: Iterable[str]) -> None:
    """Deletes every kept runtime. Raises OSError, naming the file, when one is in use or not ours to delete."""
    for folder, _size in kept_in(places):
        shutil.rmtree(folder)


def size_of(path: Path) -> int:
    """Bytes of a file; 0 of anything else, or when it is gone."""
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0


def _copied(source: IO[bytes], target: IO[bytes] | None, limit: int = 1 << 40) -> tuple[int, str]:
    """Reads a stream to its end, or to just past `limit` bytes; how many there were, and their SHA-256."""
    digest, size = hashlib.sha256(), 0
    while size <= limit and (chunk := _read(source)):
        digest.update(chunk)
        size += len(chunk)
        if target is not None:
            target.write(chunk)
    return size, digest.hexdigest()


def _read(source: IO[bytes]) -> bytes:
    try:
        return source.read(CHUNK)
    except Exception as error:
        # Each way of packing has errors of its own for what is cut or changed.
        raise OwnRuntimeTrouble("damaged", "", str(error)) from error


def _fill(path: str, build: Build, opened: Callable[[], AbstractContextManager[IO[bytes]]]) -> None:
    with opened() as source:
        try:
            with open(path, "xb") as target:
                found = _copied(source, target, build.size)
                target.flush()
                os.fsync(target.fileno())
            os.chmod(path, 0o755)
        except OSError as error:
            if error.errno in FULL:
                raise OwnRuntimeTrouble("no_room", os.path.dirname(path), "", build.size) from error
            raise OwnRuntimeTrouble("not_writable", path, error.strerror or str(error)) from error
    if found != (build.size, build.sha256):
        raise OwnRuntimeTrouble("damaged")


def _put_into_place(unfinished: str, program: str, build: Build) -> None:
    home = os.path.dirname(program)
    for pause in (*PAUSES, None):
        # Another calibre may have been quicker, and use it already; what is damaged makes way.
        if is_whole(program, build):
            return
        try:
            if os.path.lexists(home):
                shutil.rmtree(home, ignore_errors=True)
            os.rename(unfinished, home)
            return
        except OSError as error:
            if pause is None and not is_whole(program, build):
                raise OwnRuntimeTrouble("not_writable", home, error.strerror or "") from error
        if pause is not None:
            time.sleep(pause)


def _may_run(folder: str) -> bool:
    """Whether programs may run from here: a folder mounted without that right says so of any file."""
    probe = os.path.join(folder, "probe")
    try:
        os.close(os.open(probe, os.O_CREAT | os.O_WRONLY, 0o755))
        may_run = os.access(probe, os.X_OK)
        os.unlink(probe)
    except OSError:
        # A full disk, for instance: told when it is written to.
        return True
    return may_run


def _last_change(folder: Path) -> float:
    """Of a folder and what is in it, since a file that grows does not change its folder's date; now, when it is gone."""
    try:
        return max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
    except OSError:
        return time.time()
