"""Digests and content keys, checked against files made here."""

from __future__ import annotations

import hashlib
import io
import json
import os
import unittest

from calibre_plugins.koreader_progress.copies.digest import OFFSETS, file_digest, name_digest, partial_md5, stream_size


class Digests(unittest.TestCase):
    def test_the_samples_stand_where_koreader_takes_them(self) -> None:
        self.assertEqual(OFFSETS[:5], (0, 1024, 4096, 16384, 65536))
        self.assertEqual(OFFSETS[-1], 1 << 30)

    def test_a_file_is_sampled_and_not_read_through(self) -> None:
        data = os.urandom(70_000)
        expected = hashlib.md5(b"".join(data[at : at + 1024] for at in (0, 1024, 4096, 16384, 65536))).hexdigest()
        stream = io.BytesIO(data)
        stream.seek(7)
        self.assertEqual(partial_md5(stream), expected)
        self.assertEqual(stream.tell(), 7)
        path = os.path.join(os.environ["TEST_FOLDER"], "sampled.bin")
        with open(path, "wb") as file:
            file.write(data)
        self.assertEqual(file_digest(path), expected)

    def test_an_empty_file_has_the_digest_of_nothing(self) -> None:
        self.assertEqual(partial_md5(io.BytesIO()), hashlib.md5().hexdigest())
        self.assertEqual(stream_size(io.BytesIO(b"abc")), 3)

    def test_a_file_name_is_hashed_with_its_extension_as_the_bridge_does_it(self) -> None:
        with open(os.path.join(os.environ["TEST_FIXTURES"], "filename-digest-vectors.json"), encoding="utf-8") as file:
            vectors = json.load(file)
        self.assertGreater(len(vectors), 8)
        for vector in vectors:
            with self.subTest(name=ascii(vector["name"])):
                expected = hashlib.md5(bytes.fromhex(vector["bytes"])).hexdigest()
                self.assertEqual(name_digest(vector["name"]), expected)
                halves = vector["name"].encode("utf-16-le", "surrogatepass")
                apart = "".join(chr(int.from_bytes(halves[at : at + 2], "little")) for at in range(0, len(halves), 2))
                self.assertEqual(name_digest(apart), expected)
