"""A throw-away guest: boots in a few seconds, takes scripts and programs until it is left, and tells what it saw.

It runs without hardware support (TCG), so that it runs everywhere; a program is about ten times slower in it.
"""

import shlex
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from guest.initrd import write_initrd
from guest.kernel import Kernel, prepare
from guest.monitor import Monitor
from guest.program import GuestProgram
from guest.wires import Wire

QEMU = "qemu-system-x86_64"
BOOT_S, SCRIPT_S = 60.0, 60.0
PROGRAMS = 6
#: The least that Debian's DPDK takes; all that QEMU can do (`max`) is a quarter slower.
CPU = "Nehalem,+rdrand"
#: Without self-tests and calibrations it boots a third faster.
KERNEL_ARGUMENTS = (
    "console=ttyS0 quiet panic=-1 nokaslr mitigations=off random.trust_cpu=on"
    " cryptomgr.notests tsc=reliable no_timer_check"
)
#: The command that installing the package gives, which is at the same place in the guest.
PYTESTPMD = str(Path(sys.executable).parent / "pytestpmd")


class Result(NamedTuple):
    """What came of a script: its exit status (124 where its time ran out), and its output, errors among it."""

    status: int
    output: str


@dataclass(frozen=True)
class Nic:
    """A virtio network card; no driver has it until one is bound."""

    slot: int
    wire: Wire
    options: str = ""
    model: str = "virtio-net-pci"

    @property
    def name(self) -> str:
        """QEMU's name for it."""
        return f"net{self.slot:x}"

    @property
    def address(self) -> str:
        return f"0000:00:{self.slot:02x}.0"

    @property
    def mac(self) -> str:
        return f"52:54:00:00:00:{self.slot:02x}"

    def arguments(self) -> Sequence[str]:
        options = f",{self.options}" if self.options else ""
        device = f"{self.model},id={self.name},netdev=wire{self.slot:x},addr={self.slot:x},mac={self.mac}{options}"
        return [*self.wire.arguments(f"wire{self.slot:x}"), "-device", device]


