"""Draws the plugin's icons from their sources, for light and for dark colours: `calibre-debug scripts/draw_icons.py`; needs pngquant."""

from __future__ import annotations

import subprocess
from pathlib import Path

from qt.core import QByteArray, QImage, QPainter, QSvgRenderer, Qt

# As `icons.SIZES`, each in a folder of its own; the largest is the one that icon themes replace.
SIZES = (16, 24, 32, 48, 64)
LARGEST = 128
COLOURS = {
    "light": {"#INK": "#3d4454", "#ACCENT": "#0f7b6c"},
    "dark": {"#INK": "#d8dee9", "#ACCENT": "#4fd1b5"},
}


def draw(folder: Path) -> None:
    """Writes `light/NAME.png` and `light/SIZE/NAME.png`, and as many `dark` ones, for each `source/NAME.svg`."""
    for shade, colours in COLOURS.items():
        for source in sorted((folder / "source").glob("*.svg")):
            text = source.read_text(encoding="utf-8")
            for name, colour in colours.items():
                text = text.replace(name, colour)
            for size in (*SIZES, LARGEST):
                home = folder / shade if size == LARGEST else folder / shade / str(size)
                home.mkdir(parents=True, exist_ok=True)
                image = QImage(size, size, QImage.Format.Format_ARGB32)
                image.fill(Qt.GlobalColor.transparent)
                painter = QPainter(image)
                QSvgRenderer(QByteArray(text.encode())).render(painter)
                painter.end()
                file = str(home / f"{source.stem}.png")
                image.save(file)
                # They travel in the plugin: two colours and the shades of their edges fit into a palette of 32.
                subprocess.run(
                    ["pngquant", "--force", "--strip", "--speed=1", "--nofs", "--output", file, "32", file], check=True
                )


draw(Path(__file__).resolve().parent.parent / "calibre_plugin" / "images")
