"""``bpf-load`` and ``bpf-unload``: filters in eBPF for queues, which are not run here.

The file is looked at first, as in the original, so a wrong name is told; then the program is refused as by a DPDK whose
BPF library was built without what reads such files.
"""

import errno
import os
from typing import TYPE_CHECKING

from pytestpmd.cli.params import TEXT, UINT8
from pytestpmd.cli.registry import command
from pytestpmd.errors import ConfigError

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd

_FLAGS = "jm-"


@command(
    "bpf-load (rx|tx) (port_id) (queue_id) (flags) (file)",
    "Load a filter for a queue, with flags J, M or -: refused.",
    "filters",
    port_id=UINT8,
    flags=TEXT,
)
def bpf_load(app: "TestPmd", way: str, port_id: int, queue_id: int, flags: str, name: str) -> None:
    unknown = "".join(f"unknown flag: '{flag.upper()}'" for flag in flags if flag.lower() not in _FLAGS)
    code, why = _opened(name)
    lines = [
        f"{unknown}BPF: __rte_bpf_load_elf_file(): {why}",
        f"BPF: rte_bpf_load_ex(): failed, error code: {code}",
        f"{-code}:{os.strerror(code)}",
    ]
    raise ConfigError("\n".join(lines))


def _opened(name: str) -> tuple[int, str]:
    """What the original says of a file, and why what is in it is refused: there is no BPF here."""
    try:
        os.close(os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK))
    except OSError as error:
        code = error.errno or errno.EIO
        return code, f'error {code} opening "{name}": {os.strerror(code)}'
    except ValueError:  # a name with a null byte in it
        return errno.EINVAL, f'error {errno.EINVAL} opening "{name}": {os.strerror(errno.EINVAL)}'
    return errno.ENOTSUP, "not supported, eBPF is not run here"


@command(
    "bpf-unload (rx|tx) (port_id) (queue_id)",
    "Take the filter of a queue away; there is none.",
    "filters",
    port_id=UINT8,
)
def bpf_unload(app: "TestPmd", way: str, port_id: int, queue_id: int) -> None:
    """As in the original nothing is said where there is nothing to take away."""
