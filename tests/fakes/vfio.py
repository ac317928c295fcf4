"""The kernel's end of VFIO, as far as requests go: groups, a container's address space, a device of one file.

Put in the place of ``fcntl.ioctl``. The files below ``/dev/vfio`` are ordinary ones; the device's is a memfd. Numbers
and structures are read from ``linux/vfio.h`` anew, so that a slip of ours is not made twice.
"""

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from struct import pack, pack_into, unpack_from

from fakes.pci_tree import PciTree

BASE = 0x3B64
REGION_SHIFT = 32
PAGE = 4096

#: Of the areas of a region that may be mapped: all of it.
WHOLE = None
Areas = Sequence[tuple[int, int]] | None


class FakeVfio:
    """``regions`` are size and mappable areas by index (``()``: none); ``refuse`` has requests fail with that errno.

    ``told`` is what was asked, by the request's place in the header.
    """

    def __init__(self, tree: PciTree, *groups: str) -> None:
        self.tree = tree
        folder = tree.dev / "vfio"
        folder.mkdir()
        for name in ("vfio", *groups):
            (folder / name).touch()
        self.regions: dict[int, tuple[int, Areas]] = {
            0: (0x20, ()),
            1: (0x2000, [(0x1000, 0x1000)]),
            4: (0x4000, WHOLE),
            7: (0x100, ()),
        }
        self.irqs = {0: 1, 2: 4, 4: 1}
        self.version, self.extensions = 0, {1, 3, 8}
        self.is_viable, self.has_reset, self.aperture = True, True, 1 << 39
        self.refuse: dict[int, int] = {}
        self.told: list[int] = []
        self.iommus: list[int] = []
        self.fds: dict[int, list[int]] = {}
        self.unmasked: list[int] = []
        self.maps: dict[int, tuple[int, int]] = {}
        self.memory = os.memfd_create("vfio-device")
        os.ftruncate(self.memory, 8 << REGION_SHIFT)
        self.put(7, 0, b"\xf4\x1a\x41\x10")

    def close(self) -> None:
        os.close(self.memory)

    def put(self, region: int, offset: int, data: bytes) -> None:
        """Have the device hold that."""
        os.pwrite(self.memory, data, (region << REGION_SHIFT) + offset)

    def get(self, region: int, offset: int, size: int) -> bytes:
        """What it holds."""
        return os.pread(self.memory, size, (region << REGION_SHIFT) + offset)

    def ring(self, index: int, vector: int = 0) -> None:
        """An interrupt."""
        os.eventfd_write(self.fds[index][vector], 1)

    # Requests.

    def __call__(self, fd: int, request: int, argument: int | bytearray = 0, /) -> int:
        number = request - BASE
        self.told.append(number)
        if number in self.refuse:
            raise OSError(self.refuse[number], os.strerror(self.refuse[number]))
        assert isinstance(argument, int) == (number in (0, 1, 2, 11)), "an argument of the wrong kind"
        return int(getattr(self, f"_request_{number}")(fd, argument))

    def _path(self, fd: int) -> Path:
        return Path(os.readlink(f"/proc/self/fd/{fd}"))

    def _request_0(self, fd: int, _: int) -> int:
        assert self._path(fd) == self.tree.dev / "vfio/vfio"
        return self.version

    def _request_1(self, _: int, extension: int) -> int:
        return extension in self.extensions

    def _request_2(self, fd: int, kind: int) -> int:
        assert 4 in self.told, "the first group comes before the model"
        assert self._path(fd) == self.tree.dev / "vfio/vfio"
        self.iommus.append(kind)
        return 0

    def _request_3(self, _: int, status: bytearray) -> int:
        assert unpack_from("=I", status)[0] == len(status) == 8
        pack_into("=I", status, 4, 1 if self.is_viable else 0)
        return 0

    def _request_4(self, _: int, container: bytearray) -> int:
        assert self._path(*unpack_from("=i", container)) == self.tree.dev / "vfio/vfio"
        return 0

    def _request_6(self, fd: int, name: bytearray) -> int:
        assert name.endswith(b"\0")
        assert self._path(fd).parent == self.tree.dev / "vfio"
        return os.dup(self.memory)

    def _request_7(self, _: int, info: bytearray) -> int:
        assert unpack_from("=I", info)[0] == len(info) == 20
        pack_into("=III", info, 4, 2 | self.has_reset, 9, 5)
        return 0

    def _request_8(self, _: int, info: bytearray) -> int:
        room, _, index = unpack_from("=III", info)
        size, areas = self.regions.get(index, (0, ()))
        caps = b"" if not areas else self._capabilities(areas)
        flags = 3 | (4 if areas is WHOLE or areas else 0) | (8 if caps else 0)
        fits = room >= 32 + len(caps)
        pack_into("=IIIIQQ", info, 0, 32 + len(caps), flags, index, 32 if caps and fits else 0, size, index << 32)
        if caps and fits:
            info[32 : 32 + len(caps)] = caps
        return 0

    @staticmethod
    def _capabilities(areas: Sequence[tuple[int, int]]) -> bytes:
        """One that means nothing here, then the areas."""
        listed = b"".join(pack("=QQ", start, size) for start, size in areas)
        return pack("=HHI", 3, 1, 40) + pack("=HHIII", 1, 1, 0, len(areas), 0) + listed

    def _request_9(self, _: int, info: bytearray) -> int:
        assert unpack_from("=I", info)[0] == len(info) == 16
        pack_into("=I", info, 12, self.irqs.get(unpack_from("=I", info, 8)[0], 0))
        return 0

    def _request_10(self, _: int, request: bytearray) -> int:
        size, flags, index, start, count = unpack_from("=IIIII", request)
        assert (size, start) == (len(request), 0)
        if flags == 1 | 0x10:
            self.unmasked.append(index)
        elif flags == 1 | 0x20:
            assert count == 0
            self.fds.pop(index, None)
        else:
            assert flags == 4 | 0x20
            if (index == 0 and self.fds.get(2)) or (index == 2 and self.fds.get(0)):
                raise OSError(errno.EINVAL, "the line and vectors exclude each other")
            self.fds[index] = list(unpack_from(f"={count}i", request, 20))
        return 0

    def _request_11(self, _: int, __: int) -> int:
        return 0

    def _request_13(self, _: int, request: bytearray) -> int:
        size, flags, address, iova, length = unpack_from("=IIQQQ", request)
        assert (size, flags) == (32, 3)
        if length % PAGE or iova % PAGE or address % PAGE or iova + length > self.aperture:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        if any(iova < at + other and at < iova + length for at, (other, _) in self.maps.items()):
            raise OSError(errno.EEXIST, os.strerror(errno.EEXIST))
        self.maps[iova] = length, address
        return 0

    def _request_14(self, _: int, request: bytearray) -> int:
        size, flags, iova, length = unpack_from("=IIQQ", request)
        assert (size, flags) == (24, 0)
        assert self.maps[iova][0] == length, "as large as it was mapped"
        del self.maps[iova]
        return 0
