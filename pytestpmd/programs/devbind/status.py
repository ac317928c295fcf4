"""The listing of ``--status``, laid out as dpdk-devbind.py's is."""

from collections.abc import Callable, Iterable

from pytestpmd.eal.pci.bus import USER_SPACE_DRIVERS
from pytestpmd.programs.devbind.machine import Machine, Nic

NOTHING = "No 'Network' devices detected"


def status(machine: Machine) -> str:
    """Every network device: who has it, and who else could."""
    nics = machine.nics()
    if not nics:
        return f"\n{_title(NOTHING)}"
    show_nodes = all(nic.device.numa_node >= 0 for nic in nics)
    parts = [_part(machine, title, filter(belongs, nics), show_nodes) for title, belongs in PARTS]
    return "\n".join(part for part in parts if part)


def _is_for_user_space(nic: Nic) -> bool:
    return nic.device.driver in USER_SPACE_DRIVERS


def _is_for_kernel(nic: Nic) -> bool:
    return nic.device.is_kernel_s


def _is_free(nic: Nic) -> bool:
    return nic.device.driver is None


PARTS: tuple[tuple[str, Callable[[Nic], bool]], ...] = (
    ("Network devices using DPDK-compatible driver", _is_for_user_space),
    ("Network devices using kernel driver", _is_for_kernel),
    ("Other Network devices", _is_free),
)


def _part(machine: Machine, title: str, nics: Iterable[Nic], show_nodes: bool) -> str:
    lines = [_line(machine, nic, show_nodes) for nic in nics]
    return "\n".join(["", _title(title), *lines]) if lines else ""


def _title(text: str) -> str:
    return f"{text}\n{'=' * len(text)}"


def _line(machine: Machine, nic: Nic, show_nodes: bool) -> str:
    device = nic.device
    words = [nic.name, f"'{machine.product(device)} {device.device:04x}'"]
    words += [f"numa_node={device.numa_node}"] if show_nodes else []
    words += [f"if={','.join(nic.interfaces)}"] if device.is_kernel_s else []
    words += [f"drv={device.driver}"] if device.driver else []
    words += [f"unused={','.join(machine.unused(device))}"]
    words += ["*Active*"] if nic.is_active else [""] if device.is_kernel_s else []
    return " ".join(words)
