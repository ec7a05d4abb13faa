"""The tab Columns: where in calibre each thing is shown; only fitting columns can be chosen."""

from __future__ import annotations

from typing import Any, Final

from qt.core import QCheckBox, QComboBox, QFormLayout, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from ..parts.calibre_window import CalibreWindow
from ...settings.config import MappedColumn, StoredProfile
from ...settings.draft import Draft
from ...link.contract import FITTING, ColumnField
from ...library.books import fitting_columns
from ...settings.usual_columns import USUAL, free_column, suggestion
from ..parts.text import Label, bounded, on_one_line

load_translations()

WHOLE, SHARE = 100, 1


def field_labels() -> dict[ColumnField, str]:
    """The tab's own labels, each with a letter of its own."""
    return {
        "percent": _("P&ercent read:"),
        "status": _("&Status:"),
        "place": _("Place in &words:"),
        "device": _("&Device:"),
        "last_read": _("Last &read:"),
        "started": _("S&tarted:"),
        "finished": _("&Finished:"),
        "times_read": _("T&imes read:"),
        "rating": _("My ratin&g:"),
        "review": _("My re&view:"),
        "read_time": _("Ho&urs read:"),
        "days_read": _("Read o&n days:"),
        "time_left": _("Time left (a&bout):"),
        "last_synced": _("Last s&ynced:"),
        "location": _("Raw &location:"),
    }


EXPERT: Final[tuple[ColumnField, ...]] = ("location",)


