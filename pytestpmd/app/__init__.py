"""TestPmd: the ports, the pools and the forwarding session; what commands talk to.

Operations that take a while say their texts through ``say`` as they go, because the drivers' log lines come in between;
the texts are those of the original's ``testpmd.c``, which scripts wait for.
"""

import errno
import time
from collections.abc import Callable, Iterable
from functools import partial
from types import TracebackType
from typing import ClassVar, Self

from pytestpmd.app import hardware
from pytestpmd.app.hotplug import Hotplug
from pytestpmd.app.metrics import Metrics
from pytestpmd.app.pools import common_node, create_pools
from pytestpmd.app.probing import BuiltInPair, Devices
from pytestpmd.config import Config, mtu_of, offloads_of, rss_functions_of
from pytestpmd.drivers import LeftToOthers, NoSuchDriver, ProbeError, probe, probe_pci
from pytestpmd.eal.args import EalArgs
from pytestpmd.eal.cpu import limit_simd_width
from pytestpmd.eal.devargs import DeviceString
from pytestpmd.eal.ether import mac_text
from pytestpmd.eal.iova import place_memory
from pytestpmd.eal.memory import limit_bus_memory
from pytestpmd.eal.mempool import Mempool
from pytestpmd.eal.pci.bus import PciBus, PciDevice
from pytestpmd.eal.pci.choice import address_of
from pytestpmd.eal.pci.vfio import VfioAccess
from pytestpmd.errors import NotSupported, PortError, TestpmdError
from pytestpmd.ethdev.offloads import RxOffload
from pytestpmd.ethdev.port import EthPort, PortConf, PortState
from pytestpmd.ethdev.ports import Ports
from pytestpmd.ethdev.rss import rss_functions
from pytestpmd.fwd.dump import DumpedPacket
from pytestpmd.fwd.session import Session
from pytestpmd.log import EAL, TESTPMD

LINK_CHECK_S = 9.0
LINK_CHECK_STEP_S = 0.1


