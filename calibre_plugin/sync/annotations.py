"""A reader's annotations in calibre's own: what was planned is written, journalled, and remembered book by book."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

from ..library.annotations import (
    AnnotationChange,
    brought_back,
    is_removal,
    place_of,
    removal,
    says_the_same,
    stamped,
    standing_annotations,
)
from ..library.book_data import fetch, keep
from ..library.book_shapes import ANNOTATIONS
from ..library.calibre_db import CalibreDb
from ..link.client import Bridge
from ..link.contract import (
    AnnotationPlan,
    AnnotationReport,
    AnnotationWrite,
    CalibreAnnotation,
    Deletions,
    FoundAnnotations,
)
from ..memory.book_names import BookNames
from ..memory.journal import WriteJournal
from ..memory.journal_run import AnnotationEntry, Run
from ..memory.journaled import Journaled

# Books whose annotations are journalled, written and remembered together: what a crash cuts off is found again.
_AT_ONCE: Final = 50
# Books in one question: each is opened and read, so that a stop is noticed soon.
_ASKED_AT_ONCE: Final = 20
# (done, total, phase).
OnPhase = Callable[[int, int, str], None]


def plan_annotations(
    found: FoundAnnotations,
    target: str,
    deletions: Deletions,
    bridge: Bridge,
    abort: threading.Event,
    on_phase: OnPhase,
) -> list[AnnotationPlan]:
    """What becomes of these annotations, each proved in the library's own file. Writes nothing. Raises SyncError.

    `found` was found for the same target.
    """
    books, plans = found["books"], list[AnnotationPlan]()
    for start in range(0, len(books), _ASKED_AT_ONCE):
        some = books[start : start + _ASKED_AT_ONCE]
        asked = {"books": some, "target": target, "deletions": deletions, "time_zone": None}
        plans += bridge.request("annotations/plan", asked, abort=abort)["plans"]
        on_phase(len(plans), len(books), "proving")
    return plans


def keep_annotations(
    api: CalibreDb, journal: WriteJournal, profile: str, account: str, target: str, plans: Sequence[AnnotationPlan]
) -> AnnotationReport:
    """Writes what the plans say where calibre still holds what they were made of, and remembers what was seen.

    Raises OSError when the journal cannot be kept: then nothing more was written.
    """
    written = wanted = 0
    if not any(plan["writes"] for plan in plans):
        _remember(api, profile, [(plan, []) for plan in plans])
        return {"run": None, "written": 0, "stale": 0}
    with Journaled(api, journal, "annotations", profile, account) as run:
        for start in range(0, len(plans), _AT_ONCE):
            some = plans[start : start + _AT_ONCE]
            changes = {
                (plan["book_id"], at): stamped(_change_of(plan["book_id"], write))
                for plan in some
                for at, write in enumerate(plan["writes"])
                if plan["book_id"] in run.names
            }
            done = run.annotate(target, list(changes.values()))
            places = {(change.book_id, change.place) for change in done}
            made = {key for key, change in changes.items() if (change.book_id, change.place) in places}
            _remember(
                api,
                profile,
                [
                    (plan, [write for at, write in enumerate(plan["writes"]) if (plan["book_id"], at) in made])
                    for plan in some
                ],
            )
            written, wanted = written + len(done), wanted + len(changes)
    return {"run": run.id, "written": written, "stale": wanted - written}


def _change_of(book_id: int, write: AnnotationWrite) -> AnnotationChange:
    return AnnotationChange(book_id, write["format"], write["before"], write["after"])


def _remember(api: CalibreDb, profile: str, done: Sequence[tuple[AnnotationPlan, Sequence[AnnotationWrite]]]) -> None:
    stored = fetch(api, ANNOTATIONS, [plan["book_id"] for plan, _writes in done])
    changed: dict[int, Any] = {}
    for plan, writes in done:
        kept: dict[str, Any] = {**plan["kept"]}
        kept["annotations"] = {
            **kept.get("annotations", {}),
            **{write["uuid"]: write["kept"] for write in writes if write["kept"]},
        }
        before = stored.get(plan["book_id"], {})
        if before.get(profile) != kept:
            changed[plan["book_id"]] = {**before, profile: kept}
    keep(api, ANNOTATIONS, changed)


def take_back(
    api: CalibreDb, run: Run, names: BookNames, only: Collection[int] | None = None
) -> tuple[list[tuple[str, AnnotationChange]], dict[int, int | None]]:
    """What takes back the annotations of a run, with the target of each, and by which ids the run knows the books.

    The last written comes first. One that was changed since is left alone.
    """
    changes: list[tuple[str, AnnotationChange]] = []
    undoes: dict[int, int | None] = {}
    here: dict[tuple[int, str], dict[str, CalibreAnnotation]] = {}
    for entry in reversed(run.standing_annotations):
        book_id = names.book_of(entry.book)
        if book_id is None or (only is not None and book_id not in only):
            continue
        if (book_id, entry.target) not in here:
            standing = standing_annotations(api, book_id, entry.target)
            here[book_id, entry.target] = {
                place_of(one["format"], one["annotation"]): one["annotation"] for one in standing
            }
        undoes[book_id] = entry.book.id
        now = here[book_id, entry.target].get(entry.place)
        before = now if says_the_same(now, entry.after) else entry.after
        changes.append((entry.target, stamped(AnnotationChange(book_id, entry.format, before, _earlier(entry)))))
    return changes, undoes


def _earlier(entry: AnnotationEntry) -> CalibreAnnotation:
    """What stood there before; an annotation that was new is removed by a mark, and one that was removed is brought back."""
    if entry.before is None:
        return removal(entry.after)
    return brought_back(entry.before) if is_removal(entry.after) and not is_removal(entry.before) else entry.before
