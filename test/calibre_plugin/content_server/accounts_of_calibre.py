"""KOReader syncs with calibre's content server under the name and password that it downloads with."""

from __future__ import annotations

import os
import signal
import sys
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[2] / "gui"))
from content_servers import ContentServer, ask, place

from calibre_plugins.koreader_progress.content_server import service

ANN, BEN = ("ann", "correct horse"), ("ben", "battery staple")
STRANGER = (401, {"code": 2001, "message": "Unauthorized"})
D = "0b229176d4e8db7f6d2b5a4952368d7a"


class AccountsOfCalibre(unittest.TestCase):
    server: ContentServer

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = ContentServer(dict((ANN, BEN)), url_prefix="/calibre")
        cls.server.users.set_readonly(BEN[0], True)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.stop()
        service.stop()

    def ask(self, method: str, path: str, user: Any = None, body: Any = None, **more: Any) -> tuple[int, Any]:
        return ask(self.server.port, method, f"/calibre/kosync{path}", user, body, **more)

    def test_a_calibre_user_logs_in_puts_a_place_and_finds_it(self) -> None:
        self.assertEqual(self.ask("GET", "/healthcheck"), (200, {"state": "OK"}))
        self.assertEqual(self.ask("GET", "/users/auth", ANN), (200, {"authorized": "OK"}))
        self.assertEqual(self.ask("GET", f"/syncs/progress/{D}", ANN), (200, {}))
        before = int(time.time())
        status, answer = self.ask("PUT", "/syncs/progress", ANN, place(D, 0.25))
        self.assertEqual((status, answer["document"]), (200, D))
        self.assertGreaterEqual(answer["timestamp"], before)
        self.assertEqual(
            self.ask("GET", f"/syncs/progress/{D}", ANN), (200, {**place(D, 0.25), "timestamp": answer["timestamp"]})
        )

    def test_a_wrong_key_an_unknown_name_and_no_name_are_told_the_same(self) -> None:
        for user in (None, (ANN[0], "wrong"), ("nobody", "x"), ("", ""), ("a" * 5000, "x"), ("änn", "x")):
            named = {"headers": {"x-auth-user": user[0].encode().decode("latin-1")}} if user else {}
            for method, path, body in (
                ("GET", "/users/auth", None),
                ("GET", f"/syncs/progress/{D}", None),
                ("PUT", "/syncs/progress", place(D, 0.9)),
                ("GET", "/koreader-progress/v1/documents", None),
                ("DELETE", "/users/me", None),
                ("PUT", "/users/password", {"password": "x"}),
            ):
                sure = user if user and user[0].isascii() else None
                self.assertEqual(self.ask(method, path, sure, body, **named), STRANGER, (user, path))

    def test_the_password_in_plain_or_an_empty_one_is_no_key(self) -> None:
        self.server.users.add_user("empty", "x")
        self.server.users.conn.cursor().execute("UPDATE users SET pw='' WHERE name='empty'")
        for headers in (
            {"x-auth-user": ANN[0], "x-auth-key": ANN[1]},
            {"x-auth-user": ANN[0], "x-auth-key": ""},
            {"x-auth-user": ANN[0], "x-auth-key": "-"},
            {"x-auth-user": ANN[0], "x-auth-key": "vouched"},
            {"x-auth-user": "empty", "x-auth-key": "d41d8cd98f00b204e9800998ecf8427e"},
        ):
            self.assertEqual(self.ask("GET", "/users/auth", headers=headers), STRANGER, headers)

    def test_a_user_never_sees_the_place_of_another(self) -> None:
        self.ask("PUT", "/syncs/progress", ANN, place("only-anns", 0.5))
        self.assertEqual(self.ask("GET", "/syncs/progress/only-anns", BEN), (200, {}))
        _status, listed = self.ask("GET", "/koreader-progress/v1/documents", BEN)
        self.assertNotIn("only-anns", repr(listed))

    def test_what_claims_to_be_from_the_front_is_not_believed(self) -> None:
        for headers in (
            {"x-auth-user": ANN[0], "koreader-progress-front": "x" * 64},
            {"x-auth-user": ANN[0], "x-auth-key": "-", "X-Koreader-Progress-Front": ""},
            {"x_auth_user": ANN[0]},
        ):
            self.assertEqual(self.ask("GET", "/users/auth", headers=headers), STRANGER)

    def test_a_read_only_user_keeps_places(self) -> None:
        self.assertEqual(self.ask("PUT", "/syncs/progress", BEN, place("bens", 0.5))[0], 200)
        self.assertEqual(self.ask("GET", "/syncs/progress/bens", BEN)[1]["percentage"], 0.5)

    def test_a_changed_password_counts_at_once_and_a_deleted_user_is_out(self) -> None:
        self.server.users.add_user("cleo", "first")
        old, new = ("cleo", "first"), ("cleo", "second")
        self.assertEqual(self.ask("PUT", "/syncs/progress", old, place(D, 0.3))[0], 200)
        self.server.users.change_password("cleo", "second")
        self.assertEqual(self.ask("PUT", "/syncs/progress", old, place(D, 0.9)), STRANGER)
        self.assertEqual(self.ask("GET", f"/syncs/progress/{D}", new)[1]["percentage"], 0.3)
        self.server.users.remove_user("cleo")
        self.assertEqual(self.ask("GET", f"/syncs/progress/{D}", new), STRANGER)

    def test_who_registers_is_told_where_accounts_are_made(self) -> None:
        status, answer = self.ask("POST", "/users/create", None, {"username": "eve", "password": "k"})
        self.assertEqual((status, answer["code"]), (402, 2005))
        self.assertIn("Sharing over the net", answer["message"])
        self.assertEqual(self.ask("PUT", "/users/password", ANN, {"password": "k"})[0], 403)
        self.assertEqual(self.ask("GET", "/users/auth", ANN)[0], 200)

    def test_who_guesses_is_no_longer_looked_up_and_locks_nobody_out(self) -> None:
        self.server.users.add_user("dora", "right")
        self.assertEqual(self.ask("GET", "/users/auth", ("dora", "right"))[0], 200)
        self.server.users.add_user("emil", "right")
        asked: list[str] = []
        get = self.server.users.get
        self.server.users.get = lambda name: asked.append(name) or get(name)
        try:
            for name in ("dora", "emil"):
                for number in range(15):
                    self.assertEqual(self.ask("GET", "/users/auth", (name, f"guess {number}")), STRANGER)
                self.assertEqual(asked.count(name), 10)
        finally:
            del self.server.users.get
        # Past the limit the right key alone does not help a stranger; a device that was let in before does not notice.
        self.assertEqual(self.ask("GET", "/users/auth", ("emil", "right")), STRANGER)
        self.assertEqual(self.ask("GET", "/users/auth", ("dora", "right"))[0], 200)

    def test_calibres_own_pages_still_ask_for_its_login(self) -> None:
        self.assertEqual(ask(self.server.port, "GET", "/calibre/ajax/library-info")[0], 401)
        self.assertEqual(self.ask("GET", "/../ajax/library-info")[0], 404)

    def test_nobody_else_on_the_machine_speaks_with_the_server_behind(self) -> None:
        self.ask("GET", "/users/auth", ANN)
        running = service.service_of("", "").backend._running
        assert running is not None
        for path in ("/healthcheck", "/calibre/kosync/healthcheck", f"/calibre/kosync/syncs/progress/{D}"):
            self.assertEqual(ask(running.port, "GET", path, ANN), STRANGER)

    def test_a_bridge_that_was_killed_is_started_anew_and_has_all_it_acknowledged(self) -> None:
        backend = service.service_of("", "").backend

        def put(number: int) -> int:
            return self.ask("PUT", "/syncs/progress", ANN, place(f"kill-{number}", 0.5))[0]

        with ThreadPoolExecutor(8) as devices:
            sent = [devices.submit(put, number) for number in range(120)]
            sent[20].result()
            bridge = backend._hosting._bridge
            assert bridge is not None
            os.kill(bridge.pid, signal.SIGKILL)
            statuses = [each.result() for each in sent]
        self.assertLessEqual(set(statuses), {200, 502})
        for number, status in enumerate(statuses):
            found = self.ask("GET", f"/syncs/progress/kill-{number}", ANN)
            self.assertEqual(found[0], 200)
            if status == 200:
                self.assertEqual(found[1]["percentage"], 0.5)

    def test_thirty_two_devices_at_once(self) -> None:
        def device(number: int) -> set[int]:
            return {self.ask("PUT", "/syncs/progress", ANN, place(f"of-{number}", n / 10))[0] for n in range(8)}

        with ThreadPoolExecutor(32) as devices:
            self.assertEqual(set().union(*devices.map(device, range(32))), {200})

    def test_a_place_that_arrives_is_told_in_this_process(self) -> None:
        told: list[Any] = []
        service.listen(told.extend)
        self.ask("PUT", "/syncs/progress", ANN, place("told", 0.5))
        until = time.monotonic() + 20
        while not any(each["document"] == "told" for each in told) and time.monotonic() < until:
            time.sleep(0.02)
        (arrived,) = [each for each in told if each["document"] == "told"]
        self.assertEqual((arrived["username"], arrived["device"]), (ANN[0], "Kobo Libra"))
