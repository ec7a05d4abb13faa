"""Copies are valid: epubcheck finds nothing in them that it does not find in calibre's own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import unittest
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

from calibre.ebooks.metadata.book.base import Metadata
from calibre_plugins.koreader_progress.copies import writer as copies
from calibre_plugins.koreader_progress.copies.strip_list import StripList
from epubs import Place, Recipe, cover_image, make_epub
from libraries import new_folder

UUID = "99999999-2222-4333-8444-555555555555"


class ValidCopies(unittest.TestCase):
    def test_copies_bring_no_finding_of_epubcheck_that_calibres_do_not(self) -> None:
        # Each pair of choices meets in one of them.
        choices: tuple[tuple[Literal[2, 3], Place, bool], ...] = (
            (2, "first", True),
            (2, "last", False),
            (3, "first", False),
            (3, "last", True),
        )
        recipes = [
            Recipe(f"{version} {place} {cover}", version=version, place=place, cover=cover, content=20_000 * version)
            for version, place, cover in choices
        ]
        mi = Metadata("T & Co", ["Somebody Ünusual"])
        mi.uuid, mi.comments = UUID, "<p>Comment</p>"
        paths: list[str] = []
        for recipe in (*recipes, Recipe("a cover that calibre adds", version=3, content=70_000)):
            written = mi.deepcopy_metadata()
            if "adds" in recipe.name:
                written.cover_data = ("jpeg", cover_image())
            for strip_list in (copies.AS_CALIBRE, StripList()):
                path = os.path.join(new_folder("check"), "book.epub")
                with open(path, "w+b") as stream:
                    stream.write(make_epub(recipe))
                    settled = copies.write_copy(stream, written, "epub", strip_list)
                self.assertEqual(settled, strip_list.settle)
                paths.append(path)
        with ThreadPoolExecutor(2) as pool:
            findings = list(pool.map(epubcheck, paths))
        for theirs, ours, path in zip(findings[::2], findings[1::2], paths[::2], strict=True):
            with self.subTest(path):
                self.assertEqual(ours - theirs, set())
        # Were it silent about everything, this would prove nothing.
        with open(paths[1], "r+b") as stream:
            stream.seek(30)
            stream.write(b"MIMETYPE")
        self.assertNotEqual(epubcheck(paths[1]) - findings[0], set())


def epubcheck(path: str) -> set[tuple[str, str, str]]:
    """What epubcheck finds, without where in a file: the same finding a line further is no new one."""
    report = path + ".json"
    # Debian installs a jar as the program: not every kernel is set up to start one.
    jar = os.path.realpath(shutil.which("epubcheck") or "epubcheck")
    quick = ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
    command = [*quick, "-jar", jar] if jar.endswith(".jar") else [jar]
    subprocess.run([*command, "--quiet", "--json", report, path], capture_output=True, timeout=120)
    with open(report, encoding="utf-8") as file:
        messages = json.load(file)["messages"]
    return {(message["ID"], message["severity"], message["message"]) for message in messages}
