"""Settings: accounts and this machine's choices in one private file, profiles with the library they belong to."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, TypedDict, cast, get_args

from ..library.calibre_db import CalibreDb
from ..copies import strip_list
from ..link.contract import (
    DEFAULT_RULES,
    Account,
    ColumnField,
    ColumnMapping,
    ConflictPolicy,
    Matching,
    Profile,
    Reread,
    Rules,
)
from ..library.books import resolve_columns
from ..library.settings import changing, library_id, store_settings, whole_settings
from .file import SettingsFile
from ..copies.strip_list import StripColumn


class MappedColumn(TypedDict):
    """A column as the reader chose it; datatype and values are read from the library at every sync."""

    column: str
    scale: int | None


class Triggers(TypedDict):
    """What starts a run besides the reader: calibre's start, a number of minutes (0 for never), a device."""

    at_start: bool
    every_minutes: int
    on_device: bool
    # When a place arrives at a server of one's own.
    on_arrival: bool


Review = Literal["always", "conflicts", "never"]
Push = Literal["off", "ask", "automatic"]


class StoredProfile(TypedDict):
    """A profile as the library keeps it: no secret, no path, nothing of this machine."""

    id: str
    name: str
    account_id: str
    matching: Matching
    columns: dict[ColumnField, MappedColumn]
    rules: Rules
    # The first run of a profile is always reviewed.
    ran_before: bool
    triggers: Triggers
    # When the reader sees the changes before they are written.
    review: Review
    # Whether calibre's own places go to the server by themselves.
    push: Push
    # Whether the desktop viewer opens where KOReader stopped, and which of the content server's users do.
    viewer: bool
    server_users: list[str]
    # The name calibre gives the device this profile belongs to; empty for any device.
    device: str


DEFAULTS: Final[dict[str, Any]] = {
    "accounts": [],
    "runtime_path": "",
    # What a click on the toolbar button does: "selected_or_all", "selected", "all" or "reading".
    "click": "selected_or_all",
    "keep_progress_open": False,
    # A sync server of one's own while calibre runs; None is as `hosting.DEFAULTS` says.
    "hosting": None,
    # Further folders of copy logs: of a calibre in a container, or of a server's.
    "copy_logs": [],
    # Folders of sidecars without a device, as {path, name}; an empty name is the folder's own.
    "folders": [],
    # Whether names that no copy is known to have may be tried: null until the reader was asked.
    "predict": None,
    # Whether it was said what KEPUBs made by calibre cost.
    "kepubs_told": False,
    "button_offered": False,
    # Accounts of another computer that no password was given for here yet.
    "moved_logins": [],
}


class MovedLogin(TypedDict):
    """An account as it comes from another computer: all but what one needs to log in."""

    id: str
    url: str
    username: str


class Settings:
    """This machine's settings; the file is readable by its owner alone, for the userkey is as good as the password."""

    def __init__(self) -> None:
        self._file = SettingsFile(DEFAULTS)

    @property
    def is_read_only(self) -> bool:
        """Whether nothing can be kept: a newer version's file is left as it is."""
        return self._file.is_read_only

    def get(self, key: str) -> Any:
        # What is handed out must not be the default of everybody.
        return copy.deepcopy(self._file.get(key))

    def set(self, key: str, value: object) -> None:
        """Stores a setting."""
        self._file.set(key, value)

    def end(self) -> None:
        """Nothing is stored any more: the file is about to be removed."""
        self._file.end()

    def accounts(self) -> list[Account]:
        return self.get("accounts")

    def account(self, account_id: str) -> Account | None:
        return next((account for account in self.accounts() if account["id"] == account_id), None)

    def id_of(self, url: str, username: str) -> str:
        """The id of a login, which need not be known here."""
        known = [account for account in self.accounts() if account["username"] == username]
        account = next((account for account in known if account["url"].rstrip("/") == url.rstrip("/")), None)
        return account["id"] if account else account_id_of(url, username)

    def moved_logins(self) -> list[MovedLogin]:
        """Those of other computers' accounts that are not known here."""
        known = {account["id"] for account in self.accounts()}
        return [moved for moved in self.get("moved_logins") if moved["id"] not in known]

    def save_account(self, account: Account) -> None:
        """Adds the account, or replaces the one of the same id."""
        others = [other for other in self.accounts() if other["id"] != account["id"]]
        self.set("accounts", [*others, account])

    def delete_account(self, account_id: str) -> None:
        self.set("accounts", [other for other in self.accounts() if other["id"] != account_id])


def account_id_of(url: str, username: str) -> str:
    """The same login on the same server has the same id in the GUI and on the command line, so both share its base."""
    return hashlib.md5(f"{url.rstrip('/').lower()}\n{username}".encode(), usedforsecurity=False).hexdigest()[:16]


def userkey_of(password: str) -> str:
    """What kosync calls the key: the MD5 of the password, made here so that the password goes no further."""
    return hashlib.md5(password.encode(), usedforsecurity=False).hexdigest()


def new_account(url: str, username: str, userkey: str) -> Account:
    """An account with nothing special about it."""
    return {
        "id": account_id_of(url, username),
        "url": url,
        "username": username,
        "userkey": userkey,
        "headers": {},
        "tls": {"mode": "system"},
        "proxy": None,
    }


