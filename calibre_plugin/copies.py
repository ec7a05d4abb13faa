"""What leaves calibre: the body of the metadata writer."""

from __future__ import annotations

from typing import Any, BinaryIO


def write_copy_and_log(writer: Any, stream: BinaryIO, mi: Any, fmt: str) -> None:
    """Lets calibre write."""
    from calibre.customize import ui

    for plugin in ui._metadata_writers.get(fmt, ()):
        if plugin is writer or ui.is_disabled(plugin):
            continue
        with plugin:
            plugin.apply_null = writer.apply_null
            plugin.force_identifiers = writer.force_identifiers
            plugin.site_customization = ui.config["plugin_customization"].get(plugin.name, "")
            plugin.set_metadata(stream, mi, fmt)
        break
