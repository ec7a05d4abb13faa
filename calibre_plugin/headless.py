"""A library for the command line: the same reading, predicting and writing as in the GUI, asked for line by line."""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TextIO

from calibre.utils.lock import singleinstance

from . import pull
from .config import Settings, account_id_of
from .contract import ColumnMapping, Profile
from .library import read_books, resolve_columns


class HeadlessError(Exception):
    """A request that cannot be done, by name; the command line makes the sentence."""

    def __init__(self, name: str, **data: Any) -> None:
        super().__init__(name)
        self.name = name
        self.data = data


class HeadlessLibrary:
    """One library, opened for one command."""

    def __init__(self) -> None:
        self._db: Any = None
        self._columns: list[ColumnMapping] = []

    @property
    def _api(self) -> Any:
        if self._db is None:
            raise HeadlessError("NotOpen")
        return self._db.new_api

    def open(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Opens `library` if nobody else has; resolves `columns` ({field: [lookup name, scale or null]})."""
        path = params["library"]
        from calibre.db.legacy import LibraryDatabase

        if not Path(path, "metadata.db").is_file():
            raise HeadlessError("NoLibrary", library=path)
        # As calibredb does: two processes with one library open overwrite each other unseen.
        if not singleinstance("db"):
            raise HeadlessError("LibraryOpen", library=path)
        self._db = LibraryDatabase(os.path.abspath(path))
        wanted = {field: (column, scale) for field, (column, scale) in params["columns"].items()}
        self._columns, unusable = resolve_columns(self._api, wanted)
        if unusable:
            field, column = unusable[0]
            described = self._api.field_metadata.custom_field_metadata().get(column)
            raise HeadlessError("ColumnUnfit" if described else "ColumnMissing", field=field, column=column)
        url, username = params["url"], params["username"]
        known = [account for account in Settings().accounts() if account["username"] == username]
        account = next((account for account in known if account["url"].rstrip("/") == url.rstrip("/")), None)
        return {
            "columns": self._columns,
            "account_id": account["id"] if account else account_id_of(url, username),
            "book_ids": sorted(self._api.all_book_ids()),
        }

    def books(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """A page of books (at most 500 ids)."""
        pages = read_books(self._api, params["book_ids"], self._columns)
        return {"books": [book for page in pages for book in page]}

    def write(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Writes a plan's updates into the mapped columns."""
        profile: Profile = params["profile"]
        report = pull.apply(self._api, params["plan"], {**profile, "columns": self._columns})
        return {
            "written": report.written,
            "stale": report.stale,
            "failed": [{"update": update, "error": error} for update, error in report.failed],
        }

    def close(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Lets go of the library."""
        if self._db is not None:
            self._db.close()
            self._db = None
        return {}


def serve(requests: TextIO, answers: TextIO, token: str) -> None:
    """Answers one request a line until they end; every line of ours begins with the token."""
    library = HeadlessLibrary()
    methods: Final[dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]]] = {
        "open": library.open,
        "books": library.books,
        "write": library.write,
        "close": library.close,
    }

    def say(message: Mapping[str, Any]) -> None:
        answers.write(f"{token}{json.dumps(message, ensure_ascii=True)}\n")
        answers.flush()

    say({"id": 0, "result": {}})
    try:
        for line in requests:
            if not line.strip():
                continue
            request = json.loads(line)
            try:
                say({"id": request["id"], "result": methods[request["method"]](request["params"])})
            except HeadlessError as error:
                say({"id": request["id"], "error": {"name": error.name, "data": error.data}})
            except Exception as error:
                traceback.print_exc()
                say({"id": request["id"], "error": {"name": "Fault", "data": {"message": str(error)}}})
    finally:
        library.close({})
