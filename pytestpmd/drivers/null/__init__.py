"""net_null: receives packets of one size as fast as they are taken, and swallows what is sent.

For measuring everything else (DPDK guide, "Null Poll Mode Driver").
"""

import os
from dataclasses import replace
from typing import Any

from pytestpmd._dataplane import lib
from pytestpmd.drivers import driver
from pytestpmd.eal.devargs import DevArgs, arg, integer
from pytestpmd.eal.memory import Arena
from pytestpmd.eal.mempool import Mempool
from pytestpmd.errors import ConfigError, NotSupported
from pytestpmd.ethdev.offloads import TxOffload
from pytestpmd.ethdev.port import BurstChoice, DeviceInfo, EthPort, Link, PortConf, Queue
from pytestpmd.ethdev.rss import Rss

MAX_QUEUES = 1024
RETA_SIZE = 128
KEY_SIZE = 40
_IP = ("", "-frag", "-tcp", "-udp", "-sctp", "-other")
RSS_FLOW_TYPES = (
    *(f"{version}{flow}" for version in ("ipv4", "ipv6") for flow in _IP),
    *("l2-payload", "ipv6-ex", "ipv6-tcp-ex", "ipv6-udp-ex", "port", "vxlan", "geneve", "nvgre", "mpls"),
)


@driver("net_null", "eth_null")
class NullPort(EthPort):
    """A port with nothing behind it."""

    driver_name = "net_null"

    class Args(DevArgs):
        """``size`` and ``copy`` in bytes; ``no-rx`` makes it silent."""

        size: int = arg(64, convert=integer(1, 65535), help="bytes of a received packet")
        copy: int = arg(0, convert=integer(0, 65535), help="bytes of each packet that are copied")
        no_rx: bool = arg(False, key="no-rx", help="receive nothing")

    def __init__(self, name: str, devargs: str, args: Args) -> None:
        super().__init__(name, devargs)
        if args.copy and args.no_rx:
            raise ConfigError("copy and no-rx do not go together")
        self.args = args
        first, *rest = os.urandom(6)
        self.mac = bytes([(first & 0xFE) | 0x02, *rest])
        self.promiscuous = self.all_multicast = True
        self.rss = Rss(key=bytes(KEY_SIZE), reta=(0,) * RETA_SIZE)
        self._up = False
        self._memory: Arena | None = None

    def info(self) -> DeviceInfo:
        return DeviceInfo(
            max_rx_queues=MAX_QUEUES,
            max_tx_queues=MAX_QUEUES,
            tx_offload_capa=TxOffload.MT_LOCKFREE | TxOffload.MULTI_SEGS,
            reta_size=RETA_SIZE,
            hash_key_size=KEY_SIZE,
            flow_types=RSS_FLOW_TYPES,
        )

    def link(self) -> Link:
        return Link(up=self._up)

    def set_promiscuous(self, on: bool) -> None:
        if not on:
            raise NotSupported("Operation not supported")

    def set_all_multicast(self, on: bool) -> None:
        self.set_promiscuous(on)

    def apply_mac(self, address: bytes) -> None:
        """Any will do."""

    def apply_mtu(self, mtu: int) -> None:
        """Any will do."""

    def apply_rss(self, rss: Rss) -> None:
        """Any will do; nothing that is received has a hash."""

    def setup(self, conf: PortConf, pool: Mempool) -> None:
        if self.args.size > pool.data_room - lib.MBUF_HEADROOM:
            raise ConfigError(f"size={self.args.size} does not fit an mbuf of {pool.data_room} bytes")
        memory = Arena((conf.nb_rxq + conf.nb_txq + 1) * (256 + 65536), name=f"{self.name}'s queues")
        self._memory = memory
        self.rss = replace(self.rss, functions=conf.rss_functions)
        rx_burst, tx_burst = self._bursts()
        self.rx_queues = [self._queue(memory, pool, rx_burst) for _ in range(conf.nb_rxq)]
        self.tx_queues = [self._queue(memory, pool, tx_burst) for _ in range(conf.nb_txq)]

    def burst_choices(self) -> tuple[BurstChoice, BurstChoice]:
        because = f"no-rx={int(self.args.no_rx)}, copy={self.args.copy}"
        if self.args.no_rx:
            return BurstChoice("Rx", "null_rx_nothing", because), BurstChoice("Tx", "null_tx", because)
        suffix = "_copy" if self.args.copy else ""
        return BurstChoice("Rx", f"null_rx{suffix}", because), BurstChoice("Tx", f"null_tx{suffix}", because)

    def _bursts(self) -> tuple[Any, Any]:
        rx, tx = self.burst_choices()
        return getattr(lib, rx.callback), getattr(lib, tx.callback)

    def _queue(self, memory: Arena, pool: Mempool, burst: Any) -> Queue:
        queue = memory.struct("struct null_queue")
        queue.pool, queue.dummy = pool.ptr, memory.alloc(65536)
        queue.size, queue.copy, queue.port_id = self.args.size, min(self.args.copy, self.args.size), self.port_id
        return Queue(burst, queue, queue.stats, memory=memory)

    def bring_up(self) -> None:
        self._up = True

    def bring_down(self) -> None:
        self._up = False

    def release(self) -> None:
        self._memory = None
