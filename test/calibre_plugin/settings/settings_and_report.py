"""What is kept where: secrets on this machine alone, profiles with the library, and a report that tells on nobody."""

from __future__ import annotations

import os
import stat
import unittest
from pathlib import Path
from typing import Any

from calibre.utils.config import config_dir
from calibre_plugins.koreader_progress.settings import config
from calibre_plugins.koreader_progress.link.contract import DEFAULT_RULES
from calibre_plugins.koreader_progress.library.books import resolve_columns
from calibre_plugins.koreader_progress.words.faults import note_fault
from calibre_plugins.koreader_progress.sync.report import make_report
from calibre_plugins.koreader_progress.link.ask_version import Runtime
from calibre_plugins.koreader_progress.copies.strip_list import read_strip_list
from calibre_plugins.koreader_progress.library.settings import NAMESPACE
from calibre_plugins.koreader_progress.copies.stored import NewerSchema
from libraries import make_library

SECRET = "5ebe2294ecd0e0f08eab7690d2a6ee69"


def account() -> Any:
    made = config.new_account("https://books.example.org/kosync", "anna.karenina", SECRET)
    made["headers"] = {"X-Token": "TOKEN-OF-A-PROXY"}
    return made


def files_below(folder: str) -> list[Path]:
    return [path for path in Path(folder).rglob("*") if path.is_file()]


class SettingsAndReport(unittest.TestCase):
    def setUp(self) -> None:
        self.db = make_library([("percent", "int", {}), ("device", "text", {})])
        self.api = self.db.new_api
        self.settings = config.Settings()
        self.settings.save_account(account())
        profile = config.new_profile("p", "Mine", account()["id"])
        profile["columns"]["percent"] = {"column": "#percent", "scale": None}
        config.save_profiles(self.api, [profile], "p")

    def tearDown(self) -> None:
        self.db.close()

    def test_no_secret_reaches_the_library_folder(self) -> None:
        config.library_id(self.api)
        self.db.close()
        found = [path for path in files_below(self.db.library_path) if SECRET.encode() in path.read_bytes()]
        self.assertEqual(found, [])
        # The search finds what is there: the same secret in the one file that may hold it.
        held = [path.name for path in files_below(config_dir) if SECRET.encode() in path.read_bytes()]
        self.assertEqual(held, ["koreader_progress.json"])

    def test_a_sync_of_some_columns_keeps_the_others_on_the_strip_list(self) -> None:
        """The command line maps columns of its own choice; the profiles' own must go on staying out of copies."""
        other, _unusable = resolve_columns(self.api, {"device": ("#device", None)})
        config.map_columns(self.api, other)
        ours = {lookup for lookup, _number, _datatype in read_strip_list().columns}
        self.assertLessEqual({"#device", "#percent"}, ours)

    def test_the_settings_file_is_private(self) -> None:
        path = Path(config_dir, "plugins", "koreader_progress.json")
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        os.chmod(path, 0o644)
        config.Settings().set("runtime_path", "")
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)

    def test_a_profile_comes_back_as_it_was_stored(self) -> None:
        self.assertEqual(config.default_profile(self.api), config.profiles(self.api)[0])
        self.assertEqual(config.profiles(self.api)[0]["columns"]["percent"]["column"], "#percent")

    def test_a_profile_of_an_older_version_is_filled_up(self) -> None:
        self.api.set_pref("settings", {"profiles": [{"id": "old", "name": "Old"}]}, namespace=NAMESPACE)
        self.assertEqual(config.profiles(self.api)[0]["rules"], DEFAULT_RULES)

    def test_rules_of_an_older_version_are_filled_up_one_by_one_and_those_of_a_newer_one_kept(self) -> None:
        rules = {"conflict": "furthest", "status_words": {"finished": "Done"}, "of_a_newer_version": 1}
        old = {**config.new_profile("old", "Old", "a"), "rules": rules, "columns": {}}
        self.api.set_pref("settings", {"schema": 99, "profiles": [old], "later": 2}, namespace=NAMESPACE)
        profile = config.profiles(self.api)[0]
        words = {"unread": "Unread", "reading": "Reading", "finished": "Done"}
        known = {**DEFAULT_RULES, "conflict": "furthest", "status_words": words}
        # The bridge takes no rule that it does not know.
        self.assertEqual(config.resolve_profile(self.api, profile)[0]["rules"], known)
        # And a newer version's profiles stay as they are.
        self.assertRaises(NewerSchema, config.save_profiles, self.api, [profile], "old")
        stored = self.api.pref("settings", namespace=NAMESPACE)
        self.assertEqual((stored["schema"], stored["later"]), (99, 2))
        self.assertEqual(stored["profiles"][0]["rules"]["of_a_newer_version"], 1)

    def test_the_same_login_has_the_same_id_whatever_its_address_looks_like(self) -> None:
        one = config.account_id_of("https://Books.example.org/", "anna")
        self.assertEqual(one, config.account_id_of("https://books.example.org", "anna"))
        self.assertNotEqual(one, config.account_id_of("https://books.example.org", "Anna"))

    def test_the_library_keeps_its_own_id(self) -> None:
        self.assertEqual(config.library_id(self.api), config.library_id(self.api))

    def test_a_report_names_no_person_server_or_secret(self) -> None:
        failed: Any = {
            "url": "https://books.example.org/kosync",
            "checks": [
                {"name": "find_server", "ok": True, "took": 12, "error": None},
                {
                    "name": "log_in",
                    "ok": False,
                    "took": 30,
                    "error": {
                        "name": "Unauthorized",
                        "data": {"url": "https://books.example.org/kosync", "username": "anna.karenina"},
                    },
                },
            ],
            "findings": [{"about": "login", "level": "bad", "says": "Not let in.", "advice": "Type it again."}],
        }
        runtime = Runtime("/usr/bin/node", "node", (22, 19, 0))
        report = make_report(self.api, "0.1.0", runtime, config.default_profile(self.api), account(), failed)
        for private in (SECRET, "TOKEN-OF-A-PROXY", "anna", "books.example.org", config_dir):
            self.assertNotIn(private, report)
        for useful in (
            "0.1.0",
            "node 22.19.0",
            "percent -> int",
            "1 extra headers",
            "log_in",
            "- login: Not let in. Type it again.",
        ):
            self.assertIn(useful, report)

    def test_the_report_tells_what_went_wrong_without_anybodys_words(self) -> None:
        def fail() -> None:
            raise LookupError("The Secret Diary of Anna Karenina")

        for _time in range(2):
            try:
                fail()
            except LookupError as error:
                self.assertIn("Secret Diary", note_fault("find the diary", error))
        report = make_report(self.api, "0.1.0", None, None, None, None)
        self.assertRegex(report, r"could not find the diary: LookupError at settings_and_report\.py:\d+, 2 times")
        self.assertNotIn("Anna", report)


if __name__ == "__main__":
    unittest.main()
