"""The mbuf pools that the options ask for."""

from collections.abc import Iterator

from pytestpmd.config import MAX_PKT_BURST, Config, LaunchError
from pytestpmd.eal.args import EalArgs
from pytestpmd.eal.memory import MemoryLimit
from pytestpmd.eal.mempool import Mempool
from pytestpmd.eal.options import POOL_OPS
from pytestpmd.ethdev.ports import MAX_PORTS
from pytestpmd.log import TESTPMD

RX_DESC_MAX = 2048
TX_DESC_MAX = 2048


def create_pools(config: Config, eal: EalArgs) -> Iterator[Mempool]:
    """One for each ``--mbuf-size``. Raises :class:`LaunchError` where there is no memory for it, or no such kind."""
    pool = config.pool
    size = pool.total_num_mbufs or _default_mbufs(len(eal.worker_lcores), pool.mbcache)
    node = common_node(config)
    for i, data_room in enumerate(pool.mbuf_sizes):
        # with 0 packets of that length would be thrown away (a device's work)
        if data_room == 0:
            continue
        name = f"mb_pool_{node % 2**32}" + (f"_{i}" if i else "")
        shown = "any" if node < 0 else str(node)
        TESTPMD.info("create a new mbuf pool <%s>: n=%d, size=%d, socket=%s", name, size, data_room, shown)
        if pool.allocation != "anon":
            TESTPMD.info("preferred mempool ops selected: %s", eal.pool_ops)
        failed = f"Creation of mbuf pool for socket {shown} failed"
        if eal.pool_ops not in POOL_OPS:
            raise LaunchError(f"{failed}: Invalid argument", before="MBUF: error setting mempool handler")
        try:
            yield Mempool(name, size, data_room, pool.mbcache)
        except MemoryLimit as error:
            raise LaunchError(f"{failed}: Cannot allocate memory", before=str(error)) from None


def common_node(config: Config) -> int:
    """The NUMA node of what no port has to itself; -1 where nobody minds."""
    if config.ports.numa:
        return 0
    return -1 if config.pool.socket_num is None else config.pool.socket_num


def _default_mbufs(workers: int, cached: int) -> int:
    """As many as the most ports there could be hold in their rings, with a burst and each lcore's cache."""
    return (RX_DESC_MAX + TX_DESC_MAX + MAX_PKT_BURST + workers * cached) * MAX_PORTS
