"""How virtio's hash types (1.2, 5.1.6.4.3) and ethdev's hash functions stand for each other: pure."""

from pytestpmd.drivers.virtio.features import Agreement
from pytestpmd.drivers.virtio.known_config import KnownConfig, RssLimits
from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.errors import ConfigError, NotSupported
from pytestpmd.ethdev.port import PortConf
from pytestpmd.ethdev.rss import RSS_TYPES, Rss, rss_functions, rss_names

RETA_SIZE = 128
KEY_SIZE = 40
#: What the ixgbe driver begins with, and so does DPDK's virtio driver.
DEFAULT_KEY = bytes.fromhex("6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa")

#: Hash types by bit, and the functions that they serve.
_TYPES = (
    ("ipv4", "ipv4-frag", "ipv4-other"),
    ("ipv4-tcp",),
    ("ipv4-udp",),
    ("ipv6", "ipv6-frag", "ipv6-other"),
    ("ipv6-tcp",),
    ("ipv6-udp",),
    ("ipv6-ex",),
    ("ipv6-tcp-ex",),
    ("ipv6-udp-ex",),
)
#: All that we know.
HASH_TYPES = (1 << len(_TYPES)) - 1


def is_enough(limits: RssLimits | None) -> bool:
    """Whether the device can have a table and a key of our sizes, and hash something that we know."""
    return (
        limits is not None
        and limits.max_key_size >= KEY_SIZE
        and limits.max_table >= RETA_SIZE
        and bool(to_functions(limits.hash_types))
    )


def to_functions(hash_types: int) -> int:
    """What a device of these hash types can hash."""
    return sum(rss_functions(names) for bit, names in enumerate(_TYPES) if hash_types >> bit & 1)


def to_hash_types(functions: int) -> int:
    """The hash types that serve these functions."""
    return sum(1 << bit for bit, names in enumerate(_TYPES) if functions & rss_functions(names))


def flow_types(limits: RssLimits | None) -> tuple[str, ...]:
    """Names of all that the device can hash, for ``show port info``."""
    if limits is None or not is_enough(limits):
        return ()
    functions = to_functions(limits.hash_types)
    single = [name for name in rss_names(functions) if RSS_TYPES[name].bit_count() == 1]
    return tuple(sorted(single, key=lambda name: RSS_TYPES[name]))


def agreed_rss(conf: PortConf, agreed: Agreement, config: KnownConfig, before: Rss) -> Rss:
    """What a configuration begins with: the table leads to its queues in turn, unless it had as many ``before``.

    Raises :class:`NotSupported`, in the original's words, when the device cannot do it.
    """
    if not conf.rss_functions:
        return Rss()
    if not conf.nb_rxq:
        raise ConfigError("Cannot init RSS if no Rx queues")
    if not agreed.has(Feature.VIRTIO_NET_F_RSS) or config.rss is None or not is_enough(config.rss):
        raise NotSupported("RSS support requested but not supported by the device")
    if conf.rss_functions & ~to_functions(config.rss.hash_types):
        raise NotSupported(f"the device does not hash {' '.join(rss_names(conf.rss_functions))}")
    dealt = tuple(i % conf.nb_rxq for i in range(RETA_SIZE))
    is_as_before = before.reta and max(before.reta) == max(dealt)
    return Rss(conf.rss_functions, before.key or DEFAULT_KEY, before.reta if is_as_before else dealt)
