"""Says what went wrong without stopping anybody: one sentence, what to do, the details folded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from calibre.gui2.dialogs.message_box import MessageBox

from .calibre_window import CalibreWindow
from ...words.explain import Explanation
from .text import PARAGRAPH, escape, shortened

load_translations()


def show_trouble(gui: CalibreWindow, reason: Explanation, open_preferences: Callable[[str], None]) -> Any:
    """A non-modal message with a button that opens the tab which mends it, if there is one."""
    box = MessageBox(
        MessageBox.ERROR,
        _("KOReader Progress"),
        f"<p><b>{escape(shortened(reason.sentence, PARAGRAPH))}</b></p><p>{escape(shortened(reason.advice, PARAGRAPH))}</p>",
        det_msg=reason.details,
        show_copy_button=bool(reason.details),
        parent=gui,
    )
    box.setObjectName("koreader_progress_trouble")
    box.setModal(False)
    if reason.tab:
        button = box.bb.addButton(_("Open &preferences"), box.bb.ButtonRole.ActionRole)
        button.setObjectName("open_preferences")

        def go() -> None:
            box.close()
            open_preferences(reason.tab)

        button.clicked.connect(go)
    # calibre's window, its parent, keeps it.
    box.show()
    return box
