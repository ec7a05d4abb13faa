"""`calibre-server` itself, with its own options: a prefix, a certificate, users, no runtime, and a sudden end."""

from __future__ import annotations

import os
import signal
import ssl
import subprocess
import sys
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[2] / "gui"))
from calibre.srv.users import UserManager
from content_servers import ask, free_port, place
from libraries import TOOLS, make_library, new_folder

ANN, BEN = ("ann", "correct horse"), ("ben", "battery staple")
STRANGER = (401, {"code": 2001, "message": "Unauthorized"})
OK = (200, {"state": "OK"})


class CalibreServer:
    """The program, on a port of its own; `environment` is added to that of the tests."""

    def __init__(
        self, *options: str, environment: dict[str, str] | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self.port = free_port()
        self.tls = tls
        self._options = options
        self._environment = environment or {}
        library = make_library()
        self._library = library.library_path
        library.close()
        self.start()

    def start(self) -> None:
        program = os.path.join(TOOLS, "calibre-server") if TOOLS else "calibre-server"
        line = [program, "--listen-on=127.0.0.1", f"--port={self.port}", *self._options, self._library]
        self.log = Path(new_folder("log"), "log.txt")
        with open(self.log, "wb") as log:
            self._process = subprocess.Popen(
                line, stdout=log, stderr=log, env={**os.environ, **self._environment}, start_new_session=True
            )
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with suppress(OSError):
                ask(self.port, "GET", "/", tls=self.tls)
                return
            time.sleep(0.1)
        raise AssertionError(self.log.read_text())

    def bridges(self) -> list[int]:
        """The bridges that it has started, by what the system knows of its children."""
        found = []
        for status in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError, IndexError, ValueError):
                is_child = int(status.read_text().rpartition(")")[2].split()[1]) == self._process.pid
                if is_child and b"koreader_progress" in Path(status.parent, "cmdline").read_bytes():
                    found.append(int(status.parent.name))
        return found

    def kill(self) -> None:
        """Nothing is asked, nothing is tidied up."""
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait(20)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)


def users_of(*users: tuple[str, str]) -> str:
    """A database of users, as calibre-server makes one."""
    path = os.path.join(new_folder("users"), "users.sqlite")
    manager = UserManager(path)
    for name, password in users:
        manager.add_user(name, password)
    manager.conn.close()
    return path


def certificate() -> tuple[str, str]:
    """For `localhost`, signed by itself: the certificate and its key."""
    folder = new_folder("tls")
    made, key = f"{folder}/cert.pem", f"{folder}/key.pem"
    line = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    line += ["-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", made]
    subprocess.run(line, check=True, capture_output=True, timeout=60)
    return made, key


def gone(pid: int) -> bool:
    """Whether a process ends within a while."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            # One that nobody waited for has ended all the same.
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


class StandAlone(unittest.TestCase):
    def serve(self, *options: str, **more: Any) -> CalibreServer:
        server = CalibreServer(*options, **more)
        self.addCleanup(server.stop)
        return server

    def test_below_a_prefix_with_a_certificate_and_its_users(self) -> None:
        made, key = certificate()
        tls = ssl.create_default_context(cafile=made)
        options = ("--enable-auth", f"--userdb={users_of(ANN, BEN)}", "--url-prefix=/calibre")
        server = self.serve(*options, f"--ssl-certfile={made}", f"--ssl-keyfile={key}", tls=tls)

        def asked(method: str, path: str, user: Any = None, body: Any = None) -> tuple[int, Any]:
            return ask(server.port, method, f"/calibre/kosync{path}", user, body, tls=tls)

        self.assertEqual(asked("GET", "/healthcheck"), OK)
        self.assertEqual(asked("GET", "/users/auth", ANN), (200, {"authorized": "OK"}))
        self.assertEqual(asked("GET", "/users/auth", (ANN[0], "wrong")), STRANGER)
        self.assertEqual(asked("PUT", "/syncs/progress", ANN, place("tls", 0.5))[0], 200)
        self.assertEqual(asked("GET", "/syncs/progress/tls", ANN)[1]["percentage"], 0.5)
        self.assertEqual(asked("GET", "/syncs/progress/tls", BEN), (200, {}))
        # One child for all of its workers, and it goes with calibre.
        with ThreadPoolExecutor(16) as many:
            self.assertEqual({*many.map(lambda _n: asked("GET", "/users/auth", ANN)[0], range(64))}, {200})
        (child,) = server.bridges()
        server.kill()
        self.assertTrue(gone(child))

    def test_a_sudden_end_in_mid_load_loses_nothing_that_was_acknowledged(self) -> None:
        server = self.serve("--enable-auth", f"--userdb={users_of(ANN)}")

        def put(number: int) -> int:
            try:
                return ask(server.port, "PUT", "/kosync/syncs/progress", ANN, place(f"end-{number}", 0.5))[0]
            except (OSError, ValueError):
                return 0

        put(0)
        with ThreadPoolExecutor(8) as devices:
            sent = [devices.submit(put, number) for number in range(200)]
            sent[40].result()
            server.kill()
            statuses = [each.result() for each in sent]
        self.assertIn(0, statuses)
        server.start()
        for number, status in enumerate(statuses):
            if status == 200:
                found = ask(server.port, "GET", f"/kosync/syncs/progress/end-{number}", ANN)
                self.assertEqual((found[0], found[1].get("percentage")), (200, 0.5))

    def test_without_a_runtime_it_says_so_to_koreader_and_calibre_serves_its_books(self) -> None:
        # No program of calibre's own machine is a runtime there.
        server = self.serve(
            "--enable-auth", f"--userdb={users_of(ANN)}", environment={"PATH": "/nowhere:/usr/bin:/bin"}
        )
        status, answer = ask(server.port, "GET", "/kosync/users/auth", ANN)
        self.assertEqual(status, 503)
        self.assertIn("Node or Deno", answer["message"])
        self.assertEqual(ask(server.port, "GET", "/ajax/library-info")[0], 401)
        with closing(open(server.log, encoding="utf-8")) as log:
            self.assertIn("KOReader Progress", log.read())
