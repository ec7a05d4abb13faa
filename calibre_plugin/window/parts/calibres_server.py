"""calibre's own content server in the window: where it is asked, and what it lets its users do."""

from __future__ import annotations

import os
from typing import Any

from calibre.constants import numeric_version

from ...sync.arrivals import Served
from .calibre_window import CalibreWindow


class CalibresServer:
    """Lives on the GUI thread. From calibre 9.12 on a plugin may answer there."""

    def __init__(self, gui: CalibreWindow) -> None:
        self._gui = gui

    @property
    def can_sync(self) -> bool:
        """Whether this calibre lets a plugin answer there."""
        return [*numeric_version] >= [9, 12]

    @property
    def served(self) -> Served | None:
        """Where it answers KOReader; None while it does not run."""
        context = self._context()
        if context is None:
            return None
        prefix = (context.opts.url_prefix or "").strip("/")
        return Served(context.opts.port, f"/{prefix}/kosync" if prefix else "/kosync")

    @property
    def url(self) -> str | None:
        """What a reader enters, by the address that calibre itself announces; None while it does not run."""
        context, served = self._context(), self.served
        if context is None or served is None:
            return None
        from calibre.utils import mdns

        # calibre 9 has another name for it.
        verified = getattr(mdns, "verify_ip_address", None) or getattr(mdns, "verify_ipV4_address", str)
        address = verified(context.opts.listen_on) or mdns.get_external_ip()
        name = f"[{address}]" if ":" in str(address) else address
        scheme = "https" if context.opts.ssl_certfile and context.opts.ssl_keyfile else "http"
        return f"{scheme}://{name}:{served.port}{served.path}"

    @property
    def has_users(self) -> bool:
        """Whether calibre's own users log in there."""
        context = self._context()
        return context is not None and bool(context.opts.auth)

    @property
    def takes_our_users(self) -> bool:
        """Whether those log in there whom our own server keeps."""
        return self._context() is not None and not self.has_users

    def start(self) -> None:
        """As calibre's own menu *Connect/share* does."""
        server: Any = self._gui
        if server.content_server is None:
            server.start_content_server()

    def may_write(self, username: str) -> bool:
        """Whether what this user reads may change the open library."""
        context = self._context()
        if context is None:
            return False
        if not context.opts.auth:
            # Accounts are our own then, made by whoever owns the library.
            return True
        users = context.user_manager
        name = os.path.basename(self._library())
        return not users.is_readonly(username) and name in users.allowed_library_names(username, [name])

    def books_of(self, username: str) -> set[int]:
        """The books that calibre lets this user see in the open library."""
        context, api = self._context(), self._gui.current_db.new_api
        if context is None:
            return set()
        only = context.user_manager.library_restriction(username, self._library()) if context.opts.auth else ""
        if not only:
            return set(api.all_book_ids())
        try:
            return set(api.search("", restriction=only))
        except Exception:
            # calibre shows nothing either where it cannot read its own restriction.
            return set()

    def _library(self) -> str:
        return str(self._gui.current_db.new_api.backend.library_path)

    def _context(self) -> Any:
        """What its answers are made with; None while it does not run, or where no plugin is asked."""
        server = getattr(self._gui, "content_server", None)
        if server is None or not self.can_sync:
            return None
        return server.ctx if server.is_running else None
