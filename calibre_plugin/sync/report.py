"""A report to paste into a forum: everything that helps others to help, and no secret, no title, no user name."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from calibre.constants import __version__ as calibre_version
from calibre.constants import isfrozen, islinux, ismacos, iswindows

from ..library.calibre_db import CalibreDb
from ..settings.config import StoredProfile
from ..link.contract import Account, Diagnosis
from ..devices.state import all_states
from ..words.faults import noted_faults
from ..memory.history import read_digests
from ..words.errors import error_sentence
from ..devices.odd_words import odd_report_lines
from ..link.ask_version import Runtime
from ..link.runtime import is_flatpak


PUBLIC_SERVERS: Final = frozenset({"sync.koreader.rocks"})


def make_report(
    api: CalibreDb,
    plugin_version: str,
    runtime: Runtime | None,
    profile: StoredProfile | None,
    account: Account | None,
    diagnosis: Diagnosis | None,
) -> str:
    """The report as plain text, in English whatever the language: it is read by others."""
    ids = api.all_book_ids()
    digests = read_digests(api, ids)
    lines = [
        f"KOReader Progress {plugin_version}, calibre {calibre_version}, {_system()}",
        f"Runtime: {f'{runtime.name} {runtime.version_text}' if runtime else 'none found'}",
        f"Library: {len(ids)} books, {len(digests)} with known digests "
        f"({sum(len(known) for known in digests.values())} digests)",
        *_profile_lines(api, profile),
        *_account_lines(account),
        *_diagnosis_lines(diagnosis),
        *_device_lines(),
        *_fault_lines(),
    ]
    return "\n".join(lines)


def _system() -> str:
    name = "Windows" if iswindows else "macOS" if ismacos else "Linux" if islinux else platform.system()
    build = "Flatpak" if is_flatpak() else "official build" if isfrozen else "from a distribution"
    return f"{name} {platform.release()} ({build}), Python {platform.python_version()}"


def _profile_lines(api: CalibreDb, profile: StoredProfile | None) -> list[str]:
    if profile is None:
        return ["Profile: none"]
    described = api.field_metadata.custom_field_metadata()
    columns = ", ".join(
        f"{shown} -> {described[mapped['column']]['datatype'] if mapped['column'] in described else 'gone'}"
        for shown, mapped in profile["columns"].items()
        if mapped["column"]
    )
    rules = profile["rules"]
    return [
        f"Columns: {columns or 'none'}",
        f"Matching: {profile['matching']}; conflicts: {rules['conflict']}; finished at {rules['finish_at']:.0%}",
    ]


def _account_lines(account: Account | None) -> list[str]:
    if account is None:
        return ["Server: none"]
    # Whose server it is, is nobody's business: a name, a user or a token may be part of the address.
    parts = urlsplit(account["url"])
    whose = parts.hostname if parts.hostname in PUBLIC_SERVERS else "a server of one's own"
    proxy = "with a proxy" if account["proxy"] else "without a proxy"
    extra = f", {len(account['headers'])} extra headers" if account["headers"] else ""
    return [f"Server: {whose} over {parts.scheme}, certificates: {account['tls']['mode']}, {proxy}{extra}"]


def _diagnosis_lines(diagnosis: Diagnosis | None) -> list[str]:
    if diagnosis is None:
        return []
    lines = []
    for check in diagnosis["checks"]:
        error = check["error"]
        outcome = "ok" if error is None else _plain(error["name"], error["data"])
        lines.append(f"  {check['name']}: {outcome} ({check['took']} ms)")
    for found in diagnosis["findings"]:
        mark = {"good": "+", "note": "o", "bad": "-"}[found["level"]]
        lines.append(f"  {mark} {found['about']}: {found['says']} {found['advice']}".rstrip())
    return ["What the server said:", *lines]


def _device_lines() -> list[str]:
    lines = odd_report_lines(all_states())
    return (
        ["Files on devices that could not be read, or not in full:", *(f"  {line}" for line in lines)] if lines else []
    )


def _fault_lines() -> list[str]:
    return (
        ["What went wrong since calibre started:", *(f"  {line}" for line in noted_faults())] if noted_faults() else []
    )


def _plain(name: str, data: Mapping[str, object]) -> str:
    """The sentence, without what could name a person."""
    return error_sentence(name, {key: value for key, value in data.items() if key not in ("username", "url")})
