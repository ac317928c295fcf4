"""Which devices become ports: those that the command line names, those that the bus has, or a pair of our own."""

import shutil
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pytestpmd.drivers import pci_driver_of
from pytestpmd.eal.args import EalArgs
from pytestpmd.eal.devargs import DeviceString
from pytestpmd.eal.iova import choose_iova_mode
from pytestpmd.eal.pci.bus import PciBus
from pytestpmd.eal.pci.choice import Choice, Chosen, address_of, choose
from pytestpmd.eal.pci.ways import way_of
from pytestpmd.log import EAL, log_type

_BUS = log_type("bus.pci", "PCI_BUS")


@dataclass(frozen=True)
class BuiltInPair:
    """A back-end and a front-end in one process, joined by a real vhost-user socket in a folder of its own."""

    folder: Path

    @classmethod
    def make(cls) -> "BuiltInPair":
        """A folder for the socket, which nobody else gets at."""
        return cls(Path(tempfile.mkdtemp(prefix="pytestpmd-")))

    def devices(self) -> list[str]:
        """Their device strings, the back-end first: it listens."""
        socket = self.folder / "pair.sock"
        return [f"net_vhost0,iface={socket}", f"net_virtio_user0,path={socket}"]

    def remove(self) -> None:
        """Take the folder away."""
        shutil.rmtree(self.folder, ignore_errors=True)


class Devices:
    """What a command line's EAL part means on this machine."""

    def __init__(self, eal: EalArgs, bus: PciBus) -> None:
        self._eal = eal
        self._bus = bus

    @property
    def virtual(self) -> list[str]:
        """Device strings that name no place on a bus."""
        return [*self._eal.vdevs, *(text for text in self._eal.allow if _is_virtual(text))]

    @cached_property
    def _choice(self) -> Choice:
        if self._eal.no_pci:
            return Choice()
        return choose(
            self._bus.devices(),
            self._eal.allow,
            self._eal.block,
            self._eal.auto_probing,
            lambda device: pci_driver_of(device) is not None,
        )

    @property
    def pci(self) -> list[Chosen]:
        """Devices on the bus that are to be probed. The kernel's own are left out, unless they were asked for."""
        return [one for one in self._choice.chosen if one.asked_for or not one.device.is_kernel_s]

    def tell(self) -> None:
        """Log what was asked for and is not there, and what is left to the kernel."""
        for address in self._choice.missing:
            EAL.error("Cannot find device (%s)", address)
        for one in self._choice.chosen:
            if one not in self.pci:
                _BUS.info("%s: skip kernel managed virtio device (%s)", one.device.address, one.device.driver)

    def choose_iova_mode(self) -> None:
        """Have devices told of memory as those that are to be probed need it."""
        ways = [way_of(one.device) for one in self.pci]
        choose_iova_mode(self._eal.iova_mode, ways, no_huge=self._eal.no_huge)

    @property
    def wants_pair(self) -> bool:
        """Whether a pair is to be made up: nothing was asked for, and nobody has bound a device for us."""
        return not self._eal.asks_for_ports and not any(one.device.driver for one in self.pci)


def _is_virtual(text: str) -> bool:
    return address_of(DeviceString.parse(text).name) is None
