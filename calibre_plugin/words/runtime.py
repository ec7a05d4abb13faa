"""What a reader is told when no runtime can be used: what is there, why it does not do, and what would."""

from __future__ import annotations

from ..link.ask_version import NEEDED, Runtime
from ..link.deno_build import fitting, this_machine
from ..link.fetch_archive import FetchFailed
from ..link.kept_runtime import OwnRuntimeTrouble
from ..link.pinned import PINNED
from ..link.runtime import RuntimeMissing

load_translations()


def needed_words() -> str:
    """Which runtimes do."""
    return _("Node.js {node} or newer, or Deno {deno} or newer").format(
        node=".".join(map(str, NEEDED["node"])), deno=".".join(map(str, NEEDED["deno"]))
    )


def runtime_words(runtime: Runtime) -> str:
    """A runtime's name and version."""
    return {"node": "Node.js", "deno": "Deno"}[runtime.name] + f" {runtime.version_text}"


def size_words(size: int) -> str:
    """Bytes in whole megabytes, as files and disks are sold."""
    return _("{n} MB").format(n=max(1, round(size / 1_000_000)))


def missing_sentence(error: RuntimeMissing) -> str:
    """What is wrong, in one sentence: the own runtime's trouble, the chosen program, or what was found and is too old."""
    newest = max(error.found, key=lambda runtime: runtime.version, default=None)
    if error.configured:
        if newest is None:
            return _("The chosen program cannot be used: {path}").format(path=error.configured)
        return _("The chosen program is {runtime}, which is too old: {path}").format(
            runtime=runtime_words(newest), path=error.configured
        )
    if error.trouble is not None:
        return trouble_sentence(error.trouble)
    if error.in_flatpak:
        return _("calibre runs inside Flatpak, where the programs of this machine are out of reach.")
    if newest is None:
        return _("This plugin needs {needed}, and found neither.").format(needed=needed_words())
    return _("This plugin needs {needed}; {runtime} is too old: {path}").format(
        needed=needed_words(), runtime=runtime_words(newest), path=newest.path
    )


def missing_advice(error: RuntimeMissing) -> str:
    """What helps."""
    if error.configured:
        return _("Choose {needed}, or let the plugin find one, under Runtime in the preferences.").format(
            needed=needed_words()
        )
    if error.trouble is not None:
        return trouble_advice(error.trouble)
    if error.is_offered:
        return _("The plugin can fetch Deno for you: under Runtime in the preferences.")
    if error.in_flatpak:
        return _("Install calibre from calibre-ebook.com.")
    return _("Install one of them, for instance from nodejs.org, then try again.")


def trouble_sentence(trouble: OwnRuntimeTrouble) -> str:
    """Why the runtime that came with the plugin, or was fetched, cannot be used."""
    if trouble.kind == "damaged":
        return _("The program that came with this plugin is damaged, or the plugin was replaced meanwhile.")
    if trouble.kind == "wrong_machine":
        return _("This package of the plugin is made for another processor than this computer’s ({machine}).").format(
            machine=this_machine()
        )
    if trouble.kind == "no_room":
        if trouble.free:
            return _("The program of this plugin needs {needed} of space, and {free} are free: {place}").format(
                needed=size_words(trouble.needed), free=size_words(trouble.free), place=trouble.place
            )
        return _("The program of this plugin needs {needed} of space, and there is not enough: {place}").format(
            needed=size_words(trouble.needed), place=trouble.place
        )
    if trouble.kind == "not_writable":
        return _("The program of this plugin could not be stored: {place}").format(place=trouble.place)
    if trouble.kind == "not_executable":
        return _("The system lets no program run from this folder: {place}").format(place=trouble.place)
    if trouble.kind == "vanished":
        return _("The program of this plugin was taken away as soon as it was stored: {place}").format(
            place=trouble.place
        )
    return _("The program of this plugin is there and does not start: {place}").format(place=trouble.place)


def trouble_advice(trouble: OwnRuntimeTrouble) -> str:
    """What helps against it; in any case a runtime from elsewhere does."""
    other = _("Or install {needed}: it is found by itself.").format(needed=needed_words())
    has_package = bool(fitting(archive.build for archive in PINNED))
    first = {
        "damaged": _("Restart calibre; if this comes again, install the plugin again."),
        "wrong_machine": _("Install the package for this computer.") if has_package else "",
        "no_room": _("Make room on that disk, then try again."),
        "not_writable": _("May this user write there, and does nothing else hold the file?"),
        "not_executable": _("Ask whoever looks after this computer to let programs run there."),
        "not_started": _("A virus scanner may hold it: allow it there, then try again."),
        "vanished": _("A virus scanner does that: allow it there, then try again."),
    }[trouble.kind]
    return f"{first} {other}".strip()


def fetch_sentence(failed: FetchFailed) -> str:
    """Why nothing was fetched."""
    return {
        "unreachable": _("Nobody answers at {url}."),
        "refused": _("{url} does not give the file."),
        "not_https": _("The way to the file leads over an address that is not https: {url}"),
        "too_many": _("{url} only leads on and on."),
        "cut": _("The connection broke off before the file was whole."),
        "too_large": _("{url} sends more than the file has: nothing of it was kept."),
        "wrong_content": _("{url} sends something else than this version of the plugin knows: nothing of it was kept."),
        "stopped": _("Stopped; nothing was kept."),
    }[failed.kind].format(url=failed.url)


def fetch_advice(failed: FetchFailed) -> str:
    """What helps against it; nothing when the reader stopped it."""
    if failed.kind == "stopped":
        return ""
    other = _("Or install {needed}: it is found by itself.").format(needed=needed_words())
    first = (
        _("Is this computer online, and does calibre get through your proxy? Then try again.")
        if failed.kind in ("unreachable", "cut")
        else _("Something on the way, such as a virus scanner or a company’s network, may answer in its place.")
    )
    return f"{first} {other}"
