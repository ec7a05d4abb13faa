"""How it looks: on a screen of double density, and when calibre changes between light and dark while it runs."""

from __future__ import annotations

import os
from typing import Any

from calibre_gui import gui
from qt.core import QApplication, QSize
from steps import USER, WithServer, action, book, configure, digest_of, preferences_in, tidy_up, wait_for_run


def ink(icon: Any, size: int = 32) -> int:
    """How light an icon's lines are, 0 to 255: the mean of its opaque points."""
    image = icon.pixmap(QSize(size, size)).toImage()
    points = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]
    solid = [point.lightness() for point in points if point.alpha() > 200]
    return sum(solid) // len(solid)


class Looks(WithServer):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.server.push(USER, digest_of(book("Dracula")), 0.42)
        configure(cls.server, review="always")

    def test_1_every_icon_is_there_in_every_size_for_both_shades(self) -> None:
        from calibre_plugins.koreader_progress import icons

        for shade in ("light", "dark"):
            for row, _entry in action().menu.entries.values():
                drawn = gui(icons._drawn, shade, row.icon)
                sizes = sorted(size.width() for size in gui(drawn.availableSizes))
                self.assertEqual(sizes, [*icons.SIZES, 128], f"{shade} {row.icon}")

    def test_2_a_screen_of_double_density_gets_sharp_icons_and_whole_windows(self) -> None:
        ratio = gui(gui.main.devicePixelRatioF)
        self.assertEqual(ratio, float(os.environ["QT_SCALE_FACTOR"]))
        pixmap = gui(lambda: action().qaction.icon().pixmap(QSize(32, 32), ratio))
        self.assertEqual((pixmap.width(), pixmap.devicePixelRatio()), (64, 2.0))
        gui.post(action().sync_all)
        review = gui.window("koreader_progress_result")
        path = gui.grab(review, "looks-review")
        self.assertTrue(os.path.exists(path))
        tidy_up()
        wait_for_run()
        closed = gui.post(action().open_preferences, "account")
        dialog = gui.modal()
        widget = preferences_in(dialog)
        size = gui(dialog.size)
        self.assertTrue(size.width() <= 1024 and size.height() <= 700, f"{size.width()} x {size.height()}")
        gui(widget.show_tab, "columns")
        gui.grab(dialog, "looks-preferences")
        gui(dialog.reject)
        closed.result(10)

    def test_3_the_icons_follow_calibre_from_light_to_dark_and_back(self) -> None:
        def turn(dark: bool) -> None:
            """As calibre does when the desktop says that its colours have changed."""
            manager = QApplication.instance().palette_manager
            (manager.set_dark_mode_palette if dark else manager.set_light_mode_palette)()
            manager.on_palette_change()

        before = gui(lambda: ink(action().qaction.icon()))
        entry = action().menu.entries["koreader-progress-help"][1]
        in_menu = gui(lambda: ink(entry.icon()))
        gui(turn, True)
        gui.wait(lambda: ink(action().qaction.icon()) > before + 40, "the lighter lines")
        self.assertGreater(gui(lambda: ink(entry.icon())), in_menu + 40)
        menu = action().qaction.menu()
        gui.post(lambda: menu.popup(gui.main.mapToGlobal(gui.main.rect().topLeft())))
        gui.wait(menu.isVisible, "the menu")
        gui.grab(menu, "looks-menu-turned-dark")
        gui(menu.close)
        gui.grab(gui.main, "looks-library-turned-dark")
        gui(turn, False)
        gui.wait(lambda: ink(action().qaction.icon()) <= before, "the darker lines")

    def test_4_nothing_went_wrong_unseen(self) -> None:
        self.assertEqual(gui.errors, [])
