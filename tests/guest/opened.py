"""In the guest: opens PCI devices, and does with them what is typed, at testpmd's prompt."""

import os
import select
import sys
import time
from pathlib import Path

from pytestpmd._dataplane import ffi, lib
from pytestpmd.drivers.virtio.transport.pci.device import choose_layout
from pytestpmd.eal.memory import Arena
from pytestpmd.eal.pci.access import PciAccess, open_device
from pytestpmd.eal.pci.address import PciAddress
from pytestpmd.eal.pci.bus import PciBus
from pytestpmd.eal.pci.windows import PortWindow
from pytestpmd.errors import DeviceError

ACKNOWLEDGE, DRIVER, DRIVER_OK, FEATURES_OK = 1, 2, 4, 8
STATUS_F, MAC_F, VERSION_1_F, PLATFORM_F = 1 << 16, 1 << 5, 1 << 32, 1 << 33
CONFIG_VECTOR = 1
PATIENCE_S = 20.0
PROMPT = "testpmd> "


class Opened:
    """One device at a time. A method for each command; it gives the answer."""

    access: PciAccess

    def open(self, address: str) -> str:
        self.access = open_device(PciBus().device(PciAddress.parse(address)))
        self._fds: list[int] = []
        access = self.access
        return f"{access.way}, physical {access.needs_physical}, {access.nb_vectors} vectors"

    def begin(self) -> str:
        """As far as DRIVER_OK, without queues: the features that the driver took, and what it is told of the device."""
        self.layout = layout = choose_layout(self.access)
        layout.set_status(0)
        while layout.status():
            time.sleep(0.01)
        self.access.set_bus_master()
        layout.set_status(ACKNOWLEDGE | DRIVER)
        taken = layout.features() & (STATUS_F | MAC_F | VERSION_1_F | PLATFORM_F)
        layout.set_features(taken)
        layout.set_status(ACKNOWLEDGE | DRIVER | (0 if layout.has_legacy_rings else FEATURES_OK))
        return f"{layout.name}, mac {layout.read_config(0, 6).hex(':')}, rxq {layout.queue_size(0)}"

    def ports(self) -> str:
        """A legacy device's features, a queue's size, and a status that is written, by instructions as by the file."""
        resource, file = self.access.device.resources[0], self.access.window(0)
        ports = PortWindow("ports", resource.size, resource.start)
        seen = [(window.read(0, 4), window.read(12, 2)) for window in (ports, file)]
        ports.write(18, 1, ACKNOWLEDGE)
        return f"alike {seen[0] == seen[1]}, written {file.read(18, 1)}"

    def line(self) -> str:
        """Be interrupted by the line, or by what arrives in its place."""
        self._fd = self.access.intx_fd()
        if self.access.intx_is_vector:
            assert self.layout.set_config_vector(0) == 0
        return self._go() if self._fd >= 0 else "none"

    def vectors(self) -> str:
        """Be interrupted by a vector."""
        self._fds = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(self.access.nb_vectors)]
        self.access.enable_vectors(self._fds)
        self._fd = self._fds[CONFIG_VECTOR]
        assert self.layout.set_config_vector(CONFIG_VECTOR) == CONFIG_VECTOR
        return self._go()

    def _go(self) -> str:
        self.layout.set_status(self.layout.status() | DRIVER_OK)
        return "ready"

    def wait(self) -> str:
        """For an interrupt, and that there is no other when it was acknowledged: the link's status then."""
        if not select.select([self._fd], [], [], PATIENCE_S)[0]:
            return "nothing came"
        if self._fds:
            os.eventfd_read(self._fd)
        else:
            self.layout.isr()
            self.access.acknowledge_intx()
        again = bool(select.select([self._fd], [], [], 0.2)[0])
        return f"link {self.layout.read_config(6, 1)[0]}{', and another one' if again else ''}"

    def kick(self) -> str:
        """The first queue's bell."""
        bell = ffi.new("struct doorbell *")
        self.layout.doorbell(0).fill(bell)
        lib.doorbell_ring(bell)
        kinds = {lib.DOORBELL_STORE: "store", lib.DOORBELL_PWRITE: "pwrite", lib.DOORBELL_OUT: "out"}
        return kinds[bell.kind]

    def reach(self) -> str:
        """Have it reach some memory, other memory, and none."""
        one, two = (Arena(4 << 20, shared=True, bus=True) for _ in range(2))
        for regions in ([one.region()], [one.region(), two.region()], [two.region()], []):
            self.access.map_memory(regions)
        return "reached"

    def unbind(self) -> str:
        """Take it from its driver, which VFIO lets happen only when we have closed it: whether it is then gone."""
        folder = self.access.device.path
        if os.fork() == 0:
            Path(folder / "driver/unbind").write_text(folder.name)
            os._exit(0)
        return self.gone()

    def gone(self) -> str:
        """Until it is, or not."""
        end = time.monotonic() + PATIENCE_S
        while not self.access.is_gone and time.monotonic() < end:
            time.sleep(0.05)
        return f"gone {self.access.is_gone}"

    def status(self) -> str:
        """Which reads as all ones where nobody is."""
        return f"status {self.layout.status():#x}"

    def close(self) -> str:
        """No file of the device's is left open."""
        self.access.close()
        for fd in self._fds:
            os.close(fd)
        names = (os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if _is_open(fd))
        return f"left {[name for name in names if 'vfio' in name or '/pci' in name or 'uio' in name]}"


def _is_open(fd: str) -> bool:
    return os.path.lexists(f"/proc/self/fd/{fd}")


def main() -> None:
    opened = Opened()
    print(PROMPT, end="", flush=True)
    for line in sys.stdin:
        word, *rest = line.split()
        try:
            answer = getattr(opened, word)(*rest)
        except DeviceError as error:
            answer = f"refused: {error}"
        print(f"{answer}\n{PROMPT}", end="", flush=True)


if __name__ == "__main__":
    main()
