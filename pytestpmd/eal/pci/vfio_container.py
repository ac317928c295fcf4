"""Containers and groups of VFIO: what an IOMMU can keep apart, and what its devices may reach.

A group is the least that an IOMMU can tell from the rest; it may hold several devices, and whoever opens it has them
all. A container is an address space for groups; this process has one for those behind an IOMMU, and one for those of
the no-IOMMU mode, which keeps nobody from anything.
"""

import errno
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pytestpmd.eal.pci import vfio_ioctl as vfio
from pytestpmd.eal.pci.bus import PciDevice
from pytestpmd.eal.pci.vfio_ioctl import Ioctl
from pytestpmd.eal.pci.windows import DeviceFile
from pytestpmd.errors import DeviceError

TRUSTED = ("vfio-pci", None)
"""Drivers of devices beside which a group can be used."""
UNSAFE = "module/vfio/parameters/enable_unsafe_noiommu_mode"


@contextmanager
def asking(who: object, what: str) -> Iterator[None]:
    """A request to the kernel that can be refused: the refusal as one line."""
    try:
        yield
    except OSError as error:
        raise DeviceError(f"{who}: cannot {what}: {error.strerror}") from None


@dataclass(frozen=True)
class Piece:
    """Memory as a device may reach it; of which file, because a later one may lie at the same address."""

    iova: int
    size: int
    address: int
    inode: int

    def overlaps(self, other: "Piece") -> bool:
        """Whether both cannot be reached at once."""
        return self.iova < other.iova + other.size and other.iova < self.iova + self.size


class Container:
    """An address space of devices. ``holders`` of each piece are the devices that want it reached."""

    def __init__(self, file: DeviceFile, ioctl: Ioctl, is_noiommu: bool) -> None:
        self.file, self.is_noiommu = file, is_noiommu
        self._ioctl = ioctl
        self._groups: dict[Path, Group] = {}
        self._holders: dict[Piece, set[object]] = {}
        # each device may be begun anew by a thread of its own
        self._lock = threading.RLock()

    def choose_iommu(self) -> None:
        """With the first group: by which model the kernel does it."""
        models = (vfio.NOIOMMU_IOMMU,) if self.is_noiommu else (vfio.TYPE1V2_IOMMU, vfio.TYPE1_IOMMU)
        for model in models:
            if self._ioctl(self.file.fd, vfio.CHECK_EXTENSION, model):
                self._ioctl(self.file.fd, vfio.SET_IOMMU, model)
                return
        raise OSError(errno.ENODEV, "the kernel has no IOMMU model that is known here")

    def hold(self, holder: object, pieces: Iterable[Piece]) -> None:
        """Have the devices reach these pieces for ``holder``, and no others for it."""
        if self.is_noiommu:
            return
        with self._lock:
            self._let_go(holder, wanted := set(pieces))
            for piece in sorted(wanted, key=lambda piece: piece.iova):
                if piece not in self._holders:
                    self._map(piece)
                self._holders.setdefault(piece, set()).add(holder)

    def _let_go(self, holder: object, wanted: set[Piece]) -> None:
        """Of what is in the way, whoever holds it, and of what this holder does not want any more."""
        for piece in [piece for piece in self._holders if self._is_stale(piece, wanted)]:
            self._unmap(piece)
        for piece in [piece for piece, holders in self._holders.items() if holder in holders and piece not in wanted]:
            self._holders[piece].discard(holder)
            if not self._holders[piece]:
                self._unmap(piece)

    @staticmethod
    def _is_stale(piece: Piece, wanted: set[Piece]) -> bool:
        """Whether other memory lies there by now."""
        return piece not in wanted and any(piece.overlaps(other) for other in wanted)

    def _map(self, piece: Piece) -> None:
        try:
            vfio.map_dma(self._ioctl, self.file.fd, piece.address, piece.iova, piece.size)
        except OSError as error:
            why = _MAP_HINTS.get(error.errno or 0, "")
            where = f"{piece.size} bytes at {piece.iova:#x}"
            raise DeviceError(f"VFIO: cannot let devices reach {where}: {error.strerror}{why}") from None

    def _unmap(self, piece: Piece) -> None:
        del self._holders[piece]
        with suppress(OSError):  # then nothing is mapped there
            vfio.unmap_dma(self._ioctl, self.file.fd, piece.iova, piece.size)

    # Groups.

    def join(self, device: PciDevice, path: Path) -> "Group":
        """The device's group, opened with its first device."""
        with self._lock:
            group = self._groups.get(path)
            if group is None:
                group = self._groups[path] = self._open(device, path)
            group.nb_devices += 1
            return group

    def _open(self, device: PciDevice, path: Path) -> "Group":
        file = DeviceFile.open(path, str(device.address))
        try:
            self._add(device, file)
        except BaseException:
            file.close()
            raise
        return Group(self, path, file)

    def _add(self, device: PciDevice, file: DeviceFile) -> None:
        with asking(device.address, "use its IOMMU group"):
            if not vfio.group_is_viable(self._ioctl, file.fd):
                raise DeviceError(f"{device.address}: {_others(device)}")
            self._ioctl(file.fd, vfio.GROUP_SET_CONTAINER, bytearray(self.file.fd.to_bytes(4, "little")))
            if not self._groups:
                self.choose_iommu()

    def leave(self, group: "Group") -> None:
        """One device less; the last one closes its group, and the last group the container."""
        with self._lock:
            group.nb_devices -= 1
            if group.nb_devices:
                return
            del self._groups[group.path]
            group.file.close()
            if not self._groups:
                self._holders.clear()
                self.file.close()

    @property
    def is_open(self) -> bool:
        """Whether other groups may join; without any it ends."""
        return self.file.fd >= 0

    def close_unused(self) -> None:
        """Nobody could join it."""
        if not self._groups:
            self.file.close()