class Machine:
    """Entering it boots it; leaving it ends it."""

    def __init__(
        self,
        *nics: Nic,
        hugepages: int = 0,
        memory_mb: int = 1024,
        cpus: int = 2,
        iommu: bool = False,
        qemu: Sequence[str] = (),
        append: Sequence[str] = (),
        launcher: Sequence[str] = (),
    ) -> None:
        """``hugepages`` are of 2 MB each; ``iommu`` is an Intel one, for NICs with ``iommu_platform=on``.

        ``launcher`` is a command that becomes QEMU, whose own words follow it.
        """
        self.nics = nics
        self._iommu, self._qemu, self._memory_mb, self._cpus = iommu, qemu, memory_mb, cpus
        self._launcher = launcher
        self._append = (KERNEL_ARGUMENTS, f"hugepages={hugepages}", *(["intel_iommu=on"] if iommu else []), *append)
        self._folder = tempfile.TemporaryDirectory(prefix="guest-")
        self._ports: list[socket.socket] = []
        self._free = list(range(2, 2 + PROGRAMS))
        self._process: subprocess.Popen[bytes] | None = None
        self._said = ""

    def __enter__(self) -> Self:
        kernel = prepare()
        folder = Path(self._folder.name)
        with (folder / "initrd").open("wb") as initrd:
            write_initrd(initrd, kernel)
        pairs = [socket.socketpair() for _ in range(2 + PROGRAMS)]
        far = [pair[1].fileno() for pair in pairs]
        with (folder / "errors").open("w") as errors:
            self._process = subprocess.Popen(
                [*self._launcher, QEMU, *self._arguments(kernel, far)],
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                pass_fds=far,
                process_group=0,
            )
        for _, theirs in pairs:
            theirs.close()
        self._ports = [ours for ours, _ in pairs]
        self.monitor = Monitor(self._ports[0])
        try:
            self._greet()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
        self._said = self.said
        for port in self._ports:
            port.close()
        self._folder.cleanup()

    def _arguments(self, kernel: Kernel, fds: Sequence[int]) -> list[str]:
        folder = Path(self._folder.name)
        machine = "q35,memory-backend=mem" + (",kernel-irqchip=split" if self._iommu else "")
        iommu = ["-device", "intel-iommu,intremap=on,caching-mode=on"] if self._iommu else []
        root = "local,id=root,path=/,security_model=none,multidevs=remap,readonly=on"
        return [
            *("-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"),
            *("-machine", machine, "-cpu", CPU, "-accel", "tcg,thread=multi,tb-size=512"),
            *("-smp", str(self._cpus), "-m", str(self._memory_mb)),
            *("-object", f"memory-backend-memfd,id=mem,size={self._memory_mb}M,share=on"),
            *("-kernel", str(kernel.image), "-initrd", str(folder / "initrd"), "-append", " ".join(self._append)),
            *("-serial", f"file:{folder / 'console'}"),
            *("-chardev", f"socket,id=control,fd={fds[0]}", "-mon", "chardev=control,mode=control"),
            *iommu,
            *("-fsdev", root, "-device", "virtio-9p-pci,fsdev=root,mount_tag=root,addr=0x1e"),
            *("-device", "virtio-serial-pci,id=serial,max_ports=16,addr=0x1d"),
            *(word for number, fd in enumerate(fds[1:], 1) for word in _port(number, fd)),
            *(word for nic in self.nics for word in nic.arguments()),
            *self._qemu,
        ]

    def _greet(self) -> None:
        end = time.monotonic() + BOOT_S
        assert self._line(end) == "ready", f"the guest did not boot\n{self.said}"

    def run(self, script: str, within_s: float = SCRIPT_S) -> Result:
        """Have bash run a script in the guest, in this process' folder and with its PATH."""
        port = self._ports[1]
        port.settimeout(SCRIPT_S)
        data = script.encode()
        port.sendall(b"%g %d\n%b" % (within_s, len(data), data))
        end = time.monotonic() + within_s + 20
        status, length = self._line(end).split()
        return Result(int(status), self._exactly(int(length), end).decode(errors="replace"))

    def sh(self, script: str, within_s: float = SCRIPT_S) -> str:
        """Likewise; the output of a script that must succeed."""
        result = self.run(script, within_s)
        assert result.status == 0, f"status {result.status} in the guest:\n{script}\n---\n{result.output}"
        return result.output

    def _line(self, end: float) -> str:
        line = b""
        while not line.endswith(b"\n"):
            line += self._exactly(1, end)
        return line.decode().strip()

    def _exactly(self, count: int, end: float) -> bytes:
        data = b""
        while len(data) < count:
            self._ports[1].settimeout(max(0.01, end - time.monotonic()))
            try:
                more = self._ports[1].recv(count - len(data))
            except (TimeoutError, ConnectionResetError) as error:
                raise AssertionError(f"the guest does not answer ({error})\n{self.said}") from error
            assert more, f"the guest has ended\n{self.said}"
            data += more
        return data

    def bind(self, address: str, driver: str | None) -> None:
        """Give a PCI device to a driver of the guest's kernel, whose module is loaded, or (None) to no driver."""
        self.bind_all([address], driver)

    def bind_all(self, addresses: Iterable[str], driver: str | None) -> None:
        """Likewise, several at once."""
        script = ["cd /sys/bus/pci/devices"]
        for address in addresses:
            script.append(f"[ ! -e {address}/driver ] || echo {address} >{address}/driver/unbind")
            script.append(f"echo {driver or ''} >{address}/driver_override")
            if driver:
                # igb_uio answers an error where it has taken the device
                script.append(f"echo {address} >/sys/bus/pci/drivers_probe")
                script.append(f"[ $(basename $(readlink {address}/driver)) = {driver} ] || exit 9")
        self.sh("\n".join(script))

    def modprobe(self, *modules: str) -> None:
        self.sh("".join(f"modprobe {module}\n" for module in modules))

    def allow_noiommu(self) -> None:
        """Load vfio-pci, for devices without an IOMMU too."""
        self.sh("modprobe vfio-pci; echo 1 >/sys/module/vfio/parameters/enable_unsafe_noiommu_mode")

    def program(self, command: str) -> GuestProgram:
        """Start one that has a console; a file descriptor of its own is its terminal. Kill it or leave it when done."""
        number = self._free.pop(0)
        file = f"/run/program{number}"
        script = f"echo $$ >{file}; {command}; printf '\\n##exit %s\\n' $?"
        started = self.sh(
            f"setsid bash -c {shlex.quote(script)} 0<>/dev/vport*p{number} 1>&0 2>&1 &\n"
            f"until [ -s {file} ]; do sleep 0.05; done; cat {file}; rm {file}"
        )
        leader = int(started)

        def end() -> None:
            self.run(f"kill -9 -- -{leader}")
            _drain(self._ports[number])
            self._free.append(number)

        return GuestProgram(self._ports[number], command, end)

    def pytestpmd(self, arguments: str) -> GuestProgram:
        """Ours: :meth:`program` with its path."""
        return self.program(f"{PYTESTPMD} {arguments}")

    def dpdk_testpmd(self, arguments: str) -> GuestProgram:
        """The original, whose output comes line by line."""
        return self.program(f"stdbuf -oL dpdk-testpmd {arguments}")

    @property
    def said(self) -> str:
        """What the guest's kernel and QEMU have said so far."""
        folder = Path(self._folder.name)
        files = [folder / "console", folder / "errors"]
        return self._said or "".join(file.read_text(errors="replace") for file in files if file.exists())


def _drain(port: socket.socket) -> None:
    """Whoever has the port next does not read what the last one has left."""
    port.settimeout(0.1)
    try:
        while port.recv(1 << 16):
            pass
    except TimeoutError:
        port.setblocking(True)


def _port(number: int, fd: int) -> Sequence[str]:
    chardev = f"socket,id=port{number},fd={fd}"
    return ["-chardev", chardev, "-device", f"virtserialport,bus=serial.0,nr={number},chardev=port{number}"]
