"""net_af_packet: a port on an interface that the kernel has already, beside whatever else uses it.

It hears what the interface receives and sends through it, by packet sockets with rings, one for each queue pair.
"""

import mmap

from pytestpmd._dataplane import ffi, lib
from pytestpmd.drivers import driver
from pytestpmd.drivers.af_packet.sockets import (
    FANOUT_MODES,
    PACKET_MR_ALLMULTI,
    PACKET_MR_PROMISC,
    PacketSocket,
    RingShape,
    open_socket,
)
from pytestpmd.drivers.interface import InterfacePort
from pytestpmd.drivers.vnet import RX_CKSUM, TX_CAPABILITIES, rx_fields, tx_fields
from pytestpmd.eal.devargs import DevArgs, arg, choice, integer
from pytestpmd.eal.memory import Arena
from pytestpmd.eal.mempool import Mempool
from pytestpmd.eal.netdev import NetDev, interface_name
from pytestpmd.errors import DeviceError, TestpmdError
from pytestpmd.ethdev.offloads import RxOffload, TxOffload
from pytestpmd.ethdev.port import BurstChoice, DeviceInfo, EthPort, PortConf, Queue, RxInterrupt
from pytestpmd.ethdev.stats import QueueCounters

MIN_MTU = 68
#: Ethernet header and frame check sequence, and a tag.
OVERHEAD, TAG = 18, 4
MAX_FRAMES = 1 << 20


class PacketQueue(Queue):
    """A receive queue, whose losses the kernel counts."""

    socket: PacketSocket

    def lifetime(self) -> QueueCounters:
        # C leaves this one alone
        self.stats.missed = self.socket.drops()
        return super().lifetime()


