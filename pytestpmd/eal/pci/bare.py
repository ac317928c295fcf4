"""No module: the device is bound to nothing, and sysfs alone leads to it. Nobody hears its interrupts."""

from pytestpmd.eal.pci.access import COMMAND_INTX_DISABLE, way
from pytestpmd.eal.pci.sysfs import SysfsAccess


@way(None)
class BareAccess(SysfsAccess):
    """A device of nobody's. If it pulled its line, the kernel would shut that off, for those that share it too."""

    way = "no module"

    def begin(self) -> None:
        self.set_command(COMMAND_INTX_DISABLE, COMMAND_INTX_DISABLE)
