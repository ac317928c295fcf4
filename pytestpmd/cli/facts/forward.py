"""Forwarding: how it is set, and what it has counted."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from pytestpmd.cli.answer import Json
from pytestpmd.cli.facts.port import offloads
from pytestpmd.config import Config, peer_of
from pytestpmd.config import offloads_of as asked_of
from pytestpmd.eal.ether import mac_text
from pytestpmd.ethdev.port import EthPort
from pytestpmd.fwd.topology import StreamSpec

if TYPE_CHECKING:
    from pytestpmd.fwd.session import ForwardPlan
    from pytestpmd.fwd.sleep import SleepCounts
    from pytestpmd.fwd.stats import ForwardStats, PortForwardStats, StreamStats

Facts = Mapping[str, Json]


def cores(corelist: Sequence[int]) -> Facts:
    return {"lcores": list(corelist)}


def config(settings: Config, plan: "ForwardPlan") -> Facts:
    """What the next ``start`` runs, or what runs now."""
    forward = settings.forward
    return {
        "engine": plan.engine,
        "retry": {"num": forward.burst_tx_retry, "delay_us": forward.burst_tx_delay_us} if forward.retry else None,
        "ports": plan.nb_ports,
        "numa": settings.ports.numa,
        "mp_allocation": settings.pool.allocation,
        "lcores": [
            {"lcore": lcore.lcore_id, "streams": [_spec(settings, stream) for stream in lcore.streams]}
            for lcore in plan.lcores
        ],
    }


def _spec(settings: Config, stream: StreamSpec) -> Facts:
    return {
        "rx_port": stream.rx_port,
        "rx_queue": stream.rx_queue,
        "tx_port": stream.tx_port,
        "tx_queue": stream.tx_queue,
        "peer": mac_text(peer_of(settings.forward, stream.peer_port)),
    }


def rxtx(settings: Config, ports: Sequence[EthPort]) -> Facts:
    forward = settings.forward
    return {
        "engine": forward.engine,
        "retry": forward.retry,
        "burst": forward.burst,
        "lcores": forward.nb_cores,
        "forwarding_ports": forward.nb_ports,
        "ports": [_queues(settings, port) for port in ports],
    }


def _queues(settings: Config, port: EthPort) -> Facts:
    queues, device = settings.queues, port.info()
    asked = asked_of(queues, port.port_id).of_port(device.tx_offload_capa)
    return {
        "port_id": port.port_id,
        "rx_queues": queues.rxq,
        "tx_queues": queues.txq,
        "rx_desc": device.rx_ring_size or queues.rxd,
        "tx_desc": device.tx_ring_size or queues.txd,
        "rx_offloads": offloads(port.conf.rx_offloads if port.conf else asked.rx, "Rx"),
        "tx_offloads": offloads(port.conf.tx_offloads if port.conf else asked.tx, "Tx"),
    }


def stats(counted: "ForwardStats") -> Facts:
    """Since ``start``; ``streams`` only where there are more of them than ports, as in the text."""
    cycles = None
    if counted.busy_cycles is not None:
        cycles = {"busy": counted.busy_cycles, "clock_mhz": counted.clock_mhz}
    return {
        "engine": counted.engine,
        "ports": [_port(port) for port in counted.ports],
        "streams": [_stream(stream) for stream in counted.streams],
        "total": _counts(counted.total),
        "cycles": cycles,
    }


def _port(port: "PortForwardStats") -> Facts:
    return {"port_id": port.port_id, **_counts(port), "bursts": _bursts(port)}


def _counts(port: "PortForwardStats") -> Facts:
    return {
        "rx_packets": port.rx_packets,
        "rx_dropped": port.rx_dropped,
        "rx_total": port.rx_total,
        "rx_errors": port.rx_errors,
        "rx_nombuf": port.rx_nombuf,
        "tx_packets": port.tx_packets,
        "tx_dropped": port.tx_dropped,
        "tx_total": port.tx_total,
        "bad_ip_csum": port.bad_ip_csum,
        "bad_l4_csum": port.bad_l4_csum,
    }


def _stream(stream: "StreamStats") -> Facts:
    names = ("rx_port", "rx_queue", "tx_port", "tx_queue", "rx_packets", "tx_packets", "tx_dropped")
    return {**{name: getattr(stream, name) for name in names}, "bursts": _bursts(stream)}


def _bursts(counted: "PortForwardStats | StreamStats") -> Facts | None:
    """How many bursts there were of each size, where that is recorded."""
    if counted.rx_bursts is None and counted.tx_bursts is None:
        return None
    return {"rx": _by_size(counted.rx_bursts), "tx": _by_size(counted.tx_bursts)}


def _by_size(counts: Mapping[int, int] | None) -> Sequence[Json]:
    return [{"size": size, "count": count} for size, count in sorted((counts or {}).items())]


def interrupt(why: Mapping[int, str], sleeps: Mapping[int, "SleepCounts"]) -> Facts:
    """Of each lcore: why it polls, or how it has slept."""
    return {
        "lcores": [
            {"lcore": lcore, "polls_because": reason or None, "sleeps": None if reason else asdict(sleeps[lcore])}
            for lcore, reason in why.items()
        ]
    }
