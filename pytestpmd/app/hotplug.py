"""Devices that come and go while the program runs: ``port attach``, ``port detach``, ``device detach``, and removal.

A device that is pulled out is told of by its driver, on the driver's own thread, which must not be kept waiting and
which the port's end waits for. So what follows is done a little later by a thread of the removal's own, as in the
original (DPDK ``app/test-pmd/testpmd.c``, ``rmv_port_callback``).
"""

from threading import Timer
from typing import TYPE_CHECKING

from pytestpmd.drivers import LeftToOthers, NoSuchDriver, ProbeError, bus_of, device_name
from pytestpmd.eal.pci.choice import address_of
from pytestpmd.errors import DeviceError
from pytestpmd.ethdev.port import EthPort, PortState
from pytestpmd.ethdev.ports import OPERATING
from pytestpmd.log import EAL, TESTPMD

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd

REMOVAL_DELAY_S = 0.1


class Hotplug:
    """What changes the set of ports once the program runs."""

    def __init__(self, app: "TestPmd") -> None:
        self._app = app
        #: Whether a new port is found as it comes; else by the name of the device that was attached.
        self.finds_by_event = True
        self._new: list[EthPort] | None = None
        self._removals: list[Timer] = []
        self._ended = False

    def attach(self, device: str) -> None:
        """Probe a device; its ports forward from the next ``start`` on."""
        self._app.say("Attaching a new port...")
        name = device_name(device)
        self._new = []
        if self._find(name) is not None:
            EAL.info("Device %s is already probed", name)
            EAL.error("Failed to attach device on primary process")
        elif self._probe(device, name):
            by_name = [port for port in self._app.ports if port.name == name]
            for port in self._new if self.finds_by_event else by_name:
                self._add(port)
        else:
            EAL.error("Failed to attach device on primary process")
            TESTPMD.error("Failed to attach port %s", _written_out(device))
        self._new = None

    def _probe(self, device: str, name: str) -> bool:
        """Whether the device has a port now; else the log says why."""
        try:
            self._app.attach(device)
        except NoSuchDriver as error:
            EAL.error("%s\n%s", error, error)  # of either way to read it, in the original
        except (ProbeError, DeviceError) as error:
            EAL.error("%s", error)
        except LeftToOthers:
            EAL.error("Driver cannot attach the device (%s)", name)
        else:
            return True
        return False

    def on_new(self, port: EthPort) -> None:
        """There is a new port, whoever made it."""
        self._app.event("dev_probed", f"\nPort {port.port_id}: device probed event\n")
        if self._new is not None:
            self._new.append(port)

    def _add(self, port: EthPort) -> None:
        self._app.enable_promiscuous([port])
        forward = self._app.config.forward
        forward.portlist = [*forward.portlist, port.port_id]
        forward.nb_ports = len(forward.portlist)
        self._app.say(f"Port {port.port_id} is attached. Now total ports is {len(self._app.ports)}\nDone")

    def detach_port(self, port: EthPort) -> None:
        """Close a stopped port and let its device go."""
        if port.state is PortState.STARTED:
            self._app.say("Port not stopped")
            return
        self._app.say("Port was not closed\nRemoving a device...")
        self._app.close_port(port)
        self._detached("Device")

    def detach_device(self, device: str) -> None:
        """The same for a device by its name, which may have no port."""
        self._app.say("Removing a device...")
        name = device_name(device)
        bus = bus_of(name)
        if bus is None:
            EAL.error('failed to parse device "%s"', name)
            self._app.say("cannot parse identifier")
            return
        port = self._find(name)
        if port is None:
            EAL.error("Cannot find plugged device (%s)", name)
            TESTPMD.error("Failed to detach device %s(%s)", name, bus)
        elif port.state is PortState.STARTED:
            self._app.say(f"Port {port.port_id} not stopped")
        else:
            self._app.close_port(port)
            self._detached(f"Device {device}")

    def _detached(self, what: str) -> None:
        self._app.say(f"{what} is detached\nNow total ports is {len(self._app.ports)}\nDone")

    def _find(self, name: str) -> EthPort | None:
        return next((port for port in self._app.ports if port.name == name), None)

    # Removal.

    def on_removal(self, port: EthPort) -> None:
        """A driver's thread says that a device is gone."""
        if not self._app.config.ports.rmv_interrupt:
            TESTPMD.warning("Port %d: device %s is gone; the port stays, with its link down", port.port_id, port.name)
            return
        self._app.event("intr_rmv", f"\nPort {port.port_id}: device removal event\n")
        if not self._ended:
            timer = Timer(REMOVAL_DELAY_S, self._remove, (port,))
            timer.daemon = True
            self._removals.append(timer)
            timer.start()

    def _remove(self, port: EthPort) -> None:
        with OPERATING:
            if self._ended or port not in list(self._app.ports):
                return
            forwarding = self._app.session.uses(port.port_id)
            if forwarding:
                self._app.stop_forwarding()
            self._app.stop_ports([port.port_id], check_links=False)
            self._app.close_ports([port.port_id])
            self._app.say("Removing a device...")
            self._detached("Device")
            if forwarding and self._app.fwd_ports():
                self._app.start_forwarding()

    def end(self) -> None:
        """Begin no more removals, and wait for one that is under way; not to be called by who holds OPERATING."""
        self._ended = True
        for timer in self._removals:
            timer.cancel()
            timer.join()
        self._removals.clear()


def _written_out(device: str) -> str:
    """As the original repeats it: one on the PCI bus with its whole address, and the comma of its arguments."""
    name, _, devargs = device.partition(",")
    return device if address_of(name) is None else f"{device_name(name)},{devargs}"
