"""What another computer knew becomes known here too: what is here stays, what is new is added, twice is as good as once."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Container, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ..copies.log import begin_log, key_of, log_folder, log_versions, merge, read_logs
from ..copies.record import CopyRecord, checked_record
from ..copies.stored import is_newer
from ..copies.strip_list import our_folder, take_over
from ..memory.journal_writer import is_under_way
from ..settings.config import MovedLogin, Settings
from .lines import append_lines, line_hash, lines_of, longer_of, unheard
from .pack import read_pack
from .places import Kind, kind_of
from .taken_settings import take_settings

UNFINISHED: Final = "import-"
# What a crash left is deleted after so many seconds.
ABANDONED_AFTER: Final = 86_400


@dataclass
class Taken:
    """What came with a file: how many parts of each kind were new here, and what was left."""

    new: Counter[Kind] = field(default_factory=Counter)
    # Accounts that a password is needed for.
    logins: list[MovedLogin] = field(default_factory=list)
    # Folders of other calibres' copy logs that are not on this computer.
    missing_folders: list[str] = field(default_factory=list)
    # Whether a server's documents were left, for this computer's server has its own.
    server_left: bool = False
    # Where runs were put that are other than those of the same name here.
    apart: list[str] = field(default_factory=list)


def take(path: str, settings: Settings) -> Taken:
    """Adds what the file holds to what is known here; for a job's thread. It can be repeated.

    Raises PackRefused, having changed nothing, and OSError: then what was not added is added the next time.
    """
    _forget_abandoned()
    os.makedirs(our_folder(), exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=our_folder()) as folder:
        names = read_pack(path, folder)
        taken = Taken()
        # Settings last: the choice to host a server comes with its documents, or not at all.
        for name in sorted(names, key=lambda name: kind_of(name) == "settings"):
            kind = kind_of(name)
            assert kind is not None
            if _TAKES[kind](Path(folder, *name.split("/")), name, taken, settings):
                taken.new[kind] += 1
    return taken


def _forget_abandoned() -> None:
    for left in Path(our_folder()).glob(f"{UNFINISHED}*"):
        with suppress(OSError):
            if left.stat().st_mtime < time.time() - ABANDONED_AFTER:
                shutil.rmtree(left, ignore_errors=True)


def _ours(name: str) -> Path:
    return Path(our_folder(), *name.split("/"))


def _put(path: Path, target: Path) -> None:
    """Moves a file to where there is none, its content on the disk first."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "rb+") as file:
        os.fsync(file.fileno())
    os.chmod(path, 0o600)
    os.replace(path, target)


def _if_absent(path: Path, name: str, _taken: Taken, _settings: Settings) -> bool:
    if _ours(name).exists():
        return False
    _put(path, _ours(name))
    return True


def _run(path: Path, name: str, taken: Taken, _settings: Settings) -> bool:
    """A run's file is only ever appended to: of two the longer one is the later, and two that part ways are both kept."""
    target = _ours(name)
    if not target.exists():
        _put(path, target)
        return True
    longer = longer_of(path, target)
    if longer is None:
        apart = target.with_name(f"{target.name}.from-{_digest(path)[:12]}")
        if not apart.exists():
            _put(path, apart)
        taken.apart.append(str(apart))
    elif longer == path and not is_under_way(target):
        _put(path, target)
        return True
    return False


def _memory(path: Path, name: str, _taken: Taken, _settings: Settings) -> bool:
    new = list(unheard(_ours(name), path))
    if new:
        append_lines(_ours(name), new)
    return bool(new)


def _copies(path: Path, _name: str, _taken: Taken, _settings: Settings) -> bool:
    """What is new of it becomes the log of a process that has ended; the next sync gathers it."""
    logs = [*log_versions([log_folder()])]
    known = {key_of(record): record for record in read_logs([log_folder()])}
    newer = {line_hash(line) for log in logs for line in lines_of(Path(log)) if is_newer(_parsed(line))}
    new = [line for line in lines_of(path) if _is_new_copy(line, known, newer)]
    if new:
        with begin_log(log_folder()) as log:
            log.write(b"".join(line + b"\n" for line in new))
            os.fsync(log.fileno())
    return bool(new)


def _is_new_copy(line: bytes, known: Mapping[tuple[object, ...], CopyRecord], newer: Container[bytes]) -> bool:
    parsed = _parsed(line)
    if is_newer(parsed):
        return line_hash(line) not in newer
    record = checked_record(parsed)
    if record is None:
        return False
    ours = known.get(key_of(record))
    return ours is None or merge([ours, record]) != merge([ours, ours])


def _put_aside(path: Path, name: str, _taken: Taken, _settings: Settings) -> bool:
    known = {line_hash(line) for line in lines_of(_ours(name))}
    new = [line for line in lines_of(path) if line_hash(line) not in known]
    if new:
        append_lines(_ours(name), new)
    return bool(new)


def _server(path: Path, name: str, taken: Taken, _settings: Settings) -> bool:
    if _ours(name).exists():
        taken.server_left = True
        return False
    _ours(name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _put(path, _ours(name))
    return True


def _settings(path: Path, _name: str, taken: Taken, settings: Settings) -> bool:
    has_server = bool(taken.new["server"])
    changed, taken.missing_folders = take_settings(_object(path), settings, has_server)
    taken.logins = settings.moved_logins()
    return changed


def _strip_list(path: Path, _name: str, _taken: Taken, _settings: Settings) -> bool:
    return take_over(_object(path))


_TAKES: Final[dict[Kind, Callable[[Path, str, Taken, Settings], bool]]] = {
    "settings": _settings,
    "strip_list": _strip_list,
    "copies": _copies,
    "journal": _run,
    "memory": _memory,
    "devices": _if_absent,
    "before": _if_absent,
    "put_aside": _put_aside,
    "server": _server,
}


def _object(path: Path) -> dict[str, Any]:
    """The JSON object in a file; empty when it holds none."""
    value = _parsed(path.read_bytes())
    return value if isinstance(value, dict) else {}


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
