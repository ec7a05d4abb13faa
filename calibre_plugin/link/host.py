"""Starts bridges for a running calibre: one for all its jobs, and others apart. Ends every one when calibre goes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit

from calibre import browser
from calibre.constants import cache_dir, config_dir

from .client import BridgeClient, BridgeNotStarted
from .bundle import install_bundle, read_bundle
from .contract import Account
from .ask_version import Runtime
from .fetch_archive import Answer
from .own_runtime import OwnRuntime
from .runtime import RuntimeFinder, command
from .shared import Hold, Rights, SharedBridge

# calibre's own libraries, plugins and settings mean nothing to a program that is not part of calibre.
FOREIGN = ("CALIBRE_", "QT", "MAGICK_")

# Seconds without a byte.
ANSWER_TIMEOUT = 30


@dataclass(frozen=True)
class Launch:
    """What a worker thread needs to start a bridge; made on the GUI thread, where the environment may be touched."""

    host: BridgeHost
    environment: Mapping[str, str]
    runtime_path: str

    def find_runtime(self) -> Runtime:
        """The runtime a run would use. Raises RuntimeMissing."""
        return self.host.runtimes.find(self.runtime_path, self.environment)

    @contextmanager
    def open(self, account: Account | None = None, read: Iterable[str] = ()) -> Iterator[Hold]:
        """The bridge that all jobs share, held for a block. Raises RuntimeMissing, SyncError or BridgeDied.

        Never on the GUI thread. `read` names the library's folders, where they are needed.
        """
        rights = Rights(self.runtime_path, frozenset(hosts_of(account)), frozenset(files_of(account)), frozenset(read))
        with self.host.shared.hold(rights, self._start) as bridge:
            yield bridge

    def _start(self, rights: Rights) -> BridgeClient:
        return self.begin(hosts=sorted(rights.hosts), read=sorted(rights.files | rights.library))

    def try_out(self) -> None:
        """Starts a bridge that nobody shares, as a run would, and ends it. Raises as `open` does."""
        self.host.end(self.begin(hosts=()))

    def begin(self, hosts: Iterable[str], read: Iterable[str] = (), write: Iterable[str] = ()) -> BridgeClient:
        """A bridge of one's own, which has said hello: `BridgeHost.end` ends it, at the latest when calibre closes.

        Raises as `open` does.
        """
        runtime = self.find_runtime()
        cache = cache_folder()
        cache.mkdir(parents=True, exist_ok=True)
        kept = [*write]
        # Only a server writes elsewhere than into the cache, and what it has answered for must be on the disk.
        line = command(
            runtime, self.host.script(), hosts=hosts, read=read, write=[str(cache), *kept], keeps_data=bool(kept)
        )
        environment = {**self.environment, "DENO_DIR": str(cache / "deno"), "DENO_NO_UPDATE_CHECK": "1"}
        try:
            bridge = BridgeClient(line, environment)
        except BridgeNotStarted:
            self.host.runtimes.forget()
            raise
        self.host.add(bridge)
        try:
            bridge.hello(self.host.version, str(cache))
        except BaseException:
            self.host.end(bridge)
            raise
        return bridge


class BridgeHost:
    """One for each calibre. The bundle is read at once: the zip may be replaced while calibre runs.

    `sanitized` is calibre's `sanitize_env_vars`: within it, `os.environ` is what calibre itself was started with.
    """

    def __init__(self, plugin_path: str, version: str, sanitized: Callable[[], AbstractContextManager[object]]) -> None:
        self.version = version
        self._sanitized = sanitized
        self._bundle = read_bundle(plugin_path)
        # What does not roam first; the other where the cache is read-only, or nothing there may be run.
        self.runtimes = RuntimeFinder(OwnRuntime.of(plugin_path, [str(cache_folder()), our_folder()]))
        self._lock = threading.Lock()
        self._living: set[BridgeClient] = set()
        # What the jobs work with; a hosted server has a bridge of its own.
        self.shared = SharedBridge(self.end)

    def prepare(self, runtime_path: str) -> Launch:
        """GUI thread only: `os.environ` changes for a moment."""
        with self._sanitized():
            environment = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        return Launch(self, environment, runtime_path)

    def script(self) -> str:
        """The path of the bridge's entry, put where a runtime can read it."""
        return install_bundle(self._bundle, our_folder())

    def add(self, bridge: BridgeClient) -> None:
        with self._lock:
            self._living.add(bridge)

    def end(self, bridge: BridgeClient) -> None:
        """Ends one bridge; until it is gone it counts as living."""
        try:
            bridge.stop()
        finally:
            with self._lock:
                self._living.discard(bridge)

    @property
    def pids(self) -> list[int]:
        """The process ids of the bridges that run now."""
        with self._lock:
            return [bridge.pid for bridge in self._living]

    def stop_all(self, until: float) -> None:
        """Ends every bridge, all of them at once: calibre is closing. What has not left by then (`time.monotonic`) is killed."""
        self.shared.close()
        with self._lock:
            living = list(self._living)
        for bridge in living:
            bridge.ask_to_leave()
        for bridge in living:
            bridge.kill_unless_gone(until)


def cache_folder() -> Path:
    """Where the plugin keeps what can be had again."""
    return Path(cache_dir(), "koreader_progress")


def our_folder() -> str:
    """The plugin's folder in calibre's configuration."""
    return os.path.join(config_dir, "plugins", "koreader_progress")


def hosts_of(account: Account | None) -> list[str]:
    """The hosts that a bridge for this account talks to, without ports: looking for the right address tries several."""
    if account is None:
        return []
    urls = [account["url"], account["proxy"] or ""]
    named = (urlsplit(url if "://" in url else f"//{url}").hostname for url in urls if url)
    return sorted({f"[{host}]" if ":" in host else host for host in named if host})


def files_of(account: Account | None) -> list[str]:
    """The files outside the library that a bridge for this account must read."""
    if account is not None and account["tls"]["mode"] == "ca_file":
        return [account["tls"]["path"]]
    return []


def ask_once(url: str) -> Answer:
    """Asks an address as calibre would, through its proxy and by its certificates; follows no redirect. Raises OSError."""
    asking = browser()
    asking.set_handle_redirect(False)
    try:
        answer = asking.open_novisit(url, timeout=ANSWER_TIMEOUT)
    except HTTPError as error:
        answer = error
    # What mechanize wraps around an answer keeps all of it in memory.
    return getattr(answer, "wrapped", answer)
