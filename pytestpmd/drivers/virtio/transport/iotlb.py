"""What a vDPA device may reach of our memory: the mappings that vhost-vdpa is told of by messages on its fd."""

import errno
import resource
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from enum import IntEnum, IntFlag
from struct import Struct

from pytestpmd.eal.iova import stretches
from pytestpmd.eal.memory import Region
from pytestpmd.errors import DeviceError

#: struct vhost_msg_v2: its type and an address space, then an iova, a size, an address here, rights and the kind.
MESSAGE = Struct("=IIQQQBB38x")
MSG_V2, ACCESS_RW = 2, 3


class BackendFeature(IntFlag):
    """Of VHOST_GET_BACKEND_FEATURES, those that are made use of."""

    IOTLB_MSG_V2 = 1 << 1
    IOTLB_BATCH = 1 << 2


class Kind(IntEnum):
    """Of a message."""

    UPDATE = 2
    INVALIDATE = 3
    BATCH_BEGIN = 5
    BATCH_END = 6


def message(kind: Kind, iova: int = 0, size: int = 0, address: int = 0) -> bytes:
    """As it is written."""
    return MESSAGE.pack(MSG_V2, 0, iova, size, address, ACCESS_RW if kind is Kind.UPDATE else 0, kind)


class Mappings:
    """Memory at the addresses that devices are told of it (:mod:`pytestpmd.eal.iova`), which must lie from ``first`` to
    ``last``; ``write`` sends a message or raises OSError."""

    def __init__(self, write: Callable[[bytes], None], first: int, last: int, *, batches: bool) -> None:
        self._write, self._batches = write, batches
        self._first, self._last = first, last
        #: What is mapped, as addresses of the device's and sizes.
        self._mapped: list[tuple[int, int]] = []

    def map(self, regions: Sequence[Region]) -> None:
        """Let the device reach these and nothing else."""
        wanted = [stretch for region in regions for stretch in stretches(region.address, region.size)]
        for iova, size, _ in wanted:
            if not self._first <= iova <= iova + size - 1 <= self._last:
                raise DeviceError(
                    f"the device reaches addresses from {self._first:#x} to {self._last:#x}, and memory is at {iova:#x}"
                )
        self.unmap()
        try:
            with self._batch():
                for iova, size, address in wanted:
                    self._write(message(Kind.UPDATE, iova, size, address))
                    self._mapped.append((iova, size))
        except OSError as error:
            self.unmap()
            raise DeviceError(_refusal(error, sum(region.size for region in regions))) from None

    def unmap(self) -> None:
        """Let the device reach nothing."""
        with suppress(OSError), self._batch():
            while self._mapped:
                self._write(message(Kind.INVALIDATE, *self._mapped.pop()))

    @contextmanager
    def _batch(self) -> Iterator[None]:
        """All at once, where the kernel can: the device is then told a single time."""
        if self._batches:
            self._write(message(Kind.BATCH_BEGIN))
        try:
            yield
        finally:
            if self._batches:
                self._write(message(Kind.BATCH_END))


def _refusal(error: OSError, size: int) -> str:
    """vhost answers EFAULT whatever went wrong: that it was the limit is seen by the limit."""
    wanted = f"the device cannot be given {size >> 10} kB of memory"
    limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    if error.errno not in (errno.ENOMEM, errno.EFAULT) or limit == resource.RLIM_INFINITY:
        return f"{wanted}: {error.strerror}"
    return f"{wanted}: the limit of what may be locked is {limit >> 10} kB (ulimit -l unlimited lifts it)"
