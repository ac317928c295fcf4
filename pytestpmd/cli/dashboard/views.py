"""What is shown of a moment and of the minute before it: each view is some sheets, the important ones first."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from pytestpmd.cli.dashboard.figures import (
    DROPS,
    LcoreFigures,
    Moment,
    PortFigures,
    QueueFigures,
    StreamFigures,
)
from pytestpmd.cli.dashboard.marks import bar, human, loaded, sparkline, worrying
from pytestpmd.cli.dashboard.sheet import Column, Sheet
from pytestpmd.ethdev.link import speed_text

#: How many moments sparklines show.
TAIL = 60
BAR = 10
PERCENT = 100
NO_CYCLES = "set record-core-cycles on: how busy lcores are, and cycles per packet"
NO_BURSTS = "set record-burst-stats on: how many bursts there are of each size"
NO_STREAMS = "nothing was forwarded yet: start"
#: Burst sizes that are counted together.
SIZES = ((0, 0), (1, 1), (2, 3), (4, 7), (8, 15), (16, 31), (32, 63), (64, 127), (128, 255), (256, 512))


@dataclass(frozen=True)
class Scene:
    """Moments up to the one that is shown, which is the last; ``plain`` where a terminal has only ASCII."""

    moments: Sequence[Moment]
    plain: bool = False

    @property
    def now(self) -> Moment:
        return self.moments[-1]

    def spark(self, value: Callable[[Moment], float], width: int) -> Text:
        """How a figure went."""
        return Text(sparkline([value(each) for each in self.moments[-TAIL:]], width, self.plain), "cyan")


AnySheet = Sheet[Any]


def ports(scene: Scene) -> list[AnySheet]:
    return [_ports(scene), *_drops(scene), *_bursts(scene), _lcores(scene)]


def queues(scene: Scene) -> list[AnySheet]:
    return [_queues(scene), *_drops(scene)]


def streams(scene: Scene) -> list[AnySheet]:
    told: list[AnySheet] = [] if _records_bursts(scene) else [Sheet("Bursts", (), (), NO_BURSTS)]
    return [_streams(scene), *_bursts(scene), *told]


def lcores(scene: Scene) -> list[AnySheet]:
    return [_lcores(scene), _streams(scene)]


VIEWS: Mapping[str, Callable[[Scene], list[AnySheet]]] = {
    "ports": ports,
    "queues": queues,
    "streams": streams,
    "lcores": lcores,
}


def _ports(scene: Scene) -> Sheet[PortFigures]:
    def history(port: PortFigures, width: int) -> Text:
        return scene.spark(lambda at: _packets(at.ports.get(port.port_id)), width)

    columns: list[Column[PortFigures]] = [
        Column("Port", 4, lambda port, _: str(port.port_id), left=True),
        Column("Link", 8, _link, rank=2, left=True),
        Column("Rx pps", 7, lambda port, _: human(port.rates.rx_pps)),
        Column("Rx bps", 7, lambda port, _: human(port.rates.rx_bps), rank=3),
        Column("Tx pps", 7, lambda port, _: human(port.rates.tx_pps), rank=1),
        Column("Tx bps", 7, lambda port, _: human(port.rates.tx_bps), rank=4),
        Column("Drops/s", 7, _drop_rate, rank=0),
        Column("Rx and Tx", 12, history, rank=5, left=True, most=TAIL),
        Column("Name", 16, lambda port, _: port.name, rank=6, left=True, most=24),
    ]
    return Sheet("Ports", columns, list(scene.now.ports.values()), "there are no ports: port attach (identifier)")


def _packets(port: PortFigures | None) -> int:
    return port.rates.rx_pps + port.rates.tx_pps if port else 0


def _drop_rate(port: PortFigures, width: int) -> Text:
    count = sum(port.drops)
    return worrying(count, human(count))


def _link(port: PortFigures, width: int) -> Text:
    if not port.started:
        return Text("stopped", "yellow")
    return Text(speed_text(port.link.speed), "green") if port.link.up else Text("down", "bold red")


@dataclass(frozen=True)
class _Drop:
    port_id: int
    reason: str
    rate: int
    count: int


def _drops(scene: Scene) -> Iterator[Sheet[_Drop]]:
    """By port and reason, where there ever were any."""
    found = [
        _Drop(port.port_id, reason, rate, count)
        for port in scene.now.ports.values()
        for reason, rate, count in zip(DROPS, port.drops, port.dropped, strict=True)
        if count
    ]
    columns: list[Column[_Drop]] = [
        Column("Port", 4, lambda drop, _: str(drop.port_id), left=True),
        Column("Reason", 9, lambda drop, _: drop.reason, left=True),
        Column("Drops/s", 7, lambda drop, _: worrying(drop.rate, human(drop.rate))),
        Column("In all", 7, lambda drop, _: human(drop.count), rank=1),
        Column("Packets that", 20, lambda drop, _: DROPS[drop.reason], rank=2, left=True, most=60),
    ]
    if found:
        yield Sheet("Drops", columns, sorted(found, key=lambda drop: -drop.rate))


def _queues(scene: Scene) -> Sheet[QueueFigures]:
    def history(queue: QueueFigures, width: int) -> Text:
        key = queue.kind, queue.port_id, queue.queue_id
        return scene.spark(lambda at: _packets_of(at.queues.get(key)), width)

    columns: list[Column[QueueFigures]] = [
        Column("Queue", 12, _queue_name, left=True),
        Column("pps", 7, lambda queue, _: human(queue.pps)),
        Column("bps", 7, lambda queue, _: human(queue.bps), rank=3),
        Column("Lost/s", 7, lambda queue, _: worrying(queue.lost, human(queue.lost)), rank=1),
        Column("Waiting", BAR, lambda queue, width: _filled(scene, queue, width), rank=2, left=True),
        Column("of", 9, _occupancy, rank=2),
        Column("Packets", 12, history, rank=4, left=True, most=TAIL),
    ]
    return Sheet(
        "Queues, and packets that wait in their rings",
        columns,
        list(scene.now.queues.values()),
        "no port has queues yet",
    )


def _queue_name(queue: QueueFigures, width: int) -> str:
    return f"port {queue.port_id} {queue.kind[:2]} {queue.queue_id}"


def _packets_of(queue: QueueFigures | None) -> int:
    return queue.pps if queue else 0


def _filled(scene: Scene, queue: QueueFigures, width: int) -> Text:
    if not queue.ring.size:
        return Text("-", "dim")
    share = queue.ring.used / queue.ring.size
    return loaded(share, bar(share, width, scene.plain))


def _occupancy(queue: QueueFigures, width: int) -> str:
    return f"{queue.ring.used}/{queue.ring.size}" if queue.ring.size else ""


def _streams(scene: Scene) -> Sheet[StreamFigures]:
    columns: list[Column[StreamFigures]] = [
        Column("Receives from", 13, lambda one, _: f"port {one.spec.rx_port} rx {one.spec.rx_queue}", left=True),
        Column("sends to", 12, lambda one, _: f"port {one.spec.tx_port} tx {one.spec.tx_queue}", rank=2, left=True),
        Column("Lcore", 5, lambda one, _: str(one.lcore_id), rank=3),
        Column("Rx pps", 7, lambda one, _: human(one.rx_pps)),
        Column("Tx pps", 7, lambda one, _: human(one.tx_pps), rank=1),
        Column("Drops/s", 7, lambda one, _: worrying(one.dropped, human(one.dropped)), rank=1),
    ]
    return Sheet("Streams", columns, scene.now.streams, NO_STREAMS)


def _lcores(scene: Scene) -> Sheet[LcoreFigures]:
    def busy(one: LcoreFigures, width: int) -> Text:
        share = (one.busy_percent or 0) / PERCENT
        return (
            Text("not recorded", "dim") if one.busy_percent is None else loaded(share, bar(share, width, scene.plain))
        )

    columns: list[Column[LcoreFigures]] = [
        Column("Lcore", 5, lambda one, _: str(one.lcore_id), left=True),
        Column("Streams", 7, lambda one, _: str(one.streams), rank=2),
        Column("pps", 7, lambda one, _: human(one.pps)),
        Column("Cycles/packet", 13, lambda one, _: _figure(one.cycles_per_packet), rank=1),
        Column("Busy %", 6, lambda one, _: _figure(one.busy_percent)),
        Column("Busy", 12, busy, rank=4, left=True, most=30),
    ]
    if any(one.sleeps is not None for one in scene.now.lcores):
        columns.insert(-1, Column("Sleeps/s", 8, lambda one, _: _figure(one.sleeps), rank=3))
    is_unknown = scene.now.lcores and all(one.busy_percent is None for one in scene.now.lcores)
    title = f"Lcores   {NO_CYCLES}" if is_unknown else "Lcores"
    return Sheet(title, columns, scene.now.lcores, NO_STREAMS)


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}" if value < PERCENT * 10 else human(value)


@dataclass(frozen=True)
class _Bursts:
    low: int
    high: int
    rx: int
    tx: int
    rx_share: float
    tx_share: float


def _records_bursts(scene: Scene) -> bool:
    return scene.now.rx_bursts is not None or scene.now.tx_bursts is not None


def _bursts(scene: Scene) -> Iterator[Sheet[_Bursts]]:
    """How many bursts of the period had how many packets, where that is recorded."""
    rx, tx = scene.now.rx_bursts or {}, scene.now.tx_bursts or {}
    rows = [_bursts_between(low, high, rx, tx) for low, high in SIZES]
    columns: list[Column[_Bursts]] = [
        Column(
            "Packets", 7, lambda one, _: str(one.low) if one.low == one.high else f"{one.low}-{one.high}", left=True
        ),
        Column("Rx bursts", 9, lambda one, _: human(one.rx)),
        Column("", BAR, lambda one, width: bar(one.rx_share, width, scene.plain), rank=1, left=True, most=25),
        Column("Tx bursts", 9, lambda one, _: human(one.tx)),
        Column("", BAR, lambda one, width: bar(one.tx_share, width, scene.plain), rank=1, left=True, most=25),
    ]
    if _records_bursts(scene):
        shown = [one for one in rows if one.rx or one.tx]
        yield Sheet("Bursts of the period by their packets", columns, shown, "there were none")


def _bursts_between(low: int, high: int, rx: Mapping[int, int], tx: Mapping[int, int]) -> _Bursts:
    received = sum(count for size, count in rx.items() if low <= size <= high)
    sent = sum(count for size, count in tx.items() if low <= size <= high)
    return _Bursts(low, high, received, sent, received / max(1, sum(rx.values())), sent / max(1, sum(tx.values())))
