"""Progress reaches the book it was read in, and no other: real libraries, copies, devices, bridge and server."""

from __future__ import annotations

import io
import itertools
import os
import random
import shutil
import sys
import threading
import time
import unittest
import unittest.mock
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from calibre.ebooks.metadata import epub
from calibre.ebooks.metadata.meta import set_metadata
from calibre_plugins.koreader_progress.settings import config
from calibre_plugins.koreader_progress.copies import log as copy_log
from calibre_plugins.koreader_progress.memory import history
from calibre_plugins.koreader_progress.memory import names
from calibre_plugins.koreader_progress.sync import pull
from calibre_plugins.koreader_progress.memory import rebuild
from calibre_plugins.koreader_progress.link.client import BridgeClient
from calibre_plugins.koreader_progress.copies.content_key import content_key, old_and_new_key
from calibre_plugins.koreader_progress.copies.record import CopyRecord
from calibre_plugins.koreader_progress.devices.device import collect
from calibre_plugins.koreader_progress.copies.digest import file_digest, name_digest, partial_md5
from calibre_plugins.koreader_progress.memory.predict import predictor
from calibre_plugins.koreader_progress.copies.strip_list import our_folder
from calibre_plugins.koreader_progress.sync.offers import alike_copies, offers_of
from calibre_plugins.koreader_progress.words.explain import why_text
from device_tree import DeviceTree
from epubs import Recipe, make_epub
from libraries import add_book, make_library, new_folder, open_library, run
from pictures import comic, comic_archive, novel

sys.path.append(str(Path(__file__).resolve().parent.parent.parent / "gui"))
from kosync import KosyncServer, userkey

READERS = itertools.count()
ABORT = threading.Event()
COLUMNS = [("pct", "int", {}), ("status", "text", {}), ("place", "text", {})]


def unheard(_done: int, _total: int, _phase: str) -> None:
    """Nobody watches."""


def made_copy(api: Any, book: int) -> bytes:
    """A copy as calibre makes it for a device or a download; the plugin logs it."""
    stream = io.BytesIO(api.format(book, "EPUB"))
    set_metadata(stream, api.get_metadata(book), "epub")
    return stream.getvalue()


def digest_of(data: bytes) -> str:
    return partial_md5(io.BytesIO(data))


class Case(unittest.TestCase):
    server: KosyncServer
    bridge: BridgeClient

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = KosyncServer()
        cls.addClassCleanup(cls.server.stop)
        cls.bridge = BridgeClient([os.environ["TEST_NODE"], os.environ["TEST_BRIDGE"]], os.environ)
        cls.addClassCleanup(cls.bridge.stop)
        cls.bridge.hello("test", None)

    def setUp(self) -> None:
        shutil.rmtree(our_folder(), ignore_errors=True)
        copy_log._own.file = None
        self.user = (f"reader {next(READERS)}", "correct horse")
        self.server.register(*self.user)
        self.db = self.library()
        self.account = config.new_account(self.server.url, self.user[0], userkey(self.user[1]))

    def library(self) -> Any:
        db = make_library(COLUMNS)
        self.addCleanup(lambda: db.close())
        return db

    def sync(self, db: Any, predicting: bool = False) -> dict[int, str]:
        """One sync of a whole library with nothing to decide: the document that each written book got its place from."""
        api = db.new_api
        rebuild.rebuild(api)
        stored = config.new_profile("one", "one", self.account["id"])
        stored["columns"] = {shown: {"column": f"#{label}", "scale": None} for shown, label in SHOWN.items()}
        stored["ran_before"] = True
        profile, unusable = config.resolve_profile(api, stored)
        self.assertEqual(unusable, [])
        predict = predictor(api, profile["columns"]) if predicting else None
        options = pull.PullOptions("chosen", predict=predict)
        ids = sorted(api.all_book_ids())
        self.pulled = pull.prepare(api, ids, self.account, profile, self.bridge, options, ABORT, unheard)
        self.profile = profile
        bases = {base["book_id"]: base["document"] for base in self.pulled.plan["bases"]}
        asked = {one["book_id"]: one["base"]["document"] for one in self.pulled.plan["conflicts"]}
        pull.apply(api, self.pulled, self.account, profile)
        return {**bases, **asked}

    def percent(self, db: Any, book: int) -> int | None:
        return db.new_api.field_for("#pct", book)


SHOWN = {"percent": "pct", "status": "status", "place": "place"}


