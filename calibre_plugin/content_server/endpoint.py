"""What calibre's content server answers below `/kosync`: all of the kosync protocol, by the server in a bridge."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.client import responses
from typing import Any, Final
from urllib.parse import quote

from .accounts import Accounts
from .backend import NotThere, Place, Running
from .passing import Answer, Asked, Unanswered, pass_on, passed_headers
from .service import Service, service_of

load_translations()

METHODS: Final = frozenset(("GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"))
ROUTE: Final = "/kosync"
# As the server behind has it; of more no byte is passed on.
LONGEST_BODY: Final = 64 * 1024
# Seconds that a request waits for its turn where many are being passed on.
TURN: Final = 4.0
ASCII: Final = "".join(map(chr, range(0x21, 0x7F)))


def endpoints_of(plugin_path: str, version: str) -> list[Any]:
    """The one endpoint that takes all: calibre keeps no two of one beginning."""
    from calibre.srv.routes import endpoint

    service = service_of(plugin_path, version)
    door = Door(service)

    # Who is let in is decided behind the door: KOReader knows neither of calibre's ways to log in.
    how: dict[str, Any] = {"methods": METHODS, "auth_required": False, "cache_control": "no-cache"}

    @endpoint(ROUTE + '/{+rest=""}', **how)
    def kosync(ctx: Any, rd: Any, rest: str) -> bytes:
        return door.answer(ctx, rd)

    return [kosync]


class Door:
    """One for each content server of calibre's: lets in, passes on, and says why it cannot."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._accounts = Accounts()
        self._turns: threading.BoundedSemaphore | None = None

    def answer(self, ctx: Any, rd: Any) -> bytes:
        """The body of the answer; its status and headers are set."""
        body = rd.request_body_file.read(LONGEST_BODY + 1)
        if len(body) > LONGEST_BODY:
            return refuse(rd, 413, 413, "The body is too large.")
        has_users = bool(ctx.opts.auth)
        base_path = f"{_prefix(ctx)}{ROUTE}"
        path = _path_of(rd, base_path)
        plain = path.partition("?")[0]
        if rd.method == "POST" and plain == f"{base_path}/users/create":
            return refuse(rd, 402, 2005, where_accounts_are(has_users))
        headers = list(passed_headers(rd.inheaders.items()))
        if has_users:
            name = self._name(ctx, rd)
            headers = [(key, value) for key, value in headers if not key.lower().startswith("x-auth-")]
            if name is not None:
                # Who that is has been seen to: the key goes no further.
                headers += [("x-auth-user", name.encode()), ("x-auth-key", b"-")]
            if name is not None and rd.method == "PUT" and plain == f"{base_path}/users/password":
                return refuse(rd, 403, 2003, where_accounts_are(True))
        headers.append(("x-forwarded-for", str(rd.remote_addr).encode("ascii", "replace")))
        return self._pass(ctx, rd, Place(base_path, has_users), Asked(rd.method, path, headers, body))

    def _name(self, ctx: Any, rd: Any) -> str | None:
        """Whose key this is; None for nobody's."""
        name, key = (_text(rd.inheaders.get(header)) for header in ("X-Auth-User", "X-Auth-Key"))
        if not name or not key:
            return None
        return name if self._accounts.admits(ctx.user_manager, name, key, str(rd.remote_addr)) else None

    def _pass(self, ctx: Any, rd: Any, place: Place, asked: Asked) -> bytes:
        # calibre's other workers go on with its own work, whatever holds these up.
        if self._turns is None:
            self._turns = threading.BoundedSemaphore(max(1, int(ctx.opts.worker_count) // 2))
        turns = self._turns
        if not turns.acquire(timeout=TURN):
            return refuse(rd, 502, 2000, "Unknown server error.")
        try:
            return _show(rd, self._ask(place, asked))
        except NotThere as error:
            ctx.log.warn("KOReader Progress:", str(error))
            if error.is_for_good:
                return refuse(rd, 503, 503, no_runtime())
            return refuse(rd, 502, 2000, "Unknown server error.")
        except Unanswered:
            return refuse(rd, 502, 2000, "Unknown server error.")
        finally:
            turns.release()

    def _ask(self, place: Place, asked: Asked) -> Answer:
        running = self._service.backend.running(place)
        try:
            return self._once(running, asked)
        except Unanswered as error:
            # A write that may have been heard is never made twice: KOReader itself sends it again.
            if error.is_silent or (error.was_heard and asked.method not in ("GET", "HEAD")):
                raise
        return self._once(self._service.backend.running(place), asked)

    def _once(self, running: Running, asked: Asked) -> Answer:
        try:
            return pass_on(running, asked)
        except Unanswered as error:
            if error.is_silent:
                self._service.backend.give_up(running)
            raise


def where_accounts_are(has_users: bool) -> str:
    """What KOReader shows to whoever wants to register there."""
    if has_users:
        return _("Log in with your calibre user. Users are made in calibre: Preferences, Sharing over the net.")
    return _("Accounts are made in calibre: KOReader Progress, Preferences, Server.")


def no_runtime() -> str:
    """The sentence where nothing can stand behind."""
    return _("KOReader Progress found no Node or Deno on calibre's computer: its preferences can fetch one.")


def refuse(rd: Any, status: int, code: int, message: str) -> bytes:
    """An answer of our own, in the protocol's form."""
    body = json.dumps({"code": code, "message": message}).encode()
    return _show(rd, Answer(status, [("content-type", "application/json; charset=utf-8")], body))


def _show(rd: Any, answer: Answer) -> bytes:
    rd.status_code = answer.status if answer.status in responses else 502
    for name, value in answer.headers:
        rd.outheaders.set("-".join(part.capitalize() for part in name.split("-")), value)
    return answer.body


def _prefix(ctx: Any) -> str:
    prefix = (ctx.opts.url_prefix or "").strip("/")
    return f"/{prefix}" if prefix else ""


def _path_of(rd: Any, base_path: str) -> str:
    """The path as it was asked for, with what is no ASCII in percents; what calibre has not kept is written anew."""
    original = getattr(rd, "request_original_uri", None)
    if isinstance(original, bytes) and original.startswith(base_path.encode()):
        return quote(original, safe=ASCII)
    parts = "/".join(quote(part, safe="") for part in rd.path)
    query = "&".join(_queries(rd))
    # With a prefix, calibre answers also without it.
    inner = f"/{parts}"
    path = inner if inner.startswith(base_path) else base_path + inner.removeprefix(ROUTE)
    return f"{path}?{query}" if query else path


def _queries(rd: Any) -> Iterator[str]:
    for name, value in rd.query.items():
        yield f"{quote(name, safe='')}={quote(value, safe='')}"


def _text(value: str | bytes | None) -> str:
    """A header as text: what is no UTF-8 was Latin-1 from the start."""
    if value is None:
        return ""
    return value.decode("latin-1") if isinstance(value, bytes) else value
