"""What a port and its device agree on, and what the port then knows of the device."""

from pytestpmd.drivers.virtio.features import Agreement, negotiate
from pytestpmd.drivers.virtio.known_config import KnownConfig, has_mtu, read_config
from pytestpmd.drivers.virtio.transport import Transport
from pytestpmd.drivers.virtio_net import Feature

MAX_QUEUE_PAIRS = 16
#: Queues that every device has.
NB_FIRST_PAIR = 2
HASHING = Feature.VIRTIO_NET_F_RSS | Feature.VIRTIO_NET_F_HASH_REPORT


def agree(transport: Transport, wanted: Feature, queue_size: int) -> tuple[Agreement, KnownConfig]:
    """What the device has of what is wanted, and says of itself; rings must then be able to have that size."""
    agreed = negotiate(transport.features(), wanted)
    config = read_known(transport, agreed)
    if not has_mtu(config):
        agreed = negotiate(transport.features(), wanted & ~Feature.VIRTIO_NET_F_MTU)
        config = read_known(transport, agreed)
    for index in range(NB_FIRST_PAIR):
        transport.ring_layout(index, queue_size, agreed.packed)
    return agreed, config


def read_known(transport: Transport, agreed: Agreement) -> KnownConfig:
    """Of the hash it is read what it could be: it is agreed on only when it is asked for."""
    possible = negotiate(transport.features(), agreed.features | HASHING)
    return read_config(possible, transport.read_config, transport.config_generation)


def count_pairs(transport: Transport, agreed: Agreement, config: KnownConfig) -> int:
    """How many pairs of queues the port can have."""
    if agreed.has(Feature.VIRTIO_NET_F_MQ):
        return min(config.max_pairs, MAX_QUEUE_PAIRS)
    return min(transport.max_queue_pairs(), MAX_QUEUE_PAIRS)
