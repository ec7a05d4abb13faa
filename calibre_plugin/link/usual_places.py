"""Where Node and Deno are installed without being on a graphical program's PATH, as patterns of folders.

Programs with a window get a bare PATH on macOS, and version managers live outside it everywhere.
"""

from __future__ import annotations

import glob
import ntpath
import posixpath
from collections.abc import Iterator, Mapping
from typing import Final

# By what a line begins with: a `{NAME}` of the environment, `~`, or a root. The first that is set of those joined by
# `|` is a manager's own folder; a star is a version.
_POSIX: Final = (
    "/opt/homebrew/bin",
    "/usr/local/bin",
    "/usr/bin",
    "{DENO_INSTALL}|~/.deno > bin",
    "~/.local/bin",
    "~/bin",
    # Other package managers.
    "/opt/local/bin",
    "/home/linuxbrew/.linuxbrew/bin",
    "~/.linuxbrew/bin",
    "/opt/homebrew/opt/node@*/bin",
    "/usr/local/opt/node@*/bin",
    "/home/linuxbrew/.linuxbrew/opt/node@*/bin",
    "/snap/bin",
    "~/.nix-profile/bin",
    "~/.local/state/nix/profile/bin",
    "/etc/profiles/per-user/{USER}/bin",
    "/nix/var/nix/profiles/default/bin",
    "/run/current-system/sw/bin",
    "{CONDA_PREFIX}/bin",
    "~/miniconda3/bin",
    "~/miniforge3/bin",
    "~/anaconda3/bin",
    "~/mambaforge/bin",
    # Version managers: what is installed before shims, which fail where no default was chosen.
    "{NVM_DIR}/versions/node/v*/bin",
    "{XDG_CONFIG_HOME}/nvm/versions/node/v*/bin",
    "~/.config/nvm/versions/node/v*/bin",
    "~/.nvm/versions/node/v*/bin",
    "{FNM_DIR} > aliases/default/bin",
    "{XDG_DATA_HOME}/fnm > aliases/default/bin",
    "~/.local/share/fnm > aliases/default/bin",
    "~/Library/Application Support/fnm > aliases/default/bin",
    "~/.fnm > aliases/default/bin",
    "{FNM_DIR} > node-versions/v*/installation/bin",
    "{XDG_DATA_HOME}/fnm > node-versions/v*/installation/bin",
    "~/.local/share/fnm > node-versions/v*/installation/bin",
    "~/Library/Application Support/fnm > node-versions/v*/installation/bin",
    "~/.fnm > node-versions/v*/installation/bin",
    "{VOLTA_HOME}|~/.volta > bin",
    "{MISE_DATA_DIR}|{XDG_DATA_HOME}/mise|~/.local/share/mise > installs/node/*/bin",
    "{MISE_DATA_DIR}|{XDG_DATA_HOME}/mise|~/.local/share/mise > installs/deno/*/bin",
    "{MISE_DATA_DIR}|{XDG_DATA_HOME}/mise|~/.local/share/mise > shims",
    "{ASDF_DATA_DIR}|~/.asdf > installs/nodejs/*/bin",
    "{ASDF_DATA_DIR}|~/.asdf > installs/deno/*/bin",
    "{ASDF_DATA_DIR}|~/.asdf > shims",
    "{NODENV_ROOT}|~/.nodenv > versions/*/bin",
    "{NODENV_ROOT}|~/.nodenv > shims",
    "{N_PREFIX}|~/n > bin",
    "{N_PREFIX}|~/n > n/versions/node/*/bin",
    "/usr/local/n/versions/node/*/bin",
    "{PNPM_HOME}",
    "{PNPM_HOME}/bin",
    "~/.local/share/pnpm",
    "~/.local/share/pnpm/bin",
    "~/Library/pnpm",
    "~/Library/pnpm/bin",
    "{XDG_DATA_HOME}/pnpm",
    "~/.local/share/pnpm/nodejs/*/bin",
    "~/Library/pnpm/nodejs/*/bin",
)
_WINDOWS: Final = (
    "{PROGRAMFILES}/nodejs",
    "{PROGRAMFILES(X86)}/nodejs",
    "{LOCALAPPDATA}/Programs/nodejs",
    "{DENO_INSTALL}|~/.deno > bin",
    "{LOCALAPPDATA}/Microsoft/WinGet/Links",
    "{PROGRAMFILES}/WinGet/Links",
    "{LOCALAPPDATA}/Microsoft/WinGet/Packages/OpenJS.NodeJS*/node-v*",
    "{LOCALAPPDATA}/Microsoft/WinGet/Packages/DenoLand.Deno*",
    "{SCOOP}|~/scoop > apps/nodejs/current",
    "{SCOOP}|~/scoop > apps/nodejs-lts/current",
    "{SCOOP}|~/scoop > apps/deno/current",
    "{SCOOP}|~/scoop > shims",
    "{SCOOP_GLOBAL}|{PROGRAMDATA}/scoop > apps/nodejs/current",
    "{SCOOP_GLOBAL}|{PROGRAMDATA}/scoop > apps/nodejs-lts/current",
    "{SCOOP_GLOBAL}|{PROGRAMDATA}/scoop > apps/deno/current",
    "{SCOOP_GLOBAL}|{PROGRAMDATA}/scoop > shims",
    "{CHOCOLATEYINSTALL}|{PROGRAMDATA}/chocolatey > bin",
    "{NVM_SYMLINK}",
    "{NVM_HOME}/v*",
    "{APPDATA}/nvm/v*",
    "{LOCALAPPDATA}/nvm/v*",
    "{FNM_DIR}|{APPDATA}/fnm > aliases/default",
    "{FNM_DIR}|{APPDATA}/fnm > node-versions/v*/installation",
    "{LOCALAPPDATA}/fnm/node-versions/v*/installation",
    "{VOLTA_HOME}|{LOCALAPPDATA}/Volta > bin",
    "{PROGRAMFILES}/Volta",
    "{MISE_DATA_DIR}|{LOCALAPPDATA}/mise > installs/node/*",
    "{MISE_DATA_DIR}|{LOCALAPPDATA}/mise > installs/deno/*",
    "{MISE_DATA_DIR}|{LOCALAPPDATA}/mise > installs/deno/*/bin",
    "{MISE_DATA_DIR}|{LOCALAPPDATA}/mise > shims",
    "{PNPM_HOME}",
    "{PNPM_HOME}/bin",
    "{LOCALAPPDATA}/pnpm",
    "{LOCALAPPDATA}/pnpm/bin",
    "{LOCALAPPDATA}/pnpm/nodejs/*",
    "{CONDA_PREFIX}",
    "~/miniconda3",
    "~/miniforge3",
    "~/anaconda3",
)


