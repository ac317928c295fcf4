"""What the lcores did, for people and for machines."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pytestpmd.fwd.l3fwd import LcoreCounts, wake_percentile


def text(counts: Sequence[LcoreCounts], polls: Mapping[int, str]) -> str:
    """The report as lines; ``polls`` says of lcores that do not sleep why not, and "" of others."""
    return "\n".join(_lcore(one, polls[one.lcore_id]) for one in counts)


def _lcore(one: LcoreCounts, polls: str) -> str:
    elapsed = max(1, one.elapsed_ns)
    queues = ", ".join(f"port {port} queue {queue}: {count}" for (port, queue), count in one.received.items())
    lines = [
        f"lcore {one.lcore_id}, {elapsed / 1e9:.1f} s",
        f"  RX-packets: {sum(one.received.values())} ({queues})",
        f"  TX-packets: {one.transmitted}, of them without a route, sent back: {one.unrouted}",
        "  Dropped: " + ", ".join(f"{reason} {count}" for reason, count in one.dropped.items()),
        f"  CPU time: {one.cpu_ns / 1e9:.3f} s, {100 * one.cpu_ns / elapsed:.2f} % of a CPU",
    ]
    return "\n".join([*lines, f"  It polls: {polls}"] if polls else [*lines, *_sleeps(one, elapsed)])


def _sleeps(one: LcoreCounts, elapsed: int) -> list[str]:
    sleep = one.sleep
    return [
        f"  Slept {sleep.sleeps} times, {100 * one.asleep_ns / elapsed:.2f} % of the time; "
        f"woken {sleep.by_packets} times by packets, {sleep.by_time} by time",
        f"  Wake latency: {_latency(one.wakes)}",
    ]


def _latency(wakes: Sequence[int]) -> str:
    median, most = wake_percentile(wakes, 0.5), wake_percentile(wakes, 0.99)
    if median is None or most is None:
        return "not probed yet"
    return f"median {median:.1f} us, 99 % within {most:.1f} us ({sum(wakes)} probes)"


def as_json(counts: Sequence[LcoreCounts], polls: Mapping[int, str]) -> str:
    """The report as one line; times in seconds, but for the latency in microseconds."""
    return json.dumps({"lcores": [_machine(one, polls[one.lcore_id]) for one in counts]})


def _machine(one: LcoreCounts, polls: str) -> dict[str, Any]:
    return {
        "lcore": one.lcore_id,
        "elapsed_s": one.elapsed_ns / 1e9,
        "rx_packets": {f"{port}.{queue}": count for (port, queue), count in one.received.items()},
        "tx_packets": one.transmitted,
        "unrouted": one.unrouted,
        "dropped": dict(one.dropped),
        "cpu_s": one.cpu_ns / 1e9,
        "polls": polls or None,
        "sleeps": one.sleep.sleeps,
        "asleep_s": one.asleep_ns / 1e9,
        "packet_wakes": one.sleep.by_packets,
        "time_wakes": one.sleep.by_time,
        "probes": sum(one.wakes),
        "wake_us": {"median": wake_percentile(one.wakes, 0.5), "p99": wake_percentile(one.wakes, 0.99)},
    }
