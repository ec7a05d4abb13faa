"""*Move my reading*: from which of the accounts that the library remembers it comes, before anything is looked at."""

from __future__ import annotations

from collections.abc import Sequence

from qt.core import QInputDialog

from calibre.gui2 import info_dialog

from .parts.beside import Beside
from .parts.calibre_window import CalibreWindow
from .parts.text import on_one_line
from .runs.runs import Runs
from ..memory.moved import remembered_accounts
from ..settings.config import Settings, StoredProfile
from ..words.address import shown_address

load_translations()


class MoveReading:
    """One for each calibre window."""

    def __init__(self, gui: CalibreWindow, settings: Settings, runs: Runs, beside: Beside) -> None:
        self._gui = gui
        self._settings = settings
        self._runs = runs
        self._beside = beside

    def ask(self, stored: StoredProfile, book_ids: Sequence[int]) -> None:
        """Asks from where, then plans the move to the profile's account."""
        api = self._gui.current_db.new_api

        def found(remembered: dict[str, int]) -> None:
            sources = {name: books for name, books in remembered.items() if name != stored["account_id"]}
            if sources:
                self._choose(stored, book_ids, sources)
            else:
                info_dialog(
                    self._gui,
                    _("KOReader Progress: move my reading"),
                    _(
                        "Nothing is remembered of any other account. Choose the new server in the preferences first: "
                        "this brings the reading of the old one there."
                    ),
                    show=True,
                )

        def failed(details: str) -> None:
            self._beside.complain(_("What is remembered could not be read."), details)

        self._beside.ask("read what is remembered", lambda: remembered_accounts(api, book_ids), found, failed)

    def _choose(self, stored: StoredProfile, book_ids: Sequence[int], sources: dict[str, int]) -> None:
        most_first = sorted(sources, key=lambda name: -sources[name])
        words = [self._words(name, sources[name]) for name in most_first]
        to = self._name(stored["account_id"])
        asked = on_one_line(_("The reading that was known at this account moves to {account}:").format(account=to))
        chosen, is_chosen = QInputDialog.getItem(
            self._gui, _("KOReader Progress: move my reading"), asked, words, 0, False
        )
        if is_chosen:
            self._runs.start(stored, book_ids, move_from=most_first[words.index(chosen)])

    def _words(self, account_id: str, books: int) -> str:
        count = ngettext("{n} book", "{n} books", books).format(n=books)
        return on_one_line(_("{account}: {books}").format(account=self._name(account_id), books=count))

    def _name(self, account_id: str) -> str:
        known = [*self._settings.accounts(), *self._settings.moved_logins()]
        for named in known:
            if named["id"] == account_id:
                return _("{username} on {url}").format(username=named["username"], url=shown_address(named["url"]))
        return _("an account that is no longer kept ({id})").format(id=account_id[:6])
