"""Fetching a runtime, from a real release over https: only what is pinned is kept, and nothing is left of anything else."""

from __future__ import annotations

import os
import threading
import unittest
from pathlib import Path
from unittest import mock

from calibre_plugins.koreader_progress.link import kept_runtime
from calibre_plugins.koreader_progress.link.ask_version import Runtime
from calibre_plugins.koreader_progress.link.deno_build import Archive
from calibre_plugins.koreader_progress.link.fetch_archive import CHUNK, FetchFailed, GoOn
from calibre_plugins.koreader_progress.link.host import ask_once
from calibre_plugins.koreader_progress.link.kept_runtime import OwnRuntimeTrouble
from calibre_plugins.koreader_progress.link.own_runtime import OwnRuntime
from calibre_plugins.koreader_progress.words.explain import explain
from libraries import new_folder
from own_runtimes import environment, make_archive, make_zip, on_a_disk_of_its_own, program
from release_server import ReleaseServer

SIZE = 3 << 20


class Fetching(unittest.TestCase):
    server: ReleaseServer

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = ReleaseServer(Path(new_folder()))

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.stop()

    def setUp(self) -> None:
        self.folder = Path(new_folder())
        self.content = program(size=SIZE)
        self.archive, self.bytes = make_archive(self.content)
        self.path = f"/v1/{self.archive.file}"
        self.server.files = {self.path: self.bytes}
        self.server.moved, self.server.status, self.server.length = {}, {}, {}
        self.server.asked.clear()
        self.server.held.set()
        for patched in (
            mock.patch.object(kept_runtime, "SPARE", 0),
            mock.patch.dict(os.environ, {"SSL_CERT_FILE": str(self.server.certificate)}),
        ):
            patched.start()
            self.addCleanup(patched.stop)

    def own(self, archive: Archive | None = None, address: str = "") -> OwnRuntime:
        places = [str(self.folder / "cache"), str(self.folder / "config")]
        zipped = make_zip(self.folder / "universal.zip", None)
        address = address or f"{self.server.address}/v1"
        return OwnRuntime.of(zipped, places, [archive or self.archive], address)

    def fetch(self, own: OwnRuntime | None = None, go_on: GoOn = lambda _size: True) -> Runtime:
        own = own or self.own()
        assert own.offered is not None
        return own.fetch(own.offered, ask_once, go_on, environment())

    def failed(self, own: OwnRuntime | None = None, go_on: GoOn = lambda _size: True) -> FetchFailed:
        with self.assertRaises(FetchFailed) as raised:
            self.fetch(own, go_on)
        self.assertEqual(list(self.folder.rglob("*runtime-*")), [], "something was left")
        explanation = explain(raised.exception)
        assert explanation is not None and explanation.sentence
        return raised.exception

    def test_what_was_fetched_runs_and_is_found_from_then_on(self) -> None:
        told: list[int] = []
        runtime = self.fetch(go_on=lambda size: told.append(size) is None)
        self.assertEqual(Path(runtime.path).read_bytes(), self.content)
        self.assertEqual((told[0], told[-1]), (0, len(self.bytes)))
        own = self.own()
        self.assertEqual(own.find(environment()), runtime)
        self.assertEqual([path.name for path in self.folder.rglob("unfinished*")], [])

    def test_it_comes_piece_by_piece_and_is_never_whole_in_memory(self) -> None:
        pieces: list[int] = []

        def ask(url: str) -> object:
            answer = ask_once(url)
            # What mechanize puts around an answer would keep every byte.
            self.assertFalse(hasattr(answer, "wrapped"))
            read = answer.read
            answer.read = lambda size: (pieces.append(size), read(size))[1]  # type: ignore[method-assign]
            return answer

        own = self.own()
        assert own.offered is not None
        own.fetch(own.offered, ask, lambda _size: True, environment())  # type: ignore[arg-type]
        self.assertEqual(set(pieces), {CHUNK})

    def test_redirects_are_followed_over_https(self) -> None:
        self.server.moved = {self.path: f"{self.server.address}/elsewhere", "/elsewhere": "/at/last"}
        self.server.files = {"/at/last": self.bytes}
        self.fetch()
        self.assertEqual(self.server.asked, [self.path, "/elsewhere", "/at/last"])

    def test_a_redirect_to_anything_but_https_is_refused_before_it_is_asked(self) -> None:
        for place in ("http://localhost:1/x", "ftp://localhost/x", "file:///etc/passwd", "https://[x", "javascript:1"):
            with self.subTest(place):
                self.server.moved = {self.path: place}
                self.assertEqual(self.failed().kind, "not_https")
        self.assertEqual(self.failed(self.own(address="http://localhost:1/v1")).kind, "not_https")

    def test_redirects_that_never_end_end(self) -> None:
        self.server.moved = {self.path: self.path}
        self.assertEqual(self.failed().kind, "too_many")
        self.assertLess(len(self.server.asked), 10)

    def test_another_content_of_the_same_size_is_not_kept(self) -> None:
        self.server.files[self.path] = self.bytes[:-1] + bytes([self.bytes[-1] ^ 1])
        self.assertEqual(self.failed().kind, "wrong_content")

    def test_an_archive_that_holds_another_program_than_pinned_is_not_kept(self) -> None:
        other, data = make_archive(program("2.9.6", SIZE))
        lying = Archive(self.archive.build, other.file, other.size, other.integrity)
        self.server.files[self.path] = data
        with self.assertRaises(OwnRuntimeTrouble) as raised:
            self.fetch(self.own(lying))
        self.assertEqual(raised.exception.kind, "damaged")
        self.assertEqual(list(self.folder.rglob("*runtime-*")), [])

    def test_a_connection_that_breaks_off_leaves_nothing(self) -> None:
        self.server.files[self.path] = self.bytes[: len(self.bytes) // 3]
        self.server.length[self.path] = len(self.bytes)
        self.assertEqual(self.failed().kind, "cut")
        self.server.length[self.path] = None
        self.assertEqual(self.failed().kind, "cut")

    def test_more_than_is_pinned_is_refused_and_not_read_to_its_end(self) -> None:
        self.server.files[self.path] = self.bytes + b"x" * (20 << 20)
        self.assertEqual(self.failed().kind, "too_large")
        self.server.length[self.path] = None
        self.assertEqual(self.failed().kind, "too_large")

    def test_a_page_in_place_of_the_file_is_refused(self) -> None:
        self.server.files[self.path] = b"<html>Log in to the hotel's network</html>"
        self.assertEqual(self.failed().kind, "wrong_content")
        for status in (204, 404, 500):
            self.server.status[self.path] = status
            self.assertEqual(self.failed().kind, "refused")

    def test_a_certificate_that_nobody_vouches_for_is_refused(self) -> None:
        with mock.patch.dict(os.environ):
            del os.environ["SSL_CERT_FILE"]
            failed = self.failed()
        self.assertEqual(failed.kind, "unreachable")
        self.assertIn("certificate", failed.said.lower())
        self.assertEqual(self.server.asked, [])

    def test_a_network_that_is_not_there_is_told_with_a_next_step(self) -> None:
        failed = self.failed(self.own(address="https://localhost:1/v1"))
        explanation = explain(failed)
        assert explanation is not None
        self.assertEqual(failed.kind, "unreachable")
        self.assertIn("online", explanation.advice)

    def test_it_is_stopped_when_the_reader_says_so(self) -> None:
        self.server.held.clear()
        sizes: list[int] = []

        def until_half(size: int) -> bool:
            sizes.append(size)
            return size < SIZE // 4

        self.assertEqual(self.failed(go_on=until_half).kind, "stopped")
        self.assertLess(sizes[-1], len(self.bytes))

    def test_what_calibre_says_of_proxies_holds(self) -> None:
        with mock.patch.dict(os.environ, {"https_proxy": "http://127.0.0.1:1", "no_proxy": ""}):
            self.assertEqual(self.failed().kind, "unreachable")
        self.assertEqual(self.server.asked, [])

    def test_a_disk_without_room_is_refused_before_anything_is_asked(self) -> None:
        place = self.folder / "small"
        place.mkdir()
        zipped = make_zip(self.folder / "universal.zip", None)
        own = OwnRuntime.of(zipped, [str(place)], [self.archive], f"{self.server.address}/v1")

        def fetched() -> str:
            try:
                return str(self.fetch(own))
            except OwnRuntimeTrouble as trouble:
                return trouble.kind

        self.assertEqual(on_a_disk_of_its_own(place, "size=5m", fetched), "no_room")
        self.assertEqual(self.server.asked, [])

    def test_two_that_fetch_at_once_end_with_one_whole_program(self) -> None:
        found: list[Runtime] = []
        threads = [threading.Thread(target=lambda: found.append(self.fetch())) for _number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        self.assertEqual(len({runtime.path for runtime in found}), 1)
        self.assertEqual(len(found), 3)
        self.assertEqual(len(list(self.folder.rglob("*runtime-*"))), 1)


if __name__ == "__main__":
    unittest.main()
