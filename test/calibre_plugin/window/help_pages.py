"""The offline help: what it names exists, in every language it is written in."""

from __future__ import annotations

import re
import unittest
import zipfile

from calibre.customize.ui import find_plugin
from calibre_plugins.koreader_progress.window.preferences.dialog import HELP


class HelpPages(unittest.TestCase):
    def setUp(self) -> None:
        with zipfile.ZipFile(find_plugin("KOReader Progress").plugin_path) as plugin:
            self.names = set(plugin.namelist())
            pages = [name for name in self.names if re.fullmatch(r"help/\w+\.html", name)]
            self.pages = {name: plugin.read(name).decode("utf-8") for name in pages}
            self.code = "".join(
                plugin.read(name).decode("utf-8") for name in self.names if re.match(r"window/.*\.py$", name)
            )

    def test_there_is_a_page_for_each_language(self) -> None:
        self.assertEqual(set(self.pages), {"help/en.html", "help/de.html"})

    def test_every_picture_is_in_the_plugin_and_every_picture_there_is_shown(self) -> None:
        for name, page in self.pages.items():
            shown = {f"help/{picture}" for picture in re.findall(r'src="([^"]+)"', page)}
            self.assertEqual(shown, {each for each in self.names if each.startswith("help/images/")}, name)

    def test_every_part_that_a_window_opens_is_there(self) -> None:
        wanted = {*HELP.values(), *re.findall(r'help_button\(self, lambda: "(\w+)"\)', self.code)}
        self.assertIn("undo", wanted)
        for name, page in self.pages.items():
            self.assertEqual(wanted - set(re.findall(r'<a name="(\w+)">', page)), set(), name)

    def test_the_languages_have_the_same_parts_in_the_same_order(self) -> None:
        parts = {name: re.findall(r'<a name="(\w+)">', page) for name, page in self.pages.items()}
        self.assertEqual(parts["help/en.html"], parts["help/de.html"])


if __name__ == "__main__":
    unittest.main()
