"""A network driver's use of a split ring: frames to be transmitted, buffers to be received into (virtio 1.2, 5.1.6)."""

from collections.abc import Sequence
from typing import Any

from fakes.packets import packet, receive
from fakes.packets import transmit as transmit_mbufs
from fakes.queues import DeviceQueue
from fakes.virtio_driver import WRITE, Desc, Used

from pytestpmd._dataplane import lib
from pytestpmd.eal.mempool import Mempool

FILL = 0xA5


def dequeue(queue: DeviceQueue, nb: int = 64) -> list[bytes]:
    return receive(lib.vhost_rx_burst, queue.vq, nb)


def cut(queue: DeviceQueue, data: bytes, lengths: Sequence[int] = ()) -> list[Desc]:
    """Buffers that hold ``data``, the first of these lengths, the rest in one more."""
    descs = []
    for length in [*lengths, len(data) - sum(lengths)]:
        descs.append(Desc(queue.store(data[:length], align=1), length))
        data = data[length:]
    return descs


def header(queue: DeviceQueue) -> bytes:
    return bytes(queue.vq.hdr_size)


def transmit(queue: DeviceQueue, data: bytes, lengths: Sequence[int] = ()) -> int:
    """Offer header and frame, cut up: the chain's head."""
    head = queue.driver.chain(cut(queue, header(queue) + data, lengths))
    queue.driver.offer(head)
    return head


class Receiver:
    """The driver's receive side: buffers of what shape a test likes, and the frames that came into them.

    A strict one finds the bytes behind what was used untouched. A frame that then found no room may have been there.
    One that has agreed to nothing finds headers that ask for nothing; ``headers`` keeps them for any other.
    """

    def __init__(self, queue: DeviceQueue, *, is_strict: bool = True, has_agreed: bool = False) -> None:
        self.queue, self.is_strict, self.has_agreed = queue, is_strict, has_agreed
        self.headers: list[bytes] = []
        self.posted: dict[int, list[Desc]] = {}

    def buffer(self, length: int, flags: int = WRITE) -> Desc:
        return Desc(self.queue.store(bytes([FILL]) * length, align=1), length, flags)

    def post(self, *lengths: int) -> int:
        """One chain of writable buffers of these lengths."""
        return self.post_chain([self.buffer(length) for length in lengths])

    def post_chain(self, descs: list[Desc]) -> int:
        head = self.queue.driver.chain(descs)
        self.posted[head] = descs
        self.queue.driver.offer(head)
        return head

    def post_indirect(self, *lengths: int) -> int:
        descs = [self.buffer(length) for length in lengths]
        head = self.queue.driver.chain([self.queue.driver.table(self.queue.alloc(16 * len(descs)), descs)])
        self.posted[head] = descs
        self.queue.driver.offer(head)
        return head

    def contents(self, used: Used) -> bytes:
        """The used bytes of a chain; those behind them must be as they were posted."""
        descs = self.posted.pop(used.head)
        data = b"".join(self.queue.memory.read(desc.address, desc.length) for desc in descs)
        assert used.length <= len(data)
        assert set(data[used.length :]) <= {FILL} or not self.is_strict, "bytes behind the used length were written"
        return data[: used.length]

    def receive(self) -> list[bytes]:
        """The frames that were delivered (virtio 1.2, 5.1.6.4)."""
        hdr_size, waiting, got = self.queue.driver.hdr_size, self.queue.driver.reap(), []
        while waiting:
            room = sum(desc.length for desc in self.posted[waiting[0].head])
            data = self.contents(waiting.pop(0))
            header = data[:hdr_size]
            num_buffers = int.from_bytes(header[10:12], "little") if hdr_size == 12 else 1
            assert header[:10] == bytes(10) or self.has_agreed
            self.headers.append(header[:10])
            assert num_buffers == 1 or self.queue.vq.mergeable
            for _ in range(num_buffers - 1):
                assert len(data) == room, "only a packet's last buffer may be filled in part"
                room += sum(desc.length for desc in self.posted[waiting[0].head])
                data += self.contents(waiting.pop(0))
            got.append(data[hdr_size:])
        return got


def enqueue(queue: DeviceQueue, *mbufs: Any) -> int:
    return transmit_mbufs(lib.vhost_tx_burst, queue.vq, mbufs)


def send(queue: DeviceQueue, pool: Mempool, data: Sequence[bytes]) -> int:
    return enqueue(queue, *(packet(pool, part) for part in data))
