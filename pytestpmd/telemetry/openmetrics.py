"""The program's figures as Prometheus has them: families of samples with labels, read when somebody asks.

Names, units and types are those of OpenMetrics 1.0: what only grows is a counter and counts since the program's ports
were made, or (streams, lcores) since ``start``; no ``clear`` of the console's takes anything away.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric

from pytestpmd import __version__
from pytestpmd.app.sampling import Sample, take
from pytestpmd.ethdev.link import SPEED_UNKNOWN, Link
from pytestpmd.ethdev.port import BurstChoice, EthPort
from pytestpmd.ethdev.report import DeviceReport, FeatureReport, RingReport
from pytestpmd.ethdev.stats import QueueCounters
from pytestpmd.log import log_type
from pytestpmd.telemetry.drops import drops_by_reason

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd

MBIT = 1_000_000
#: The one counter of a ring that goes down too.
OUTSTANDING = "outstanding"
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

    @property
    def rings(self) -> tuple[RingReport, ...]:
        """Of a virtio device; others have none."""
        return self.report.rings if self.report else ()

    @property
    def features(self) -> tuple[FeatureReport, ...]:
        """The same of features."""
        return self.report.features if self.report else ()


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

#: Of one port: values of the labels that a family has besides the port's, and the sample.
Rows = Iterable[tuple[tuple[str, ...], float]]


def _of_ports(family: Callable[[], Any], rows: Callable[[PortView], Rows]) -> Callable[[View], Metric]:
    """A family whose samples are of ports; ``family`` makes it."""

    def fill(view: View) -> Any:
        made = family()
        for one in view.ports:
            for labels, value in rows(one):
                made.add_metric([*one.labels, *labels], value)
        return made

    return fill


def _gauge(name: str, text: str, *labels: str) -> Any:
    return partial(GaugeMetricFamily, f"pytestpmd_{name}", text, labels=(*_PORT, *labels))


def _counter(name: str, text: str, *labels: str, unit: str = "") -> Any:
    return partial(CounterMetricFamily, f"pytestpmd_{name}", text, labels=(*_PORT, *labels), unit=unit)


def _packets(one: PortView) -> Rows:
    stats = one.port.lifetime_stats()
    return (("rx",), stats.ipackets), (("tx",), stats.opackets)


def _bytes(one: PortView) -> Rows:
    stats = one.port.lifetime_stats()
    return (("rx",), stats.ibytes), (("tx",), stats.obytes)


def _speed(one: PortView) -> Rows:
    return [((), one.link.speed * MBIT)] if one.link.speed != SPEED_UNKNOWN else []


def _events(one: PortView) -> Rows:
    for ring in one.rings:
        for event, count in ring.counters.items():
            if event != OUTSTANDING:
                yield (ring.queue, event), count


def _outstanding(one: PortView) -> Rows:
    return [((ring.queue,), ring.counters[OUTSTANDING]) for ring in one.rings if OUTSTANDING in ring.counters]


OF_PORTS: tuple[Callable[[View], Metric], ...] = (
    _of_ports(_counter("port_packets", "Packets of a port", "direction"), _packets),
    _of_ports(_counter("port", "Bytes of a port", "direction", unit="bytes"), _bytes),
    _of_ports(
        _counter("port_drops", "Packets lost, by reason", "reason"),
        lambda one: [((reason,), count) for reason, count in one.drops.items()],
    ),
    _of_ports(_gauge("port_link_up", "Whether a port has a link: 1 or 0"), lambda one: [((), int(one.link.up))]),
    _of_ports(_gauge("port_link_bits_per_second", "The speed of a port's link, where it is known"), _speed),
    _of_ports(
        _gauge("virtio_feature", "Features of a virtio device: 1 if both ends agreed on it", "feature"),
        lambda one: [((feature.name,), int(feature.agreed)) for feature in one.features],
    ),
    _of_ports(
        _counter("virtqueue_events", "Kicks or calls, those spared, and faults", "queue", "event"),
        _events,
    ),
    _of_ports(
        _gauge("virtqueue_descriptors", "How many descriptors a virtqueue has", "queue"),
        lambda one: [((ring.queue,), ring.size) for ring in one.rings],
    ),
    _of_ports(
        _gauge("virtqueue_outstanding_descriptors", "Descriptors of a virtqueue that the device has", "queue"),
        _outstanding,
    ),
)


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
    *(_program, _forwarding, _port_info, *OF_PORTS),
    *(_queue_packets, _queue_bytes, _stream_packets, _cycles, _pool_size, _pool_in_use),
)