_MAP_HINTS = {
    errno.ENOMEM: ": raise the limit of locked memory (ulimit -l unlimited)",
    errno.EINVAL: ": beyond what the IOMMU can address, or no whole pages: try --iova-mode=pa",
    errno.ENOSPC: ": the module vfio_iommu_type1 allows no more (dma_entry_limit)",
}


@dataclass
class Group:
    """An opened group, and how many of its devices are in use here."""

    container: Container
    path: Path
    file: DeviceFile
    nb_devices: int = 0


def _others(device: PciDevice) -> str:
    """Who keeps the group from being used."""
    found = []
    for other in sorted((device.path / "iommu_group/devices").glob("*")):
        driver = (other / "driver").readlink().name if (other / "driver").is_symlink() else None
        if driver not in TRUSTED:
            found.append(f"{other.name} ({driver})")
    return (
        f"its IOMMU group {device.iommu_group} is not viable:"
        f" bind {' and '.join(found) or 'its other devices'} to vfio-pci, or to nothing"
    )


_CONTAINERS: dict[tuple[Path, bool], Container] = {}


def join_group(device: PciDevice, dev: Path, ioctl: Ioctl) -> Group:
    """The group of a device that is bound to vfio-pci, in this process' container for its kind."""
    folder = dev / "vfio"
    if not (folder / "vfio").exists():
        raise DeviceError(f"{device.address}: there is no {folder / 'vfio'}: load the module vfio-pci")
    if device.iommu_group is None:
        parameter = device.path.parents[3] / UNSAFE
        raise DeviceError(
            f"{device.address}: it has no IOMMU group: turn the IOMMU on, or write Y to {parameter} and bind it again"
        )
    path = folder / f"noiommu-{device.iommu_group}"
    is_noiommu = path.exists()
    container = _container(dev, ioctl, is_noiommu)
    try:
        return container.join(device, path if is_noiommu else folder / str(device.iommu_group))
    finally:
        container.close_unused()


def _container(dev: Path, ioctl: Ioctl, is_noiommu: bool) -> Container:
    container = _CONTAINERS.get((dev, is_noiommu))
    if container is None or not container.is_open:
        file = DeviceFile.open(dev / "vfio/vfio", "VFIO")
        container = _CONTAINERS[dev, is_noiommu] = Container(file, ioctl, is_noiommu)
        try:
            with asking("VFIO", "be asked for its version"):
                version = ioctl(file.fd, vfio.GET_API_VERSION)
            if version != vfio.API_VERSION:
                raise DeviceError(f"VFIO: the kernel speaks version {version}, not {vfio.API_VERSION}")
        except BaseException:
            file.close()
            raise
    return container
