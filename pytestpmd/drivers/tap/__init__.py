"""net_tap: a port whose other end is a network interface of the kernel's.

What the kernel sends out of the interface is received here, what is sent here the kernel receives from it. A queue pair
is one fd of a multi-queue tap with net headers, so that checksums and segments may be left to the other side.
"""

import os
from dataclasses import replace
from functools import partial
from itertools import count
from typing import ClassVar

from pytestpmd._dataplane import ffi, lib
from pytestpmd.drivers import driver
from pytestpmd.drivers.interface import InterfacePort
from pytestpmd.drivers.tap import device
from pytestpmd.drivers.vnet import RX_CKSUM, TX_CAPABILITIES, rx_fields, tx_fields
from pytestpmd.eal.devargs import DevArgs, Mac, arg, mac
from pytestpmd.eal.ether import random_mac
from pytestpmd.eal.memory import Arena
from pytestpmd.eal.mempool import Mempool
from pytestpmd.eal.netdev import NetDev, NetDevState, interface_name
from pytestpmd.errors import ConfigError, DeviceError, TestpmdError
from pytestpmd.ethdev.offloads import RxOffload
from pytestpmd.ethdev.port import BurstChoice, DeviceInfo, PortConf, Queue, RxInterrupt
from pytestpmd.log import log_type

log = log_type("pmd.net.tap", "TAP")

MAX_QUEUES = 16
MIN_MTU, MAX_MTU = 68, 65521
#: Ethernet header and frame check sequence; a frame may have a tag, or two, besides.
OVERHEAD, TAGS = 18, 8
MAX_SEGMENT = 65536
_FIXED = count()
RX_CAPABILITIES = RX_CKSUM | RxOffload.TCP_LRO | RxOffload.VLAN_STRIP | RxOffload.SCATTER


def _mac(text: str) -> Mac:
    """An address, or ``fixed``: 02, "dtap", and a number that counts up."""
    if text == "fixed":
        return Mac(b"\x02dtap" + bytes([next(_FIXED) & 0xFF]))
    return mac(text)


def _named(interface: str, address: bytes) -> NetDev:
    """The interface, which has this address from now on."""
    netdev = NetDev.named(interface)
    try:
        netdev.set_mac(address)
    except OSError as error:
        netdev.close()
        raise ConfigError(f"{interface}: no address of an interface is {address.hex(':')}: {error.strerror}") from None
    return netdev


def kernel_offloads(rx_offloads: int) -> int:
    """What the kernel may leave undone in what we receive, as ``TUN_F_`` bits; segments never without checksums."""
    if rx_offloads & RxOffload.TCP_LRO:
        return device.TUN_F_CSUM | device.TUN_F_TSO4 | device.TUN_F_TSO6
    return device.TUN_F_CSUM if rx_offloads & RX_CKSUM else 0


