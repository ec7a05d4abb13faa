"""A mail server that takes everything and keeps it: the end of calibre's e-mail route."""

from __future__ import annotations

import socketserver
import threading
from email import message_from_bytes, policy


class SmtpSink:
    """On a free port of loopback; `files` holds each attachment by its name, the newest of a name."""

    def __init__(self) -> None:
        files: dict[str, bytes] = {}

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.say(220)
                while line := self.rfile.readline():
                    word = line.strip().upper()
                    if word == b"DATA":
                        self.say(354)
                        self.keep()
                    self.say(221 if word == b"QUIT" else 250)
                    if word == b"QUIT":
                        return

            def say(self, code: int) -> None:
                self.wfile.write(b"%d fine\r\n" % code)

            def keep(self) -> None:
                lines: list[bytes] = []
                while (line := self.rfile.readline()) not in (b".\r\n", b""):
                    lines.append(line[1:] if line.startswith(b".") else line)
                for part in message_from_bytes(b"".join(lines), policy=policy.default).walk():
                    name, content = part.get_filename(), part.get_payload(decode=True)
                    if name and isinstance(content, bytes):
                        files[name] = content

        self.files = files
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
