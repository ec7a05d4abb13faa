"""Runtimes that a reader has installed: found wherever installers put them, the newest first, and none from odd places."""

from __future__ import annotations

import ntpath
import os
import unittest
from pathlib import Path
from unittest import mock

from calibre_plugins.koreader_progress.link import candidates as looked_for
from calibre_plugins.koreader_progress.link.candidates import candidates, is_absolute, newest_first, path_folders
from calibre_plugins.koreader_progress.link import runtime
from calibre_plugins.koreader_progress.link.runtime import RuntimeMissing, find_runtime
from calibre_plugins.koreader_progress.link.usual_places import usual_places
from calibre_plugins.koreader_progress.words.explain import explain
from libraries import new_folder

HOME = "C:\\Users\\Änne [x]"
WINDOWS = {
    "PROGRAMFILES": "C:\\Program Files",
    "PROGRAMDATA": "C:\\ProgramData",
    "APPDATA": f"{HOME}\\AppData\\Roaming",
    "LOCALAPPDATA": f"{HOME}\\AppData\\Local",
    "USERPROFILE": HOME,
}
# As reported by those who use them: where each of them puts a program.
ON_WINDOWS = (
    "C:\\Program Files\\nodejs",
    "~\\.deno\\bin",
    "~\\scoop\\shims",
    "~\\scoop\\apps\\nodejs\\current",
    "~\\scoop\\apps\\nodejs-lts\\current",
    "~\\scoop\\apps\\deno\\current",
    "C:\\ProgramData\\chocolatey\\bin",
    "~\\AppData\\Local\\Microsoft\\WinGet\\Links",
    "~\\AppData\\Roaming\\nvm\\v*",
    "~\\AppData\\Roaming\\fnm\\aliases\\default",
    "~\\AppData\\Roaming\\fnm\\node-versions\\v*\\installation",
    "~\\AppData\\Local\\Volta\\bin",
    "~\\AppData\\Local\\mise\\shims",
    "~\\AppData\\Local\\mise\\installs\\node\\*",
    "~\\AppData\\Local\\pnpm",
    "~\\miniconda3",
)
ELSEWHERE = (
    ".nvm/versions/node/v22.20.0/bin",
    ".config/nvm/versions/node/v22.20.0/bin",
    ".local/share/fnm/aliases/default/bin",
    ".local/share/fnm/node-versions/v22.20.0/installation/bin",
    "Library/Application Support/fnm/node-versions/v22.20.0/installation/bin",
    ".fnm/node-versions/v22.20.0/installation/bin",
    ".nodenv/versions/22.20.0/bin",
    "n/bin",
    ".nix-profile/bin",
    ".linuxbrew/bin",
    ".local/share/mise/installs/node/22.20.0/bin",
    ".asdf/installs/nodejs/22.20.0/bin",
    ".asdf/shims",
    ".volta/bin",
    ".deno/bin",
    ".local/share/pnpm",
    "Library/pnpm",
    "miniconda3/bin",
    "miniforge3/bin",
)
# Variable, what it is set to below the home, and where the program lies below that.
BY_VARIABLE = (
    ("NVM_DIR", "my nvm", "versions/node/v22.20.0/bin"),
    ("XDG_CONFIG_HOME", "conf", "nvm/versions/node/v22.20.0/bin"),
    ("FNM_DIR", "my fnm", "node-versions/v22.20.0/installation/bin"),
    ("XDG_DATA_HOME", "data", "fnm/aliases/default/bin"),
    ("N_PREFIX", "prefix", "bin"),
    ("NODENV_ROOT", "env", "versions/22.20.0/bin"),
    ("ASDF_DATA_DIR", "asdf", "shims"),
    ("MISE_DATA_DIR", "mise", "installs/deno/2.9.5/bin"),
    ("PNPM_HOME", "pnpm", ""),
    ("VOLTA_HOME", "volta", "bin"),
    ("DENO_INSTALL", "deno", "bin"),
)


