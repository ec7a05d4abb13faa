"""Runtimes of the plugin's own, for tests: small programs that answer as Deno does, in zips and archives."""

from __future__ import annotations

import base64
import ctypes
import hashlib
import io
import json
import os
import platform
import subprocess
import sys
import tarfile
import traceback
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from calibre_plugins.koreader_progress.link.deno_build import Archive, Build

CLONE_NEWNS = 0x00020000
NAME = "deno-for-tests"


def program(version: str = "2.9.5", size: int = 0) -> bytes:
    """A runtime that knows its version and nothing else, padded to a size that no packing makes small."""
    script = f'#!/bin/sh\necho "deno {version} (stable)"\nexit 0\n'.encode()
    return script + os.urandom(max(0, size - len(script)))


def build_of(content: bytes, version: str = "2.9.5", **other: object) -> Build:
    """What a manifest says of this program, for this computer unless told otherwise."""
    digest = hashlib.sha256(content).hexdigest()
    named = Build(NAME, sys.platform, (platform.machine().lower(),), version, len(content), digest)
    return Build(**{**named.__dict__, **other})


def make_zip(path: Path, content: bytes | None, builds: Sequence[Build] = ()) -> str:
    """A plugin's zip with the program inside; the universal one without."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("bridge/main.mjs", "// the entry")
        if content is not None:
            listed = [{**build.__dict__, "machines": list(build.machines)} for build in builds or [build_of(content)]]
            zipped.writestr("runtime/manifest.json", json.dumps(listed))
            zipped.writestr(f"runtime/{NAME}", content)
            zipped.writestr("runtime/LICENSE", "MIT")
    return str(path)


def make_archive(content: bytes) -> tuple[Archive, bytes]:
    """What is fetched, as it is pinned, and its bytes."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, data in (("package/package.json", b"{}"), ("package/deno", content)):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    data = packed.getvalue()
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()
    return Archive(build_of(content), "deno-for-tests.tgz", len(data), integrity), data


def pinned(content: bytes) -> Archive:
    """A build that the code lists, of which nothing is fetched."""
    return Archive(build_of(content), "", 0, "")


def in_another_process(work: Callable[[], str], *, kill: Callable[[int], None] | None = None) -> str:
    """What `work` gives in a process of its own, or the traceback of what it raised; empty when it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            said = work()
        except BaseException:
            said = traceback.format_exc()
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    if kill is not None:
        kill(child)
    with os.fdopen(reading, encoding="utf-8") as answers:
        said = answers.read()
    os.waitpid(child, 0)
    return said


def on_a_disk_of_its_own(folder: Path, options: str, work: Callable[[], str]) -> str:
    """As `in_another_process`, with a file system mounted on `folder` that only that process sees."""

    def mounted() -> str:
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
            raise OSError(ctypes.get_errno(), "no mount namespace")
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
        return work()

    return in_another_process(mounted)


def environment(**variables: str) -> Mapping[str, str]:
    """An environment in which nothing is found but what is told."""
    return {"PATH": "", "HOME": "/nowhere", **variables}
