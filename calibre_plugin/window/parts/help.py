"""Help and About, both without a network."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from qt.core import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QImage,
    QKeySequence,
    QPushButton,
    QSize,
    Qt,
    QTextBrowser,
    QTextDocument,
    QTimer,
    QUrl,
    QVBoxLayout,
    QWidget,
)

from calibre.gui2 import gprefs, safe_open_url
from calibre.utils.localization import get_lang

from .calibre_window import CalibreWindow
from .icons import icon
from .geometry import keep_geometry
from .text import beside, formatted, picture

load_translations()

GEOMETRY = "koreader_progress_help_dialog"


class Page(QTextBrowser):
    """Pictures come from the plugin's zip; links to the world open in the reader's browser."""

    def __init__(self, parent: object) -> None:
        super().__init__(parent)
        self.setOpenLinks(False)
        self.anchorClicked.connect(self._follow)

    def loadResource(self, kind: int, url: QUrl) -> Any:
        if kind == QTextDocument.ResourceType.ImageResource.value:
            raw = get_resources(f"help/{url.path()}")
            if raw:
                return QImage.fromData(raw)
        return super().loadResource(kind, url)

    def _follow(self, url: QUrl) -> None:
        if url.scheme():
            safe_open_url(url)
        else:
            self.scrollToAnchor(url.fragment())


class HelpDialog(QDialog):
    """Non-modal. `anchor` is the part to begin with."""

    def __init__(self, gui: CalibreWindow, anchor: str = "") -> None:
        super().__init__(gui)
        self.setObjectName("koreader_progress_help")
        self.setWindowTitle(_("KOReader Progress: help"))
        self.setWindowIcon(icon("help"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        layout = QVBoxLayout(self)
        self.page = Page(self)
        self.page.setHtml(with_contents(help_text()))
        layout.addWidget(self.page)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)
        self.restore_geometry(gprefs, GEOMETRY)
        if anchor:
            # Where a part begins is known once the page has its width.
            QTimer.singleShot(0, lambda: self.page.scrollToAnchor(anchor))

    def sizeHint(self) -> QSize:
        return QSize(820, 640)

    def done(self, result: int) -> None:
        keep_geometry(self, GEOMETRY)
        super().done(result)


def help_button(parent: QWidget, anchor: Callable[[], str]) -> QPushButton:
    """A button, and F1, that open the help at the part which belongs to this window."""
    button = QPushButton(icon("help"), _("Help"), parent)
    button.setShortcut(QKeySequence.StandardKey.HelpContents)
    button.setToolTip(_("How this works, without a network"))
    # A child of the window that asks: a modal one would keep the reader from any other.
    button.clicked.connect(lambda: HelpDialog(parent, anchor()).show())
    return button


def help_text() -> str:
    """The help in the reader's language, else in English."""
    language = (get_lang() or "en").split("_")[0]
    for name in (language, "en"):
        raw = get_resources(f"help/{name}.html")
        if raw:
            return raw.decode("utf-8")
    return ""


def with_contents(page: str) -> str:
    """The page with a list of its parts below its heading, each a link."""
    parts = re.findall(r'<h2><a name="(\w+)"></a>(.*?)</h2>', page)
    links = " · ".join(f'<a href="#{name}">{heading}</a>' for name, heading in parts)
    return page.replace("<h2>", f"<p>{links}</p><h2>", 1)


class AboutDialog(QDialog):
    """Non-modal: version, licence, what changed."""

    def __init__(self, gui: CalibreWindow, version: str) -> None:
        super().__init__(gui)
        self.setObjectName("koreader_progress_about")
        self.setWindowTitle(_("About KOReader Progress"))
        self.setWindowIcon(icon("about"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        layout = QVBoxLayout(self)
        top = QHBoxLayout()
        top.addWidget(picture(icon("sync"), 64, self), alignment=Qt.AlignmentFlag.AlignTop)
        words = formatted(
            "<h2>KOReader Progress {version}</h2><p>{about}</p><p>{licence}</p>".format(
                version=version,
                about=_("Brings KOReader's reading progress from a sync server into calibre's columns, and back."),
                licence=_("Free software under the GNU General Public License, version 3 or later."),
            ),
            self,
        )
        top.addWidget(words, 1)
        layout.addLayout(top)
        layout.addWidget(beside(_("What has changed:"), self))
        self.changes = QTextBrowser(self)
        raw = get_resources("help/CHANGELOG.md") or b""
        self.changes.setMarkdown(raw.decode("utf-8"))
        layout.addWidget(self.changes, 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)
        self.resize(self.sizeHint())

    def sizeHint(self) -> QSize:
        return QSize(560, 440)
