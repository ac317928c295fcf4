"""A guest whose devices are ours: how they are reached, and pinged."""

from collections.abc import Sequence
from dataclasses import dataclass

from guest.machine import Machine, Nic
from guest.program import GuestProgram
from guest.wires import HostEnd

#: The driver that a device is bound to, for ways of another name.
DRIVERS = {"no module": None, "vfio-noiommu": "vfio-pci"}


@dataclass
class Site:
    """A guest, its cables, and where they end; ``only`` some of its cards, or all."""

    machine: Machine
    wires: list[HostEnd]
    only: Sequence[Nic] = ()

    @property
    def nics(self) -> Sequence[Nic]:
        """The cards at those cables."""
        return self.only or self.machine.nics

    def bind(self, way: str) -> None:
        """Have all devices reached this way."""
        driver = DRIVERS.get(way, way)
        if driver:
            self.machine.modprobe(driver)
        if way == "vfio-noiommu":
            self.machine.allow_noiommu()
        for nic in self.nics:
            self.machine.bind(nic.address, driver)

    def program(self, options: str = "", eal: str = "") -> GuestProgram:
        """Ours on all of them, each port answering pings by itself."""
        allowed = " ".join(f"-a {nic.address}" for nic in self.nics)
        run = "-i --port-topology=loop --total-num-mbufs=8192 --forward-mode=icmpecho --auto-start"
        return self.machine.pytestpmd(f"--lcores 0@0,1@1 {eal} {allowed} -- {run} {options}").ready()

    def switch_link(self, ours: GuestProgram, port_id: int) -> None:
        """Pull a port's cable and plug it in again; each is told, and shown."""
        for is_up in (False, True):
            self.machine.monitor.set_link(self.nics[port_id].name, is_up)
            ours.expect(f"Port {port_id}: link state change event")
            assert ours.is_up(port_id) == is_up

    def ping(self) -> None:
        """Each of them, and each answers with its own address."""
        for nic, wire in zip(self.nics, self.wires, strict=True):
            assert wire.ping() == nic.mac
