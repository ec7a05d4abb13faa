"""The files of this computer that may be a runtime: on PATH and where installers and version managers put them."""

from __future__ import annotations

import glob
import ntpath
import os
import posixpath
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Final

from .ask_version import NEEDED
from .usual_places import usual_places

# A version manager may hold dozens; when these are too old, so are the rest.
NEWEST: Final = 8


def candidates(environment: Mapping[str, str], system: str = sys.platform) -> Iterator[str]:
    """Paths of executables that may be a runtime, each once, best first; never one of the working folder."""
    known = _environment_of(system, environment)
    home = os.path.expanduser("~")
    seen: set[tuple[str, str]] = set()
    folders = [*path_folders(known.get("PATH", ""), system)]
    folders += [*path_folders(registered_path(), system)]
    folders += [folder for pattern in usual_places(system, known, home) for folder in newest_first(pattern)]
    for name in NEEDED:
        for folder in dict.fromkeys(folders):
            path = os.path.join(folder, f"{name}.exe" if system == "win32" else name)
            if not (os.path.isfile(path) and os.access(path, os.X_OK)):
                continue
            # A version manager has one program behind all its shims, which looks by what name it was called.
            real = os.path.realpath(path)
            if (name, real) not in seen:
                seen.add((name, real))
                yield path


def path_folders(path: str, system: str) -> Iterator[str]:
    """The folders that a PATH names; an empty or relative entry is the working folder's, and nobody's word to trust."""
    separator = ";" if system == "win32" else ":"
    for entry in path.split(separator):
        folder = entry.strip().strip('"') if system == "win32" else entry
        if is_absolute(folder, system):
            yield folder


def is_absolute(folder: str, system: str) -> bool:
    """Whether a path means the same from everywhere: on Windows it needs a drive or a share as well."""
    if system == "win32":
        drive, rest = ntpath.splitdrive(folder)
        return bool(drive) and rest[:1] in ("\\", "/")
    return posixpath.isabs(folder)


def newest_first(pattern: str) -> list[str]:
    """The folders of a pattern, by the numbers where it has its stars, the highest first."""
    # By parts of the path: what is escaped in a pattern is longer than what it stands for.
    depth = len(re.split(r"[\\/]", pattern.split("*", 1)[0])) - 1

    def version(folder: str) -> list[int]:
        return [int(number) for part in re.split(r"[\\/]", folder)[depth:] for number in re.findall(r"\d{1,9}", part)]

    folders = [folder for folder in glob.glob(pattern) if os.path.isdir(folder)]
    return sorted(folders, key=version, reverse=True)[:NEWEST]


def registered_path() -> str:
    """On Windows, PATH as it is today: a program keeps the one from when it was started. Empty elsewhere."""
    found: list[str] = []
    if sys.platform == "win32":
        import winreg

        machine = r"SYSTEM\CurrentControlSet\Control\Session Manager\Environment"
        for root, key in ((winreg.HKEY_CURRENT_USER, "Environment"), (winreg.HKEY_LOCAL_MACHINE, machine)):
            try:
                with winreg.OpenKey(root, key) as opened:
                    found.append(os.path.expandvars(str(winreg.QueryValueEx(opened, "Path")[0])))
            except OSError:
                continue
    return ";".join(found)


def _environment_of(system: str, environment: Mapping[str, str]) -> Mapping[str, str]:
    """Windows does not tell the cases of names apart."""
    return {name.upper(): value for name, value in environment.items()} if system == "win32" else environment
