"""A library's own settings, in its preferences: the profiles, its id, and the schemas of all that it remembers.

What is brought up to date, or is damaged, stays beside it in the preferences as it was.
"""

from __future__ import annotations

import copy
import os
import threading
import uuid
from typing import Any, Final

from .calibre_db import CalibreDb
from .home import is_taken_from
from .rebuilt import left_behind
from .refused import refusal
from ..copies.stored import SCHEMA, NewerSchema, brought_up, is_newer, notice, schema_of

NAMESPACE: Final = "koreader_progress"
# As calibre writes the names of our preferences.
PREFERENCES: Final = f"namespaced:{NAMESPACE}:"
_SETTINGS: Final = "settings"
# Where the library lay when its id was given to it, or last seen.
_HOME: Final = "library_path"
# Beside `schema`, the profiles' own: that of the library's custom book data.
BOOK_DATA: Final = "book_data"
# A library gets its id in a job, its profiles in the window: neither may store the other's old state.
changing: Final = threading.RLock()


def stored_settings(api: CalibreDb) -> Any:
    """What stands in the preferences, whatever it is; None in a library that we never saw."""
    return copy.deepcopy(api.pref(_SETTINGS, default=None, namespace=NAMESPACE))


def whole_settings(api: CalibreDb) -> tuple[dict[str, Any], bool]:
    """The settings without what makes no sense in them, and whether there was such a thing."""
    stored = stored_settings(api)
    if stored is None:
        return {"schema": SCHEMA, "profiles": [], "default_profile": ""}, False
    whole = brought_up("profiles", stored) if isinstance(stored, dict) else {}
    listed = whole.get("profiles", [])
    known = [profile for profile in listed if _is_profile(profile)] if isinstance(listed, list) else []
    default = whole.get("default_profile", "")
    identity = whole.get("library_id", "")
    whole |= {"profiles": known, "default_profile": default if isinstance(default, str) else ""}
    if not isinstance(identity, str):
        del whole["library_id"]
    is_damaged = not isinstance(stored, dict) or not (
        isinstance(listed, list)
        and len(known) == len(listed)
        and isinstance(default, str)
        and isinstance(identity, str)
    )
    return whole, is_damaged


def store_settings(api: CalibreDb, settings: dict[str, Any]) -> None:
    """Replaces the settings, under this schema. Raises NewerSchema, changing nothing, when a newer version wrote them."""
    stored = stored_settings(api)
    if is_newer(stored):
        notice("newer", "profiles")
        raise NewerSchema("profiles")
    if stored is not None:
        _put_aside(api, stored)
    api.set_pref(_SETTINGS, {**settings, "schema": SCHEMA}, namespace=NAMESPACE)
    _write_beside(api)


def _write_beside(api: CalibreDb) -> None:
    # calibre's window does so when it closes: where it never does, or crashes, a rebuilt library finds them all the same.
    # A database that lies elsewhere may be a copy, of which the library shall know nothing.
    if os.path.dirname(api.backend.dbpath) == api.backend.library_path:
        api.backend.prefs.write_serialized(api.backend.library_path)


def find_settings_again(api: CalibreDb) -> None:
    """Takes over, whatever version wrote them, the settings of before calibre rebuilt this library without them."""
    with changing:
        if stored_settings(api) is None:
            found = left_behind(api.backend.library_path, NAMESPACE, _SETTINGS)
            if found is not None:
                api.set_pref(_SETTINGS, found, namespace=NAMESPACE)


def bring_settings_up_to_date(api: CalibreDb) -> None:
    """Stores them under this schema, and whole, when they are not; a newer version's stay as they are, and that is told."""
    stored = stored_settings(api)
    if is_newer(stored):
        notice("newer", "profiles")
    elif stored is not None:
        whole, is_damaged = whole_settings(api)
        if is_damaged or schema_of(stored) < SCHEMA:
            store_settings(api, whole)


def library_id(api: CalibreDb) -> str:
    """An id of this library's own, made once and kept with it: calibre's own does not survive a restore.

    One that came along from another library, with all its preferences, is replaced; its profiles begin anew then.
    """
    with changing:
        find_settings_again(api)
        settings, here = whole_settings(api)[0], api.backend.library_path
        known = str(settings.get("library_id", ""))
        home = settings.get(_HOME)
        stored = stored_settings(api)
        if known and (home == here or is_newer(stored) or is_newer(stored, BOOK_DATA)):
            return known
        is_taken = (
            known != "" and isinstance(home, str) and is_taken_from(home, here, f"{PREFERENCES}{_SETTINGS}", known)
        )
        if is_taken:
            settings["profiles"] = [{**profile, "ran_before": False} for profile in settings["profiles"]]
        stays = bool(known) and not is_taken
        known = known if stays else uuid.uuid4().hex[:16]
        try:
            store_settings(api, {**settings, "library_id": known, _HOME: here})
        except Exception as error:
            # On a disk that takes nothing now a library is still itself.
            if not stays or refusal(error) is None:
                raise
    return known


def forget_settings(api: CalibreDb, keep_id: bool) -> None:
    """Takes all that is ours out of the preferences; `keep_id` leaves the one name by which the journal finds the library."""
    with changing:
        known = whole_settings(api)[0].get("library_id")
        with api.write_lock:
            for key in [key for key in api.backend.prefs if key.startswith(PREFERENCES)]:
                del api.backend.prefs[key]
        _write_beside(api)
        nothing = {"profiles": [], "default_profile": ""}
        if keep_id and known:
            store_settings(api, {**nothing, "library_id": known})
        elif left_behind(api.backend.library_path, NAMESPACE, _SETTINGS) is not None:
            # calibre keeps the database that it rebuilt this one from: what stands there must not be found again.
            store_settings(api, nothing)


def has_newer_book_data(api: CalibreDb) -> bool:
    """Whether a newer version has written what this library remembers of its books: then nothing of it is changed."""
    return is_newer(api.pref(_SETTINGS, default=None, namespace=NAMESPACE), BOOK_DATA)


def _put_aside(api: CalibreDb, stored: object) -> None:
    if whole_settings(api)[1]:
        notice("damaged", "profiles")
        api.set_pref(f"{_SETTINGS}_damaged", stored, namespace=NAMESPACE)
    if schema_of(stored) < SCHEMA:
        api.set_pref(f"{_SETTINGS}_schema_{schema_of(stored)}", stored, namespace=NAMESPACE)


def _is_profile(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("id"), str)
