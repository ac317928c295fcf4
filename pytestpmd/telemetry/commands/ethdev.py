"""``/ethdev/...``: a port, what it has counted, and how it is set. Names are those of DPDK 26.07."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from pytestpmd.eal.ether import mac_text
from pytestpmd.errors import ConfigError
from pytestpmd.ethdev.offloads import RxOffload, TxOffload, names
from pytestpmd.ethdev.port import EthPort, PortState, Queue
from pytestpmd.ethdev.rss import RssDisabled
from pytestpmd.ethdev.stats import QueueCounters, port_stats
from pytestpmd.telemetry import params as read
from pytestpmd.telemetry.registry import Json, telemetry

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd

#: Of ``enum rte_eth_dev_state`` and ``RTE_ETH_QUEUE_STATE_``.
ATTACHED = 1
STOPPED, STARTED = 0, 1
#: The one bit of ``RTE_ETH_DEV_`` that says something here: the queues' extended statistics are the generic ones.
AUTOFILL_QUEUE_XSTATS = 0x40


@telemetry("/ethdev/list", "Ids of the ports. No parameters")
def port_list(app: "TestPmd", params: str) -> Json:
    return list(app.ports.ids())


@telemetry("/ethdev/stats", "A port's basic statistics. Parameters: int port_id")
def stats(app: "TestPmd", params: str) -> Json:
    """With the arrays by queue that DPDK had up to 25.07: one number for each queue that the port has."""
    port = read.port(app, params)
    received, sent = ([queue.counters() for queue in queues] for queues in (port.rx_queues, port.tx_queues))
    return {**asdict(port_stats(received, sent)), **_by_queue(received, sent)}


def _by_queue(received: list[QueueCounters], sent: list[QueueCounters]) -> dict[str, Json]:
    return {
        "q_ipackets": [one.packets for one in received],
        "q_opackets": [one.packets for one in sent],
        "q_ibytes": [one.bytes for one in received],
        "q_obytes": [one.bytes for one in sent],
        "q_errors": [one.errors for one in received],
    }


@telemetry("/ethdev/xstats", "A port's extended statistics. Parameters: int port_id, hide_zero=true|false (optional)")
def xstats(app: "TestPmd", params: str) -> Json:
    hide_zero = read.flag(params, "hide_zero")
    return {name: value for name, value in read.port(app, params).xstats() if value or not hide_zero}


@telemetry("/ethdev/link_status", "A port's link. Parameters: int port_id")
def link_status(app: "TestPmd", params: str) -> Json:
    link = read.port(app, params).link()
    if not link.up:
        return {"status": "DOWN"}
    return {"status": "UP", "speed": link.speed, "duplex": f"{'full' if link.full_duplex else 'half'}-duplex"}


@telemetry("/ethdev/info", "What a port is and how it is set. Parameters: int port_id")
def info(app: "TestPmd", params: str) -> Json:
    port = read.port(app, params)
    rx_offloads, tx_offloads = (port.conf.rx_offloads, port.conf.tx_offloads) if port.conf else (0, 0)
    plain = type(port).rx_xstats is EthPort.rx_xstats
    return {
        "name": port.name,
        "state": ATTACHED,
        "nb_rx_queues": len(port.rx_queues),
        "nb_tx_queues": len(port.tx_queues),
        "port_id": port.port_id,
        "mtu": port.mtu,
        "rx_mbuf_size_min": app.pools[0].data_room if app.pools else 0,
        "mac_addr": mac_text(port.mac),
        "promiscuous": int(port.promiscuous),
        "scattered_rx": int(bool(rx_offloads & RxOffload.SCATTER)),
        "all_multicast": int(port.all_multicast),
        "dev_started": int(port.state is PortState.STARTED),
        "lro": int(bool(rx_offloads & RxOffload.TCP_LRO)),
        "dev_configured": int(port.conf is not None),
        "rxq_state": [queue_state(port, queue) for queue in port.rx_queues],
        "txq_state": [queue_state(port, queue) for queue in port.tx_queues],
        "numa_node": port.numa_node,
        "dev_flags": hex(AUTOFILL_QUEUE_XSTATS if plain else 0),
        "rx_offloads": names(rx_offloads, RxOffload),
        "tx_offloads": names(tx_offloads, TxOffload),
        "ethdev_rss_hf": hex(port.conf.rss_functions if port.conf else 0),
    }


def queue_state(port: EthPort, queue: Queue) -> int:
    """As a number of DPDK's."""
    return STARTED if port.state is PortState.STARTED and queue.enabled else STOPPED


@telemetry("/ethdev/macs", "A port's addresses. Parameters: int port_id")
def macs(app: "TestPmd", params: str) -> Json:
    port = read.port(app, params)
    return [mac_text(address) for address in (port.mac, *port.macs) if any(address)]


@telemetry("/ethdev/rss_info", "How a port spreads packets over its queues. Parameters: int port_id")
def rss_info(app: "TestPmd", params: str) -> Json:
    rss = read.port(app, params).rss
    if not rss.functions:
        raise RssDisabled
    return {
        "rss_hf": hex(rss.functions),
        "rss_key_len": len(rss.key),
        "rss_key": rss.key.hex(),
        "algorithm": "default",
    }


@telemetry("/ethdev/vlan", "A port's VLAN offloads and ids. Parameters: int port_id")
def vlan(app: "TestPmd", params: str) -> Json:
    port = read.port(app, params)
    if port.conf is None:
        raise ConfigError(f"port {port.port_id} is not configured")
    switches = ("VLAN_STRIP", "VLAN_EXTEND", "QINQ_STRIP", "VLAN_FILTER")
    ids: dict[str, list[int]] = {}
    for vlan_id in sorted(port.vlan_ids):
        first = vlan_id // 64 * 64
        ids.setdefault(f"vlan_{first}_to_{first + 63}", []).append(vlan_id)
    return {
        **dict.fromkeys(("pvid", "hw_vlan_reject_tagged", "hw_vlan_reject_untagged", "hw_vlan_insert_pvid"), 0),
        **{name: "on" if port.conf.rx_offloads & RxOffload[name] else "off" for name in switches},
        "vlan_num": len(port.vlan_ids),
        "vlan_ids": ids,
    }
