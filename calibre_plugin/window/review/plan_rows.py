"""A plan as rows to look at: one for each book, below it one for each cell; knows no widgets."""

from __future__ import annotations

import datetime
import html
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from ...library.calibre_db import CalibreDb
from ...link.contract import FITTING, Cell, ColumnMapping, ColumnUpdate, Conflict, PullPlan, Why
from ...words.explain import why_text
from ...library.books import WriteReport
from ...words.reasons import why_sentence

load_translations()

Kind = Literal["update", "conflict", "skip", "unchanged"]
Decision = Literal["theirs", "ours", "later"]

# Skips that are no news: shown only when asked for.
QUIET: Final = ("unchanged",)


@dataclass
class CellRow:
    """One cell that changes; `outcome` says what became of it once it was tried."""

    update: ColumnUpdate
    ticked: bool = True
    outcome: str = ""


@dataclass
class BookRow:
    """One book of a plan. `decision` matters for conflicts only."""

    book_id: int
    title: str
    authors: str
    kind: Kind
    why: Why
    cells: list[CellRow] = field(default_factory=list)
    conflict: Conflict | None = None
    decision: Decision = "later"
    # What a search looks through, ready before anybody types.
    words: str = ""

    @property
    def ticked(self) -> bool | None:
        """All cells, none of them, or (None) some."""
        states = {cell.ticked for cell in self.cells}
        return states.pop() if len(states) == 1 else None

    def accepted(self) -> list[ColumnUpdate]:
        """The cells the reader wants written."""
        if self.kind == "conflict" and self.decision != "theirs":
            return []
        return [cell.update for cell in self.cells if cell.ticked]


def rows_of(api: CalibreDb, plan: PullPlan, columns: Sequence[ColumnMapping] = ()) -> list[BookRow]:
    """The plan's books: conflicts first, then changes, then skips; within each by title. Meant for a job's thread.

    A book's cells come in the order of the preferences.
    """
    fields = list(FITTING)
    place = {mapping["column"]: fields.index(mapping["field"]) for mapping in columns}
    shown = [item["book_id"] for key in ("conflicts", "updates", "skipped") for item in plan[key]]
    titles = api.all_field_for("title", shown)
    writers = api.all_field_for("authors", shown)
    rows: dict[tuple[str, int], BookRow] = {}

    def row(kind: Kind, book_id: int, why: Why) -> BookRow:
        key = (kind, book_id)
        if key not in rows:
            title = titles.get(book_id) or _("Book {id}").format(id=book_id)
            authors = " & ".join(writers.get(book_id) or ())
            rows[key] = BookRow(book_id, title, authors, kind, why)
        return rows[key]

    for conflict in plan["conflicts"]:
        found = row("conflict", conflict["book_id"], conflict["why"])
        found.conflict = conflict
        found.cells.extend(CellRow(update) for update in conflict["updates"])
    for update in plan["updates"]:
        row("update", update["book_id"], update["why"]).cells.append(CellRow(update))
    for skip in plan["skipped"]:
        kind: Kind = "unchanged" if skip["reason"]["code"] in QUIET else "skip"
        row(kind, skip["book_id"], skip["reason"])
    for found in rows.values():
        found.cells.sort(key=lambda cell: place.get(cell.update["column"], len(place)))
        found.words = f"{found.title}\n{found.authors}\n{device_of(found)}\n{why_text(found.why)}".casefold()
    order = {"conflict": 0, "update": 1, "skip": 2, "unchanged": 3}
    return sorted(rows.values(), key=lambda found: (order[found.kind], found.title.casefold(), found.book_id))


def tell_outcomes(rows: Iterable[BookRow], report: WriteReport, unreached: str = "") -> None:
    """Notes in each cell's row what became of it; `unreached` says it of those wanted that the writing never came to."""
    outcomes = _outcomes(report)
    for row in rows:
        wanted = row.accepted()
        for cell in row.cells:
            otherwise = unreached if cell.update in wanted else ""
            if not cell.ticked:
                otherwise = _in_words("unticked", cell.update)
            cell.outcome = outcomes.get((cell.update["book_id"], cell.update["column"]), otherwise)


