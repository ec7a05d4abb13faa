"""The reader downloads from calibre's content server, reads, and syncs with that same server: the column in the window follows."""

from __future__ import annotations

import io
import unittest
from typing import Any
from urllib.request import HTTPBasicAuthHandler, HTTPPasswordMgrWithDefaultRealm, ProxyHandler, build_opener

from calibre_gui import gui
from kosync import KosyncServer
from qt.core import QLabel
from steps import CANCEL, USER, action, api, book, configure, tidy_up, wait_for_run

READER, ELSEWHERE = ("ben", "battery staple"), ("cleo", "purple monkey")
PORT = 18_383


class Calibres:
    """calibre's content server in this window, as KOReader asks it."""

    url = f"http://127.0.0.1:{PORT}/kosync"
    call = KosyncServer.call
    push = KosyncServer.push


class CalibresOwnServer(unittest.TestCase):
    server = Calibres()
    now = 0.0
    digest = ""

    @classmethod
    def setUpClass(cls) -> None:
        def serve() -> None:
            from calibre.srv.opts import change_settings

            change_settings(port=PORT, listen_on="127.0.0.1", auth=True, auth_mode="basic")
            gui.main.start_content_server(check_started=False)

        gui(serve)
        gui.wait(lambda: gui.main.content_server and gui.main.content_server.is_running, "the content server")
        users = gui.main.content_server.user_manager
        for name, password in (USER, READER, ELSEWHERE):
            users.add_user(name, password)
        users.set_readonly(READER[0], True)
        users.update_user_restrictions(ELSEWHERE[0], {"allowed_library_names": ["another"]})
        cls.now = action().arrivals.clock()
        action().arrivals.clock = lambda: CalibresOwnServer.now

    def tearDown(self) -> None:
        tidy_up()

    def download(self, title: str) -> str:
        """The digest of what a reader gets."""
        from calibre_plugins.koreader_progress.copies.digest import partial_md5

        passwords = HTTPPasswordMgrWithDefaultRealm()
        passwords.add_password(None, f"http://127.0.0.1:{PORT}/", *USER)
        opener = build_opener(ProxyHandler({}), HTTPBasicAuthHandler(passwords))
        with opener.open(f"http://127.0.0.1:{PORT}/get/EPUB/{book(title)}", timeout=60) as got:
            return partial_md5(io.BytesIO(got.read())) or ""

    def push(self, user: tuple[str, str], document: str, percentage: float) -> None:
        arrivals = action().arrivals
        before = arrivals.last.get("content_server")
        KosyncServer.next_second()
        self.server.push(user, document, percentage)
        gui.wait(lambda: arrivals.last.get("content_server") is not before, "the window hearing of it")
        CalibresOwnServer.now += 700
        gui(arrivals.look)
        wait_for_run()

    def use_account_of(self, user: tuple[str, str]) -> None:
        from calibre_plugins.koreader_progress.settings import config
        from kosync import userkey

        configure(self.server)  # type: ignore[arg-type]
        account = config.new_account(self.server.url, user[0], userkey(user[1]))

        def store() -> None:
            action().settings.save_account(account)
            (profile,) = config.profiles(api())
            config.save_profiles(api(), [{**profile, "account_id": account["id"]}], profile["id"])

        gui(store)

    def percent(self, title: str) -> Any:
        return api().field_for("#percent", book(title))

    def test_1_download_read_push_and_the_column_follows(self) -> None:
        self.use_account_of(USER)
        CalibresOwnServer.digest = self.download("Dracula")
        self.push(USER, self.digest, 0.42)
        self.assertEqual(self.percent("Dracula"), 42)
        self.assertIn("1 book updated", gui(lambda: action().runs.said))

    def test_2_the_next_copy_has_the_same_digest_and_the_place_goes_on(self) -> None:
        api().set_field("tags", {book("Dracula"): ["vampires"]})
        self.assertEqual(self.download("Dracula"), self.digest)
        self.push(USER, self.digest, 0.5)
        self.assertEqual(self.percent("Dracula"), 50)

    def test_3_it_is_undone(self) -> None:
        from calibre_plugins.koreader_progress.sync.pull import journal_of

        run = next(run for run in journal_of(api()).runs() if run.kind == "arrival")
        gui(action().runs.undos.undo, api(), run)
        gui.wait(lambda: self.percent("Dracula") is None, "the undo")
        wait_for_run()

    def test_4_who_may_only_read_or_not_see_this_library_keeps_places_and_changes_no_column(self) -> None:
        for user in (READER, ELSEWHERE):
            self.use_account_of(user)
            self.push(user, self.digest, 0.7)
            self.assertIsNone(self.percent("Dracula"))
            told = self.server.call("GET", f"/syncs/progress/{self.digest}", user=user)
            self.assertEqual(told["percentage"], 0.7)

    def test_5_a_book_that_calibre_hides_from_a_user_is_not_followed(self) -> None:
        self.use_account_of(USER)
        name = gui(lambda: api().backend.library_path.rstrip("/").rpartition("/")[2])
        users = gui.main.content_server.user_manager
        users.update_user_restrictions(USER[0], {"library_restrictions": {name: 'title:"=Emma"'}})
        self.push(USER, self.digest, 0.8)
        self.assertIsNone(self.percent("Dracula"))
        users.update_user_restrictions(USER[0], {})

    def test_6_the_tab_server_shows_what_to_enter_in_koreader(self) -> None:
        gui.post(action().open_preferences, "server")
        dialog = gui.modal()
        said = gui(lambda: dialog.findChild(QLabel, "content_server_status").text())
        self.assertIn(self.server.url, said)
        self.assertIn("calibre user", said)
        self.assertRegex(gui(lambda: dialog.findChild(QLabel, "last_place").text()), "Kobo, of anna")
        gui.grab(dialog, "content-server-tab")
        gui.press(dialog, CANCEL)
