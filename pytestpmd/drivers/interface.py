"""What the ports have in common whose other end is a network interface of the kernel's."""

import errno
import threading
from collections.abc import Callable, Sequence

from pytestpmd.eal.control import ControlThread
from pytestpmd.eal.netdev import Flag, LinkEvents, NetDev, NetDevState
from pytestpmd.errors import DeviceError, OperationError
from pytestpmd.ethdev.port import EthPort, Link, PortState
from pytestpmd.log import EAL


class InterfacePort(EthPort):
    """The interface is what the port says of link, address and MTU; a control thread hears when any of that changes."""

    def __init__(self, name: str, devargs: str, netdev: NetDev) -> None:
        super().__init__(name, devargs)
        self.netdev = netdev
        state = netdev.state()
        if state is None:
            netdev.close()
            raise DeviceError("the interface is gone")
        self._state: NetDevState | None = state
        #: The name that it had last.
        self.interface = state.name
        self.mac, self.mtu = state.mac, state.mtu
        self.promiscuous, self.all_multicast = Flag.PROMISC in state.flags, Flag.ALLMULTI in state.flags
        #: Held while ``_state`` is compared with what is: by the control thread, and by who starts and stops.
        self._lock = threading.Lock()
        self._events = LinkEvents()
        self._control = ControlThread("netdev", lambda: None)
        self._control.watch(self._events.fileno(), self._look)
        self._control.start()

    # What the driver adds.

    def when_gone(self) -> None:
        """The interface was deleted: have no burst touch it any more."""

    def when_changed(self, before: NetDevState, now: NetDevState) -> None:
        """Its user changed something, or we did."""

    # The interface.

    def _look(self) -> None:
        self._events.drain()
        with self._lock:
            before, now = self._state, self.netdev.state()
            self._state = now
        if now is None and before is not None:
            EAL.error("%s: the interface %s is gone; port %d has no link", self.name, self.interface, self.port_id)
            self.when_gone()
        elif now is not None and before is not None and now != before:
            self.interface = now.name
            self.when_changed(before, now)
        if self.state is PortState.STARTED and _has_link(before) != _has_link(now):
            self.on_link_change(self)

    def check_there(self) -> None:
        """Raise :class:`DeviceError` when the interface is gone."""
        if self.netdev.state() is None:
            raise DeviceError(f"the interface {self.interface} is gone: close the port, and attach it anew")

    def _ask(self, change: Callable[[], None]) -> None:
        try:
            change()
        except OSError as error:
            raise OperationError(error.errno or errno.EIO) from None

    # The port.

    def link(self) -> Link:
        return Link(up=_has_link(self.netdev.state()))

    def apply_mac(self, address: bytes) -> None:
        self._ask(lambda: self.netdev.set_mac(address))

    def apply_mtu(self, mtu: int) -> None:
        self._ask(lambda: self.netdev.set_mtu(mtu))

    def apply_mcast_addrs(self, addresses: Sequence[bytes]) -> None:
        """Every group is received anyway."""

    def set_promiscuous(self, on: bool) -> None:
        self._ask(lambda: self.netdev.set_flags(Flag.PROMISC, on))
        self.promiscuous = on

    def set_all_multicast(self, on: bool) -> None:
        self._ask(lambda: self.netdev.set_flags(Flag.ALLMULTI, on))
        self.all_multicast = on

    def set_link(self, up: bool) -> None:
        self._ask(lambda: self.netdev.set_flags(Flag.UP, up))

    def bring_up(self) -> None:
        self.check_there()
        self._follow_port(True)

    def bring_down(self) -> None:
        if self.netdev.state():
            self._follow_port(False)

    def _follow_port(self, up: bool) -> None:
        """Our own doing, which nobody needs to be told of."""
        with self._lock:
            self.set_link(up)
            self._state = self.netdev.state()

    def release(self) -> None:
        self._control.stop()
        self._events.close()
        self.netdev.close()


def _has_link(state: NetDevState | None) -> bool:
    return state is not None and state.has_link
