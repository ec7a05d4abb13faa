"""Every sentence that is made from a reason or an error: the same in the dialog, the report and `sync --explain`."""

from __future__ import annotations

import builtins
import datetime
from collections.abc import Callable, Mapping
from typing import Any, Final

try:
    load_translations()
except NameError:
    # Not loaded by calibre: a test, or a tool without languages.
    pass

if "_" not in globals() and not hasattr(builtins, "_"):

    def _(text: str) -> str:
        return text


if "ngettext" not in globals() and not hasattr(builtins, "ngettext"):

    def ngettext(one: str, many: str, count: int) -> str:
        return one if count == 1 else many


UNKNOWN: Final = "?"


def percent(share: Any) -> str:
    """A share (0..1) as a reader sees it: whole percent."""
    if not isinstance(share, (int, float)):
        return UNKNOWN
    return _("{number} %").format(number=round(share * 100))


def moment(seconds: Any) -> str:
    """An instant (epoch seconds) in the reader's own time zone."""
    if not isinstance(seconds, (int, float)) or seconds <= 0:
        return _("an unknown time")
    try:
        return datetime.datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")
    except (OverflowError, OSError, ValueError):
        return _("an unknown time")


class _Words:
    """The data of a reason in words; a name that is missing reads as a question mark rather than spoiling a report."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._data = dict(data)

    def put(self, name: str, words: str) -> None:
        """Gives a name its words, in place of what the data says."""
        self._data[name] = words

    def __getitem__(self, name: str) -> str:
        value = self._data.get(name)
        if name == "from" and value is None:
            return _("nothing")
        if name in ("percentage", "from"):
            return percent(value)
        if name in ("timestamp", "changed_at", "base_timestamp", "asked"):
            return moment(value)
        if name == "device":
            return str(value) if value else _("a device")
        if name in ("value", "wanted") and value is None:
            return _("nothing")
        return UNKNOWN if value is None and name not in self._data else str("" if value is None else value)

    def has(self, name: str) -> bool:
        """Whether the data says anything under this name."""
        return self._data.get(name) is not None

    def count(self, name: str) -> int:
        value = self._data.get(name)
        return value if isinstance(value, int) else 0

    def fill(self, sentence: str) -> str:
        return sentence.format_map(self)


_Sentence = Callable[[_Words], str]

# Lambdas, so that each sentence is translated when it is asked for and not when calibre loads the module.
_WHY: Final[dict[str, _Sentence]] = {
    # Something is written.
    "first_seen": lambda w: _("First seen: {device} read to {percentage} ({timestamp})."),
    "read_on": lambda w: _("{device} read on from {from} to {percentage} ({timestamp})."),
    "step_back_chosen": lambda w: _(
        "{device} went back from {from} to {percentage} ({timestamp}), and you prefer the server."
    ),
    "step_back_small": lambda w: _("{device} went a little back, from {from} to {percentage} ({timestamp})."),
    "same_place": lambda w: _("{device} is at the same place, {percentage}, seen again ({timestamp})."),
    "policy_newest": lambda w: _(
        "Changed on both sides; {device} is newer ({timestamp}) than the change in calibre ({changed_at}): "
        "{percentage} instead of {from}."
    ),
    "policy_furthest": lambda w: _("Changed on both sides; {device} is further: {percentage} instead of {from}."),
    "policy_server": lambda w: _(
        "Changed on both sides; your rules prefer the server: {percentage} by {device} instead of {from}."
    ),
    "too_close": lambda w: _(
        "Changed on both sides at nearly the same time; {device} is further: {percentage} instead of {from}."
    ),
    "new_column": lambda w: _("The column {column} is newly mapped; {device} is at {percentage} ({timestamp})."),
    "started": lambda w: _("First read in on {timestamp}."),
    "finished": lambda w: _("Finished with {device} on {timestamp}."),
    "finished_on_device": lambda w: _("Marked as finished on {device} ({timestamp})."),
    "reread": lambda w: _("Finished before and now read again: {device} is at {percentage} ({timestamp})."),
    "times_read": lambda w: ngettext("Read {times} time.", "Read {times} times.", w.count("times")),
    "undone": lambda w: _("Puts back what the sync of {timestamp} changed."),
    "synced": lambda w: _("This sync changed the book."),
    # Somebody is asked.
    "both_changed": lambda w: _(
        "Changed on both sides: {device} says {percentage} ({timestamp}), calibre says {from} (changed {changed_at})."
    ),
    "step_back": lambda w: _(
        "{device} would go back from {from} to {percentage} ({timestamp}). A larger step back is never taken unasked."
    ),
    "no_base_differs": lambda w: _(
        "Not synced before, and {column} already holds {value}; {device} says {percentage} ({timestamp})."
    ),
    "status_differs": lambda w: _(
        "You set {column} to {value}; by what {device} read ({timestamp}) it would be {wanted}."
    ),
    "reread_ask": lambda w: _("The book is finished, and {device} reads on at {percentage} ({timestamp}). Read again?"),
    # Nothing is written for a book.
    "unchanged": lambda w: _("Nothing new."),
    "not_on_server": lambda w: _("The server knows no copy of this book."),
    "not_asked": lambda w: _("Not asked about this time: the server did not know it on {asked}."),
    "allowance_spent": lambda w: (
        _("The server's share of questions for today is used up; it did not know the book on {asked}.")
        if w.has("asked")
        else _("Not asked about yet: the server's share of questions for today is used up. The next sync goes on.")
    ),
    "own_record": lambda w: _("The server holds only what calibre itself put there."),
    "peek": lambda w: _("{device} only opened the book ({percentage}); another copy was read to {from}."),
    "declined": lambda w: _("You said no to {percentage} by {device} ({timestamp}); nothing newer was read since."),
    "older_record": lambda w: _(
        "{percentage} by {device} is older ({timestamp}) than what was synced last ({base_timestamp})."
    ),
    "undated_behind": lambda w: _(
        "{device} is at {percentage}, behind {from}, and the server does not say when that was."
    ),
    "changed_here": lambda w: _("Changed only in calibre, nothing new on the server."),
    "library_newer": lambda w: _(
        "Changed on both sides; the change in calibre ({changed_at}) is newer than {percentage} by {device} "
        "({timestamp}): {from} stays."
    ),
    "library_further": lambda w: _("calibre is further: {from} stays, {device} is at {percentage}."),
    "policy_library": lambda w: _(
        "Changed on both sides; your rules prefer calibre: {from} stays, {device} is at {percentage}."
    ),
    "finished_stays": lambda w: _(
        "The book is finished and stays so; {device} opened it at {percentage} ({timestamp})."
    ),
    "reread_ignored": lambda w: _(
        "The book is finished, and your rules ignore reading it again; {device} is at {percentage} ({timestamp})."
    ),
    "document_of_another": lambda w: _("The progress found belongs to another book: {other_title} ({other_id})."),
    "document_ambiguous": lambda w: _(
        "The progress found may belong to {other_title} ({other_id}) as well; link one of the two to settle it."
    ),
    "no_candidates": lambda w: _("The book has no file of which a digest could be known."),
    "book_gone": lambda w: _("The book is no longer in the library."),
    "book_unreadable": lambda w: _file_trouble(w),
    "memory_mended": lambda w: _(
        "What was remembered of this book was damaged: it was kept aside, and mended from the logs."
    ),
    "answer_failed": lambda w: _failed(
        w, _("The server could not answer for {document} ({error}); the next sync asks again.")
    ),
    "not_reached": lambda w: _failed(
        w, _("The server stopped answering before this book was asked about ({error}); the next sync begins with it.")
    ),
    # Nothing is written into one cell.
    "own_word": lambda w: _("{column} holds your own word {value}, which is never overwritten."),
    "status_kept": lambda w: _("You set {column} to {value} later than the last reading: it stays."),
    "place_untold": lambda w: _(
        "The place that was read at is not found in this book's file: {column} still tells the earlier one."
    ),
    "column_gone": lambda w: _("The column {column} is no longer in the library; map another in the preferences."),
    "column_unfit": lambda w: _unfit(w),
    "not_in_enumeration": lambda w: _("The column {column} does not allow {value}; add it to the column's values."),
    "write_refused": lambda w: _("calibre refused to write {column}: {error}."),
    "unticked": lambda w: _("You left {column} unticked."),
    # Something is put on the server, or somebody is asked before.
    "push_place": lambda w: _("calibre's own place, {percentage}, is newer than {from} by {device}."),
    "push_first": lambda w: _("The server knows no place in this book yet; calibre is at {percentage}."),
    "push_typed": lambda w: _("You set {percentage}; the server has {from} by {device}."),
    "push_both_changed": lambda w: _(
        "Changed on both sides: calibre is at {percentage} (changed {changed_at}), {device} at {from} ({timestamp})."
    ),
    "push_step_back": lambda w: _(
        "This would send the readers back from {from} ({device}, {timestamp}) to {percentage}. "
        "A larger step back is never taken unasked."
    ),
    "push_finished": lambda w: _(
        "The book is finished on {device} ({timestamp}); this would send the readers back to {percentage}."
    ),
    # Nothing is put on the server.
    "push_nothing_new": lambda w: _("calibre has no newer place in this book."),
    "push_protected": lambda w: _(
        "The {format} is protected (DRM): its text cannot be read, so calibre's place in it cannot be told to a reader."
    ),
    "push_unreadable": lambda w: _("The {format} could not be read, so calibre's place in it cannot be told."),
    "push_place_lost": lambda w: _("The place that calibre keeps is not in the {format} any more."),
    "push_same_place": lambda w: _("The server has the same place already, {percentage}."),
    "push_came_from_server": lambda w: _("This place, {percentage}, came from the server itself."),
    "push_server_newer": lambda w: _(
        "The server is newer: {from} by {device} ({timestamp}); calibre's {percentage} is not sent."
    ),
    "push_server_further": lambda w: _(
        "The server is further: {from} by {device}; calibre's {percentage} is not sent."
    ),
    "push_policy_server": lambda w: _(
        "Changed on both sides; your rules prefer the server: {from} by {device} stays, {percentage} is not sent."
    ),
    "push_not_verified": lambda w: _(
        "The place at {percentage} could not be verified in the reader's own terms; it is not sent."
    ),
    "push_no_document": lambda w: _("No copy of this book is known to any reader."),
    "push_many": lambda w: _("{column} was changed in several books at once; push a place for one book at a time."),
    "push_peek": lambda w: _("calibre only opened the book ({percentage}); another copy was read to {from}."),
    "push_taken_back": lambda w: _(
        "You took this place, {percentage}, back from the server; it is sent again when you have read on in calibre."
    ),
    # A push is undone.
    "push_undone": lambda w: _(
        "The earlier place was put back on the server; readers that synced in between may have followed."
    ),
    "push_removed": lambda w: _(
        "The server knew no place before, and knows none again; readers that synced in between may have followed."
    ),
    "push_superseded": lambda w: _("{device} has synced since ({timestamp}); the server was left alone."),
    "push_stays": lambda w: _("The server knew no place before, and cannot be made to forget this one."),
    "carried_over": lambda w: _("A new copy of the same text was given the place that was known, {percentage}."),
    # A place is offered to a copy, or not.
    "offer_again": lambda w: _("Offered once more, under calibre's name: {percentage}, read with {device}."),
    "offer_replaced": lambda w: _(
        "Given {percentage} instead of the older {from} by {device} ({timestamp}); it offers to go there when it syncs."
    ),
    "offer_same_place": lambda w: _("This very place, {percentage}, was offered there already."),
    "offer_read_there": lambda w: _(
        "Left alone: {device} has {from} there ({timestamp}), which is not older than the place to be offered."
    ),
    "offer_newer_there": lambda w: _("Left alone: calibre has put a newer place there, {from}."),
    "offer_moved_on": lambda w: _("Not offered: {device} has read on since ({percentage}); sync the book first."),
    "offer_failed": lambda w: _failed(
        w, _("The server could not answer ({error}); it can be offered again at any time.")
    ),
    "offer_no_place": lambda w: _("No device's place in this book is known yet; sync the book first."),
    "offer_pages_alike": lambda w: _(
        "Left alone: the book's pages cannot be told apart from another's, so nobody can say what this copy holds."
    ),
    # A plan must be reviewed.
    "first_run": lambda w: _("The first sync of a profile is always shown before anything is written."),
    "no_base": lambda w: ngettext(
        "{books} book has values that no earlier sync knows of.",
        "{books} books have values that no earlier sync knows of.",
        w.count("books"),
    ),
}

_CAUSES: Final[dict[str, Callable[[], str]]] = {
    "refused": lambda: _("nothing answers at that address and port"),
    "unknown_host": lambda: _("no such host; check the address and your network"),
    "timeout": lambda: _("it did not answer in time"),
    "reset": lambda: _("it broke off the connection"),
    "no_route": lambda: _("there is no way to it from this network"),
    "tls": lambda: _("no secure connection could be made; http instead of https, or another port?"),
    "too_large": lambda: _("its answer is far too long"),
    "bad_request": lambda: _("the address or one of the extra headers cannot be sent"),
    "bad_url": lambda: _("this is no address of a server"),
    "proxy_unsupported": lambda: _("this kind of proxy cannot be used"),
    "proxy_unreachable": lambda: _("the proxy does not answer"),
    "proxy_login": lambda: _("the proxy wants a login"),
    "proxy_refused": lambda: _("the proxy refused to connect"),
    "closed": lambda: _("the connection was closed"),
    "other": lambda: _("the connection failed"),
}

_CERTIFICATE: Final[dict[str, Callable[[], str]]] = {
    "self_signed": lambda: _("it signed its certificate itself"),
    "unknown_issuer": lambda: _("its certificate was signed by nobody this computer knows"),
    "expired": lambda: _("its certificate has expired"),
    "not_yet_valid": lambda: _("its certificate is not valid yet; is this computer's clock right?"),
    "wrong_host": lambda: _("its certificate is for another host"),
    "changed": lambda: _("its certificate is not the one you trusted"),
    "revoked": lambda: _("its certificate was revoked"),
    "ca_file_unreadable": lambda: _("the file with the certificates you trust cannot be read"),
    "other": lambda: _("its certificate is not in order"),
}

_FIELDS: Final[dict[str, Callable[[], str]]] = {
    "percent": lambda: _("percent read"),
    "status": lambda: _("status"),
    "place": lambda: _("place in words"),
    "device": lambda: _("device"),
    "last_read": lambda: _("last read"),
    "started": lambda: _("started"),
    "finished": lambda: _("finished"),
    "times_read": lambda: _("times read"),
    "last_synced": lambda: _("last synced"),
    "location": lambda: _("raw location"),
}

_FILE: Final[dict[str, Callable[[], str]]] = {
    "ENOENT": lambda: _("it is not there"),
    "EACCES": lambda: _("this user may not read it"),
    "EPERM": lambda: _("this user may not read it"),
    "EMPTY": lambda: _("it is empty"),
    "ENOTFILE": lambda: _("it is no file"),
    "EISDIR": lambda: _("it is no file"),
    "EIO": lambda: _("the disk reported an error"),
}


def _one_of(table: Mapping[str, Callable[[], str]], name: str) -> str:
    made = table.get(name)
    return made() if made is not None else name


def _file_trouble(w: _Words) -> str:
    w.put("reason", _one_of(_FILE, w["reason"]))
    return _("{path} could not be read: {reason}.")


def _unfit(w: _Words) -> str:
    w.put("field", _one_of(_FIELDS, w["field"]))
    return _("The column {column} ({datatype}) cannot hold “{field}”; map another in the preferences.")


def _unreachable(w: _Words) -> str:
    w.put("cause", _one_of(_CAUSES, w["cause"]))
    return _("The server {url} cannot be reached: {cause}.")


def _certificate(w: _Words) -> str:
    w.put("reason", _one_of(_CERTIFICATE, w["reason"]))
    return _("The server {url} is not trusted: {reason}. If it is yours, trust its fingerprint in the preferences.")


# Statuses of a proxy whose server behind it does not answer.
_DOWN: Final = frozenset({502, 503, 504, 530, *range(520, 528)})

# What a server says that has done what it was asked; nothing of use came with it, or nobody would complain.
_WELL: Final = range(200, 300)

# What came in place of an answer, where it was no status and no silence.
_INSTEAD: Final[dict[str, Callable[[], str]]] = {
    "NotKosyncServer": lambda: _("a web page came instead"),
    "BehindLogin": lambda: _("a login page came instead"),
    "OtherAddress": lambda: _("it sends us elsewhere"),
    "Unauthorized": lambda: _("it no longer accepts the password"),
    "CertificateRefused": lambda: _("its certificate is not trusted"),
    "Cancelled": lambda: _("the run was stopped"),
}


def _failed(w: _Words, sentence: str) -> str:
    """Gives a failed question its cause in words: a status, a silence, or what came instead."""
    if w.count("status") in _WELL:
        w.put("error", _("its answer was empty or cut off"))
    elif w.count("status"):
        w.put("error", _("HTTP {status}").format(status=w["status"]))
    elif w.has("cause"):
        w.put("error", _one_of(_CAUSES, w["cause"]))
    else:
        w.put("error", _one_of(_INSTEAD, w["error"]))
    return sentence


def _refused(w: _Words) -> str:
    status = w.count("status")
    if status == 429:
        return _("The server {url} has had too many requests; its address is right, try again in a while.")
    if status in _DOWN:
        return _(
            "The server behind {url} is down or overloaded (HTTP {status}); its address is right, try again later."
        )
    if status in _WELL:
        return _("The server {url} sent an answer that is empty or cut off; try again later, or ask who runs it.")
    if w["message"] in ("", UNKNOWN):
        return _("The server {url} could not do it (HTTP {status}); try again later, or ask who runs it.")
    return _("The server {url} could not do it (HTTP {status}): {message}")


def _behind_login(w: _Words) -> str:
    if w.has("location"):
        return _(
            "{url} sends us to a login page ({location}) in front of the server; whoever runs it must let /users/*, "
            "/syncs/* and /healthcheck pass without it. In a hotel or on a train, sign in to the network first."
        )
    return _(
        "A login page answers in front of {url}; whoever runs it must let /users/*, /syncs/* and /healthcheck pass "
        "without it. In a hotel or on a train, sign in to the network first."
    )


def _other_address(w: _Words) -> str:
    if w["by"] == "redirect":
        return _(
            "{url} sends us on to {found}. Your password was not sent there: use that address if it is your server."
        )
    return _(
        "{url} is no KOReader sync server, but {found} answers as one. Your password was not sent there: use that "
        "address if it is your server."
    )


_ERRORS: Final[dict[str, _Sentence]] = {
    "ContractMismatch": lambda w: _(
        "The plugin and its bridge are of different versions; restart calibre so that both are of one."
    ),
    "Cancelled": lambda w: _("Stopped."),
    "ServerUnreachable": _unreachable,
    "NotKosyncServer": lambda w: _(
        "{url} answers, but is no KOReader sync server (it sent {content_type}); check the address and its path."
    ),
    "Unauthorized": lambda w: _(
        "The server {url} does not accept this user name and password for {username}; log in again in the preferences."
    ),
    "UsernameTaken": lambda w: _("The user name {username} is taken at {url}; choose another, or log in with it."),
    "RegistrationClosed": lambda w: _("The server {url} takes no new users; ask who runs it for an account."),
    "ServerRefused": _refused,
    "CertificateRefused": _certificate,
    "BehindLogin": _behind_login,
    "OtherAddress": _other_address,
    "BookUnreadable": lambda w: _file_trouble(w),
    "PortTaken": lambda w: _("Port {port} is in use by another program; choose another."),
    "StoreUnavailable": lambda w: _("The place where the data is kept cannot be used: {reason}"),
}


def _say(table: Mapping[str, _Sentence], name: str, data: Mapping[str, Any]) -> str | None:
    made = table.get(name)
    if made is None:
        return None
    words = _Words(data)
    sentence = made(words)
    try:
        return words.fill(sentence)
    except (ValueError, IndexError, KeyError, AttributeError):
        # A translation with a broken brace must not cost anybody a report.
        return sentence


def why_sentence(why: Mapping[str, Any]) -> str:
    """The sentence of a `Why`; a code of a newer bridge reads as itself."""
    code = str(why.get("code", ""))
    return _say(_WHY, code, why.get("data") or {}) or code


def error_sentence(name: str, data: Mapping[str, Any] | None = None) -> str:
    """The sentence of a `SyncError` by name: what happened and what to do. An unknown name says that it is our fault."""
    said = _say(_ERRORS, name, data or {})
    return said if said is not None else _("Something went wrong that should not have ({name}).").format(name=name)


def field_name(field: str) -> str:
    """What a column shows, in words."""
    return _one_of(_FIELDS, field)


def phase_sentence(label: str, done: int, total: int) -> str:
    """How far a long request has come."""
    made = {
        "reading": lambda: _("Reading books: {done} of {total}"),
        "digests": lambda: _("Computing digests: {done} of {total}"),
        "asking": lambda: _("Asking the server: {done} of {total}"),
        "planning": lambda: _("Planning: {done} of {total}"),
        "opening": lambda: _("Looking up places in books: {done} of {total}"),
        "predicting": lambda: _("Predicting copies: {done} of {total}"),
        "writing": lambda: _("Writing: {done} of {total}"),
        "pushing": lambda: _("Pushing: {done} of {total}"),
        "delivering": lambda: _("Bringing calibre's viewer to the place: {done} of {total}"),
    }.get(label)
    return made().format(done=done, total=total) if made is not None else f"{label} {done}/{total}"
