"""``show rxq|txq info`` and ``show port ... desc ...``: single queues, as testpmd lays them out."""

from pytestpmd.cli.render.port import BORDER
from pytestpmd.config import QueueConfig
from pytestpmd.ethdev.port import EthPort, PortState
from pytestpmd.ethdev.queue_info import QueueInfo


def _on(flag: bool) -> str:
    return "on" if flag else "off"


def _state(port: EthPort) -> str:
    return "started" if port.state is PortState.STARTED else "stopped"


def _deferred(port: EthPort, kind: str, queue_id: int) -> str:
    return _on(bool(port.conf and (kind, queue_id) in port.conf.deferred))


def rx_info(port: EthPort, queue_id: int, info: QueueInfo, queues: QueueConfig) -> str:
    """``show rxq info``, with the empty line in front. Threshold registers and drops are what no driver here has."""
    return "\n".join(
        [
            f"\n{BORDER} Infos for port {port.port_id:<2}, RX queue {queue_id:<2} {BORDER}",
            f"Mempool: {info.pool or 'NULL'}",
            "RX prefetch threshold: 0",
            "RX host threshold: 0",
            "RX writeback threshold: 0",
            f"RX free threshold: {info.free_thresh}",
            f"RX drop packets: {_on(queues.rx_drop_en)}",
            f"RX deferred start: {_deferred(port, 'rxq', queue_id)}",
            f"RX scattered packets: {_on(info.is_scattered)}",
            f"Rx queue state: {_state(port)}",
            f"Number of RXDs: {info.nb_desc}",
            f"Burst mode: {info.burst_mode}",
        ]
    )


def tx_info(port: EthPort, queue_id: int, info: QueueInfo) -> str:
    """``show txq info``, with the empty line in front."""
    return "\n".join(
        [
            f"\n{BORDER} Infos for port {port.port_id:<2}, TX queue {queue_id:<2} {BORDER}",
            "TX prefetch threshold: 0",
            "TX host threshold: 0",
            "TX writeback threshold: 0",
            "TX RS threshold: 0",
            f"TX free threshold: {info.free_thresh}",
            f"TX deferred start: {_deferred(port, 'txq', queue_id)}",
            f"Number of TXDs: {info.nb_desc}",
            f"Tx queue state: {_state(port)}",
            f"Burst mode: {info.burst_mode}",
        ]
    )
