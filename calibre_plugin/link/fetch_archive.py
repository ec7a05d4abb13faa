"""Fetches one file whose content is known beforehand: over https alone, to the last redirect, and not a byte too many."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from email.message import Message
from typing import IO, Final, Literal, Protocol
from urllib.parse import urljoin, urlsplit

from .deno_build import Archive

CHUNK: Final = 1 << 16
REDIRECTS: Final = (301, 302, 303, 307, 308)
# Releases are one or two away.
MOST_REDIRECTS: Final = 5

FailureKind = Literal["unreachable", "refused", "not_https", "too_many", "cut", "too_large", "wrong_content", "stopped"]


class Answer(Protocol):
    """What a server answers: a status, headers, and a body that is read piece by piece."""

    code: int

    def info(self) -> Message: ...
    def read(self, size: int, /) -> bytes: ...
    def close(self) -> None: ...


class FetchFailed(Exception):
    """Why a file was not had; `url` is who was asked last, `said` what the system or the server said."""

    def __init__(self, kind: FailureKind, url: str, said: str = "") -> None:
        super().__init__(f"{kind} {url} {said}".strip())
        self.kind: FailureKind = kind
        self.url = url
        self.said = said


# Asks one address and follows no redirect; OSError when nobody answers.
Ask = Callable[[str], Answer]
# Bytes that are there, and asks in return whether to go on.
GoOn = Callable[[int], bool]


def fetch_archive(archive: Archive, address: str, ask: Ask, target: IO[bytes], go_on: GoOn) -> None:
    """Writes the archive into `target`. Raises FetchFailed, also when what came is not what was pinned; OSError of the disk."""
    url = f"{address.rstrip('/')}/{archive.file}"
    answer, url = _follow(url, ask)
    try:
        _copy(archive, url, answer, target, go_on)
    finally:
        answer.close()


def _follow(url: str, ask: Ask) -> tuple[Answer, str]:
    for _step in range(MOST_REDIRECTS + 1):
        if not _is_https(url):
            raise FetchFailed("not_https", url)
        try:
            answer = ask(url)
        except Exception as error:
            # Whatever a network's layers raise: no name, no answer, no certificate, no HTTP.
            raise FetchFailed("unreachable", url, str(getattr(error, "reason", "") or error)) from error
        if answer.code == 200:
            return answer, url
        moved = answer.info().get("Location") if answer.code in REDIRECTS else None
        answer.close()
        if not moved:
            raise FetchFailed("refused", url, str(answer.code))
        url = _joined(url, moved)
    raise FetchFailed("too_many", url)


def _is_https(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname)


def _joined(url: str, moved: str) -> str:
    try:
        return urljoin(url, moved)
    except ValueError:
        # No address at all, and so not of https.
        return moved


def _copy(archive: Archive, url: str, answer: Answer, target: IO[bytes], go_on: GoOn) -> None:
    length = answer.info().get("Content-Length", "")
    if length.isascii() and length.isdigit() and int(length) != archive.size:
        raise FetchFailed("too_large" if int(length) > archive.size else "wrong_content", url, length)
    digest, size = hashlib.sha512(), 0
    while True:
        if not go_on(size):
            raise FetchFailed("stopped", url)
        try:
            chunk = answer.read(CHUNK)
        except Exception as error:
            # Whatever a connection's layers raise when it breaks.
            raise FetchFailed("cut", url, str(error)) from error
        if not chunk:
            break
        size += len(chunk)
        if size > archive.size:
            raise FetchFailed("too_large", url)
        digest.update(chunk)
        target.write(chunk)
    if size < archive.size:
        raise FetchFailed("cut", url)
    if f"sha512-{base64.b64encode(digest.digest()).decode()}" != archive.integrity:
        raise FetchFailed("wrong_content", url)
