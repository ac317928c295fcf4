"""What DPDK's driver counts of its queues besides what ethdev counts of every port's, in its order and by its names.

No ring here can have an event that the driver counts of offloaded and of failed notifications, of translated addresses
and of copies that are under way while others go on: there are no such things here. So these are always 0.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pytestpmd.ethdev.stats import SIZE_BINS, QueueCounters

_FRAMES = (
    ("good_packets", "packets"),
    ("good_bytes", "bytes"),
    ("multicast_packets", "multicast"),
    ("broadcast_packets", "broadcast"),
    *((f"{name}_packets", name) for name in SIZE_BINS),
)
_NOTIFIED = ("guest_notifications", "guest_notifications_offloaded", "guest_notifications_error")
_NEVER = ("iotlb_hits", "iotlb_misses", "inflight_submitted", "inflight_completed")


@dataclass(frozen=True)
class Notifications:
    """Calls of the driver, and those that it did not want."""

    sent: int = 0
    suppressed: int = 0

    @staticmethod
    def of(queue: Any) -> "Notifications":
        """Those of a ``struct vhost_virtqueue`` so far."""
        return Notifications(int(queue.calls), int(queue.calls_suppressed))

    def __sub__(self, earlier: "Notifications") -> "Notifications":
        return Notifications(self.sent - earlier.sent, self.suppressed - earlier.suppressed)


def of_queue(prefix: str, counters: QueueCounters, notified: Notifications) -> Iterator[tuple[str, int]]:
    """Names and values of one queue's; ``prefix`` is ``rx_q0_`` or the like."""
    for name, field in _FRAMES:
        yield prefix + name, counters.value(field)
    for name, count in zip(_NOTIFIED, (notified.sent, 0, 0), strict=True):
        yield prefix + name, count
    yield f"{prefix}guest_notifications_suppressed", notified.suppressed
    for name in _NEVER:
        yield prefix + name, 0
    yield f"{prefix}mbuf_alloc_failed", counters.nombuf
