"""What has to be said again where the contract cannot be imported: a copy leaves calibre in any process, without it."""

from __future__ import annotations

import unittest

from calibre_plugins.koreader_progress.copies import writer
from calibre_plugins.koreader_progress.copies.record import checked_record
from calibre_plugins.koreader_progress.link.contract import COPIES_LEFT, DIGEST_KINDS, EPUB_FORMATS


class Contract(unittest.TestCase):
    def test_a_copy_that_leaves_has_a_key_where_the_bridge_expects_one(self) -> None:
        self.assertEqual({fmt.upper() for fmt in writer.EPUBS}, EPUB_FORMATS)

    def test_a_copy_log_knows_every_kind_of_digest_and_no_other(self) -> None:
        for kind in (*DIGEST_KINDS, "sha256"):
            line = {"uuid": "u", "source": sorted(COPIES_LEFT)[0], "digest": "0" * 32, "kind": kind}
            self.assertEqual(checked_record(line) is not None, kind in DIGEST_KINDS)
