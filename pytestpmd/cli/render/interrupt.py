"""Interrupt mode: which lcores sleep, and how they have."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytestpmd.fwd.sleep import SleepCounts


def mode(interrupt: Mapping[int, str]) -> str:
    """What ``start`` and ``show config fwd`` say besides, a line for each lcore; nothing while all lcores poll."""
    lines = [
        f"Interrupt mode: lcore {lcore} {f'keeps polling: {why}' if why else 'sleeps while there are no packets'}"
        for lcore, why in interrupt.items()
    ]
    return "\n".join([*lines, "\n"]) if lines else ""


def counts(interrupt: Mapping[int, str], sleeps: Mapping[int, "SleepCounts"]) -> str:
    """``show fwd interrupt``."""
    lines = [
        f"lcore {lcore} polls: {why}" if why else _sleeper(lcore, sleeps[lcore]) for lcore, why in interrupt.items()
    ]
    return "\n".join(lines or ["All lcores poll: forwarding was not started in interrupt mode"])


def _sleeper(lcore: int, counts: "SleepCounts") -> str:
    others = max(0, counts.sleeps - counts.by_packets - counts.by_time - counts.asleep)
    return (
        f"lcore {lcore} {'is asleep' if counts.asleep else 'is awake'}: slept {counts.sleeps} times, "
        f"woken {counts.by_packets} times by packets, {counts.by_time} by time, {others} by others"
    )
