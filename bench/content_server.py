"""Times a GET and a PUT through calibre's content server, turn and turn about with its own smallest answer and our own port."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1] / "test"
sys.path += [str(TESTS / each) for each in ("calibre_plugin", "calibre_plugin/content_server", "gui")]
from calibre_plugins.koreader_progress.content_server import service
from calibre_plugins.koreader_progress.sync.hosting import Hosting
from content_servers import ContentServer, free_port, place
from kosync import userkey

USER = ("ann", "correct horse")
ROUNDS, REQUESTS = 15, 60


def asker(port: int, method: str, path: str, body: bytes | None = None) -> Callable[[], None]:
    """Asks once more on a connection that stays."""
    http = HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"x-auth-user": USER[0], "x-auth-key": userkey(USER[1])}

    def ask() -> None:
        http.request(method, path, body, headers)
        answer = http.getresponse()
        answer.read()
        if answer.status != 200:
            raise AssertionError(f"{method} {path}: {answer.status}")

    return ask


def milliseconds(ask: Callable[[], None]) -> float:
    """Of one request, over some of them."""
    start = time.perf_counter()
    for _request in range(REQUESTS):
        ask()
    return (time.perf_counter() - start) * 1000 / REQUESTS


def main() -> None:
    server = ContentServer()
    launch = service.service_of("", "")._launch_now()
    hosting = Hosting(launch.host)
    hosting.change_users(launch, "add", USER[0], userkey(USER[1]))
    port = free_port()
    hosting.apply(launch, {"enabled": True, "host": "127.0.0.1", "port": port, "registration": False})
    lines = []
    body = json.dumps(place("bench", 0.5)).encode()
    # What calibre answers without a library, a template or a file of its own.
    floor = asker(server.port, "GET", "/robots.txt")
    for method, path, sent in (("PUT", "/syncs/progress", body), ("GET", "/syncs/progress/bench", None)):
        calibres, ours = asker(server.port, method, f"/kosync{path}", sent), asker(port, method, path, sent)
        for ask in (calibres, ours, floor):
            milliseconds(ask)
        # In turn: what else runs on the machine shall meet all alike.
        rounds = [(milliseconds(calibres), milliseconds(floor), milliseconds(ours)) for _round in range(ROUNDS)]
        ms, floor_ms, port_ms = (statistics.median(each) for each in zip(*rounds, strict=True))
        lines.append(json.dumps({"what": method, "ms": ms, "floor_ms": floor_ms, "port_ms": port_ms}))
    server.stop()
    hosting.stop()
    service.stop()
    Path(sys.argv[-1]).write_text("\n".join(lines), "utf-8")


main()
