"""``show port N virtio``: the two ends of a virtio device, for people to read."""

from collections.abc import Iterable, Iterator

from pytestpmd.ethdev.port import EthPort
from pytestpmd.ethdev.report import (
    ConnectionReport,
    ControlReport,
    DeviceReport,
    FeatureReport,
    RegionReport,
    RingReport,
)

#: The side of a device that is spoken to by registers: there is no conversation, nor a protocol.
DRIVER = "driver"
MESSAGES = "Messages, the newest last (> sent, < received)"


def device(port: EthPort) -> str:
    """The report of a port as text; one line for a port that has none."""
    report = port.device_report()
    if report is None:
        return f"Port {port.port_id} ({port.name}) is no virtio device: its driver is {port.driver_name}"
    return text(f"Virtio {report.side} of port {port.port_id} ({port.name}):", report)


def text(heading: str, report: DeviceReport) -> str:
    """All of a report, indented under its heading."""
    return "\n".join(
        [
            heading,
            f"  Connection: {_connection(report.connection)}",
            *_features("Features", report.side, report.features),
            *(_features("Protocol features", report.side, report.protocol_features) if report.side != DRIVER else ()),
            *_block("Memory regions", map(_region, report.memory)),
            *_block("Shared", (f"{name.replace('_', ' ')} {n}" for name, n in report.shared.items()), optional=True),
            *_block("Rings", (line for ring in report.rings for line in _ring(ring))),
            *_block("Configuration space", (f"{name} {value}" for name, value in report.config.items()), optional=True),
            *_block("Control queue", _control(report.control), optional=True),
            *_block(MESSAGES, report.conversation, optional=report.side == DRIVER),
        ]
    )


def _connection(connection: ConnectionReport) -> str:
    way = f"{connection.role} at {connection.path}, " if connection.path else ""
    note = f": {connection.note}" if connection.note else ""
    return f"{way}{'connected' if connection.connected else 'not connected'}{note}"


def _block(title: str, lines: Iterable[str], *, optional: bool = False) -> Iterator[str]:
    """A title over its lines, or beside the word that there are none; an optional one is then left out."""
    indented = [f"    {line}" for line in lines]
    if optional and not indented:
        return
    yield f"  {title}:{'' if indented else ' none'}"
    yield from indented


def _features(title: str, side: str, features: tuple[FeatureReport, ...]) -> Iterator[str]:
    """A table; the back-end does not know what the front-end wants, only what it acknowledges."""
    wide = max((len(feature.name) for feature in features), default=0)
    columns = ("offered", "wanted", "agreed") if side != "back-end" else ("offered", "acknowledged")
    title = f"{title} ({', '.join(columns)})"
    yield from _block(title, (_feature(feature, wide, columns) for feature in features))


def _feature(feature: FeatureReport, wide: int, columns: tuple[str, ...]) -> str:
    answers = [feature.offered, feature.agreed] if feature.wanted is None else []
    answers = answers or [feature.offered, bool(feature.wanted), feature.agreed]
    cells = (f"{'yes' if answer else 'no':<{len(column)}}" for answer, column in zip(answers, columns, strict=True))
    return f"{feature.name:<{wide}}  {'  '.join(cells)}  {feature.note}".rstrip()


def _control(control: ControlReport | None) -> Iterator[str]:
    if control is None:
        return
    yield f"queue {control.index}: commands sent {control.sent}, refused {control.refused}"
    if control.broken:
        yield f"broken: {control.broken}"
    yield from control.commands


def _region(region: RegionReport) -> str:
    return (
        f"guest {region.guest_addr:#x} user {region.user_addr:#x} size {region.size:#x} "
        f"file offset {region.file_offset:#x}"
    )


def _ring(ring: RingReport) -> Iterator[str]:
    yield f"ring {ring.index}, {ring.queue}: {ring.layout}, {ring.size} descriptors, {ring.state}"
    yield f"  desc {ring.desc:#x} avail {ring.avail:#x} used {ring.used:#x}"
    indices = [_index("avail", ring.avail_idx, ring.avail_wrap), _index("used", ring.used_idx, ring.used_wrap)]
    counters = [f"{name.replace('_', ' ')} {count}" for name, count in ring.counters.items()]
    yield f"  {', '.join(indices + counters)}"
    if ring.fault:
        yield f"  fault: {ring.fault}"


def _index(name: str, index: int, wrap: int | None) -> str:
    return f"{name} index {index}" if wrap is None else f"{name} index {index} (wrap counter {wrap})"
