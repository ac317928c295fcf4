"""The rings of a virtio port: the memory of all its queues, and what is done with all of them at once.

They belong to the driver and outlive the device: when one comes back, they are handed to it as they are.
"""

from collections.abc import Iterator, Sequence
from typing import Any, overload

from pytestpmd.drivers.virtio import offloads
from pytestpmd.drivers.virtio.agree import NB_FIRST_PAIR
from pytestpmd.drivers.virtio.features import Agreement
from pytestpmd.drivers.virtio.transport import Transport
from pytestpmd.drivers.virtio.virtqueue import FAULTS, Virtqueue, private_bytes, shared_bytes
from pytestpmd.drivers.virtio.vring import Layout
from pytestpmd.eal.lcore import LCORES
from pytestpmd.eal.memory import Arena
from pytestpmd.eal.mempool import Mempool
from pytestpmd.ethdev.port import PortConf


class Rings(Sequence[Virtqueue]):
    """A port's queues by index; of a port that is not configured, none."""

    def __init__(self, queues: Sequence[Virtqueue] = (), memory: Sequence[Arena] = ()) -> None:
        self._queues = tuple(queues)
        #: What the device is to see of them.
        self.memory = tuple(memory)
        self._told: set[int] = set()

    @classmethod
    def make(cls, layouts: Sequence[Layout], name: str, transport: Transport) -> "Rings":
        """Queues of which each has the layout that stands in its place."""
        private = Arena(sum(private_bytes(layout.size) for layout in layouts), name=f"{name}'s queues")
        if transport.is_on_bus:
            # each by itself, so that it lies in one page of the device's
            memory = [Arena(shared_bytes(layout), bus=True, name=name) for layout in layouts]
            arenas = memory
        else:
            memory = [Arena(sum(map(shared_bytes, layouts)), shared=True, name=name)]
            arenas = memory * len(layouts)
        queues = [
            Virtqueue(i, layout, arena, private, uses_iova=transport.uses_iova)
            for i, (layout, arena) in enumerate(zip(layouts, arenas, strict=True))
        ]
        return cls(queues, memory)

    @overload
    def __getitem__(self, index: int) -> Virtqueue: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Virtqueue, ...]: ...
    def __getitem__(self, index: int | slice) -> Virtqueue | tuple[Virtqueue, ...]:
        return self._queues[index]

    def __len__(self) -> int:
        return len(self._queues)

    # Configuration; no lcore polls.

    def poll(self, conf: PortConf) -> None:
        """Say which of them the port's lcores may poll: of the device's there may be more."""
        for vq in self:
            vq.is_polled = vq.index // 2 < (conf.nb_rxq if vq.is_rx else conf.nb_txq)

    def prepare(self, agreed: Agreement, conf: PortConf, pool: Mempool, port_id: int) -> None:
        """Tell the queues what was agreed; tags are taken out as they were (:meth:`strip_tags`)."""
        for vq in self:
            thresh = conf.rx_free_thresh if vq.is_rx else conf.tx_free_thresh
            vq.prepare(agreed, pool, port_id, thresh, offloads.work(agreed, vq.is_rx))

    def strip_tags(self, on: bool) -> None:
        """Take tags out of received frames, or not, from the next burst on; lcores may be polling."""
        for vq in self:
            if vq.is_rx:
                vq.strip_tags(on)

    def reset(self) -> None:
        """As they begin."""
        self._told.clear()
        for vq in self:
            vq.reset()

    # The device's side.

    def hand_over(self, transport: Transport) -> None:
        """Tell the device where they are, and let those move packets that are polled, and the first pair, which
        back-ends wait for."""
        for vq in self:
            transport.setup_queue(vq.index, vq.addresses, vq.base)
        for vq in self:
            if vq.is_polled or vq.index < NB_FIRST_PAIR:
                transport.enable_queue(vq.index, True)

    def take_back(self, transport: Transport) -> None:
        """Have the device let go of them."""
        for vq in self:
            transport.enable_queue(vq.index, False)
        for vq in self:
            transport.stop_queue(vq.index)

    def arm(self, transport: Transport) -> None:
        """The device is live: it may be kicked."""
        for vq in self:
            vq.arm(transport.doorbell(vq.index))

    def disarm(self) -> None:
        """It is not kicked any more."""
        for vq in self:
            vq.disarm()

    # The lcores' side.

    def let_go(self) -> None:
        """Nobody is kicked, and no lcore is in a burst of them any more, nor begins one, before they are reset."""
        for vq in self:
            vq.disarm()
            vq.halt()
        LCORES.quiesce()

    def drain(self) -> None:
        """Free every mbuf that they hold; the device must have let go of them."""
        for vq in self:
            vq.drain()

    def lose(self) -> int:
        """The same while the port goes on: how many packets were to be sent, and are lost."""
        return sum(vq.lose() for vq in self)

    def heal(self, resumes: bool) -> None:
        """What the last device broke starts anew with the next, and so does a packed ring, which does not say how far
        it has come, and any ring of a device that never ``resumes``: lcores let go of it, and what it held is freed."""
        for vq in self:
            if vq.packed or not resumes:
                vq.halt()
        broken = [vq for vq in self if vq.ptr.fault]
        if broken:
            LCORES.quiesce()
        for vq in broken:
            self._told.discard(vq.index)
            vq.reset()

    def new_faults(self) -> Iterator[tuple[str, Any]]:
        """Queues that were stopped since the last time, by name, and why (``enum vring_fault``)."""
        for vq in self:
            if vq.ptr.fault in FAULTS and vq.index not in self._told:
                self._told.add(vq.index)
                yield vq.name, vq.ptr.fault
