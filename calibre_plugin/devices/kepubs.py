"""Whether a device's driver makes a KEPUB of an EPUB on the way: another text and another digest each time it is sent."""

from __future__ import annotations


def makes_kepubs(device: object) -> bool:
    """True for a Kobo as calibre 8 and newer treat it by default; older ones do not know the option.

    A template may spare some books, and they are spared then: most still become KEPUBs.
    """
    from calibre.devices.kobo.driver import KOBOTOUCH

    # The driver that knows the option knows Tolinos too.
    return isinstance(device, KOBOTOUCH) and kepubs_are_made() and not device.isTolinoDevice()  # pyright: ignore[reportAttributeAccessIssue]


def kepubs_are_made() -> bool:
    """Whether calibre makes them for the Kobos of this machine, connected or not."""
    from calibre.devices.kobo.driver import KOBOTOUCH

    return bool(KOBOTOUCH.get_pref("kepubify"))