@driver("net_af_packet", "eth_af_packet")
class AfPacketPort(InterfacePort):
    """An interface of the kernel's that is there already, through packet sockets."""

    driver_name = "net_af_packet"

    class Args(DevArgs):
        """As DPDK's driver takes them."""

        iface: str = arg(convert=interface_name, help="the interface; mandatory")
        qpairs: int = arg(1, convert=integer(1, 256), help="queue pairs, a packet socket each")
        qdisc_bypass: bool = arg(True, help="send past the interface's queueing discipline")
        fanout_mode: str = arg("hash", convert=choice(FANOUT_MODES.keys()), help="which queue pair receives a frame")
        blocksz: int = arg(mmap.PAGESIZE, convert=integer(mmap.PAGESIZE, 1 << 24), help="bytes of a ring's block")
        framesz: int = arg(2048, convert=integer(64, 1 << 20), help="bytes of a frame in it, headers included")
        framecnt: int = arg(512, convert=integer(1, MAX_FRAMES), help="frames of a ring")

    def __init__(self, name: str, devargs: str, args: Args) -> None:
        self.args = args
        self._shape = RingShape(args.blocksz, args.framesz, args.framecnt)
        self._sockets: list[PacketSocket] = []
        netdev = NetDev.named(args.iface)
        try:
            open_socket().close()
        except DeviceError:
            netdev.close()
            raise
        super().__init__(name, devargs, netdev)
        self.promiscuous = self.all_multicast = False

    def info(self) -> DeviceInfo:
        longest = self._shape.longest_frame
        return DeviceInfo(
            max_rx_queues=self.args.qpairs,
            max_tx_queues=self.args.qpairs,
            max_rx_pktlen=longest - TAG,
            min_mtu=MIN_MTU,
            max_mtu=longest - TAG - OVERHEAD,
            rx_offload_capa=RX_CKSUM | RxOffload.VLAN_STRIP | RxOffload.SCATTER,
            tx_offload_capa=TX_CAPABILITIES & ~TxOffload.TCP_TSO,
        )

    def burst_choices(self) -> tuple[BurstChoice, BurstChoice]:
        because = "the rings are of TPACKET_V2"
        return BurstChoice("Rx", "packet_rx", because), BurstChoice("Tx", "packet_tx", because)

    def rx_interrupt(self, queue_id: int) -> RxInterrupt:
        """The queue's socket."""
        queue = self.rx_queues[queue_id].handle
        return RxInterrupt(queue.fd, queue, lib.packet_intr_enable, lib.packet_intr_disable)

    # The port.

    def setup(self, conf: PortConf, pool: Mempool) -> None:
        self.check_data_room(pool, lib.MBUF_HEADROOM)
        self.check_there()
        nb_pairs = max(conf.nb_rxq, conf.nb_txq)
        sockets = self._open_sockets(nb_pairs)
        self._close_sockets()
        self._sockets = sockets
        self._memory = memory = Arena(
            2 * nb_pairs * (ffi.sizeof("struct packet_queue") + 64), name=f"{self.name}'s queues"
        )
        rx_offload = rx_fields(conf.rx_offloads, comes_unfinished=True)
        self.rx_queues = []
        for one in sockets[: conf.nb_rxq]:
            queue = PacketQueue(
                lib.packet_rx, *self._queue(memory, pool, one, rx_offload, transmit=False), memory=memory
            )
            queue.socket = one
            self.rx_queues.append(queue)
        self.tx_queues = [
            Queue(lib.packet_tx, *self._queue(memory, pool, one, tx_fields(), transmit=True), memory=memory)
            for one in sockets[: conf.nb_txq]
        ]
        self._join_modes()

    def _open_sockets(self, nb_pairs: int) -> list[PacketSocket]:
        made: list[PacketSocket] = []
        group = None
        try:
            for _ in range(nb_pairs):
                made.append(PacketSocket(self.netdev.index, self._shape, self.args.qdisc_bypass))
                if nb_pairs > 1:
                    group = made[-1].join(FANOUT_MODES[self.args.fanout_mode], group)
        except TestpmdError as error:
            for one in made:
                one.close()
            raise DeviceError(f"{self.interface}: {error}") from None
        return made

    def _queue(
        self, memory: Arena, pool: Mempool, one: PacketSocket, offload: dict[str, int], *, transmit: bool
    ) -> tuple[object, object]:
        """A ``struct packet_queue`` and its counters."""
        queue = memory.struct("struct packet_queue")
        one.fill(queue.ring, transmit=transmit)
        queue.pool, queue.fd, queue.port_id = pool.ptr, one.fileno(), self.port_id
        queue.max_frame, queue.enabled = self._shape.longest_frame, True
        for name, value in offload.items():
            setattr(queue.offload, name, value)
        return queue, queue.stats

    def _join_modes(self) -> None:
        """The interface is promiscuous for the first socket's sake, and no longer than that is open."""
        for kind, on in ((PACKET_MR_PROMISC, self.promiscuous), (PACKET_MR_ALLMULTI, self.all_multicast)):
            if on:
                self._change_mode(kind, on)

    def _change_mode(self, kind: int, on: bool) -> None:
        if self._sockets:
            self._ask(lambda: self._sockets[0].member(kind, on))

    def set_promiscuous(self, on: bool) -> None:
        if on != self.promiscuous:
            self._change_mode(PACKET_MR_PROMISC, on)
        self.promiscuous = on

    def set_all_multicast(self, on: bool) -> None:
        if on != self.all_multicast:
            self._change_mode(PACKET_MR_ALLMULTI, on)
        self.all_multicast = on

    def set_link(self, up: bool) -> None:
        """Up or down is for who owns the interface."""
        EthPort.set_link(self, up)

    def bring_up(self) -> None:
        self.check_there()
        for queue in self.rx_queues:
            lib.packet_discard(queue.handle)

    def bring_down(self) -> None:
        """The kernel's end stays as it is; what comes meanwhile is not received."""

    def when_gone(self) -> None:
        for queue in (*self.rx_queues, *self.tx_queues):
            queue.handle.enabled = False

    def release(self) -> None:
        super().release()
        self.rx_queues, self.tx_queues = [], []
        self._close_sockets()

    def _close_sockets(self) -> None:
        while self._sockets:
            self._sockets.pop().close()
