"""Runs unittest inside a real calibre window: calibre's own main program, with the tests in a thread beside it.

A test reaches the GUI thread through `gui`, so it stays a straight line of code even below a modal dialog, and what
hangs is a failure with every thread's traceback.
"""

from __future__ import annotations

import faulthandler
import importlib
import os
import sys
import threading
import time
import traceback
import unittest
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, NamedTuple, TypeVar

from qt.core import (
    QApplication,
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QEvent,
    QKeyEvent,
    QLabel,
    QMouseEvent,
    QObject,
    QPoint,
    QPointF,
    QRadioButton,
    Qt,
    QTimer,
    QWidget,
    pyqtSignal,
)

T = TypeVar("T")

PATIENCE = 60.0
BEAT_MS = 5


def click(widget: QWidget, at: QPoint | None = None) -> None:
    """A real left click: calibre's builds have no QtTest."""
    middle = widget.rect().center()
    # What can be ticked is hit on its mark and its words, not on the blank beside them, where the middle may lie.
    usual = QPoint(min(middle.x(), 10), middle.y()) if isinstance(widget, (QCheckBox, QRadioButton)) else middle
    point = QPointF(at or usual)
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    for kind, held in ((QEvent.Type.MouseButtonPress, left), (QEvent.Type.MouseButtonRelease, none)):
        there = widget.mapToGlobal(point)
        QApplication.sendEvent(widget, QMouseEvent(kind, point, there, left, held, Qt.KeyboardModifier.NoModifier))


def press_key(widget: QWidget, key: Any, text: str = "", modifiers: Any = Qt.KeyboardModifier.NoModifier) -> None:
    """A key pressed and released on this widget."""
    for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
        QApplication.sendEvent(widget, QKeyEvent(kind, int(key), modifiers, text))


class Stall(NamedTuple):
    """How long the event loop went without an answer, and how long calibre itself was at work in one; milliseconds."""

    lasted: float
    worked: float

    def or_worse(self, other: Stall) -> Stall:
        """The worse of both, in each respect."""
        return Stall(max(self.lasted, other.lasted), max(self.worked, other.worked))


