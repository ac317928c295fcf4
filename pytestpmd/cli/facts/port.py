"""Ports: what they are, what they can do, and what they have counted."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict

from pytestpmd.cli.answer import Json
from pytestpmd.eal.ether import mac_text
from pytestpmd.ethdev.link import SPEED_UNKNOWN
from pytestpmd.ethdev.offloads import RxOffload, TxOffload, names
from pytestpmd.ethdev.port import BurstChoice, DescLimits, EthPort
from pytestpmd.ethdev.rss import Rss, rss_names
from pytestpmd.ethdev.stats import QUEUE_FIELDS, QueueCounters, Rates, Stats

Facts = Mapping[str, Json]


def of_ports(ports: Iterable[EthPort], facts: Callable[[EthPort], Facts]) -> Facts:
    """The same facts of each port, after what it is called."""
    return {"ports": [{**identity(port), **facts(port)} for port in ports]}


def identity(port: EthPort) -> Facts:
    return {"port_id": port.port_id, "name": port.name, "driver": port.driver_name}


def link(port: EthPort) -> Facts:
    """``speed_mbps`` is null where nobody knows."""
    now = port.link()
    return {
        "status": now.status,
        "speed_mbps": None if now.speed == SPEED_UNKNOWN else now.speed,
        "duplex": "full" if now.full_duplex else "half",
        "autoneg": now.autoneg,
    }


def summary(port: EthPort) -> Facts:
    return {"mac": mac_text(port.mac), "state": port.state.value, "link": link(port)}


def info(port: EthPort) -> Facts:
    device = port.info()
    active = port.conf.rx_offloads if port.conf else 0
    return {
        **summary(port),
        "devargs": port.devargs,
        "numa_node": port.numa_node,
        "mtu": port.mtu,
        "min_mtu": device.min_mtu,
        "max_mtu": device.max_mtu,
        "promiscuous": port.promiscuous,
        "all_multicast": port.all_multicast,
        "max_mac_addrs": device.max_mac_addrs,
        "vlan_offload": {
            "strip": bool(active & RxOffload.VLAN_STRIP),
            "filter": bool(active & RxOffload.VLAN_FILTER),
            "extend": bool(active & RxOffload.VLAN_EXTEND),
            "qinq_strip": bool(active & RxOffload.QINQ_STRIP),
        },
        "rss": {
            "hash_key_bytes": device.hash_key_size,
            "reta_size": device.reta_size,
            "flow_types": list(device.flow_types),
        },
        "min_rx_bufsize": device.min_rx_bufsize,
        "max_rx_pktlen": device.max_rx_pktlen,
        "max_lro_pkt_size": device.max_lro_pkt_size,
        "rx": _queues(len(port.rx_queues), device.max_rx_queues, device.rx_desc),
        "tx": _queues(len(port.tx_queues), device.max_tx_queues, device.tx_desc),
        "private": _private(port),
    }


def _queues(count: int, most: int, limits: DescLimits) -> Facts:
    return {"queues": count, "max_queues": most, "descriptors": asdict(limits)}


def _private(port: EthPort) -> Facts:
    """The driver's own lines, ``name: value``, as text."""
    pairs = (line.partition(": ") for line in port.private_info().splitlines())
    return {name.strip(): value for name, colon, value in pairs if colon}


def stats(counted: Stats, rates: Rates) -> Facts:
    return {
        "rx_packets": counted.ipackets,
        "rx_bytes": counted.ibytes,
        "rx_missed": counted.imissed,
        "rx_errors": counted.ierrors,
        "rx_nombuf": counted.rx_nombuf,
        "tx_packets": counted.opackets,
        "tx_bytes": counted.obytes,
        "tx_errors": counted.oerrors,
        **asdict(rates),
    }


def xstats(port: EthPort) -> Facts:
    return {"xstats": dict(port.xstats())}


def queue(counters: QueueCounters) -> Facts:
    """One queue's counters."""
    return {name: counters.value(name) for name in QUEUE_FIELDS}


def macs(addresses: Sequence[bytes]) -> Facts:
    return {"macs": [mac_text(address) for address in addresses if any(address)]}


def capabilities(port: EthPort, kind: str) -> Facts:
    """``kind`` is Rx or Tx; offloads by the names that the console knows them by."""
    device = port.info()
    capable = device.rx_offload_capa if kind == "Rx" else device.tx_offload_capa
    return {"direction": kind.lower(), "per_port": offloads(capable, kind), "per_queue": []}


def configuration(port: EthPort, kind: str, wished: int) -> Facts:
    active = 0
    if port.conf:
        active = port.conf.rx_offloads if kind == "Rx" else port.conf.tx_offloads
    count = len(port.rx_queues if kind == "Rx" else port.tx_queues)
    queues = [offloads(wished, kind) for _ in range(count)]
    return {"direction": kind.lower(), "port": offloads(active, kind), "queues": queues}


def offloads(bits: int, kind: str) -> Sequence[str]:
    return list(names(bits, RxOffload if kind == "Rx" else TxOffload))


def rxtx(port: EthPort) -> Facts:
    return {choice.way.lower(): _choice(choice) for choice in port.burst_choices()}


def _choice(choice: BurstChoice) -> Facts:
    others = [{"callback": name, "needs": list(needs)} for name, needs in choice.others]
    return {"callback": choice.callback, "because": choice.because, "others": others}


def virtio(port: EthPort) -> Facts:
    """``virtio`` is null for a port that is none. Addresses are numbers."""
    report = port.device_report()
    return {"virtio": asdict(report) if report else None}


def device(port: EthPort) -> Facts:
    return {
        "bus": port.bus_name,
        "bus_info": port.bus_info,
        "devargs": port.devargs,
        "numa_node": port.numa_node,
        "mac": mac_text(port.mac),
    }


def rss(hashing: Rss) -> Facts:
    return {
        "functions": list(rss_names(hashing.functions)),
        "algorithm": "default",
        "key": hashing.key.hex().upper(),
    }


def reta(table: Sequence[int], shown: Sequence[int]) -> Facts:
    return {"reta": [{"index": i, "queue": table[i]} for i in shown]}
