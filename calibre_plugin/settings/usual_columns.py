"""The columns that suit what this plugin shows: their names, datatypes and how calibre displays them."""

from __future__ import annotations

from typing import Any, Final

from .draft import NewColumn
from ..link.contract import ColumnField

load_translations()

# What one click makes: enough for a shelf's overview.
USUAL: Final[tuple[ColumnField, ...]] = ("percent", "status", "last_read", "started", "finished")


def suggestion(shown: ColumnField) -> NewColumn:
    """The column calibre would need to show this."""
    suggestions: dict[ColumnField, tuple[str, str, str, dict[str, Any]]] = {
        "percent": ("#percent_read", _("Read"), "int", {"number_format": "{0} %"}),
        "status": (
            "#reading_status",
            _("Reading status"),
            "enumeration",
            {"enum_values": [_("Unread"), _("Reading"), _("Finished")], "enum_colors": []},
        ),
        "place": ("#reading_place", _("Reading place"), "text", {}),
        "device": ("#read_on", _("Read on"), "text", {}),
        "last_read": ("#last_read", _("Last read"), "datetime", {"date_format": None}),
        "started": ("#read_started", _("Started reading"), "datetime", {"date_format": None}),
        "finished": ("#read_finished", _("Finished reading"), "datetime", {"date_format": None}),
        "times_read": ("#times_read", _("Times read"), "int", {"number_format": None}),
        "rating": ("#my_stars", _("My stars"), "rating", {"allow_half_stars": True}),
        "review": (
            "#my_review",
            _("My review"),
            "comments",
            {"interpret_as": "long-text", "heading_position": "above"},
        ),
        "read_time": ("#time_read", _("Time read (minutes)"), "int", {"number_format": None}),
        "days_read": ("#days_read", _("Days read"), "int", {"number_format": None}),
        "time_left": ("#time_left", _("Time left"), "text", {}),
        "last_synced": ("#last_synced", _("Last synced"), "datetime", {"date_format": None}),
        "location": ("#koreader_location", _("KOReader location"), "text", {}),
    }
    column, name, datatype, display = suggestions[shown]
    about = _("Kept by KOReader Progress")
    return {
        "field": shown,
        "column": column,
        "name": name,
        "datatype": datatype,
        "display": {**display, "description": about},
    }


def free_column(new: NewColumn, taken: set[str]) -> NewColumn:
    """The column under a lookup name that is not in use."""
    column, number = new["column"], 2
    while column in taken:
        column, number = f"{new['column']}_{number}", number + 1
    return {**new, "column": column}
