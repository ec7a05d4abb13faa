"""What the library remembers of each book and account: the base, what we wrote, what was declined, the reading log.

Kept as calibre's custom book data, so that it goes where the library goes and a restored library has a matching base.
Nothing here touches a column, the book's files, or the time it was last modified.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from ..library.calibre_db import CalibreDb
from ..library.book_data import fetch, keep
from .account_key import own_key
from .book_names import BookNames
from ..library.book_shapes import LOG, MEMORY
from ..link.contract import (
    Base,
    Book,
    Cell,
    ColumnUpdate,
    Declined,
    LocalChange,
    LoggedBook,
    Observation,
    Placeless,
    Profile,
    Progress,
    PullPlan,
)
from .journal_run import BaseChange, Decision, Record, record_of
from .memory_log import log_decisions, log_memory
from .one_memory import decline_record, is_same_base, is_same_record, keep_base, memory_of, want_again

# More of a log is never needed to decide; all of it is kept.
SENT_OBSERVATIONS: Final = 100

# Whoever reads a book's memory to change it: runs in their job and the reader's own edits must not undo each other.
changing = threading.RLock()


@dataclass
class Outcome:
    """What became of a plan: the cells really written, and the conflicts that the reader decided."""

    written: list[ColumnUpdate] = field(default_factory=list)
    # Books whose conflict was decided for the server (its updates count as planned) and for the library.
    theirs: set[int] = field(default_factory=set)
    ours: set[int] = field(default_factory=set)
    # Books whose writing failed or was cut short through no wish of the reader's: offered again next time.
    failed: set[int] = field(default_factory=set)


def recall(api: CalibreDb, account: str, book_ids: Iterable[int], profile: str = "") -> dict[int, dict[str, Any]]:
    """The remembered fields of `Book`, by id, for those that have any: merge each into what `read_books` sends.

    A profile without a base of its own gets the one kept last by another: for the columns that both show it holds. One
    that got its account later goes on from what it agreed on without.
    """
    ids = list(book_ids)
    if not ids:
        return {}
    logs = fetch(api, LOG, ids)
    memories = fetch(api, MEMORY, ids)
    recalled: dict[int, dict[str, Any]] = {}
    for book_id in ids:
        log, kept = logs.get(book_id), memories.get(book_id)
        if not log and not kept:
            continue
        memory = memory_of(kept, account, profile)
        base = memory["bases"].get(profile) or next(reversed(memory["bases"].values()), None)
        observations = _heard(log or {}, account, profile)[-SENT_OBSERVATIONS:]
        recalled[book_id] = {
            "base": None if base is None else {**base, "book_id": book_id},
            "changed_at": memory["changed_at"],
            "written": memory["written"],
            "declined": memory["declined"],
            "observations": [{**entry, "book_id": book_id} for entry in observations],
        }
    return recalled


def _heard(log: Mapping[str, Any], account: str, profile: str) -> list[Any]:
    """What was heard by this account, and by the profile before it had any; in the order of hearing."""
    earlier = log.get(own_key(profile), ()) if account != own_key(profile) else ()
    return sorted([*earlier, *log.get(account, ())], key=lambda entry: entry["at"])


def kept_bases(api: CalibreDb, account: str, book_ids: Iterable[int]) -> dict[int, list[Base]]:
    """What was agreed on with this account, by book id, for those that have any; of whichever profile."""
    kept = {book_id: memory_of(value, account)["bases"] for book_id, value in fetch(api, MEMORY, [*book_ids]).items()}
    return {book_id: [*bases.values()] for book_id, bases in kept.items() if bases}


def merge_into(book: Book, remembered: Mapping[int, Mapping[str, Any]]) -> Book:
    """A book as the bridge wants it, with what the library remembers of it."""
    return cast(Book, {**book, **remembered.get(book["book_id"], {})})


def base_changes(
    plan: PullPlan, outcome: Outcome, names: BookNames, api: CalibreDb, account: str, profile: str
) -> list[BaseChange]:
    """The bases that `remember` would change, for the write journal: record them before."""
    bases = {base["book_id"]: base for base in plan["bases"]}
    bases.update({asked["book_id"]: asked["base"] for asked in plan["conflicts"] if asked["book_id"] in outcome.theirs})
    settled = _settled(plan, outcome)
    old = fetch(api, MEMORY, [book_id for book_id in bases if book_id in settled])
    return [
        BaseChange(names.name_of(book_id), memory_of(old.get(book_id), account)["bases"].get(profile), base)
        for book_id, base in bases.items()
        if book_id in settled and book_id in names
    ]


def decided(
    plan: PullPlan, wanted: Iterable[ColumnUpdate], theirs: Collection[int], ours: Collection[int], names: BookNames
) -> list[Decision]:
    """What `remember` will keep of the reader's decisions, for the write journal: record them before anything is written.

    Only books that are written to or refused; of a book that needs no writing the next sync finds the same again.
    """
    accepted = {(update["book_id"], update["column"]) for update in wanted}
    bases: dict[int, Base | Placeless] = {each["book_id"]: each for each in (*plan["placeless"], *plan["bases"])}
    bases.update({asked["book_id"]: asked["base"] for asked in plan["conflicts"] if asked["book_id"] in theirs})
    planned = [*plan["updates"], *(each for asked in plan["conflicts"] for each in asked["updates"])]
    refused = {each["book_id"] for each in planned if (each["book_id"], each["column"]) not in accepted}
    concerned = {book_id for book_id, _column in accepted} | {update["book_id"] for update in plan["updates"]}
    records = {book_id: (record_of(bases[book_id]), book_id not in refused) for book_id in concerned & bases.keys()}
    records.update(
        {
            asked["book_id"]: (record_of(asked["theirs"]), False)
            for asked in plan["conflicts"]
            if asked["book_id"] in ours
        }
    )
    return [
        Decision(names.name_of(book_id), record, is_accepted)
        for book_id, (record, is_accepted) in records.items()
        if book_id in names
    ]


def remember(
    api: CalibreDb,
    account: str,
    profile: Profile,
    plan: PullPlan,
    outcome: Outcome,
    book_ids: Iterable[int],
    started: float,
    now: float,
) -> None:
    """Keeps what a run over `book_ids` leaves behind, after its cells are written.

    A book's base is kept only when all its cells are written or needed no writing; what was left unticked, or decided
    for the library, is declined, and not offered again until something newer is read. `started` and `now` are the
    run's start and end, epoch seconds.
    """
    planned = {base["book_id"]: base for base in plan["bases"]}
    planned.update(
        {asked["book_id"]: asked["base"] for asked in plan["conflicts"] if asked["book_id"] in outcome.theirs}
    )
    with changing:
        _remember(api, account, profile, plan, outcome, planned, set(book_ids), started, now)
    observe(api, account, plan["observations"])


def _remember(
    api: CalibreDb,
    account: str,
    profile: Profile,
    plan: PullPlan,
    outcome: Outcome,
    planned: Mapping[int, Base],
    book_ids: Collection[int],
    started: float,
    now: float,
) -> None:
    settled = _settled(plan, outcome)
    kept = _load(api, MEMORY, book_ids)
    before = copy.deepcopy(kept)
    changes: dict[int, dict[str, float]] = {}
    for change in plan["local_changes"]:
        changes.setdefault(change["book_id"], {})[change["column"]] = change["at"]
    mapped = {mapping["column"] for mapping in profile["columns"]}
    placeless_ids = {placeless["book_id"] for placeless in plan["placeless"]}
    touched = (
        set(planned) | placeless_ids | {update["book_id"] for update in outcome.written} | outcome.ours | set(changes)
    )
    for book_id in touched | set(kept):
        memory = memory_of(kept.get(book_id), account, profile["id"])
        # What the plan no longer calls a change is none, unless it was made while the run was under way, or in a
        # column that this profile does not look at.
        others = {column: at for column, at in memory["changed_at"].items() if at > started or column not in mapped}
        memory["changed_at"] = {**changes.get(book_id, {}), **others}
        kept.setdefault(book_id, {})[account] = memory
    for update in outcome.written:
        memory = kept[update["book_id"]][account]
        memory["written"][update["column"]] = update["after"]
        memory["changed_at"].pop(update["column"], None)
    for book_id, base in planned.items():
        if book_id in settled:
            keep_base(kept[book_id][account], profile["id"], base)
        elif book_id not in outcome.failed:
            decline_record(kept[book_id][account], base, now)
    for placeless in plan["placeless"]:
        if placeless["book_id"] not in settled | outcome.failed:
            decline_record(kept[placeless["book_id"]][account], placeless, now)
    for asked in plan["conflicts"]:
        if asked["book_id"] in outcome.ours:
            decline_record(kept[asked["book_id"]][account], asked["theirs"], now)
    keep(api, MEMORY, {book_id: value for book_id, value in kept.items() if value != before.get(book_id)})
    log_decisions(api, account, _declined(before, account), _declined(kept, account))


def observe(api: CalibreDb, account: str, observations: Iterable[Observation]) -> None:
    """Appends to the reading log what a server said; what is there already is not written twice."""
    by_book: dict[int, list[Observation]] = {}
    for observation in observations:
        by_book.setdefault(observation["book_id"], []).append(observation)
    if not by_book:
        return
    with changing:
        _observe(api, account, by_book)


def _observe(api: CalibreDb, account: str, by_book: Mapping[int, list[Observation]]) -> None:
    logs = _load(api, LOG, by_book)
    grown: dict[int, list[dict[str, Any]]] = {}
    for book_id, heard in by_book.items():
        log = logs.setdefault(book_id, {}).setdefault(account, [])
        known = [entry["progress"] for entry in log]
        for observation in heard:
            if observation["progress"] not in known:
                log.append({key: value for key, value in observation.items() if key != "book_id"})
                known.append(observation["progress"])
                grown.setdefault(book_id, []).append(log[-1])
    keep(api, LOG, {book_id: logs[book_id] for book_id in grown})
    log_memory(api, account, "heard", grown)


def logged_books(api: CalibreDb, book_ids: Iterable[int], account: str | None = None) -> Iterator[LoggedBook]:
    """The whole reading logs of those of these books that have one, for one account or for all of them together."""
    known = api.all_book_ids()
    logs = fetch(api, LOG, [book_id for book_id in book_ids if book_id in known])
    for book_id, by_account in logs.items():
        entries = [entry for name, log in by_account.items() if account in (None, name) for entry in log]
        if entries:
            in_order = sorted(entries, key=lambda entry: entry["at"])
            yield {
                "uuid": api.field_for("uuid", book_id) or "",
                "title": api.field_for("title", book_id) or "",
                "authors": [*(api.field_for("authors", book_id) or ())],
                "observations": [cast(Observation, {**entry, "book_id": book_id}) for entry in in_order],
            }


def forget_run(
    api: CalibreDb,
    account: str,
    profile: str,
    restored: Iterable[ColumnUpdate],
    bases: Mapping[int, BaseChange],
    records: Mapping[int, Record],
    now: float,
    again: bool = False,
    sent: Mapping[int, Sequence[Progress]] | None = None,
) -> None:
    """After an undo: puts back each base that is still the undone run's, and declines the records that the run took.

    `restored` are the updates that the undo really wrote; `bases` are the undo's base changes and `records` what the run
    took, by book id. `again` says that an undo was undone: then they are wanted after all. Of a run that pushed, `sent`
    are the records that were taken back, by book id: they are declined in place of what it had agreed on.
    """
    restored = list(restored)
    taken = records if sent is None else {}
    touched = {update["book_id"] for update in restored} | set(bases) | set(records) | set(sent or ())
    with changing:
        kept = _load(api, MEMORY, touched)
        before = copy.deepcopy(kept)
        for book_id in touched:
            kept.setdefault(book_id, {})[account] = memory_of(kept.get(book_id), account)
        for update in restored:
            memory = kept[update["book_id"]][account]
            memory["changed_at"].pop(update["column"], None)
            if again:
                memory["written"][update["column"]] = update["after"]
            else:
                memory["written"].pop(update["column"], None)
        for book_id, change in bases.items():
            memory = kept[book_id][account]
            if is_same_base(memory["bases"].get(profile), change.before):
                keep_base(memory, profile, change.after)
        for book_id, record in records.items() if again else ():
            want_again(kept[book_id][account], record)
        for book_id, record in taken.items() if not again else ():
            decline_record(kept[book_id][account], record, now)
        for book_id, one in ((book_id, one) for book_id, found in (sent or {}).items() for one in found):
            memory = kept[book_id][account]
            want_again(memory, one)
            if not again:
                decline_record(memory, one, now, "ours")
        keep(api, MEMORY, kept)
        log_decisions(api, account, _declined(before, account), _declined(kept, account))


def decline(api: CalibreDb, account: str, records: Mapping[int, Record], now: float) -> None:
    """Keeps that the reader wants nothing of these records, by book id; said twice it is kept once."""
    with changing:
        kept = _load(api, MEMORY, records)
        before = copy.deepcopy(kept)
        for book_id, record in records.items():
            book = kept.setdefault(book_id, {})
            memory = book[account] = memory_of(book, account)
            if not any(said["side"] == "theirs" and is_same_record(said, record) for said in memory["declined"]):
                decline_record(memory, record, now)
        keep(api, MEMORY, kept)
        log_decisions(api, account, _declined(before, account), _declined(kept, account))


def remember_written(api: CalibreDb, account: str, written: Mapping[tuple[int, str], Cell]) -> None:
    """Keeps that these cells, by book id and lookup name, hold what we wrote: a crash came before it was remembered."""
    with changing:
        kept = _load(api, MEMORY, {book_id for book_id, _column in written})
        for (book_id, column), value in written.items():
            book = kept.setdefault(book_id, {})
            book[account] = memory_of(book, account)
            book[account]["written"][column] = value
        keep(api, MEMORY, kept)


def note_local_change(
    api: CalibreDb, account: str, changes: Iterable[LocalChange], profiles: Collection[str] = ()
) -> None:
    """Keeps when the reader changed mapped cells, as calibre's listener saw it; `profiles` are those of the account."""
    own_keys = {own_key(profile) for profile in profiles}
    changes = list(changes)
    with changing:
        kept = _load(api, MEMORY, {change["book_id"] for change in changes})
        for change in changes:
            book = kept.setdefault(change["book_id"], {})
            # A profile that has got its account since goes on from what it remembers under its own key.
            earlier = [] if account in book else [key for key in book if key in own_keys]
            for key in earlier or [account]:
                book[key] = memory_of(book, key)
                book[key]["changed_at"][change["column"]] = change["at"]
        keep(api, MEMORY, kept)


def _settled(plan: PullPlan, outcome: Outcome) -> set[int]:
    """Books of which every planned cell was written, or that needed no writing."""
    wanted = [*plan["updates"]]
    for asked in plan["conflicts"]:
        if asked["book_id"] in outcome.theirs:
            wanted.extend(asked["updates"])
    written = {(update["book_id"], update["column"]) for update in outcome.written}
    left = {update["book_id"] for update in wanted if (update["book_id"], update["column"]) not in written}
    settled = {each["book_id"] for each in (*plan["bases"], *plan["placeless"])} | outcome.theirs
    return settled - left - outcome.failed


def _load(api: CalibreDb, name: str, book_ids: Collection[int]) -> dict[int, Any]:
    return {book_id: value for book_id, value in fetch(api, name, book_ids).items() if value}


def _declined(kept: Mapping[int, Any], account: str) -> dict[int, list[Declined]]:
    return {book_id: memory_of(value, account)["declined"] for book_id, value in kept.items()}
