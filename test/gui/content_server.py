"""The window's own content server: what is downloaded there is known to the window that gave it away."""

from __future__ import annotations

import io
from urllib.request import ProxyHandler, build_opener

from calibre_gui import gui
from steps import USER, WithServer, action, api, book, configure, wait_for_run

PORT = 18_381
TITLES = ("The Time Machine", "Middlemarch", "Der Prozess", "Dracula")


class ContentServer(WithServer):
    first: list[str]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        configure(cls.server, review="never")

        def serve() -> None:
            from calibre.srv.opts import change_settings

            change_settings(port=PORT, listen_on="127.0.0.1")
            gui.main.start_content_server(check_started=False)

        gui(serve)
        gui.wait(lambda: gui.main.content_server and gui.main.content_server.is_running, "the content server")
        cls.first = []

    def download(self, title: str) -> str:
        """The digest of what a reader gets."""
        from calibre_plugins.koreader_progress.copies.digest import partial_md5

        with build_opener(ProxyHandler({})).open(f"http://127.0.0.1:{PORT}/get/EPUB/{book(title)}", timeout=60) as got:
            return partial_md5(io.BytesIO(got.read()))

    def read_and_sync(self, titles: list[str], begin: float) -> list[str]:
        digests = [self.download(title) for title in titles]
        for n, digest in enumerate(digests):
            self.server.push(USER, digest, begin + n / 100)
        gui(action().sync_all)
        wait_for_run()
        shown = [api().field_for("#percent", book(title)) for title in titles]
        self.assertEqual(shown, [round(begin * 100) + n for n in range(len(titles))])
        return digests

    def test_1_what_was_downloaded_is_found(self) -> None:
        self.first.extend(self.read_and_sync(list(TITLES), 0.2))

    def test_2_and_again_after_edits_under_the_same_digest(self) -> None:
        for title in TITLES:
            api().set_field("comments", {book(title): f"<p>{'Words ' * 2000}</p>"})
            api().set_field("tags", {book(title): ["one", "two"]})
            api().set_field("title", {book(title): f"{title}, edited"})
        self.assertEqual(self.read_and_sync([f"{title}, edited" for title in TITLES], 0.6), self.first)

    def test_9_nothing_went_wrong_unseen(self) -> None:
        self.assertEqual(gui.errors, [])
