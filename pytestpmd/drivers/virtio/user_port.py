"""net_virtio_user: a virtio device that another process, or the kernel, makes of our memory."""

from pathlib import Path

from pytestpmd.drivers import driver
from pytestpmd.drivers.virtio.agree import MAX_QUEUE_PAIRS
from pytestpmd.drivers.virtio.controlled import driver_log, log
from pytestpmd.drivers.virtio.port import VirtioPort
from pytestpmd.drivers.virtio.transport.user import VhostUserTransport
from pytestpmd.drivers.virtio.wanted import CONTROL_FEATURES, DEFAULT_FEATURES, SPEEDS, random_mac
from pytestpmd.drivers.virtio_net import MAX_QUEUE_SIZE, Feature
from pytestpmd.eal.devargs import DevArgs, Mac, arg, choice, integer
from pytestpmd.errors import TestpmdError
from pytestpmd.ethdev.port import SPEED_UNKNOWN


@driver("net_virtio_user", "virtio_user")
class VirtioUserPort(VirtioPort):
    """virtio-net over vhost-user."""

    driver_name = "net_virtio_user"
    numa_node = -1

    class Args(DevArgs):
        """As DPDK's driver takes them; sizes in descriptors, speed in Mbit/s."""

        path: Path = arg(help="the vhost-user socket; mandatory")
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
        server: bool = arg(False, help="listen for the back-end instead of connecting to it")
        speed: int = arg(
            SPEED_UNKNOWN, convert=choice(SPEEDS), help="link speed to report, in Mbit/s; left out, unknown"
        )

    def __init__(self, name: str, devargs: str, args: Args) -> None:
        path = str(args.path)
        log.info("virtio_user_pmd_probe(): Backend type detected: VHOST_USER")
        mac = args.mac or random_mac()
        transport = VhostUserTransport(path, args.queues, server=args.server, mac=mac, speed=args.speed)
        try:
            super().__init__(name, devargs, transport, self._wanted(args), args.queue_size, args.speed, args.vectorized)
        except TestpmdError:
            transport.close()
            raise
        if args.mac is None:
            driver_log.info("virtio_user_dev_init_mac(): (%s) No valid MAC in devargs or device, use random", path)
        self.mac = mac

    @staticmethod
    def _wanted(args: Args) -> Feature:
        wanted = DEFAULT_FEATURES
        if not args.mrg_rxbuf:
            wanted &= ~Feature.VIRTIO_NET_F_MRG_RXBUF
        if args.in_order:
            wanted |= Feature.VIRTIO_F_IN_ORDER
        if args.packed_vq:
            wanted |= Feature.VIRTIO_F_RING_PACKED
        if args.mac is None:
            wanted &= ~Feature.VIRTIO_NET_F_MAC
        if args.cq or args.queues > 1:
            wanted |= CONTROL_FEATURES
        if args.queues > 1:
            wanted |= Feature.VIRTIO_NET_F_MQ
        return wanted
