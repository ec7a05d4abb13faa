"""What stands in calibre goes to KOReader, and calibre's viewer opens where KOReader stopped."""

from __future__ import annotations

import io
import time
import zipfile
from typing import Any

from calibre_gui import click, gui
from kosync import KosyncServer
from qt.core import QInputDialog, Qt
from steps import (
    DAMAGED,
    USER,
    WithServer,
    action,
    api,
    book,
    configure,
    digest_of,
    preferences_in,
    select,
    wait_for_run,
)


NOVEL = "Walden"
RUN = Qt.ItemDataRole.UserRole


def make_novel() -> bytes:
    """A book that is long enough to be somewhere in."""
    names = [f"c{number}" for number in range(1, 7)]
    items = "".join(f'<item id="{n}" href="{n}.xhtml" media-type="application/xhtml+xml"/>' for n in names)
    spine = "".join(f'<itemref idref="{n}"/>' for n in names)
    container = (
        '<?xml version="1.0"?><container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">'
        '<rootfiles><rootfile full-path="c.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
    )
    opf = (
        '<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="2.0" unique-identifier="i">'
        f'<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{NOVEL}</dc:title><dc:language>en</dc:language>'
        f'<dc:identifier id="i">n</dc:identifier></metadata><manifest>{items}</manifest><spine>{spine}</spine></package>'
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zipped:
        for name, content in (
            ("mimetype", "application/epub+zip"),
            ("META-INF/container.xml", container),
            ("c.opf", opf),
        ):
            zipped.writestr(name, content)
        for name in names:
            text = "".join(
                f"<p>This is sentence {number} of chapter {name}, and it is long.</p>" for number in range(1, 31)
            )
            head = f'<html xmlns="http://www.w3.org/1999/xhtml"><head><title>{name}</title></head>'
            zipped.writestr(f"{name}.xhtml", f"{head}<body>{text}</body></html>")
    return out.getvalue()


def read_in_viewer(book_id: int, cfi: str) -> None:
    """What calibre's viewer keeps when it is closed."""
    from calibre_plugins.koreader_progress.library.positions import read_annotations, viewer_time, write_annotations

    path = api().format_abspath(book_id, "EPUB")
    others = [entry for entry in read_annotations(path) or [] if entry["type"] != "last-read"]
    place = {"type": "last-read", "pos": cfi, "pos_type": "epubcfi", "timestamp": viewer_time(time.time() + 2)}
    assert write_annotations(path, [place, *others])


class Pushing(WithServer):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.server.push(USER, digest_of(book("Dracula")), 0.42)

    def on_the_server(self, title: str) -> dict[str, Any]:
        return self.server.call("GET", f"/syncs/progress/{digest_of(book(title))}", user=USER)

    def test_1_a_typed_percentage_of_one_book_is_pushed(self) -> None:
        configure(self.server)
        select(book("Dracula"))
        self.use("koreader-progress-selected")
        gui.wait(lambda: api().field_for("#percent", book("Dracula")) == 42, "the sync")
        wait_for_run()
        gui(lambda: api().set_field("#percent", {book("Dracula"): 60}))
        self.use("koreader-progress-push")
        review = gui.window("koreader_progress_result")
        gui.grab(review, "push")
        gui(lambda: click(review.apply_button))
        gui.wait(lambda: "1 book sent" in action().runs.said, "the sentence")
        told = self.on_the_server("Dracula")
        self.assertAlmostEqual(told["percentage"], 0.6)
        self.assertTrue(told["progress"].startswith("/body/DocFragment["), told["progress"])
        self.assertFalse(told["device_id"].startswith("calibre-koreader-progress-"))

    def test_2_after_a_sync_a_typed_percentage_is_not_pushed_by_itself(self) -> None:
        from calibre_plugins.koreader_progress.settings import config

        def automatic() -> None:
            known = config.profiles(api())
            known[0]["push"] = "automatic"
            config.save_profiles(api(), known, known[0]["id"])
            api().set_field("#percent", {book("Dracula"): 70})

        gui(automatic)
        select(book("Dracula"))
        self.use("koreader-progress-selected")
        gui.wait(lambda: action().runs.last is not None and action().runs.is_busy is False, "the sync")
        wait_for_run()
        self.assertAlmostEqual(self.on_the_server("Dracula")["percentage"], 0.6)
        self.assertEqual(api().field_for("#percent", book("Dracula")), 70)
        # What the sync itself said stays to be read.
        self.assertNotIn("sent", gui(lambda: action().runs.said))

    def test_4_the_viewer_is_opened_where_koreader_stopped(self) -> None:
        self.server.push(USER, digest_of(book("Dracula")), 0.9, device="Phone")
        select(book("Dracula"))
        self.use("koreader-progress-selected")
        gui.wait(lambda: api().field_for("#percent", book("Dracula")) == 90, "the sync")
        wait_for_run()
        opened: list[tuple[Any, ...]] = []
        view = gui.main.iactions["View"]
        view.view_format_by_id = lambda book_id, fmt, open_at=None: opened.append((book_id, fmt, open_at))
        try:
            select(book("Dracula"))
            self.use("koreader-progress-open")
            gui.wait(lambda: opened, "the viewer")
        finally:
            del view.view_format_by_id
        book_id, fmt, open_at = opened[0]
        self.assertEqual((book_id, fmt), (book("Dracula"), "EPUB"))
        self.assertTrue(open_at.startswith("epubcfi(/2"), open_at)

    def test_5_the_preferences_say_who_follows_and_what_is_pushed(self) -> None:
        gui.post(action().open_preferences, "places")
        dialog = gui.modal()
        widget = preferences_in(dialog)
        gui(lambda: widget.places.users.setText("anna, ben"))
        gui(lambda: widget.places.push.setCurrentIndex(2))
        gui.grab(dialog, "preferences-places")
        gui.press(dialog)
        gui.wait(lambda: action().profile["push"] == "automatic", "the stored profile")
        self.assertEqual(gui(lambda: action().profile["server_users"]), ["anna", "ben"])

    def test_6_the_viewers_place_is_pushed_by_the_menu(self) -> None:
        configure(self.server)
        novel = book(NOVEL)
        gui(lambda: api().add_format(novel, "EPUB", io.BytesIO(make_novel()), run_hooks=False))
        self.server.push(USER, digest_of(novel), 0.1)
        select(novel)
        self.use("koreader-progress-selected")
        gui.wait(lambda: api().field_for("#percent", novel) == 10, "the sync")
        wait_for_run()
        read_in_viewer(novel, "epubcfi(/8/2/4/20/1:5)")
        self.use("koreader-progress-push")
        review = gui.window("koreader_progress_result")
        gui.grab(review, "push-viewer")
        gui(lambda: click(review.apply_button))
        gui.wait(lambda: "1 book sent" in action().runs.said, "the sentence")
        told = self.on_the_server(NOVEL)
        self.assertTrue(told["progress"].startswith("/body/DocFragment[4]/body/p[10]/text()"), told["progress"])
        self.assertGreater(told["percentage"], 0.5)
        self.assertTrue(told["device_id"].startswith("calibre-push-"))
        # The columns follow.
        self.assertEqual(api().field_for("#percent", novel), round(told["percentage"] * 100))
        self.assertEqual(api().field_for("#device", novel), "calibre")

    def test_7_the_push_is_taken_back_by_the_menu_and_not_offered_again(self) -> None:
        novel = book(NOVEL)
        gui.wait(lambda: action().undoing.push is not None, "the journal")
        self.use("koreader-progress-undo-earlier")
        dialog = gui.window("koreader_progress_undo")

        run = gui(lambda: dialog.tree.topLevelItem(0))
        gui(lambda: run.setExpanded(True))
        gui.wait(run.childCount, "its books")

        def look() -> list[str]:
            run.child(0).setExpanded(True)
            return [run.child(0).child(row).text(0) for row in range(run.child(0).childCount())]

        texts = gui(look)
        gui.grab(dialog, "undo-push")
        self.assertIn("On the server", texts)
        gui(dialog.close)
        self.use("koreader-progress-undo-push")
        gui.wait(lambda: "1 place put back on the server" in action().runs.said, "the sentence")
        self.assertIn("may have followed", gui(lambda: action().runs.said))
        told = self.on_the_server(NOVEL)
        self.assertAlmostEqual(told["percentage"], 0.1)
        self.assertTrue(told["device_id"].startswith("calibre-koreader-progress-"))
        self.assertEqual((api().field_for("#percent", novel), api().field_for("#device", novel)), (10, "Kobo"))
        # Undone twice would be undone too much: nothing is left to take back of that push.
        gui.wait(lambda: not action().runs.is_busy, "the end of the undo")
        self.use("koreader-progress-push")
        review = gui.window("koreader_progress_result")
        self.assertEqual(
            gui(lambda: [(row.kind, row.why["code"]) for row in review.rows]), [("skip", "push_taken_back")]
        )
        gui(review.close)
        wait_for_run()
        # What undo put back is no news to the next sync.
        last = action().runs.last
        self.use("koreader-progress-selected")
        gui.wait(lambda: action().runs.last is not last, "the sync")
        wait_for_run()
        self.assertEqual(gui(lambda: action().runs.last.applied.report.written), [])
        self.assertEqual((api().field_for("#percent", novel), api().field_for("#device", novel)), (10, "Kobo"))

    def test_8_a_long_journal_is_listed_in_parts(self) -> None:
        from calibre_plugins.koreader_progress.memory.book_names import names_in
        from calibre_plugins.koreader_progress.sync.pull import journal_of

        journal, novel, names = journal_of(api()), book(NOVEL), names_in(api())
        why: Any = {"code": "synced", "data": {}}
        cell: Any = {"book_id": novel, "column": "#percent", "before": 1, "after": 2, "why": why}
        for at in range(1, 121):
            writer = journal.begin_run("pull", "p1", "a", names, at=at)
            writer.record([cell])
            writer.finish([cell])
        gui.post(action().undoing.show)
        dialog = gui.window("koreader_progress_undo")
        self.assertEqual(gui(dialog.tree.topLevelItemCount), 100)
        # One that cannot be read keeps nobody from asking once more.
        oldest = min(journal._folder.glob("*.jsonl"))
        whole = oldest.read_bytes()
        oldest.write_text(DAMAGED, encoding="utf-8")
        gui(lambda: click(dialog.older_button))
        gui.wait(lambda: "could not be read" in dialog.status.text(), "the sentence")
        self.assertTrue(gui(dialog.older_button.isEnabled))
        oldest.write_bytes(whole)
        gui(lambda: click(dialog.older_button))
        gui.wait(lambda: dialog.tree.topLevelItemCount() > 120, "the older runs")
        self.assertFalse(gui(dialog.older_button.isVisible))
        listed = gui(
            lambda: [dialog.tree.topLevelItem(n).data(0, RUN).id for n in range(dialog.tree.topLevelItemCount())]
        )
        self.assertEqual(sorted(set(listed), reverse=True), listed)
        gui.grab(dialog, "undo-many")
        gui(dialog.close)

    def test_9_nothing_went_wrong_unseen(self) -> None:
        self.assertEqual(gui.errors, [])

    def test_9_what_was_known_at_one_server_moves_to_another(self) -> None:
        novel = book(NOVEL)
        known = self.on_the_server(NOVEL)
        other = KosyncServer()
        try:
            other.register(*USER)
            configure(other)
            gui.post(self.use, "koreader-progress-move")
            asked = gui.modal(QInputDialog)
            self.assertIn(other.url, gui(asked.labelText))
            self.assertEqual(gui(asked.comboBoxItems)[0].rpartition(": ")[2], "2 books")
            gui.grab(asked, "move-from")
            gui.post(asked.accept)
            review = gui.window("koreader_progress_result")
            told = gui(lambda: {row.book_id: (row.kind, row.why["code"]) for row in review.rows})
            self.assertEqual(told, dict.fromkeys([book("Dracula"), novel], ("update", "moved")))
            gui.grab(review, "move")
            place = f"/syncs/progress/{digest_of(novel)}"
            self.assertEqual(other.call("GET", place, user=USER), {})
            gui(lambda: click(review.apply_button))
            gui.wait(lambda: "2 books moved" in action().runs.said, "the sentence")
            moved = other.call("GET", place, user=USER)
            self.assertEqual(moved["progress"], known["progress"])
            self.assertTrue(moved["device_id"].startswith("calibre-koreader-progress-"))
        finally:
            wait_for_run()
            configure(self.server)
            other.stop()
