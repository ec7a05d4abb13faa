"""Puts the bridge's files where a runtime can read them: one folder per content, made whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

INSIDE_ZIP: Final = "bridge/"
ENTRY: Final = "main.mjs"
KEPT_FOLDERS: Final = 2
UNFINISHED: Final = "unfinished-"
# Seconds; filling a folder takes a moment.
ABANDONED_AFTER: Final = 3600


def read_bundle(plugin_path: str) -> dict[str, bytes]:
    """The bridge's files inside the plugin's zip, by relative path.

    Read once, early: when the zip is replaced under a running calibre, code and bridge must still belong together.
    """
    with zipfile.ZipFile(plugin_path) as zipped:
        return {
            name[len(INSIDE_ZIP) :]: zipped.read(name)
            for name in zipped.namelist()
            if name.startswith(INSIDE_ZIP) and not name.endswith("/")
        }


def install_bundle(bundle: Mapping[str, bytes], folder: str) -> str:
    """Writes the files below `folder` unless they are there already; the path of the entry script."""
    digest = hashlib.sha256()
    for name in sorted(bundle):
        digest.update(name.encode() + b"\0" + bundle[name] + b"\0")
    parent = Path(folder)
    parent.mkdir(parents=True, exist_ok=True)
    home = parent / f"bridge-{digest.hexdigest()[:16]}"
    if not _is_whole(home, bundle):
        unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=parent))
        try:
            for name, content in bundle.items():
                path = unfinished / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            # Another calibre may have been quicker meanwhile, and use it already.
            if home.exists() and not _is_whole(home, bundle):
                shutil.rmtree(home, ignore_errors=True)
            unfinished.rename(home)
        except OSError:
            # It was: its folder has the same content.
            if not _is_whole(home, bundle):
                raise
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    _forget_old(parent, home)
    return str(home / ENTRY)


def _is_whole(home: Path, bundle: Mapping[str, bytes]) -> bool:
    try:
        return all((home / name).read_bytes() == content for name, content in bundle.items())
    except OSError:
        return False


def _forget_old(parent: Path, current: Path) -> None:
    """Deletes what no calibre uses any more. Another one may do the same at this moment: nothing here is an error."""
    with suppress(OSError):
        os.utime(current)
    homes = sorted(parent.glob("bridge-*"), key=_date_of, reverse=True)
    for home in homes[KEPT_FOLDERS:]:
        if home != current:
            shutil.rmtree(home, ignore_errors=True)
    for left in parent.glob(f"{UNFINISHED}*"):
        # A younger one is being filled by another calibre; an older one was left by a crash.
        if _date_of(left) < time.time() - ABANDONED_AFTER:
            shutil.rmtree(left, ignore_errors=True)


def _date_of(folder: Path) -> float:
    """When it was last changed; long ago if it has just gone."""
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0
