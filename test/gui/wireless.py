"""KOReader's wireless connection: what is sent is known as it arrived, and its sidecars are read where they stand."""

from __future__ import annotations

import os

from calibre_gui import gui
from device_tree import sidecar_text
from steps import USER, WithServer, action, api, book, configure, say_it_is_mine, wait_for_run
from wireless_koreader import WirelessKOReader

PORT = 18_299
TITLES = ("The Time Machine", "Middlemarch", "Der Prozess")


class Wireless(WithServer):
    reader: WirelessKOReader
    inbox: str

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        configure(cls.server, review="never")
        cls.inbox = os.path.join(os.environ["TEST_FOLDER"], "inbox")

    def connect(self) -> None:
        type(self).reader = WirelessKOReader(PORT, self.inbox)
        self.reader.start()
        gui.wait(lambda: gui.main.device_manager.is_device_connected and gui.main.device_connected, "the device", 60)
        gui.wait(lambda: hasattr(gui.main, "db_book_uuid_cache") and self.is_idle(), "calibre's list of the device", 60)

    def is_idle(self) -> bool:
        return not gui.main.job_manager.has_device_jobs() and not action().device_watch.is_reading

    def lpath(self, title: str) -> str:
        uuid = api().field_for("uuid", book(title))
        return next(lpath for lpath, sent in self.reader.received.items() if sent == uuid)

    def digests(self, title: str) -> dict[str, str]:
        from calibre_plugins.koreader_progress.memory.history import read_digests

        return {known["digest"]: known["source"] for known in read_digests(api(), [book(title)]).get(book(title), [])}

    def test_1_what_was_sent_without_a_cable_is_known_as_it_arrived(self) -> None:
        from calibre_plugins.koreader_progress.copies.digest import file_digest

        manager = gui.main.device_manager

        def listen() -> None:
            manager.set_option("smartdevice", "use_fixed_port", True)
            manager.set_option("smartdevice", "port_number", str(PORT))
            manager.set_option("smartdevice", "force_ip_address", "127.0.0.1")
            manager.start_plugin("smartdevice")

        gui(listen)
        self.connect()
        ids = [book(title) for title in TITLES]
        gui(lambda: gui.main.sync_to_device(None, False, send_ids=ids, do_auto_convert=False))
        gui.wait(lambda: len(self.reader.received) == 3 and self.is_idle(), "the sending", 60)
        for n, title in enumerate(TITLES):
            digest = file_digest(os.path.join(self.inbox, self.lpath(title)))
            self.server.push(USER, digest, 0.2 + n / 10)
        gui(action().sync_all)
        wait_for_run()
        self.assertEqual([api().field_for("#percent", book(title)) for title in TITLES], [20, 30, 40])

    def test_2_at_the_next_connection_its_sidecars_are_read(self) -> None:
        lpath = self.lpath("Middlemarch")
        stem = os.path.splitext(os.path.join(self.inbox, lpath))[0]
        os.makedirs(f"{stem}.sdr")
        with open(f"{stem}.sdr/metadata.epub.lua", "w") as file:
            # This device had opened an older copy first, and marked the book as finished.
            file.write(sidecar_text(f"/mnt/onboard/{lpath}", "e" * 32, status="complete", modified="2031-01-01"))
        gui(action().device_watch.device_is_there)
        gui.wait(self.is_idle, "the look at the device", 60)
        self.assertEqual(self.digests("Middlemarch").get("e" * 32), "sidecar")
        # Whose it is, is asked: until then its mark counts for nobody.
        say_it_is_mine()
        self.server.next_second()
        self.server.push(USER, "e" * 32, 0.94)
        gui(action().sync_all)
        wait_for_run()
        self.assertEqual(api().field_for("#status", book("Middlemarch")), "Finished")
        asked = {path for path in self.reader.asked if path.endswith(".lua")}
        self.assertEqual(len(asked), 3)

    def test_3_a_look_never_holds_up_the_eject(self) -> None:
        gui(action().device_watch.device_is_there)
        gui(gui.main.device_manager.umount_device)
        gui.wait(lambda: not gui.main.device_manager.is_device_connected, "the eject", 60)
        self.assertIsNone(self.reader.trouble)

    def test_9_nothing_went_wrong_unseen(self) -> None:
        self.assertEqual(gui.errors, [])
