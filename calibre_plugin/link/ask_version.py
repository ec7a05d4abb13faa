"""A program that may be a JavaScript runtime, asked for its version: Node or Deno, new enough, really executable."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

RuntimeName = Literal["node", "deno"]

# Deno lists the certificates of the system, and has the whole of Node's timers and buffers, since 2.8.
NEEDED: Final[dict[RuntimeName, tuple[int, int]]] = {"node": (22, 19), "deno": (2, 8)}

# A runtime that has not said its version by then hangs, and must not hang calibre with it.
VERSION_TIMEOUT: Final = 10.0


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


def no_window() -> int:
    """Keeps a console window from flashing up on Windows."""
    return getattr(subprocess, "CREATE_NO_WINDOW", 0)
