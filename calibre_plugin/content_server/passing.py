"""Passes a request that calibre has read on to the server behind, and brings back what that says."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Final

from .backend import Running

# Seconds without a byte.
TIMEOUT: Final = 10.0
# Seconds after which a connection is not used again: the server behind keeps it a little longer.
IDLE: Final = 30.0
# Bytes: a page of a listing ends at some 4 MB.
LONGEST_ANSWER: Final = 32 << 20

# What belongs to one connection, to calibre, or is said anew; all lower case.
NOT_PASSED: Final = frozenset((
    "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "expect",
    "content-length", "accept-encoding", "authorization", "forwarded", "x-forwarded-for", "x-real-ip",
    "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "koreader-progress-front",
))  # fmt: skip
NOT_BROUGHT_BACK: Final = frozenset((
    "connection", "keep-alive", "transfer-encoding", "content-length", "date", "server",
))  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """A request as it goes on: `path` as bytes of a request line, header values as they came."""

    method: str
    path: str
    headers: Iterable[tuple[str, bytes]]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What the server behind said."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Unanswered(Exception):
    """No answer came; `is_silent` where the server lives and says nothing, `was_heard` where it may have read the request."""

    def __init__(self, is_silent: bool, was_heard: bool) -> None:
        super().__init__("no answer")
        self.is_silent = is_silent
        self.was_heard = was_heard


class _Connection(threading.local):
    """One for each of calibre's workers."""

    to: Running | None = None
    http: HTTPConnection | None = None
    used: float = 0.0


_connection = _Connection()


def pass_on(running: Running, asked: Asked) -> Answer:
    """Asks, on a connection that stays. Raises Unanswered."""
    http = _connected(running)
    was_heard = False
    try:
        http.putrequest(asked.method, asked.path, skip_host=True, skip_accept_encoding=True)
        for name, value in asked.headers:
            http.putheader(name, value)
        http.putheader("koreader-progress-front", running.secret)
        if asked.body or asked.method in ("PUT", "POST"):
            http.putheader("Content-Length", str(len(asked.body)))
        was_heard = True
        http.endheaders(asked.body or None)
        response = http.getresponse()
        body = response.read(LONGEST_ANSWER + 1)
        if len(body) > LONGEST_ANSWER:
            raise HTTPException("too long an answer")
    except (OSError, HTTPException, ValueError) as error:
        _hang_up()
        raise Unanswered(isinstance(error, (socket.timeout, TimeoutError)), was_heard) from error
    _connection.used = time.monotonic()
    if response.will_close:
        _hang_up()
    headers = [(name, value) for name, value in response.getheaders() if name.lower() not in NOT_BROUGHT_BACK]
    return Answer(response.status, headers, body)


def passed_headers(headers: Iterable[tuple[str, str | bytes]]) -> Iterator[tuple[str, bytes]]:
    """What of a request's headers is for the server behind, as bytes: calibre decodes those that are UTF-8."""
    for name, value in headers:
        if name.lower() not in NOT_PASSED:
            yield name, value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")


def _connected(running: Running) -> HTTPConnection:
    http = _connection.http
    if http is None or _connection.to is not running or time.monotonic() - _connection.used > IDLE:
        _hang_up()
        http = HTTPConnection("127.0.0.1", running.port, timeout=TIMEOUT)
        _connection.http, _connection.to = http, running
    return http


def _hang_up() -> None:
    if _connection.http is not None:
        _connection.http.close()
    _connection.http = _connection.to = None
