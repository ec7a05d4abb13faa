"""Draws the plugin's icons from their sources, for light and for dark colours: `calibre-debug scripts/draw_icons.py`."""

from __future__ import annotations

from pathlib import Path

from qt.core import QByteArray, QImage, QPainter, QSvgRenderer, Qt

SIZE = 128
COLOURS = {
    "light": {"#INK": "#3d4454", "#ACCENT": "#0f7b6c"},
    "dark": {"#INK": "#d8dee9", "#ACCENT": "#4fd1b5"},
}


def draw(folder: Path) -> None:
    """Writes `light/NAME.png` and `dark/NAME.png` for each `source/NAME.svg`."""
    for shade, colours in COLOURS.items():
        (folder / shade).mkdir(exist_ok=True)
        for source in sorted((folder / "source").glob("*.svg")):
            text = source.read_text(encoding="utf-8")
            for name, colour in colours.items():
                text = text.replace(name, colour)
            image = QImage(SIZE, SIZE, QImage.Format.Format_ARGB32)
            image.fill(Qt.GlobalColor.transparent)
            painter = QPainter(image)
            QSvgRenderer(QByteArray(text.encode())).render(painter)
            painter.end()
            image.save(str(folder / shade / f"{source.stem}.png"))


draw(Path(__file__).resolve().parent.parent / "calibre_plugin" / "images")
