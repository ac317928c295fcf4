"""What can be asked of a port's single queues while it runs: how they are set up, and how full they are.

The questions are those of ``lib/ethdev`` and so are the errors: ``ENOTSUP`` where the driver has no answer.
"""

import errno
from dataclasses import dataclass
from enum import Enum

from pytestpmd.errors import OperationError


@dataclass(frozen=True)
class QueueInfo:
    """A queue as it was set up: sizes in descriptors, ``pool`` the name of a receive queue's, ``burst_mode`` in DPDK's
    words."""

    nb_desc: int
    free_thresh: int = 0
    pool: str = ""
    is_scattered: bool = False
    burst_mode: str = ""


class DescStatus(Enum):
    """Whose a descriptor is: of a receive queue AVAILABLE (the device's), DONE (a packet waits in it) or UNAVAILABLE
    (in neither's hands); of a transmit queue FULL (a packet is in it that was not sent) or DONE."""

    AVAILABLE = "AVAILABLE"
    DONE = "DONE"
    FULL = "FULL"
    UNAVAILABLE = "UNAVAILABLE"


class Queues:
    """Mixed into a port; ``kind`` is rxq or txq, and there is such a queue."""

    def queue_info(self, kind: str, queue_id: int) -> QueueInfo:
        """How the queue was set up; raises :class:`OperationError`."""
        raise OperationError(errno.ENOTSUP)

    def desc_status(self, kind: str, queue_id: int, desc_id: int) -> DescStatus:
        """Whose the descriptor is that comes so far behind the next one; raises :class:`OperationError`."""
        raise OperationError(errno.ENOTSUP)

    def used_count(self, kind: str, queue_id: int) -> int:
        """Descriptors with packets that wait to be received, or to be sent. A driver without rings has none."""
        return 0

    def free_sent(self, queue_id: int, most: int) -> int:
        """Have back up to ``most`` packets (0: all) that a transmit queue is done with: how many. No lcore polls it.

        Raises :class:`OperationError`.
        """
        raise OperationError(errno.ENOTSUP)


def status_of(kind: str, size: int, outstanding: int, done: int, desc_id: int) -> DescStatus:
    """The status by how many descriptors of a ring are with the device, and with how many of these it is done.

    Receiving, the next descriptor is the oldest one that the device has; sending, the first that is free.
    """
    if desc_id >= size:
        raise OperationError(errno.EINVAL)
    if kind == "rxq":
        if desc_id < done:
            return DescStatus.DONE
        return DescStatus.AVAILABLE if desc_id < outstanding else DescStatus.UNAVAILABLE
    return DescStatus.DONE if desc_id < size - outstanding + done else DescStatus.FULL
