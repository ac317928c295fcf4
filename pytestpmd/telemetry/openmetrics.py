"""The program's figures as Prometheus has them: families of samples with labels, read when somebody asks.

Names, units and types are those of OpenMetrics 1.0: what only grows is a counter and counts since the program's ports
were made, or (streams, lcores) since ``start``; no ``clear`` of the console's takes anything away.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric

from pytestpmd import __version__
from pytestpmd.app.sampling import Sample, take
from pytestpmd.ethdev.link import SPEED_UNKNOWN, Link
from pytestpmd.ethdev.port import BurstChoice, EthPort
from pytestpmd.ethdev.report import DeviceReport
from pytestpmd.ethdev.stats import QueueCounters
from pytestpmd.log import log_type
from pytestpmd.telemetry.drops import drops_by_reason

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd

MBIT = 1_000_000
_log = log_type("lib.telemetry", "TELEMETRY")


@dataclass(frozen=True)
class PortView:
    """What one port is at the moment."""

    port: EthPort
    link: Link
    bursts: tuple[BurstChoice, BurstChoice]
    drops: Mapping[str, int]
    report: DeviceReport | None

    @property
    def labels(self) -> list[str]:
        """Its values of the labels port and name."""
        return [str(self.port.port_id), self.port.name]


@dataclass(frozen=True)
class View:
    """What all families are made of, read at once."""

    app: "TestPmd"
    ports: list[PortView]
    sample: Sample


class Figures:
    """Everything about one program: a collector of prometheus_client's."""

    def __init__(self, app: "TestPmd") -> None:
        self._app = app

    def collect(self) -> Iterator[Metric]:
        """Every family; of a port that is closed meanwhile nothing, or not all."""
        ports = [seen for port in list(self._app.ports) if (seen := _look(self._app, port))]
        view = View(self._app, ports, take(self._app))
        for family in FAMILIES:
            yield family(view)

    def describe(self) -> list[Metric]:
        """Nothing in advance: the registry need not ask to know that names are its own."""
        return []


def _look(app: "TestPmd", port: EthPort) -> PortView | None:
    try:
        return PortView(port, port.link(), port.burst_choices(), drops_by_reason(app, port), port.device_report())
    except Exception as error:  # it is closed by a command or a removal, and we hold no lock of theirs
        _log.debug("port %d: %s: %s", port.port_id, type(error).__name__, error)
        return None


def _program(view: View) -> Metric:
    engine = view.app.session.plan.engine if view.app.session.plan else view.app.config.forward.engine
    values = {"version": __version__, "engine": engine}
    return InfoMetricFamily("pytestpmd", "The program and its forwarding engine", values)


def _forwarding(view: View) -> Metric:
    running = int(view.app.session.running)
    return GaugeMetricFamily("pytestpmd_forwarding", "Whether packets are forwarded: 1 or 0", value=running)


def _port_info(view: View) -> Metric:
    names = ("driver", "mac", "rx_callback", "tx_callback")
    family = InfoMetricFamily("pytestpmd_port", "What a port is, and which functions move its packets", labels=_PORT)
    for one in view.ports:
        rx, tx = (choice.callback for choice in one.bursts)
        values = (one.port.driver_name, one.port.mac.hex(":"), rx, tx)
        family.add_metric(one.labels, dict(zip(names, values, strict=True)))
    return family


_PORT = ("port", "name")
_QUEUE = ("port", "direction", "queue")
_STREAM = ("lcore", "rx_port", "rx_queue", "tx_port", "tx_queue")


def _port_packets(view: View) -> Metric:
    family = CounterMetricFamily("pytestpmd_port_packets", "Packets of a port", labels=(*_PORT, "direction"))
    for one in view.ports:
        stats = one.port.lifetime_stats()
        family.add_metric([*one.labels, "rx"], stats.ipackets)
        family.add_metric([*one.labels, "tx"], stats.opackets)
    return family


def _port_bytes(view: View) -> Metric:
    family = CounterMetricFamily("pytestpmd_port", "Bytes of a port", labels=(*_PORT, "direction"), unit="bytes")
    for one in view.ports:
        stats = one.port.lifetime_stats()
        family.add_metric([*one.labels, "rx"], stats.ibytes)
        family.add_metric([*one.labels, "tx"], stats.obytes)
    return family


def _drops(view: View) -> Metric:
    family = CounterMetricFamily("pytestpmd_port_drops", "Packets lost, by reason", labels=(*_PORT, "reason"))
    for one in view.ports:
        for reason, count in one.drops.items():
            family.add_metric([*one.labels, reason], count)
    return family


def _link_up(view: View) -> Metric:
    family = GaugeMetricFamily("pytestpmd_port_link_up", "Whether a port has a link: 1 or 0", labels=_PORT)
    for one in view.ports:
        family.add_metric(one.labels, int(one.link.up))
    return family


