"""calibre's own way to install a plugin: Preferences, Plugins, Load plugin from file; `PLUGIN_ZIP` is the file."""

from __future__ import annotations

import os
import unittest
from typing import Any

from calibre_gui import click, gui, texts_of
from qt.core import QAbstractButton, QApplication, QDialog, QDialogButtonBox, QFileDialog, QLineEdit, QMessageBox

ZIP = os.environ["PLUGIN_ZIP"]


class LoadPlugin(unittest.TestCase):
    def test_1_calibre_takes_the_file_and_says_so(self) -> None:
        gui(lambda: gui.main.resize(1024, 700))
        gui.post(lambda: gui.main.iactions["Preferences"].do_config(initial_plugin=("Advanced", "Plugins")))
        add = gui.wait(lambda: find_button("button_plugin_add"), "calibre's page of plugins")
        gui.post(lambda: click(add))
        chooser = gui.modal(QFileDialog)

        gui(lambda: chooser.findChild(QLineEdit, "fileNameEdit").setText(ZIP))
        gui.wait(lambda: open_button(chooser).isEnabled(), "the file")
        gui.grab(chooser, "load-plugin")
        gui.post(lambda: click(open_button(chooser)))
        said: list[str] = []
        answered: list[Any] = []

        def last_word() -> bool:
            """Answers whatever calibre asks, until it says that the plugin is there."""
            asked = QApplication.activeModalWidget()
            if asked is None or asked in answered or not isinstance(asked, QDialog) or asked is chooser:
                return False
            box = asked.findChild(QDialogButtonBox)
            if box is None or asked.findChild(QAbstractButton, "button_plugin_add") is not None:
                return False
            said.extend(texts_of(asked))
            answered.append(asked)
            wanted = (QDialogButtonBox.StandardButton.Yes, QDialogButtonBox.StandardButton.Ok)
            button = next(filter(None, map(box.button, wanted)), None)
            gui.post(click, button or box.buttons()[0])
            return any("successfully installed" in text for text in said)

        gui.wait(last_word, "the end of the installation")
        self.assertFalse([text for text in said if "Traceback" in text or "rror" in text], said)
        from calibre.customize.ui import find_plugin

        plugin = find_plugin("KOReader Progress")
        assert plugin is not None
        self.assertEqual(
            os.path.dirname(plugin.plugin_path), os.path.join(os.environ["CALIBRE_CONFIG_DIRECTORY"], "plugins")
        )
        self.assertFalse(isinstance(QApplication.activeModalWidget(), QMessageBox))


def find_button(name: str) -> Any:
    return next((w for w in QApplication.allWidgets() if w.objectName() == name and w.isVisible()), None)


def open_button(chooser: Any) -> Any:
    return chooser.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Open)
