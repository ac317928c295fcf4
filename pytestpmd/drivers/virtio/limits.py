"""What a virtio port's configuration has to keep to: sizes of rings, buffers and frames."""

import errno
from collections.abc import Sequence
from dataclasses import replace

from pytestpmd._dataplane import lib
from pytestpmd.drivers.virtio.controlled import log
from pytestpmd.drivers.virtio.features import Agreement
from pytestpmd.drivers.virtio_net import MAX_QUEUE_SIZE, MIN_MTU, RX_TAG_AND_ETHERNET
from pytestpmd.eal.mempool import Mempool
from pytestpmd.errors import ConfigError, OperationError
from pytestpmd.ethdev.offloads import RxOffload
from pytestpmd.ethdev.port import DescLimits, PortConf

MIN_RING_SIZE = 32
MIN_RX_BUFSIZE = 64
RING_SIZES = DescLimits(MAX_QUEUE_SIZE, MIN_RING_SIZE)


def check_buffers(conf: PortConf, pool: Mempool, agreed: Agreement) -> None:
    """A frame must fit one buffer, unless several were asked for and agreed."""
    if agreed.mergeable and conf.rx_offloads & RxOffload.SCATTER:
        return
    if conf.mtu + RX_TAG_AND_ETHERNET + agreed.hdr_size > pool.data_room - lib.VIRTQUEUE_RX_OFFSET:
        raise ConfigError(
            "RxQ 0 Rx scatter check failed: Rx scatter is disabled and RxQ mbuf pool object size is too small"
        )


def check_mtu(mtu: int, most: int, conf: PortConf | None, pool: Mempool | None, agreed: Agreement) -> None:
    """Raise ``OperationError``, with DPDK's log lines, for an MTU that device or buffers have no room for."""
    if not MIN_MTU <= mtu <= most:
        log.error("virtio_mtu_set(): MTU should be between %d and %d", MIN_MTU, most)
        raise OperationError(errno.EINVAL)
    if conf is None or pool is None:
        return
    try:
        check_buffers(replace(conf, mtu=mtu), pool, agreed)
    except ConfigError:
        refused = "Rx scatter is disabled and RxQ mbuf pool object size is too small"
        log.error("virtio_check_scatter_on_all_rx_queues(): MTU check for RxQ 0 failed: %s", refused)
        log.error("virtio_mtu_set(): MTU vs Rx scatter and Rx buffers check failed")
        raise OperationError(errno.EINVAL) from None


def warn_of_ring_sizes(conf: PortConf, sizes: Sequence[int]) -> None:
    """The device fixes the rings' ``sizes``, by queue; other wishes are told, and not heeded."""
    for kind, given in (("Rx", sizes[0::2]), ("Tx", sizes[1::2])):
        asked = [conf.ring_size(f"{kind.lower()}q", queue_id) for queue_id in range(len(given))]
        for wish, size in sorted(set(zip(asked, given, strict=True))):
            if wish not in (0, size):
                log.warning("%s queue size %d differs from the device's, falling back to %d", kind, wish, size)
