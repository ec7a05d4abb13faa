"""Finds a JavaScript runtime that can run the bridge: Node or Deno, new enough, really executable."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

RuntimeName = Literal["node", "deno"]

NEEDED: Final[dict[RuntimeName, tuple[int, int]]] = {"node": (22, 19), "deno": (2, 2)}

# A runtime that has not said its version by then hangs, and must not hang calibre with it.
VERSION_TIMEOUT: Final = 10.0

# Programs with a window get a bare PATH on macOS, and version managers live outside it everywhere.
USUAL_FOLDERS: Final = (
    "/opt/homebrew/bin",
    "/usr/local/bin",
    "/usr/bin",
    "~/.deno/bin",
    "~/.volta/bin",
    "~/.local/bin",
    "~/.local/share/mise/shims",
    "~/.asdf/shims",
)


@dataclass(frozen=True)
class Runtime:
    """A runtime that answered with its version."""

    path: str
    name: RuntimeName
    version: tuple[int, int, int]

    @property
    def is_new_enough(self) -> bool:
        return self.version[:2] >= NEEDED[self.name]

    @property
    def version_text(self) -> str:
        return ".".join(map(str, self.version))


class RuntimeMissing(Exception):
    """No usable runtime; `found` are those that are too old, `configured` the path the reader chose, if any."""

    def __init__(self, configured: str, found: list[Runtime], in_flatpak: bool) -> None:
        super().__init__("no usable JavaScript runtime")
        self.configured = configured
        self.found = found
        self.in_flatpak = in_flatpak


def find_runtime(configured: str, environment: Mapping[str, str], bundled: str = "") -> Runtime:
    """The configured runtime, else the bundled one, else the first usable on PATH and in the usual folders."""
    if configured:
        runtime = ask_version(configured, environment)
        if runtime is not None and runtime.is_new_enough:
            return runtime
        raise RuntimeMissing(configured, [runtime] if runtime else [], is_flatpak())
    too_old: list[Runtime] = []
    for path in candidates(environment, bundled):
        runtime = ask_version(path, environment)
        if runtime is not None and runtime.is_new_enough:
            return runtime
        if runtime is not None:
            too_old.append(runtime)
    raise RuntimeMissing("", too_old, is_flatpak())


def all_runtimes(environment: Mapping[str, str], bundled: str = "") -> list[Runtime]:
    """Every runtime that answers, usable or not, for the preferences to show."""
    asked = (ask_version(path, environment) for path in candidates(environment, bundled))
    return [runtime for runtime in asked if runtime is not None]


def candidates(environment: Mapping[str, str], bundled: str = "") -> Iterator[str]:
    """Paths of executables that may be a runtime, each once, best first."""
    if bundled:
        yield bundled
    seen: set[tuple[str, str]] = set()
    folders = [*environment.get("PATH", "").split(os.pathsep), *usual_folders()]
    for name in NEEDED:
        for folder in folders:
            path = shutil.which(name, path=folder) if folder else None
            real = os.path.realpath(path) if path else ""
            # A version manager has one program behind all its shims, which looks by what name it was called.
            if path and (name, real) not in seen:
                seen.add((name, real))
                yield path


def usual_folders() -> Iterable[str]:
    """Where runtimes are installed without being on a graphical program's PATH, newest version first."""
    if sys.platform == "win32":
        for variable in ("ProgramFiles", "LOCALAPPDATA", "USERPROFILE"):
            root = os.environ.get(variable)
            if root:
                yield from (str(Path(root, part)) for part in ("nodejs", "Programs/nodejs", ".deno/bin"))
        return
    yield from (str(Path(folder).expanduser()) for folder in USUAL_FOLDERS)
    versions = Path("~/.nvm/versions/node").expanduser()
    yield from (str(folder) for folder in sorted(versions.glob("v*/bin"), key=_by_version, reverse=True))


def _by_version(folder: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", folder.parent.name)]


def ask_version(path: str, environment: Mapping[str, str]) -> Runtime | None:
    """Runs `path --version`; None when it is no runtime, cannot be started, or does not answer."""
    if not os.access(path, os.X_OK):
        return None
    try:
        said = subprocess.run(
            [path, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=VERSION_TIMEOUT,
            env=dict(environment),
            check=False,
            creationflags=no_window(),
        ).stdout.decode("utf-8", "replace")
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.match(r"(deno |v)(\d+)\.(\d+)\.(\d+)", said.strip())
    if match is None:
        return None
    name: RuntimeName = "deno" if match[1] == "deno " else "node"
    return Runtime(path, name, (int(match[2]), int(match[3]), int(match[4])))


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
    rights = [f"--allow-read={','.join(readable + writable)}", "--allow-env", "--allow-sys"]
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


def no_window() -> int:
    """Keeps a console window from flashing up on Windows."""
    return getattr(subprocess, "CREATE_NO_WINDOW", 0)


def is_flatpak() -> bool:
    """Whether calibre runs inside Flatpak, where the machine's own programs are out of reach."""
    return Path("/.flatpak-info").exists()
