"""What a sync of the command line adds to one of the window: whose word counts, and what follows the writing unasked."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence

from .carry_over import OnPhase, carry_over
from .places import deliver_positions
from .pull import Pulled
from ..library.calibre_db import CalibreDb
from ..link.client import Bridge, BridgeDied, SyncError
from ..link.contract import Account, CarryOverResult, Profile, SyncRequest
from ..memory.account_key import key_for
from ..settings.config import default_profile, new_profile
from ..settings.readers import readers_of


def counting_readers(api: CalibreDb, params: SyncRequest) -> Sequence[str] | None:
    """The devices and folders whose word counts: where none are named, those of calibre's profile with this login."""
    stored, account = default_profile(api), params["account"]
    if params["readers"] is not None or stored is None:
        return params["readers"]
    is_its = stored["account_id"] == (account["id"] if account is not None else "")
    return [*readers_of(api, stored["id"])] if is_its else None


def follow_up(
    api: CalibreDb,
    pulled: Pulled,
    account: Account | None,
    profile: Profile,
    bridge: Bridge,
    abort: threading.Event,
    on_phase: OnPhase,
) -> list[CarryOverResult]:
    """What comes after the writing can wait for the next sync: that it fails, or is stopped, loses nothing."""
    plan = pulled.plan
    carried: list[CarryOverResult] = []
    try:
        if account is not None:
            carried = carry_over(api, plan, account, profile, bridge, abort, on_phase)
        stored = default_profile(api) or new_profile("", "", "")
        users, viewer, rules = stored["server_users"], stored["viewer"], profile["rules"]
        ids = pulled.book_ids
        deliver_positions(
            api, plan, key_for(account, profile["id"]), rules, users, viewer, bridge, abort, on_phase, ids
        )
    except (SyncError, BridgeDied, OSError) as error:
        if not abort.is_set():
            print("carry over:", repr(error), file=sys.stderr)
    return carried
