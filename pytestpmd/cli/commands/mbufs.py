"""The mbuf pools: sizes, counts, caches, and where their memory lies."""

import re
from typing import TYPE_CHECKING

from pytestpmd.cli.params import INT32, INT_LIST
from pytestpmd.cli.registry import option
from pytestpmd.config import MAX_MBUF_CACHE, MAX_MBUF_SIZES, MIN_TOTAL_MBUFS, LaunchError
from pytestpmd.errors import ConfigError

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd

OPTION_GROUP = "memory"

RX_RING, TX_RING = 1, 2
ALLOCATIONS = ("native", "anon", "xmem", "xmemhuge")


@option(
    "--mbuf-size=N[,N]",
    "data room of an mbuf, in bytes; several make a pool each",
    type=INT_LIST,
    invalid="bad mbuf-size",
)
def mbuf_size(app: "TestPmd", sizes: tuple[int, ...]) -> None:
    if len(sizes) > MAX_MBUF_SIZES:
        raise LaunchError(
            "bad mbuf-size", before=f"Number of mbuf-size = {len(sizes)} > {MAX_MBUF_SIZES} (maximum items)"
        )
    if sizes[0] == 0:
        raise LaunchError("bad mbuf-size", before="The first mbuf-size must be > 0")
    if max(sizes) > 0xFFFF:
        raise ConfigError("mbuf-size should be < 65536")
    app.config.pool.mbuf_sizes = list(sizes)


@option("--total-num-mbufs=N", "number of mbufs in each pool", type=INT32)
def total_num_mbufs(app: "TestPmd", num: int) -> None:
    if num <= MIN_TOTAL_MBUFS:
        raise ConfigError(f"total-num-mbufs should be > {MIN_TOTAL_MBUFS}")
    app.config.pool.total_num_mbufs = num


@option("--mbcache=N", "number of mbufs that each lcore keeps at hand", type=INT32)
def mbcache(app: "TestPmd", num: int) -> None:
    if not 0 <= num <= MAX_MBUF_CACHE:
        raise ConfigError(f"mbcache must be >= 0 and <= {MAX_MBUF_CACHE}")
    app.config.pool.mbcache = num


@option(
    "--mp-alloc=METHOD", "how pools get their memory: native, anon, xmem or xmemhuge (shown only)", words=ALLOCATIONS
)
def mp_alloc(app: "TestPmd", method: str) -> None:
    if method not in (*ALLOCATIONS, "xbuf"):
        raise ConfigError(f"mp-alloc {method} invalid - must be: native, anon, xmem or xmemhuge")
    app.config.pool.allocation = method


@option("--mp-anon", "the same as --mp-alloc=anon")
def mp_anon(app: "TestPmd") -> None:
    app.config.pool.allocation = "anon"


@option(
    "--no-iova-contig",
    "pools need no contiguous addresses",
    group="memory",
    why_unused="pools have what devices need",
)
def no_iova_contig(app: "TestPmd") -> None:
    app.config.pool.iova_contig = False


@option("--mlockall", "lock all memory", value=True)
@option("--no-mlockall", "do not lock all memory", value=False)
def mlockall(app: "TestPmd", on: bool) -> None:
    app.config.run.mlockall = on


@option("--numa", "place rings and pools by NUMA node (default)", value=True)
@option("--no-numa", "do not place rings and pools by NUMA node", value=False)
def numa(app: "TestPmd", on: bool) -> None:
    app.config.ports.numa = on


@option("--socket-num=N", "NUMA node of all memory", type=INT32)
def socket_num(app: "TestPmd", num: int) -> None:
    if num != 0:
        raise LaunchError("Invalid socket id", before="Invalid socket id, options are: 0")
    app.config.pool.socket_num = num


@option("--port-numa-config=(port,socket)[,...]", "NUMA node of the pool of each port")
def port_numa_config(app: "TestPmd", text: str) -> None:
    for port_id, node in _groups(text, 2, "invalid port-numa configuration"):
        app.config.ports.port_numa[port_id] = node


@option(
    "--ring-numa-config=(port,flag,socket)[,...]",
    "NUMA node of the rings of each port; flag: 1 Rx, 2 Tx, 3 both",
    group="memory",
    why_unused="there is one node for all memory",
)
def ring_numa_config(app: "TestPmd", text: str) -> None:
    for _, flag, _ in _groups(text, 3, "invalid ring-numa configuration"):
        if flag not in (RX_RING, TX_RING, RX_RING | TX_RING):
            raise ConfigError("invalid ring-numa configuration")


def _groups(text: str, size: int, complaint: str) -> list[tuple[int, ...]]:
    """``(0,1),(1,0)`` as tuples of ``size`` numbers; the node, the last of them, can only be 0 here."""
    group = r"\(\s*\d{1,3}" + r"\s*,\s*\d{1,3}" * (size - 1) + r"\s*\)"
    if not re.fullmatch(f"{group}(,{group})*", text, re.ASCII):
        raise ConfigError(complaint)
    groups = [tuple(int(number) for number in re.findall(r"\d+", one)) for one in re.findall(group, text)]
    if any(numbers[-1] != 0 for numbers in groups):
        raise LaunchError(complaint, before="Invalid socket id, options are: 0")
    return groups