def _link_speed(view: View) -> Metric:
    text = "The speed of a port's link, where it is known"
    family = GaugeMetricFamily("pytestpmd_port_link_bits_per_second", text, labels=_PORT)
    for one in view.ports:
        if one.link.speed != SPEED_UNKNOWN:
            family.add_metric(one.labels, one.link.speed * MBIT)
    return family


def _features(view: View) -> Metric:
    text = "Features of a virtio device: 1 if both ends agreed on it"
    family = GaugeMetricFamily("pytestpmd_virtio_feature", text, labels=(*_PORT, "feature"))
    for one in view.ports:
        for feature in one.report.features if one.report else ():
            family.add_metric([*one.labels, feature.name], int(feature.agreed))
    return family


def _ring_events(view: View) -> Metric:
    text = "What happened at a virtqueue: kicks or calls, those that were spared, and faults of the other end"
    family = CounterMetricFamily("pytestpmd_virtqueue_events", text, labels=(*_PORT, "queue", "event"))
    for one in view.ports:
        for ring in one.report.rings if one.report else ():
            for event, count in ring.counters.items():
                if event != "outstanding":
                    family.add_metric([*one.labels, ring.queue, event], count)
    return family


def _ring_size(view: View) -> Metric:
    text = "How many descriptors a virtqueue has"
    family = GaugeMetricFamily("pytestpmd_virtqueue_descriptors", text, labels=(*_PORT, "queue"))
    for one in view.ports:
        for ring in one.report.rings if one.report else ():
            family.add_metric([*one.labels, ring.queue], ring.size)
    return family


def _ring_outstanding(view: View) -> Metric:
    text = "Descriptors of a virtqueue that the device has"
    family = GaugeMetricFamily("pytestpmd_virtqueue_outstanding_descriptors", text, labels=(*_PORT, "queue"))
    for one in view.ports:
        for ring in one.report.rings if one.report else ():
            if "outstanding" in ring.counters:
                family.add_metric([*one.labels, ring.queue], ring.counters["outstanding"])
    return family


def _queues(view: View) -> Iterator[tuple[list[str], QueueCounters]]:
    for way, queues in (("rx", view.sample.rx_queues), ("tx", view.sample.tx_queues)):
        for (port_id, queue_id), counters in queues.items():
            yield [str(port_id), way, str(queue_id)], counters


def _queue_packets(view: View) -> Metric:
    family = CounterMetricFamily("pytestpmd_queue_packets", "Packets of a queue", labels=_QUEUE)
    for labels, counters in _queues(view):
        family.add_metric(labels, counters.packets)
    return family


def _queue_bytes(view: View) -> Metric:
    family = CounterMetricFamily("pytestpmd_queue", "Bytes of a queue", labels=_QUEUE, unit="bytes")
    for labels, counters in _queues(view):
        family.add_metric(labels, counters.bytes)
    return family


def _stream_packets(view: View) -> Metric:
    text = "Packets of a stream since start: received, sent, and dropped because the queue took no more"
    family = CounterMetricFamily("pytestpmd_stream_packets", text, labels=(*_STREAM, "outcome"))
    for one in view.sample.streams:
        spec = one.spec
        labels = [str(n) for n in (one.lcore_id, spec.rx_port, spec.rx_queue, spec.tx_port, spec.tx_queue)]
        for outcome, count in (
            ("received", one.rx_packets),
            ("sent", one.tx_packets),
            ("dropped", one.fwd_dropped),
        ):
            family.add_metric([*labels, outcome], count)
    return family


def _cycles(view: View) -> Metric:
    text = "Cycles of an lcore since start, where they are recorded: with packets to move, and without"
    family = CounterMetricFamily("pytestpmd_lcore_cycles", text, labels=("lcore", "state"))
    recorded = view.app.session.cycles() if view.app.config.forward.record_core_cycles else {}
    for lcore_id, (busy, total) in recorded.items():
        family.add_metric([str(lcore_id), "busy"], busy)
        family.add_metric([str(lcore_id), "idle"], max(0, total - busy))
    return family


def _pool_size(view: View) -> Metric:
    family = GaugeMetricFamily("pytestpmd_mempool_mbufs", "How many mbufs a pool has", labels=("pool",))
    for pool in view.app.pools:
        family.add_metric([pool.name], pool.size)
    return family


def _pool_in_use(view: View) -> Metric:
    text = "Mbufs of a pool that somebody holds"
    family = GaugeMetricFamily("pytestpmd_mempool_in_use_mbufs", text, labels=("pool",))
    for pool in view.app.pools:
        family.add_metric([pool.name], max(0, pool.in_use()))
    return family


FAMILIES: tuple[Callable[[View], Metric], ...] = (
    *(_program, _forwarding, _port_info, _port_packets, _port_bytes, _drops, _link_up, _link_speed),
    *(_features, _ring_events, _ring_size, _ring_outstanding, _queue_packets, _queue_bytes, _stream_packets, _cycles),
    *(_pool_size, _pool_in_use),
)
