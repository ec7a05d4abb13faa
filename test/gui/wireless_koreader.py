"""KOReader's side of calibre's wireless connection: a client that answers as its plugin does, and keeps what it is sent.

Messages are a length in decimal, then a JSON list of an operation's number and its arguments; books follow as bare bytes.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from typing import Any

OK, NOOP = 0, 12
SET_CALIBRE_DEVICE_INFO, GET_DEVICE_INFORMATION, TOTAL_SPACE, FREE_SPACE = 1, 3, 4, 5
GET_BOOK_COUNT, SEND_BOOKLISTS, SEND_BOOK, GET_INITIALIZATION_INFO = 6, 7, 8, 9
GET_BOOK_FILE_SEGMENT, SEND_BOOK_METADATA, SET_LIBRARY_INFO = 14, 16, 19

INITIALIZATION = {
    "appName": "KOReader",
    "acceptedExtensions": ["epub", "pdf", "djvu"],
    "cacheUsesLpaths": True,
    "canAcceptLibraryInfo": True,
    "canDeleteMultipleBooks": True,
    "canReceiveBookBinary": True,
    "canSendOkToSendbook": True,
    "canStreamBooks": True,
    "canStreamMetadata": True,
    "canUseCachedMetadata": True,
    "ccVersionNumber": "1",
    "coverHeight": 240,
    "deviceKind": "Kobo",
    "deviceName": "KOReader (Kobo)",
    "extensionPathLengths": {},
    "passwordHash": "",
    "maxBookContentPacketLen": 4096,
    "useUuidFileNames": False,
    "versionOK": True,
}


class WirelessKOReader(threading.Thread):
    """Connects to calibre and stays until calibre ends it."""

    def __init__(self, port: int, inbox: str) -> None:
        super().__init__(daemon=True, name="wireless KOReader")
        self.port = port
        self.inbox = inbox
        # lpath -> uuid of the book, as calibre sent it.
        self.received: dict[str, str] = {}
        self.asked: list[str] = []
        self.trouble: BaseException | None = None
        self._buffer = b""

    def run(self) -> None:
        try:
            self._socket = self._connected()
            while self._answer(*self._message()):
                pass
        except (OSError, EOFError):
            # calibre has gone.
            pass
        except BaseException as error:
            self.trouble = error

    def _connected(self) -> socket.socket:
        for _ in range(200):
            try:
                made = socket.create_connection(("127.0.0.1", self.port), timeout=2)
                made.settimeout(120)
                return made
            except OSError:
                time.sleep(0.1)
        raise AssertionError("calibre does not listen for wireless devices")

    def _read(self, size: int) -> bytes:
        while len(self._buffer) < size:
            data = self._socket.recv(65536)
            if not data:
                raise EOFError
            self._buffer += data
        found, self._buffer = self._buffer[:size], self._buffer[size:]
        return found

    def _message(self) -> tuple[int, dict[str, Any]]:
        length = b""
        while (byte := self._read(1)) != b"[":
            length += byte
        operation, arguments = json.loads(b"[" + self._read(int(length) - 1))
        return operation, arguments

    def _say(self, operation: int, arguments: dict[str, Any]) -> None:
        text = json.dumps([operation, arguments]).encode()
        self._socket.sendall(str(len(text)).encode() + text)

    def _answer(self, operation: int, told: dict[str, Any]) -> bool:
        if operation == GET_INITIALIZATION_INFO:
            self._say(OK, INITIALIZATION)
        elif operation == GET_DEVICE_INFORMATION:
            device = {"device_store_uuid": "5d1f1b7e-wireless", "device_name": "KOReader (Kobo)"}
            self._say(OK, {"device_info": device, "version": "1", "device_version": "1"})
        elif operation in (TOTAL_SPACE, FREE_SPACE):
            self._say(OK, {"total_space_on_device": 10**11, "free_space_on_device": 10**10})
        elif operation == GET_BOOK_COUNT:
            self._say(OK, {"willStream": True, "willScan": True, "count": 0})
        elif operation == SEND_BOOK:
            self._say(OK, {})
            self._keep(told["lpath"], self._read(told["length"]))
            self.received[told["lpath"]] = told["metadata"].get("uuid")
        elif operation == GET_BOOK_FILE_SEGMENT:
            self._give(told["lpath"])
        elif operation == NOOP:
            if told.get("ejecting"):
                self._say(OK, {})
                return False
            # Counts and keys belong to lists that want no answer.
            if "count" not in told and "priKey" not in told:
                self._say(OK, {})
        elif operation not in (SEND_BOOKLISTS, SEND_BOOK_METADATA):
            self._say(OK, {})
        return True

    def _keep(self, lpath: str, data: bytes) -> None:
        path = os.path.join(self.inbox, lpath)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)

    def _give(self, lpath: str) -> None:
        self.asked.append(lpath)
        path = os.path.join(self.inbox, lpath)
        if not os.path.exists(path):
            self._say(NOOP, {})
            return
        with open(path, "rb") as file:
            data = file.read()
        self._say(OK, {"fileLength": len(data)})
        self._socket.sendall(data)
