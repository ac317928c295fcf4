"""What a port is, whatever drives it: its states, its configuration, its queues.

A port's life, as ``lib/ethdev`` has it: probed (``STOPPED``, not configured) → ``configure`` → ``start`` → ``stop`` →
... → ``close``. A queue's shape changes only while no lcore polls it, so everything here is plain Python; what an
lcore needs of a queue is one function pointer and one pointer to a C struct (:class:`Queue`).
"""

import errno
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, ClassVar

from pytestpmd.errors import ConfigError, NotSupported, OperationError, PortError
from pytestpmd.ethdev.conf import MIN_FRAME, DescLimits, DeviceInfo, PortConf, check_conf, check_mtu
from pytestpmd.ethdev.filters import Filters
from pytestpmd.ethdev.link import SPEED_UNKNOWN, Link
from pytestpmd.ethdev.offloads import VLAN_OFFLOADS, RxOffload
from pytestpmd.ethdev.queue_info import Queues
from pytestpmd.ethdev.report import DeviceReport
from pytestpmd.ethdev.rss import Scaling
from pytestpmd.ethdev.stats import QUEUE_FIELDS, QueueCounters, Stats, port_stats

__all__ = [
    "MIN_FRAME",
    "SPEED_UNKNOWN",
    "BurstChoice",
    "DescLimits",
    "DeviceInfo",
    "EthPort",
    "Link",
    "PortConf",
    "PortState",
    "Queue",
    "RxInterrupt",
]


class PortState(Enum):
    """Where a port is in its life."""

    STOPPED = "stopped"
    STARTED = "started"
    CLOSED = "closed"


@dataclass(frozen=True)
class BurstChoice:
    """Which function moves a port's packets one way (``Rx`` or ``Tx``), why, and what each other one would take."""

    way: str
    callback: str
    because: str
    others: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True)
class RxInterrupt:
    """What an lcore may sleep on: ``fd`` is readable once packets have come after ``enable``, which is a
    ``rx_intr_enable_t``; ``disable`` is its opposite, ``handle`` the argument of both.

    The fd stays the same for the life of the queue, and belongs to the port. It is watched for edges, never read.
    """

    fd: int
    handle: Any
    enable: Any
    disable: Any


@dataclass
class Queue:
    """One receive or transmit queue: what a stream copies into C, and the counters that the lcore writes.

    ``burst`` is a ``rx_burst_t`` or ``tx_burst_t``, ``handle`` its first argument, ``stats`` a
    ``struct queue_stats *``. Both lie in ``memory``, which is there for as long as somebody reads the counters, on
    whatever thread, though the port may have been closed since.
    """

    burst: Any
    handle: Any
    stats: Any
    memory: object = field(kw_only=True)
    baseline: QueueCounters = field(default_factory=QueueCounters)
    enabled: bool = True

    def lifetime(self) -> QueueCounters:
        """What the queue counted since it was made."""
        return QueueCounters(
            **{name: getattr(self.stats, name) for name in QUEUE_FIELDS}, size_bins=tuple(self.stats.size_bins)
        )

    def counters(self) -> QueueCounters:
        """What the queue counted since the last :meth:`clear`."""
        return self.lifetime() - self.baseline

    def clear(self) -> None:
        """Count from here. The lcore owns the counters, so they are never written, only subtracted."""
        self.baseline = self.lifetime()


