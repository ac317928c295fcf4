"""The kernel's side of binding: what happens when somebody writes to the files of a fake sysfs."""

import errno
import os
from dataclasses import dataclass, field
from pathlib import Path

from fakes.sysfs import FakeSysfs


@dataclass
class FakeKernel:
    """Drivers that take and give back devices as Linux's bus code does (``drivers/base/bus.c``)."""

    sysfs: FakeSysfs
    #: Drivers that take virtio devices unasked.
    natives: tuple[str, ...] = ("virtio-pci",)
    #: What drivers answer that take no device.
    refusing: dict[str, int] = field(default_factory=dict)
    #: Drivers that take a device and answer that they have not.
    confused: set[str] = field(default_factory=set)
    #: Files that nobody may write.
    forbidden: bool = False
    written: list[tuple[str, str]] = field(default_factory=list)

    def write(self, file: Path, text: str) -> None:
        """What a write to a file of sysfs does."""
        if not file.exists():
            raise _error(errno.ENOENT)
        if self.forbidden:
            raise _error(errno.EACCES)
        self.written.append((str(file.relative_to(self.sysfs.root)), text))
        if file.name == "unbind":
            self._unbind(file.parent.name, text)
        elif file.name == "bind":
            self._bind(file.parent.name, text)
        else:
            file.write_text(text if text.strip() else "(null)\n")

    def _unbind(self, driver: str, address: str) -> None:
        if self.sysfs.device(address).driver != driver:
            raise _error(errno.ENODEV)
        self.sysfs.unbind(address)

    def _bind(self, driver: str, address: str) -> None:
        override = (self.sysfs.folder(address) / "driver_override").read_text().strip()
        fits = override == driver or (override == "(null)" and driver in self.natives)
        if not fits or self.sysfs.device(address).driver is not None:
            raise _error(errno.ENODEV)
        if driver in self.refusing:
            raise _error(self.refusing[driver])
        self.sysfs.bind(address, driver)
        if driver in self.confused:
            raise _error(errno.ENODEV)


def _error(code: int) -> OSError:
    return OSError(code, os.strerror(code))
