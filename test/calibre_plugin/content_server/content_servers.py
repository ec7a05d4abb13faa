"""calibre's own content server, real and on loopback, and KOReader's requests to it."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from http.client import HTTPConnection, HTTPSConnection
from typing import Any

from calibre.srv.handler import Handler
from calibre.srv.http_response import create_http_handler
from calibre.srv.loop import ServerLoop
from calibre.srv.opts import Options
from calibre.utils.logging import ThreadSafeLog
from libraries import make_library, new_folder

from kosync import userkey


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class ContentServer:
    """As `calibre-server` makes one, in this process; `options` are calibre's own."""

    def __init__(self, users: dict[str, str] | None = None, **options: Any) -> None:
        self.port = free_port()
        self.userdb = f"{new_folder('users')}/users.sqlite"
        library = make_library()
        path = library.library_path
        library.close()
        given = {"listen_on": "127.0.0.1", "port": self.port, "auth": users is not None, "use_bonjour": False}
        self.options = Options(**{**given, "userdb": self.userdb, **options})
        self.log = ThreadSafeLog(level=ThreadSafeLog.ERROR)
        self.handler = Handler([path], self.options)
        self.handler.set_log(self.log)
        self.users = self.handler.router.ctx.user_manager
        for name, password in (users or {}).items():
            self.users.add_user(name, password)
        self.loop = ServerLoop(create_http_handler(self.handler.dispatch), opts=self.options, log=self.log)
        self.loop.initialize_socket()
        self.handler.set_jobs_manager(self.loop.jobs_manager)
        self._thread = threading.Thread(target=self.loop.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.loop.stop()
        self._thread.join(20)
        self.handler.close()


def ask(
    port: int,
    method: str,
    path: str,
    user: tuple[str, str] | None = None,
    body: Any = None,
    headers: dict[str, str] | None = None,
    tls: ssl.SSLContext | None = None,
) -> tuple[int, Any]:
    """One request as KOReader makes it: the status, and the body as JSON."""
    http = (
        HTTPConnection("127.0.0.1", port, timeout=30)
        if tls is None
        else HTTPSConnection("localhost", port, timeout=30, context=tls)
    )
    sent = {"Accept": "application/vnd.koreader.v1+json", **(headers or {})}
    if user is not None:
        sent |= {"x-auth-user": user[0], "x-auth-key": userkey(user[1])}
    try:
        http.request(method, path, None if body is None else json.dumps(body), sent)
        answer = http.getresponse()
        text = answer.read()
    finally:
        http.close()
    try:
        return answer.status, json.loads(text)
    except ValueError:
        return answer.status, text


def place(document: str, percentage: float, progress: str = "/body/DocFragment[2]/body/p[3]") -> dict[str, Any]:
    """What KOReader puts."""
    return {
        "document": document,
        "progress": progress,
        "percentage": percentage,
        "device": "Kobo Libra",
        "device_id": "K1",
    }
