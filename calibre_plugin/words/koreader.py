"""What has to be switched on in KOReader itself, by the names of its menus: it syncs nothing by itself after a login."""

from __future__ import annotations

load_translations()


def koreader_steps() -> list[str]:
    """One after the other, on each reader."""
    return [
        _(
            "Open a book, touch the top of the screen, then Tools → Progress sync: log in with the same server and user."
        ),
        _("There, tick “Automatically keep documents in sync”: KOReader leaves it off, also after a login."),
        _("Settings → Network → Action when Wi-Fi is off: turn on, or the reader sends nothing when it was off."),
        _("“Document matching method” is the same on every device: Binary, or Filename, on all of them."),
        _("Turn a few pages and close the book. Now the server knows it."),
    ]