class Gui(QObject):
    """The GUI thread, as tests see it from their own."""

    _call = pyqtSignal(object)

    def start(self, main: Any) -> None:
        """GUI thread: begins to listen, and to feel the event loop's pulse."""
        self.main = main
        self.errors: list[str] = []
        self._call.connect(lambda run: run(), type=Qt.ConnectionType.QueuedConnection)
        self._last = (time.monotonic(), time.process_time())
        self._worst = Stall(0.0, 0.0)
        self._beat = QTimer(self)
        self._beat.timeout.connect(self._on_beat)
        self._beat.start(BEAT_MS)
        main.unhandled_exception = self._unhandled
        sys.excepthook = self._unhandled

    def _unhandled(self, *about: Any) -> None:
        self.errors.append("".join(traceback.format_exception(*about[:3])))

    def _on_beat(self) -> None:
        self._worst = self._worst.or_worse(self._since_last())

    def _since_last(self) -> Stall:
        """How long ago the last beat was, and begins anew."""
        before, self._last = self._last, (time.monotonic(), time.process_time())
        return Stall(*((now - then) * 1000 for now, then in zip(self._last, before, strict=True)))

    def __call__(self, function: Callable[..., T], *args: Any) -> T:
        """Runs the function on the GUI thread and returns its result."""
        return self.post(function, *args).result(PATIENCE)

    def post(self, function: Callable[..., T], *args: Any) -> Future[T]:
        """Runs the function on the GUI thread without waiting: it opens a modal dialog."""
        future: Future[T] = Future()

        def run() -> None:
            try:
                future.set_result(function(*args))
            except BaseException as error:
                future.set_exception(error)

        self._call.emit(run)
        return future

    def wait(self, predicate: Callable[[], T], what: str = "", patience: float = PATIENCE) -> T:
        """Asks again and again until the answer is true, and returns it."""
        end = time.monotonic() + patience
        while True:
            answer = self(predicate)
            if answer:
                return answer
            if time.monotonic() > end:
                raise AssertionError(f"waited in vain for {what or predicate}\n{self.situation()}")
            time.sleep(0.02)

    def situation(self) -> str:
        """What a reader would see now, for the report of a failure."""

        def look() -> str:
            windows = [w for w in QApplication.topLevelWidgets() if w.isVisible() and w is not self.main]
            lines = [f"{type(w).__name__} {w.objectName()} {w.windowTitle()!r} {texts_of(w)}" for w in windows]
            for window in windows:
                for row in getattr(window, "rows", []):
                    lines.append(f"  {row.kind}: {row.title}: {row.why}")
            return "\n".join([self.main.status_bar.currentMessage(), *lines, *self.errors])

        return self(look)

    def longest_stall(self) -> Stall:
        """The longest time that the event loop was not served since this was last asked."""

        def read() -> Stall:
            worst = self._worst.or_worse(self._since_last())
            self._worst = Stall(0.0, 0.0)
            return worst

        return self(read)

    def modal(self, kind: type[QWidget] = QDialog) -> Any:
        """The modal dialog that is open, or will be in a moment."""

        def find() -> Any:
            widget = QApplication.activeModalWidget()
            return widget if isinstance(widget, kind) else None

        return self.wait(find, "a modal dialog")

    def window(self, name: str) -> Any:
        """The visible window of this object name, now or in a moment."""

        def find() -> Any:
            return next((w for w in QApplication.topLevelWidgets() if w.objectName() == name and w.isVisible()), None)

        return self.wait(find, name)

    def press(self, dialog: Any, button: Any = QDialogButtonBox.StandardButton.Ok) -> None:
        """Clicks a standard button of a modal dialog and waits until it has gone."""
        self.post(lambda: click(dialog.findChild(QDialogButtonBox).button(button)))
        self.wait(lambda: QApplication.activeModalWidget() is not dialog, "the dialog's end")

    def grab(self, widget: Any, name: str) -> str:
        """A picture of the widget in the folder of screenshots; its path."""
        path = os.path.join(os.environ["SHOTS_FOLDER"], f"{name}.png")

        def shoot() -> bool:
            QApplication.processEvents()
            return widget.grab().save(path)

        if not self(shoot):
            raise AssertionError(f"no picture could be saved at {path}")
        return path


def texts_of(window: Any) -> list[str]:
    """What the window's labels say."""
    return [label.text() for label in window.findChildren(QLabel) if label.isVisible() and label.text()][:6]


gui = Gui()


def run_tests(path: str, results: str, ended: dict[str, bool]) -> None:
    """The worker thread: loads the file, runs its tests, then closes calibre."""
    run = importlib.import_module("run_tests")
    try:
        gui(lambda: None)
        with open(results, "w", encoding="utf-8") as out:
            result = run.Lines(out)
            unittest.defaultTestLoader.loadTestsFromModule(run.load(path)).run(result)
        for name, report in result.errors + result.failures:
            print(name, report, file=sys.stderr)
        for error in gui.errors:
            print("unhandled in the GUI:", error, file=sys.stderr)
        ended["well"] = result.wasSuccessful()
    except BaseException:
        traceback.print_exc()
    finally:
        gui.post(lambda: gui.main.quit(confirm_quit=False))


def main(path: str, results: str, library: str) -> int:
    """Starts calibre as a reader would, and returns when it has been closed."""
    faulthandler.enable()
    faulthandler.dump_traceback_later(float(os.environ.get("GUI_TRACEBACK_AFTER", "150")), exit=True)
    from calibre.gui2 import main as program

    ended = {"well": False}
    start = program.GuiRunner.start_gui

    def start_gui(runner: Any, db: Any) -> None:
        start(runner, db)
        gui.start(runner.main)
        threading.Thread(target=run_tests, args=(path, results, ended), daemon=True, name="tests").start()

    program.GuiRunner.start_gui = start_gui
    program.main(["calibre", "--with-library", library, "--no-update-check"])
    return 0 if ended["well"] else 1
