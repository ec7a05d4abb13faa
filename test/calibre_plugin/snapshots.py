"""What a folder holds, to the byte and to the date: nothing is ever written to a reader."""

from __future__ import annotations

import hashlib
import os


def snapshot(folder: str) -> dict[str, tuple[str, int]]:
    """Content and date of everything in a folder, by path."""
    found = {}
    for root, _folders, names in os.walk(folder):
        for name in names:
            path = os.path.join(root, name)
            with open(path, "rb") as file:
                found[path] = hashlib.sha256(file.read()).hexdigest(), os.stat(path).st_mtime_ns
    return found
