"""A NIC in a slot that it can be pulled out of."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from guest.machine import Machine, Nic

PATIENCE_S = 60.0


@dataclass(frozen=True)
class PluggedNic(Nic):
    """Behind a port of the root complex, which has bus ``bus`` to itself: the root's own slots are soldered."""

    bus: int = 1

    @property
    def address(self) -> str:
        return f"0000:{self.bus:02x}:00.0"

    def arguments(self) -> Sequence[str]:
        options = f",{self.options}" if self.options else ""
        port = f"pcie-root-port,id=port{self.bus},chassis={self.bus},addr={self.slot:x}"
        device = f"{self.model},id={self.name},netdev=wire{self.slot:x},bus=port{self.bus},mac={self.mac}{options}"
        return [*self.wire.arguments(f"wire{self.slot:x}"), "-device", port, "-device", device]


def pull(machine: Machine, nic: Nic) -> None:
    """Ask the guest to let a NIC go, as somebody does who presses the button beside the slot."""
    answer = machine.monitor.hmp(f"device_del {nic.name}")
    assert not answer, answer


def plug(machine: Machine, nic: PluggedNic) -> None:
    """Put the same NIC in again, and wait for the guest to see it."""
    options = f",{nic.options}" if nic.options else ""
    device = f"{nic.model},id={nic.name},netdev=wire{nic.slot:x},bus=port{nic.bus},mac={nic.mac}{options}"
    answer = machine.monitor.hmp(f"device_add {device}")
    assert not answer, answer
    machine.sh(f"until [ -e /sys/bus/pci/devices/{nic.address} ]; do sleep 0.1; done", within_s=PATIENCE_S)


def is_there(machine: Machine, nic: Nic) -> bool:
    """Whether the guest has the device."""
    return machine.run(f"test -e /sys/bus/pci/devices/{nic.address}").status == 0


def wait_until_gone(machine: Machine, nic: Nic) -> None:
    """The guest has let it go."""
    end = time.monotonic() + PATIENCE_S
    while is_there(machine, nic):
        assert time.monotonic() < end, f"{nic.address} is there yet"
        time.sleep(0.2)