@driver("net_tap", "eth_tap")
class TapPort(InterfacePort):
    """A network interface of the kernel's, made for this port."""

    driver_name = "net_tap"
    #: Whether the interface goes up and down with the port, or as its user likes.
    leads: ClassVar[bool] = True

    class Args(DevArgs):
        """As DPDK's driver takes them."""

        iface: str = arg("dtap%d", convert=interface_name, help="name of the interface")
        mac: Mac | None = arg(None, convert=_mac, help="its address, or fixed; a random one by default")
        persist: bool = arg(False, flag=True, help="leave the interface when the program ends")

    def __init__(self, name: str, devargs: str, args: Args) -> None:
        self.args = args
        fd, interface = device.open_queue(args.iface)
        self._fds = [fd]
        try:
            if args.persist:
                device.set_persistent(fd, True)
            super().__init__(name, devargs, _named(interface, bytes(args.mac or random_mac())))
        except (OSError, TestpmdError):
            self._close_fds()
            raise
        log.info("%s: the interface is %s", name, interface)

    def info(self) -> DeviceInfo:
        return DeviceInfo(
            max_rx_queues=MAX_QUEUES,
            max_tx_queues=MAX_QUEUES,
            max_rx_pktlen=MAX_MTU + OVERHEAD,
            min_mtu=MIN_MTU,
            max_mtu=MAX_MTU,
            rx_offload_capa=RX_CAPABILITIES,
            tx_offload_capa=TX_CAPABILITIES,
        )

    def burst_choices(self) -> tuple[BurstChoice, BurstChoice]:
        because = "a tap moves a frame with each system call"
        return BurstChoice("Rx", "tap_rx", because), BurstChoice("Tx", "tap_tx", because)

    def rx_interrupt(self, queue_id: int) -> RxInterrupt:
        """The queue's fd itself."""
        queue = self.rx_queues[queue_id].handle
        return RxInterrupt(queue.fd, queue, lib.tap_intr_enable, lib.tap_intr_disable)

    # The port.

    def setup(self, conf: PortConf, pool: Mempool) -> None:
        self.check_data_room(pool, lib.MBUF_HEADROOM)
        if conf.nb_rxq != conf.nb_txq:
            raise ConfigError(
                f"{self.name}: number of rx queues {conf.nb_rxq} must be equal to number of tx queues {conf.nb_txq}"
            )
        self._segments(conf.rx_offloads, conf.mtu, pool.data_room)
        unfinished = kernel_offloads(conf.rx_offloads)
        self.check_there()
        self._enable(False)  # those that there are have these fds no more
        self._open_queues(max(conf.nb_rxq, 1))
        try:
            device.set_offload(self._fds[0], unfinished)
            self.netdev.set_mtu(conf.mtu)
        except OSError as error:
            raise DeviceError(f"{self.interface}: {error.strerror}") from None
        self._give_back()
        self._memory = memory = Arena(
            (conf.nb_rxq + conf.nb_txq) * (ffi.sizeof("struct tap_queue") + 64), name=f"{self.name}'s queues"
        )
        offload = rx_fields(conf.rx_offloads, comes_unfinished=bool(unfinished))
        rx_fds, tx_fds = self._fds[: conf.nb_rxq], self._fds[: conf.nb_txq]
        self.rx_queues = [self._queue(memory, pool, fd, offload, lib.tap_rx) for fd in rx_fds]
        self.tx_queues = [self._queue(memory, pool, fd, tx_fields(), lib.tap_tx) for fd in tx_fds]
        self._tell_mtu(conf)

    def _segments(self, rx_offloads: int, mtu: int, data_room: int) -> int:
        """How many mbufs the longest frame takes. Raises :class:`ConfigError` if it takes more than it may."""
        longest = MAX_SEGMENT if rx_offloads & RxOffload.TCP_LRO else mtu
        segments = -(-(longest + OVERHEAD + TAGS + 1) // (data_room - lib.MBUF_HEADROOM))
        if segments > lib.TAP_MAX_SEGS:
            raise ConfigError(f"{self.name}: a frame of {longest} bytes takes {segments} mbufs of {data_room}")
        return int(segments)

    def _open_queues(self, wanted: int) -> None:
        while len(self._fds) > wanted:
            os.close(self._fds.pop())
        while len(self._fds) < wanted:
            self._fds.append(device.open_queue(self.interface)[0])

    def _queue(self, memory: Arena, pool: Mempool, fd: int, offload: dict[str, int], burst: object) -> Queue:
        queue = memory.struct("struct tap_queue")
        queue.pool, queue.fd, queue.port_id = pool.ptr, fd, self.port_id
        queue.nb_segs, queue.enabled = 1, True
        for name, value in offload.items():
            setattr(queue.offload, name, value)
        return Queue(burst, queue, queue.stats, memory=memory)

    def _tell_mtu(self, conf: PortConf) -> None:
        for queue in self.tx_queues:
            queue.handle.max_frame = conf.mtu + OVERHEAD - 4 + TAGS
        for queue in self.rx_queues:
            queue.handle.nb_segs = self._segments(conf.rx_offloads, conf.mtu, queue.handle.pool.buf_len)

    def apply_mtu(self, mtu: int) -> None:
        """The interface's; what is longer is not sent."""
        super().apply_mtu(mtu)
        if self.conf:
            self._tell_mtu(replace(self.conf, mtu=mtu))

    def when_changed(self, before: NetDevState, now: NetDevState) -> None:
        """The interface's user has a say in address and MTU as well."""
        self.mac, self.mtu = now.mac, now.mtu
        if self.conf and now.mtu != before.mtu:
            self.conf = replace(self.conf, mtu=now.mtu)
            try:
                self._tell_mtu(self.conf)
            except ConfigError as error:
                log.error("%s", error)

    def bring_up(self) -> None:
        if self.leads:
            super().bring_up()
        self.check_there()

    def bring_down(self) -> None:
        if self.leads:
            super().bring_down()

    def give_away(self) -> int:
        """Leave the interface to whoever gets the fd that this returns, a queue without a net header.

        Until :meth:`take_back` nothing passes through the port. Only while no lcore polls it, and with one queue pair.
        """
        self._open_anew(vnet_hdr=False)
        try:
            fd = device.open_queue(self.interface, vnet_hdr=False)[0]
            device.attach(self._fds[0], False)  # it keeps the interface there, and gets no frames
        except (DeviceError, OSError):
            self.take_back()
            raise
        return fd

    def take_back(self) -> None:
        """Have frames pass again; the other one's fd should be closed by now. DeviceError if the interface is gone."""
        self._open_anew(vnet_hdr=True)
        device.set_offload(self._fds[0], kernel_offloads(self.conf.rx_offloads if self.conf else 0))
        for queue in (*self.rx_queues, *self.tx_queues):
            queue.handle.fd = self._fds[0]
        self._enable(True)

    def _open_anew(self, *, vnet_hdr: bool) -> None:
        """Whether frames have a net header is settled by the first queue; without any the interface would be gone."""
        self.check_there()
        self._enable(False)
        for fd in self._fds:
            device.set_persistent(fd, True)
        self._close_fds()
        self._fds.append(device.open_queue(self.interface, vnet_hdr=vnet_hdr)[0])
        device.set_persistent(self._fds[0], self.args.persist)

    def set_carrier(self, on: bool) -> None:
        """Whether the interface's user sees a link."""
        for fd in self._fds[:1]:
            self._ask(partial(device.set_carrier, fd, on))

    def when_gone(self) -> None:
        self._enable(False)

    def _enable(self, on: bool) -> None:
        for queue in (*self.rx_queues, *self.tx_queues):
            queue.handle.enabled = on

    def _give_back(self) -> None:
        for queue in self.rx_queues:
            lib.tap_release(queue.handle)

    def release(self) -> None:
        super().release()
        self._give_back()
        self._close_fds()

    def _close_fds(self) -> None:
        while self._fds:
            os.close(self._fds.pop())
