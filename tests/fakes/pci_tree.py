"""Devices in a fake sysfs that can be opened: configuration space and BARs are files, ``/dev/uioN`` a fifo.

Nothing reacts; a test writes what the device would.
"""

import os
from pathlib import Path
from struct import pack, pack_into
from typing import Any

from fakes.sysfs import FakeSysfs

from pytestpmd.eal.pci.bus import PciDevice

ADDRESS = "0000:00:05.0"
CONFIG_SIZE = 256


class PciTree(FakeSysfs):
    """A fake ``/sys`` with ``/dev`` beside it, both below ``root``."""

    def __init__(self, root: Path) -> None:
        super().__init__(root / "sys")
        self.dev = root / "dev"
        self.dev.mkdir()

    def plug(self, driver: str | None = None, address: str = ADDRESS, **more: Any) -> PciDevice:
        """A device that can be opened, as :meth:`add` takes it; a UIO driver makes its node too."""
        folder = self.add(address, driver=driver, **more)
        device = self.device(address)
        config = bytearray(CONFIG_SIZE)
        pack_into("<HHHH", config, 0, device.vendor, device.device, 0, 0x10)
        (folder / "config").write_bytes(config)
        (folder / "irq").write_text("11\n")
        for bar, resource in enumerate(device.resources):
            if resource.size > 0:
                (folder / f"resource{bar}").write_bytes(bytes(resource.size))
        if driver in ("uio_pci_generic", "igb_uio"):
            (folder / "uio/uio3").mkdir(parents=True)
            os.mkfifo(self.dev / "uio3")
        return device

    def config(self, address: str = ADDRESS) -> bytes:
        """What the device's configuration space holds."""
        return (self.folder(address) / "config").read_bytes()

    def command(self, address: str = ADDRESS) -> int:
        """Its command register."""
        return int.from_bytes(self.config(address)[4:6], "little")

    def set_config(self, offset: int, data: bytes, address: str = ADDRESS) -> None:
        """Have it hold something else."""
        with (self.folder(address) / "config").open("r+b") as file:
            file.seek(offset)
            file.write(data)

    def bar(self, number: int, address: str = ADDRESS) -> Path:
        """The file of a BAR."""
        return self.folder(address) / f"resource{number}"

    def ring(self, count: int = 1) -> None:
        """The interrupt, as a UIO driver tells of it."""
        fd = os.open(self.dev / "uio3", os.O_RDWR | os.O_NONBLOCK)
        os.write(fd, pack("<I", count))
        os.close(fd)