class TwoVolumes(Case):
    """Every page of a comic is the same few words around another picture."""

    def volumes(self) -> tuple[bytes, bytes]:
        return comic("one"), comic("two")

    def test_a_volume_that_was_read_and_removed_does_not_finish_the_next(self) -> None:
        for first, second in (self.volumes(), self.converted(), self.two_novels()):
            one, two = add_book(self.db, first, title="Volume 1"), add_book(self.db, second, title="Volume 2")
            self.server.push(self.user, digest_of(made_copy(self.db.new_api, one)), 1.0)
            self.sync(self.db)
            self.assertEqual((self.percent(self.db, one), self.percent(self.db, two)), (100, None))
            self.db.new_api.remove_books([one], permanent=True)
            self.assertNotIn(two, self.sync(self.db))
            self.assertEqual(self.percent(self.db, two), None)

    def test_a_volume_of_another_library_is_not_this_librarys(self) -> None:
        for first, second in (self.volumes(), self.converted(), self.two_novels()):
            other = self.library()
            one, two = add_book(self.db, first, title="Volume 1"), add_book(other, second, title="Volume 2")
            digest = digest_of(made_copy(self.db.new_api, one))
            self.server.push(self.user, digest, 0.62)
            self.assertEqual(self.sync(other), {})
            self.assertEqual(self.percent(other, two), None)
            self.assertIn(digest, {d["digest"] for o in rebuild.rebuild(other.new_api).orphans for d in o.digests})

    def test_a_volume_on_the_device_is_not_the_one_in_the_library(self) -> None:
        for first, second in (self.volumes(), self.converted(), self.two_novels()):
            other, tree = self.library(), DeviceTree()
            one, two = add_book(other, first, title="Volume 1"), add_book(self.db, second, title="Volume 2")
            digest = tree.put("Books/volume.epub", made_copy(other.new_api, one))
            tree.sidecar("Books/volume.epub")
            self.server.push(self.user, digest, 1.0)
            collected = collect(tree.device, self.db.new_api, ABORT, {})
            self.assertIn(digest, {document["digest"] for document in collected.unmatched})
            self.assertNotIn(two, self.sync(self.db))
            self.assertEqual(self.percent(self.db, two), None)

    def test_two_volumes_that_claim_one_document_both_go_without(self) -> None:
        one, two = (add_book(self.db, data, title="Volume") for data in self.volumes())
        for book in (one, two):
            history.add_digests(self.db.new_api, {book: [history.known_digest("a" * 32, "sent", 1.0)]})
        self.server.push(self.user, "a" * 32, 0.5)
        self.assertEqual(self.sync(self.db), {})

    def test_a_comic_is_found_by_its_digests_wherever_it_went(self) -> None:
        other, tree = self.library(), DeviceTree()
        first, second = self.volumes()
        here, there = add_book(self.db, first, title="Volume 1"), add_book(other, first, title="Volume 1")
        add_book(self.db, second, title="Volume 2")
        # By the log of another library, by a device, and by its place carried over to a newer copy.
        digest = digest_of(made_copy(other.new_api, there))
        self.server.push(self.user, digest, 0.3)
        self.assertEqual(self.sync(self.db), {here: digest})
        alone = io.BytesIO(first)
        epub.set_metadata(alone, self.db.new_api.get_metadata(here))
        on_device = tree.put("Books/volume.epub", alone.getvalue())
        tree.sidecar("Books/volume.epub")
        collect(tree.device, self.db.new_api, ABORT, {})
        self.sync(self.db)
        self.assertIn(on_device, [one["document"] for one in self.pulled.plan["carry_overs"]])
        # A server's clock counts seconds.
        time.sleep(1.1)
        self.server.push(self.user, on_device, 0.4)
        self.assertEqual(self.sync(self.db), {here: on_device})

    def test_a_book_whose_pages_cannot_be_told_apart_is_found_and_says_why_its_place_stays_where_it_is(self) -> None:
        book = add_book(self.db, comic("none", pictures=False), title="Bare pages")
        digest = digest_of(made_copy(self.db.new_api, book))
        self.server.push(self.user, digest, 0.3)
        self.assertEqual(self.sync(self.db), {book: digest})
        copies = {book: [history.known_digest("c" * 32, "sent", time.time(), format="EPUB")]}
        history.add_digests(self.db.new_api, copies)
        offers = offers_of(self.db.new_api, self.account["id"], self.profile, [book])
        self.assertEqual([offer["document"] for offer in offers], [digest])
        left = alike_copies(self.db.new_api, offers)
        self.assertEqual(
            [(one["carry_over"]["document"], one["why"]["code"]) for one in left], [("c" * 32, "offer_pages_alike")]
        )
        self.assertIn("cannot be told apart", why_text(left[0]["why"]))

    def converted(self) -> tuple[bytes, bytes]:
        """What calibre itself makes of two comics."""
        made = []
        for volume in ("c1", "c2"):
            folder = new_folder("conversion")
            source, target = os.path.join(folder, "comic.cbz"), os.path.join(folder, "comic.epub")
            with open(source, "wb") as file:
                file.write(comic_archive(volume))
            run("ebook-convert", source, target, "--no-process", "--title", "Comic")
            with open(target, "rb") as file:
                made.append(file.read())
        return made[0], made[1]

    def two_novels(self) -> tuple[bytes, bytes]:
        """Of which nothing but the title page is found: the archive writes the chapter's name in capital letters."""
        one, two = (novel(text, kept="Chapter.xhtml") for text in ("A stormy night", "A sunny day"))
        return one, two


