"""Without users of calibre's, its content server takes the accounts of our own server, and answers all just as that does."""

from __future__ import annotations

import json
import sys
import unittest
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[2] / "gui"))
from content_servers import ContentServer, ask, free_port, place
from kosync import userkey

from calibre_plugins.koreader_progress.content_server import service
from calibre_plugins.koreader_progress.sync.hosting import Hosting

ANN, BEN = ("ann", "correct horse"), ("ben", "battery staple")
STRANGER = (401, {"code": 2001, "message": "Unauthorized"})
D = "0b229176d4e8db7f6d2b5a4952368d7a"

# As they stand in the path of a request.
IDS = [
    "a", "a.b-c_d", "a%2Fb", "a%2fb%2e", "%C3%A4", "%E5%90%8D", "a%20b", "a+b", "a%26b%3Fc", "%25", "%2525", "*", "..",
    "%2e%2e", ".", "%00", "%ff", "%zz", "%", "a%3Ab", "~a", "'%22", "(a)", ";v=1", "a/b", "", "x" * 3000, "%F0%9F%93%96",
]  # fmt: skip

WHOLE = place("odd", 0.5)
BODIES: list[bytes] = [
    b"", b"{", b"[]", b"null", b"1", b'"a"', b"\xff\xfe", b"\xef\xbb\xbf{}", b"{}", b'{"document":"odd"}', b"{}" + b" " * 70_000,
    *(json.dumps({**WHOLE, **change}).encode() for change in (
        {"percentage": 0}, {"percentage": 1}, {"percentage": 1.5}, {"percentage": -0.1}, {"percentage": "0.5"},
        {"percentage": None}, {"progress": 12}, {"progress": ""}, {"progress": "a\0b"}, {"progress": "x" * 9000},
        {"progress": "\ud800"}, {"device": ""}, {"device": "Ä" * 300}, {"device_id": None}, {"document": ""},
        {"document": "a:b"}, {"document": 1}, {"document": "a/b"}, {"document": "ä\n"}, {"document": "x" * 5000},
        {"timestamp": 1}, {"metadata": {"title": "T", "authors": "A", "filename": "f"}}, {"metadata": 1}, {"more": {}},
        {"identifiers": [{"type": "content", "value": "odd"}]}, {"identifiers": []}, {"identifiers": [{"type": "A"}]},
    )),
]  # fmt: skip


