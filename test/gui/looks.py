"""How it looks: on a screen of double density, and when calibre changes between light and dark while it runs."""

from __future__ import annotations

import os
from typing import Any

from calibre_gui import gui
from qt.core import QApplication, QRectF, QSize
from steps import (
    USER,
    WithServer,
    action,
    book,
    configure,
    cut_values,
    digest_of,
    preferences_in,
    select,
    tidy_up,
    wait_for_run,
)
from stumbling import READABLE, contrast

# Days since the first evening, and how far the book was read by then.
HEARD = ((0, 0.08), (2, 0.3), (3, 0.35), (9, 0.81))


def ink(icon: Any, size: int = 32) -> int:
    """How light an icon's lines are, 0 to 255: the mean of its opaque points."""
    image = icon.pixmap(QSize(size, size)).toImage()
    points = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]
    solid = [point.lightness() for point in points if point.alpha() > 200]
    return sum(solid) // len(solid)


def turn(dark: bool) -> None:
    """As calibre does when the desktop says that its colours have changed."""
    manager = QApplication.instance().palette_manager
    (manager.set_dark_mode_palette if dark else manager.set_light_mode_palette)()
    manager.on_palette_change()


def contrast_of_text(chart: Any, place: QRectF) -> float:
    """How well the text drawn there stands out: the point of the picture that is furthest from the background."""
    image = chart.grab(place.toRect()).toImage()
    points = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]
    return max(contrast(point, points[0]) for point in points)


class Looks(WithServer):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.server.push(USER, digest_of(book("Dracula")), 0.42)
        columns = {"percent": "#percent", "status": "#status", "device": "#device", "last_read": "#last_read"}
        configure(cls.server, columns, review="always")

    def test_1_every_icon_is_there_in_every_size_for_both_shades(self) -> None:
        from calibre_plugins.koreader_progress.window.parts import icons

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
        changes = gui(cut_values, review)
        self.assertEqual(len(changes), 5)
        self.assertEqual([text for text, is_cut in changes if is_cut], [])
        gui(review.accept)
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

    def test_3_a_date_in_place_of_another_is_shown_whole_in_every_month(self) -> None:
        self.server.push(USER, digest_of(book("Dracula")), 0.5)
        gui.post(action().sync_all)
        review = gui.window("koreader_progress_result")
        gui.grab(review, "looks-review-again")
        row = gui(lambda: next(each for each in review.rows if each.title == "Dracula"))
        cell = next(each for each in row.cells if each.update["column"] == "#last_read")
        for month in range(1, 13):
            cell.update["before"] = cell.update["after"] = f"2028-{month:02}-28T20:48:00+00:00"
            # As it is when a review with these dates is opened.
            gui(review._filter)
            self.assertEqual([text for text, is_cut in gui(cut_values, review) if is_cut], [])
        tidy_up()
        wait_for_run()

    def test_4_the_icons_follow_calibre_from_light_to_dark_and_back(self) -> None:
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

    def test_5_the_scale_of_the_chart_is_read_on_light_and_on_dark(self) -> None:
        day = 86_400
        points = [{"at": 1_760_000_000 + at * day, "percentage": share, "device": "Kobo"} for at, share in HEARD]
        select(book("Dracula"))
        self.use("koreader-progress-details")
        dialog = gui.window("koreader_progress_details")
        gui(dialog.tabs.setCurrentIndex, 2)
        chart = dialog.history.chart
        gui.wait(lambda: not chart.is_waiting, "the story")

        def measured() -> dict[str, float]:
            from calibre_plugins.koreader_progress.window.review.chart import MARGIN_BOTTOM, MARGIN_LEFT

            # Between the lines of the scale, so that nothing but text is looked at.
            height = chart.height()
            half = QRectF(0, (height - MARGIN_BOTTOM) / 2 - 6, MARGIN_LEFT - 8, 20)
            dates = QRectF(MARGIN_LEFT, height - MARGIN_BOTTOM + 5, chart.width() - MARGIN_LEFT, MARGIN_BOTTOM - 5)
            return {"share": contrast_of_text(chart, half), "dates": contrast_of_text(chart, dates)}

        def nothing() -> float:
            from calibre_plugins.koreader_progress.window.review.chart import MARGIN_BOTTOM, MARGIN_TOP

            height = (chart.height() - MARGIN_TOP - MARGIN_BOTTOM) / 2
            return contrast_of_text(chart, QRectF(chart.width() / 3, MARGIN_TOP + 5, chart.width() / 3, height - 10))

        for shade in ("light", "dark"):
            gui(turn, shade == "dark")
            gui(chart.show_points, points)
            for what, found in gui(measured).items():
                self.assertGreaterEqual(found, READABLE, f"{what} on {shade}")
            gui.grab(dialog, f"looks-chart-{shade}")
            gui(chart.show_points, [])
            self.assertGreaterEqual(gui(nothing), READABLE, f"that nothing was heard, on {shade}")
            gui.grab(dialog, f"looks-chart-empty-{shade}")
        gui(turn, False)

    def test_6_nothing_went_wrong_unseen(self) -> None:
        self.assertEqual(gui.errors, [])
