"""net_virtio_user: a virtio device that another process, or the kernel, makes of our memory."""

from contextlib import suppress
from pathlib import Path

from pytestpmd.drivers import driver
from pytestpmd.drivers.virtio.agree import MAX_QUEUE_PAIRS
from pytestpmd.drivers.virtio.backend_type import BackendType, backend_type
from pytestpmd.drivers.virtio.controlled import driver_log, log
from pytestpmd.drivers.virtio.port import VirtioPort
from pytestpmd.drivers.virtio.transport import Transport
from pytestpmd.drivers.virtio.transport.kernel import VhostKernelTransport
from pytestpmd.drivers.virtio.transport.user import VhostUserTransport
from pytestpmd.drivers.virtio.transport.vdpa import VhostVdpaTransport
from pytestpmd.drivers.virtio.wanted import CONTROL_FEATURES, DEFAULT_FEATURES, SPEEDS
from pytestpmd.drivers.virtio_net import MAX_QUEUE_SIZE, Feature
from pytestpmd.eal.devargs import DevArgs, Mac, arg, choice, integer
from pytestpmd.eal.ether import mac_text, random_mac
from pytestpmd.eal.netdev import interface_name
from pytestpmd.errors import ConfigError, DeviceError, TestpmdError
from pytestpmd.ethdev.port import SPEED_UNKNOWN

#: Asked of a device that is whole in itself, however its queues are counted in the arguments.
WHOLE_FEATURES = (
    CONTROL_FEATURES
    | Feature.VIRTIO_NET_F_MQ
    | Feature.VIRTIO_NET_F_SPEED_DUPLEX
    | Feature.VIRTIO_F_ACCESS_PLATFORM
    | Feature.VIRTIO_F_ORDER_PLATFORM
)


@driver("net_virtio_user", "virtio_user")
class VirtioUserPort(VirtioPort):
    """virtio-net over vhost-user, vhost-net or vhost-vdpa."""

    driver_name = "net_virtio_user"
    numa_node = -1

    class Args(DevArgs):
        """As DPDK's driver takes them; sizes in descriptors, speed in Mbit/s."""

        path: Path = arg(help="the vhost-user socket, /dev/vhost-net, or /dev/vhost-vdpa-N; mandatory")
        mac: Mac | None = arg(None, help="the port's address; left out, a random one")
        queue_size: int = arg(
            256, convert=integer(2, MAX_QUEUE_SIZE), help="descriptors in each ring, a power of two for split ones"
        )
        cq: bool = arg(False, help="whether there is a control queue; several pairs have one in any case")
        queues: int = arg(1, convert=integer(1, MAX_QUEUE_PAIRS), help="queue pairs")
        mrg_rxbuf: bool = arg(True, help="whether a packet may span several receive buffers")
        packed_vq: bool = arg(False, help="whether the rings are packed")
        vectorized: bool | None = arg(
            None,
            help="1: vectors wherever they are right; 0: nowhere; left out: on split rings without offloads",
        )
        in_order: bool = arg(True, help="whether buffers are used in order")
        iface: str | None = arg(
            None,
            convert=interface_name,
            help="name of vhost-net's tap interface; left out, the kernel's choice",
        )
        server: bool = arg(False, help="listen for the back-end instead of connecting to it")
        speed: int = arg(
            SPEED_UNKNOWN, convert=choice(SPEEDS), help="link speed to report, in Mbit/s; left out, unknown"
        )

    def __init__(self, name: str, devargs: str, args: Args) -> None:
        self._listens_at = str(args.path) if args.server else ""
        backend = backend_type(str(args.path))
        log.info("virtio_user_pmd_probe(): Backend type detected: %s", backend.value)
        _check(args, backend)
        mac = args.mac or random_mac()
        transport = _open(args, backend, mac)
        is_whole = backend is BackendType.VHOST_VDPA
        try:
            if is_whole and args.mac:
                with suppress(DeviceError):  # which shows when it is read
                    transport.write_mac(args.mac)
            wanted = self._wanted(args, is_whole)
            super().__init__(name, devargs, transport, wanted, args.queue_size, args.speed, args.vectorized)
        except TestpmdError:
            transport.close()
            raise
        self.mac = (self.config.mac or mac) if is_whole else mac
        self._log_mac(str(args.path), args.mac)

    def awaited_peer(self) -> str:
        return "" if self.transport.connected else self._listens_at

    def _log_mac(self, path: str, asked: Mac | None) -> None:
        """In DPDK's words."""
        doing = "virtio_user_dev_init_mac():"
        if asked is None and self.config.mac is None:
            driver_log.info("%s (%s) No valid MAC in devargs or device, use random", doing, path)
            return
        if asked is not None and asked != self.mac:
            driver_log.info("%s (%s) Device MAC update failed", doing, path)
        driver_log.info("%s (%s) MAC %s specified", doing, path, mac_text(self.mac))

    @staticmethod
    def _wanted(args: Args, is_whole: bool = False) -> Feature:
        """Of a device with an address and a control queue of its own, these too."""
        wanted = DEFAULT_FEATURES | (WHOLE_FEATURES if is_whole else Feature(0))
        if not args.mrg_rxbuf:
            wanted &= ~Feature.VIRTIO_NET_F_MRG_RXBUF
        if args.in_order:
            wanted |= Feature.VIRTIO_F_IN_ORDER
        if args.packed_vq:
            wanted |= Feature.VIRTIO_F_RING_PACKED
        if args.mac is None and not is_whole:
            wanted &= ~Feature.VIRTIO_NET_F_MAC
        if args.cq or args.queues > 1:
            wanted |= CONTROL_FEATURES
        if args.queues > 1:
            wanted |= Feature.VIRTIO_NET_F_MQ
        return wanted


def _check(args: VirtioUserPort.Args, backend: BackendType) -> None:
    """Raise :class:`ConfigError`, in DPDK's words, for what another kind of back-end has."""
    if args.iface is not None and backend is not BackendType.VHOST_KERNEL:
        raise ConfigError("arg iface applies only to vhost-kernel backend")
    if args.server and backend is not BackendType.VHOST_USER:
        raise ConfigError("Server mode only supports vhost-user!")


def _open(args: VirtioUserPort.Args, backend: BackendType, mac: bytes) -> Transport:
    path = str(args.path)
    if backend is BackendType.VHOST_VDPA:
        return VhostVdpaTransport(path)
    if backend is BackendType.VHOST_KERNEL:
        return VhostKernelTransport(path, args.queues, interface=args.iface or "", mac=mac, speed=args.speed)
    return VhostUserTransport(path, args.queues, server=args.server, mac=mac, speed=args.speed)
