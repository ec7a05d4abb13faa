"""Why a profile cannot run now: said before anything begins."""

from __future__ import annotations


from ..parts.calibre_window import CalibreWindow
from ...memory.schema import why_left_alone
from ...settings import config
from ...settings.config import MovedLogin, Settings, StoredProfile
from ...settings.readers import readers_of
from ...words.explain import Explanation

load_translations()


def no_account() -> Explanation:
    """Neither a server nor a reader is there to be asked, or nobody to tell."""
    return Explanation(
        _("There is no sync account yet."),
        _("Enter your server, user name and password in the preferences."),
        tab="account",
    )


def why_not(gui: CalibreWindow, settings: Settings, stored: StoredProfile | None) -> Explanation | None:
    """What keeps this profile from running in the library that is open; None when nothing does."""
    if (left_alone := why_left_alone(gui.current_db.new_api)) is not None:
        return left_alone
    if stored is not None and (moved := _moved(settings, stored)) is not None:
        return Explanation(
            _("The password of {username} on {url} is not known on this computer yet.").format(
                username=moved["username"], url=moved["url"]
            ),
            _("Enter it in the preferences."),
            tab="account",
        )
    api = gui.current_db.new_api
    if stored is None:
        return no_account()
    # A profile without an account has its readers; one whose account is gone here does not become such a one.
    is_ready = settings.account(stored["account_id"]) if stored["account_id"] else readers_of(api, stored["id"])
    if not is_ready:
        return no_account()
    profile, unusable = config.resolve_profile(api, stored)
    if unusable:
        names = ", ".join(column for _shown, column in unusable)
        if getattr(gui, "must_restart_before_config", False):
            return Explanation(
                _("New columns are there only after a restart of calibre: {names}.").format(names=names),
                _("Please restart calibre, then sync."),
            )
        return Explanation(
            ngettext(
                "The column {names} is gone or can no longer be used.",
                "The columns {names} are gone or can no longer be used.",
                len(unusable),
            ).format(names=names),
            _("Choose others under Columns in the preferences."),
            tab="columns",
        )
    if not profile["columns"]:
        return Explanation(
            _("No column is chosen yet."),
            _("Choose under Columns in the preferences where the progress goes."),
            tab="columns",
        )
    return None


def _moved(settings: Settings, stored: StoredProfile) -> MovedLogin | None:
    return next((moved for moved in settings.moved_logins() if moved["id"] == stored["account_id"]), None)
