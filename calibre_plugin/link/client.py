"""Speaks JSON-RPC with the bridge, one message a line; knows nothing of calibre."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Protocol, TypedDict, TypeVar

from .ask_version import no_window
from .contract import CONTRACT_VERSION, SYNC_ERRORS, ArrivedPlace, HelloAnswer, SyncErrorName, Visit

if TYPE_CHECKING:
    # Python 3.10 has it not yet.
    from typing_extensions import Unpack

OnProgress = Callable[[int, int, str], None]
OnPlaces = Callable[[list[ArrivedPlace]], None]
OnVisit = Callable[[Visit], None]
T = TypeVar("T")

# The longest a cancelled request may take to answer before we stop waiting for it, in seconds.
CANCEL_PATIENCE: Final = 2.0
# How often a waiting caller looks whether its request was aborted, in seconds.
ABORT_POLL: Final = 0.05
HELLO_TIMEOUT: Final = 30.0
STOP_TIMEOUT: Final = 2.0
KEPT_LOG_LINES: Final = 200

_NAMES: Final[dict[int, SyncErrorName]] = {code: name for name, code in SYNC_ERRORS.items()}


class SyncError(Exception):
    """A request that could not be done, for a reason that has a name; the sentence is made in `messages`."""

    def __init__(self, name: SyncErrorName, code: int, data: Mapping[str, object] | None = None) -> None:
        super().__init__(name)
        self.name: SyncErrorName = name
        self.code = code
        self.data: dict[str, Any] = dict(data or {})


class BridgeDied(Exception):
    """The bridge ended while an answer was awaited; `log` is the end of what it said."""

    def __init__(self, exit_code: int | None, log: str) -> None:
        super().__init__(f"the bridge ended with {exit_code}\n{log}")
        self.exit_code = exit_code
        self.log = log


class BridgeSilent(BridgeDied):
    """The bridge runs, but did not answer in time: nothing more is expected of it."""


class BridgeNotStarted(Exception):
    """The runtime could not be started: `path` is its program, `reason` what the system says."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class BridgeFault(Exception):
    """The bridge answered with an error of its own making (a fault of ours, not of the reader's)."""

    def __init__(self, code: int, message: str, data: object) -> None:
        super().__init__(f"{message} ({code}) {data if data is not None else ''}".strip())
        self.code = code


class RequestOptions(TypedDict, total=False):
    """What ends a request early, who hears how far it is, and how long it may take, in seconds."""

    abort: threading.Event | None
    on_progress: OnProgress | None
    timeout: float | None


class Bridge(Protocol):
    """What a run needs of a bridge, its own or a shared one."""

    @property
    def log(self) -> str: ...

    def request(self, method: str, params: Mapping[str, object], **options: Unpack[RequestOptions]) -> Any: ...

    def in_one(self, work: Callable[[BridgeClient], T]) -> T: ...


