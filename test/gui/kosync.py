"""A real kosync server of the project's own beside the tests, and KOReader's side of it."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import socket
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any


class KosyncServer:
    """`node dist/cli.mjs serve` on a free port or the one that is wanted, in whatever network namespace the tests run in.

    Without a folder for its data it forgets everything when it ends.
    """

    def __init__(self, port: int = 0, data: str = "") -> None:
        line = [os.environ["TEST_NODE"], os.environ["TEST_CLI"], "serve", "--port", str(port), "--registration", "open"]
        line += ["--data", data] if data else []
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

    @staticmethod
    def next_second() -> None:
        """A server tells times in seconds: of two records of one second neither is news to the other."""
        time.sleep(1.05 - time.time() % 1)


def userkey(password: str) -> str:
    return hashlib.md5(password.encode(), usedforsecurity=False).hexdigest()


class Proxy:
    """A proxy whose every way leads to one server, whatever name is asked for; it hides what lists documents.

    For a path that has one of the words in `troubled` it is out of order.
    """

    def __init__(self, target: str) -> None:
        asked: list[str] = []
        troubled: set[str] = set()

        class Handler(http.server.BaseHTTPRequestHandler):
            def forward(self) -> None:
                path = urllib.parse.urlsplit(self.path).path
                asked.append(f"{self.command} {path}")
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length) if length else None
                status, answer = 404, b"{}"
                if any(word in path for word in troubled):
                    status = 503
                elif "documents" not in path and "/api/" not in path:
                    passed = {name: value for name, value in self.headers.items() if name.lower() != "host"}
                    request = urllib.request.Request(target + path, data=body, method=self.command, headers=passed)
                    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
                    try:
                        with opener.open(request, timeout=10) as told:
                            status, answer = told.status, told.read()
                    except urllib.error.HTTPError as error:
                        status, answer = error.code, error.read()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_PUT = do_POST = forward

            def log_message(self, format: str, *args: object) -> None:
                """Says nothing."""

        self.asked = asked
        self.troubled = troubled
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class OddServer:
    """A server that answers as a test wants: slowly, with a web page, or behind a certificate of its own."""

    def __init__(self, delay: float = 0.0, page: str = "", certificate: tuple[str, str] | None = None) -> None:
        answered = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answered.asked += 1
                time.sleep(delay)
                body = page.encode() if page else b'{"authorized":"OK"}' if "auth" in self.path else b"{}"
                kind = "text/html" if page else "application/json"
                if "healthcheck" in self.path and not page:
                    body = b'{"state":"OK"}'
                try:
                    self.send_response(200)
                    self.send_header("Content-Type", kind)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    # Whoever asked has gone.
                    pass

            def log_message(self, format: str, *args: Any) -> None:
                """Silent."""

        self.asked = 0
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            scheme = "https"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Gate:
    """A door before a server: whoever comes is let through once it is opened."""

    def __init__(self, server: KosyncServer) -> None:
        self._behind = int(server.url.rsplit(":", 1)[1])
        self._door = socket.create_server(("127.0.0.1", 0))
        self._is_open = threading.Event()
        self.asked = 0
        self.url = f"http://127.0.0.1:{self._door.getsockname()[1]}"
        threading.Thread(target=self._receive, daemon=True).start()

    def open(self) -> None:
        self._is_open.set()

    def close(self) -> None:
        """For good."""
        self._is_open.set()
        self._door.close()

    def _receive(self) -> None:
        while True:
            try:
                guest, _address = self._door.accept()
            except OSError:
                return
            self.asked += 1
            threading.Thread(target=self._lead, args=(guest,), daemon=True).start()

    def _lead(self, guest: socket.socket) -> None:
        self._is_open.wait()
        try:
            host = socket.create_connection(("127.0.0.1", self._behind), 10)
        except OSError:
            guest.close()
            return
        threading.Thread(target=_carry, args=(host, guest), daemon=True).start()
        _carry(guest, host)


def _carry(one: socket.socket, other: socket.socket) -> None:
    """Everything that one says, to the other; until either has gone."""
    try:
        while said := one.recv(65536):
            other.sendall(said)
        other.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def make_certificate(folder: str) -> tuple[str, str]:
    """A certificate for 127.0.0.1 that signed itself: the paths of certificate and key."""
    certificate, key = os.path.join(folder, "own.pem"), os.path.join(folder, "own.key")
    line = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    line += ["-keyout", key, "-out", certificate, "-days", "30", "-subj", "/CN=127.0.0.1"]
    line += ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(line, check=True, capture_output=True, timeout=60)
    return certificate, key
