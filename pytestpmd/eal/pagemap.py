"""Where in physical memory our pages are, as the kernel tells a process that may know (``/proc/self/pagemap``)."""

import os
from pathlib import Path

from pytestpmd.errors import ConfigError

#: Of a small page; an entry is 8 bytes: bit 63 is whether the page is there, bits 0 to 54 its number.
SMALL_PAGE = 4096
ENTRY_BYTES = 8
PRESENT = 1 << 63
NUMBER = (1 << 55) - 1
PAGEMAP = Path("/proc/self/pagemap")
REMEDY = "run as root (CAP_SYS_ADMIN), or bind the devices to vfio-pci where there is an IOMMU"


class Pagemap:
    """The kernel's answers; ``path`` is where they are read."""

    def __init__(self, path: Path = PAGEMAP) -> None:
        self._path = path

    def physical(self, address: int) -> int:
        """The physical address of a page that is in place; raises :class:`ConfigError`, which says what to do."""
        entry = self._entry(address // SMALL_PAGE)
        unknown = f"Cannot learn physical addresses from {self._path}"
        if not entry & PRESENT:
            raise ConfigError(f"{unknown}: there is no page at {address:#x}")
        # who may not know is told that it is page 0
        if not entry & NUMBER:
            raise ConfigError(f"{unknown}: {REMEDY}")
        return (entry & NUMBER) * SMALL_PAGE + address % SMALL_PAGE

    def _entry(self, number: int) -> int:
        try:
            with self._path.open("rb", buffering=0) as file:
                data = os.pread(file.fileno(), ENTRY_BYTES, number * ENTRY_BYTES)
        except OSError as error:
            raise ConfigError(f"Cannot read {self._path}: {error.strerror}; {REMEDY}") from None
        return int.from_bytes(data, "little")
