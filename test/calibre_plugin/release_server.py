"""A place that releases files: https on loopback, with a certificate of its own, and every fault such a place can have."""

from __future__ import annotations

import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PIECE = 1 << 14


class ReleaseServer:
    """Serves `files` by path; `moved` leads from one path to an address. `held` stops each body half way until it is set."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.files: dict[str, bytes] = {}
        self.moved: dict[str, str] = {}
        self.status: dict[str, int] = {}
        # The length that is told, where it is not the true one; None leaves it untold.
        self.length: dict[str, int | None] = {}
        self.asked: list[str] = []
        self.held = threading.Event()
        self.held.set()
        key, self.certificate = folder / "release.key", folder / "release.pem"
        make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        name = ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
        output = ["-keyout", str(key), "-out", str(self.certificate)]
        subprocess.run([*make, *name, *output], check=True, capture_output=True, timeout=30)
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"https://localhost:{self._server.server_port}"

    def stop(self) -> None:
        self.held.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:
                pass

            def do_GET(self) -> None:
                server.asked.append(self.path)
                moved = server.moved.get(self.path)
                if moved is not None:
                    self.send_response(302)
                    self.send_header("Location", moved)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                body = server.files.get(self.path, b"")
                self.send_response(server.status.get(self.path, 200 if self.path in server.files else 404))
                length = server.length.get(self.path, len(body))
                if length is not None:
                    self.send_header("Content-Length", str(length))
                self.end_headers()
                try:
                    self.wfile.write(body[: len(body) // 2])
                    server.held.wait(60)
                    self.wfile.write(body[len(body) // 2 :])
                except OSError:
                    # Whoever asked has gone.
                    pass

        return Handler
