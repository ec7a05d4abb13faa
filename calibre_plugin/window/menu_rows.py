"""The menu's entries. Their names are what calibre's shortcut editor remembers: they never change."""

from __future__ import annotations

from typing import Any

from .parts.menu import Row

load_translations()


def menu_rows(action: Any) -> list[Row | None]:
    """All entries, None for a line between groups: reading comes first, then syncing, then looking back and mending."""
    return [
        Row(
            "koreader-progress-open",
            _("Open &where KOReader stopped"),
            "reading",
            action.open_at_place,
            _("Open the selected book in calibre's viewer at the place of the last sync"),
            action.why_not_one,
        ),
        Row(
            "koreader-progress-details",
            _("&Details of the book…"),
            "details",
            action.show_details,
            _("How a book was read, its last sync and its known copies"),
            action.why_not_one,
        ),
        Row(
            "koreader-progress-offer",
            _("Offer this place &to my devices"),
            "offer",
            action.offer_place,
            _("Put the last place of the selected books on the server again, for every copy that is out there"),
            action.why_no_offer,
        ),
        None,
        Row(
            "koreader-progress-selected",
            _("Sync &selected books"),
            "sync",
            action.sync_selected,
            _("Ask the server about the selected books"),
            action.why_no_selection,
        ),
        Row(
            "koreader-progress-all",
            _("Sync &all books"),
            "sync-all",
            action.sync_all,
            _("Ask the server about every book"),
        ),
        Row(
            "koreader-progress-reading",
            _("Sync books being &read"),
            "reading",
            action.sync_reading,
            _("Ask only about books that are begun and not finished"),
        ),
        Row(
            "koreader-progress-all-profiles",
            _("Sync all pro&files in turn"),
            "profiles",
            action.sync_all_profiles,
            _("Every profile of this library, one after the other"),
            action.why_no_profiles,
        ),
        Row(
            "koreader-progress-preview",
            _("Pre&view…"),
            "preview",
            action.preview,
            _("Show what a sync would change, before anything is written"),
        ),
        Row(
            "koreader-progress-push",
            _("S&end to the server…"),
            "push",
            action.push,
            _("Send calibre's own progress in the selected books, or in all, to the server"),
        ),
        None,
        Row(
            "koreader-progress-report",
            _("&Last report…"),
            "report",
            action.runs.show_last_report,
            _("What the last sync did, book by book, and why"),
            action.why_no_report,
        ),
        Row(
            "koreader-progress-unmatched",
            _("Pro&gress without a book…"),
            "unmatched",
            action.show_unmatched,
            _("What is on the server and belongs to no book yet"),
        ),
        Row(
            "koreader-progress-undo",
            _("Und&o last sync"),
            "undo",
            action.undoing.undo_pull,
            _("Put back what the last sync changed"),
            action.undoing.why_no_pull,
        ),
        Row(
            "koreader-progress-undo-push",
            _("Ta&ke back what was sent last"),
            "undo",
            action.undoing.undo_push,
            _("Put back on the server what stood there before it was sent"),
            action.undoing.why_no_push,
        ),
        Row(
            "koreader-progress-undo-earlier",
            _("&Undo an earlier sync…"),
            "undo",
            action.undoing.show,
            _("Put back what any earlier sync changed, or some of its books"),
            action.undoing.why_no_earlier,
        ),
        Row(
            "koreader-progress-move",
            _("&Move my reading here…"),
            "push",
            action.move_reading,
            _("Put what was known at another account or server on the one that is used now, where that lacks it"),
            action.why_no_move,
        ),
        None,
        Row(
            "koreader-progress-preferences",
            _("&Preferences…"),
            "preferences",
            action.open_preferences,
            _("Account, columns, rules and when to sync"),
        ),
        Row(
            "koreader-progress-welcome",
            _("F&irst steps…"),
            "about",
            action.show_welcome,
            _("From nothing to the first sync, question by question"),
        ),
        Row("koreader-progress-help", _("&Help"), "help", action.show_help, _("How it works, without a network")),
        Row("koreader-progress-about", _("A&bout…"), "about", action.show_about, _("Version and what has changed")),
    ]
