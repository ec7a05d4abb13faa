"""When two values of a column are one: the same cases as in the bridge, and what is written over by that rule."""

from __future__ import annotations

import json
import os
import unittest

from calibre_plugins.koreader_progress.library.same_cell import same_cell


class SameCell(unittest.TestCase):
    def test_the_cases_of_both_languages(self) -> None:
        with open(os.path.join(os.environ["TEST_FIXTURES"], "same-cells.json"), encoding="utf-8") as file:
            cases = json.load(file)
        self.assertGreater(len(cases), 50)
        for case in cases:
            with self.subTest(**case):
                for one, other in ((case["one"], case["other"]), (case["other"], case["one"])):
                    self.assertEqual(same_cell(case["datatype"], one, other), case["same"])
