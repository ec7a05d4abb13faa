"""A real kosync server of the project's own beside the tests, and KOReader's side of it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import urllib.request
from typing import Any


class KosyncServer:
    """`node dist/cli.mjs serve` on a free port, in whatever network namespace the tests run in."""

    def __init__(self) -> None:
        line = [os.environ["TEST_NODE"], os.environ["TEST_CLI"], "serve", "--port", "0"]
        self._process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        if not self.url:
            raise AssertionError("the kosync server did not start")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def call(self, method: str, path: str, body: Any = None, user: tuple[str, str] | None = None) -> Any:
        """One request as KOReader makes it."""
        headers = {"Accept": "application/vnd.koreader.v1+json", "Content-Type": "application/json"}
        if user is not None:
            headers |= {"x-auth-user": user[0], "x-auth-key": userkey(user[1])}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=headers)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=10) as answer:
            return json.loads(answer.read() or b"{}")

    def register(self, username: str, password: str) -> None:
        self.call("POST", "/users/create", {"username": username, "password": userkey(password)})

    def push(self, user: tuple[str, str], document: str, percentage: float, device: str = "Kobo") -> None:
        """What a KOReader sends when the reader closes a book."""
        record = {
            "document": document,
            "progress": "/body/DocFragment[1]/body/p[1]/text().0",
            "percentage": percentage,
            "device": device,
            "device_id": f"{device}-1",
        }
        self.call("PUT", "/syncs/progress", record, user)


def userkey(password: str) -> str:
    return hashlib.md5(password.encode(), usedforsecurity=False).hexdigest()
