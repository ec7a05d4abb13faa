"""A sync server of one's own: hosted from the preferences, with its users, until it is turned off."""

from __future__ import annotations

import json
import socket
import unittest
import urllib.request
from typing import Any

from calibre_gui import click, gui
from kosync import userkey
from qt.core import QCheckBox, QComboBox, QDialogButtonBox, QInputDialog, QLabel, QLineEdit, QListWidget, QSpinBox
from steps import USER, action, preferences_in, tidy_up

OK = QDialogButtonBox.StandardButton.Ok
CANCEL = QDialogButtonBox.StandardButton.Cancel


def taken_port() -> tuple[socket.socket, int]:
    """A port that somebody else listens on, until the socket is closed."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    return listener, listener.getsockname()[1]


def ask(url: str, user: tuple[str, str] | None = None) -> Any:
    headers = {"Accept": "application/vnd.koreader.v1+json"}
    if user is not None:
        headers |= {"x-auth-user": user[0], "x-auth-key": userkey(user[1])}
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(url, headers=headers), timeout=10) as answer:
        return json.loads(answer.read())


def change_hosting(**changes: Any) -> None:
    """As the preferences would, with OK."""

    def store() -> None:
        settings = action().settings
        settings.set("hosting", {**settings.get("hosting"), **changes})
        action().settings_changed()

    gui(store)


class HostingInTheWindow(unittest.TestCase):
    def tearDown(self) -> None:
        tidy_up()

    def answer(self, text: str) -> None:
        """Types into the question that is open and accepts it."""
        question = gui.modal(QInputDialog)
        gui(lambda: question.findChild(QLineEdit).setText(text))
        gui.press(question, OK)

    def preferences(self) -> tuple[Any, Any]:
        """The dialog at its tab *Server*, and that tab."""
        gui.post(action().open_preferences, "server")
        dialog = gui.modal()
        widget = preferences_in(dialog)
        return dialog, widget.server

    def test_1_a_server_is_hosted_and_the_user_made_for_it_can_log_in(self) -> None:
        listener, port = taken_port()
        listener.close()
        dialog, tab = self.preferences()

        def fill() -> None:
            dialog.findChild(QCheckBox, "hosting_enabled").setChecked(True)
            reach = dialog.findChild(QComboBox, "hosting_reach")
            reach.setCurrentIndex(reach.findData("127.0.0.1"))
            dialog.findChild(QSpinBox, "hosting_port").setValue(port)

        gui(fill)
        gui.post(lambda: click(tab.add_button))
        self.answer(USER[0])
        self.answer(USER[1])
        users = gui(lambda: dialog.findChild(QListWidget, "hosting_users"))
        gui.wait(lambda: users.count() == 1, "the new user")
        gui.press(dialog, OK)
        hosting = action().hosting.hosting
        gui.wait(lambda: hosting.status["running"], "the server")
        url = hosting.status["urls"][0]
        self.assertEqual(url, f"http://127.0.0.1:{port}")
        self.assertEqual(ask(f"{url}/users/auth", USER), {"authorized": "OK"})

    def test_2_the_preferences_show_what_to_enter_in_koreader(self) -> None:
        dialog, tab = self.preferences()
        gui.wait(lambda: tab.users.count() == 1, "the list of users")
        status = gui(lambda: dialog.findChild(QLabel, "hosting_status").text())
        self.assertIn(action().hosting.hosting.status["urls"][0], status)
        self.assertIn("firewall", status)
        gui.grab(dialog, "preferences-server")
        gui.press(dialog, CANCEL)

    def test_3_a_server_that_died_is_not_called_running_and_ok_starts_it_again(self) -> None:
        hosting = action().hosting.hosting
        url = hosting.status["urls"][0]
        bridge = hosting._bridge
        bridge._process.kill()
        gui.wait(lambda: not hosting.status["running"], "its end being noticed")
        launch = gui(lambda: action().host.prepare(action().settings.get("runtime_path")))
        self.assertEqual(hosting.change_users(launch, "list"), [USER[0]])
        gui.wait(lambda: not action().host.pids, "the end of what listed the users")
        change_hosting()
        gui.wait(lambda: hosting.status["running"], "the server")
        self.assertEqual(hosting.status["urls"], [url])
        self.assertEqual(ask(f"{url}/users/auth", USER), {"authorized": "OK"})
        self.assertIsNot(hosting._bridge, bridge)

    def test_4_a_taken_port_is_said_plainly_and_the_old_server_is_gone(self) -> None:
        listener, port = taken_port()
        try:
            change_hosting(port=port)
            box = gui.window("koreader_progress_trouble")
            self.assertIn(str(port), gui(lambda: box.msg.text()))
            self.assertFalse(action().hosting.hosting.status["running"])
            gui(box.close)
        finally:
            listener.close()

    def test_5_turned_off_nothing_runs_any_more(self) -> None:
        listener, port = taken_port()
        listener.close()
        change_hosting(port=port)
        gui.wait(lambda: action().hosting.hosting.status["running"], "the server")
        change_hosting(enabled=False)
        gui.wait(lambda: not action().host.pids, "the end of the bridge")
        self.assertFalse(action().hosting.hosting.status["running"])
