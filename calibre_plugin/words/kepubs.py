"""What KEPUBs that calibre makes on the way cost a reader of KOReader, and the way out, in calibre's own words."""

from __future__ import annotations

import builtins

load_translations()


def notice() -> tuple[str, str, str]:
    """What calibre does, what it costs, and the way out."""
    what = _("calibre makes a KEPUB of each EPUB that it sends to this Kobo.")
    cost = _(
        "Each time it is sent, such a KEPUB is another file to KOReader. What you read in it is found, because the plugin "
        "sees what is sent; but your other devices take it for another book, copies that left before cannot be worked "
        "out, and no exact place can be carried over to it."
    )
    return what, cost, way_out()


def way_out() -> str:
    """Where calibre makes KEPUBs, and how to stop it, with calibre's own words as it shows them."""
    shown = vars(builtins)["_"]
    return _(
        "Whoever reads with KOReader needs no KEPUB. With the Kobo connected, click the arrow at calibre's device button, "
        "choose “{menu}” and untick “{option}”: EPUBs that are sent from then on stay the same book."
    ).format(menu=shown("Configure this device"), option=shown("Use Kobo viewer for EPUB books"))
