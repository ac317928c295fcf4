"""A port's link, and how DPDK spells it."""

from dataclasses import dataclass

SPEED_UNKNOWN = 0xFFFFFFFF


@dataclass(frozen=True)
class Link:
    """A port's link; ``speed`` in Mbit/s, 0 for none, ``SPEED_UNKNOWN`` for not known."""

    up: bool
    speed: int = 10_000
    full_duplex: bool = True
    autoneg: bool = False

    @property
    def status(self) -> str:
        """``up`` or ``down``."""
        return "up" if self.up else "down"

    def describe(self) -> str:
        """``up at 10 Gbps FDX Fixed None``, as after ``Port N Link``."""
        if not self.up:
            return "down"
        duplex = "FDX" if self.full_duplex else "HDX"
        return f"up at {speed_text(self.speed)} {duplex} {'Autoneg' if self.autoneg else 'Fixed'} None"


def speed_text(mbps: int) -> str:
    """A link speed, given in Mbit/s."""
    if mbps == SPEED_UNKNOWN:
        return "Unknown"
    if mbps == 0:
        return "None"
    return f"{mbps / 1000:g} Gbps" if mbps >= 1000 else f"{mbps} Mbps"
