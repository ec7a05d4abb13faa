"""Runs one unittest file inside calibre and writes a JSON line for each test: `calibre-debug -e run_tests.py FILE RESULTS`.

The results go to a file, because other plugins and calibre itself print to the standard output.
"""

from __future__ import annotations

import faulthandler
import importlib
import importlib.util
import json
import os
import sys
import unittest
from types import TracebackType
from typing import Any, TextIO

ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]


class Lines(unittest.TestResult):
    """Turns each test's end into one line, flushed at once: what ended before a crash stays known."""

    def __init__(self, out: TextIO) -> None:
        super().__init__()
        self.out = out
        self.troubles: dict[str, str] = {}

    def write(self, test: unittest.TestCase, outcome: str, details: str = "") -> None:
        name = test.id().rpartition(".test_")[2].replace("_", " ")
        self.out.write(json.dumps({"name": name, "outcome": outcome, "details": details}) + "\n")
        self.out.flush()

    def addSuccess(self, test: unittest.TestCase) -> None:
        if test.id() not in self.troubles:
            self.write(test, "passed")

    def addError(self, test: unittest.TestCase, err: ExcInfo) -> None:
        super().addError(test, err)
        self.fail_with(test, self.errors[-1][1])

    def addFailure(self, test: unittest.TestCase, err: ExcInfo) -> None:
        super().addFailure(test, err)
        self.fail_with(test, self.failures[-1][1])

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: ExcInfo | None) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            report = (self.errors + self.failures)[-1][1]
            self.fail_with(test, f"{subtest.id()}\n{report}")

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        self.write(test, "skipped", reason)

    def fail_with(self, test: unittest.TestCase, report: str) -> None:
        """A test with several failing parts is one failed test with all their reports."""
        report = self.troubles.get(test.id(), "") + report
        self.troubles[test.id()] = report
        self.write(test, "failed", report)


def load(path: str) -> Any:
    """Imports the test file under its own name, with its neighbours and the helpers beside this script importable."""
    sys.path.insert(0, os.path.dirname(os.path.abspath(sys.argv[0])))
    sys.path.append(os.path.dirname(os.path.abspath(path)))
    name = os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def main(path: str, results: str) -> int:
    # A test that hangs shows where, before the caller's patience ends.
    faulthandler.dump_traceback_later(200, exit=False)
    # Loads the plugins, and with them the import name calibre_plugins.koreader_progress.
    importlib.import_module("calibre.customize.ui")

    with open(results, "w", encoding="utf-8") as out:
        result = Lines(out)
        unittest.defaultTestLoader.loadTestsFromModule(load(path)).run(result)
    for name, report in result.errors + result.failures:
        print(name, report, file=sys.stderr)
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
