"""What a device can do, what the application asks of a port, and whether the one allows the other, as ``lib/ethdev``
decides it and in its words."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pytestpmd.errors import ConfigError
from pytestpmd.ethdev.offloads import RxOffload, TxOffload, names

#: Ethernet header and frame check sequence, in bytes.
ETHERNET_OVERHEAD = 18
#: The shortest frame, with its check sequence, in bytes.
MIN_FRAME = 64
#: ``max_mtu`` of a device that has no limit of its own.
NO_MAX_MTU = 65535


@dataclass(frozen=True)
class DescLimits:
    """Bounds of a queue's descriptor count, and of the segments of one packet."""

    max: int = 65535
    min: int = 0
    align: int = 1
    nb_seg_max: int = 65535
    nb_mtu_seg_max: int = 65535


@dataclass(frozen=True)
class DeviceInfo:
    """What a device can do (``rte_eth_dev_info``): lengths in bytes, offloads as bits of ``ethdev/offloads.py``."""

    max_rx_queues: int = 1
    max_tx_queues: int = 1
    min_rx_bufsize: int = 0
    max_rx_pktlen: int = 0xFFFFFFFF
    max_lro_pkt_size: int = 0
    max_mac_addrs: int = 1
    max_hash_mac_addrs: int = 0
    min_mtu: int = 46
    max_mtu: int = NO_MAX_MTU
    rx_offload_capa: int = 0
    tx_offload_capa: int = 0
    rx_desc: DescLimits = DescLimits()
    tx_desc: DescLimits = DescLimits()
    reta_size: int = 0
    hash_key_size: int = 0
    flow_types: tuple[str, ...] = ()
    #: Descriptors of a queue as the device has it, whatever is asked for; 0 where it has as many as were asked for.
    rx_ring_size: int = 0
    tx_ring_size: int = 0
    #: The one link speed that the device was told to have, in Mbit/s; None where it settles on one by itself.
    fixed_speed: int | None = None

    @property
    def frame_overhead(self) -> int:
        """What lies between the length of a frame and its MTU, in bytes; a device that says nothing has Ethernet's."""
        tells = self.max_mtu != NO_MAX_MTU and self.max_rx_pktlen > self.max_mtu
        return self.max_rx_pktlen - self.max_mtu if tells else ETHERNET_OVERHEAD


@dataclass(frozen=True)
class PortConf:
    """What the application asks of a port at ``configure``; descriptor counts of 0 leave the choice to the driver."""

    nb_rxq: int = 1
    nb_txq: int = 1
    nb_rxd: int = 0
    nb_txd: int = 0
    rx_offloads: int = 0
    tx_offloads: int = 0
    rx_free_thresh: int = 0
    tx_free_thresh: int = 0
    mtu: int = 1500
    #: The longest packet that may be made of several, in bytes; 0 for as long as a frame.
    max_lro_pkt_size: int = 0
    lsc: bool = True
    #: What is hashed to choose receive queues, as bits of ``ethdev/rss.py``; 0 for nothing.
    rss_functions: int = 0
    #: Descriptors asked for of single queues, by kind (rxq or txq) and number.
    ring_sizes: Mapping[tuple[str, int], int] = field(default_factory=dict)
    #: Queues that are to be started by command only, as no driver of ours can: told of, and started with the others.
    deferred: frozenset[tuple[str, int]] = frozenset()

    def ring_size(self, kind: str, queue_id: int) -> int:
        """What is asked for of a queue; 0 for the driver's choice."""
        return self.ring_sizes.get((kind, queue_id), self.nb_rxd if kind == "rxq" else self.nb_txd)


def check_conf(port_id: int, conf: PortConf, info: DeviceInfo) -> None:
    """Raise :class:`ConfigError` for what the device cannot give."""
    _check_queues(port_id, conf, info)
    check_mtu(port_id, conf.mtu, info)
    _check_lro(port_id, conf, info)
    _check_offloads(port_id, "Rx", conf.rx_offloads & ~info.rx_offload_capa, RxOffload)
    _check_offloads(port_id, "Tx", conf.tx_offloads & ~info.tx_offload_capa, TxOffload)


def _check_queues(port_id: int, conf: PortConf, info: DeviceInfo) -> None:
    for kind, count, most in (("rx", conf.nb_rxq, info.max_rx_queues), ("tx", conf.nb_txq, info.max_tx_queues)):
        if count > most:
            raise ConfigError(f"Ethdev port_id={port_id} nb_{kind}_queues={count} > {most}")
    for kind, count, limits in (("rx", conf.nb_rxq, info.rx_desc), ("tx", conf.nb_txq, info.tx_desc)):
        asked = {conf.ring_size(f"{kind}q", queue_id) for queue_id in range(count)}
        _check_ring_sizes(kind, asked, limits)


def _check_ring_sizes(kind: str, asked: set[int], limits: DescLimits) -> None:
    for count in sorted(asked - {0}):
        if not limits.min <= count <= limits.max:
            raise ConfigError(
                f"Invalid value for nb_{kind}_desc(={count}), should be: <= {limits.max}, >= {limits.min}, "
                f"and a product of {limits.align}"
            )


def check_mtu(port_id: int, mtu: int, info: DeviceInfo) -> None:
    """Raise :class:`ConfigError` for an MTU that the device cannot have."""
    if mtu < info.min_mtu:
        beyond = f"< device min MTU ({info.min_mtu})"
    elif mtu > info.max_mtu:
        beyond = f"> device max MTU ({info.max_mtu})"
    else:
        return
    raise ConfigError(f"ETHDEV: MTU ({mtu}) {beyond} for port_id {port_id}")


def _check_lro(port_id: int, conf: PortConf, info: DeviceInfo) -> None:
    """A device that tells no length of its own joins packets up to the length of a frame."""
    asked, frame, most = conf.max_lro_pkt_size, conf.mtu + info.frame_overhead, info.max_lro_pkt_size
    if not asked or not conf.rx_offloads & RxOffload.TCP_LRO:
        return
    if not most and asked != frame:
        beyond = f"!= {frame} is not allowed"
    elif most and asked > most:
        beyond = f"> max allowed value {most}"
    elif most and asked < MIN_FRAME:
        beyond = f"< min allowed value {MIN_FRAME}"
    else:
        return
    raise ConfigError(f"ETHDEV: Ethdev port_id={port_id} max_lro_pkt_size {asked} {beyond}")


def _check_offloads(port_id: int, way: str, missing: int, kind: type[RxOffload] | type[TxOffload]) -> None:
    if missing:
        named = ",".join(names(missing, kind)) or f"0x{missing:x}"
        raise ConfigError(f"ETHDEV: Ethdev port_id={port_id} does not support {way} offloads {named}")
