"""What a paravirtual port can tell of itself and of its other end: what was agreed, the rings, the conversation.

Plain values, copied at one moment, so that ``dataclasses.asdict`` of a report is JSON. Addresses are the front-end's,
sizes in bytes unless they count descriptors.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class FeatureReport:
    """One bit. ``wanted`` is None where the other end decides; ``note`` says why the bit is not agreed."""

    name: str
    offered: bool
    wanted: bool | None
    agreed: bool
    note: str = ""


@dataclass(frozen=True)
class ConnectionReport:
    """How the other end is reached: ``role`` is client or server of the socket at ``path``."""

    connected: bool
    role: str = ""
    path: str = ""
    note: str = ""


@dataclass(frozen=True)
class RegionReport:
    """A piece of the front-end's memory that the back-end may see."""

    guest_addr: int
    user_addr: int
    size: int
    file_offset: int


@dataclass(frozen=True)
class RingReport:
    """One virtqueue: ``desc``, ``avail`` and ``used`` are where its parts lie, 0 while that is not known.

    The indices of a packed ring are places in it, and come with the wrap counters of their laps.
    """

    index: int
    queue: str
    layout: str
    size: int
    state: str
    desc: int
    avail: int
    used: int
    avail_idx: int
    used_idx: int
    avail_wrap: int | None = None
    used_wrap: int | None = None
    counters: Mapping[str, int] = field(default_factory=dict)
    fault: str = ""


@dataclass(frozen=True)
class ControlReport:
    """The control queue, by its index: commands sent, those that the device refused, why no more are sent (or ""), and
    the last ones with how each went."""

    index: int
    sent: int
    refused: int
    broken: str = ""
    commands: tuple[str, ...] = ()


@dataclass(frozen=True)
class DeviceReport:
    """A port's end of a virtio device; ``side`` is front-end, back-end, or driver (of a device on a bus).

    ``conversation`` holds the last lines said to the other end (``> ``) and by it (``< ``).
    """

    side: str
    connection: ConnectionReport
    features: tuple[FeatureReport, ...] = ()
    protocol_features: tuple[FeatureReport, ...] = ()
    memory: tuple[RegionReport, ...] = ()
    rings: tuple[RingReport, ...] = ()
    conversation: tuple[str, ...] = ()
    control: ControlReport | None = None
    config: Mapping[str, int | str] = field(default_factory=dict)
    #: What the front-end shares besides: memory slots, dirty log, in-flight area; numbers by name.
    shared: Mapping[str, int] = field(default_factory=dict)
