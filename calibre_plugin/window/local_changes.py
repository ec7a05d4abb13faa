"""Notices when the reader changes a mapped cell: the time of a change decides which side is newer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, cast

from qt.core import QObject, QTimer

from .parts.calibre_window import CalibreWindow
from ..library.calibre_db import CalibreDb
from ..settings import config
from ..memory.account_key import key_of
from ..memory.book_memory import note_local_change
from ..link.contract import LocalChange

load_translations()

# Events of our own writing arrive a moment after it; the reader's are gathered so that typing costs nothing.
GATHER_MS = 1000
# More cells at once are no reader's typing, and reading them would take the window's time.
MOST_CELLS = 2000


class LocalChanges(QObject):
    """`is_ours` tells whether the plugin itself is writing at this moment."""

    def __init__(self, gui: CalibreWindow, is_ours: Callable[[], bool]) -> None:
        super().__init__(gui)
        self._gui = gui
        self._is_ours = is_ours
        self._ours_until = 0.0
        self._gathered: dict[tuple[int, str], float] = {}
        self._library_id = ""
        self._keeping: threading.Thread | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.flush)

    def begin(self) -> None:
        self._gui.add_db_listener(self._heard)

    def ours_ended(self) -> None:
        """Events of what we have just written may still be on their way."""
        self._ours_until = time.monotonic() + 1.0

    def _heard(self, db: Any, event: Any, data: Any) -> None:
        if event.name != "metadata_changed" or self._is_ours() or time.monotonic() < self._ours_until:
            return
        field, book_ids = data[0], data[1]
        if not str(field).startswith("#") or len(book_ids) > MOST_CELLS or field not in self._mapped():
            return
        now = time.time()
        self._library_id = self._gui.current_db.library_id
        self._gathered.update({(book_id, field): now for book_id in book_ids})
        self._timer.start(GATHER_MS)

    def _mapped(self) -> set[str]:
        api = self._gui.current_db.new_api
        return {mapped["column"] for profile in config.profiles(api) for mapped in profile["columns"].values()}

    def flush(self) -> None:
        """Keeps what was gathered, for each account that shows the column; in a thread, for many cells take a while."""
        gathered, self._gathered = self._gathered, {}
        self._timer.stop()
        if not gathered or self._gui.current_db.library_id != self._library_id:
            return
        api = self._gui.current_db.new_api
        accounts: dict[str, set[str]] = {}
        profiles: dict[str, list[str]] = {}
        for profile in config.profiles(api):
            columns = {mapped["column"] for mapped in profile["columns"].values()}
            key = key_of(profile["account_id"], profile["id"])
            accounts.setdefault(key, set()).update(columns)
            profiles.setdefault(key, []).append(profile["id"])
        by_account = {
            account_id: [
                cast(LocalChange, {"book_id": book_id, "column": column, "at": at})
                for (book_id, column), at in gathered.items()
                if column in columns
            ]
            for account_id, columns in accounts.items()
        }
        self._keeping = threading.Thread(
            target=_keep, args=(api, by_account, profiles), name="local-changes", daemon=True
        )
        self._keeping.start()

    def finish(self, until: float) -> None:
        """As `flush`, and waits for it until then (`time.monotonic`): the library is about to be closed."""
        self.flush()
        if self._keeping is not None:
            self._keeping.join(max(0.0, until - time.monotonic()))


def _keep(api: CalibreDb, by_account: Mapping[str, list[LocalChange]], profiles: Mapping[str, Collection[str]]) -> None:
    for account_id, changes in by_account.items():
        if changes:
            note_local_change(api, account_id, changes, profiles[account_id])
