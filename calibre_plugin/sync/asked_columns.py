"""The columns that the window would make, for a library that has none yet."""

from __future__ import annotations

from typing import Any

from ..link.contract import ColumnField
from ..settings.draft import NewColumn
from ..settings.usual_columns import USUAL, free_column, suggestion


def make_usual_columns(db: Any) -> dict[ColumnField, str]:
    """Makes them in a library that is open; their lookup names. calibre shows them when it is opened again."""
    taken = set(db.new_api.field_metadata.custom_field_metadata())
    usual: dict[ColumnField, NewColumn] = {shown: free_column(suggestion(shown), taken) for shown in USUAL}
    for new in usual.values():
        label = new["column"].removeprefix("#")
        db.create_custom_column(label, new["name"], new["datatype"], False, display=new["display"])
    return {shown: new["column"] for shown, new in usual.items()}
