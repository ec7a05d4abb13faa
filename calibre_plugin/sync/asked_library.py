"""A library as the command line asks for it: the same reading, predicting and writing as in the window."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from calibre.constants import __version__ as calibre_version
from calibre.constants import cache_dir
from calibre.utils.lock import singleinstance

from . import pull
from . import push
from ..memory.book_memory import logged_books
from ..link.client import BridgeClient
from .annotations import keep_annotations
from .asked_sync import counting_readers, follow_up
from ..devices.annotated import Card, annotated_books
from ..devices.device import SidecarFolder
from ..devices.statistics import StatisticsReader
from .asked_columns import make_usual_columns
from .examine import as_answer, examine_card
from .heard import in_whole_percents
from .move import move, plan_move
from .known_readers import known_readers, look_at_folders
from ..settings.config import Settings, default_profile, map_columns
from ..link.contract import (
    AnnotationReport,
    BookCopies,
    CarryOverResult,
    ColumnField,
    ColumnMapping,
    Empty,
    Examine,
    Examined,
    FindAnnotations,
    FolderLooks,
    FoundAnnotations,
    KeepAnnotations,
    KnownReaders,
    LibraryMoveReport,
    LibraryMoveRequest,
    LibraryPushReport,
    LibraryPushRequest,
    LinkDigest,
    LoggedBooks,
    LookAtFolders,
    MapColumns,
    MappedColumns,
    OneBook,
    OpenLibrary,
    OpenedLibrary,
    Reasons,
    Sentences,
    SyncReport,
    SyncRequest,
    TheseBooks,
    UndoAnnotations,
    UnlinkDigest,
    Unlinked,
)
from ..memory.moved import remembered_accounts
from ..memory.history import link, read_unlinked, unlink
from ..library.snapshot import copy_database, must_be_a_database
from ..library.books import WriteReport, fitting_columns, resolve_columns
from ..copies.log_places import out_of_reach
from ..library.settings import find_settings_again
from ..memory.schema import bring_up_to_date, must_be_ours
from ..memory.mending import remember_again
from ..words.reasons import why_sentence
from ..memory.predict import all_digests, predictor
from ..memory.rebuild import rebuild
from .repair import repair
from .undo import undo_run
from ..copies.stored import NewerSchema, untold_notices
from ..words.stored import notice_sentence
from .unlinking import put_back, restorable, runs_under


class HeadlessError(Exception):
    """A request that cannot be done, by name; the command line makes the sentence."""

    def __init__(self, name: str, **data: object) -> None:
        super().__init__(name)
        self.name = name
        self.data = data


class AskedLibrary:
    """One library, opened for one command."""

    def __init__(self, bridge: Sequence[str], heard: Callable[[str], None]) -> None:
        self._bridge = tuple(bridge)
        self._on_phase = in_whole_percents(heard)
        self._db: Any = None
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        self._columns: list[ColumnMapping] = []
        self._abort = threading.Event()

    def stop(self) -> None:
        """Ends what is under way as soon as that can be done without loss; in whatever thread this is."""
        self._abort.set()

    @property
    def _api(self) -> Any:
        if self._db is None:
            raise HeadlessError("NotOpen")
        return self._db.new_api

    def open(self, params: OpenLibrary) -> OpenedLibrary:
        """Opens `library` if nobody else has, and gathers what left calibre; a dry run works on a copy."""
        path = params["library"]
        if not Path(path, "metadata.db").is_file():
            raise HeadlessError("NoLibrary", library=path)
        if params["dry_run"]:
            self._work_on_a_copy(path)
        elif not singleinstance("db"):
            # As calibredb does: two processes with one library open overwrite each other unseen.
            raise HeadlessError("LibraryOpen", library=path)
        self._db = _opened(os.path.abspath(path))
        self._take_up(params["dry_run"])
        # What left calibre since the last run, from whatever process: the digests that readers know.
        # The folders named in the window count here too: it is one history.
        folders = [*Settings().get("copy_logs"), *params["copy_logs"]]
        rebuild(self._api, folders, self._abort)
        return {
            "book_ids": sorted(self._api.all_book_ids()),
            "out_of_reach": out_of_reach(folders),
            "notices": [notice_sentence(met) for met in untold_notices()],
        }

    def _take_up(self, dry_run: bool) -> None:
        """Brings the library up to date, and lets it remember again what it has lost; a dry run only looks."""
        api = self._api
        find_settings_again(api)
        if dry_run or self._is_newer():
            return
        try:
            bring_up_to_date(api)
        except OSError as error:
            # What is of an older schema can be read as it is.
            print("schema:", repr(error), file=sys.stderr)
        journal = pull.journal_of(api)
        # What a crash left open, here or in the window, is put right before anything new is decided.
        repair(api, journal)
        remember_again(api, journal)

    def _is_newer(self) -> bool:
        try:
            must_be_ours(self._api)
        except NewerSchema:
            return True
        return False

    def _to_be_changed(self) -> Any:
        """The library, which this version may change; else the error says why not."""
        if self._is_newer():
            raise HeadlessError("NewerLibrary")
        return self._api

    def map(self, params: MapColumns) -> MappedColumns:
        """Resolves `columns` (empty: those of calibre's profile) and the account's id."""
        wanted: dict[ColumnField, tuple[str, int | None]] = {
            cast(ColumnField, field): (named["column"], named["scale"]) for field, named in params["columns"].items()
        }
        made: list[str] = []
        mapped = wanted or self._mapped_in_calibre()
        if not mapped and params["needed"]:
            mapped = self._make_usual_columns()
            made = [column for column, _scale in mapped.values()]
        self._columns = self._resolve(mapped)
        account_id = Settings().id_of(params["url"], params["username"])
        return {"columns": self._columns, "account_id": account_id, "made": made}

    def _work_on_a_copy(self, path: str) -> None:
        """Lets calibre use a copy of the database: a dry run learns and predicts as usual, and leaves no trace."""
        self._copy = tempfile.TemporaryDirectory(prefix="koreader-progress-")
        os.environ["CALIBRE_OVERRIDE_DATABASE_PATH"] = str(copy_database(path, self._copy.name))

    def _mapped_in_calibre(self) -> dict[ColumnField, tuple[str, int | None]]:
        """The columns that the library's default profile maps."""
        profile = default_profile(self._api)
        columns = profile["columns"] if profile else {}
        return {field: (mapped["column"], mapped["scale"]) for field, mapped in columns.items()}

    def _make_usual_columns(self) -> dict[ColumnField, tuple[str, int | None]]:
        """What a first look shows: only in the copy that a dry run works on."""
        if self._copy is None:
            raise HeadlessError("NoColumns")
        made = make_usual_columns(self._db)
        # calibre knows new columns from the next opening on.
        library = self._db.library_path
        self._db.close()
        self._db = _opened(library)
        return {shown: (column, None) for shown, column in made.items()}

    def _resolve(self, wanted: Mapping[ColumnField, tuple[str, int | None]]) -> list[ColumnMapping]:
        columns, unusable = resolve_columns(self._api, wanted)
        for field, column in unusable:
            described = self._api.field_metadata.custom_field_metadata().get(column)
            fitting = ", ".join(fitting_columns(self._api, field))
            name = "ColumnUnfit" if described else "ColumnMissing"
            raise HeadlessError(name, field=field, column=column, fitting=fitting)
        return columns

    def look(self, params: LookAtFolders) -> FolderLooks:
        """Reads folders of sidecars without a device; a dry run remembers nothing of it."""
        folders = [SidecarFolder(each["path"], each["name"]) for each in params["folders"]]
        cache = cache_folder()
        statistics = StatisticsReader(self._open_bridge, os.path.join(cache, "statistics")) if cache else None
        keep = self._copy is None
        return {"looks": look_at_folders(folders, self._to_be_changed(), self._abort, statistics, keep)}

    @contextmanager
    def _open_bridge(self) -> Iterator[BridgeClient]:
        with BridgeClient(self._bridge, os.environ) as bridge:
            bridge.hello("command line", cache_folder())
            yield bridge

    def devices(self, _params: Empty) -> KnownReaders:
        """The devices and folders that were read here; whose they are, where a library is open."""
        return {"devices": known_readers(self._db.new_api if self._db is not None else None)}

    def sync(self, params: SyncRequest) -> SyncReport:
        """One pull: the same as in calibre's window, with nobody to ask."""
        account, profile = params["account"], params["profile"]
        api, abort = self._to_be_changed(), self._abort
        predict = predictor(api, self._columns, abort) if params["predict"] else None
        report = WriteReport()
        carried: list[CarryOverResult] = []
        with self._open_bridge() as bridge:
            options = pull.PullOptions(
                reach=params["reach"],
                settle=params["settle"],
                predict=predict,
                readers=counting_readers(api, params),
            )
            pulled = pull.prepare(api, params["book_ids"], account, profile, bridge, options, abort, self._on_phase)
            if not params["dry_run"]:
                map_columns(api, self._columns)
                report = pull.apply(api, pulled, account, profile, pull.settled(pulled.plan)).report
                carried = follow_up(api, pulled, account, profile, bridge, abort, self._on_phase)
        named = {each["book_id"] for key in ("updates", "conflicts", "skipped") for each in pulled.plan[key]}
        return {
            # JSON's keys are text, on both sides of the line.
            "titles": {str(book_id): title or "" for book_id, title in api.all_field_for("title", named).items()},
            "plan": pulled.plan,
            "written": report.written,
            "stale": report.stale,
            "failed": [{"update": update, "error": error} for update, error in report.failed],
            "carried": carried,
        }

    def push(self, params: LibraryPushRequest) -> LibraryPushReport:
        """One push: what calibre's own readers read goes to the server, with nobody to ask."""
        account, profile = params["account"], params["profile"]
        api, abort = self._to_be_changed(), self._abort
        users, typed = params["users"], params["typed"]
        done = push.Pushed()
        with self._open_bridge() as bridge:
            ids = params["book_ids"]
            prepared = push.prepare(api, ids, account, profile, bridge, abort, self._on_phase, users, typed)
            if not params["dry_run"]:
                done = push.apply(api, prepared, account, profile, bridge, abort, self._on_phase)
        return {"plan": prepared.plan, "results": done.results, "written": done.report.written}

    def move(self, params: LibraryMoveRequest) -> LibraryMoveReport:
        """What is remembered for another account goes to this one's server, with nobody to ask."""
        account, profile, ids = params["account"], params["profile"], params["book_ids"]
        api, abort = self._to_be_changed(), self._abort
        source = Settings().id_of(params["source"]["url"], params["source"]["username"])
        remembered = remembered_accounts(api, ids).get(source, 0)
        if not remembered:
            raise HeadlessError("NothingRemembered", **params["source"])
        if source == account["id"]:
            raise HeadlessError("SameAccount")
        with self._open_bridge() as bridge:
            results = plan_move(api, ids, source, account, profile, bridge, abort, self._on_phase)
            if not params["dry_run"]:
                results = move(api, results, ids, source, account, profile, bridge, abort, self._on_phase)
        return {"remembered": remembered, "results": results}

    def log(self, params: TheseBooks) -> LoggedBooks:
        """The reading logs of those of these books that have one."""
        return {"books": list(logged_books(self._api, params["book_ids"]))}

    def copies(self, params: OneBook) -> BookCopies:
        """Every digest of one book: those of its history, then those that its copies would have now."""
        book_id = self._book(params["book_id"])
        return {
            "title": self._api.field_for("title", book_id),
            "digests": all_digests(self._api, self._mapped(), book_id),
            "unlinked": read_unlinked(self._api, [book_id]).get(book_id, []),
        }

    def examine(self, params: Examine) -> Examined:
        """What runs here, and what lies on a mounted card where one is named. Needs no library."""
        folder = params["device"]
        card = as_answer(examine_card(folder, self._abort)) if folder is not None else None
        return {"calibre": calibre_version, "card": card}

    def annotations(self, params: FindAnnotations) -> FoundAnnotations:
        """What readers marked in these books, as their sidecars below the folders tell. Changes nothing."""
        cards = [Card.at(folder) for folder in params["folders"]]
        profile, target = self._profile_id(), params["target"]
        return annotated_books(self._api, cards, params["book_ids"], self._abort, profile, target)

    def keep_annotations(self, params: KeepAnnotations) -> AnnotationReport:
        """Writes planned annotations into calibre's own, for the person of calibre's default profile."""
        api = self._to_be_changed()
        journal, profile = pull.journal_of(api), self._profile_id()
        return keep_annotations(api, journal, profile, "", params["target"], params["plans"])

    def undo_annotations(self, params: UndoAnnotations) -> AnnotationReport:
        """Takes back what a run wrote into calibre's own annotations."""
        api = self._to_be_changed()
        journal = pull.journal_of(api)
        run = journal.newest("annotations") if params["run"] is None else journal.run(params["run"])
        if run is None or not run.standing_annotations:
            raise HeadlessError("NoRun", run=params["run"])
        undone = undo_run(api, journal, run, abort=self._abort)
        return {"run": undone.id, "written": undone.annotations, "stale": undone.annotations_left}

    def _profile_id(self) -> str:
        stored = default_profile(self._api)
        return stored["id"] if stored is not None else ""

    def link(self, params: LinkDigest) -> Empty:
        """Makes a digest this book's for good."""
        link(self._to_be_changed(), self._book(params["book_id"]), params["digest"])
        return {}

    def unlink(self, params: UnlinkDigest) -> Unlinked:
        """Makes sure that a digest is never taken for this book's again; puts back what it wrote, when `restore` says so."""
        book_id, digest = self._book(params["book_id"]), params["digest"]
        unlink(self._to_be_changed(), book_id, digest)
        runs = runs_under(self._api, book_id, digest)
        if params["restore"]:
            report = put_back(self._api, runs, [book_id], self._abort)
            return {"restored": report.written, "restorable": restorable(self._api, book_id, runs)}
        return {"restored": [], "restorable": restorable(self._api, book_id, runs)}

    def _book(self, book_id: int) -> int:
        if book_id not in self._api.all_book_ids():
            raise HeadlessError("NoBook", book_id=book_id)
        return book_id

    def _mapped(self) -> list[ColumnMapping]:
        """The columns that calibre's default profile maps, as far as they are still there."""
        profile = default_profile(self._api)
        wanted = profile["columns"].items() if profile else ()
        return resolve_columns(self._api, {field: (to["column"], to["scale"]) for field, to in wanted})[0]

    def explain(self, params: Reasons) -> Sentences:
        """The sentence of each reason."""
        return {"sentences": [why_sentence(why) for why in params["reasons"]]}

    def close(self, params: Empty) -> Empty:
        """Lets go of the library."""
        if self._db is not None:
            self._db.close()
            self._db = None
        if self._copy is not None:
            self._copy.cleanup()
            self._copy = None
        return {}


def _opened(path: str) -> Any:
    from calibre.db.legacy import LibraryDatabase

    must_be_a_database(path)
    return LibraryDatabase(path)


def cache_folder() -> str | None:
    """The folder of the window's own cache: what a server did not know is known to both. None where there can be none."""
    folder = Path(cache_dir(), "koreader_progress")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return str(folder)
