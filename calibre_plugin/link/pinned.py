# Made by `npm run pin`; do not edit.
"""The builds of Deno that this version knows by their content, and the archives they are fetched in."""

from __future__ import annotations

from typing import Final

from .deno_build import Archive, Build

PINNED: Final[tuple[Archive, ...]] = (
    Archive(
        Build(
            "deno-win32-x64.exe",
            "win32",
            ("x86_64", "amd64", "arm64", "aarch64"),
            "2.9.5",
            97408288,
            "98f8c2a2d470e4ccb04c935c86ff8050817d877762aec5eaeeb9e409ccb3b9fd",
        ),
        "deno-win32-x64-2.9.5.tgz",
        42382359,
        "sha512-LkcERsH0olOgevg9L9eootSr1U8ydyfnX1bS3mFqU+lGBeTYtlec5b/QF473WUOGVgPlWECrkxi4As5kEaFOzg==",
    ),
    Archive(
        Build(
            "deno-darwin-arm64",
            "darwin",
            ("arm64", "aarch64"),
            "2.9.5",
            80900512,
            "b5bd08edab254d42d7b05aa5b6cb4c9b8d4dede4975aff76951ce2cce18866fa",
        ),
        "deno-darwin-arm64-2.9.5.tgz",
        39666809,
        "sha512-SX98qSdBT1lw9x6NwGwx2xIayl1kRimdRnFohYlJ6nt3mLKzTKHHKQwQs5D2pEY7mbUGGbYe9brM2kfN75pPkg==",
    ),
    Archive(
        Build(
            "deno-darwin-x64",
            "darwin",
            ("x86_64", "amd64"),
            "2.9.5",
            97740224,
            "befc4fee79127584c0f5c9f76ca6bb73c8e6ff523c01acd52e9c5db1968a09cb",
        ),
        "deno-darwin-x64-2.9.5.tgz",
        42985305,
        "sha512-gbdlxWZuAZFiJiZtTT00Mv/aC7f/31+pyqJGQKlZr5X33WeTo5B0GG+efcX3P1UZceRKHuPEAQ1B/M2oRt8r9Q==",
    ),
    Archive(
        Build(
            "deno-linux-x64-glibc",
            "linux",
            ("x86_64", "amd64"),
            "2.9.5",
            95582008,
            "dc480c462c8c3582524f3e75c160613d0a975e1f66b5465995d58bae236da7d3",
        ),
        "deno-linux-x64-glibc-2.9.5.tgz",
        42343525,
        "sha512-TDqcnoLe3jlgqYEQm7H7MK6q0JOth+o8iSZzknRODnVkJfPiNnjVn1M1Zc6vnp+ipkyb6Av1/CUlHgHtlq59Gw==",
    ),
    Archive(
        Build(
            "deno-linux-arm64-glibc",
            "linux",
            ("arm64", "aarch64"),
            "2.9.5",
            84842080,
            "e1a70c5eb03b0ebaf761077029ef86b9ba22d50e2b54ca45ce5437457f701b63",
        ),
        "deno-linux-arm64-glibc-2.9.5.tgz",
        41080643,
        "sha512-IuYjsz9PGl7CJcNXMuN27KNDB8Q40brK3SG3l+TXMDVW61ZKwcn0fQHBHnXFiiygEwI8by/fKnASEluhZB1atw==",
    ),
)
