"""Brings what was read from a device home: to the books of a library, their digests, marks and readings."""

from __future__ import annotations

import threading
import time
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..library.calibre_db import CalibreDb
from ..link.contract import DeviceMark, DeviceReading, DocumentStatistics, KnownDigest
from ..memory.marks import keep_marks
from ..memory.readings import keep_readings
from .match import Matcher, document_of
from .read import Look
from .readings import Teller, filled_up
from .state import DeviceDocument, DeviceState, SeenFile, SeenSidecar
from ..copies.digest import name_digest
from ..memory.history import add_digests, known_digest
from ..memory.noticed import note_all
from .odd_file import OddReason
from .sidecar import NAME, Sidecar, archived_digest, book_path, is_conflicting, is_old, mark_of
from .uploads import format_of


@dataclass(frozen=True)
class Collected:
    """What one look at a device brought."""

    device: str
    device_id: str
    # Books of the library of which it tells anything.
    books: frozenset[int]
    # Books whose history, marks or readings changed: worth syncing.
    changed: frozenset[int]
    # Documents of the device that belong to no book of the library.
    unmatched: tuple[DeviceDocument, ...]
    # Paths that two books claim; nothing was learned from them.
    contested: tuple[str, ...]
    # Books whose sidecar was there once and was not found in a whole look: their place can be offered again.
    lost: frozenset[int]
    # Files that could not be read, or not in full, and why: path on the device -> reason.
    odd: Mapping[str, OddReason]
    # How many files were opened; the others were known.
    opened: int
    # False when another look is needed to see the rest.
    complete: bool
    # Whether what was not seen is not there (see `Look`).
    whole: bool
    # Books of the library that were opened there in KOReader.
    read: frozenset[int]


def bring_home(
    api: CalibreDb,
    before: DeviceState,
    look: Look,
    prefixes: Iterable[str],
    uuids: Mapping[str, str],
    abort: threading.Event,
    device_id: str,
) -> Collected:
    """Matches what was read with the library's books, keeps what it tells of them, and completes the state."""
    now = look.now
    home = _Home(Matcher(api, uuids, abort), before, now, device_id)
    home.bring_files()
    home.matcher.keep_seen()
    home.bring_sidecars(list(prefixes))
    home.bring_statistics()
    now["unmatched"] = list(home.unmatched.values())
    # A stopped look has not seen everything, or not known what it saw.
    complete, whole = look.complete and not abort.is_set(), look.whole and not abort.is_set()
    now["held"], now["to_offer"] = home.held_and_lost(whole)
    changed = add_digests(api, home.digests) | keep_marks(api, home.marks) | keep_readings(api, home.readings)
    note_all(api, changed | home.touched, time.time())
    return Collected(
        now["name"],
        device_id,
        frozenset({*home.digests, *home.readings}),
        frozenset(changed),
        tuple(now["unmatched"]),
        tuple(dict.fromkeys(home.matcher.contested)),
        frozenset(b for b, uuid in home.matcher.uuids.items() if uuid in set(now["to_offer"].values())),
        {path: odd["reason"] for path, odd in now["odd"].items()},
        look.opened,
        complete,
        whole,
        frozenset(home.readings),
    )


