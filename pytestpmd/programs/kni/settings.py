"""What pytestpmd-kni is told on its command line, and whether it can be: pure."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from pytestpmd.errors import ConfigError

_ENTRY = re.compile(r"\s*\(\s*([0-9]{1,5}(?:\s*,\s*[0-9]{1,5})*)\s*\)\s*")
FORM = "(port,lcore_rx,lcore_tx[,lcore_kthread,...])[,(...)]"
MAX_PORTS = 32


@dataclass(frozen=True)
class PortLcores:
    """One port's lcores: ``lcore_rx`` moves what it receives to the kernel, ``lcore_tx`` what the kernel sends."""

    port_id: int
    lcore_rx: int
    lcore_tx: int


@dataclass
class Settings:
    """The program's own options."""

    port_mask: int = 0
    promiscuous: bool = False
    monitor_link: bool = False
    interrupt: bool = False
    config: tuple[PortLcores, ...] = field(default=())

    @property
    def port_ids(self) -> list[int]:
        """The ports of the mask."""
        return [port_id for port_id in range(self.port_mask.bit_length()) if self.port_mask >> port_id & 1]

    def lcores_of(self, port_id: int) -> PortLcores:
        """The entry of a port, which :func:`check` has found to be there."""
        return next(entry for entry in self.config if entry.port_id == port_id)


def parse_config(text: str) -> tuple[PortLcores, ...]:
    """The value of ``--config``; ConfigError for any other form.

    Lcores for a kernel thread may follow the two: there is none here, because what it did the kernel's tap does.
    """
    entries: list[PortLcores] = []
    position = 0
    while position < len(text) or not entries:
        match = _ENTRY.match(text, position)
        numbers = [int(number) for number in match[1].split(",")] if match else []
        position = match.end() if match else len(text)
        is_last = position == len(text)
        if len(numbers) < 3 or not (is_last or text[position] == ","):
            raise ConfigError(f"Invalid config parameters: '{text}' is not {FORM}")
        entries.append(PortLcores(*numbers[:3]))
        position += not is_last
        if not is_last and position == len(text):
            raise ConfigError(f"Invalid config parameters: '{text}' is not {FORM}")
    return tuple(entries)


def check(settings: Settings, port_ids: Sequence[int], lcores: Collection[int]) -> None:
    """Raise :class:`ConfigError` with a line for the first thing that cannot be.

    ``port_ids`` are the ports that there are, ``lcores`` those that ``-l`` gives.
    """
    for problem in _problems(settings, port_ids, lcores):
        raise ConfigError(problem)


def _problems(settings: Settings, port_ids: Sequence[int], lcores: Collection[int]) -> Iterator[str]:
    if not settings.port_mask:
        yield "No port is asked for: -p PORTMASK names them, as in -p 0x1"
    for port_id in settings.port_ids:
        if port_id not in port_ids:
            yield f"The port mask asks for port {port_id}, but there are {len(port_ids)} ports"
    configured = [entry.port_id for entry in settings.config]
    for port_id in sorted(set(configured)):
        if configured.count(port_id) > 1:
            yield f"Port {port_id} is in --config twice"
        if port_id not in settings.port_ids:
            yield f"--config names port {port_id}, which is not in the port mask 0x{settings.port_mask:x}"
    for port_id in settings.port_ids:
        if port_id not in configured:
            yield f'No lcores for port {port_id}: --config="({port_id},lcore_rx,lcore_tx)" gives them'
    taken: dict[int, str] = {}
    for entry in settings.config:
        for lcore, what in ((entry.lcore_rx, "rx"), (entry.lcore_tx, "tx")):
            role = f"{what} of port {entry.port_id}"
            if lcore not in lcores:
                yield f"Lcore {lcore}, for {role}, is none of those that -l gives"
            if lcore in taken:
                yield f"Lcore {lcore} is asked for twice: for {taken[lcore]} and for {role}"
            taken[lcore] = role
