"""A calibre library of a test's own, and calibre's other programs run on it."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from calibre.ebooks.metadata.book.base import Metadata
from epubs import Recipe, make_epub

FOLDER = os.environ["TEST_FOLDER"]
TOOLS = os.environ.get("KOREADER_PROGRESS_CALIBRE", "")


def new_folder(prefix: str = "made") -> str:
    """An empty folder below the test's own."""
    return tempfile.mkdtemp(prefix=prefix + "-", dir=FOLDER)


def open_library(path: str) -> Any:
    """calibre's own database object, in this process."""
    from calibre.db.legacy import LibraryDatabase

    return LibraryDatabase(path)


def make_library(columns: Iterable[tuple[str, str, Mapping[str, Any]]] = (), path: str | None = None) -> Any:
    """A new library with custom columns, given as label, datatype and display."""
    path = path or new_folder("library")
    db = open_library(path)
    for label, datatype, display in columns:
        db.create_custom_column(label, label.title(), datatype, False, display=dict(display))
    db.close()
    return open_library(path)


def add_book(db: Any, data: bytes | None = None, fmt: str = "EPUB", **fields: Any) -> int:
    """Adds a book with one file (a small EPUB by default); fields go into its metadata."""
    mi = Metadata(fields.pop("title", "A Book"), fields.pop("authors", ["Somebody"]))
    for name, value in fields.items():
        setattr(mi, name, value)
    path = os.path.join(new_folder("file"), f"book.{fmt.lower()}")
    with open(path, "wb") as file:
        file.write(make_epub(Recipe(mi.title, title=mi.title)) if data is None else data)
    ids, _duplicates = db.new_api.add_books([(mi, {fmt: path})], run_hooks=False)
    os.remove(path)
    return ids[0]


def run(program: str, *args: str, fails: bool = False, env: Mapping[str, str] | None = None) -> str:
    """Runs one of calibre's programs; its output, or an AssertionError with it when it failed."""
    command = [os.path.join(TOOLS, program) if TOOLS else program, *args]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env={**os.environ, **(env or {})})
    output = done.stdout + done.stderr
    assert fails or done.returncode == 0, output
    return output


class Server:
    """A stand-alone calibre-server on loopback."""

    def __init__(self, library: str, port: int = 18080, env: Mapping[str, str] | None = None) -> None:
        program = os.path.join(TOOLS, "calibre-server") if TOOLS else "calibre-server"
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            [program, "--listen-on", "127.0.0.1", "--port", str(port), library],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
        )

    def __enter__(self) -> Server:
        import time
        from urllib.request import urlopen

        for _ in range(400):
            with suppress(OSError):
                urlopen(f"{self.url}/ajax/library-info", timeout=5).close()
                return self
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        self.process.kill()
        raise AssertionError(self.process.communicate()[0].decode())

    def get(self, book_id: int, fmt: str) -> bytes:
        """A book's file as a reader downloads it."""
        from urllib.request import urlopen

        with urlopen(f"{self.url}/get/{fmt}/{book_id}", timeout=60) as answer:
            return answer.read()

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
