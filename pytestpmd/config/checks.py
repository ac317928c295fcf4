"""What no single option can tell: options against each other, the lcores and the ports; checked after the last one."""

from collections.abc import Sequence
from dataclasses import dataclass

from pytestpmd.config.tree import Config, QueueConfig
from pytestpmd.errors import ConfigError
from pytestpmd.ethdev.offloads import RxOffload, TxOffload


@dataclass(frozen=True)
class PortLimits:
    """How many queues a port can have."""

    port_id: int
    max_rxq: int
    max_txq: int


@dataclass(frozen=True)
class Facts:
    """What the machine has, for :func:`validate`."""

    main_lcore: int
    worker_lcores: Sequence[int]
    ports: Sequence[PortLimits]


class LaunchError(ConfigError):
    """Options that cannot be: ends the program. ``before`` is a line that the original prints ahead of its verdict."""

    def __init__(self, text: str, before: str = "") -> None:
        super().__init__(text)
        self.before = before


def validate(config: Config, facts: Facts) -> list[str]:
    """Check what no single option can, settle what depends on the machine, and return the warnings to print.

    Raises :class:`LaunchError` in the original's words.
    """
    lines = settle(config, facts)
    check_queue_options(config.queues, facts.ports)
    if config.run.proc_id >= config.run.num_procs:
        raise LaunchError(
            f"The multi-process option 'proc-id({config.run.proc_id})' should be less than "
            f"'num-procs({config.run.num_procs})'"
        )
    lines += _length_warnings(config)
    lines += _tx_first(config)
    if not config.pool.iova_contig and config.pool.allocation != "anon":
        lines.append("testpmd: cannot use no-iova-contig without mp-alloc=anon. mempool no-iova-contig is ignored")
    if config.queues.rxq == 0 and config.queues.txq == 0:
        raise LaunchError("Either rx or tx queues should be non-zero")
    if config.queues.rxq > max(1, config.queues.txq):
        lines.append(
            f"Warning: nb_rxq={config.queues.rxq} enables RSS configuration, but nb_txq={config.queues.txq} "
            "will prevent to fully test it."
        )
    return lines


def settle(config: Config, facts: Facts) -> list[str]:
    """Fill the forwarding lists from what exists, narrowed to what was asked for; return what changed by that."""
    return _settle_cores(config, facts) + _settle_ports(config, facts)


def _settle_cores(config: Config, facts: Facts) -> list[str]:
    asked, forward, most = config.asked, config.forward, len(facts.worker_lcores)
    forward.corelist, forward.nb_cores = list(facts.worker_lcores), 1
    lines = []
    if asked.cores is not None:
        try:
            if not asked.cores:
                raise ConfigError("Invalid NULL mask of cores")
            check_lcores(asked.cores, facts.main_lcore, facts.worker_lcores)
        except ConfigError as error:
            raise LaunchError("coremask is not valid", before=str(error)) from None
        forward.corelist = list(asked.cores)
        if len(asked.cores) != forward.nb_cores:
            lines.append(cores_changed(forward.nb_cores, len(asked.cores)))
        forward.nb_cores = len(asked.cores)
    if asked.nb_cores is not None:
        if not 0 < asked.nb_cores <= most:
            raise LaunchError(f"nb-cores should be > 0 and <= {most}")
        forward.nb_cores = min(asked.nb_cores, len(forward.corelist))
    return lines


def _settle_ports(config: Config, facts: Facts) -> list[str]:
    asked, forward = config.asked, config.forward
    existing = [port.port_id for port in facts.ports]
    forward.portlist = existing
    lines = []
    if asked.ports is not None:
        forward.portlist = [port_id for port_id in asked.ports if port_id in existing]
        if len(forward.portlist) != len(existing):
            lines.append(ports_changed(len(existing), len(forward.portlist)))
    forward.nb_ports = len(forward.portlist)
    if asked.nb_ports is not None:
        if not 0 < asked.nb_ports <= len(existing):
            raise LaunchError(f"Invalid port {asked.nb_ports}")
        forward.nb_ports = min(asked.nb_ports, len(forward.portlist))
    return lines


def check_lcores(lcores: Sequence[int], main_lcore: int, workers: Sequence[int]) -> None:
    """Raise :class:`ConfigError` if one of ``lcores`` cannot forward."""
    for lcore in lcores:
        if lcore == main_lcore:
            raise ConfigError(
                f"lcore {lcore} cannot be masked on for running packet forwarding, which is the main lcore and "
                "reserved for command line parsing only"
            )
        if lcore not in workers:
            raise ConfigError(f"lcore {lcore} not enabled")


def ports_changed(before: int, now: int) -> str:
    """The original's line for a list of forwarding ports of another length."""
    return f"previous number of forwarding ports {before} - changed to number of configured ports {now}"


def cores_changed(before: int, now: int) -> str:
    """The original's line for a list of forwarding lcores of another length."""
    return f"previous number of forwarding cores {before} - changed to number of configured cores {now}"


def check_queue_options(queues: QueueConfig, ports: Sequence[PortLimits]) -> None:
    """Raise :class:`LaunchError` if ``--rxq`` or ``--txq`` asked for more than some port has."""
    for kind, count in (("rxq", queues.rxq), ("txq", queues.txq)):
        try:
            check_queue_count(kind, count, ports)
        except ConfigError as error:
            most = min(_most_queues(kind, port) for port in ports)
            raise LaunchError(f"{kind} {count} invalid - must be >= 0 && <= {most}", before=str(error)) from None


def check_queue_count(kind: str, count: int, ports: Sequence[PortLimits]) -> None:
    """Raise :class:`ConfigError` if some port has fewer queues than ``count``; ``kind`` is rxq or txq."""
    for port in sorted(ports, key=lambda port: _most_queues(kind, port)):
        most = _most_queues(kind, port)
        if count > most:
            raise ConfigError(
                f"Fail: input {kind} ({count}) can't be greater than max_{kind[:2]}_queues ({most}) "
                f"of port {port.port_id}"
            )


def _most_queues(kind: str, port: PortLimits) -> int:
    return port.max_rxq if kind == "rxq" else port.max_txq


def _length_warnings(config: Config) -> list[str]:
    scatter = bool(config.queues.rx_offloads & RxOffload.SCATTER)
    multi_segs = bool(config.queues.tx_offloads & TxOffload.MULTI_SEGS)
    size = config.pool.mbuf_sizes[0]
    longest = config.ports.max_pkt_len or 0
    too_long = f"testpmd: Warning: max-pkt-len ({longest}) is greater than mbuf size ({size}) without"
    lines = []
    if len(config.pool.mbuf_sizes) > 1 and not scatter:
        lines.append("testpmd: Warning: multiple mbuf sizes specified but scattered Rx not enabled")
    if longest > size and not scatter:
        lines.append(f"{too_long} scattered Rx enabled")
    if longest > size and not multi_segs:
        lines.append(f"{too_long} multi-segment Tx enabled")
    if scatter and not multi_segs:
        lines += [
            "testpmd: Warning: Scattered RX offload enabled, but TX multi-segment support not enabled.",
            "testpmd:          Multi-segment packets can be received but not transmitted.",
        ]
    return lines


def _tx_first(config: Config) -> list[str]:
    if not config.run.tx_first:
        return []
    if config.run.interactive:
        raise LaunchError("--tx-first cannot be used on interactive mode.")
    if not config.ports.lsc_interrupt:
        return []
    config.ports.lsc_interrupt = False
    return ["Warning: lsc_interrupt needs to be off when using tx_first. Disabling."]