class TestPmd:
    """The program without its console. Leaving it as a context stops forwarding and gives everything back."""

    __test__ = False
    #: Whether two ports of our own are made where there are none and none was asked for.
    makes_pair: ClassVar[bool] = True

    def __init__(
        self, config: Config, eal: EalArgs, say: Callable[[str], None] = print, bus: PciBus | None = None
    ) -> None:
        self.config = config
        self.eal = eal
        self.bus = bus or PciBus()
        limit_simd_width(eal.max_simd_bitwidth)
        VfioAccess.has_vectors = eal.vfio_intr == "msix"
        place_memory(eal.base_virtaddr)
        limit_bus_memory(eal.limit_mb)
        self.say = say
        self.ports = Ports()
        self.pools: list[Mempool] = []
        self.session = Session(self)
        self.main_lcore = eal.main_lcore
        self.worker_lcores = [lcore.lcore_id for lcore in eal.worker_lcores]
        self.exit_requested = False
        #: Devices that come and go while the program runs.
        self.hotplug = Hotplug(self)
        self.metrics = Metrics(self, config.metrics)
        #: How forwarding is stopped and started around a removal; the console's say what the commands do.
        self.stop_forwarding: Callable[[], object] = self.session.stop
        self.start_forwarding: Callable[[], object] = self.session.start
        #: Shows the packets of ``set verbose``, and how many passed too fast; the console's layout of them.
        self.show_packets: Callable[[list[DumpedPacket], int], None] = lambda packets, lost: None
        self._cpus = {lcore.lcore_id: lcore.cpus for lcore in eal.lcores}
        self._pair: BuiltInPair | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    @property
    def has_own_pair(self) -> bool:
        """Whether no ports were asked for, so that it made two."""
        return self._pair is not None

    def cpus_of(self, lcore_id: int) -> Iterable[int]:
        """CPUs that an lcore's thread may run on."""
        return self._cpus[lcore_id]

    def fwd_ports(self) -> list[int]:
        """The ports that the next ``start`` forwards between."""
        return self.config.forward.portlist[: self.config.forward.nb_ports]

    def request_quit(self) -> None:
        """End the console, or the wait of a run without one."""
        self.exit_requested = True

    # Bringing things up.

    def probe(self) -> None:
        """Probe the devices that were asked for, or that the bus has for us; without any, make the built-in pair.

        A device that cannot be probed is logged and left out; an unknown driver ends the program
        (:class:`pytestpmd.drivers.NoSuchDriver`).
        """
        found = Devices(self.eal, self.bus)
        found.tell()
        found.choose_iova_mode()
        pci = [partial(self.attach_pci, one.device, one.devargs) for one in found.pci]
        if pci and self._probe_each(pci) == len(pci):
            EAL.error("Bus (pci) probe failed.")
        virtual = self._make_pair() if self.makes_pair and found.wants_pair and not self.ports else found.virtual
        if self._probe_each([partial(self.attach, device) for device in virtual]):
            EAL.error("Bus (vdev) probe failed.")
        if not self.ports:
            TESTPMD.warning("No probed ethernet devices")

    def _probe_each(self, attaching: Iterable[Callable[[], EthPort]]) -> int:
        """How many failed, which has been logged."""
        failed = 0
        for attach in attaching:
            try:
                attach()
            except LeftToOthers:
                continue
            except ProbeError as error:
                EAL.error("%s", error)
                failed += 1
        return failed

    def _make_pair(self) -> list[str]:
        self._pair = BuiltInPair.make()
        devices = self._pair.devices()
        self.say("No ports asked for: net_vhost0 and net_virtio_user0 make a pair on one vhost-user socket")
        return devices

    def attach(self, device: str) -> EthPort:
        """Probe one device, virtual or on the bus, and give it a port id.

        Raises :class:`NoSuchDriver`, :class:`ProbeError`, :class:`LeftToOthers`, and :class:`DeviceError` where
        the bus has no such device.
        """
        wanted = DeviceString.parse(device)
        address = address_of(wanted.name)
        if address is None:
            return self._adopt(probe(device, self._names()))
        return self.attach_pci(self.bus.device(address), wanted.arguments)

    def attach_pci(self, device: PciDevice, devargs: str = "") -> EthPort:
        """The same for a device that was found on the bus."""
        try:
            return self._adopt(probe_pci(device, devargs, self._names()))
        except NoSuchDriver as error:
            why = f"no driver of ours takes a {device.vendor:04x}:{device.device:04x}"
            EAL.error("%s: %s", error.name, why)
            raise ProbeError(error.name, why) from error

    def _names(self) -> list[str]:
        return [port.name for port in self.ports]

    def _adopt(self, port: EthPort) -> EthPort:
        try:
            self.ports.attach(port)
        except PortError as error:
            EAL.error("%s: %s", port.name, error)
            port.close()
            raise ProbeError(port.name, str(error)) from error
        port.on_link_change = self._on_link_change
        port.on_queue_state = self._on_queue_state
        port.on_removal = self.hotplug.on_removal
        port.on_bursts_change = self.session.follow_bursts
        self.hotplug.on_new(port)
        return port

    def create_pools(self) -> None:
        """One mbuf pool for each ``--mbuf-size``."""
        self.pools.extend(create_pools(self.config, self.eal))

    def _node_of(self, port: EthPort) -> str:
        """The NUMA node of a port's rings, as the original writes it."""
        ports = self.config.ports
        node = ports.port_numa.get(port.port_id, max(port.numa_node, 0)) if ports.numa else common_node(self.config)
        return "any" if node < 0 else str(node)

    def measure(self) -> None:
        """Begin with what the options ask to be measured."""
        self.metrics = Metrics(self, self.config.metrics)
        if self.config.metrics.latency_lcore is not None:
            self.say(f"Latencystats running on lcore {self.config.metrics.latency_lcore}")

    def enable_promiscuous(self, ports: Iterable[EthPort] | None = None) -> None:
        """Every port receives every frame, where it can be told to; the program's default."""
        for port in self.ports if ports is None else ports:
            try:
                if not port.promiscuous:
                    port.set_promiscuous(True)
            except TestpmdError as error:
                self.say(f"Error during enabling promiscuous mode for port {port.port_id}: {error} - ignore")

    def port_conf(self, port: EthPort) -> PortConf:
        """What a port's next configuration asks of it."""
        queues = self.config.queues
        info = port.info()
        asked = offloads_of(queues, port.port_id).of_port(info.tx_offload_capa)
        hashed = rss_functions_of(queues) & rss_functions(info.flow_types)
        return PortConf(
            nb_rxq=queues.rxq,
            nb_txq=queues.txq,
            nb_rxd=queues.rxd,
            nb_txd=queues.txd,
            # a hash is of use to those alone who spread packets by it
            rx_offloads=asked.rx if hashed else asked.rx & ~RxOffload.RSS_HASH,
            tx_offloads=asked.tx,
            rx_free_thresh=queues.rxfreet or 0,
            tx_free_thresh=queues.txfreet or 0,
            mtu=mtu_of(self.config.ports, port.port_id, info.frame_overhead, info.max_mtu),
            lsc=self.config.ports.lsc_interrupt,
            max_lro_pkt_size=queues.max_lro_pkt_size,
            rss_functions=hashed,
            ring_sizes={key[1:]: size for key, size in queues.ring_sizes.items() if key[0] == port.port_id},
            deferred=frozenset(key[1:] for key in queues.deferred if key[0] == port.port_id),
        )

    # `port start|stop|close|reset`.

    def start_ports(self, ids: list[int]) -> bool:
        """Configure what changed and start; False when a port refused, which has been said."""
        started = stopped = False
        for port in map(self.ports.__getitem__, ids):
            if port.state is not PortState.STOPPED:
                self.say(f"Port {port.port_id} is now not stopped")
                stopped = True
                continue
            if not self._configure_port(port):
                return False
            started |= self._start_port(port)
        if started:
            self._check_links()
        elif stopped:
            self.say("Please stop the ports first")
        self.say("Done")
        return True

    def _configure_port(self, port: EthPort) -> bool:
        """Bring changed settings into force; False when the port cannot have them."""
        conf = self.port_conf(port)
        if port.conf == conf:
            return True
        if refusal := hardware.refusal_to_configure(self.config, port.port_id):
            self.say(refusal)
            return False
        self.say(f"Configuring Port {port.port_id} (socket {self._node_of(port)})")
        if refusal := hardware.refusal_of_rx_queues(self.config, port.port_id):
            self.say(refusal)
            return False
        try:
            port.configure(conf, self.pools[0])
        except TestpmdError as error:
            self.say(f"{error}\nFail to configure port {port.port_id}")
            return False
        return True

    def _start_port(self, port: EthPort) -> bool:
        """False when its device would not; the other ports go on."""
        try:
            port.start()
        except TestpmdError as error:
            self.say(f"Fail to start port {port.port_id}: {error}")
            return False
        self.say(f"Port {port.port_id}: {mac_text(port.mac)}")
        return True

    def stop_ports(self, ids: list[int], check_links: bool = True) -> None:
        """Stop; ports that forward are left alone and named."""
        self.say("Stopping ports...")
        stopped = False
        for port in self._not_forwarding(ids):
            if port.state is PortState.STARTED:
                port.stop()
                stopped = True
        if stopped and check_links:
            self._check_links()
        self.say("Done")

    def close_ports(self, ids: list[int]) -> None:
        """Give back and forget; ports that forward are left alone and named, started ones too."""
        self.say("Closing ports...")
        for port in self._not_forwarding(ids):
            if port.state is PortState.STARTED:
                self.say(f"ETHDEV: Cannot close started device (port {port.port_id})")
                continue
            self.close_port(port)
        self.say("Done")

    def close_port(self, port: EthPort) -> None:
        """Give a stopped port back and forget it."""
        port.close()
        self._forget(port)
        self.event("dev_released", f"\nPort {port.port_id}: device released event\n")
        self.say(f"Port {port.port_id} is closed")

    def _forget(self, port: EthPort) -> None:
        self.ports.detach(port.port_id)
        self.config.queues.forget(port.port_id)
        self.config.marks.forget(port.port_id)
        self.config.flow.forget(port.port_id)
        self.config.ports.mtus.pop(port.port_id, None)
        forward = self.config.forward
        forward.portlist = [port_id for port_id in forward.portlist if port_id != port.port_id]
        forward.nb_ports = min(forward.nb_ports, len(forward.portlist))

    def reset_ports(self, ids: list[int]) -> None:
        """Reset the device below each port."""
        if any(self.ports[port_id].state is PortState.STARTED for port_id in ids):
            self.say("Can not reset port(s), please stop port(s) first.")
            return
        self.say("Resetting ports...")
        for port_id in ids:
            try:
                self.ports[port_id].reset()
            except NotSupported:
                self.say(f"Failed to reset port {port_id}. diag={-errno.ENOTSUP}")
            except TestpmdError as error:
                self.say(f"Failed to reset port {port_id}. {error}")
        self.say("Done")

    def _not_forwarding(self, ids: list[int]) -> list[EthPort]:
        free = []
        for port in map(self.ports.__getitem__, ids):
            if self.session.uses(port.port_id):
                self.say(f"Please remove port {port.port_id} from forwarding configuration.")
            else:
                free.append(port)
        return free

    def _check_links(self) -> None:
        """Wait for every link, but only where no interrupt will tell of it; then say how they are."""
        if self.config.ports.no_link_check:
            return
        self.say("Checking link statuses...")
        if self.config.ports.lsc_interrupt:
            return
        deadline = time.monotonic() + LINK_CHECK_S
        while not all(port.link().up for port in self.ports) and time.monotonic() < deadline:
            time.sleep(LINK_CHECK_STEP_S)
        for port in self.ports:
            self.say(f"Port {port.port_id} Link {port.link().describe()}")

    # What drivers tell of, on threads of theirs.

    def _on_link_change(self, port: EthPort) -> None:
        self.event("intr_lsc", f"\nPort {port.port_id}: link state change event\n")

    def _on_queue_state(self, port: EthPort) -> None:
        self.event("queue_state", f"\nPort {port.port_id}: queue state event\n")

    def event(self, name: str, text: str) -> None:
        """Say what has happened, where that event is to be printed."""
        if name in self.config.ports.print_events and (name != "intr_lsc" or self.config.ports.lsc_interrupt):
            self.say(text)

    # Giving things back.

    def release(self) -> None:
        """Stop, close and forget, whatever state things are in; says nothing."""
        self.hotplug.end()
        self.metrics.close()
        if self.session.running:
            self.session.stop()
        for port in self.ports:
            port.stop()  # all before any is closed: two of them may be each other's ends
        for port in list(self.ports):
            port.close()
            self.ports.detach(port.port_id)
        if self._pair:
            self._pair.remove()
            self._pair = None
