"""A device pulled at twenty moments of a look: no record of its own is replaced, and the next whole look is right."""

from __future__ import annotations

import io
import os
import random
import shutil
import time
from typing import Any
from unittest import mock

from calibre_gui import gui
from device_tree import sidecar_text
from epubs import Recipe, make_epub
from steps import USER, WithServer, action, api, configure, wait_for_run

from calibre.ebooks.metadata.book.base import Metadata

BOOKS = 40
PULLS = 20


class PulledDevice(WithServer):
    folder: str
    # Book id -> the digest under which the device keeps its place.
    digests: dict[int, str]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        configure(cls.server, review="never")
        from calibre_plugins.koreader_progress.copies.digest import file_digest

        cls.folder = os.path.join(os.environ["TEST_FOLDER"], "reader")
        cls.digests = {}
        for n in range(BOOKS):
            data = make_epub(Recipe(f"pulled{n}", chapters=2 + n))
            book_id = api().create_book_entry(Metadata(f"Pulled {n}", ["Some Body"]))
            api().add_format(book_id, "EPUB", io.BytesIO(data), run_hooks=False)
            path = os.path.join(cls.folder, f"Shelf {n % 5}", f"pulled {n}.epub")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            shutil.copyfile(api().format_abspath(book_id, "EPUB"), path)
            cls.digests[book_id] = file_digest(path)
            os.makedirs(path[:-5] + ".sdr")
            with open(path[:-5] + ".sdr/metadata.epub.lua", "w") as file:
                file.write(sidecar_text(f"/mnt/onboard/pulled {n}.epub", cls.digests[book_id]))
            cls.server.push(USER, cls.digests[book_id], 0.1 + n / 100)
        gui(lambda: gui.main.library_view.model().books_added(BOOKS))

    def is_idle(self) -> bool:
        return not gui.main.job_manager.has_device_jobs() and not action().device_watch.is_reading

    def look(self) -> None:
        gui(action().device_watch.device_is_there)

    def wait(self) -> None:
        gui.wait(self.is_idle, "the end of the look", 60)

    def forget_the_device(self) -> None:
        """So that the next look opens every file."""
        from calibre_plugins.koreader_progress.copies.strip_list import our_folder

        shutil.rmtree(os.path.join(our_folder(), "devices"), ignore_errors=True)

    def records(self) -> set[Any]:
        """Whose record stands under each digest."""
        told = [self.server.call("GET", f"/syncs/progress/{digest}", user=USER) for digest in self.digests.values()]
        return {record["device"] for record in told}

    def lost(self) -> dict[int, list[str]]:
        from calibre_plugins.koreader_progress.sync.offers import lost_sidecars

        return lost_sidecars(api())

    def test_1_pulled_at_twenty_moments_it_keeps_its_own_records(self) -> None:
        gui(gui.main.connect_to_folder_named, self.folder)
        gui.wait(lambda: gui.main.device_manager.is_device_connected and gui.main.device_connected, "the device")
        gui.wait(lambda: hasattr(gui.main, "db_book_uuid_cache") and self.is_idle(), "calibre's list of the device")
        gui(action().sync_all)
        wait_for_run()
        choose = random.Random(23)
        self.forget_the_device()
        began = time.monotonic()
        self.look()
        self.wait()
        lasts = time.monotonic() - began
        pulled_in_the_middle = 0
        for n in range(PULLS):
            if n % 2:
                # Every other time nothing is known of the device, so that the look is at its files when it is pulled.
                self.forget_the_device()
            self.look()
            time.sleep(choose.uniform(0, lasts if n % 2 else lasts / 4))
            os.rename(self.folder, self.folder + ".away")
            pulled_in_the_middle += not gui(self.is_idle)
            self.wait()
            gui(action().sync_all)
            wait_for_run()
            self.assertEqual((self.records(), self.lost()), ({"Kobo"}, {}))
            os.rename(self.folder + ".away", self.folder)
        self.assertGreater(pulled_in_the_middle, 0)

    def test_2_the_next_whole_look_is_right(self) -> None:
        from calibre_plugins.koreader_progress.memory.history import read_digests

        self.look()
        self.wait()
        self.assertEqual(self.lost(), {})
        known = read_digests(api(), list(self.digests))
        for book_id, digest in self.digests.items():
            self.assertIn((digest, "sidecar"), {(each["digest"], each["source"]) for each in known[book_id]})
        gui(action().sync_all)
        wait_for_run()
        self.assertEqual(self.records(), {"Kobo"})
        percents = [api().field_for("#percent", book_id) for book_id in self.digests]
        self.assertEqual(percents, [round(10 + n) for n in range(BOOKS)])

    def test_3_a_sidecar_that_has_really_gone_is_told_and_offered_when_the_reader_asks(self) -> None:
        book_id, digest = next(iter(self.digests.items()))
        shutil.rmtree(os.path.join(self.folder, "Shelf 0", "pulled 0.sdr"))
        self.look()
        self.wait()
        self.assertEqual(self.lost(), {book_id: [digest]})
        gui(action().sync_all)
        wait_for_run()
        self.assertEqual(self.records(), {"Kobo"})
        gui(lambda: action().runs.offer(action().profile, [book_id]))
        wait_for_run()
        self.assertEqual(self.server.call("GET", f"/syncs/progress/{digest}", user=USER)["device"], "calibre")
        self.assertEqual(self.lost(), {})

    def test_4_a_look_that_fails_is_told_on_either_way_to_a_device(self) -> None:
        from calibre_plugins.koreader_progress.window import device_watch
        from calibre_plugins.koreader_progress.words.faults import noted_faults

        def fails(*_args: Any, **_named: Any) -> None:
            raise AttributeError("no such map")

        for by_mtp in (False, True):
            gui(gui.main.status_bar.clearMessage)
            with (
                mock.patch.object(device_watch, "collect", fails),
                mock.patch.object(device_watch, "is_mtp", lambda _device, answer=by_mtp: answer),
            ):
                self.look()
                gui.wait(
                    lambda: gui.main.status_bar.currentMessage() == "The device could not be read.", "the sentence"
                )
                self.wait()
        told = [line for line in noted_faults() if line.startswith("could not read the device: AttributeError")]
        self.assertIn("2 times", " ".join(told))

    def test_9_nothing_went_wrong_unseen(self) -> None:
        self.assertEqual(gui.errors, [])
