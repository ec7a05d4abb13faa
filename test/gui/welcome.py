"""The welcome: what each answer leads to, a helper that is missing, and a server in this calibre that a reader finds."""

from __future__ import annotations

import json
import re
import unittest
import urllib.error
import urllib.request

from calibre_gui import click, gui, press_key
from kosync import userkey
from qt.core import Qt
from steps import action, api, tidy_up
from stumbling import stumbling


KOREADER = "application/vnd.koreader.v1+json"
JSON = "application/json"


class Welcome(unittest.TestCase):
    def tearDown(self) -> None:
        tidy_up()

    def open(self):  # noqa: ANN201
        gui.post(action().show_welcome)
        return gui.window("koreader_progress_welcome")

    def test_1_a_helper_that_is_too_old_is_told_with_its_version_before_anything_is_typed(self) -> None:
        old = f"{gui.main.library_path}-old-node"
        with open(old, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\necho v18.20.4\n")
        import os

        os.chmod(old, 0o755)
        gui(lambda: action().settings.set("runtime_path", old))
        welcome = self.open()
        gui.wait(welcome.start.helper.isVisible, "the helper's trouble")
        self.assertIn("Node.js 18.20.4", gui(welcome.start.status.text))
        self.assertIs(gui(welcome.next_button.isEnabled), False)
        gui.grab(welcome, "welcome-too-old")
        gui(lambda: setattr(welcome.start, "_runtime_path", ""))
        gui(lambda: click(welcome.start.look_button))
        gui.wait(welcome.next_button.isEnabled, "the helper that was found")
        gui(lambda: action().settings.set("runtime_path", ""))

    def test_2_pages_follow_the_answers_by_keyboard_and_back(self) -> None:
        welcome = self.open()
        gui.wait(welcome.next_button.isEnabled, "the helper")
        answers = [welcome.start.folder, welcome.start.server, welcome.start.home]
        gui(lambda: [answer.setChecked(True) for answer in answers])
        asked = [welcome.folders, welcome.account, welcome.home]
        self.assertEqual(gui(lambda: welcome.pages), [welcome.start, *asked, welcome.columns, welcome.reader])
        gui(lambda: [answer.setChecked(False) for answer in answers])
        gui(welcome.next_button.setFocus)
        gui(lambda: press_key(welcome.next_button, Qt.Key.Key_Return))
        self.assertIs(gui(lambda: welcome.page), welcome.columns)
        self.assertIn("step 2 of 3", gui(welcome.heading.text))
        self.assertEqual(gui(stumbling, welcome), [])
        gui(lambda: click(welcome.next_button))
        # Who only plugs the reader in has nothing to switch on there.
        self.assertIs(gui(welcome.reader.steps.isVisible), False)
        self.assertIn("Plug it in", gui(welcome.reader.heading.text))
        gui.grab(welcome, "welcome-card-alone")
        self.assertEqual(gui(stumbling, welcome), [])
        gui(lambda: click(welcome.back_button))
        gui(lambda: click(welcome.back_button))
        self.assertIs(gui(lambda: welcome.page), welcome.start)
        gui(welcome.reject)
        self.assertIsNone(action().profile)
        self.assertEqual(api().field_metadata.custom_field_metadata(), {})

    def test_3_a_server_in_this_calibre_is_told_in_large_letters_and_a_reader_is_greeted(self) -> None:
        welcome = self.open()
        gui.wait(welcome.next_button.isEnabled, "the helper")
        gui(lambda: (welcome.start.server.setChecked(False), welcome.start.home.setChecked(True)))
        gui(lambda: click(welcome.next_button))
        gui.wait(lambda: welcome.home.account is not None, "the server")
        gui.grab(welcome, "welcome-home")
        self.assertEqual(gui(stumbling, welcome), [])
        told = gui(welcome.home.to_enter.text)
        self.assertNotIn("127.0.0.1", told)
        (password,) = re.findall(r"Password: (\S+)", told)
        (user,) = re.findall(r"User: (\S+)", told)
        self.assertRegex(password, r"^[abcdefghjkmnpqrstuvwxyz]{10}$")
        # As KOReader asks.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

        def ask(path: str, user: str, password: str, place: object = None) -> object:
            body = None if place is None else json.dumps(place).encode()
            method = "GET" if place is None else "PUT"
            headers = {"x-auth-user": user, "x-auth-key": userkey(password), "Accept": KOREADER, "Content-Type": JSON}
            url = f"{welcome.home.account['url']}{path}"
            with opener.open(urllib.request.Request(url, body, headers, method=method), timeout=10) as answer:
                return json.loads(answer.read())

        said = welcome.home.reader.text
        self.assertIn("Waiting for KOReader", gui(said))
        with self.assertRaises(urllib.error.HTTPError):
            ask("/users/auth", user, "a letter is wrong")
        gui.wait(lambda: f"was here as “{user}”" in said(), "the failed login")
        self.assertEqual(ask("/users/auth", user, password), {"authorized": "OK"})
        gui.wait(lambda: "has logged in" in said(), "the login")
        # A book is opened: KOReader asks for its place, and has it put there when the book is closed.
        self.assertEqual(ask("/syncs/progress/0b229176d4e8db7f6d2b5a4952368d7a", user, password), {})
        place = {"document": "0b229176d4e8db7f6d2b5a4952368d7a", "progress": "/body/DocFragment[2]/body/p[3]/text().7"}
        ask("/syncs/progress", user, password, {**place, "percentage": 0.42, "device": "Kobo <b>", "device_id": "K1"})
        gui.wait(lambda: "42 % on Kobo <b>" in said(), "the first place")
        self.assertEqual(ask("/users/auth", user, password), {"authorized": "OK"})
        gui.grab(welcome, "welcome-greeted")
        self.assertEqual(gui(lambda: action().settings.accounts()), [])
        gui(welcome.reject)
        gui.wait(lambda: not action().hosting.hosting.status["running"], "the end of the server that was only tried")

    def test_4_nothing_went_wrong_unseen(self) -> None:
        self.assertEqual(gui.errors, [])
