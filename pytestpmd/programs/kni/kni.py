"""A port and its network interface: who moves packets between them, and what the interface's user changes.

The interface is a tap. Normally the kernel's protocols have it, and frames pass through the tap's own fd. In *sock
mode* a program such as QEMU has the tap's fd instead, and this program faces it from the kernel's side of the
interface, by a packet socket: what is sent there the other program receives, what it sends arrives there. (The name is
the original's, which gave QEMU a raw socket.)
"""

from collections.abc import Callable
from contextlib import suppress

from pytestpmd.drivers.af_packet import AfPacketPort
from pytestpmd.drivers.tap import TapPort
from pytestpmd.eal.mempool import Mempool
from pytestpmd.eal.netdev import Flag, NetDevState
from pytestpmd.errors import OperationError, TestpmdError
from pytestpmd.ethdev.port import EthPort, PortConf, PortState
from pytestpmd.log import log_type
from pytestpmd.programs.kni.settings import PortLcores

log = log_type("app.kni", "KNI")


class KniInterface(TapPort):
    """``vEth<N>``: its user brings it up and down, the program only listens."""

    leads = False

    def __init__(self, name: str, address: bytes) -> None:
        devargs = f"iface={name},mac={address.hex(':')}"
        super().__init__(name, devargs, TapPort.Args.parse(devargs))
        #: On the control thread: something about the interface is not as it was.
        self.on_change: Callable[[], None] = lambda: None

    def when_changed(self, before: NetDevState, now: NetDevState) -> None:
        super().when_changed(before, now)
        self.on_change()


class Kni:
    """One port's. Everything but :attr:`on_change` happens on the main thread, and only while no lcore polls."""

    def __init__(self, port: EthPort, lcores: PortLcores, pool: Mempool, first_free_id: int) -> None:
        self.port, self.lcores = port, lcores
        self._pool = pool
        self.interface = KniInterface(f"vEth{port.port_id}", port.mac)
        self.interface.port_id = first_free_id
        self._sock: AfPacketPort | None = None
        try:
            self.interface.configure(PortConf(mtu=port.mtu), pool)
            self.interface.start()
        except TestpmdError:
            self.interface.close()
            raise
        self._applied = self.interface.netdev.state()

    @property
    def name(self) -> str:
        return self.interface.name

    @property
    def kernel_side(self) -> EthPort:
        """What packets are exchanged with."""
        return self._sock or self.interface

    @property
    def is_running(self) -> bool:
        """Whether its lcores have anything to do: the interface's user may have brought the port down."""
        return self.port.state is PortState.STARTED

    # What the interface's user changes.

    def pending(self) -> list[Callable[[], None]]:
        """What has to be done to the port because the interface changed; each only while no lcore polls."""
        before, now = self._applied, self.interface.netdev.state()
        self._applied = now
        if before is None or now is None:
            return []
        steps: list[Callable[[], None]] = []
        if now.mtu != before.mtu:
            steps.append(lambda: self._carry("an MTU", lambda: self._set_mtu(now.mtu), lambda: self._undo_mtu(before)))
        if now.mac != before.mac:
            steps.append(lambda: self._carry("an address", lambda: self.port.set_mac(now.mac)))
        changed = now.flags ^ before.flags
        if changed & Flag.PROMISC:
            steps.append(lambda: self._carry("a mode", lambda: self.port.set_promiscuous(Flag.PROMISC in now.flags)))
        if changed & Flag.ALLMULTI:
            steps.append(lambda: self._carry("a mode", lambda: self.port.set_all_multicast(Flag.ALLMULTI in now.flags)))
        if changed & Flag.UP:
            steps.append(lambda: self._carry("a state", self._start if now.is_up else self._stop))
        return steps

    def _carry(self, what: str, change: Callable[[], None], undo: Callable[[], None] = lambda: None) -> None:
        try:
            change()
        except TestpmdError as error:
            log.error("port %d does not take %s that %s was given: %s", self.port.port_id, what, self.name, error)
            undo()

    def _start(self) -> None:
        self.port.start()
        log.info("port %d is started: %s is up", self.port.port_id, self.name)

    def _stop(self) -> None:
        self.port.stop()
        log.info("port %d is stopped: %s is down", self.port.port_id, self.name)

    def _set_mtu(self, mtu: int) -> None:
        self.port.set_mtu(mtu)
        log.info("port %d has an MTU of %d", self.port.port_id, mtu)

    def _undo_mtu(self, before: NetDevState) -> None:
        with suppress(OSError):
            self.interface.netdev.set_mtu(before.mtu)
        self._applied = self.interface.netdev.state()

    def follow_carrier(self) -> None:
        """Have the interface's carrier be the port's link."""
        with suppress(OperationError):  # gone, which has been said
            self.interface.set_carrier(self.port.link().up)

    # Sock mode.

    def enter_sock(self) -> int:
        """The fd for the other program, which the caller closes. DeviceError says why there is none."""
        self.interface.netdev.set_flags(Flag.UP, True)
        fd = self.interface.give_away()
        try:
            self._sock = self._face()
        except TestpmdError:
            self.leave_sock()
            raise
        return fd

    def _face(self) -> AfPacketPort:
        devargs = f"iface={self.interface.interface}"
        port = AfPacketPort(f"{self.name} (sock)", devargs, AfPacketPort.Args.parse(devargs))
        port.port_id = self.interface.port_id
        try:
            port.configure(PortConf(mtu=self.interface.mtu), self._pool)
            port.start()
        except TestpmdError:
            port.close()
            raise
        return port

    @property
    def is_drained(self) -> bool:
        """Whether nothing waits any more that the other program has sent, or nobody would fetch it."""
        if self._sock is None or not self.is_running:
            return True
        interrupt = self._sock.rx_interrupt(0)
        return not interrupt.enable(interrupt.handle)

    def leave_sock(self) -> None:
        """The other program is gone: the kernel's protocols have the interface again."""
        if self._sock:
            self._sock.close()
        self._sock = None
        self.interface.take_back()

    @property
    def is_in_sock_mode(self) -> bool:
        return self._sock is not None

    def close(self) -> None:
        """Take the interface away."""
        if self._sock:
            self._sock.close()
        self.interface.close()