class EthPort(Filters, Scaling, Queues, ABC):
    """The base of every driver: the life cycle and its rules here, the device in the subclass's hooks."""

    driver_name: ClassVar[str]
    #: The NUMA node that the device sits on; -1 for none.
    numa_node: int = 0
    #: ``(suffix, field of QueueCounters)`` of the per-queue xstats, in print order.
    rx_xstats: ClassVar[tuple[tuple[str, str], ...]] = (
        ("packets", "packets"),
        ("bytes", "bytes"),
        ("errors", "errors"),
    )
    tx_xstats: ClassVar[tuple[tuple[str, str], ...]] = (("packets", "packets"), ("bytes", "bytes"))

    def __init__(self, name: str, devargs: str = "") -> None:
        super().__init__()
        self.name = name
        self.devargs = devargs
        #: Where its device was found, and what the bus says of it.
        self.bus_name, self.bus_info = "vdev", ""
        self.port_id = -1
        self.state = PortState.STOPPED
        self.mtu = 1500
        self.promiscuous = False
        self.all_multicast = False
        self.conf: PortConf | None = None
        self.rx_queues: list[Queue] = []
        self.tx_queues: list[Queue] = []
        self._retired = Stats()  # what the queues of earlier configurations counted
        self.on_link_change: Callable[[EthPort], None] = lambda port: None
        self.on_queue_state: Callable[[EthPort], None] = lambda port: None
        #: The device is gone: unplugged, or taken from under us. Called once, by a thread of the driver's, when the
        #: link is down already and the bursts touch the device no more; returns at once. The port is stopped and
        #: closed by another thread later.
        self.on_removal: Callable[[EthPort], None] = lambda port: None
        #: A started port's queues have other bursts from now on. When it returns, whoever polls them knows; lcores may
        #: be within the old ones once more.
        self.on_bursts_change: Callable[[EthPort], None] = lambda port: None

    # The driver's hooks.

    @abstractmethod
    def info(self) -> DeviceInfo:
        """What the device can do."""

    @abstractmethod
    def link(self) -> Link:
        """The link now; never blocks."""

    @abstractmethod
    def setup(self, conf: PortConf, pool: Any) -> None:
        """Make the queues, ``rx_queues`` and ``tx_queues``, for a configuration that :meth:`configure` has checked."""

    @abstractmethod
    def bring_up(self) -> None:
        """Let packets flow."""

    @abstractmethod
    def bring_down(self) -> None:
        """Stop the flow; the device touches no buffer of ours after this."""

    @abstractmethod
    def release(self) -> None:
        """Give back everything: queues, mbufs, sockets, threads."""

    @abstractmethod
    def burst_choices(self) -> tuple[BurstChoice, BurstChoice]:
        """The receive and the transmit function in use."""

    def rx_interrupt(self, queue_id: int) -> RxInterrupt:
        """The interrupt of a receive queue of the configured port; raises :class:`NotSupported` where there is none."""
        raise NotSupported("no receive interrupts")

    def device_report(self) -> DeviceReport | None:
        """The two ends of a paravirtual device; None for other ports."""
        return None

    def awaited_peer(self) -> str:
        """Where it listens while somebody is still to connect, without whom its link stays down; "" if nobody is."""
        return ""

    def private_info(self) -> str:
        """The driver's own lines of ``show port info``."""
        return "  none"

    def set_promiscuous(self, on: bool) -> None:
        """Receive every frame; drivers that always do keep this."""
        self.promiscuous = on

    def set_all_multicast(self, on: bool) -> None:
        """Receive every multicast frame."""
        self.all_multicast = on

    def change_vlan_offloads(self, wanted: int) -> None:
        """Have those of ``VLAN_OFFLOADS`` in force that ``wanted`` has; the port may be started.

        Raises :class:`NotSupported` where the driver has none.
        """

    def apply_mtu(self, mtu: int) -> None:
        """Keep to an MTU that is within :meth:`info`; OperationError if the device cannot, and then nothing changes."""
        raise OperationError(errno.ENOTSUP)

    def set_queue(self, kind: str, queue_id: int, on: bool) -> None:
        """Start or stop one queue, ``kind`` rxq or txq, of a started port; raises :class:`NotSupported` where the
        driver cannot."""
        raise NotSupported("Operation not supported")

    def set_link(self, up: bool) -> None:
        """Administrative link; raises :class:`NotSupported` where the driver has none."""
        raise NotSupported("Operation not supported")

    def reset(self) -> None:
        """Reset the device; raises :class:`NotSupported` where the driver has none."""
        raise NotSupported("Operation not supported")

    # The life cycle.

    def configure(self, conf: PortConf, pool: Any) -> None:
        """Check ``conf`` against :meth:`info` and make the queues. Nothing changes when it raises.

        Raises :class:`PortError` when started and :class:`ConfigError` for what the device cannot give.
        """
        if self.state is not PortState.STOPPED:
            raise PortError(f"Port {self.port_id} must be stopped to allow configuration")
        check_conf(self.port_id, conf, self.info())
        counted = self.lifetime_stats()
        self.setup(conf, pool)
        self._retired = counted
        self.conf = conf
        self.mtu = conf.mtu

    def set_vlan_offload(self, offload: RxOffload, on: bool) -> None:
        """Turn one of ``VLAN_OFFLOADS`` on or off, whether or not the port is started.

        Raises :class:`ConfigError` for what the device cannot do, and :class:`NotSupported`.
        """
        active = self.conf.rx_offloads if self.conf else 0
        wanted = active | offload if on else active & ~offload
        if wanted == active:
            return
        capable = self.info().rx_offload_capa
        if wanted & ~active & ~capable:
            raise ConfigError(
                f"ETHDEV: Ethdev port_id={self.port_id} requested new added VLAN offloads 0x{wanted & ~active:x} must "
                f"be within Rx offloads capabilities 0x{capable:x} in rte_eth_dev_set_vlan_offload()"
            )
        self.change_vlan_offloads(wanted & VLAN_OFFLOADS)
        if self.conf:
            self.conf = replace(self.conf, rx_offloads=wanted)

    def check_data_room(self, pool: Any, headroom: int) -> None:
        """For :meth:`setup` of drivers that fill mbufs: each must have room for something behind its headroom."""
        least = max(1, self.info().min_rx_bufsize)
        if pool.data_room < headroom + least:
            raise ConfigError(
                f"{pool.name} mbuf_data_room_size {pool.data_room} < {headroom + least} ({headroom} + {least})"
            )

    def set_mtu(self, mtu: int) -> None:
        """Keep to another MTU, in bytes, whether or not the port is started.

        Raises :class:`ConfigError` for what is beyond the device, and ``OperationError``.
        """
        check_mtu(self.port_id, mtu, self.info())
        self.apply_mtu(mtu)
        self.mtu = mtu
        if self.conf:
            self.conf = replace(self.conf, mtu=mtu)

    def start(self) -> None:
        """``STOPPED`` → ``STARTED``; a port that is started already stays so."""
        if self.state is PortState.CLOSED or self.conf is None:
            raise PortError(f"Port {self.port_id} is not configured")
        if self.state is PortState.STOPPED:
            self.bring_up()
            self.state = PortState.STARTED

    def stop(self) -> None:
        """``STARTED`` → ``STOPPED``. No lcore may be polling the port's queues."""
        if self.state is PortState.STARTED:
            self.bring_down()
            self.state = PortState.STOPPED

    def close(self) -> None:
        """Stop, give everything back; the port is gone afterwards."""
        self.stop()
        if self.state is not PortState.CLOSED:
            self.release()
            self.rx_queues, self.tx_queues = [], []
            self.state = PortState.CLOSED

    # What it counted.

    def stats(self) -> Stats:
        """The basic statistics since the last :meth:`clear_stats`."""
        return port_stats([q.counters() for q in self.rx_queues], [q.counters() for q in self.tx_queues])

    def lifetime_stats(self) -> Stats:
        """The basic statistics since the port was made, whatever was cleared or configured anew since."""
        return self._retired + port_stats(
            [q.lifetime() for q in self.rx_queues], [q.lifetime() for q in self.tx_queues]
        )

    def clear_stats(self) -> None:
        """Count from zero, basic and extended alike: they are the same counters."""
        for queue in (*self.rx_queues, *self.tx_queues):
            queue.clear()

    def xstats(self) -> list[tuple[str, int]]:
        """Names and values of the extended statistics: the basic ones first, then the driver's, queue by queue."""
        values = list(self.stats().xstats())
        for prefix, queues, shown in (("rx", self.rx_queues, self.rx_xstats), ("tx", self.tx_queues, self.tx_xstats)):
            for i, queue in enumerate(queues):
                counters = queue.counters()
                values += [(f"{prefix}_q{i}_{suffix}", counters.value(source)) for suffix, source in shown]
        return values
