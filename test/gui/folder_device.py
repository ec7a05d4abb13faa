"""A folder as a device: whatever is sent, read there and sent again finds its book."""

from __future__ import annotations

import io
import os
from typing import Any

from books_of_all_kinds import books
from calibre_gui import gui
from steps import USER, WithServer, action, api, book, configure, say_it_is_mine, wait_for_run

from calibre.ebooks.metadata.book.base import Metadata


class FolderDevice(WithServer):
    folder: str
    # Title -> format, then title -> the digest that KOReader computed on the device.
    formats: dict[str, str]
    first: dict[str, str]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        configure(cls.server, review="never")
        cls.folder = os.path.join(os.environ["TEST_FOLDER"], "reader")
        os.makedirs(cls.folder)
        cls.formats, cls.first = {}, {}
        for title, fmt, data in books():
            book_id = api().create_book_entry(Metadata(title, ["Some Body"]))
            api().add_format(book_id, fmt, io.BytesIO(data), run_hooks=False)
            cls.formats[title] = fmt
        gui(lambda: gui.main.library_view.model().books_added(len(cls.formats)))

    def connect(self) -> None:
        gui(gui.main.connect_to_folder_named, self.folder)
        gui.wait(lambda: gui.main.device_manager.is_device_connected and gui.main.device_connected, "the device")
        gui.wait(lambda: hasattr(gui.main, "db_book_uuid_cache") and self.is_idle(), "calibre's list of the device")

    def is_idle(self) -> bool:
        return not gui.main.job_manager.has_device_jobs() and not action().device_watch.is_reading

    def send(self) -> dict[str, str]:
        """Sends every book as the reader would; the path of each on the device, by title."""
        ids = [book(title) for title in self.formats]
        gui(lambda: gui.main.sync_to_device(None, False, send_ids=ids, do_auto_convert=False))
        gui.wait(lambda: len(self.on_device()) >= len(ids) and self.is_idle(), "the sending", patience=120)
        return self.on_device()

    def on_device(self) -> dict[str, str]:
        """Newest file of each book, by title: a title that was edited begins as before."""
        found: dict[str, str] = {}
        for folder, _folders, names in os.walk(self.folder):
            for name in names:
                title = next((t for t in self.formats if name.startswith(t)), None)
                path = os.path.join(folder, name)
                if title and (title not in found or os.stat(path).st_mtime_ns > os.stat(found[title]).st_mtime_ns):
                    found[title] = path
        return found

    def read(self, paths: dict[str, str], shares: dict[str, float]) -> dict[str, str]:
        """KOReader opens each file, reads, and pushes; the digests, by title."""
        from calibre_plugins.koreader_progress.copies.digest import file_digest

        digests = {title: file_digest(path) for title, path in paths.items()}
        for title, digest in digests.items():
            self.server.push(USER, digest, shares[title])
        return digests

    def sync(self) -> None:
        gui(action().sync_all)
        wait_for_run()

    def percents(self) -> dict[str, Any]:
        """What the column shows, by the title a book first had."""
        all_ids = api().all_book_ids()
        titles = {api().field_for("title", each).partition(" (")[0]: each for each in all_ids}
        return {title: api().field_for("#percent", titles[title]) for title in self.formats}

    def test_1_every_book_that_was_sent_and_read_is_found(self) -> None:
        self.assertEqual(sum(fmt == "EPUB" for fmt in self.formats.values()), 13)
        self.assertEqual(len(set(self.formats.values())), 18)
        self.connect()
        paths = self.send()
        shares = {title: 0.11 + n / 100 for n, title in enumerate(self.formats)}
        self.first.update(self.read(paths, shares))
        self.server.push(USER, "f" * 32, 0.99)
        self.sync()
        self.assertEqual(self.percents(), {title: round(share * 100) for title, share in shares.items()})
        self.assertIsNone(api().field_for("#percent", book("The Time Machine")))

    def test_2_after_edits_and_another_sending_every_progress_is_found_and_none_at_a_wrong_book(self) -> None:
        for n, title in enumerate(self.formats):
            book_id = book(title)
            api().set_field("title", {book_id: f"{title} (edited {n})"})
            api().set_field("tags", {book_id: [f"tag {n}", "another"]})
            api().set_field("comments", {book_id: f"<p>{'Words ' * n * 300}</p>"})
            api().set_field("rating", {book_id: 2 * (n % 5)})
        by_edited = {title: f"{title} (edited {n})" for n, title in enumerate(self.formats)}
        ids = [book(edited) for edited in by_edited.values()]
        before = self.on_device()
        gui(lambda: gui.main.library_view.model().refresh_ids(ids))
        gui(lambda: gui.main.sync_to_device(None, False, send_ids=ids, do_auto_convert=False))
        gui.wait(
            lambda: all(path != before[title] for title, path in self.on_device().items()) and self.is_idle(),
            "the second sending",
            patience=120,
        )
        shares = {title: 0.55 + n / 100 for n, title in enumerate(self.formats)}
        second = self.read(self.on_device(), shares)
        self.sync()
        self.assertEqual(self.percents(), {title: round(share * 100) for title, share in shares.items()})
        moved = [title for title, fmt in self.formats.items() if fmt == "EPUB" and second[title] != self.first[title]]
        self.assertEqual(moved, [], "EPUBs whose digest changed with their metadata")

    def test_3_what_a_sidecar_says_is_known_once_the_device_is_connected(self) -> None:
        from calibre_plugins.koreader_progress.memory.history import read_digests
        from device_tree import sidecar_text

        title = next(title for title, fmt in self.formats.items() if fmt == "MOBI")
        path = self.on_device()[title]
        gui(lambda: gui.main.device_manager.umount_device())
        gui.wait(lambda: not gui.main.device_manager.is_device_connected, "the eject")
        stem, extension = os.path.splitext(path)
        os.makedirs(f"{stem}.sdr")
        digest = "e" * 32
        with open(f"{stem}.sdr/metadata{extension}.lua", "w") as file:
            file.write(sidecar_text("/mnt/onboard/x.mobi", digest, status="complete", modified="2031-01-01"))
        self.connect()
        changed = next(each for each in api().all_book_ids() if api().field_for("title", each).startswith(title))
        gui.wait(
            lambda: digest in {known["digest"] for known in read_digests(api(), [changed])[changed]}, "the sidecar"
        )
        say_it_is_mine()
        self.server.next_second()
        self.server.push(USER, digest, 0.94)
        self.sync()
        self.assertEqual(api().field_for("#status", changed), "Finished")

    def test_9_nothing_went_wrong_unseen(self) -> None:
        self.assertEqual(gui.errors, [])
