"""The burdens of the noisy engine, set by options alone."""

from typing import TYPE_CHECKING

from pytestpmd.cli.params import INT32
from pytestpmd.cli.registry import option
from pytestpmd.errors import ConfigError

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd

OPTION_GROUP = "engines"


def _set(app: "TestPmd", field: str, num: int, name: str) -> None:
    if num < 0:
        raise ConfigError(f"{name} must be >= 0")
    setattr(app.config.noisy, field, num)


@option(
    "--noisy-forward-mode=MODE",
    "what noisy does to the headers: io, mac, macswap or 5tswap",
    words=("io", "mac", "macswap", "5tswap"),
)
def noisy_forward_mode(app: "TestPmd", mode: str) -> None:
    from pytestpmd.fwd.noisy import REWRITES

    if mode not in REWRITES:
        raise ConfigError(f"noisy-forward-mode {mode} invalid, must be a valid noisy-forward-mode value")
    app.config.noisy.mode = mode


@option("--noisy-tx-sw-buffer-size=N", "packets that noisy holds back", type=INT32)
def noisy_tx_sw_buffer_size(app: "TestPmd", num: int) -> None:
    _set(app, "buffer_size", num, "noisy-tx-sw-buffer-size")


@option("--noisy-tx-sw-buffer-flushtime=N", "time after which it lets them go, in milliseconds", type=INT32)
def noisy_tx_sw_buffer_flushtime(app: "TestPmd", num: int) -> None:
    _set(app, "flush_ms", num, "noisy-tx-sw-buffer-flushtime")


@option("--noisy-lkup-memory=N", "memory that noisy touches, in megabytes", type=INT32)
def noisy_lkup_memory(app: "TestPmd", num: int) -> None:
    _set(app, "memory_mb", num, "noisy-lkup-memory")


@option("--noisy-lkup-num-writes=N", "random writes per packet", type=INT32)
def noisy_lkup_num_writes(app: "TestPmd", num: int) -> None:
    _set(app, "writes", num, "noisy-lkup-num-writes")


@option("--noisy-lkup-num-reads=N", "random reads per packet", type=INT32)
def noisy_lkup_num_reads(app: "TestPmd", num: int) -> None:
    _set(app, "reads", num, "noisy-lkup-num-reads")


@option("--noisy-lkup-num-reads-writes=N", "random reads and writes per packet", type=INT32)
def noisy_lkup_num_reads_writes(app: "TestPmd", num: int) -> None:
    _set(app, "reads_writes", num, "noisy-lkup-num-reads-writes")
