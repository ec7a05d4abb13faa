"""An MTP device that has what lies in a folder: calibre's own tree of it; only the reading of a file is ours."""

from __future__ import annotations

import os
import shutil
from typing import Any

from calibre.devices.mtp.filesystem_cache import FilesystemCache


class MtpDevice:
    """As calibre knows one; `opened` are the paths of what was read, in order."""

    def __init__(self, folder: str, name: str = "Phone") -> None:
        self.filesystem_cache = FilesystemCache(
            [{"id": 1, "name": "Internal storage", "is_folder": True}], entries(folder)
        )
        self.opened: list[str] = []
        self._folder, self._name = folder, name

    def get_gui_name(self) -> str:
        return self._name

    def get_mtp_file(self, entry: Any, stream: Any) -> None:
        path = "/".join(entry.full_path[1:])
        self.opened.append(path)
        with open(os.path.join(self._folder, path), "rb") as file:
            shutil.copyfileobj(file, stream)


def entries(root: str) -> list[dict[str, Any]]:
    """Every file and folder as an MTP driver tells them; the storage itself is 0."""
    ids = {root: 0}
    found: list[dict[str, Any]] = []
    for folder, folders, files in os.walk(root):
        for name in sorted((*folders, *files)):
            path = os.path.join(folder, name)
            ids[path] = len(ids) + 1
            entry: dict[str, Any] = {"storage_id": 1, "id": ids[path], "name": name, "parent_id": ids[folder]}
            if name in files:
                about = os.stat(path)
                entry |= {"is_folder": False, "size": about.st_size, "modified": about.st_mtime}
            else:
                entry["is_folder"] = True
            found.append(entry)
    return found