class _Home:
    """What was found, sorted by book."""

    def __init__(self, matcher: Matcher, before: DeviceState, now: DeviceState, device_id: str) -> None:
        self.matcher = matcher
        self.before = before
        self.now = now
        self.digests: dict[int, list[KnownDigest]] = {}
        self.marks: dict[int, list[DeviceMark]] = {}
        self.readings: dict[int, list[DeviceReading]] = {}
        self.unmatched: dict[str, DeviceDocument] = {}
        self.present: set[int] = set()
        # Books that KOReader wrote something about since the last look, whatever it was.
        self.touched: set[int] = set()
        self._book_at: dict[str, int | None] = {}
        self._clock = time.time()
        self._conflicts: set[str] = set()
        self._teller = Teller(device_id, now["name"], self._dated)

    def bring_files(self) -> None:
        for path, seen in self.now["files"].items():
            book_id = self._book_at[path] = self.matcher.book_of_file(path, seen)
            if book_id is not None:
                self.present.add(book_id)
                found = self._digest_of_file(path, seen)
                self._know(book_id, found)
                # A reader set to *Filename* matching knows the book by this alone.
                for name in names_of(path):
                    self._know(book_id, {**found, "kind": "filename", "digest": name_digest(name), "name": name})

    def held_and_lost(self, whole: bool) -> tuple[dict[str, str], dict[str, str]]:
        """Which sidecars' books are where they say, and which have gone while their book is still there, by digest.

        Only a whole look tells what has gone; what is met again has not, however little was seen.
        """
        before, now = self.before, self.now["held"]
        unseen = {digest: uuid for digest, uuid in before["held"].items() if digest not in now}
        present = {self.matcher.uuids[book_id] for book_id in self.present | self.matcher.books_of_calibre}
        gone = {digest: uuid for digest, uuid in unseen.items() if whole and uuid in present}
        held = {**{digest: uuid for digest, uuid in unseen.items() if digest not in gone}, **now}
        return held, {d: uuid for d, uuid in {**before["to_offer"], **gone}.items() if d not in now}

    @property
    def _sidecars(self) -> dict[str, SeenSidecar]:
        """Those with a content."""
        return {path: entry for path, entry in self.now["sidecars"].items() if entry["sidecar"] is not None}

    def bring_sidecars(self, prefixes: list[str]) -> None:
        """The oldest first, so that the last word of a book with several sidecars counts."""
        sidecars = self._sidecars
        for path, entry in sorted(sidecars.items(), key=lambda each: (each[1]["mtime"], not is_old(each[0]))):
            sidecar = entry["sidecar"]
            # What KOReader had before counts only where there is nothing newer that can be read.
            if sidecar is None or (is_old(path) and path.removesuffix(".old") in sidecars):
                continue
            book, at = self._document(path, sidecar, prefixes)
            contested = book is not None and book in self.matcher.contested
            book_id = None if contested else self.matcher.book_of_sidecar(path, sidecar, at)
            changed = self._dated(entry["mtime"])
            if book_id is None:
                self._leave(sidecar, book, changed)
                continue
            if entry is not self.before["sidecars"].get(path):
                self.touched.add(book_id)
            # An archived one says nothing of what KOReader keeps now.
            if book is not None and archived_digest(path) is None:
                self.now["held"][sidecar["digest"]] = self.matcher.uuids[book_id]
            self._know(book_id, self._digest_of_sidecar(path, sidecar, book, changed))
            self._read_by(book_id, self._teller.of_sidecar(sidecar, entry["mtime"]), is_conflicting(path))
            mark = mark_of(sidecar, self.now["name"])
            if mark is not None:
                self.marks.setdefault(book_id, []).append(mark)

    def _document(self, path: str, sidecar: Sidecar, prefixes: list[str]) -> tuple[str | None, int | None]:
        """The path on the device that a sidecar stands for, and the book that is there."""
        if prefixes:
            book = document_of(path, sidecar, self.now["files"], prefixes)
            return book, self._book_at.get(book) if book else None
        book = book_path(path)
        return book, self.matcher.book_of_calibre(book) if book else None

    def bring_statistics(self) -> None:
        known = {digest["digest"]: book_id for book_id, found in self.digests.items() for digest in found}
        for path, database in self.now["statistics"].items():
            seen = self.before["statistics"].get(path)
            told = set(map(_reading_of, seen["documents"])) if seen else set()
            for document in database["documents"]:
                book_id = known.get(document["digest"]) or self.matcher.book_of_digest(document["digest"])
                opened = self._dated(document["last_open"] or 0.0)
                if book_id is not None:
                    if _reading_of(document) not in told:
                        self.touched.add(book_id)
                    called = self.now["name"]
                    self._know(book_id, known_digest(document["digest"], "statistics", opened, device=called))
                    self._read_by(book_id, self._teller.of_statistics(document))
                else:
                    self._list(document, opened)

    def _dated(self, at: float) -> float:
        """A date that a device tells, as far as it can be one: its clock may stand anywhere."""
        return min(max(at, 0.0), self._clock)

    def _know(self, book_id: int, digest: KnownDigest) -> None:
        self.digests.setdefault(book_id, []).append(digest)

    def _read_by(self, book_id: int, reading: DeviceReading | None, is_conflicting: bool = False) -> None:
        """Of two that a synchroniser could not bring together the newer counts, and what the older alone tells."""
        if reading is None:
            return
        known = self.readings.setdefault(book_id, [])
        same = [each for each in known if (each["digest"], each["source"]) == (reading["digest"], reading["source"])]
        self._conflicts |= {reading["digest"]} if is_conflicting else set()
        known.append(filled_up(reading, same[-1]) if same and reading["digest"] in self._conflicts else reading)

    def _digest_of_file(self, path: str, seen: SeenFile) -> KnownDigest:
        return known_digest(
            seen["digest"],
            "device",
            seen["seen"],
            format=format_of(path),
            name=path.rpartition("/")[2],
            size=seen["size"],
            content_key=seen["content_key"],
            device=self.now["name"],
        )

    def _digest_of_sidecar(self, path: str, sidecar: Sidecar, book: str | None, changed: float) -> KnownDigest:
        seen = self.now["files"].get(book) if book else None
        same = seen if seen is not None and seen["digest"] == sidecar["digest"] else None
        named = NAME.search(path)
        return known_digest(
            sidecar["digest"],
            "sidecar",
            changed,
            format=format_of(book) if book else (named.group(1).upper() if named else None),
            name=(book or sidecar["doc_path"] or "").rpartition("/")[2] or None,
            # The file may be another than the one that was opened first: KOReader keeps the first one's digest.
            size=same["size"] if same else None,
            content_key=same["content_key"] if same else None,
            device=self.now["name"],
        )

    def _leave(self, sidecar: Sidecar, book: str | None, changed: float) -> None:
        self.unmatched[sidecar["digest"]] = {
            "digest": sidecar["digest"],
            "device": self.now["name"],
            "title": sidecar["title"],
            "authors": sidecar["authors"],
            "name": (book or sidecar["doc_path"] or "").rpartition("/")[2] or None,
            "percentage": sidecar["percentage"],
            "at": changed,
            "source": "sidecar",
        }

    def _list(self, document: DocumentStatistics, opened: float) -> None:
        read, pages = document["read"], document["pages"]
        self.unmatched.setdefault(
            document["digest"],
            {
                "digest": document["digest"],
                "device": self.now["name"],
                "title": document["title"],
                "authors": document["authors"],
                "name": None,
                "percentage": min(read / pages, 1.0) if read and pages else None,
                "at": opened or None,
                "source": "statistics",
            },
        )


def names_of(path: str) -> list[str]:
    """What the reader's system calls a file: macOS takes accents apart in the names that it tells of other systems' files."""
    name = path.rpartition("/")[2]
    return list(dict.fromkeys((name, unicodedata.normalize("NFC", name))))


def _reading_of(document: DocumentStatistics) -> tuple[object, ...]:
    """What changes with each reading."""
    return document["digest"], document["last_open"], document["read"]