class BridgeClient:
    """One running bridge. Thread-safe: requests from several threads are answered each to its own.

    Raises BridgeNotStarted when the runtime cannot be started.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        try:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=dict(environment),
                close_fds=True,
                creationflags=no_window(),
            )
        except OSError as error:
            raise BridgeNotStarted(command[0], error.strerror or str(error)) from error
        self._lock = threading.Lock()
        # Apart from the other: a bridge that reads nothing must neither hold up its own answers nor its end.
        self._writing = threading.Lock()
        self._next_id = 0
        self._pending: dict[int, tuple[Future[Any], OnProgress | None]] = {}
        self._ended = False
        self._is_silent = False
        # Told, in the thread that reads answers, of places that arrive at the server that this bridge hosts.
        self.on_places: OnPlaces | None = None
        # Told, in the same thread, who asked that server last.
        self.on_visit: OnVisit | None = None
        self._log: deque[str] = deque(maxlen=KEPT_LOG_LINES)
        # How many lines it ever wrote to its log.
        self.lines_logged = 0
        self._readers = [
            threading.Thread(target=self._read_answers, name="bridge-answers", daemon=True),
            threading.Thread(target=self._drain_log, name="bridge-log", daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> BridgeClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether the process is gone, for whatever reason."""
        return self._process.poll() is not None

    @property
    def is_usable(self) -> bool:
        """Whether a request would be answered, as far as is known."""
        return not self._ended and not self._is_silent and not self.has_ended

    @property
    def log(self) -> str:
        """The end of what the bridge wrote to its log."""
        return "\n".join(self._log)

    def log_since(self, line: int) -> str:
        """As `log`, without the first lines, as many as `lines_logged` once said."""
        with self._lock:
            lines = list(self._log)
            return "\n".join(lines[max(0, len(lines) - (self.lines_logged - line)) :])

    def hello(self, plugin_version: str, cache_folder: str | None) -> HelloAnswer:
        """The first message: both sides make sure that they speak the same contract."""
        params = {"contract": CONTRACT_VERSION, "plugin": plugin_version, "cache_folder": cache_folder}
        return self.request("bridge/hello", params, timeout=HELLO_TIMEOUT)

    def request(self, method: str, params: Mapping[str, object], **options: Unpack[RequestOptions]) -> Any:
        """Asks and waits (never on the GUI thread). Raises SyncError, BridgeFault or BridgeDied."""
        abort, timeout = options.get("abort"), options.get("timeout")
        request_id, future = self._send(method, params, options.get("on_progress"))
        waited = 0.0
        while True:
            try:
                return future.result(ABORT_POLL if abort is not None or timeout is not None else None)
            except FutureTimeout:
                waited += ABORT_POLL
            if abort is not None and abort.is_set():
                return self._cancel(request_id, future)
            if timeout is not None and waited >= timeout:
                self._give_up(request_id)
                raise BridgeSilent(self._process.poll(), f"no answer to {method} in {timeout:.0f} s\n{self.log}")

    def in_one(self, work: Callable[[BridgeClient], T]) -> T:
        """Work whose requests build on one another: all of them go to one bridge."""
        return work(self)

    def ask_to_leave(self) -> None:
        """Says that nothing follows, without waiting for anything."""
        self._close_stdin(0)

    def kill_unless_gone(self, until: float) -> None:
        """Gives the process until then (`time.monotonic`) to leave; one that was stopped, or hangs, is killed.

        Whatever still waits for an answer is told that there is none.
        """
        try:
            self._process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            # Not asked once more: a stopped process hears nothing else.
            self._process.kill()

    def stop(self) -> None:
        """Ends the bridge: the end of its stdin asks it to leave, and what does not leave is ended."""
        self._close_stdin(STOP_TIMEOUT)
        try:
            self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.terminate()
            try:
                self._process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for reader in self._readers:
            if reader is not threading.current_thread():
                reader.join(STOP_TIMEOUT)
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()

    def _send(
        self, method: str, params: Mapping[str, object], on_progress: OnProgress | None
    ) -> tuple[int, Future[Any]]:
        future: Future[Any] = Future()
        with self._lock:
            self._next_id += 1
            request_id = self._next_id
            if self._ended:
                raise BridgeDied(self._process.poll(), self.log)
            self._pending[request_id] = (future, on_progress)
        try:
            self._write({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})
        except (OSError, ValueError) as error:
            self._forget(request_id)
            if isinstance(error, ValueError) and not self._process.stdin.closed:  # type: ignore[union-attr]
                raise
            # The child is gone; the reader thread may not have noticed yet.
            self._ended = True
            raise BridgeDied(self._process.poll(), self.log) from None
        return request_id, future

    def _write(self, message: Mapping[str, object]) -> None:
        stdin = self._process.stdin
        if stdin is None:
            raise BrokenPipeError
        # Escaped non-ASCII: a title may hold a lone surrogate, which UTF-8 cannot carry.
        line = json.dumps(message, ensure_ascii=True, allow_nan=False).encode("ascii") + b"\n"
        with self._writing:
            stdin.write(line)
            stdin.flush()

    def _cancel(self, request_id: int, future: Future[Any]) -> Any:
        self._say_cancel(request_id)
        try:
            return future.result(CANCEL_PATIENCE)
        except FutureTimeout:
            self._give_up(request_id)
            raise SyncError("Cancelled", SYNC_ERRORS["Cancelled"]) from None

    def _say_cancel(self, request_id: int) -> None:
        try:
            self._write({"jsonrpc": "2.0", "method": "bridge/cancel", "params": {"id": request_id}})
        except (OSError, ValueError):
            pass

    def _give_up(self, request_id: int) -> None:
        """Nobody waits for this answer any more, and nobody is to wait for one that comes as late."""
        self._is_silent = True
        self._forget(request_id)

    def _forget(self, request_id: int) -> None:
        with self._lock:
            self._pending.pop(request_id, None)

    def _close_stdin(self, patience: float) -> None:
        """Says that nothing follows; where somebody still waits to be read, only the end of the process says so."""
        if not self._writing.acquire(timeout=patience):
            self._process.terminate()
            return
        try:
            if self._process.stdin is not None:
                self._process.stdin.close()
        except OSError:
            pass
        finally:
            self._writing.release()

    def _read_answers(self) -> None:
        stdout = self._process.stdout
        try:
            if stdout is not None:
                for line in stdout:
                    self._take(line)
        except (OSError, ValueError):
            pass
        finally:
            with self._lock:
                self._ended = True
                pending, self._pending = self._pending, {}
            if pending:
                # The last words explain the end: give them a moment to arrive.
                self._readers[1].join(1)
            for future, _ in pending.values():
                future.set_exception(BridgeDied(self._process.poll(), self.log))

    def _take(self, line: bytes) -> None:
        try:
            message = json.loads(line)
        except ValueError:
            self._note(f"not a message: {line[:200]!r}")
            return
        if not isinstance(message, dict):
            return
        if message.get("method") == "bridge/progress":
            self._take_progress(message.get("params") or {})
            return
        if message.get("method") == "server/places":
            if self.on_places is not None:
                self.on_places(message["params"]["places"])
            return
        if message.get("method") == "server/visit":
            if self.on_visit is not None:
                self.on_visit(message["params"])
            return
        with self._lock:
            future, _ = self._pending.pop(message.get("id") or 0, (None, None))
        if future is None:
            return
        error = message.get("error")
        if error is None:
            future.set_result(message.get("result"))
        elif error.get("code") in _NAMES:
            future.set_exception(SyncError(_NAMES[error["code"]], error["code"], error.get("data")))
        else:
            future.set_exception(BridgeFault(error.get("code", 0), error.get("message", ""), error.get("data")))

    def _take_progress(self, params: Mapping[str, Any]) -> None:
        with self._lock:
            _, on_progress = self._pending.get(params.get("id") or 0, (None, None))
        if on_progress is not None:
            on_progress(int(params["done"]), int(params["total"]), str(params["label"]))

    def _drain_log(self) -> None:
        stderr = self._process.stderr
        try:
            if stderr is not None:
                for line in stderr:
                    self._note(line.decode("utf-8", "replace").rstrip())
        except (OSError, ValueError):
            pass

    def _note(self, line: str) -> None:
        with self._lock:
            self._log.append(line)
            self.lines_logged += 1
