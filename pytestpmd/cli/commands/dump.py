"""``dump ...``: what the program itself is made of: memory, pools, devices, lcores, log types."""

from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from pytestpmd.cli.params import FILENAME, TEXT
from pytestpmd.cli.registry import command
from pytestpmd.cli.render import dump as render
from pytestpmd.eal.memory import arenas
from pytestpmd.eal.mempool import Mempool, large_pools
from pytestpmd.errors import ConfigError
from pytestpmd.log import REGISTRY, log_type

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd

MBUF = log_type("lib.mbuf", "MBUF")
#: How much memory there was when a program last asked.
_used: "WeakKeyDictionary[TestPmd, render.MemoryUse]" = WeakKeyDictionary()


@command("dump physmem", "Show where memory lies.", "display")
def dump_physmem(app: "TestPmd") -> str:
    return render.physmem(arenas())


@command("dump socket_mem", "Show how much memory is in use, and from the second time on what changed.", "display")
def dump_socket_mem(app: "TestPmd") -> str:
    before = _used.get(app)
    _used[app] = render.MemoryUse.of(arenas())
    return render.socket_mem(_used[app], before)


@command("dump memzone", "Show what memory is for.", "display")
def dump_memzone(app: "TestPmd") -> str:
    return render.memzone(arenas())


@command("dump struct_sizes", "Show how long the main structures are, in bytes.", "display")
def dump_struct_sizes(app: "TestPmd") -> str:
    return render.struct_sizes()


@command("dump ring [(name)]", "Show the free mbufs of each pool, or of one: MP_ and the pool's name.", "display")
def dump_ring(app: "TestPmd", name: str | None = None) -> str:
    if name is None:
        return "\n".join(map(render.ring, _pools(app)))
    pool = _find(app, name.removeprefix(render.POOL_RING)) if name.startswith(render.POOL_RING) else None
    if pool is None:
        raise ConfigError("Cannot find ring")
    return render.ring(pool)


@command("dump mempool [(name)]", "Show each pool of mbufs, or one.", "display")
def dump_mempool(app: "TestPmd", name: str | None = None) -> str:
    pools = _pools(app) if name is None else [pool for pool in [_find(app, name)] if pool]
    if name is not None and not pools:
        raise ConfigError("Cannot find mempool")
    return "\n".join(render.mempool(pool, app.eal.pool_ops) for pool in pools)


def _pools(app: "TestPmd") -> list[Mempool]:
    """Those of the program, and that of long packets while there are any."""
    return [*app.pools, *(pool for pool in large_pools() if pool.in_use())]


def _find(app: "TestPmd", name: str) -> Mempool | None:
    return next((pool for pool in _pools(app) if pool.name == name), None)


@command("dump devargs", "Show the devices and their arguments.", "display")
def dump_devargs(app: "TestPmd") -> str:
    return render.devargs((port.bus_name, port.name, port.devargs) for port in app.ports)


@command("dump lcores", "Show the lcores and the CPUs that they may run on.", "display")
def dump_lcores(app: "TestPmd") -> str:
    return render.lcores(app.eal.lcores, app.eal.service_lcores)


@command("dump log_types", "Show the types of the log and their levels.", "display")
def dump_log_types(app: "TestPmd") -> str:
    return REGISTRY.dump()


@command("dump trace", "Save what was traced: there are no trace points here, so nothing.", "display")
def dump_trace(app: "TestPmd") -> None:
    """As the original without ``--trace``."""


@command("dump mbuf history (name) [(file)]", "Show what an mbuf, or all of them, went through.", "display", name=TEXT)
def dump_mbuf_history(app: "TestPmd", which: str, path: str | None = None) -> str:
    _begin(path)
    if which == "all":
        return _no_history(path and f"Dump written in '{path}'")
    digits = which.removeprefix("0x")
    try:
        address = int(digits, 16) if which != digits else None
    except ValueError:
        address = None
    if address is None:
        raise ConfigError("Invalid mbuf pointer format. Use 0x<address>")
    return _no_history(path and f"Dump for mbuf '0x{address:x}' written in '{path}'")


@command(
    "dump mbuf pool history (name) [(file)]", "Show what the mbufs of a pool went through.", "display", name=FILENAME
)
def dump_mbuf_pool_history(app: "TestPmd", name: str, path: str | None = None) -> str:
    _begin(path)
    if _find(app, name) is None:
        raise ConfigError(f"Failed to find mempool '{name}'")
    return _no_history(path and f"Dump for mempool '{name}' written in '{path}'")


def _begin(path: str | None) -> None:
    """The file is there before it is known what for, as in the original."""
    if path is None:
        return
    try:
        Path(path).write_bytes(b"")
    except (OSError, ValueError):
        raise ConfigError(f"Failed to open file '{path}'") from None


def _no_history(written: str | None) -> str:
    """As the original answers unless it was built to keep one, which costs every packet."""
    MBUF.info("mbuf history recorder is not enabled")
    return written or ""