class AccountsOfOurOwn(unittest.TestCase):
    server: ContentServer
    hosting: Hosting
    port: int

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = ContentServer()
        ours = service.service_of("", "")
        launch = ours._launch_now()
        cls.hosting = Hosting(launch.host)
        for name, password in (ANN, BEN):
            cls.hosting.change_users(launch, "add", name, userkey(password))
        # The same accounts and places once more, on a port of their own.
        cls.port = free_port()
        cls.hosting.apply(launch, {"enabled": True, "host": "127.0.0.1", "port": cls.port, "registration": False})

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.stop()
        cls.hosting.stop()
        service.stop()

    def ask(self, method: str, path: str, user: Any = None, body: Any = None, **more: Any) -> tuple[int, Any]:
        return ask(self.server.port, method, f"/kosync{path}", user, body, **more)

    def both(self, method: str, path: str, body: bytes | None = None, headers: Any = ()) -> list[tuple[int, Any]]:
        """What calibre's server answers and what our own does; times of writing are taken out."""
        said = []
        for port, prefix in ((self.server.port, "/kosync"), (self.port, "")):
            http = HTTPConnection("127.0.0.1", port, timeout=30)
            sent = {"x-auth-user": ANN[0], "x-auth-key": userkey(ANN[1]), **dict(headers)}
            try:
                http.request(method, prefix + path, body, {name: value for name, value in sent.items() if value})
                answer = http.getresponse()
                text = answer.read()
            finally:
                http.close()
            try:
                told = json.loads(text)
            except ValueError:
                told = text
            if isinstance(told, dict):
                told.pop("timestamp", None)
            said.append((answer.status, told))
        return said

    def test_nobody_is_let_in_without_an_account(self) -> None:
        for user in (None, ("", ""), ("nobody", "x"), (ANN[0], "wrong")):
            self.assertEqual(self.ask("GET", f"/syncs/progress/{D}", user), STRANGER)
            self.assertEqual(self.ask("PUT", "/syncs/progress", user, place(D, 0.9)), STRANGER)
            self.assertEqual(self.ask("GET", "/users/auth", user), STRANGER)

    def test_an_account_of_the_tab_server_logs_in_and_keeps_its_places_to_itself(self) -> None:
        self.assertEqual(self.ask("GET", "/users/auth", ANN), (200, {"authorized": "OK"}))
        self.assertEqual(self.ask("PUT", "/syncs/progress", ANN, place(D, 0.25))[0], 200)
        self.assertEqual(self.ask("GET", f"/syncs/progress/{D}", ANN)[1]["percentage"], 0.25)
        self.assertEqual(self.ask("GET", f"/syncs/progress/{D}", BEN), (200, {}))

    def test_who_registers_is_told_where_accounts_are_made(self) -> None:
        status, answer = self.ask("POST", "/users/create", None, {"username": "eve", "password": "k"})
        self.assertEqual((status, answer["code"]), (402, 2005))
        self.assertIn("KOReader Progress, Preferences, Server", answer["message"])
        self.assertEqual(self.ask("GET", "/users/auth", ("eve", "k")), STRANGER)

    def test_a_new_password_counts_at_once_and_who_is_deleted_is_out(self) -> None:
        launch = service.service_of("", "")._launch_now()
        self.hosting.change_users(launch, "add", "cleo", userkey("first"))
        self.assertEqual(self.ask("PUT", "/syncs/progress", ("cleo", "first"), place(D, 0.3))[0], 200)
        self.hosting.change_users(launch, "password", "cleo", userkey("second"))
        self.assertEqual(self.ask("PUT", "/syncs/progress", ("cleo", "first"), place(D, 0.9)), STRANGER)
        self.assertEqual(self.ask("GET", f"/syncs/progress/{D}", ("cleo", "second"))[1]["percentage"], 0.3)
        self.hosting.change_users(launch, "delete", "cleo")
        self.assertEqual(self.ask("GET", f"/syncs/progress/{D}", ("cleo", "second")), STRANGER)

    def test_the_servers_page_is_there_below_calibres_address(self) -> None:
        status, text = self.ask("GET", "/")
        self.assertEqual(status, 200)
        self.assertIn(b"/kosync/", text)

    def test_documents_of_every_odd_name_are_answered_as_by_our_own_server(self) -> None:
        for name in IDS:
            for method in ("GET", "HEAD", "DELETE"):
                calibres, ours = self.both(method, f"/syncs/progress/{name}")
                self.assertEqual(calibres, ours, (method, name))

    def test_bodies_of_every_odd_kind_are_answered_as_by_our_own_server(self) -> None:
        for body in BODIES:
            for method, path in (("PUT", "/syncs/progress"), ("PUT", "/users/password"), ("POST", "/users/auth")):
                # A password that is right would be changed.
                if path != "/users/password" or b"password" not in body:
                    calibres, ours = self.both(method, path, body)
                    self.assertEqual(calibres[0], ours[0], (method, path, body[:90]))
                    self.assertEqual(calibres[1], ours[1], (method, path, body[:90]))

    def test_what_was_put_through_one_is_found_through_the_other_byte_for_byte(self) -> None:
        for number, progress in enumerate(("/body/DocFragment[2]", "56", "a\tb\\\"'", "ä名\N{OPEN BOOK}", "a\0b")):
            name = f"same-{number}"
            self.assertEqual(self.ask("PUT", "/syncs/progress", ANN, place(name, 0.5, progress))[0], 200)
            calibres, ours = self.both("GET", f"/syncs/progress/{name}")
            self.assertEqual(calibres, ours)
            self.assertEqual(calibres[1]["progress"], progress)

    def test_headers_and_paths_of_every_odd_kind_are_answered_as_by_our_own_server(self) -> None:
        for headers in (
            {"Accept": "application/vnd.koreader.v9+json"}, {"Accept": "text/html"}, {"Content-Type": "no type"},
            {"x-auth-user": "änn"}, {"x-auth-user": "ann "}, {"x-auth-user": "ANN"}, {"x-auth-key": "A" * 4000},
            {"x-auth-key": ""}, {"x-auth-user": ""}, {"X-Forwarded-For": "8.8.8.8"}, {"Expect": ""},
        ):  # fmt: skip
            calibres, ours = self.both("GET", "/users/auth", headers=headers)
            self.assertEqual(calibres, ours, headers)
        for method, path in (
            ("GET", "/nowhere"), ("GET", "/syncs/progress"), ("GET", "/syncs"), ("PUT", "/syncs/progress/a"),
            ("POST", "/syncs/progress"), ("OPTIONS", "/syncs/progress"), ("HEAD", "/users/auth"), ("GET", "/healthcheck?a=b"),
            ("GET", "/koreader-progress/v1/documents"), ("GET", "/koreader-progress/v1/documents?since=abc"),
            ("GET", "/koreader-progress/v1/documents?since=0&after="), ("GET", "/syncs/progress/a?ids=content:a"),
            ("GET", "/syncs/progress/a?ids=content:%C3%A4,filename:a"), ("GET", "/syncs/progress/a?ids="), ("DELETE", "/users/you"),
        ):  # fmt: skip
            calibres, ours = self.both(method, path)
            self.assertEqual(calibres, ours, (method, path))
