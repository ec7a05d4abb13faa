"""What the preferences change before the reader says OK: a copy of accounts, profiles and this machine's choices."""

from __future__ import annotations

import copy
import uuid
from dataclasses import dataclass, field
from typing import Any, Final, TypedDict

from ..library.calibre_db import CalibreDb
from . import config
from .config import MovedLogin, Settings, StoredProfile
from .readers import Reader, readers, set_readers
from ..link.contract import Account, ColumnField
from ..copies.strip_list import read_strip_list, write_switches

load_translations()

MACHINE_KEYS: Final = ("runtime_path", "click", "keep_progress_open", "predict", "copy_logs", "folders", "hosting")


class NewColumn(TypedDict):
    """A column that is made when the preferences are accepted."""

    field: ColumnField
    column: str
    name: str
    datatype: str
    display: dict[str, Any]


@dataclass
class Draft:
    """Nothing of it is stored until `save`."""

    accounts: list[Account]
    profiles: list[StoredProfile]
    default: str
    machine: dict[str, Any]
    strip: bool = True
    settle: bool = True
    # Whether a Kobo was connected for which calibre made KEPUBs; only told.
    kobo_is_known: bool = False
    # Accounts of another computer that no password was given for yet.
    moved_logins: list[MovedLogin] = field(default_factory=list)
    new_columns: list[NewColumn] = field(default_factory=list)
    # Whose each device and folder is, by its id.
    readers: dict[str, Reader] = field(default_factory=dict)
    # Columns that calibre's own dialog made meanwhile: they exist after a restart.
    made_columns: list[str] = field(default_factory=list)

    @classmethod
    def load(cls, api: CalibreDb, settings: Settings) -> Draft:
        """The settings as they are, and an empty profile where there is none."""
        known = config.profiles(api)
        first = config.default_profile(api)
        accounts = settings.accounts()
        if not known:
            account_id = accounts[0]["id"] if len(accounts) == 1 else ""
            known = [config.new_profile(uuid.uuid4().hex, _("KOReader"), account_id)]
        strip_list = read_strip_list()
        return cls(
            accounts,
            known,
            first["id"] if first else known[0]["id"],
            {key: settings.get(key) for key in MACHINE_KEYS},
            strip_list.strip,
            strip_list.settle,
            kobo_is_known=settings.get("kepubs_told"),
            readers=readers(api),
            moved_logins=settings.moved_logins(),
        )

    def save(self, api: CalibreDb, settings: Settings) -> None:
        """Accounts and choices to this machine's private file, profiles to the library."""
        if self.accounts != settings.accounts():
            settings.set("accounts", self.accounts)
        if self.moved_logins != settings.get("moved_logins"):
            settings.set("moved_logins", self.moved_logins)
        for key, value in self.machine.items():
            if settings.get(key) != value:
                settings.set(key, value)
        config.save_profiles(api, self.profiles, self.default)
        if self.readers != readers(api):
            set_readers(api, self.readers)
        write_switches(self.strip, self.settle)
        config.map_columns(api)

    def profile(self, profile_id: str) -> StoredProfile:
        return next(profile for profile in self.profiles if profile["id"] == profile_id)

    def free_name(self, wanted: str) -> str:
        """The name itself, or with a number when another profile has it."""
        taken = {profile["name"] for profile in self.profiles}
        name, number = wanted, 2
        while name in taken:
            name, number = f"{wanted} {number}", number + 1
        return name

    def add_profile(self, name: str) -> StoredProfile:
        account_id = self.accounts[0]["id"] if len(self.accounts) == 1 else ""
        profile = config.new_profile(uuid.uuid4().hex, self.free_name(name), account_id)
        self.profiles.append(profile)
        return profile

    def copy_profile(self, profile_id: str) -> StoredProfile:
        """A copy that has not run yet: its first run is reviewed like any other's."""
        original = self.profile(profile_id)
        profile = copy.deepcopy(original)
        profile["id"] = uuid.uuid4().hex
        profile["name"] = self.free_name(_("{name} (copy)").format(name=original["name"]))
        profile["ran_before"] = False
        self.profiles.append(profile)
        return profile

    def delete_profile(self, profile_id: str) -> None:
        """Never the last one."""
        self.profiles = [profile for profile in self.profiles if profile["id"] != profile_id] or self.profiles
        if self.default not in {profile["id"] for profile in self.profiles}:
            self.default = self.profiles[0]["id"]

    def account(self, account_id: str) -> Account | None:
        return next((account for account in self.accounts if account["id"] == account_id), None)

    def moved_login(self, account_id: str) -> MovedLogin | None:
        """An account that was moved here without its password."""
        return next((moved for moved in self.moved_logins if moved["id"] == account_id), None)

    def put_account(self, old_id: str, account: Account) -> None:
        """Adds the account, or puts it in the place of the old one; the profiles follow."""
        known = [each for each in self.accounts if each["id"] not in (old_id, account["id"])]
        self.accounts = [*known, account]
        self.moved_logins = [moved for moved in self.moved_logins if moved["id"] not in (old_id, account["id"])]
        for profile in self.profiles:
            if profile["account_id"] in (old_id, account["id"]):
                profile["account_id"] = account["id"]

    def delete_account(self, account_id: str) -> None:
        self.accounts = [account for account in self.accounts if account["id"] != account_id]
        self.moved_logins = [moved for moved in self.moved_logins if moved["id"] != account_id]
        for profile in self.profiles:
            if profile["account_id"] == account_id:
                profile["account_id"] = ""
