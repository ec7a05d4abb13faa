"""The messages that the bridge has really taken and given, against the types that are generated for calibre's side."""

from __future__ import annotations

import copy
import json
import os
import unittest
from typing import Any

from calibre_plugins.koreader_progress.link.contract import METHODS, NOTIFICATIONS, RPC_ERRORS, SYNC_ERRORS
from calibre_plugins.koreader_progress.link.shapes import WrongShape, check


def messages() -> list[dict[str, Any]]:
    with open(os.path.join(os.environ["TEST_FIXTURES"], "messages", "bridge.jsonl"), encoding="utf-8") as file:
        return [json.loads(line) for line in file]


class Messages(unittest.TestCase):
    def test_every_method_is_asked_and_answered_as_the_types_have_it(self) -> None:
        met = set()
        for message in messages():
            if "request" in message and "error" not in message["answer"]:
                method = message["request"]["method"]
                takes, gives = METHODS[method]
                check(message["request"]["params"], takes, method)
                check(message["answer"]["result"], gives, method)
                met.add(method)
        self.assertEqual(met, set(METHODS))

    def test_every_notification_is_told_as_the_types_have_it(self) -> None:
        told = [message["notice"] for message in messages() if "notice" in message]
        for notice in told:
            check(notice["params"], NOTIFICATIONS[notice["method"]])
        self.assertEqual({notice["method"] for notice in told}, set(NOTIFICATIONS))

    def test_every_error_has_a_name(self) -> None:
        known = {*SYNC_ERRORS.values(), *RPC_ERRORS.values()}
        codes = [m["answer"]["error"]["code"] for m in messages() if "error" in m.get("answer", {})]
        self.assertTrue(codes)
        self.assertLessEqual(set(codes), known)

    def test_a_value_that_is_missing_unknown_or_of_another_kind_is_refused(self) -> None:
        (asked, *_more) = [m["request"] for m in messages() if m.get("request", {}).get("method") == "sync/planPull"]
        takes, _gives = METHODS["sync/planPull"]
        for spoil in (
            lambda params: params.pop("run"),
            lambda params: params.update(more=1),
            lambda params: params.update(reach="far"),
            lambda params: params["account"]["tls"].update(mode="any"),
            lambda params: params["profile"]["columns"][0].update(enum_values=[1]),
            lambda params: params["profile"]["rules"].update(conflict="oldest"),
        ):
            params = copy.deepcopy(asked["params"])
            check(params, takes)
            spoil(params)
            with self.assertRaises(WrongShape):
                check(params, takes)
