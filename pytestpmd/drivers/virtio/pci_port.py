"""net_virtio: a virtio device on the PCI bus of the machine, which is as a rule one that a hypervisor emulates."""

import os

from pytestpmd.drivers import LeftToOthers, pci_driver
from pytestpmd.drivers.virtio.controlled import log
from pytestpmd.drivers.virtio.port import VirtioPort
from pytestpmd.drivers.virtio.transport.pci.device import PciTransport
from pytestpmd.drivers.virtio.wanted import CONTROL_FEATURES, DEFAULT_FEATURES, SPEEDS
from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.eal.devargs import DevArgs, arg, choice
from pytestpmd.eal.ether import mac_text, random_mac
from pytestpmd.eal.iova import check_reach
from pytestpmd.eal.pci.access import PciAccess, open_device
from pytestpmd.eal.pci.bus import PciDevice
from pytestpmd.errors import FeatureError, TestpmdError
from pytestpmd.ethdev.port import SPEED_UNKNOWN

#: virtio 1.2, 4.1.2: the transitional network device and the modern one.
IDS = ((0x1AF4, 0x1000), (0x1AF4, 0x1041))
#: Asked of every device on the bus, besides what is asked of all. Where the order that CPUs see is what a device of the
#: platform's sees as well, the rings' barriers are enough for one that is no program (6, VIRTIO_F_ORDER_PLATFORM).
PCI_FEATURES = (
    CONTROL_FEATURES
    | Feature.VIRTIO_NET_F_MQ
    | Feature.VIRTIO_NET_F_SPEED_DUPLEX
    | Feature.VIRTIO_F_ANY_LAYOUT
    | Feature.VIRTIO_F_RING_PACKED
    | Feature.VIRTIO_F_ACCESS_PLATFORM
    | (Feature.VIRTIO_F_ORDER_PLATFORM if os.uname().machine == "x86_64" else Feature(0))
)


@pci_driver("net_virtio", ids=IDS)
class VirtioPciPort(VirtioPort):
    """virtio-net over PCI, modern and legacy."""

    driver_name = "net_virtio"

    class Args(DevArgs):
        """As DPDK's driver takes them; speed in Mbit/s."""

        vdpa: bool = arg(False, help="whether the device is left to a vDPA driver")
        mrg_rxbuf: bool = arg(True, help="whether a packet may span several receive buffers")
        in_order: bool = arg(True, help="whether buffers are used in order, where the device can")
        vectorized: bool | None = arg(
            None, help="1: vectors wherever they are right; 0: nowhere; left out: on split rings without offloads"
        )
        speed: int = arg(
            SPEED_UNKNOWN,
            convert=choice(SPEEDS),
            help="link speed to report, in Mbit/s; left out, what the device says",
        )

    def __init__(self, name: str, devargs: str, args: Args, device: PciDevice) -> None:
        if args.vdpa:
            raise LeftToOthers(f"{name} is left to a vDPA driver")
        transport = open_transport(device)
        try:
            size = transport.ring_size(0, 0)
            super().__init__(name, devargs, transport, self._wanted(args), size, args.speed, args.vectorized)
            self._check_headers()
        except TestpmdError:
            transport.close()
            raise
        self.numa_node = device.numa_node
        self.mac = self.config.mac or random_mac()
        self._log_agreement()

    @staticmethod
    def _wanted(args: Args) -> Feature:
        wanted = DEFAULT_FEATURES | PCI_FEATURES
        if not args.mrg_rxbuf:
            wanted &= ~Feature.VIRTIO_NET_F_MRG_RXBUF
        if args.in_order:
            wanted |= Feature.VIRTIO_F_IN_ORDER
        return wanted

    def _check_headers(self) -> None:
        """A net header goes before a packet's bytes; an old legacy device wants it apart (5.1.6.6)."""
        if not self.agreed.features & (Feature.VIRTIO_F_VERSION_1 | Feature.VIRTIO_F_ANY_LAYOUT):
            raise FeatureError("the device offers neither VIRTIO_F_VERSION_1 nor VIRTIO_F_ANY_LAYOUT: it is too old")

    def private_info(self) -> str:
        return f"{super().private_info()}\npci: {self.transport.report().connection.note}"

    def _device_changed(self) -> None:
        """One that is gone does not come back: whoever has the port hears of it, once its link is down."""
        super()._device_changed()
        if not self.transport.connected:
            self.on_removal(self)

    def _log_agreement(self) -> None:
        """As the original's virtio_init_device does."""
        negotiate = "virtio_ethdev_negotiate_features():"
        log.debug("%s guest_features before negotiate = %x", negotiate, int(self.wanted))
        log.debug("%s host_features before negotiate = %x", negotiate, int(self.transport.features()))
        log.debug("%s features after negotiate = %x", negotiate, int(self.agreed.features))
        log.debug("virtio_init_device(): PORT MAC: %s", mac_text(self.mac))
        log.debug("virtio_init_device(): config->max_virtqueue_pairs=%d", self.config.max_pairs)
        log.debug("virtio_init_device(): config->status=%d", int(self.config.status))


def open_transport(device: PciDevice) -> PciTransport:
    """Open a device and see what it is; nothing stays open if it is of no use."""
    access: PciAccess = open_device(device)
    try:
        check_reach(access.needs_physical)
        return PciTransport(access)
    except (TestpmdError, OSError):
        access.close()
        raise
