"""Where the project publishes its files. While this is empty nothing is published, and nothing is offered to be fetched."""

from __future__ import annotations

from typing import Final

# An https address of a folder; the file's name is put behind it.
RELEASE_ADDRESS: Final = ""
