"""Fields in which Enter does what belongs to the field: the dialog's own button is never pressed by it."""

from __future__ import annotations

from qt.core import QKeyEvent, QLineEdit, Qt, pyqtSignal


class EnterField(QLineEdit):
    """Says that Enter was pressed, and keeps it from the dialog around it, where it would mean OK."""

    entered = pyqtSignal()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        if event is not None and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.accept()
            self.entered.emit()
        else:
            super().keyPressEvent(event)
