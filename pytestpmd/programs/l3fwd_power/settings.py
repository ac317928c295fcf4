"""What the command line asks of the router, and what follows from it on a machine with certain lcores and ports."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pytestpmd.errors import ConfigError
from pytestpmd.ethdev.ports import MAX_PORTS

MAX_RX_QUEUES_PER_PORT = 128
MAX_RX_QUEUES_PER_LCORE = 16

Lookup = Literal["lpm", "em"]


@dataclass(frozen=True)
class QueueConfig:
    """One receive queue, and the lcore that polls it."""

    port: int
    queue: int
    lcore: int


@dataclass
class Settings:
    """Every option with its default."""

    portmask: int = 0
    promiscuous: bool = False
    #: None: queue 0 of every enabled port, dealt to the worker lcores in turn.
    config: tuple[QueueConfig, ...] | None = None
    numa: bool = True
    max_pkt_len: int | None = None
    lookup: Lookup = "lpm"
    rule_ipv4: str | None = None
    rule_ipv6: str | None = None
    #: By port: the address that its packets are sent to.
    eth_dest: dict[int, bytes] = field(default_factory=dict)
    no_route: Literal["back", "drop"] = "back"
    #: "baseline" polls, always; "interrupt-only" refuses ports without interrupts; "" sleeps where it can.
    mode: Literal["", "interrupt-only", "baseline"] = ""
    max_empty_polls: int = 1000
    stats_period_s: int = 0
    json: bool = False

    def enables(self, port_id: int) -> bool:
        """Whether ``-p`` names a port."""
        return bool(self.portmask >> port_id & 1)

    def peer(self, port_id: int) -> bytes:
        """Where packets that leave by a port are sent: 02:00:00:00:00:NN, as in the original, unless told otherwise."""
        return self.eth_dest.get(port_id, bytes([2, 0, 0, 0, 0, port_id]))


@dataclass(frozen=True)
class Plan:
    """Who polls what."""

    #: By lcore: its receive queues, as port and queue.
    queues: Mapping[int, Sequence[tuple[int, int]]]
    #: By enabled port: how many receive queues it needs, and how many transmit queues.
    nb_rxq: Mapping[int, int]
    nb_txq: Mapping[int, int]


def make_plan(
    settings: Settings, lcores: Sequence[int], ports: Mapping[int, tuple[int, int]], main_lcore: int | None = None
) -> Plan:
    """Check ``--config`` against the lcores and the ports (the most receive and transmit queues of each, by id).

    Raises :class:`ConfigError`, in the original's words where it has some.
    """
    config = settings.config or _default(settings, [one for one in lcores if one != main_lcore] or lcores, ports)
    for one in config:
        _check(one, settings, lcores, ports)
    _check_together(config)
    queues: dict[int, list[tuple[int, int]]] = {}
    for one in config:
        queues.setdefault(one.lcore, []).append((one.port, one.queue))
    enabled = [port_id for port_id in ports if settings.enables(port_id)]
    received = Counter(one.port for one in config)
    return Plan(
        queues,
        nb_rxq={port_id: max(1, received[port_id]) for port_id in enabled},
        nb_txq={port_id: max(1, min(len(queues), ports[port_id][1])) for port_id in enabled},
    )


def _default(settings: Settings, lcores: Sequence[int], ports: Collection[int]) -> tuple[QueueConfig, ...]:
    enabled = sorted(port_id for port_id in ports if settings.enables(port_id))
    if not enabled:
        raise ConfigError("no port is enabled: -p PORTMASK names those that are to be used")
    return tuple(QueueConfig(port_id, 0, lcores[i % len(lcores)]) for i, port_id in enumerate(enabled))


def _check(one: QueueConfig, settings: Settings, lcores: Collection[int], ports: Mapping[int, tuple[int, int]]) -> None:
    if one.queue >= MAX_RX_QUEUES_PER_PORT:
        raise ConfigError(f"invalid queue number: {one.queue}")
    if one.lcore not in lcores:
        raise ConfigError(f"error: lcore {one.lcore} is not enabled in lcore mask")
    if one.port >= MAX_PORTS or not settings.enables(one.port):
        raise ConfigError(f"port {one.port} is not enabled in port mask")
    if one.port not in ports:
        raise ConfigError(f"port {one.port} is not present on the board")
    if one.queue >= ports[one.port][0]:
        raise ConfigError(
            f"Cannot configure not existed rxq: port={one.port}: queue {one.queue}, of {ports[one.port][0]}"
        )


def _check_together(config: Collection[QueueConfig]) -> None:
    given: dict[tuple[int, int], int] = {}
    for one in config:
        first = given.setdefault((one.port, one.queue), one.lcore)
        if first != one.lcore:
            raise ConfigError(f"port {one.port} queue {one.queue} is given to lcore {first} and to lcore {one.lcore}")
    if len(given) < len(config):
        twice = Counter(config).most_common(1)[0][0]
        raise ConfigError(f"port {twice.port} queue {twice.queue} is given to lcore {twice.lcore} twice")
    for port, queue in given:
        if queue and (port, queue - 1) not in given:
            raise ConfigError(f"port {port} has a queue {queue} in --config, but no queue {queue - 1}")
    for lcore, count in Counter(one.lcore for one in config).items():
        if count > MAX_RX_QUEUES_PER_LCORE:
            raise ConfigError(f"error: too many queues ({count}) for lcore: {lcore}")
