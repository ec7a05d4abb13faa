"""Many syncs by themselves in one calibre: what each of them knew is let go of.

`QUIET_SYNCS` says how many; the memory of the process is printed along the way.
"""

from __future__ import annotations

import gc
import os
import weakref

from calibre_gui import gui
from steps import USER, WithServer, action, api, book, configure, digest_of, wait_for_run

SYNCS = int(os.environ.get("QUIET_SYNCS", "6"))
# Beside the last run, which a report may show, one may be on its way out.
KEPT = 2


def memory() -> float:
    """What the process holds, in MB."""
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS"))


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
        lines = []
        every = max(1, SYNCS // 10)
        for number in range(SYNCS):
            self.sync()
            pulls.append(weakref.ref(gui(lambda: action().runs.last.pulled)))
            if number % every == every - 1:
                gc.collect()
                lines.append(memory())
                print(f"after {number + 1} quiet syncs of {len(api().all_book_ids())} books: {lines[-1]:.1f} MB")
        gc.collect()
        self.assertLessEqual(sum(pull() is not None for pull in pulls), KEPT)
        jobs = [job for job in gui.main.job_manager.jobs if job.type == "koreader_progress"]
        self.assertGreaterEqual(len(jobs), 2 * SYNCS)
        self.assertEqual({(job.result, job.func, job.args) for job in jobs}, {(None, None, None)})
        if SYNCS >= 100:
            # The first tenth is calibre's own warming up.
            self.assertLess(lines[-1] - lines[0], 10)

    def test_2_nothing_went_wrong_unseen(self) -> None:
        self.assertEqual(gui.errors, [])
