"""calibre's main window as this plugin uses it, and nothing of it beyond."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import Event
from typing import Any, Protocol

from ...library.calibre_db import CalibreDb, FieldMetadata


class OpenLibrary(Protocol):
    """The library that is open, by calibre's older interface."""

    new_api: CalibreDb
    library_id: str
    field_metadata: FieldMetadata

    def create_custom_column(
        self, label: str, name: str, datatype: str, is_multiple: bool, *, display: Mapping[str, object]
    ) -> int: ...


class StatusBar(Protocol):
    def show_message(self, msg: str, timeout: int = ..., *, show_notification: bool = ...) -> None: ...


class BookList(Protocol):
    def get_selected_ids(self) -> list[int]: ...
    def select_rows(self, identifiers: Iterable[int]) -> None: ...
    def selectionModel(self) -> Any: ...


class Job(Protocol):
    """One of calibre's jobs; times are epoch seconds, None for what has not happened."""

    @property
    def abort(self) -> Event: ...
    @property
    def failed(self) -> bool: ...
    @property
    def killed(self) -> bool: ...
    @property
    def is_finished(self) -> bool: ...
    @property
    def start_time(self) -> float | None: ...
    @property
    def duration(self) -> float | None: ...
    @property
    def percent(self) -> float: ...
    @property
    def status_text(self) -> str: ...
    @property
    def exception(self) -> Exception | None: ...
    @property
    def result(self) -> Any: ...


class JobManager(Protocol):
    def run_threaded_job(self, job: Any) -> None: ...


class DeviceManager(Protocol):
    """`connected_device` and `device` are drivers, of which each kind can something else."""

    connected_device: Any
    is_device_present: bool
    device: Any

    def get_current_device_information(self) -> Mapping[str, Any] | None: ...
    def create_job(
        self, func: Callable[..., object], done: Callable[[Job], None], description: str, args: Sequence[object] = ...
    ) -> object: ...


class CalibreWindow(Protocol):
    """Also a QWidget: what is opened may have it for its parent."""

    current_db: OpenLibrary
    shutting_down: bool
    status_bar: StatusBar
    library_view: BookList
    job_manager: JobManager
    device_manager: DeviceManager
    # calibre's own actions, by name.
    iactions: Mapping[str, Any]

    def job_exception(self, job: Job, dialog_title: str = ...) -> None: ...
    def proceed_question(
        self,
        callback: Callable[[object], None],
        payload: object,
        html_log: str,
        log_viewer_title: str,
        title: str,
        msg: str,
        *,
        cancel_callback: Callable[[object], None] | None = ...,
    ) -> None: ...
    def quit(self, checked: bool = ..., restart: bool = ...) -> None: ...
    def build_context_menus(self) -> None: ...
    def booklists(self) -> Sequence[Iterable[Any]]: ...
    def add_db_listener(self, callback: Callable[[Any, Any, Any], None]) -> None: ...
