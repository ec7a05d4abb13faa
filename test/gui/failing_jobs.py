"""Jobs that fail for reasons nobody foresaw, each at another place: nothing secret is in anything kept or shown then."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any
from unittest import mock

from calibre.ptempfile import base_dir
from calibre_gui import click, gui
from qt.core import QApplication, QLabel, QPlainTextEdit, QTextEdit
from steps import USER, WithServer, action, api, book, configure, digest_of, select, wait_for_run

HEADER = "a-token-of-the-household"
TITLE = "A Title Nobody Should Read"
PLUGIN = "calibre_plugins.koreader_progress"


def fails(*args: Any, **named: Any) -> Any:
    """A fault of ours that says all it was called with, as some do."""
    raise LookupError(f"nobody foresaw {args!r} {named!r}")


class FailingJobs(WithServer):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.dracula = book("Dracula")
        api().set_field("title", {cls.dracula: TITLE})
        cls.server.push(USER, digest_of(cls.dracula), 0.42)

    def setUp(self) -> None:
        configure(self.server)
        accounts = action().settings.accounts()
        accounts[0]["headers"] = {"X-Token": HEADER}
        gui(lambda: action().settings.set("accounts", accounts))
        self.secrets = (HEADER, accounts[0]["userkey"], TITLE)
        self.said = io.StringIO()
        for stream in ("stdout", "stderr"):
            patched = mock.patch.object(sys, stream, self.said)
            patched.start()
            self.addCleanup(patched.stop)

    def kept_and_shown(self) -> str:
        """Everything of a failed job that a reader may see or pass on."""

        def look() -> str:
            jobs = [job for job in gui.main.job_manager.jobs if job.failed]
            found = [text for job in jobs for text in (job.details, job.html_details, repr(vars(job)))]
            for window in QApplication.topLevelWidgets():
                if window.isVisible() and window is not gui.main:
                    found += [label.text() for label in window.findChildren(QLabel)]
                    found += [
                        box.toPlainText() for kind in (QPlainTextEdit, QTextEdit) for box in window.findChildren(kind)
                    ]
                    found.append(getattr(window, "det_msg_text", ""))
            logs = Path(base_dir(), "threaded_job_logs")
            return "\n".join([*found, *(each.read_text(encoding="utf-8") for each in logs.iterdir())])

        return gui(look) + self.said.getvalue()

    def expect_a_fault_without_secrets(self, begin: Any, place: str) -> None:
        """Begins a job that fails at `place`, and looks at all that is left of it."""
        before = len(gui.main.job_manager.jobs)
        with mock.patch(f"{PLUGIN}.{place}", fails):
            gui.post(begin)
            gui.wait(lambda: any(job.failed for job in gui.main.job_manager.jobs[before:]), f"the fault in {place}")
            wait_for_run()
        text = self.kept_and_shown()
        self.assertIn("nobody foresaw", text)
        # Where it happened is told as by any other fault.
        self.assertIn("failing_jobs.py", text)
        for secret in self.secrets:
            self.assertNotIn(secret, text)
        self.assertEqual([job.result for job in gui.main.job_manager.jobs if job.failed][-1:], [None])

    def test_1_asking_the_server(self) -> None:
        self.expect_a_fault_without_secrets(action().sync_all, "sync.pull.prepare")

    def test_2_gathering_what_left(self) -> None:
        self.expect_a_fault_without_secrets(action().sync_all, "window.runs.jobs.rebuild")

    def test_3_writing(self) -> None:
        self.expect_a_fault_without_secrets(action().sync_all, "memory.journaled.write_updates")

    def test_4_offering(self) -> None:
        select(self.dracula)
        self.expect_a_fault_without_secrets(action().offer_place, "window.runs.offer.rebuild")

    def test_5_pushing(self) -> None:
        self.expect_a_fault_without_secrets(action().push, "sync.push.prepare")

    def test_6_sending(self) -> None:
        gui.post(action().sync_all)
        gui.wait(lambda: api().field_for("#percent", self.dracula) == 42, "the sync")
        wait_for_run()
        gui(lambda: api().set_field("#percent", {self.dracula: 60}))
        gui(lambda: action().runs.push(action().profile, [self.dracula]))
        review = gui.window("koreader_progress_result")
        self.expect_a_fault_without_secrets(lambda: click(review.apply_button), "sync.push.apply")

    def test_7_undoing(self) -> None:
        gui.wait(lambda: action().undoing.pull is not None, "what can be undone")
        self.expect_a_fault_without_secrets(action().undoing.undo_pull, "window.runs.jobs.undo_run")
        run = gui(lambda: action().undoing.pull)
        put_back = action().runs.undos.put_back
        self.expect_a_fault_without_secrets(lambda: put_back(api(), [run], [self.dracula]), "window.runs.jobs.put_back")

    def test_8_nothing_went_wrong_unseen(self) -> None:
        self.assertEqual(gui.errors, [])