def usual_places(system: str, environment: Mapping[str, str], home: str) -> Iterator[str]:
    """The patterns that have a meaning here, best first; `system` is a `sys.platform`, which decides how paths are joined."""
    is_windows = system == "win32"
    for line in _WINDOWS if is_windows else _POSIX:
        roots, _arrow, below = line.partition(" > ")
        root = next(filter(None, (_filled(choice, environment, home, is_windows) for choice in roots.split("|"))), "")
        if root:
            yield _joined(root, below, is_windows)


def _filled(text: str, environment: Mapping[str, str], home: str, is_windows: bool) -> str:
    """The text with its `~` or `{NAME}` filled in; empty when that is not set, or is no absolute path itself."""
    before, brace, rest = text.partition("{")
    if brace:
        name, _brace, after = rest.partition("}")
        value = environment.get(name, "")
        if not value:
            return ""
        path = ntpath if is_windows else posixpath
        if not before and not (path.isabs(value) and (not is_windows or path.splitdrive(value)[0])):
            return ""
        return _joined(before + glob.escape(value), after.lstrip("/"), is_windows)
    if text.startswith("~"):
        return _joined(glob.escape(home), text[2:], is_windows)
    return text


def _joined(root: str, below: str, is_windows: bool) -> str:
    if not below:
        return root
    return ntpath.join(root, *below.split("/")) if is_windows else posixpath.join(root, below)
