"""What is at the path of a net_virtio_user, by DPDK's rules: a vhost-user socket, or a vhost device of the kernel's."""

import os
import re
import stat
from enum import Enum
from pathlib import Path

from pytestpmd.drivers.virtio.transport.vhost_file import load_hint
from pytestpmd.errors import ConfigError, DeviceError

MISC_MAJOR = 10
DEVICES = Path("/proc/devices")


class BackendType(Enum):
    """By DPDK's names."""

    VHOST_USER = "VHOST_USER"
    VHOST_KERNEL = "VHOST_NET"
    VHOST_VDPA = "VHOST_VDPA"


def backend_type(path: str, devices: Path = DEVICES) -> BackendType:
    """A character device is told by its number; a socket that is not there yet is a socket."""
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        if re.match(r"/dev/vhost-(net|vdpa-)", path):
            raise DeviceError(f"fail to open {path}, there is no such device ({load_hint(path)})") from None
        return BackendType.VHOST_USER
    except OSError as error:
        raise DeviceError(f"Stat fails: {path} ({error.strerror})") from None
    if stat.S_ISSOCK(found.st_mode):
        return BackendType.VHOST_USER
    if stat.S_ISCHR(found.st_mode):
        if os.major(found.st_rdev) == MISC_MAJOR:
            return BackendType.VHOST_KERNEL
        if os.major(found.st_rdev) == vdpa_major(devices):
            return BackendType.VHOST_VDPA
    raise ConfigError(f"unable to determine backend type for path {path}")


def vdpa_major(devices: Path) -> int:
    """The number that the kernel has chosen; -1 where there is no vhost-vdpa."""
    found = re.search(r"^ *(\d+) vhost-vdpa", devices.read_text(), re.MULTILINE)
    return int(found[1]) if found else -1
