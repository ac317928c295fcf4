"""What a guest boots: this machine's own files, read-only, under a tmpfs; and in it an agent that is told what to do.

Every path, program and virtual environment of the host is in the guest too, and nothing that is written there comes
back. The agent reads requests from a port of virtio-serial, a line with the seconds and the bytes that a script
may take and has, and the script. It answers with the script's status, the length of its output, and the output, up to
its first NUL. It makes do with few processes, since each takes its time in a guest.
"""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from guest.kernel import Kernel, NoKernelError

BOOT_MODULES = ("virtio_pci", "9p", "9pnet_virtio", "overlay", "virtio_console")
FOLDERS = ("bin", "dev", "proc", "sys", "modules", "lower", "upper", "root")

INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
while read -r module; do insmod "/modules/$module"; done </modules/order
mount -t 9p -o ro,cache=loose,trans=virtio,version=9p2000.L,msize=512000 root /lower
mount -t tmpfs upper /upper
mkdir /upper/new /upper/work
mount -t overlay -o lowerdir=/lower,upperdir=/upper/new,workdir=/upper/work root /root
cd /root
for folder in proc sys dev; do mount --move "/$folder" "$folder"; done
tree=lib/modules/$(uname -r)
mkdir -p "$tree" dev/pts dev/shm dev/hugepages
mount --bind ".$(cat /modules/tree)" "$tree"
mount -t devpts pts dev/pts
mount -t tmpfs shm dev/shm
mount -t tmpfs run run
mount -t hugetlbfs huge dev/hugepages
ip link set lo up
cp /agent run/agent
setsid chroot . /bin/bash /run/agent <dev/null
echo 'the agent has ended' >dev/ttyS0
reboot -f
"""

AGENT = """
cd {folder}
export PATH={path} HOME=/root LANG=C.UTF-8
for i in {{1..100}}; do [ -e /dev/vport*p1 ] && break; sleep 0.05; done
exec 3<>/dev/vport*p1
LC_ALL=C
echo ready >&3
while read -r limit length <&3 && read -r -N "$length" script <&3; do
    timeout -k 5 "$limit" bash -c "$script" </dev/null >/run/output 2>&1 3>&-
    status=$?
    IFS= read -r -d '' output </run/output
    printf '%s %s\\n%s' $status ${{#output}} "$output" >&3
done
"""


def agent() -> str:
    """Works in the host's current folder, with its PATH."""
    return AGENT.format(folder=_quoted(os.getcwd()), path=_quoted(os.environ["PATH"] + ":/usr/sbin:/sbin"))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def modules_in_order(modules: Path, names: Iterable[str]) -> list[Path]:
    """The files of these modules and of all that they need, in the order of their loading."""
    needs = {}
    for line in (modules / "modules.dep").read_text().splitlines():
        module, _, others = line.partition(":")
        needs[module] = others.split()
    files = {Path(module).stem.replace("-", "_"): module for module in needs}
    order: dict[str, None] = {}
    for name in names:
        order |= dict.fromkeys((*reversed(needs[files[name]]), files[name]))
    return [modules / module for module in order]


def write_initrd(file: BinaryIO, kernel: Kernel) -> None:
    """A cpio archive of the kind that the kernel unpacks."""
    busybox = shutil.which("busybox")
    if not busybox:
        raise NoKernelError("no busybox on PATH")
    loaded = modules_in_order(kernel.modules, BOOT_MODULES)
    for folder in FOLDERS:
        _write(file, folder, 0o040755)
    _write(file, "bin/busybox", 0o100755, Path(busybox).read_bytes())
    _write(file, "init", 0o100755, INIT.encode())
    _write(file, "agent", 0o100644, agent().encode())
    _write(file, "modules/tree", 0o100644, bytes(kernel.modules))
    _write(file, "modules/order", 0o100644, "".join(f"{module.name}\n" for module in loaded).encode())
    for module in loaded:
        _write(file, f"modules/{module.name}", 0o100644, module.read_bytes())
    _write(file, "TRAILER!!!", 0)


def _write(archive: BinaryIO, name: str, mode: int, data: bytes = b"") -> None:
    """One entry: the format `newc` of cpio(5)."""
    path = name.encode() + b"\0"
    fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(path), 0)
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + path
    archive.write(head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4))
