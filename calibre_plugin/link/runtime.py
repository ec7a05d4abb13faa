"""Finds the JavaScript runtime that runs the bridge, and says how it is started."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from .ask_version import Runtime, ask_version
from .candidates import candidates
from .kept_runtime import OwnRuntimeTrouble
from .own_runtime import OwnRuntime

# Beside PATH, what of the environment says where a runtime lies.
_TELLING: Final = ("PATH", "HOME", "USERPROFILE")


class RuntimeMissing(Exception):
    """No usable runtime; `found` are those that are too old, `configured` the path the reader chose, if any.

    `trouble` is why the plugin's own cannot be used, `is_offered` whether one could be fetched.
    """

    def __init__(
        self,
        configured: str,
        found: list[Runtime],
        in_flatpak: bool,
        trouble: OwnRuntimeTrouble | None = None,
        is_offered: bool = False,
    ) -> None:
        super().__init__("no usable JavaScript runtime")
        self.configured = configured
        self.found = found
        self.in_flatpak = in_flatpak
        self.trouble = trouble
        self.is_offered = is_offered


class RuntimeFinder:
    """Looks once: what was found is used until the settings, PATH or the program itself change."""

    def __init__(self, own: OwnRuntime) -> None:
        self.own = own
        self._lock = threading.Lock()
        self._found: tuple[tuple[Any, ...], Runtime] | None = None

    def find(self, configured: str, environment: Mapping[str, str]) -> Runtime:
        """The runtime a run uses. Raises RuntimeMissing. Never on the GUI thread: programs are started and unpacked."""
        asked = (configured, *(environment.get(name) for name in _TELLING))
        # Whoever comes second waits for the first one's answer.
        with self._lock:
            if self._found is not None and self._found[0] == (asked, _state(self._found[1].path)):
                return self._found[1]
            self._found = None
            runtime = find_runtime(configured, environment, self.own)
            self._found = ((asked, _state(runtime.path)), runtime)
            return runtime

    def forget(self) -> None:
        """The next one looks anew: something was fetched or removed, or did not start."""
        with self._lock:
            self._found = None


def find_runtime(configured: str, environment: Mapping[str, str], own: OwnRuntime | None = None) -> Runtime:
    """The configured runtime, else the plugin's own, else the first usable on PATH and in the usual folders."""
    is_offered = own is not None and own.offered is not None
    if configured:
        runtime = ask_version(configured, environment)
        if runtime is not None and runtime.is_new_enough:
            return runtime
        raise RuntimeMissing(configured, [runtime] if runtime else [], is_flatpak(), None, is_offered)
    trouble: OwnRuntimeTrouble | None = None
    try:
        kept = own.find(environment) if own is not None else None
        if kept is not None:
            return kept
    except OwnRuntimeTrouble as error:
        # Another one does as well; only without any is this told.
        trouble = error
    too_old: list[Runtime] = []
    for path in candidates(environment):
        runtime = ask_version(path, environment)
        if runtime is not None and runtime.is_new_enough:
            return runtime
        if runtime is not None:
            too_old.append(runtime)
    raise RuntimeMissing("", too_old, is_flatpak(), trouble, is_offered)


def all_runtimes(environment: Mapping[str, str], own: OwnRuntime | None = None) -> list[Runtime]:
    """Every runtime that answers, usable or not, for the preferences to show; nothing is unpacked for that."""
    try:
        kept = own.find_kept(environment) if own is not None else None
    except OwnRuntimeTrouble:
        kept = None
    asked = [kept, *(ask_version(path, environment) for path in candidates(environment))]
    return [runtime for runtime in asked if runtime is not None]


def _state(path: str) -> tuple[int, int] | None:
    """What changes when the program is replaced; None when it is gone."""
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size


# What the libraries inside the bridge ask for when they are loaded: Deno shows a program no other variable.
_ENVIRONMENT: Final = "CI,JEST_WORKER_ID,NODE_DEBUG,NODE_OPTIONS,NODE_V8_COVERAGE,UNDICI_NO_WASM_SIMD,UNDICI_USE_MILO"
# The system's certificates, addresses of a server of one's own, and whom its data belong to.
_SYSTEM: Final = "ca,networkInterfaces,uid,gid"


def command(
    runtime: Runtime,
    script: str,
    *,
    hosts: Iterable[str],
    read: Iterable[str],
    write: Iterable[str],
    keeps_data: bool = False,
) -> list[str]:
    """The command line that runs the bridge with no more rights than it needs, as far as the runtime can enforce them.

    `hosts` are `host:port` as Deno takes them, `read` and `write` paths of folders or files. What `keeps_data` must be
    able to see it onto the disk, which a guarded Node refuses.
    """
    if runtime.name == "node":
        rights = [] if keeps_data else _rights_in_node(runtime, script, [*read], [*write])
        return [runtime.path, "--no-warnings", *rights, script]
    # A link inside an allowed folder would lead out of it: only real paths are passed.
    readable = [_path_for_deno(path) for path in (os.path.dirname(script), *read)]
    writable = [_path_for_deno(path) for path in write]
    rights = [f"--allow-read={','.join(readable + writable)}", f"--allow-env={_ENVIRONMENT}", f"--allow-sys={_SYSTEM}"]
    if writable:
        rights.append(f"--allow-write={','.join(writable)}")
    allowed_hosts = ",".join(hosts)
    if allowed_hosts:
        rights.append(f"--allow-net={allowed_hosts}")
    return [runtime.path, "run", "--no-config", "--no-lock", "--cached-only", "--no-prompt", *rights, script]


def _rights_in_node(runtime: Runtime, script: str, read: list[str], write: list[str]) -> list[str]:
    """Files, programs and threads: Node refuses what is not named here, but SQLite's files are none to it."""
    if sys.platform == "win32":
        # Not tried there: a drive's letter or a network folder taken for another one would stop every sync.
        return []
    # Node looks at a path as it is asked for, and at the script's as it really is.
    writable = [*_with_real(write)]
    readable = [*_with_real([os.path.dirname(script), *read]), *writable]
    return [
        "--permission",
        *(f"--allow-fs-read={path}" for path in readable),
        *(f"--allow-fs-write={path}" for path in writable),
        # Older ones know no rights of a network, and refuse to start with a word that they do not know.
        *(["--allow-net"] if runtime.version >= (25, 0, 0) else []),
    ]


def _with_real(paths: Iterable[str]) -> Iterator[str]:
    """Each path as it is named, and as it really is where that is another."""
    yield from dict.fromkeys(each for path in paths for each in (path, os.path.realpath(path)))


def _path_for_deno(path: str) -> str:
    """Deno splits its lists at commas; a doubled one is part of a path."""
    return os.path.realpath(path).replace(",", ",,")


def is_flatpak() -> bool:
    """Whether calibre runs inside Flatpak, where the machine's own programs are out of reach."""
    return Path("/.flatpak-info").exists()