class FoundRuntimes(unittest.TestCase):
    def setUp(self) -> None:
        self.home = Path(new_folder("home [1]"))
        patched = mock.patch.dict(os.environ, {"HOME": str(self.home)})
        patched.start()
        self.addCleanup(patched.stop)

    def put(self, folder: Path | str, says: str = "v22.20.0", name: str = "node") -> str:
        path = self.home / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\necho '{says}'\n")
        path.chmod(0o755)
        return str(path)

    def found(self, path: str = "", **variables: str) -> list[str]:
        return [each for each in candidates({"PATH": path, **variables}) if each.startswith(str(self.home))]

    def sentence(self, configured: str = "", path: str = "") -> str:
        here = self.found(path)
        only = mock.patch.object(runtime, "candidates", return_value=here)
        with only, self.assertRaises(RuntimeMissing) as raised:
            find_runtime(configured, {"PATH": path})
        explanation = explain(raised.exception)
        assert explanation is not None
        return explanation.sentence

    def test_it_is_found_where_each_installer_puts_it(self) -> None:
        for folder in ELSEWHERE:
            with self.subTest(folder):
                path = self.put(folder)
                self.assertIn(path, self.found())
                os.unlink(path)

    def test_it_is_found_where_a_variable_says_an_installer_lies(self) -> None:
        for variable, root, below in BY_VARIABLE:
            with self.subTest(variable):
                path = self.put(f"{root}/{below}")
                self.assertIn(path, self.found(**{variable: str(self.home / root)}))
                self.assertEqual([], self.found(**{variable: root}), "a relative one is nobody's word")
                os.unlink(path)

    def test_system_wide_places_are_looked_at_too(self) -> None:
        patterns = list(usual_places("linux", {"USER": "anna"}, str(self.home)))
        for wanted in (
            "/opt/local/bin",
            "/snap/bin",
            "/home/linuxbrew/.linuxbrew/bin",
            "/run/current-system/sw/bin",
            "/etc/profiles/per-user/anna/bin",
            "/opt/homebrew/opt/node@*/bin",
            "/usr/local/opt/node@*/bin",
        ):
            self.assertIn(wanted, patterns)

    def test_on_windows_it_is_looked_for_where_each_installer_puts_it(self) -> None:
        import glob

        patterns = list(usual_places("win32", WINDOWS, HOME))
        # Names of folders are taken as they are, also where a pattern means something else by them.
        wanted = [folder.replace("~", glob.escape(HOME)) for folder in ON_WINDOWS]
        self.assertEqual([folder for folder in wanted if folder not in patterns], [])
        for pattern in patterns:
            self.assertTrue(ntpath.splitdrive(pattern)[0] and "/" not in pattern, pattern)

    def test_on_windows_variables_name_other_places_whatever_their_case_and_never_relative_ones(self) -> None:
        named = {"NVM_SYMLINK": "D:\\node", "SCOOP": "E:\\scoop", "FNM_DIR": "fnm", "NVM_HOME": "\\nvm"}
        patterns = list(usual_places("win32", {**WINDOWS, **named}, HOME))
        self.assertIn("D:\\node", patterns)
        self.assertIn("E:\\scoop\\shims", patterns)
        self.assertEqual([], [each for each in patterns if each.startswith(("fnm", "\\nvm"))])
        known = looked_for._environment_of("win32", {"ProgramFiles": "C:\\Program Files", "Path": "C:\\x"})
        self.assertEqual((known["PROGRAMFILES"], known["PATH"]), ("C:\\Program Files", "C:\\x"))

    def test_on_windows_a_path_entry_of_the_working_folder_is_passed_over(self) -> None:
        path = 'C:\\Tools;;.;bin;\\rooted;C:relative;"C:\\Program Files\\nodejs"; D:\\x ;\\\\server\\share\\bin;/unix'
        self.assertEqual(
            list(path_folders(path, "win32")),
            ["C:\\Tools", "C:\\Program Files\\nodejs", "D:\\x", "\\\\server\\share\\bin"],
        )
        self.assertFalse(is_absolute("", "win32"))

    def test_on_windows_only_a_program_in_the_very_folder_counts(self) -> None:
        working = self.home / "working"
        self.put("working", name="node.exe")
        elsewhere = self.put("tools", name="deno.exe")
        before = os.getcwd()
        os.chdir(working)
        try:
            with mock.patch.object(looked_for, "path_folders", lambda path, _system: filter(None, path.split(";"))):
                found = list(candidates({"Path": str(self.home / "tools")}, "win32"))
        finally:
            os.chdir(before)
        self.assertEqual(found, [elsewhere])

    def test_nothing_is_taken_from_the_working_folder(self) -> None:
        self.put("working")
        before = os.getcwd()
        os.chdir(self.home / "working")
        try:
            for path in ("", ":", ".", "./", "..:.", f"{self.home.name}/working"):
                with self.subTest(path):
                    every = list(candidates({"PATH": path}))
                    self.assertEqual([each for each in every if not os.path.isabs(each)], [])
                    self.assertEqual([each for each in every if "working" in each], [])
        finally:
            os.chdir(before)

    def test_of_many_versions_the_newest_comes_first_by_number_not_by_letter(self) -> None:
        versions = ("v9.11.2", "v22.9.0", "v22.20.0", "v22.19.10", "v100.0.0", "v8.0.0")
        for version in versions:
            self.put(f".nvm/versions/node/{version}/bin", version)
        found = [path.split("/")[-3] for path in self.found()]
        self.assertEqual(found, ["v100.0.0", "v22.20.0", "v22.19.10", "v22.9.0", "v9.11.2", "v8.0.0"])

    def test_the_newest_that_fits_is_taken_when_newer_ones_do_not_answer(self) -> None:
        self.put(".nvm/versions/node/v30.0.0/bin", "broken")
        fits = self.put(".nvm/versions/node/v22.20.0/bin", "v22.20.0")
        self.put(".nvm/versions/node/v20.1.0/bin", "v20.1.0")
        with mock.patch.object(runtime, "candidates", return_value=self.found()):
            self.assertEqual(find_runtime("", {"PATH": ""}).path, fits)

    def test_dozens_of_versions_do_not_keep_anybody_waiting(self) -> None:
        for number in range(60):
            self.put(f".nvm/versions/node/v{number}.0.0/bin")
        self.assertEqual(len(newest_first(f"{self.home}/nothing/*")), 0)
        self.assertLessEqual(len(self.found()), looked_for.NEWEST)

    def test_one_that_is_too_old_is_named_in_the_sentence_with_its_version(self) -> None:
        old = self.put("old", "v20.19.2")
        self.put("older", "v18.1.0")
        said = self.sentence(path=f"{self.home}/older:{self.home}/old")
        self.assertIn(f"Node.js 20.19.2 is too old: {old}", said)
        self.assertIn("22.19", said)
        self.assertIn("Node.js 20.19.2, which is too old", self.sentence(configured=old))

    def test_no_sentence_speaks_of_a_package_that_cannot_be_had(self) -> None:
        for in_flatpak in (True, False):
            explanation = explain(RuntimeMissing("", [], in_flatpak))
            assert explanation is not None
            self.assertNotIn("package", explanation.text)


if __name__ == "__main__":
    unittest.main()
