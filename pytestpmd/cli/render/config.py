"""``show config ...`` and the text of ``start``: what forwarding is set to."""

from collections.abc import Iterator, Sequence

from pytestpmd.config import Config, ForwardConfig, offloads_of, peer_of
from pytestpmd.eal.ether import mac_text
from pytestpmd.ethdev.port import EthPort
from pytestpmd.fwd.topology import LcoreSpec, StreamSpec

#: Engines that make packets: for these the text of ``start`` says how long.
GENERATORS = ("txonly", "flowgen")


def with_status(engine: str, status: str) -> str:
    """An engine's name, with what it does if it has modes: noisy-io."""
    return f"{engine}-{status}" if status else engine


def forwarding(config: Config, engine: str, nb_ports: int, lcores: Sequence[LcoreSpec]) -> str:
    """``show config fwd`` and the first half of ``start``: which lcore forwards what; ends in an empty line."""
    streams = sum(len(lcore.streams) for lcore in lcores)
    retry = config.forward.retry
    lines = [
        f"{engine} packet forwarding{' with retry' if retry else ''} - ports={nb_ports} - cores={len(lcores)} - "
        f"streams={streams} - NUMA support {'enabled' if config.ports.numa else 'disabled'}, "
        f"MP allocation mode: {config.pool.allocation}"
    ]
    if retry:
        lines.append(
            f"TX retry num: {config.forward.burst_tx_retry}, "
            f"delay between TX retries: {config.forward.burst_tx_delay_us}us"
        )
    for lcore in lcores:
        lines.append(f"Logical Core {lcore.lcore_id} (socket 0) forwards packets on {len(lcore.streams)} streams:")
        lines += [_stream(config.forward, stream) for stream in lcore.streams]
    return "\n".join(lines) + "\n\n"


def _stream(forward: ForwardConfig, stream: StreamSpec) -> str:
    return (
        f"  RX P={stream.rx_port}/Q={stream.rx_queue} (socket 0) -> "
        f"TX P={stream.tx_port}/Q={stream.tx_queue} (socket 0) peer={mac_text(peer_of(forward, stream.peer_port))}"
    )


def rxtx(config: Config, ports: Sequence[EthPort], status: str = "") -> str:
    """``show config rxtx`` and the second half of ``start``; the first queue of each port stands for the others."""
    forward = config.forward
    engine = with_status(forward.engine, status)
    lines = [f"  {engine} packet forwarding{' with retry' if forward.retry else ''} packets/burst={forward.burst}"]
    if forward.engine in GENERATORS:
        lines.append(f"  packet len={sum(forward.txpkts)} - nb packet segments={len(forward.txpkts)}")
    lines.append(f"  nb forwarding cores={forward.nb_cores} - nb forwarding ports={forward.nb_ports}")
    for port in ports:
        lines += _port_queues(config, port)
    return "\n".join(lines)


def _port_queues(config: Config, port: EthPort) -> Iterator[str]:
    queues = config.queues
    asked = offloads_of(queues, port.port_id).of_port(port.info().tx_offload_capa)
    rx_offloads = port.conf.rx_offloads if port.conf else asked.rx
    tx_offloads = port.conf.tx_offloads if port.conf else asked.tx
    info = port.info()
    yield f"  port {port.port_id}: RX queue number: {queues.rxq} Tx queue number: {queues.txq}"
    yield f"    Rx offloads=0x{rx_offloads:x} Tx offloads=0x{tx_offloads:x}"
    yield "    RX queue: 0"
    yield f"      RX desc={info.rx_ring_size or queues.rxd} - RX free threshold={queues.rxfreet or 0}"
    yield _registers("RX", queues.rxpt, queues.rxht, queues.rxwt)
    yield f"      RX Offloads=0x{rx_offloads:x}"
    yield "    TX queue: 0"
    yield f"      TX desc={info.tx_ring_size or queues.txd} - TX free threshold={queues.txfreet or 0}"
    yield _registers("TX", queues.txpt, queues.txht, queues.txwt)
    yield f"      TX offloads=0x{tx_offloads:x} - TX RS bit threshold={queues.txrst or 0}"


def _registers(kind: str, prefetch: int | None, host: int | None, write_back: int | None) -> str:
    # The two spaces before wthresh are the original's.
    return f"      {kind} threshold registers: pthresh={prefetch or 0} hthresh={host or 0}  wthresh={write_back or 0}"


def cores(lcores: Sequence[int]) -> str:
    """``show config cores``."""
    return "List of forwarding lcores:" + "".join(f" {lcore:2}" for lcore in lcores)


def txpkts(forward: ForwardConfig) -> str:
    """``show config txpkts``."""
    sizes = ",".join(str(length) for length in forward.txpkts)
    return f"Number of segments: {len(forward.txpkts)}\nSegment sizes: {sizes}\nSplit packet: {forward.txsplit}"


def txtimes(forward: ForwardConfig) -> str:
    """``show config txtimes``."""
    between_bursts, between_packets = forward.tx_times
    return f"Interburst gap: {between_bursts}\nIntraburst gap: {between_packets}"
