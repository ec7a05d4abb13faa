"""A library's database as it stood before the first value was written for a profile: one copy, kept with the journal."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from ..copies.stored import JsonFile, NewerSchema
from ..copies.strip_list import our_folder
from ..library.calibre_db import CalibreDb
from ..library.settings import library_id
from ..library.snapshot import copy_open_database

# Beside the journal, in a folder for each library.
FOLDER: Final = "databases"


def keep_first_copy(api: CalibreDb, profile: str) -> None:
    """Copies the database unless that was done for this profile before; the copy for another profile makes room.

    Raises OSError when there can be no copy, such as on a full disk: then nothing may be written either.
    """
    folder = Path(our_folder(), FOLDER, library_id(api))
    told = JsonFile(str(folder / "profiles.json"), "first_copy")
    copied = told.read().get("profiles")
    known = copied if isinstance(copied, dict) else {}
    if profile in known:
        return
    os.makedirs(folder, mode=0o700, exist_ok=True)
    copy_open_database(api, str(folder / "metadata.db"))
    # What a newer version has noted stays; then this is copied once more the next time.
    with suppress(NewerSchema):
        told.write({"profiles": {**known, profile: time.time()}})