def new_profile(profile_id: str, name: str, account_id: str) -> StoredProfile:
    """A profile with the usual rules and no columns yet."""
    return {
        "id": profile_id,
        "name": name,
        "account_id": account_id,
        "matching": "both",
        "columns": {},
        "rules": copy.deepcopy(DEFAULT_RULES),
        "ran_before": False,
        "triggers": {"at_start": False, "every_minutes": 0, "on_device": False, "on_arrival": True},
        "review": "conflicts",
        "push": "off",
        "viewer": True,
        "server_users": [],
        "device": "",
    }


def library_settings(api: CalibreDb) -> dict[str, Any]:
    """The library's own settings, whole, whatever schema they are of."""
    return whole_settings(api)[0]


def profiles(api: CalibreDb) -> list[StoredProfile]:
    """The library's profiles, in the reader's order."""
    return [_whole_profile(stored) for stored in library_settings(api)["profiles"]]


def _whole_profile(stored: Mapping[str, object]) -> StoredProfile:
    profile = cast(StoredProfile, _filled_up(new_profile("", "", ""), stored))
    profile["columns"] = {
        shown: {**mapped, "scale": mapped.get("scale")}
        for shown, mapped in profile["columns"].items()
        if _is_mapped(shown, mapped)
    }
    return profile


def _filled_up(usual: Mapping[str, object], stored: Mapping[str, object]) -> dict[str, Any]:
    """What is stored, with the usual value for what it lacks or what makes no sense, also inside its rules and times."""
    filled = {**copy.deepcopy(dict(usual)), **stored}
    for key, value in usual.items():
        kept = stored.get(key)
        if isinstance(value, dict) and isinstance(kept, Mapping):
            filled[key] = _filled_up(value, kept)
        elif not _makes_sense(key, value, kept):
            filled[key] = copy.deepcopy(value)
    return filled


def _makes_sense(key: str, usual: object, stored: object) -> bool:
    """Whether a value is of the kind of the usual one, and one of those that can be chosen."""
    if key in _CHOICES:
        return stored in _CHOICES[key]
    if isinstance(usual, float):
        # Every rule that is a number is a share.
        return isinstance(stored, (int, float)) and not isinstance(stored, bool) and 0 <= stored <= 1
    return type(usual) is type(stored)


_CHOICES: Final[Mapping[str, tuple[Any, ...]]] = {
    "matching": get_args(Matching),
    "conflict": get_args(ConflictPolicy),
    "reread": get_args(Reread),
    "review": get_args(Review),
    "push": get_args(Push),
}


def _is_mapped(shown: str, mapped: object) -> bool:
    return (
        shown in get_args(ColumnField)
        and isinstance(mapped, dict)
        and isinstance(mapped.get("column"), str)
        and mapped.get("scale") in (None, 1, 100)
    )


def _only_known(usual: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """What this version knows of it: the bridge refuses anything else."""
    return {
        key: _only_known(value, stored[key]) if isinstance(value, dict) else stored[key] for key, value in usual.items()
    }


def default_profile(api: CalibreDb) -> StoredProfile | None:
    """The profile that a plain click syncs: the chosen one, else the first."""
    known = profiles(api)
    chosen = library_settings(api)["default_profile"]
    return next((profile for profile in known if profile["id"] == chosen), known[0] if known else None)


def save_profiles(api: CalibreDb, known: list[StoredProfile], default: str) -> None:
    """Stores all profiles of the library. Raises NewerSchema when a newer version wrote them."""
    with changing:
        store_settings(api, {**library_settings(api), "profiles": known, "default_profile": default})


def map_columns(api: CalibreDb, columns: Iterable[ColumnMapping] = ()) -> None:
    """Tells every calibre process which columns are ours: those of all profiles of this library, and these."""
    described = api.field_metadata.custom_field_metadata()
    mapped = {mapping["column"] for mapping in columns}
    for profile in profiles(api):
        mapped |= {mapping["column"] for mapping in resolve_profile(api, profile)[0]["columns"]}
    ours: list[StripColumn] = [
        {"lookup": key, "number": described[key]["colnum"], "datatype": described[key]["datatype"]}
        for key in sorted(mapped)
        if key in described
    ]
    strip_list.write_columns(library_id(api), ours)


def resolve_profile(api: CalibreDb, stored: StoredProfile) -> tuple[Profile, list[tuple[ColumnField, str]]]:
    """The profile as the bridge wants it, and the mapped columns that this library no longer has or that do not fit."""
    wanted: dict[ColumnField, tuple[str, int | None]] = {
        shown: (mapped["column"], mapped["scale"]) for shown, mapped in stored["columns"].items() if mapped["column"]
    }
    columns, unusable = resolve_columns(api, wanted)
    profile: Profile = {
        "id": stored["id"],
        "matching": stored["matching"],
        "columns": columns,
        "rules": cast(Rules, _only_known(DEFAULT_RULES, stored["rules"])),
        "ran_before": stored["ran_before"],
        # The bridge knows the name of this machine's own.
        "time_zone": None,
    }
    return profile, unusable


def mappings_of(api: CalibreDb) -> dict[str, ColumnMapping]:
    """How the profiles of this library fill their columns, by lookup name: to show a cell as the library does."""
    resolved = [resolve_profile(api, stored)[0]["columns"] for stored in profiles(api)]
    return {mapping["column"]: mapping for columns in resolved for mapping in columns}


def policy_of(text: str) -> ConflictPolicy:
    """Checks a policy's name given as text."""
    if text not in get_args(ConflictPolicy):
        raise ValueError(text)
    return cast(ConflictPolicy, text)


def without_secrets(account: Mapping[str, object]) -> dict[str, Any]:
    """An account as it may be shown in a report."""
    return {key: value for key, value in account.items() if key not in ("userkey", "headers")}
