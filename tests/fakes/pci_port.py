"""A driver for PCI devices that needs no device: what the bus, the probe and the console do with one."""

from pytestpmd.drivers import LeftToOthers, pci_driver
from pytestpmd.drivers.null import NullPort
from pytestpmd.eal.devargs import DevArgs
from pytestpmd.eal.pci.bus import PciDevice
from pytestpmd.errors import DeviceError

VENDOR, DEVICE = 0x1234, 0x0001


class FakePciPort(NullPort):
    """Forwards as net_null does; can be told to refuse its device, to leave it, and to lose it."""

    class Args(DevArgs):
        vdpa: bool = False
        broken: bool = False

    def __init__(self, name: str, devargs: str, args: Args, device: PciDevice) -> None:
        if args.vdpa:
            raise LeftToOthers("vdpa=1")
        if args.broken:
            raise DeviceError("its BAR 4 is not mapped")
        super().__init__(name, devargs, NullPort.Args.parse(""))
        self.pci = device


def announce() -> None:
    """Let the fake devices have their driver; to be called with PCI_DRIVERS replaced."""
    pci_driver("net_fake", [(VENDOR, DEVICE)])(FakePciPort)
