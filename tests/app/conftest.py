"""A bus of a test's own, and programs that look at it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes import pci_port
from fakes.appliance import lcores
from fakes.sysfs import FakeSysfs

from pytestpmd import drivers
from pytestpmd.app import TestPmd
from pytestpmd.config import Config
from pytestpmd.eal import args

MakeApp = Callable[..., TestPmd]


@pytest.fixture
def sysfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSysfs:
    """No device yet; a driver takes those of ``pci_port``."""
    monkeypatch.setattr(drivers, "PCI_DRIVERS", {})
    pci_port.announce()
    return FakeSysfs(tmp_path / "sys")


@pytest.fixture
def plug(sysfs: FakeSysfs) -> Callable[..., Path]:
    """Put a device that has a driver into slot ``n``."""

    def add(slot: int, driver: str | None = "vfio-pci") -> Path:
        return sysfs.add(f"0000:00:{slot:02x}.0", pci_port.DEVICE, driver, vendor=pci_port.VENDOR)

    return add


@pytest.fixture
def make_app(sysfs: FakeSysfs) -> Iterator[MakeApp]:
    """Programs that have not probed yet; what each says is in its ``said``."""
    made = []

    def make(*words: str) -> TestPmd:
        app = TestPmd(Config(), args.parse([f"--lcores={lcores(1)}", *words, "--"]), lambda text: None, sysfs.bus)
        made.append(app)
        return app

    yield make
    for app in made:
        app.release()
