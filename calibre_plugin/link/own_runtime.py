"""The runtime that the plugin brought along, or fetched: found, unpacked when it is needed, and kept when the zip goes."""

from __future__ import annotations

import os
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import IO, Final, TypeVar

from .ask_version import Runtime, ask_version
from .deno_build import INSIDE_ZIP, Archive, Build, carried_by, fitting, this_machine
from .fetch_archive import Ask, GoOn, fetch_archive
from .kept_runtime import FULL, OwnRuntimeTrouble, begin, forget_old, is_whole, keep, kept_in, program_in, remove_kept
from .pinned import PINNED
from .release import RELEASE_ADDRESS

# Troubles of a place: in another one it may work.
_OF_A_PLACE: Final = ("no_room", "not_writable", "not_executable", "not_started", "vanished")


# As the archive's makers name it.
_PACKED: Final = ("package/deno", "package/deno.exe")

T = TypeVar("T")


@dataclass(frozen=True)
class OwnRuntime:
    """`places` are folders where a runtime may be kept, the best first; `pinned` what may be kept or fetched at all."""

    plugin_path: str
    places: Sequence[str]
    carried: Sequence[Build] = ()
    pinned: Sequence[Archive] = field(default=PINNED)
    is_damaged: bool = False
    address: str = RELEASE_ADDRESS

    @classmethod
    def of(
        cls,
        plugin_path: str,
        places: Sequence[str],
        pinned: Sequence[Archive] = PINNED,
        address: str = RELEASE_ADDRESS,
    ) -> OwnRuntime:
        """Reads what the zip carries; a damaged list is told when the runtime is needed, like any damage of the zip."""
        try:
            return cls(plugin_path, places, carried_by(plugin_path), pinned, address=address)
        except (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error):
            return cls(plugin_path, places, (), pinned, is_damaged=True, address=address)

    @property
    def builds(self) -> list[Build]:
        """What may be run on this computer: what the zip carries, then what this version knows of by its content."""
        return fitting([*self.carried, *(archive.build for archive in self.pinned)])

    @property
    def offered(self) -> Archive | None:
        """What could be fetched for this computer: something, when the zip brings nothing for it."""
        if not self.address or fitting(self.carried):
            return None
        return next((archive for archive in self.pinned if archive.build.fits), None)

    def find_kept(self, environment: Mapping[str, str]) -> Runtime | None:
        """The kept one; None when there is none. Raises OwnRuntimeTrouble."""
        return self._in_first_place(lambda place: self._kept_in(place, environment))

    def find(self, environment: Mapping[str, str]) -> Runtime | None:
        """The kept one, else the one from the zip; None when there is neither. Raises OwnRuntimeTrouble."""
        runtime = self._in_first_place(lambda place: self._find_in(place, environment))
        if runtime is not None:
            forget_old(self.places, runtime.path)
        elif self.is_damaged:
            raise OwnRuntimeTrouble("damaged", self.plugin_path)
        elif self.carried and not fitting(self.carried):
            raise OwnRuntimeTrouble("wrong_machine", self.plugin_path, this_machine())
        return runtime

    def fetch(self, archive: Archive, ask: Ask, go_on: GoOn, environment: Mapping[str, str]) -> Runtime:
        """Has an archive come and keeps what is in it. Raises FetchFailed or OwnRuntimeTrouble, leaving nothing behind.

        Asked for by the reader alone.
        """
        with self._staged(archive) as path:
            try:
                with open(path, "xb") as target:
                    fetch_archive(archive, self.address, ask, target, go_on)
            except OSError as error:
                kind = "no_room" if error.errno in FULL else "not_writable"
                raise OwnRuntimeTrouble(kind, path, error.strerror or str(error), archive.size) from error
            runtime = self._in_first_place(
                lambda place: self.started(keep(place, archive.build, partial(_unpacked, path)), environment)
            )
        assert runtime is not None, "there is no place"
        return runtime

    def remove(self) -> None:
        """Deletes every kept one. Raises OSError when one is in use."""
        remove_kept(self.places)

    def started(self, program: str, environment: Mapping[str, str]) -> Runtime:
        """A kept program that answers. Raises OwnRuntimeTrouble: no right to run it, or something keeps it from running."""
        if not os.path.exists(program):
            raise OwnRuntimeTrouble("vanished", program)
        if not os.access(program, os.X_OK):
            raise OwnRuntimeTrouble("not_executable", os.path.dirname(program))
        runtime = ask_version(program, environment)
        if runtime is None or not runtime.is_new_enough:
            raise OwnRuntimeTrouble("not_started", program)
        return runtime

    def kept(self) -> list[tuple[str, int]]:
        """The folders that are kept, with their bytes."""
        return kept_in(self.places)

    def _in_first_place(self, use: Callable[[str], T | None]) -> T | None:
        """What the first place gives that gives anything. Raises the first place's trouble when none does."""
        first: OwnRuntimeTrouble | None = None
        for place in self.places:
            try:
                used = use(place)
            except OwnRuntimeTrouble as trouble:
                first = first or trouble
                if trouble.kind not in _OF_A_PLACE:
                    break
                continue
            if used is not None:
                return used
        if first is not None:
            raise first
        return None

    @contextmanager
    def _staged(self, archive: Archive) -> Iterator[str]:
        """A path for the archive, in the first place that has room for it and for what is in it."""
        folder = self._in_first_place(lambda place: begin(place, archive.size + archive.build.size))
        assert folder is not None, "there is no place"
        try:
            yield os.path.join(folder, archive.file)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _kept_in(self, place: str, environment: Mapping[str, str]) -> Runtime | None:
        for build in self.builds:
            program = program_in(place, build)
            if is_whole(program, build):
                return self.started(program, environment)
        return None

    def _find_in(self, place: str, environment: Mapping[str, str]) -> Runtime | None:
        kept = self._kept_in(place, environment)
        if kept is not None:
            return kept
        for build in fitting(self.carried):
            return self.started(keep(place, build, partial(self._carried, build)), environment)
        return None

    @contextmanager
    def _carried(self, build: Build) -> Iterator[IO[bytes]]:
        try:
            zipped = zipfile.ZipFile(self.plugin_path)
            source = zipped.open(INSIDE_ZIP + build.name)
        except (KeyError, OSError, RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:
            # Also when the zip was replaced under a running calibre.
            raise OwnRuntimeTrouble("damaged", self.plugin_path, str(error)) from error
        with zipped, source:
            yield source


@contextmanager
def _unpacked(path: str) -> Iterator[IO[bytes]]:
    """The program in an archive, as a stream."""
    try:
        with tarfile.open(path, "r:gz") as packed:
            source = next(filter(None, (packed.extractfile(each) for each in packed if each.name in _PACKED)), None)
            if source is not None:
                yield source
                return
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise OwnRuntimeTrouble("damaged", path, str(error)) from error
    raise OwnRuntimeTrouble("damaged", path)