class ColumnsTab(QWidget):
    """One row for each thing that can be shown."""

    def __init__(self, gui: CalibreWindow, draft: Draft, parent: QWidget) -> None:
        super().__init__(parent)
        self._gui = gui
        self._draft = draft
        self._api = gui.current_db.new_api
        self._profile: StoredProfile = draft.profiles[0]
        self._creator: Any = None
        self.columns: dict[ColumnField, QComboBox] = {}
        self.create_buttons: dict[ColumnField, QPushButton] = {}

        layout = QVBoxLayout(self)
        about = Label(_("Choose where calibre shows what KOReader knows. Only columns that fit are offered."), self)
        layout.addWidget(about)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        for shown, label in field_labels().items():
            form.addRow(label, self._row(shown))
            form.labelForField(form.itemAt(form.rowCount() - 1, QFormLayout.ItemRole.FieldRole).widget()).setBuddy(
                self.columns[shown]
            )
        self._form = form
        layout.addLayout(form)
        self.experts = QCheckBox(_("Details for e&xperts"), self)
        self.experts.setObjectName("expert_columns")
        self.experts.toggled.connect(self._show_experts)
        layout.addWidget(self.experts)
        line = QHBoxLayout()
        self.usual_button = QPushButton(_("&Make the usual columns"), self)
        self.usual_button.setObjectName("usual_columns")
        self.usual_button.setToolTip(
            _("Percent, status, last read, started and finished: made when you press OK, shown after a restart.")
        )
        self.usual_button.clicked.connect(self.make_usual)
        line.addWidget(self.usual_button)
        line.addStretch(1)
        layout.addLayout(line)
        self.status = Label("", self)
        self.status.setObjectName("columns_status")
        layout.addWidget(self.status)
        layout.addStretch(1)

    def _row(self, shown: ColumnField) -> QWidget:
        row = QWidget(self)
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        column = bounded(QComboBox(row))
        column.setObjectName(f"column_{shown}")
        column.currentIndexChanged.connect(self._show_state)
        self.columns[shown] = column
        line.addWidget(column, 1)
        if shown == "percent":
            self.scale = QComboBox(row)
            self.scale.setObjectName("percent_scale")
            self.scale.setAccessibleName(_("Scale of percent"))
            self.scale.addItem(_("0 to 100"), WHOLE)
            self.scale.addItem(_("0 to 1"), SHARE)
            line.addWidget(self.scale)
        create = QPushButton(_("New…"), row)
        create.setObjectName(f"create_{shown}")
        create.setAccessibleName(_("Make a new column for: {name}").format(name=field_labels()[shown].replace("&", "")))
        create.setToolTip(_("Opens calibre's own dialog with the right settings"))
        create.clicked.connect(lambda _checked=False: self.create(shown))
        self.create_buttons[shown] = create
        line.addWidget(create)
        return row

    def show_profile(self, profile: StoredProfile) -> None:
        """Fills the choices and selects what the profile says; a vanished column is named as such."""
        self._profile = profile
        for shown in FITTING:
            self._fill(shown, profile["columns"].get(shown))
        mapped = profile["columns"].get("percent")
        self.scale.setCurrentIndex(self.scale.findData(SHARE if mapped and mapped["scale"] == SHARE else WHOLE))
        # What is mapped is never hidden.
        self.experts.setChecked(any(shown in profile["columns"] for shown in EXPERT))
        self._show_experts(self.experts.isChecked())
        self._show_state()

    def _show_experts(self, on: bool) -> None:
        for shown in EXPERT:
            row = self.columns[shown].parentWidget()
            for widget in (row, self._form.labelForField(row)):
                if widget is not None:
                    widget.setVisible(on)

    def _fill(self, shown: ColumnField, mapped: MappedColumn | None) -> None:
        box = self.columns[shown]
        box.blockSignals(True)
        box.clear()
        box.addItem(_("(not shown)"), "")
        for column, meta in fitting_columns(self._api, shown).items():
            box.addItem(on_one_line(f"{meta['name']} ({column})"), column)
        for new in self._draft.new_columns:
            if new["datatype"] in FITTING[shown]:
                box.addItem(_("{name} ({column}): made when you press OK").format(**new), new["column"])
        for column in self._draft.made_columns:
            box.addItem(_("{column}: there after a restart").format(column=column), column)
        wanted = mapped["column"] if mapped else ""
        if box.findData(wanted) < 0:
            box.addItem(_("{column}: gone or unfit, choose another").format(column=wanted), wanted)
        box.setCurrentIndex(box.findData(wanted))
        box.blockSignals(False)

    def store(self) -> None:
        """Puts the choices into the profile."""
        chosen: dict[ColumnField, MappedColumn] = {}
        for shown, box in self.columns.items():
            if box.currentData():
                scale = self.scale.currentData() if shown == "percent" else None
                chosen[shown] = {"column": box.currentData(), "scale": scale}
        self._profile["columns"] = chosen

    def create(self, shown: ColumnField) -> None:
        """One new column through calibre's own dialog."""
        from calibre.gui2.preferences.create_custom_column import CreateNewCustomColumn

        if self._creator is None:
            self._creator = CreateNewCustomColumn(self._gui)
        new = suggestion(shown)
        result = self._creator.create_column(
            new["column"],
            new["name"],
            new["datatype"],
            False,
            display={**new["display"], **enum_as_text(new["display"])},
            generate_unused_lookup_name=True,
            freeze_lookup_name=False,
        )
        if result[0] is self._creator.Result.COLUMN_ADDED:
            self.store()
            self._draft.made_columns.append(result[1])
            self._profile["columns"][shown] = {"column": result[1], "scale": WHOLE if shown == "percent" else None}
            self.show_profile(self._profile)
        elif result[0] is not self._creator.Result.CANCELED:
            self.status.setText(str(result[1]))

    def make_usual(self) -> None:
        """Plans a sensible set for whatever of it has no column yet; it is made when the preferences are accepted."""
        self.store()
        taken = set(self._api.field_metadata.custom_field_metadata())
        taken |= {new["column"] for new in self._draft.new_columns} | set(self._draft.made_columns)
        for shown in USUAL:
            if shown in self._profile["columns"]:
                continue
            new = free_column(suggestion(shown), taken)
            taken.add(new["column"])
            self._draft.new_columns.append(new)
            self._profile["columns"][shown] = {"column": new["column"], "scale": WHOLE if shown == "percent" else None}
        self.show_profile(self._profile)

    def _show_state(self) -> None:
        """Greys what cannot be chosen, and says in one line what is still wrong."""
        api_columns = self._api.field_metadata.custom_field_metadata()
        percent = self.columns["percent"].currentData()
        is_float = api_columns.get(percent, {}).get("datatype") == "float"
        self.scale.setEnabled(is_float)
        if not is_float:
            self.scale.setCurrentIndex(self.scale.findData(WHOLE))
        self.scale.setToolTip("" if is_float else _("Only columns of floating point numbers have a choice here"))
        used = [box.currentData() for box in self.columns.values() if box.currentData()]
        twice = sorted({column for column in used if used.count(column) > 1})
        must_restart = getattr(self._gui, "must_restart_before_config", False)
        for button in (*self.create_buttons.values(), self.usual_button):
            allowed = not must_restart or self._creator is not None
            button.setEnabled(allowed)
            if not allowed:
                button.setToolTip(_("calibre must be restarted before more columns can be made"))
        gone = [box.currentData() for shown, box in self.columns.items() if self._is_gone(shown, box.currentData())]
        if twice:
            text = _("{column} is chosen twice: each column can show one thing.").format(column=", ".join(twice))
        elif gone:
            text = _("{column} is no longer in this library or no longer fits: choose another.").format(
                column=", ".join(gone)
            )
        elif not used:
            text = _("Nothing is shown yet: choose a column, or make the usual ones.")
        elif self._draft.new_columns:
            text = _("New columns are made when you press OK; calibre shows them after a restart.")
        else:
            text = ""
        self.status.setText(text)

    def _is_gone(self, shown: ColumnField, column: str) -> bool:
        if not column or column in fitting_columns(self._api, shown):
            return False
        planned = {new["column"] for new in self._draft.new_columns} | set(self._draft.made_columns)
        return column not in planned


def enum_as_text(display: dict[str, Any]) -> dict[str, Any]:
    """calibre's dialog wants an enumeration's values as one text."""
    if "enum_values" not in display:
        return {}
    return {"enum_values": ",".join(display["enum_values"]), "enum_colors": ""}
