"""Everything that this computer knows into one file: no password, no key, no header, nothing of a library itself."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import urlsplit, urlunsplit

from ..copies.stored import SCHEMA
from ..copies.strip_list import our_folder
from ..settings.config import Settings
from .pack import write_pack
from .places import SERVER, SETTINGS, files_in

# What the settings file says of this computer that makes sense on another.
MOVED: Final = ("click", "keep_progress_open", "predict", "kepubs_told", "hosting", "copy_logs", "folders")
# Seconds to wait for a server that is writing.
PATIENCE: Final = 20.0


def server_store() -> Path:
    """The documents of the server that calibre hosts on this computer."""
    return Path(our_folder(), *SERVER.split("/"))


def export(path: str, settings: Settings, made: float, with_server: bool) -> int:
    """Writes the file, which its owner alone can read; how many parts it has. For a job's thread.

    Raises OSError, sqlite3.Error and PackRefused; then there is no file, or the one that was there.
    """
    with tempfile.TemporaryDirectory(prefix="export-") as folder:
        return write_pack(path, made, _files(settings, folder if with_server else None))


def _files(settings: Settings, folder: str | None) -> Iterator[tuple[str, IO[bytes]]]:
    yield SETTINGS, io.BytesIO(json.dumps(moved_settings(settings), sort_keys=True).encode("ascii"))
    for name, path in files_in(our_folder()):
        try:
            file = open(path, "rb")  # noqa: SIM115
        except FileNotFoundError:
            # A log that was gathered meanwhile: the gathered one comes last.
            continue
        with file:
            yield name, file
    if folder is not None and server_store().is_file():
        with open(_copied_store(folder), "rb") as file:
            yield SERVER, file


def moved_settings(settings: Settings) -> dict[str, Any]:
    """The settings as they leave: of an account its address and user name, and nothing to log in with."""
    logins = [
        {"id": known["id"], "url": _without_login(known["url"]), "username": known["username"]}
        for known in [*settings.accounts(), *settings.get("moved_logins")]
    ]
    return {"schema": SCHEMA, "moved_logins": logins, **{key: settings.get(key) for key in MOVED}}


def _without_login(url: str) -> str:
    """An address may hold a name and a password for a proxy in front of the server."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _copied_store(folder: str) -> str:
    """The store as it stands at one moment, also while a server is writing it."""
    copy = os.path.join(folder, "kosync.sqlite")
    source = sqlite3.connect(f"{server_store().absolute().as_uri()}?mode=ro", uri=True, timeout=PATIENCE)
    with closing(source), closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy
