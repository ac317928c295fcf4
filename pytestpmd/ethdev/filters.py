"""Which frames a port receives: its addresses, its groups, its VLAN ids, as ``lib/ethdev`` keeps them.

The rules are ethdev's, the device is the subclass's: what the ``apply_`` hooks refuse changes nothing here.
"""

import errno
from collections.abc import Sequence
from typing import ClassVar

from pytestpmd.errors import OperationError

MAX_VLAN_ID = 4095
ZERO = bytes(6)


def is_group(address: bytes) -> bool:
    """Whether an Ethernet address is of many."""
    return bool(address[0] & 1)


class Filters:
    """Mixed into a port. ``mac`` is its own address, ``macs`` what it receives besides; errors are OperationErrors."""

    #: Addresses that a port can keep, its own among them; 0 where the driver keeps no others.
    max_mac_addrs: ClassVar[int] = 0

    def __init__(self) -> None:
        self.mac = ZERO
        self.macs: list[bytes] = []
        self.mcast_addrs: list[bytes] = []
        self.vlan_ids: set[int] = set()

    # The driver's hooks.

    def apply_mac(self, address: bytes) -> None:
        """Have ``address`` for the port's own."""
        raise OperationError(errno.ENOTSUP)

    def apply_macs(self, macs: Sequence[bytes], mcast_addrs: Sequence[bytes]) -> None:
        """Receive these addresses besides the port's own, and these groups."""
        raise OperationError(errno.ENOTSUP)

    def apply_mcast_addrs(self, addresses: Sequence[bytes]) -> None:
        """Receive these groups instead of those before."""
        raise OperationError(errno.ENOTSUP)

    def apply_vlan(self, vlan_id: int, on: bool) -> None:
        """Receive frames with this tag, or no more."""
        raise OperationError(errno.ENOTSUP)

    # What the application asks for.

    def set_mac(self, address: bytes) -> None:
        """Replace the port's own address."""
        if address == ZERO or is_group(address):
            raise OperationError(errno.EINVAL)
        if address in self.macs:
            raise OperationError(errno.EEXIST)
        self.apply_mac(address)
        self.mac = address

    def add_mac(self, address: bytes) -> None:
        """Receive one address more; one that is there already may be added again."""
        self._need_table()
        if address == ZERO:
            raise OperationError(errno.EINVAL)
        if address == self.mac or address in self.macs:
            return
        if len(self.macs) + 1 >= self.max_mac_addrs:
            raise OperationError(errno.ENOSPC)
        self.apply_macs([*self.macs, address], self.mcast_addrs)
        self.macs.append(address)

    def remove_mac(self, address: bytes) -> None:
        """Receive one address less; one that is not there may be removed too."""
        self._need_table()
        if address == self.mac:
            raise OperationError(errno.EADDRINUSE)
        if address in self.macs:
            left = [mac for mac in self.macs if mac != address]
            self.apply_macs(left, self.mcast_addrs)
            self.macs = left

    def _need_table(self) -> None:
        if not self.max_mac_addrs:
            raise OperationError(errno.ENOTSUP)

    def set_mcast_addrs(self, addresses: Sequence[bytes]) -> None:
        """Receive these groups."""
        self.apply_mcast_addrs(addresses)
        self.mcast_addrs = list(addresses)

    def set_vlan(self, vlan_id: int, on: bool) -> None:
        """Receive frames with this tag, or no more; ids are 0 to :data:`MAX_VLAN_ID`."""
        if not 0 <= vlan_id <= MAX_VLAN_ID:
            raise OperationError(errno.EINVAL)
        self.apply_vlan(vlan_id, on)
        (self.vlan_ids.add if on else self.vlan_ids.discard)(vlan_id)
