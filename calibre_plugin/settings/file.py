"""The settings file as it is opened: its older schema is brought up to date, and what is damaged in it is kept aside.

Nothing that stands in it is ever lost: before anything is written, a copy of an older or a damaged file lies beside it;
a file of a newer schema, or one that cannot be copied, is read and never written.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from calibre.constants import config_dir
from calibre.utils.config import JSONConfig

from ..copies.stored import SCHEMA, brought_up, copy_aside, is_newer, notice, schema_of

NAME: Final = "plugins/koreader_progress"


def settings_path() -> Path:
    """Where this machine's settings lie."""
    return Path(config_dir, f"{NAME}.json")


class SettingsFile:
    """The values of the file; `is_read_only` says that none can be kept."""

    def __init__(self, defaults: Mapping[str, Any]) -> None:
        self._defaults = defaults
        self._path = settings_path()
        stored, is_damaged = _load(self._path)
        good = {key: value for key, value in stored.items() if makes_sense(key, value)}
        if isinstance(accounts := stored.get("accounts"), list):
            good["accounts"] = [account for account in accounts if _is_account(account)]
        is_damaged = is_damaged or good != stored
        good = brought_up("settings", good) if stored else good
        self.is_read_only = is_newer(stored)
        if self.is_read_only:
            notice("newer", "settings", str(self._path))
        try:
            if not self.is_read_only:
                self._put_aside(stored, is_damaged)
            self._file = None if self.is_read_only else self._open(good)
        except OSError:
            # It is read as far as it can be, and left.
            self.is_read_only, self._file = True, None
            notice("damaged", "settings", str(self._path))
        self._values: dict[str, Any] = good if self._file is None else self._file

    def _open(self, good: Mapping[str, Any]) -> JSONConfig:
        file = JSONConfig(NAME)
        if good != dict(file):
            file.clear()
            file.update(good)
            file.commit()
        _keep_private(self._path, file)
        return file

    def get(self, key: str) -> Any:
        """The stored value, else the default; neither is a copy."""
        return self._values.get(key, self._defaults[key])

    def set(self, key: str, value: Any) -> None:
        """Stores a setting; the file is private before a secret enters it. A newer version's file stays as it is."""
        if self._file is None:
            return
        _keep_private(self._path, self._file)
        self._file.update({"schema": SCHEMA, key: value})
        self._file.commit()
        _keep_private(self._path, self._file)

    def end(self) -> None:
        """What there is can be read on, and is never written again."""
        self._values, self._file, self.is_read_only = dict(self._values), None, True

    def _put_aside(self, stored: Mapping[str, Any], is_damaged: bool) -> None:
        if os.name == "posix" and self._path.exists():
            # A copy is as private as its original.
            self._path.chmod(stat.S_IRUSR | stat.S_IWUSR)
        if is_damaged:
            notice("damaged", "settings", copy_aside(str(self._path), "damaged"))
            if not stored:
                # calibre would stumble over it.
                self._path.unlink(missing_ok=True)
        elif stored and schema_of(stored) < SCHEMA:
            copy_aside(str(self._path), f"schema-{schema_of(stored)}")


def makes_sense(key: str, value: object) -> bool:
    """Whether a value is of the kind that is kept under this key; of any kind where nothing is known of it."""
    return key not in _SHAPES or _SHAPES[key](value)


def _keep_private(path: Path, file: JSONConfig) -> None:
    if os.name != "posix":
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, stat.S_IRUSR | stat.S_IWUSR))
        file.commit()
    path.chmod(stat.S_IRUSR | stat.S_IWUSR)


def _load(path: Path) -> tuple[dict[str, Any], bool]:
    """What the file holds, and whether that is damaged."""
    try:
        stored = json.loads(path.read_bytes().decode("utf-8"))
    except FileNotFoundError:
        return {}, False
    except (OSError, ValueError, RecursionError):
        return {}, True
    return (stored, False) if isinstance(stored, dict) else ({}, True)


def _is_account(value: object) -> bool:
    return (
        isinstance(value, dict)
        and all(isinstance(value.get(key), str) for key in ("id", "url", "username", "userkey"))
        and isinstance(value.get("headers"), dict)
        and isinstance(value.get("tls"), dict)
        and (value.get("proxy") is None or isinstance(value["proxy"], (str, dict)))
    )


def _is_login(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(key), str) for key in ("id", "url", "username"))


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _is_folder(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(key), str) for key in ("path", "name"))


_SHAPES: Final[Mapping[str, Callable[[object], bool]]] = {
    "accounts": lambda value: isinstance(value, list),
    "runtime_path": lambda value: isinstance(value, str),
    "click": lambda value: value in ("selected_or_all", "selected", "all", "reading"),
    "keep_progress_open": lambda value: isinstance(value, bool),
    "hosting": lambda value: value is None or isinstance(value, dict),
    "copy_logs": _is_texts,
    "folders": lambda value: isinstance(value, list) and all(map(_is_folder, value)),
    "predict": lambda value: value is None or isinstance(value, bool),
    "kepubs_told": lambda value: isinstance(value, bool),
    "button_offered": lambda value: isinstance(value, bool),
    "moved_logins": lambda value: isinstance(value, list) and all(map(_is_login, value)),
}
