"""What a library remembers of its books, mended from the logs: where it was damaged, or lost with a rebuilt database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, cast

from ..library.calibre_db import CalibreDb
from ..library.book_data import Damage, fetch, ids_with, keep
from .book_memory import changing
from .one_memory import KEPT_DECLINED, Memory, is_same_record, memory_of
from .book_names import BookName, BookNames, names_in
from ..library.book_shapes import ANNOTATIONS, DELIVERED, DIGESTS, LOG, MARKS, MEMORY, READ_PROGRESS, READINGS
from ..link.contract import Declined
from ..copies.log import read_logs
from ..copies.record import CopyRecord
from .journal_run import BaseChange, Entry, Run, record_of
from ..library.files import books_by_uuid
from ..copies.log_places import log_folders
from .memory_log import read_memory
from .rebuild import bring, bytes_of, forget_gathered, is_gathered
from .journal import WriteJournal

# What is left of a value of which nothing makes sense.
_EMPTY: Final[Mapping[str, Any]] = {
    MEMORY: {},
    LOG: {},
    DIGESTS: {"digests": [], "unlinked": []},
    MARKS: [],
    READINGS: [],
    DELIVERED: {},
    ANNOTATIONS: {},
    READ_PROGRESS: {},
}


def mend(api: CalibreDb, journal: WriteJournal, damage: Damage) -> None:
    """Puts sound values in the place of damaged ones (which `book_data` has kept aside), with all that the logs know."""
    by_name: dict[str, set[int]] = defaultdict(set)
    for name, book_id in damage:
        by_name[name].add(book_id)
    for name, ids in by_name.items():
        left = fetch(api, name, ids)
        keep(api, name, {book_id: left.get(book_id, _EMPTY[name]) for book_id in ids})
    uuids = {book_id: uuid for uuid, book_id in books_by_uuid(api).items()}
    _mend_memory(api, journal, by_name[MEMORY])
    _mend_log(api, {uuids[book_id]: book_id for book_id in by_name[LOG] if book_id in uuids})
    if by_name[DIGESTS]:
        _mend_digests(api, {uuids[book_id]: book_id for book_id in by_name[DIGESTS] if book_id in uuids})
        # Other calibres' logs are asked again by the next sync, which knows where they lie.
        forget_gathered(api, by_name[DIGESTS])


def remember_again(api: CalibreDb, journal: WriteJournal) -> None:
    """Fills a library that has lost what it remembered, as one does whose database was rebuilt from the books' files."""
    if is_gathered(api):
        return
    with_log = ids_with(api, LOG)
    _mend_memory(api, journal, api.all_book_ids() - ids_with(api, MEMORY))
    _mend_log(api, {uuid: book_id for uuid, book_id in books_by_uuid(api).items() if book_id not in with_log})


def _mend_memory(api: CalibreDb, journal: WriteJournal, books: Collection[int]) -> None:
    if not books:
        return
    logged = from_journal(journal, names_in(api), books)
    uuids = {uuid: book_id for uuid, book_id in books_by_uuid(api).items() if book_id in books}
    for line in read_memory(api, uuids):
        if line["what"] != "heard":
            memory = logged[uuids[line["uuid"]]].setdefault(line["account"], _nothing())
            _want(memory, line["entry"])
            if line["what"] == "declined":
                memory["declined"].append(cast(Declined, line["entry"]))
    _keep_memories(api, logged)


def _mend_log(api: CalibreDb, books: Mapping[str, int]) -> None:
    heard: dict[str, dict[int, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for line in read_memory(api, books) if books else ():
        if line["what"] == "heard":
            heard[line["account"]][books[line["uuid"]]].append(line["entry"])
    for account, by_book in heard.items():
        _hear_again(api, account, by_book)


def _hear_again(api: CalibreDb, account: str, heard: Mapping[int, Sequence[Mapping[str, Any]]]) -> None:
    """Brings back, by book id, lines that a reading log has lost; in their order, and each once."""
    with changing:
        logs = fetch(api, LOG, heard)
        for book_id, entries in heard.items():
            log = logs.setdefault(book_id, {}).setdefault(account, [])
            known = [entry["progress"] for entry in log]
            log.extend(entry for entry in entries if entry["progress"] not in known)
            log.sort(key=lambda entry: entry["at"])
        keep(api, LOG, logs)


def _keep_memories(api: CalibreDb, found: Mapping[int, Mapping[str, Memory]]) -> None:
    """Completes, by book id and account, what is remembered: what is there already counts more."""
    with changing:
        kept = fetch(api, MEMORY, found)
        for book_id, memories in found.items():
            book = kept.setdefault(book_id, {})
            for account, memory in memories.items():
                there = memory_of(book, account)
                known = there["declined"]
                said = [one for one in memory["declined"] if not any(is_same_record(one, old) for old in known)]
                book[account] = {
                    "bases": {**memory["bases"], **there["bases"]},
                    "changed_at": {**memory["changed_at"], **there["changed_at"]},
                    "written": {**memory["written"], **there["written"]},
                    "declined": [*said, *known][-KEPT_DECLINED:],
                }
        keep(api, MEMORY, kept)


def _mend_digests(api: CalibreDb, books: Mapping[str, int]) -> None:
    others = bytes_of(uuid for uuid in books_by_uuid(api) if uuid not in books)
    found: dict[int, list[CopyRecord]] = defaultdict(list)
    for record in read_logs(log_folders(), without=others):
        if record["uuid"] in books:
            found[books[record["uuid"]]].append(record)
    bring(api, found)


def from_journal(journal: WriteJournal, names: BookNames, books: Collection[int]) -> dict[int, dict[str, Memory]]:
    """What the runs that are kept tell of these books, by id and account: bases, written cells, what was declined."""
    found: dict[int, dict[str, Memory]] = defaultdict(dict)

    def memory_in(run: Run, book: BookName) -> Memory | None:
        book_id = names.book_of(book)
        if book_id is None or book_id not in books:
            return None
        return found[book_id].setdefault(run.account, _nothing())

    for run in reversed(journal.runs()):
        again = run.kind != "undo" or journal.is_redone_by_undoing(run)
        for entry in run.written:
            if (memory := memory_in(run, entry.book)) is not None:
                _replay_cell(memory, entry, again)
        for change in run.bases:
            if (memory := memory_in(run, change.book)) is not None:
                _replay_base(memory, run, change, again)
        for decision in run.decisions:
            if (memory := memory_in(run, decision.book)) is not None:
                _want(memory, decision.record)
                if not decision.accepted:
                    memory["declined"].append({"side": "theirs", **decision.record, "at": run.at})
    return found


def _replay_cell(memory: Memory, entry: Entry, again: bool) -> None:
    if again:
        memory["written"][entry.column] = entry.after
    else:
        memory["written"].pop(entry.column, None)


def _replay_base(memory: Memory, run: Run, change: BaseChange, again: bool) -> None:
    memory["bases"].pop(run.profile, None)
    if change.after is not None:
        memory["bases"][run.profile] = change.after
        _want(memory, change.after)
    # Undos of earlier days do not say what they decided.
    if not again and change.before is not None and not run.decisions and not run.puts:
        memory["declined"].append({"side": "theirs", **record_of(change.before), "at": run.at})


def _want(memory: Memory, record: Mapping[str, object]) -> None:
    memory["declined"] = [said for said in memory["declined"] if not is_same_record(said, record)]


def _nothing() -> Memory:
    return {"bases": {}, "changed_at": {}, "written": {}, "declined": []}
