"""What a virtio port tells of itself, to people and to programs; nothing here changes anything."""

from abc import abstractmethod
from collections.abc import Sequence

from pytestpmd.drivers.virtio import report
from pytestpmd.drivers.virtio.burst_mode import burst_mode
from pytestpmd.drivers.virtio.controlled import ControlledPort
from pytestpmd.drivers.virtio.paths import Choice
from pytestpmd.drivers.virtio.rings import Rings
from pytestpmd.drivers.virtio.virtqueue import Virtqueue
from pytestpmd.drivers.virtio_net import RX_OVERHEAD, Feature
from pytestpmd.eal.memory import Region
from pytestpmd.eal.mempool import Mempool
from pytestpmd.ethdev.offloads import RxOffload
from pytestpmd.ethdev.queue_info import DescStatus, QueueInfo, status_of
from pytestpmd.ethdev.report import DeviceReport
from pytestpmd.ethdev.stats import SIZE_BINS

_SIZES = tuple((f"{name}_packets", name) for name in SIZE_BINS)
_CASTS = (("multicast_packets", "multicast"), ("broadcast_packets", "broadcast"))
_GOOD = (("good_packets", "packets"), ("good_bytes", "bytes"))


class DescribedPort(ControlledPort):
    """Between a port that commands its device and one that brings it up, which keeps what is told here."""

    rx_xstats = (*_GOOD, ("errors", "errors"), *_CASTS, *_SIZES)
    tx_xstats = (*_GOOD, *_CASTS, *_SIZES)

    wanted: Feature
    choice: Choice
    _nb_pairs: int
    _running: bool
    _virtqueues: Rings
    _pools: list[Mempool]

    @abstractmethod
    def _regions(self) -> Sequence[Region]:
        """The memory that is shared with the device."""

    def device_report(self) -> DeviceReport:
        # without the lock, so that nobody waits here for a back-end that is slow to answer; the rings change on this
        # thread alone, and each number is as it is at the moment
        way = self.transport.report()
        wanted, agreed = self.wanted | way.wants, self.agreed.features | (way.wants & way.offered)
        state = self._ring_state(way.connection.connected)
        return DeviceReport(
            self.transport.side,
            way.connection,
            report.features(way.offered, way.usable, wanted, agreed, self.transport.peer),
            way.protocol_features,
            tuple(map(report.region, self._regions())),
            tuple(report.ring(vq, state, self._running) for vq in self._virtqueues),
            way.conversation,
            control.report() if (control := self._control) else None,
            self.config.shown(),
        )

    def queue_info(self, kind: str, queue_id: int) -> QueueInfo:
        vq, facts = self._virtqueue(kind, queue_id), self.choice.facts
        size, thresh = vq.layout.size, int(vq.ptr.free_thresh)
        if kind == "txq":
            return QueueInfo(size, thresh, burst_mode=burst_mode(self.choice.tx, facts))
        scattered = bool(facts.rx_offloads & RxOffload.SCATTER)
        return QueueInfo(size, thresh, self._pools[0].name, scattered, burst_mode(self.choice.rx, facts))

    def desc_status(self, kind: str, queue_id: int, desc_id: int) -> DescStatus:
        vq = self._virtqueue(kind, queue_id)
        return status_of(kind, vq.layout.size, vq.outstanding, vq.done(self.agreed.in_order), desc_id)

    def used_count(self, kind: str, queue_id: int) -> int:
        vq = self._virtqueue(kind, queue_id)
        done = vq.done(self.agreed.in_order)
        return done if vq.is_rx else max(0, vq.outstanding - done)

    def _virtqueue(self, kind: str, queue_id: int) -> Virtqueue:
        return self._virtqueues[2 * queue_id + (kind == "txq")]

    def _ring_state(self, connected: bool) -> str:
        if not self._running:
            return "the port is stopped"
        return "live" if self._is_live and connected else f"waits for a {self.transport.peer}"

    def private_info(self) -> str:
        # as DPDK has it: packed rings are not called so
        use_inorder = int(self.agreed.in_order and not self.agreed.packed)
        return "\n".join(
            [
                f"guest_features: 0x{self.agreed.features & ~Feature.VHOST_USER_F_PROTOCOL_FEATURES:x}",
                f"vtnet_hdr_size: {self.agreed.hdr_size}",
                f"use_vec: rx-{int(self.choice.rx.by_width)} tx-{int(self.choice.tx.by_width)}",
                f"use_inorder: rx-{use_inorder} tx-{use_inorder}",
                f"intr_lsc: {int(self.conf.lsc if self.conf else True)}",
                f"max_mtu: {self.config.max_mtu}",
                f"max_rx_pkt_len: {self.mtu + RX_OVERHEAD}",
                f"max_queue_pairs: {self._nb_pairs}",
                f"req_guest_features: 0x{int(self.wanted):x}",
            ]
        )