def _outcomes(report: WriteReport) -> dict[tuple[int, str], str]:
    found = {(update["book_id"], update["column"]): _("written") for update in report.written}
    for update in report.stale:
        found[update["book_id"], update["column"]] = _("changed meanwhile: left alone")
    for update, error in report.failed:
        # What calibre itself says is told as it is; the rest has names of ours, see `write_updates`.
        code = {"book": "book_gone", "column": "column_gone", "value": "not_in_enumeration"}.get(error, "write_refused")
        found[update["book_id"], update["column"]] = _in_words(code, update, error)
    return found


def _in_words(code: str, update: ColumnUpdate, error: str = "") -> str:
    return why_sentence({"code": code, "data": {"column": update["column"], "value": update["after"], "error": error}})


def count_kinds(rows: Iterable[BookRow]) -> Counter[str]:
    """How many books of each kind."""
    return Counter(row.kind for row in rows)


def show_cell(value: Cell, mapping: ColumnMapping | None) -> str:
    """A cell's value as the reader knows it from the library."""
    if value is None:
        return "—"
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if mapping is not None and mapping["field"] == "percent" and isinstance(value, (int, float)):
        whole = value * 100 if mapping["datatype"] == "float" and mapping["scale"] == 1 else value
        return f"{whole:.1f} %" if mapping["datatype"] == "float" else f"{whole:.0f} %"
    if mapping is not None and mapping["datatype"] == "rating" and isinstance(value, (int, float)):
        return "★" * int(value // 2) + "½" * int(value % 2) or "—"
    if mapping is not None and mapping["field"] == "review" and mapping.get("interpret_as") == "html":
        return html.unescape(re.sub(r"<br>|</?p>", "\n", str(value))).strip()
    if mapping is not None and mapping["datatype"] == "datetime" and isinstance(value, str):
        return show_iso(value)
    return str(value)


def show_iso(text: str) -> str:
    """An ISO 8601 date in the reader's own zone and order."""
    from calibre.utils.date import format_date, parse_date

    return format_date(parse_date(text, assume_utc=True, as_utc=False), "dd MMM yyyy hh:mm")


def show_time(timestamp: object) -> str:
    """Epoch seconds in the reader's own zone; nothing when the server gave none."""
    if not isinstance(timestamp, (int, float)) or timestamp <= 0:
        return ""
    return show_iso(datetime.datetime.fromtimestamp(timestamp, datetime.timezone.utc).isoformat())


def device_of(row: BookRow) -> str:
    """The device whose progress this is."""
    return str(row.conflict["theirs"]["device"] if row.conflict else row.why["data"].get("device") or "")


def when_of(row: BookRow) -> str:
    """When that device sent it."""
    return show_time(row.conflict["theirs"]["timestamp"] if row.conflict else row.why["data"].get("timestamp"))


def disarmed(word: str) -> str:
    """A word of a CSV that no spreadsheet runs as a formula: titles come from anywhere. As the command line writes it."""
    return f"'{word}" if word[:1] in ("=", "+", "-", "@", "\t", "\r") else word


def table_of(
    rows: Iterable[BookRow], columns: Iterable[ColumnMapping], column_name: Callable[[str], str]
) -> list[list[str]]:
    """Everything as a table of text, a line for each cell, with a heading: for the clipboard and for CSV."""
    mappings = {mapping["column"]: mapping for mapping in columns}
    lines = [
        [_("Title"), _("Authors"), _("Column"), _("Before"), _("After"), _("Why"), _("Device"), _("When"), _("Result")]
    ]
    for row in rows:
        about = [row.title, row.authors]
        if not row.cells:
            lines.append([*about, "", "", "", why_text(row.why), device_of(row), when_of(row), ""])
        for cell in row.cells:
            update = cell.update
            mapping = mappings.get(update["column"])
            values = [show_cell(update["before"], mapping), show_cell(update["after"], mapping)]
            ending = [why_text(update["why"]), device_of(row), when_of(row), cell.outcome]
            lines.append([*about, column_name(update["column"]), *values, *ending])
    return lines
