"""Which of another computer's settings are taken over: those that nobody has chosen here yet."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final, TypeGuard

from ..settings.config import DEFAULTS, Settings
from ..settings.file import makes_sense

# Each is one choice, and taken over as it is.
_CHOICES: Final = ("click", "keep_progress_open", "predict", "kepubs_told")


def take_settings(stored: Mapping[str, Any], settings: Settings, has_server: bool) -> tuple[bool, list[str]]:
    """Keeps what is new; whether anything was, and the folders of copy logs that are not on this computer.

    A server is hosted from now on only where its documents came as well.
    """
    theirs = {key: value for key, value in stored.items() if key in DEFAULTS and makes_sense(key, value)}
    new = {key: theirs[key] for key in _CHOICES if key in theirs and settings.get(key) == DEFAULTS[key]}
    hosting = theirs.get("hosting")
    if _is_hosting(hosting) and settings.get("hosting") is None:
        new["hosting"] = {**hosting, "enabled": bool(hosting.get("enabled")) and has_server}
    known = settings.get("copy_logs")
    folders = [folder for folder in theirs.get("copy_logs", ()) if folder not in known]
    missing = [folder for folder in folders if not os.path.isdir(folder)]
    new["copy_logs"] = [*known, *(folder for folder in folders if folder not in missing)]
    # A folder of sidecars that is not there changes nothing, and is read as soon as it is.
    here = settings.get("folders")
    paths = {folder["path"] for folder in here}
    new["folders"] = [*here, *(folder for folder in theirs.get("folders", ()) if folder["path"] not in paths)]
    theirs_by_id = {login["id"]: login for login in theirs.get("moved_logins", ())}
    logged_in = {account["id"] for account in settings.accounts()}
    moved = {**theirs_by_id, **{login["id"]: login for login in settings.get("moved_logins")}}
    new["moved_logins"] = [login for login in moved.values() if login["id"] not in logged_in]
    changed = {key: value for key, value in new.items() if value != settings.get(key)}
    for key, value in changed.items():
        settings.set(key, value)
    return bool(changed), missing


def _is_hosting(value: object) -> TypeGuard[dict[str, Any]]:
    kinds = {"enabled": bool, "host": str, "port": int, "registration": bool}
    return isinstance(value, dict) and all(type(value.get(key)) is kind for key, kind in kinds.items())
