"""One build of Deno, named by its content: what a package of this plugin carries, or what it may fetch and keep."""

from __future__ import annotations

import json
import platform
import re
import sys
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

INSIDE_ZIP: Final = "runtime/"
MANIFEST: Final = f"{INSIDE_ZIP}manifest.json"
# A manifest is a few hundred bytes for each build; a build is about 100 MB.
MANIFEST_MAX: Final = 1 << 20
SIZE_MAX: Final = 1 << 30


@dataclass(frozen=True)
class Build:
    """A runtime's file: `system` is a `sys.platform`, `machines` are lower-case `platform.machine()`, `size` is bytes."""

    name: str
    system: str
    machines: tuple[str, ...]
    version: str
    size: int
    sha256: str

    @property
    def fits(self) -> bool:
        """Whether it is made for this computer."""
        return self.system == sys.platform and this_machine() in self.machines


@dataclass(frozen=True)
class Archive:
    """What is fetched to have a build: a gzipped tar; `integrity` is its SHA-512 as lockfiles write it, `size` bytes."""

    build: Build
    file: str
    size: int
    integrity: str


def this_machine() -> str:
    """This computer's processor, as builds name it."""
    return platform.machine().lower()


def carried_by(plugin_path: str) -> list[Build]:
    """The builds inside a plugin's zip; none in the universal one. Raises OSError, ValueError or BadZipFile."""
    with zipfile.ZipFile(plugin_path) as zipped:
        try:
            entry = zipped.getinfo(MANIFEST)
        except KeyError:
            return []
        if entry.file_size > MANIFEST_MAX:
            raise ValueError("the list of runtimes is no list")
        listed = json.loads(zipped.read(entry).decode("utf-8"))
    if not isinstance(listed, list):
        raise ValueError("the list of runtimes is no list")
    return [_parsed(each) for each in listed]


def fitting(builds: Iterable[Build]) -> list[Build]:
    """Those made for this computer, the best first."""
    return [build for build in builds if build.fits]


def _parsed(value: object) -> Build:
    if not isinstance(value, dict):
        raise ValueError("no runtime")
    name, system, machines = value.get("name"), value.get("system"), value.get("machines")
    version, size, sha256 = value.get("version"), value.get("size"), value.get("sha256")
    if (
        not (isinstance(name, str) and re.fullmatch(r"[\w-][\w.-]*", name))
        or not isinstance(system, str)
        or not (isinstance(machines, list) and all(isinstance(machine, str) for machine in machines))
        or not isinstance(version, str)
        or not (isinstance(size, int) and not isinstance(size, bool) and 0 < size <= SIZE_MAX)
        or not (isinstance(sha256, str) and re.fullmatch(r"[0-9a-f]{64}", sha256))
    ):
        raise ValueError("no runtime")
    return Build(name, system, tuple(machines), version, size, sha256)
