"""Makes a reader's memory: books where a driver would put them, and what KOReader writes beside or behind them."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from calibre.devices.folder_device.driver import FOLDER_DEVICE
from calibre_plugins.koreader_progress.copies.digest import file_digest
from libraries import new_folder

# Where a Kobo's own system has what is mounted here.
MOUNT = "/mnt/onboard/"


class DeviceTree:
    """One device, connected as a folder."""

    def __init__(self) -> None:
        self.folder = new_folder("device")
        self.koreader = os.path.join(self.folder, ".adds", "koreader")
        os.makedirs(os.path.join(self.koreader, "settings"))
        self.device = self.connect()

    def connect(self) -> Any:
        device = FOLDER_DEVICE(self.folder)
        device.set_progress_reporter(lambda *_: None)
        device.get_device_information()
        return device

    def path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def put(self, name: str, data: bytes) -> str:
        """A file on the device; its digest."""
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "wb") as file:
            file.write(data)
        return file_digest(self.path(name))

    def sidecar(self, name: str, place: str = "beside", digest: str | None = None, **more: Any) -> str:
        """What KOReader keeps once a book was opened; the sidecar's path."""
        digest = digest or file_digest(self.path(name))
        stem, extension = os.path.splitext(name)
        folder = {
            "beside": self.path(f"{stem}.sdr"),
            "docsettings": os.path.join(self.koreader, "docsettings", MOUNT.strip("/"), f"{stem}.sdr"),
            "hashdocsettings": os.path.join(self.koreader, "hashdocsettings", digest[:2], f"{digest}.sdr"),
            "archive": self.path("Archive"),
        }[place]
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, f"{digest}.lua" if place == "archive" else f"metadata{extension}.lua")
        with open(path, "w", encoding="utf-8") as file:
            file.write(sidecar_text(MOUNT + name, digest, **more))
        return path

    def statistics(self, documents: Iterable[tuple[str, str, str, int]]) -> str:
        """KOReader's statistics, of documents as (digest, title, authors, last opened); the database's path."""
        path = os.path.join(self.koreader, "settings", "statistics.sqlite3")
        with sqlite3.connect(path) as db:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute(
                "CREATE TABLE IF NOT EXISTS book (id integer PRIMARY KEY, title text, authors text, notes integer, "
                "last_open integer, highlights integer, pages integer, series text, language text, md5 text, "
                "total_read_time integer, total_read_pages integer)"
            )
            for digest, title, authors, last_open in documents:
                db.execute(
                    "INSERT INTO book(title, authors, last_open, pages, md5, total_read_pages) VALUES(?,?,?,?,?,?)",
                    (title, authors, last_open, 200, digest, 50),
                )
        db.close()
        return path


def sidecar_text(
    doc_path: str,
    digest: str,
    status: str = "reading",
    modified: str = "2024-05-06",
    percent: float = 0.42,
    props: Mapping[str, str] | None = None,
    summary: str = "",
    more: str = "",
) -> str:
    """A sidecar as KOReader writes it, highlights and all; `summary` and `more` are further lines of Lua."""
    told = "".join(f'        ["{key}"] = "{_quoted(value)}",\n' for key, value in (props or {}).items())
    return (
        f"-- {doc_path}\nreturn {{\n"
        '    ["annotations"] = {\n        [1] = {\n            ["chapter"] = "It says \\"return { }\\"",\n'
        '            ["pageno"] = 3,\n        },\n    },\n'
        f'    ["doc_path"] = "{doc_path}",\n    ["doc_props"] = {{\n{told}    }},\n'
        f'    ["partial_md5_checksum"] = "{digest}",\n    ["percent_finished"] = {percent},\n'
        f'    ["summary"] = {{\n        ["modified"] = "{modified}",\n        ["status"] = "{status}",\n{summary}    }},\n{more}}}\n'
    )


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\\n")
