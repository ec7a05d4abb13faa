"""By e-mail and saved to disk: what leaves the window finds its book again, before and after edits, and after a merge."""

from __future__ import annotations

import io
import os
import unittest
from pathlib import Path
from typing import Any, cast
from unittest import mock

from books_of_all_kinds import SHAPES, books
from calibre_gui import gui
from kosync import KosyncServer
from smtp_sink import SmtpSink
from steps import USER, action, api, configure, tidy_up, wait_for_run

from calibre.constants import numeric_version
from calibre.ebooks.metadata.book.base import Metadata

CALIBRE = cast("tuple[int, ...]", numeric_version)
# Of the formats that calibre writes into, and of those it only carries. A mail a second is calibre's own rule.
KINDS = ("EPUB", "KEPUB", "AZW3", "MOBI", "DOCX", "FB2", "PDF", "CBZ", "TXT")
STEADY = ("EPUB", "KEPUB")
# calibre's own fault: these versions have no type for a KEPUB, and insist on one.
NEVER_MAILED = ("KEPUB",) if (9, 12) <= CALIBRE < (9, 18) else ()


class Leaving(unittest.TestCase):
    server: KosyncServer
    sink: SmtpSink
    # By the title a book first had.
    formats: dict[str, str]
    ids: dict[str, int]
    seen: dict[str, dict[str, list[str]]]

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = KosyncServer()
        cls.server.register(*USER)
        cls.sink = SmtpSink()
        configure(cls.server, review="never")
        cls.formats, cls.ids, cls.seen = {}, {}, {}
        found = [(title, fmt, data) for title, fmt, data in books((SHAPES[3], SHAPES[5])) if fmt in KINDS]
        kepub = next(data for _title, _fmt, data in books((SHAPES[0],), others=False))
        for title, fmt, data in [*found, ("Kepub Kind", "KEPUB", kepub)]:
            book_id = api().create_book_entry(Metadata(title, ["Some Body"]))
            api().add_format(book_id, fmt, io.BytesIO(data), run_hooks=False)
            cls.formats[title], cls.ids[title] = fmt, book_id
        gui(gui.main.refresh_all)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.stop()
        cls.sink.stop()

    def tearDown(self) -> None:
        tidy_up()

    def edit(self, n: int) -> None:
        for title, book_id in self.ids.items():
            api().set_field("title", {book_id: f"{title} edited {n}"})
            api().set_field("comments", {book_id: f"<p>{'Words ' * 1000 * n}</p>"})
        gui(lambda: gui.main.library_view.model().refresh_ids(list(self.ids.values())))

    def find(self, route: str, copies: dict[str, bytes], begin: float) -> None:
        """Reads these copies, by title, and syncs: each finds its book."""
        from calibre_plugins.koreader_progress.copies.digest import partial_md5

        left = {title for title, fmt in self.formats.items() if route != "e-mail" or fmt not in NEVER_MAILED}
        self.assertEqual(set(copies), left)
        shares: dict[str, float] = {}
        for n, (title, data) in enumerate(copies.items()):
            digest = partial_md5(io.BytesIO(data))
            self.seen.setdefault(route, {}).setdefault(title, []).append(digest)
            shares[title] = begin + n / 100
            self.server.push(USER, digest, shares[title])
        gui(action().sync_all)
        wait_for_run()
        shown = {title: api().field_for("#percent", self.ids[title]) for title in shares}
        self.assertEqual(shown, {title: round(share * 100) for title, share in shares.items()})

    def title_of(self, name: str) -> str:
        return next(title for title in self.formats if name.startswith(title))

    def mailed(self) -> dict[str, bytes]:
        """Sends every book to somebody; what arrived."""
        from calibre.utils.smtp import config

        options: dict[str, Any] = {"from_": "me@example.org", "relay_host": "127.0.0.1", "relay_port": self.sink.port}
        options.update(relay_username=None, relay_password="", encryption="NONE")
        self.sink.files.clear()
        ids = [self.ids[title] for title, fmt in self.formats.items() if fmt not in NEVER_MAILED]

        def send() -> None:
            for name, value in options.items():
                config().set(name, value)
            gui.main.send_by_mail("anna@example.org", list(KINDS), False, send_ids=ids, do_auto_convert=False)

        gui(send)
        gui.wait(lambda: len(self.sink.files) == len(ids), "the mails", patience=60)
        gui.wait(lambda: not gui.main.job_manager.has_jobs(), "the end of the jobs", patience=60)
        return {self.title_of(name): data for name, data in self.sink.files.items()}

    def saved(self) -> dict[str, bytes]:
        """Saves every book with calibre's own action; what lies there."""
        from calibre.gui2 import gprefs

        folder = os.path.join(os.environ["TEST_FOLDER"], f"saved-{len(os.listdir(os.environ['TEST_FOLDER']))}")
        os.makedirs(folder)

        def save() -> None:
            gprefs["show_files_after_save"] = False
            gui.main.library_view.select_rows(list(self.ids.values()))
            with mock.patch("calibre.gui2.actions.save_to_disk.choose_dir", lambda *_args, **_named: folder):
                gui.main.iactions["Save To Disk"].save_to_disk(False)

        gui.post(save)
        endings = tuple(f".{fmt.lower()}" for fmt in KINDS)

        def files() -> list[Path]:
            return [path for path in Path(folder).rglob("*") if path.name.endswith(endings)]

        # The settings and the cover of a book are saved after its file: then nothing writes into it any more.
        gui.wait(
            lambda: len(files()) == len(self.ids) == len(list(Path(folder).rglob("*.opf"))), "the saving", patience=60
        )
        gui.wait(lambda: gui.main.isEnabled() and not self.is_saving(), "the end of the saving", patience=60)
        return {self.title_of(path.name): path.read_bytes() for path in files()}

    def is_saving(self) -> bool:
        from calibre.gui2.dialogs.progress import ProgressDialog

        return any(dialog.isVisible() for dialog in gui.main.findChildren(ProgressDialog))

    def test_1_what_was_mailed_is_found(self) -> None:
        self.assertEqual(set(self.formats.values()), set(KINDS))
        self.find("e-mail", self.mailed(), 0.11)

    def test_2_what_was_saved_is_found(self) -> None:
        self.find("save to disk", self.saved(), 0.31)

    def test_3_both_are_found_after_edits_and_epubs_stand_still(self) -> None:
        self.edit(1)
        self.find("e-mail", self.mailed(), 0.51)
        self.find("save to disk", self.saved(), 0.71)
        for route, by_title in self.seen.items():
            for title, digests in by_title.items():
                if self.formats[title] in STEADY:
                    self.assertEqual(len(set(digests)), 1, (route, title))

    def test_4_what_calibre_only_carries_leaves_as_it_is(self) -> None:
        from calibre_plugins.koreader_progress.copies.digest import file_digest

        for fmt in ("CBZ", "TXT"):
            title = next(title for title, kind in self.formats.items() if kind == fmt)
            own = file_digest(api().format_abspath(self.ids[title], fmt))
            self.assertEqual({digest for route in self.seen.values() for digest in route[title]}, {own})

    def test_5_two_records_merged_by_calibre_keep_what_left_of_either(self) -> None:
        from calibre_plugins.koreader_progress.memory.history import read_digests

        title = next(title for title, fmt in self.formats.items() if fmt == "EPUB")
        mailed = self.seen["e-mail"][title][0]
        kept = api().create_book_entry(Metadata("Merged", ["Some Body"]))
        self.assertEqual(read_digests(api(), [kept]), {})

        def confirmed(*_args: Any, **_named: Any) -> bool | tuple[bool, bool]:
            # Since 7.13 calibre also asks whether the other record's cover is kept.
            return (True, False) if CALIBRE >= (7, 13) else True

        def merge() -> None:
            view = gui.main.library_view
            gui.main.refresh_all()
            # The first of the selected books is the one that stays.
            ids = [kept, self.ids[title]]
            view.select_rows(set(ids))
            edit = gui.main.iactions["Edit Metadata"]
            with (
                mock.patch("calibre.gui2.dialogs.confirm_merge.confirm_merge", confirmed),
                mock.patch.object(edit, "books_to_merge", lambda _rows: (kept, ids[1:])),
            ):
                edit.merge_books(merge_only_formats=False)

        gui(merge)
        gui.wait(lambda: self.ids[title] not in api().all_book_ids(), "the merging")
        self.assertEqual(api().formats(kept), ("EPUB",))
        gui(action().sync_all)
        wait_for_run()
        self.assertIn(mailed, {known["digest"] for known in read_digests(api(), [kept]).get(kept, [])})

    def test_9_nothing_went_wrong_unseen(self) -> None:
        self.assertEqual(gui.errors, [])
