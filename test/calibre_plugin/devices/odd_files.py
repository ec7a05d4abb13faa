"""One odd file on a device costs that file alone, and is one line of the report: everything else comes home."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import threading
import unittest
import unittest.mock
from collections.abc import Callable
from typing import Any

from calibre_plugins.koreader_progress.copies import log as copy_log
from calibre_plugins.koreader_progress.devices import read as device_read
from calibre_plugins.koreader_progress.devices.device import collect
from calibre_plugins.koreader_progress.devices.home import Collected
from calibre_plugins.koreader_progress.memory.marks import read_marks
from calibre_plugins.koreader_progress.devices.state import all_states, save_state
from calibre_plugins.koreader_progress.memory.history import read_digests
from calibre_plugins.koreader_progress.devices.names import device_id
from calibre_plugins.koreader_progress.devices.lua_table import LARGEST, LuaError, read_lua_table
from calibre_plugins.koreader_progress.devices.odd_file import OddFile, OddReason
from calibre_plugins.koreader_progress.devices.odd_words import odd_note, odd_report_lines, odd_sentence
from calibre_plugins.koreader_progress.sync.report import make_report
from calibre_plugins.koreader_progress.devices.sidecar import read_sidecar
from calibre_plugins.koreader_progress.devices.statistics import mounted_database
from calibre_plugins.koreader_progress.copies.strip_list import our_folder
from device_tree import DeviceTree, sidecar_text
from epubs import Recipe, make_epub
from libraries import add_book, make_library
from mtp_tree import MtpDevice
from statistics_reader import statistics_reader

A, B = "a" * 32, "b" * 32
TABLE = (
    "CREATE TABLE book (id integer PRIMARY KEY, title text, authors text, last_open integer, pages integer, md5 text, "
    "total_read_pages integer)"
)
ENDLESS = (
    "CREATE VIEW book AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS id, 't' AS title, "
    f"'a' AS authors, i AS last_open, 1 AS pages, '{A}' AS md5, 1 AS total_read_pages FROM n"
)


def with_digest(more: str) -> bytes:
    return f'return {{ ["partial_md5_checksum"] = "{A}", {more} }}'.encode()


# What a sidecar may hold instead of what KOReader writes, and what is said of it.
ODD_SIDECARS: dict[str, tuple[bytes, OddReason]] = {
    "huge number": (with_digest(f'["percent_finished"] = {"9" * 400}'), "number_too_large"),
    "huge exponent": (with_digest('["percent_finished"] = 1e999'), "number_too_large"),
    "huge hex": (with_digest(f'["percent_finished"] = 0x{"f" * 300}'), "number_too_large"),
    "20,000 digits": (with_digest(f'["doc_pages"] = {"9" * 20_000}'), "number_too_large"),
    "20,000 digits and no end": (with_digest(f'["doc_pages"] = {"9" * 20_000}?'), "number_too_large"),
    "beyond Unicode": (with_digest('["doc_props"] = { ["title"] = "\\u{110000}" }'), "bad_escape"),
    "far beyond Unicode": (with_digest(f'["title"] = "\\u{{{"f" * 400}}}"'), "bad_escape"),
    "beyond a byte": (with_digest('["title"] = "\\999"'), "bad_escape"),
    "cut off": (with_digest('["doc_path"] = "/mnt')[:-2], "cut_off"),
    "nothing": (b"", "empty"),
    "zeros": (b"\0" * 4096, "not_a_table"),
    "UTF-16": ("return { }".encode("utf-16"), "not_a_table"),
    "nested": (b"return " + b"{" * 5000, "too_deep"),
    "large": (b"return {" + b" " * LARGEST, "too_large"),
    "code": (with_digest("[os.exit()] = 1"), "not_lua"),
}


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self) -> None:
        shutil.rmtree(our_folder(), ignore_errors=True)
        copy_log._own.file = None
        self.db = make_library()
        self.addCleanup(self.db.close)
        self.tree = DeviceTree()

    @property
    def api(self) -> Any:
        return self.db.new_api

    def collect(self) -> Collected:
        return collect(self.tree.connect(), self.api, threading.Event(), {}, statistics=statistics_reader())

    def digests(self, book: int) -> dict[str, str]:
        known = read_digests(self.api, [book]).get(book, [])
        return {d["digest"]: d["source"] for d in known if d["kind"] == "partial_md5"}

    def put_sidecar(self, name: str, data: bytes) -> str:
        path = self.tree.path(f"{name}.sdr/metadata.epub.lua")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def database(self, folder: str, *statements: str, rows: tuple[tuple[Any, ...], ...] = ()) -> str:
        path = self.tree.path(os.path.join(folder, "statistics.sqlite3"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with sqlite3.connect(path) as db:
            for statement in statements:
                db.execute(statement)
            for row in rows:
                db.execute("INSERT INTO book(title, authors, md5, last_open) VALUES(?, ?, ?, ?)", row)
        db.close()
        return path


def socket_at(path: str) -> None:
    """A socket's address may have a hundred characters, the path of a test's folder more."""
    before = os.getcwd()
    os.chdir(os.path.dirname(path))
    try:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(os.path.basename(path))
    finally:
        os.chdir(before)


class OddDevice(Case):
    def good(self, count: int) -> dict[int, str]:
        """Books that were opened on the device; the digest that KOReader keeps of each."""
        found = {}
        for n in range(count):
            book = add_book(self.db, make_epub(Recipe(f"good{n}", chapters=2 + n)), title=f"Good {n}")
            self.tree.put(f"Books/good{n}.epub", make_epub(Recipe(f"good{n}", chapters=2 + n)))
            found[book] = self.tree.put(f"Books/good{n}.epub", self.api.format(book, "EPUB"))
            self.tree.sidecar(f"Books/good{n}.epub", status="complete")
        return found

    def odd(self) -> dict[str, OddReason]:
        """One of every kind; what is to be said of each, by path."""
        made = {self.put_sidecar(f"odd {kind}", data): reason for kind, (data, reason) in ODD_SIDECARS.items()}
        special: dict[str, Callable[[str], None]] = {"pipe": os.mkfifo, "socket": socket_at}
        special["circle"] = lambda path: os.symlink(path, path)
        special["device"] = lambda path: os.symlink("/dev/zero", path)
        for kind, make in special.items():
            for name in (f"{kind}.epub", f"{kind}.sdr/metadata.epub.lua", f"{kind}/statistics.sqlite3"):
                path = self.tree.path(name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                make(path)
                made[path] = "not_a_file"
        made[self.database("view", ENDLESS)] = "no_plain_table"
        made[self.database("other", "CREATE TABLE notes (a)")] = "no_book_table"
        made[self.database("utf8", TABLE, rows=((b"x", "A", B, 1),))] = "blob_for_text"
        cast = f"INSERT INTO book(title, md5) VALUES(CAST(X'FF41' AS TEXT), '{'c' * 32}')"
        made[self.database("blob", TABLE, cast)] = "text_not_utf8"
        made[self.tree.path("cut/statistics.sqlite3")] = "not_a_database"
        os.makedirs(self.tree.path("cut"))
        with open(self.database("whole", TABLE, rows=(("T", "A", "d" * 32, 1),)), "rb") as file:
            self.tree.put("cut/statistics.sqlite3", file.read()[:3000])
        os.mkfifo(self.database("log", TABLE) + "-wal")
        made[self.tree.path("log/statistics.sqlite3")] = "not_a_file"
        return made

    def test_thirty_good_files_come_home_and_each_odd_one_is_one_line(self) -> None:
        good, odd = self.good(30), self.odd()
        collected = self.collect()
        self.assertEqual({book: self.digests(book) for book in good}, {b: {d: "sidecar"} for b, d in good.items()})
        self.assertEqual([read_marks(self.api, [book])[book][0]["status"] for book in good], ["complete"] * 30)
        self.assertEqual(dict(collected.odd), odd)
        # What a database could tell, it told.
        self.assertEqual({d["digest"] for d in collected.unmatched}, {B, "c" * 32, "d" * 32})
        states = [*all_states()]
        lines = odd_report_lines(states)
        self.assertEqual(len(lines), len(odd))
        report = make_report(self.api, "1.0.0", None, None, None, None)
        self.assertEqual([line for line in lines if line not in report], [])
        self.assertFalse([word for word in ("odd ", ".sdr", self.tree.folder) if word in report])
        self.assertIn(f"{len(odd)} files on your devices", odd_note(states))
        self.assertIn("odd cut off.sdr/metadata.epub.lua: It ends in the middle", odd_note(states))

    def test_an_odd_file_is_not_opened_again_and_forgotten_once_it_is_good(self) -> None:
        book = add_book(self.db)
        self.tree.put("a.epub", self.api.format(book, "EPUB"))
        path = self.put_sidecar("a", b"return {")
        self.assertEqual(dict(self.collect().odd), {path: "cut_off"})
        again = self.collect()
        self.assertEqual((dict(again.odd), again.opened), ({path: "cut_off"}, 0))
        self.tree.sidecar("a.epub", digest=A)
        self.assertEqual(dict(self.collect().odd), {})
        self.assertEqual(self.digests(book)[A], "sidecar")

    def test_what_an_earlier_version_left_unread_is_read_once_more(self) -> None:
        book = add_book(self.db)
        self.tree.put("a.epub", self.api.format(book, "EPUB"))
        path = self.tree.sidecar("a.epub", summary='["rating"] = 5,')
        self.collect()
        (state,) = all_states()
        for name in ("progress", "pages", "rating", "review"):
            del state["sidecars"][path]["sidecar"][name]
        save_state(device_id(self.tree.connect()), state)
        self.assertEqual((self.collect().opened, self.collect().opened), (1, 0))
        (state,) = all_states()
        self.assertEqual(state["sidecars"][path]["sidecar"]["rating"], 5)

    def test_what_a_sidecar_said_stays_while_it_cannot_be_read(self) -> None:
        book = add_book(self.db)
        self.tree.put("a.epub", self.api.format(book, "EPUB"))
        path = self.tree.sidecar("a.epub", digest=A, status="complete")
        self.collect()
        with open(path, "rb+") as file:
            file.truncate(40)
        for _look in range(2):
            collected = self.collect()
            self.assertEqual((dict(collected.odd), collected.lost), ({path: "cut_off"}, frozenset()))
        self.assertEqual(self.digests(book)[A], "sidecar")

    def test_a_cut_sidecar_leaves_the_word_to_the_one_before(self) -> None:
        book = add_book(self.db)
        self.tree.put("a.epub", self.api.format(book, "EPUB"))
        path = self.tree.sidecar("a.epub", digest=A, status="complete")
        os.replace(path, path + ".old")
        with open(path, "wb") as file:
            file.write(with_digest('["summary"] = {')[:-3])
        collected = self.collect()
        self.assertEqual(dict(collected.odd), {path: "cut_off"})
        self.assertEqual(self.digests(book)[A], "sidecar")
        self.assertEqual(read_marks(self.api, [book])[book][0]["status"], "complete")

    def test_a_fault_of_our_own_costs_one_file(self) -> None:
        good = self.good(3)
        fine = device_read._seen_file

        def fails_once(found: Any) -> Any:
            if found.path.endswith("good1.epub"):
                raise OverflowError
            return fine(found)

        with unittest.mock.patch.object(device_read, "_seen_file", fails_once):
            collected = self.collect()
        self.assertEqual(list(collected.odd.values()), ["unexpected"])
        # The book itself is known all the same: its sidecar tells a digest that the library's own file has.
        self.assertEqual([self.digests(book)[digest] for book, digest in good.items()], ["sidecar"] * 3)

    def test_every_reason_has_a_sentence_of_its_own_words(self) -> None:
        from typing import get_args

        for reason in get_args(OddReason):
            self.assertNotEqual(odd_sentence(reason), reason)


class Sidecars(unittest.TestCase):
    def test_what_a_sidecar_cannot_hold_is_said(self) -> None:
        for kind, (data, reason) in ODD_SIDECARS.items():
            with self.subTest(kind=kind), self.assertRaises(OddFile) as caught:
                read_sidecar(data)
            self.assertEqual(caught.exception.reason, reason, kind)

    def test_a_byte_order_mark_and_infinity_are_no_trouble(self) -> None:
        more = '["a"] = 1/0 --[[math.huge]], ["b"] = -1/0 --[[-math.huge]], ["c"] = 0/0, ["d"] = nil --[[ LOOP: ]], '
        for data in (b"\xef\xbb\xbf" + with_digest("1"), with_digest(f'{more} ["percent_finished"] = 0.5')):
            sidecar = read_sidecar(data)
            assert sidecar is not None
            self.assertEqual(sidecar["digest"], A)
        self.assertEqual(sidecar["percentage"], 0.5)

    def test_a_share_that_is_none_says_nothing(self) -> None:
        for share in ("1/0", "57", "-1", "1.001", "true", '"0.5"'):
            sidecar = read_sidecar(with_digest(f'["percent_finished"] = {share}'))
            assert sidecar is not None
            self.assertIsNone(sidecar["percentage"], share)

    def test_all_that_it_tells_of_the_reading_is_read(self) -> None:
        summary = '["rating"] = 4, ["note"] = "Fine.\\\nAnd \\"long\\".\\r\\nEnd\\0 ",'
        more = '["last_xpointer"] = "/body/DocFragment[4]/body/p[3]/text().30", ["last_page"] = 7, ["doc_pages"] = 212,'
        sidecar = read_sidecar(sidecar_text("/mnt/a.epub", A, summary=summary, more=more).encode())
        assert sidecar is not None
        told = (sidecar["progress"], sidecar["pages"], sidecar["rating"], sidecar["review"])
        self.assertEqual(told, ("/body/DocFragment[4]/body/p[3]/text().30", 212, 4, 'Fine.\nAnd "long".\nEnd'))
        paged = read_sidecar(sidecar_text("/mnt/a.pdf", A, more='["last_page"] = 7,').encode())
        assert paged is not None
        self.assertEqual((paged["progress"], paged["rating"], paged["review"]), ("7", None, None))

    def test_an_odd_value_is_left_out_alone(self) -> None:
        odd = {
            "rating": ("0", "6", "-1", "4.5", "true", '"4"', "1/0", "{ 4 }"),
            "review": ("7", '""', '"  \\n "', "{ }", f'"{"x" * 100_001}"', f'"{"😀" * 50_001}"'),
            "progress": ("7", '""', '"body"', '"/body\\n"', f'"/{"x" * 5000}"', '"/\\xff"', "{ }"),
            "pages": ("0", "-3", "1.5", '"9"', "1e300", "true"),
        }
        for name, values in odd.items():
            for value in values:
                with self.subTest(name, value=value[:20]):
                    lua = {"rating": "3", "review": '"Good"', "progress": '"/body/p.0"', "pages": "9", name: value}
                    summary = f'["rating"] = {lua["rating"]}, ["note"] = {lua["review"]},'
                    more = f'["last_xpointer"] = {lua["progress"]}, ["doc_pages"] = {lua["pages"]},'
                    sidecar: Any = read_sidecar(sidecar_text("/mnt/a.epub", A, summary=summary, more=more).encode())
                    wanted = {"rating": 3, "review": "Good", "progress": "/body/p.0", "pages": 9, name: None}
                    self.assertEqual({key: sidecar[key] for key in wanted}, wanted)

    def test_a_title_that_is_not_utf8_is_read_as_far_as_it_can_be(self) -> None:
        data = sidecar_text("/mnt/a.epub", A, props={"title": "TITLE"}).encode().replace(b"TITLE", b"K\xe4se\\0")
        sidecar = read_sidecar(data)
        assert sidecar is not None
        self.assertEqual(sidecar["title"], "K�se")

    def test_no_input_takes_longer_than_its_length(self) -> None:
        # A guard against what would take hours, not a measurement.
        done = threading.Event()

        def read_all() -> None:
            n = 1 << 17
            for data in (
                with_digest(f'["a"] = {"9" * n}?'),
                with_digest(f'["a"] = {"9." * n}?'),
                with_digest(f'["a"] = {"- " * n}?'),
                b"return {" + b"[[1]=2," * n,
                b"return {" + b"[=" * n,
                b"return {" + b"--[==" * n,
                b"return {[" + b"=" * n + b"[" + b"]=" * n,
                b"return {" + b"--\n" * n,
                b'return {"' + b"\\u{" * n,
                b'return {"' + b"\\z  " * n,
                b"return {" + b"a " * n,
                b"return {" + b"{}," * (1 << 19),
            ):
                try:
                    read_lua_table(data)
                except LuaError:
                    continue
            done.set()

        threading.Thread(target=read_all, daemon=True).start()
        self.assertTrue(done.wait(120))


class Databases(Case):
    def read(self, path: str, stop: threading.Event | None = None, device: str = "K", *same_reader: str) -> Any:
        abort = stop or threading.Event()
        return statistics_reader().of(device, abort, same_reader)(mounted_database(path, abort))

    def test_a_stop_ends_the_reading_in_the_middle(self) -> None:
        many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
        path = self.database(
            "many", TABLE, f"INSERT INTO book(title, md5) {many} SELECT 't', printf('%032x', i) FROM n"
        )
        stop = threading.Event()
        stop.set()
        self.assertIsNone(self.read(path, stop))
        self.assertEqual(len(self.read(path)["documents"]), 20_000)

    def test_numbers_that_are_none_say_nothing(self) -> None:
        path = self.database("odd", TABLE)
        odd = ((-5, 1, -1), (2**62, 2**62, 2**62), ("many", b"x", "never"), (10, 5, 1e300))
        with sqlite3.connect(path) as db:
            for n, (pages, read, opened) in enumerate(odd):
                db.execute(
                    "INSERT INTO book(md5, pages, total_read_pages, last_open) VALUES(?,?,?,?)",
                    (f"{n}" * 32, pages, read, opened),
                )
        db.close()
        told = self.read(path)["documents"]
        self.assertEqual([(d["pages"], d["read"]) for d in told], [(None, 1), (None, None), (None, None), (10, 5)])

    def test_what_two_devices_of_one_reader_count_together_is_counted_once(self) -> None:
        table = "CREATE TABLE page_stat_data (id_book, page, start_time, duration, total_pages)"
        row = f"INSERT INTO book(id, title, md5) VALUES(1, 'T', '{A}')"
        visit = "INSERT INTO page_stat_data VALUES(1, {0}, 1700000000 + 60 * {0}, 60, 100)"
        kobo = self.database("kobo", TABLE, table, row, *map(visit.format, (1, 2, 3)))
        phone = self.database("phone", TABLE, table, row, *map(visit.format, (2, 3, 4, 5)))
        self.assertEqual([d["read_time"] for d in self.read(kobo, None, "K")["documents"]], [180])
        self.assertEqual([d["read_time"] for d in self.read(phone, None, "P", "K")["documents"]], [300])
        # Another person's reader is another's.
        self.assertEqual([d["read_time"] for d in self.read(phone, None, "P")["documents"]], [240])

    def test_a_page_counts_as_long_as_the_reader_lets_it(self) -> None:
        path = self.database("koreader/settings", TABLE)
        self.assertEqual(mounted_database(path, threading.Event()).longest, 120)
        for value, longest in (("300", 300), ("-1", 120), ('"x"', 120), ("{ }", 120)):
            with open(self.tree.path("koreader/settings.reader.lua"), "w") as file:
                file.write(f'return {{ ["statistics"] = {{ ["max_sec"] = {value} }} }}')
            self.assertEqual(mounted_database(path, threading.Event()).longest, longest, value)

    def test_over_mtp_the_log_beside_it_is_read_too_and_neither_again_until_it_changes(self) -> None:
        path = self.database(".adds/koreader/settings", TABLE, rows=(("T", "A", A, 1),))
        still_open = sqlite3.connect(path)
        self.addCleanup(still_open.close)
        still_open.execute("PRAGMA journal_mode = WAL")
        still_open.execute("UPDATE book SET md5 = ?", (B,))
        still_open.commit()

        def look() -> tuple[list[str], list[str]]:
            device = MtpDevice(self.tree.folder)
            collected = collect(device, self.api, threading.Event(), {}, statistics=statistics_reader())
            return [d["digest"] for d in collected.unmatched], [os.path.basename(name) for name in device.opened]

        self.assertEqual(look(), ([B], ["statistics.sqlite3", "statistics.sqlite3-wal"]))
        self.assertEqual(look(), ([B], []))
        still_open.execute("UPDATE book SET md5 = ?", (A,))
        still_open.commit()
        self.assertEqual(look(), ([A], ["statistics.sqlite3", "statistics.sqlite3-wal"]))

    def test_over_mtp_what_changed_last_comes_first(self) -> None:
        for n, name in enumerate(("b", "c", "a")):
            os.utime(self.put_sidecar(name, sidecar_text("/x", f"{n}" * 32).encode()), (1, 1_700_000_000 + n))
        device = MtpDevice(self.tree.folder)
        self.assertFalse(collect(device, self.api, threading.Event(), {}, 2).complete)
        self.assertEqual(device.opened, ["a.sdr/metadata.epub.lua", "c.sdr/metadata.epub.lua"])

    def test_without_a_runtime_the_statistics_stay_as_they_were_told(self) -> None:
        self.database("koreader/settings", TABLE, rows=(("T", "A", A, 1),))
        self.assertEqual([d["digest"] for d in self.collect().unmatched], [A])
        os.utime(self.tree.path("koreader/settings/statistics.sqlite3"), (5, 5))
        alone = collect(self.tree.connect(), self.api, threading.Event(), {})
        self.assertEqual(([d["digest"] for d in alone.unmatched], alone.whole, dict(alone.odd)), ([A], True, {}))
        self.assertEqual((self.collect().opened, self.collect().opened), (1, 0))


class Archive(Case):
    def test_the_book_metadata_archive_is_found_wherever_the_reader_keeps_it(self) -> None:
        book = add_book(self.db)
        uuid = self.api.field_for("uuid", book)
        props = {"identifiers": f"calibre:{uuid}"}
        self.tree.sidecar("Gone.epub", "archive", digest=A, status="complete", props=props)
        # In KOReader's own folder, and in a hidden one: the settings say so.
        for n, folder in enumerate((".adds/koreader/arc", ".hidden/arc")):
            digest = f"{n}" * 32
            os.makedirs(self.tree.path(folder))
            with open(self.tree.path(f"{folder}/{digest}.lua"), "w") as file:
                file.write(sidecar_text("/mnt/onboard/x.epub", digest, props=props))
            with open(os.path.join(self.tree.koreader, "settings.reader.lua"), "w") as file:
                file.write(f'return {{ ["document_metadata_arc_folder"] = "/mnt/onboard/{folder}" }}')
            self.collect()
            self.assertEqual(self.digests(book).get(digest), "sidecar", folder)
        self.assertEqual(self.digests(book)[A], "sidecar")
        self.assertEqual(read_marks(self.api, [book])[book][0]["device"], self.collect().device)

    def test_an_archived_sidecar_under_another_digest_is_not_believed(self) -> None:
        self.tree.put(f"Archive/{B}.lua", sidecar_text("/mnt/x.epub", A).encode())
        collected = self.collect()
        self.assertEqual(list(collected.odd.values()), ["name_and_digest_differ"])
        self.assertEqual(collected.unmatched, ())

    def test_a_book_that_took_the_place_of_an_archived_one_is_not_taken_for_it(self) -> None:
        book = add_book(self.db)
        self.tree.put("a.epub", self.api.format(book, "EPUB"))
        self.tree.sidecar("a.epub", "archive", digest=A, status="complete")
        collected = self.collect()
        self.assertNotIn(A, self.digests(book))
        self.assertEqual([d["digest"] for d in collected.unmatched], [A])

    def test_the_last_word_of_a_book_with_several_sidecars_counts(self) -> None:
        book = add_book(self.db)
        digest = self.tree.put("a.epub", self.api.format(book, "EPUB"))
        old, new = (
            self.tree.sidecar("a.epub", "archive", status="abandoned"),
            self.tree.sidecar("a.epub", status="complete"),
        )
        for newest, word in ((new, "complete"), (old, "abandoned")):
            os.utime(old, (1, 1_700_000_000))
            os.utime(new, (1, 1_700_000_000))
            os.utime(newest, (1, 1_700_000_100))
            self.collect()
            self.assertEqual(read_marks(self.api, [book])[book][0]["status"], word)
        self.assertEqual(self.digests(book), {digest: "sidecar"})
