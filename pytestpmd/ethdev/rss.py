"""Receive side scaling as ``lib/ethdev`` has it: what is hashed, with which key, and to which queues it leads.

Hash functions are bits, DPDK's ``RTE_ETH_RSS_*``, and go by testpmd's names.
"""

import errno
from collections.abc import Mapping
from dataclasses import dataclass, replace

from pytestpmd.errors import ConfigError, OperationError

#: testpmd's names of single functions, by bit, in the order in which it prints them; groups come before.
_SINGLE = {
    "ipv4": 2, "ipv4-frag": 3, "ipv4-tcp": 4, "ipv4-udp": 5, "ipv4-sctp": 6, "ipv4-other": 7, "ipv6": 8, "ipv6-frag": 9,
    "ipv6-tcp": 10, "ipv6-udp": 11, "ipv6-sctp": 12, "ipv6-other": 13, "l2-payload": 14, "ipv6-ex": 15,
    "ipv6-tcp-ex": 16, "ipv6-udp-ex": 17, "port": 18, "vxlan": 19, "geneve": 20, "nvgre": 21, "gtpu": 23, "eth": 24,
    "s-vlan": 25, "c-vlan": 26, "esp": 27, "ah": 28, "l2tpv3": 29, "pfcp": 30, "pppoe": 31, "ecpri": 32, "mpls": 33,
    "ipv4-chksum": 34, "l4-chksum": 35, "l2tpv2": 36, "l3-pre96": 52, "l3-pre64": 53, "l3-pre56": 54, "l3-pre48": 55,
    "l3-pre40": 56, "l3-pre32": 57, "l2-dst-only": 58, "l2-src-only": 59, "l4-dst-only": 60, "l4-src-only": 61,
    "l3-dst-only": 62, "l3-src-only": 63, "ipv6-flow-label": 37, "ib-bth": 38,
}  # fmt: skip


def _bits(*names: str) -> int:
    return sum(1 << _SINGLE[name] for name in names)


_GROUPS = {
    "ip": _bits("ipv4", "ipv4-frag", "ipv4-other", "ipv6", "ipv6-frag", "ipv6-other", "ipv6-ex"),
    "udp": _bits("ipv4-udp", "ipv6-udp", "ipv6-udp-ex"),
    "tcp": _bits("ipv4-tcp", "ipv6-tcp", "ipv6-tcp-ex"),
    "sctp": _bits("ipv4-sctp", "ipv6-sctp"),
    "tunnel": _bits("vxlan", "geneve", "nvgre"),
    "vlan": _bits("s-vlan", "c-vlan"),
}
_ALL = sum(_GROUPS[name] for name in ("ip", "udp", "tcp", "sctp", "vlan")) + _bits(
    "eth", "l2-payload", "l2tpv3", "esp", "ah", "pfcp", "gtpu", "ecpri", "mpls", "l2tpv2", "ib-bth"
)
RSS_TYPES: Mapping[str, int] = {"all": _ALL, **_GROUPS, **{name: 1 << bit for name, bit in _SINGLE.items()}}


def rss_functions(names: tuple[str, ...]) -> int:
    """The bits of these names; those that have none count nothing."""
    bits = 0
    for name in names:
        bits |= RSS_TYPES.get(name, 0)
    return bits


def rss_names(functions: int) -> list[str]:
    """What of the table is in these bits, in its order: groups that are there as a whole, then single ones."""
    return [name for name, bits in RSS_TYPES.items() if functions & bits == bits]


@dataclass(frozen=True)
class Rss:
    """What a port hashes (0: nothing), the key, and the queue of each entry of the redirection table."""

    functions: int = 0
    key: bytes = b""
    reta: tuple[int, ...] = ()


class RssDisabled(OperationError):
    """The port was not configured for it."""

    def __init__(self) -> None:
        super().__init__(errno.ENOTSUP)

    said = "ETHDEV: Multi-queue RSS mode isn't enabled."


class Scaling:
    """Mixed into a port; the subclass keeps ``rss`` when it is configured, and has it carried out in ``apply_rss``."""

    rss = Rss()

    def apply_rss(self, rss: Rss) -> None:
        """Have the device do this; OperationError if it will not, and then nothing has changed."""
        raise OperationError(errno.ENOTSUP)

    def set_rss_hash(self, functions: int, key: bytes | None = None) -> None:
        """Hash this, with another key if one is given."""
        self._change(replace(self.rss, functions=functions, key=self.rss.key if key is None else key))

    def set_rss_reta(self, entries: Mapping[int, int], nb_rxq: int) -> None:
        """Lead these entries of the table to those queues, of which there are ``nb_rxq``."""
        if any(queue >= nb_rxq for queue in entries.values()):
            raise OperationError(errno.EINVAL)
        self._change(replace(self.rss, reta=tuple(entries.get(i, queue) for i, queue in enumerate(self.rss.reta))))

    def _change(self, rss: Rss) -> None:
        if not self.rss.functions:
            raise RssDisabled
        self.apply_rss(rss)
        self.rss = rss


def parse_key(text: str, size: int) -> bytes:
    """A key of ``size`` bytes in hexadecimal; ConfigError in the original's words."""
    if len(text) != 2 * size:
        raise ConfigError(f"key length: {len(text)} invalid - key must be a string of {2 * size} hexa-decimal numbers")
    bad = next((i for i, digit in enumerate(text) if digit not in "0123456789abcdefABCDEF"), None)
    if bad is not None:
        raise ConfigError(f"invalid key: character {text[bad]} at position {bad} is not a valid hexa digit")
    return bytes.fromhex(text)
