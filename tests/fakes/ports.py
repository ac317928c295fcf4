"""A port's queues polled by a test, until what it waits for has come."""

from typing import Any

from fakes.leaks import eventually
from fakes.packets import content, free, receive_mbufs, transmit

from pytestpmd.ethdev.port import EthPort

#: A program that has lost its rights when it comes to the device.
AS_NOBODY = """
import os
from pytestpmd.drivers import discover, probe
discover()
os.setuid(65534)
probe({device!r})
"""


def received(port: EthPort, count: int, queue: int = 0) -> list[bytes]:
    """So many packets, as bytes, in whatever bursts they come."""
    mbufs = received_mbufs(port, count, queue)
    data = [content(m) for m in mbufs]
    free(*mbufs)
    return data


def received_mbufs(port: EthPort, count: int, *queues: int) -> list[Any]:
    """The same as mbufs, which the caller frees."""
    found: list[Any] = []

    def enough() -> bool:
        for queue in queues or (0,):
            rx = port.rx_queues[queue]
            found.extend(receive_mbufs(rx.burst, rx.handle))
        return len(found) >= count

    assert eventually(enough), f"{len(found)} of {count}"
    return found


def send(port: EthPort, *mbufs: Any, queue: int = 0) -> int:
    taken: int = transmit(port.tx_queues[queue].burst, port.tx_queues[queue].handle, mbufs)
    return taken
