"""Where a PCI device sits: ``0000:00:03.0``, or ``00:03.0`` for short."""

import re
from dataclasses import dataclass

from pytestpmd.errors import ConfigError

_SPELLING = re.compile(r"(?:([0-9a-fA-F]{1,8}):)?([0-9a-fA-F]{1,2}):([0-9a-fA-F]{1,2})\.([0-7])", re.ASCII)
_MAX_DEVICE = 31


@dataclass(frozen=True, order=True)
class PciAddress:
    """Domain, bus, device and function; addresses sort as the bus is walked."""

    domain: int
    bus: int
    device: int
    function: int

    @classmethod
    def parse(cls, text: str) -> "PciAddress":
        """``0000:00:03.0`` or ``00:03.0`` (domain 0); :class:`ConfigError` for anything else."""
        found = _SPELLING.fullmatch(text)
        if found is None or int(found[3], 16) > _MAX_DEVICE:
            raise ConfigError(f"'{text}' is no PCI address like 0000:00:03.0 or 00:03.0")
        return cls(*(int(part or "0", 16) for part in found.groups()))

    def __str__(self) -> str:
        return f"{self.domain:04x}:{self.bus:02x}:{self.device:02x}.{self.function}"
