"""The runtime inside the zip: unpacked once and whole, checked, kept when the zip goes, and told plainly when it cannot be."""

from __future__ import annotations

import os
import signal
import time
import unittest
from pathlib import Path
from unittest import mock

from calibre_plugins.koreader_progress.link import kept_runtime
from calibre_plugins.koreader_progress.link.bundle import read_bundle
from calibre_plugins.koreader_progress.link.kept_runtime import OwnRuntimeTrouble, program_in
from calibre_plugins.koreader_progress.link.own_runtime import OwnRuntime
from calibre_plugins.koreader_progress.link.pinned import PINNED
from calibre_plugins.koreader_progress.link.release import RELEASE_ADDRESS
from calibre_plugins.koreader_progress.link import runtime
from calibre_plugins.koreader_progress.link.runtime import RuntimeFinder, RuntimeMissing, find_runtime
from calibre_plugins.koreader_progress.words.explain import explain
from libraries import new_folder
from own_runtimes import build_of, environment, in_another_process, make_zip, on_a_disk_of_its_own, pinned, program

SIZE = 3 << 20


class OwnRuntimes(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(new_folder())
        self.places = [str(self.folder / "cache"), str(self.folder / "config")]
        self.content = program(size=SIZE)
        self.build = build_of(self.content)
        # Small ones are unpacked here: a disk need not have 32 MB free for them.
        patched = mock.patch.object(kept_runtime, "SPARE", 0)
        patched.start()
        self.addCleanup(patched.stop)

    def own(self, content: bytes | None = None, name: str = "plugin.zip", **other: object) -> OwnRuntime:
        path = make_zip(self.folder / name, self.content if content is None else content)
        return OwnRuntime.of(path, self.places, **{"pinned": (), **other})

    def universal(self, *known: bytes) -> OwnRuntime:
        path = make_zip(self.folder / "universal.zip", None)
        return OwnRuntime.of(path, self.places, [pinned(content) for content in known])

    def path(self, own: OwnRuntime) -> str:
        runtime = own.find(environment())
        assert runtime is not None
        return runtime.path

    def left(self) -> list[str]:
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*runtime-*") if path.is_dir())

    def trouble(self, own: OwnRuntime) -> OwnRuntimeTrouble:
        with self.assertRaises(OwnRuntimeTrouble) as raised:
            own.find(environment())
        return raised.exception

    def sentence(self, own: OwnRuntime) -> str:
        nowhere = mock.patch.object(runtime, "candidates", return_value=[])
        with nowhere, self.assertRaises(RuntimeMissing) as raised:
            find_runtime("", environment(), own)
        explanation = explain(raised.exception)
        assert explanation is not None
        return explanation.text

    def test_it_is_unpacked_once_and_answers(self) -> None:
        own = self.own()
        path = self.path(own)
        self.assertEqual(path, program_in(self.places[0], self.build))
        self.assertEqual(Path(path).read_bytes(), self.content)
        inode = os.stat(path).st_ino
        self.assertEqual(os.stat(self.path(own)).st_ino, inode)
        self.assertEqual(len(self.left()), 1)

    def test_the_bundle_that_stays_in_memory_has_nothing_of_it(self) -> None:
        self.assertEqual(list(read_bundle(self.own().plugin_path)), ["main.mjs"])

    def test_unpacking_holds_no_more_than_a_piece_of_it_in_memory(self) -> None:
        pieces: list[int] = []
        read = kept_runtime._read
        with mock.patch.object(kept_runtime, "_read", lambda source: pieces.append(len(got := read(source))) or got):
            self.path(self.own())
        self.assertLessEqual(max(pieces), kept_runtime.CHUNK)

    def test_a_kept_file_that_was_changed_is_not_run_but_unpacked_anew(self) -> None:
        path = Path(self.path(self.own()))
        path.write_bytes(b"#!/bin/sh\necho deno 2.9.5\n".ljust(SIZE, b"#"))
        self.assertEqual(Path(self.path(self.own())).read_bytes(), self.content)

    def test_a_calibre_that_was_killed_while_unpacking_leaves_nothing_that_counts(self) -> None:
        own = self.own()
        read = kept_runtime._read

        def slowly(source: object) -> bytes:
            time.sleep(0.2)
            return read(source)  # type: ignore[arg-type]

        def kill(child: int) -> None:
            deadline = time.monotonic() + 30
            while not list(self.folder.rglob("unfinished-runtime-*/*")) and time.monotonic() < deadline:
                time.sleep(0.01)
            os.kill(child, signal.SIGKILL)

        with mock.patch.object(kept_runtime, "_read", slowly):
            self.assertEqual(in_another_process(lambda: self.path(own), kill=kill), "")
        self.assertIn("unfinished", self.left()[0])
        self.assertEqual(Path(self.path(own)).read_bytes(), self.content)
        # What is younger may be another calibre's at work.
        self.assertEqual(len(self.left()), 2)
        with mock.patch.object(kept_runtime, "ABANDONED_AFTER", -1):
            self.path(own)
        self.assertEqual(len(self.left()), 1)

    def test_several_calibres_at_once_end_with_one_whole_folder(self) -> None:
        own = self.own()
        reads: list[tuple[int, int]] = []
        for _number in range(4):
            reading, writing = os.pipe()
            child = os.fork()
            if child == 0:
                try:
                    os.write(writing, self.path(own).encode())
                finally:
                    os._exit(0)
            os.close(writing)
            reads.append((child, reading))
        said = set()
        for child, reading in reads:
            with os.fdopen(reading) as answer:
                said.add(answer.read())
            os.waitpid(child, 0)
        self.assertEqual(said, {program_in(self.places[0], self.build)})
        self.assertEqual(len(self.left()), 1)

    def test_a_disk_without_room_is_refused_before_anything_is_written_and_the_second_place_is_used(self) -> None:
        cache = self.folder / "cache"
        cache.mkdir()
        own = self.own()
        said = on_a_disk_of_its_own(cache, "size=1m", lambda: f"{self.path(own)} {os.listdir(cache)}")
        self.assertEqual(said, f"{program_in(self.places[1], self.build)} []")

    def test_a_full_disk_is_told_with_what_is_needed_and_what_is_free(self) -> None:
        self.places = self.places[:1]
        cache = self.folder / "cache"
        cache.mkdir()
        own = self.own()
        said = on_a_disk_of_its_own(cache, "size=1m", lambda: self.sentence(own))
        self.assertIn("needs 3 MB of space, and 1 MB are free", said)
        self.assertIn(str(cache), said)

    def test_a_folder_that_lets_no_program_run_is_left_for_the_second_one(self) -> None:
        cache = self.folder / "cache"
        cache.mkdir()
        own = self.own()
        said = on_a_disk_of_its_own(cache, "size=20m,noexec", lambda: f"{self.path(own)} {os.listdir(cache)}")
        self.assertEqual(said, f"{program_in(self.places[1], self.build)} []")

    def test_when_no_folder_lets_programs_run_that_is_said(self) -> None:
        self.places = self.places[:1]
        cache = self.folder / "cache"
        cache.mkdir()
        own = self.own()
        said = on_a_disk_of_its_own(cache, "size=20m,noexec", lambda: self.sentence(own))
        self.assertIn("lets no program run from this folder", said)

    def test_a_read_only_folder_is_left_for_the_second_one(self) -> None:
        cache = self.folder / "cache"
        cache.mkdir()
        own = self.own()
        said = on_a_disk_of_its_own(cache, "size=20m,ro", lambda: self.path(own))
        self.assertEqual(said, program_in(self.places[1], self.build))

    def test_a_zip_damaged_at_any_place_is_told_and_leaves_nothing(self) -> None:
        whole = Path(self.own().plugin_path).read_bytes()
        for name, data in (
            ("flipped", whole[: SIZE // 2] + bytes([whole[SIZE // 2] ^ 1]) + whole[SIZE // 2 + 1 :]),
            ("cut", whole[: len(whole) // 2]),
            ("empty", b""),
        ):
            with self.subTest(name):
                path = self.folder / f"{name}.zip"
                path.write_bytes(data)
                own = OwnRuntime.of(str(path), self.places, ())
                self.assertEqual(self.trouble(own).kind, "damaged")
                self.assertIn("install the plugin again", self.sentence(own))
                self.assertEqual(self.left(), [])

    def test_a_manifest_that_makes_no_sense_is_a_damaged_zip(self) -> None:
        import zipfile

        for text in ("", "{}", "[1]", '[{"name": "../../evil"}]', "[" * 100_000, '[{"name": "x", "size": true}]'):
            with self.subTest(text[:20]):
                path = self.folder / "odd.zip"
                with zipfile.ZipFile(path, "w") as zipped:
                    zipped.writestr("runtime/manifest.json", text)
                self.assertEqual(self.trouble(OwnRuntime.of(str(path), self.places, ())).kind, "damaged")

    def test_a_zip_that_was_replaced_while_calibre_ran_is_told(self) -> None:
        own = self.own()
        make_zip(Path(own.plugin_path), None)
        self.assertIn("replaced meanwhile", self.sentence(own))

    def test_a_package_for_another_processor_has_a_sentence_of_its_own(self) -> None:
        other = build_of(self.content, machines=("pdp11",))
        path = make_zip(self.folder / "other.zip", self.content, [other])
        said = self.sentence(OwnRuntime.of(path, self.places, ()))
        self.assertIn("made for another processor", said)
        self.assertEqual(self.left(), [])

    def test_of_two_in_one_zip_the_one_for_this_computer_is_taken(self) -> None:
        other = build_of(self.content, name="deno-other", machines=("pdp11",))
        path = make_zip(self.folder / "both.zip", self.content, [other, self.build])
        self.assertEqual(self.path(OwnRuntime.of(path, self.places, ())), program_in(self.places[0], self.build))

    def test_after_the_updater_put_the_universal_zip_there_the_kept_one_goes_on(self) -> None:
        path = self.path(self.own())
        self.assertEqual(self.path(self.universal(self.content)), path)

    def test_what_the_code_does_not_list_is_never_run_however_it_is_named(self) -> None:
        self.path(self.own())
        self.assertIsNone(self.universal().find(environment()))
        listed = program("2.9.6", SIZE)
        disguised = Path(program_in(self.places[0], build_of(listed)))
        disguised.parent.mkdir(parents=True)
        disguised.write_bytes(self.content)
        disguised.chmod(0o755)
        self.assertIsNone(self.universal(listed).find(environment()))

    def test_old_ones_are_cleaned_once_nobody_has_used_them_for_a_day(self) -> None:
        old = Path(self.path(self.own(program("2.8.0", SIZE), "old.zip"))).parent
        self.path(self.own())
        self.assertTrue(old.exists())
        before = time.time() - 2 * kept_runtime.OLD_AFTER
        for path in (*old.iterdir(), old):
            os.utime(path, (before, before))
        new = self.path(self.own())
        self.assertFalse(old.exists())
        self.assertTrue(os.path.exists(new))

    def test_removing_leaves_nothing_and_it_comes_again_from_the_zip(self) -> None:
        own = self.own()
        self.path(own)
        self.assertEqual([size for _folder, size in own.kept()], [SIZE])
        own.remove()
        self.assertEqual((own.kept(), self.left()), ([], []))
        self.path(own)

    def test_one_that_does_not_start_is_told_unless_another_runtime_is_there(self) -> None:
        broken = b"#!/bin/sh\nexit 1\n"
        own = OwnRuntime.of(make_zip(self.folder / "broken.zip", broken), self.places, ())
        self.assertIn("does not start", self.sentence(own))
        other = self.folder / "bin" / "deno"
        other.parent.mkdir()
        other.write_bytes(program())
        other.chmod(0o755)
        self.assertEqual(find_runtime("", environment(PATH=str(other.parent)), own).path, str(other))

    def test_the_own_one_comes_before_what_is_installed_and_after_what_was_chosen(self) -> None:
        own = self.own()
        other = self.folder / "bin" / "deno"
        other.parent.mkdir()
        other.write_bytes(program())
        other.chmod(0o755)
        found = environment(PATH=str(other.parent))
        self.assertEqual(find_runtime("", found, own).path, program_in(self.places[0], self.build))
        self.assertEqual(find_runtime(str(other), found, own).path, str(other))

    def test_it_is_looked_for_once_until_settings_path_or_program_change(self) -> None:
        asked: list[str] = []
        other = self.folder / "bin" / "deno"
        other.parent.mkdir()
        other.write_bytes(program())
        other.chmod(0o755)
        finder = RuntimeFinder(self.universal())

        def find(configured: str, variables: object, own: object) -> object:
            asked.append(configured)
            return find_runtime(configured, variables, own)  # type: ignore[arg-type]

        with mock.patch.object(runtime, "find_runtime", find):
            here = environment(PATH=str(other.parent))
            for _time in range(3):
                self.assertEqual(finder.find("", here).path, str(other))
            self.assertEqual(asked, [""])
            finder.find(str(other), here)
            finder.find("", {**here, "PATH": f"{here['PATH']}:/nowhere"})
            self.assertEqual(len(asked), 3)
            other.write_bytes(program("2.9.9") + b"# another")
            self.assertEqual(finder.find("", {**here, "PATH": f"{here['PATH']}:/nowhere"}).version, (2, 9, 9))
            finder.forget()
            finder.find("", here)
            self.assertEqual(len(asked), 5)

    def test_nothing_is_offered_to_be_fetched_while_nothing_is_published(self) -> None:
        self.assertEqual(RELEASE_ADDRESS, "")
        zipped = make_zip(self.folder / "universal.zip", None)
        self.assertIsNone(OwnRuntime.of(zipped, self.places).offered)
        said = self.sentence(OwnRuntime.of(zipped, self.places))
        self.assertNotIn("fetch", said)
        published = OwnRuntime(zipped, self.places, address="https://example.org/release")
        self.assertIn("fetch Deno", self.sentence(published))
        self.assertIn(published.offered, PINNED)

    def test_a_file_that_a_scanner_takes_away_is_told_as_that(self) -> None:
        rename = os.rename

        def and_it_goes(old: str, new: str) -> None:
            rename(old, new)
            for path in Path(new).iterdir():
                path.unlink()

        with mock.patch.object(os, "rename", and_it_goes):
            self.assertIn("virus scanner", self.sentence(self.own()))


if __name__ == "__main__":
    unittest.main()
