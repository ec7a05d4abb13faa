"""Many syncs by themselves in one calibre: what each of them knew is let go of.

`QUIET_SYNCS` says how many; what a forced collection leaves in the process is printed along the way.
"""

from __future__ import annotations

import ctypes
import gc
import os
import weakref
from typing import NamedTuple

from calibre_gui import gui
from steps import USER, WithServer, action, api, book, configure, digest_of, wait_for_run

SYNCS = int(os.environ.get("QUIET_SYNCS", "6"))
# Beside the last run, which a report may show, one may be on its way out.
KEPT = 2


# calibre keeps an entry of each finished job: 17 objects a sync were measured, and 11 MB in 500. What a sync knows of
# 300 books is more than 300 objects, and would be some 80 MB in all.
OF_A_SYNC = 100
MB_IN_ALL = 30


class Left(NamedTuple):
    """What a forced collection leaves: objects that Python looks after, and MB of the process."""

    objects: int
    memory: float


def left() -> Left:
    gc.collect()
    # What is free goes back to the system, so that the process is as large as what it holds.
    ctypes.CDLL(None).malloc_trim(0)
    with open("/proc/self/status", encoding="ascii") as file:
        memory = next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS"))
    return Left(len(gc.get_objects()), memory)


class QuietSyncs(WithServer):
    def sync(self) -> None:
        gui(lambda: action().runs.start(action().profile, action().all_ids(), "timer"))
        wait_for_run()

    def test_1_what_a_job_has_told_is_let_go(self) -> None:
        configure(self.server)
        self.server.push(USER, digest_of(book("Dracula")), 0.42)
        self.sync()
        self.assertEqual(api().field_for("#percent", book("Dracula")), 42)
        pulls: list[weakref.ref[object]] = []
        told: list[Left] = []
        every = max(1, SYNCS // 10)
        for number in range(SYNCS):
            self.sync()
            pulls.append(weakref.ref(gui(lambda: action().runs.last.pulled)))
            if number % every == every - 1:
                told.append(left())
                books = len(api().all_book_ids())
                print(
                    f"after {number + 1} quiet syncs of {books} books: {told[-1].objects} objects,"
                    f" {told[-1].memory:.1f} MB",
                    flush=True,
                )
        gc.collect()
        self.assertLessEqual(sum(pull() is not None for pull in pulls), KEPT)
        jobs = [job for job in gui.main.job_manager.jobs if job.type == "koreader_progress"]
        self.assertGreaterEqual(len(jobs), 2 * SYNCS)
        self.assertEqual({(job.result, job.func, job.args) for job in jobs}, {(None, None, None)})
        if SYNCS >= 100:
            # The first tenth is calibre's own warming up.
            first, last = told[0], told[-1]
            self.assertLess((last.objects - first.objects) / (SYNCS - every), OF_A_SYNC)
            self.assertLess(last.memory - first.memory, MB_IN_ALL)

    def test_2_nothing_went_wrong_unseen(self) -> None:
        self.assertEqual(gui.errors, [])