class OddNames(Case):
    def test_a_book_whose_names_were_taken_apart_has_its_place_and_its_place_on_the_next_copy(self) -> None:
        data = novel("A sentence", "caf\u00e9.xhtml", "cafe\u0301.xhtml")
        book = add_book(self.db, data, title="Decomposed")
        api = self.db.new_api
        digest = digest_of(made_copy(api, book))
        record = {"document": digest, "progress": "/body/DocFragment[2]/body/p[3]/text().0", "percentage": 0.4}
        self.server.call("PUT", "/syncs/progress", {**record, "device": "Kobo", "device_id": "K"}, self.user)
        self.assertEqual(self.sync(self.db), {book: digest})
        self.assertIn("A sentence 2", api.field_for("#place", book))
        # A copy that left a calibre which does not settle: another file, of the same text.
        stream = io.BytesIO(data)
        epub.set_metadata(stream, api.get_metadata(book))
        newer, key = digest_of(stream.getvalue()), content_key(stream)
        self.assertNotEqual(newer, digest)
        history.add_digests(
            api, {book: [history.known_digest(newer, "sent", time.time(), content_key=key, format="EPUB")]}
        )
        self.sync(self.db)
        self.assertEqual([one["document"] for one in self.pulled.plan["carry_overs"]], [newer])


class EarlierKeys(Case):
    """Libraries and logs of before content keys knew pictures."""

    def old_key(self, data: bytes) -> str:
        path = os.path.join(new_folder("old"), "book.epub")
        with open(path, "wb") as file:
            file.write(data)
        keys = old_and_new_key(path)
        assert keys is not None
        return keys.old

    def log(self, uuid: str, digest: str, key: str, at: float) -> None:
        record = CopyRecord(at=at, source="sent", uuid=uuid, kind="partial_md5", digest=digest, content_key=key)
        copy_log.append({**record, "format": "EPUB", "title": "T", "authors": ["A"]})

    def test_a_copy_logged_before_stays_its_books_and_no_other_books(self) -> None:
        data = comic("one")
        book, twin = add_book(self.db, data, title="Here"), comic("two")
        other = self.library()
        there = add_book(other, twin, title="Volume 2")
        api = self.db.new_api
        self.assertEqual(self.old_key(data), self.old_key(twin))
        self.log(api.field_for("uuid", book), "a" * 32, self.old_key(data), 5e9)
        self.server.push(self.user, "a" * 32, 0.62)
        self.assertEqual(self.sync(other), {})
        self.assertEqual(self.percent(other, there), None)
        self.assertEqual(self.sync(self.db), {book: "a" * 32})

    def test_a_place_read_before_is_carried_over_to_a_copy_of_now(self) -> None:
        for name, data, at in (("novel", make_epub(Recipe("novel")), 1.0), ("comic", comic("one"), 5e9)):
            book = add_book(self.db, data, title=name)
            digest = digest_of(name.encode())
            self.log(self.db.new_api.field_for("uuid", book), digest, self.old_key(data), at)
            newer = digest_of(made_copy(self.db.new_api, book))
            self.server.push(self.user, digest, 0.4)
            with self.subTest(name):
                self.sync(self.db)
                offered = [(one["book_id"], one["document"]) for one in self.pulled.plan["carry_overs"]]
                self.assertIn((book, newer), offered)

    def test_a_comic_whose_file_was_replaced_since_is_not_the_copy_of_before(self) -> None:
        book = add_book(self.db, comic("two"), title="Comic")
        self.log(self.db.new_api.field_for("uuid", book), "a" * 32, self.old_key(comic("one")), 1.0)
        made_copy(self.db.new_api, book)
        self.server.push(self.user, "a" * 32, 0.4)
        self.sync(self.db)
        self.assertEqual(self.pulled.plan["carry_overs"], [])

    def test_histories_are_gone_through_once_and_a_stop_loses_nothing(self) -> None:
        from calibre_plugins.koreader_progress.memory import rekey

        api = self.db.new_api
        data = make_epub(Recipe("many"))
        old = self.old_key(data)
        ids = [add_book(self.db, data, title=f"Book {n}") for n in range(3)]
        found = {b: [history.known_digest(f"{b:032x}", "sent", 1.0, content_key=old, format="EPUB")] for b in ids}
        history.add_digests(api, found, log=False)
        stop = threading.Event()
        stop.set()
        self.assertEqual(rekey.rekey(api, ids, stop), set())
        rebuild.rebuild(api)
        keys = {d["content_key"] for known in history.read_digests(api, ids).values() for d in known}
        self.assertEqual(keys, {content_key(io.BytesIO(data))})
        with unittest.mock.patch.object(rebuild, "rekey") as again:
            rebuild.rebuild(api)
            again.assert_not_called()


