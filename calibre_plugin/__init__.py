"""The plugin as every calibre program sees it: an action for the GUI, and a metadata writer wherever copies are made.

Every calibre tool imports this module when it starts, so nothing here needs Qt or takes time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

from calibre.customize import InterfaceActionBase, MetadataWriterPlugin

if TYPE_CHECKING:
    from calibre.ebooks.metadata.book.base import Metadata

    class ContentServerPlugin:
        """As far as is needed: the older calibres that types are checked with have none."""

else:
    try:
        from calibre.customize import ContentServerPlugin
    except ImportError:
        # Before calibre 9.12 nothing can be added to its content server.
        class ContentServerPlugin:
            """Nothing that calibre asks for."""


class KOReaderProgress(InterfaceActionBase, MetadataWriterPlugin, ContentServerPlugin):
    """One class in all roles, so that installing one zip is enough for the content server and the command line too."""

    name = "KOReader Progress"
    description = _("Bring KOReader's reading progress into calibre's columns, and back")
    author = "The KOReader Progress developers"
    version = (0, 1, 0)
    minimum_calibre_version = (6, 0, 0)
    supported_platforms = ["windows", "osx", "linux"]
    can_be_disabled = True
    actual_plugin = "calibre_plugins.koreader_progress.action:ProgressAction"
    type = InterfaceActionBase.type

    # Every format that calibre itself can write metadata into; others leave calibre as they lie in the library.
    file_types = {
        "azw", "azw1", "azw3", "azw4", "docx", "epub", "fb2", "fbz", "htmlz", "kepub", "lrf",
        "mobi", "odt", "pdb", "pdf", "prc", "rtf", "tpz", "txtz",
    }  # fmt: skip

    def __init__(self, *args: object, **kwargs: object) -> None:
        InterfaceActionBase.__init__(self, *args, **kwargs)
        # calibre sets these before each call; a program that calls the writer itself may not.
        self.apply_null = False
        self.force_identifiers = False

    def set_metadata(self, stream: BinaryIO, mi: Metadata, type: str) -> None:
        """Write the metadata as calibre does, then make the copy's digest stand still and remember it."""
        from .copies.writer import write_copy_and_log

        write_copy_and_log(self, stream, mi, type)

    def content_server_endpoints(self) -> Any:
        """What calibre's content server answers below `/kosync`, from calibre 9.12 on; asked for when it starts."""
        from .content_server.endpoint import endpoints_of

        return endpoints_of(self.plugin_path, ".".join(map(str, self.version)))

    def is_customizable(self) -> bool:
        return True

    def config_widget(self) -> Any:
        """The preferences, or a sentence where they cannot be shown: they need the running GUI's library."""
        if self.actual_plugin_ is None:
            return (
                _("Please restart calibre"),
                _("The preferences of KOReader Progress can be opened once calibre has been restarted."),
            )
        from .window.preferences.dialog import ConfigWidget

        return ConfigWidget(self.actual_plugin_)

    def save_settings(self, config_widget: Any) -> None:
        config_widget.save_settings()
