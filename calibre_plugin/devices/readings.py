"""What one file of KOReader's tells of one document, as the library keeps it: what is not told is null."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..link.contract import DeviceReading, DocumentStatistics, ReadingSource
from .sidecar import Sidecar

# A date that a device tells, as far as it can be one.
Dated = Callable[[float], float]


@dataclass(frozen=True)
class Teller:
    """The device, or the folder, whose files these are."""

    device_id: str
    device: str
    dated: Dated

    def of_sidecar(self, sidecar: Sidecar, mtime: float) -> DeviceReading | None:
        """None for one that tells nothing of the reading: a reset book has such a sidecar."""
        reading = self._empty(sidecar["digest"], "sidecar", mtime)
        # A sidecar that an earlier version read lacks some of these.
        reading["percentage"] = sidecar.get("percentage")
        reading["progress"] = sidecar.get("progress")
        reading["status"] = sidecar.get("status")
        reading["marked"] = sidecar.get("marked") if reading["status"] is not None else None
        reading["rating"] = sidecar.get("rating")
        reading["review"] = sidecar.get("review")
        told = ("percentage", "progress", "status", "rating", "review")
        return reading if any(reading[each] is not None for each in told) else None

    def of_statistics(self, document: DocumentStatistics) -> DeviceReading | None:
        """None for a document that was only opened; its time is that of the last visit to a page."""
        last_read = document.get("last_read")
        if not document.get("read_time"):
            return None
        reading = self._empty(document["digest"], "statistics", last_read or document["last_open"] or 0.0)
        reading["read_time"] = document["read_time"]
        reading["read_on"] = document["read_on"] or None
        reading["time_left"] = document["time_left"]
        reading["started"] = document["started"]
        reading["last_read"] = self.dated(last_read) if last_read is not None else None
        return reading

    def _empty(self, digest: str, source: ReadingSource, at: float) -> DeviceReading:
        return {
            "digest": digest,
            "source": source,
            "device": self.device,
            "device_id": self.device_id,
            "at": self.dated(at) or None,
            "percentage": None,
            "progress": None,
            "status": None,
            "marked": None,
            "rating": None,
            "review": None,
            "read_time": None,
            "read_on": None,
            "time_left": None,
            "started": None,
            "last_read": None,
        }


def filled_up(newer: DeviceReading, older: DeviceReading) -> DeviceReading:
    """What the newer of two tells, and where it says nothing of the reader's own words, the older."""
    status = newer if newer["status"] is not None else older
    return {
        **newer,
        "status": status["status"],
        "marked": status["marked"],
        "rating": newer["rating"] or older["rating"],
        "review": newer["review"] or older["review"],
    }
