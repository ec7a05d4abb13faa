"""The bridge's files on the disk: whole or not there, whatever other calibres and crashes do beside it."""

from __future__ import annotations

import os
import shutil
import threading
import time
import unittest
from pathlib import Path
from unittest import mock

from calibre_plugins.koreader_progress.link import bundle
from libraries import new_folder

FILES = {"main.mjs": b"// the entry", "chunks/one.mjs": b"// a chunk"}


class Bundle(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(new_folder())

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())

    def install(self, files: dict[str, bytes] = FILES) -> Path:
        return Path(bundle.install_bundle(files, str(self.folder)))

    def test_the_same_content_is_written_once(self) -> None:
        entry = self.install()
        self.assertEqual(entry.read_bytes(), FILES["main.mjs"])
        self.assertEqual((entry.parent / "chunks" / "one.mjs").read_bytes(), FILES["chunks/one.mjs"])
        inode = entry.stat().st_ino
        self.assertEqual(self.install().stat().st_ino, inode)

    def test_a_file_that_was_tampered_with_is_written_anew(self) -> None:
        entry = self.install()
        entry.write_bytes(b"something else")
        self.assertEqual(self.install().read_bytes(), FILES["main.mjs"])

    def test_the_versions_before_last_are_forgotten(self) -> None:
        for number in range(4):
            entry = self.install({**FILES, "version": str(number).encode()})
            os.utime(entry.parent, (number + 1, number + 1))
        last = self.install({**FILES, "version": b"last"})
        self.assertEqual(len(self.names()), bundle.KEPT_FOLDERS)
        self.assertIn(last.parent.name, self.names())

    def test_a_folder_that_another_calibre_deletes_meanwhile_is_no_error(self) -> None:
        gone = self.folder / "bridge-gone"
        gone.mkdir()
        found = Path.glob

        def and_then_it_goes(self: Path, pattern: str) -> list[Path]:
            paths = list(found(self, pattern))
            shutil.rmtree(gone, ignore_errors=True)
            return paths

        with mock.patch.object(Path, "glob", and_then_it_goes):
            entry = self.install()
        self.assertTrue(entry.exists())

    def test_what_a_crash_left_unfinished_goes_and_what_is_being_filled_stays(self) -> None:
        for name, age in (("unfinished-old", 2 * bundle.ABANDONED_AFTER), ("unfinished-new", 1)):
            (self.folder / name).mkdir()
            then = time.time() - age
            os.utime(self.folder / name, (then, then))
        home = self.install().parent.name
        self.assertEqual(self.names(), sorted([home, "unfinished-new"]))

    def test_a_full_disk_is_an_error_and_leaves_nothing_behind(self) -> None:
        with mock.patch.object(Path, "write_bytes", side_effect=OSError("no space left")), self.assertRaises(OSError):
            self.install()
        self.assertEqual(self.names(), [])

    def test_several_calibres_at_once_end_with_one_whole_folder(self) -> None:
        entries: list[Path] = []
        failures: list[BaseException] = []

        def install() -> None:
            try:
                entries.append(self.install())
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=install) for _number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        self.assertEqual(failures, [])
        self.assertEqual(len(set(entries)), 1)
        self.assertEqual(entries[0].read_bytes(), FILES["main.mjs"])
        self.assertEqual(len(self.names()), 1)


if __name__ == "__main__":
    unittest.main()