@dataclass
class World:
    """A library as it may come about, and of each document what it is a copy of."""

    rng: random.Random
    # What each document is a copy of, and the uuid under which it left: two copies may have one digest.
    copies: dict[str, list[tuple[bytes, str]]] = field(default_factory=dict)

    def work(self) -> bytes:
        """Three in four share their pages' text with another work."""
        family, volume = self.rng.randrange(2), self.rng.randrange(4)
        made = (
            lambda: comic(f"{family}/{volume}", 3 + family),
            lambda: novel(f"{family} {volume}", kept="Chapter.xhtml"),
            lambda: comic(f"{family}/{volume}", 5),
            lambda: novel(f"Novel {family} {volume}"),
        )
        return self.rng.choice(made)()


class Generated(Case):
    def test_no_progress_is_written_to_a_book_unless_it_was_read_in_it(self) -> None:
        written = 0
        for seed in range(int(os.environ.get("TEST_WORLDS", "6"))):
            self.setUp()
            with self.subTest(seed=seed):
                written += self.one_world(World(random.Random(seed)))
        # Were nothing written, this test would prove nothing.
        self.assertGreater(written, 12)

    def one_world(self, world: World) -> int:
        rng, elsewhere, tree = world.rng, self.library(), DeviceTree()
        uuids = [f"{rng.getrandbits(32):08x}-0000-4000-8000-{n:012x}" for n in range(6)]
        for n in range(16):
            db = self.db if n % 2 else elsewhere
            title = "The Same Name" if rng.random() < 0.2 else f"Book {n}"
            data = world.work()
            book = add_book(db, data, title=title)
            if rng.random() < 0.3:
                db.new_api.backend.execute("UPDATE books SET uuid=? WHERE id=?", (rng.choice(uuids), book))
        paths = [db.library_path for db in (self.db, elsewhere)]
        for db in (self.db, elsewhere):
            db.close()
        self.db, elsewhere = map(open_library, paths)
        self.addCleanup(self.db.close)
        self.addCleanup(elsewhere.close)
        for db in (self.db, elsewhere):
            api = db.new_api
            for book in sorted(api.all_book_ids()):
                made = made_copy(api, book)
                told = (api.format(book, "EPUB"), api.field_for("uuid", book))
                world.copies.setdefault(digest_of(made), []).append(told)
                if rng.random() < 0.4:
                    name = f"Books/{book}{'a' if db is elsewhere else ''}.epub"
                    tree.put(name, made)
                    tree.sidecar(name)
                if db is self.db and rng.random() < 0.3:
                    api.remove_books([book], permanent=True)
        collect(tree.device, self.db.new_api, ABORT, {})
        for document in world.copies:
            self.server.push(self.user, document, rng.choice((0.2, 0.5, 1.0)))
        got = self.sync(self.db, predicting=True)
        for book, document in got.items():
            self.assert_read_in(world, book, document)
        return len(got)

    def assert_read_in(self, world: World, book: int, document: str) -> None:
        api = self.db.new_api
        path = api.format_abspath(book, "EPUB")
        own = {file_digest(path), *(d["digest"] for d in predictor(api, self.profile["columns"])(book))}
        own |= {name_digest(name) for name in names.names_on_readers(api, book)}
        if document in own:
            return
        here = (api.format(book, "EPUB"), api.field_for("uuid", book))
        of_this = [told for told in world.copies[document] if told[0] == here[0] or told[1] == here[1]]
        self.assertTrue(of_this, f"book {book} got the place of a copy of another")
