"""What a virtio port has its device do by the control queue, and has every later device do again.

Each wish is sent at once where there is a device, and kept: :meth:`ControlledPort.restore` tells it to the next one.
A device that refuses a wish is told of it in the log; only the number of queue pairs must be as it was asked for.
"""

import errno
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import RLock

from pytestpmd.drivers.virtio import ctrl
from pytestpmd.drivers.virtio.ctrlq import CONTROL_RING_SIZE, ControlQueue, ControlRefused
from pytestpmd.drivers.virtio.features import Agreement
from pytestpmd.drivers.virtio.known_config import KnownConfig, LinkStatus
from pytestpmd.drivers.virtio.rss import DEFAULT_KEY, HASH_TYPES, KEY_SIZE, to_hash_types
from pytestpmd.drivers.virtio.transport import Transport
from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.errors import DeviceError, NotSupported, OperationError
from pytestpmd.ethdev.filters import is_group
from pytestpmd.ethdev.port import EthPort
from pytestpmd.ethdev.rss import Rss
from pytestpmd.log import log_type

F = Feature
log = log_type("pmd.net.virtio.init", "VIRTIO_INIT")
driver_log = log_type("pmd.net.virtio.driver", "VIRTIO_DRIVER")

MAX_MAC_ADDRS = 64
MAC_TABLE = F.VIRTIO_NET_F_CTRL_RX | F.VIRTIO_NET_F_CTRL_MAC_ADDR


class ControlledPort(EthPort):
    """Between a port and a virtio port, which says what was agreed, and whether the device is live."""

    max_mac_addrs = MAX_MAC_ADDRS

    transport: Transport
    agreed: Agreement
    config: KnownConfig
    _lock: RLock
    _is_live: bool
    _control: ControlQueue | None

    def _send(self, command: ctrl.Command, failed: str, code: int = errno.EAGAIN) -> None:
        """Have the device do it now, if it is live; ``failed`` is logged and ``code`` raised if it does not."""
        with self._lock:
            if not self._is_live or self._control is None:
                return
            try:
                self._control.exchange(command)
            except DeviceError as error:
                driver_log.error("%s: %s", failed, str(error))
                raise OperationError(code) from error

    # What is asked of the port.

    def set_promiscuous(self, on: bool) -> None:
        self._need_rx_control()
        self._send(ctrl.promiscuous(on), f"Failed to {'enable' if on else 'disable'} promisc")
        self.promiscuous = on

    def set_all_multicast(self, on: bool) -> None:
        self._need_rx_control()
        self._send(ctrl.all_multicast(on), f"Failed to {'enable' if on else 'disable'} allmulticast")
        self.all_multicast = on

    def _need_rx_control(self) -> None:
        if not self.agreed.has(F.VIRTIO_NET_F_CTRL_RX):
            log.info("host does not support rx control")
            raise NotSupported("Operation not supported")

    def apply_mac(self, address: bytes) -> None:
        """By command; without that the address can be kept only where it is in the configuration space."""
        if self.agreed.has(F.VIRTIO_NET_F_CTRL_MAC_ADDR):
            self._send(ctrl.mac_address(address), "mac address set failed", errno.EPERM)
        elif self.agreed.has(F.VIRTIO_NET_F_MAC):
            self.transport.write_mac(address)
        else:
            raise OperationError(errno.ENOTSUP)

    def apply_macs(self, macs: Sequence[bytes], mcast_addrs: Sequence[bytes]) -> None:
        if MAC_TABLE not in self.agreed.features:
            driver_log.info("host does not support mac table")
            raise OperationError(errno.EPERM)
        self._send(self._mac_table(macs, mcast_addrs), "mac table set failed", errno.EPERM)

    def apply_mcast_addrs(self, addresses: Sequence[bytes]) -> None:
        if MAC_TABLE not in self.agreed.features:
            raise OperationError(errno.ENOTSUP)
        if len(addresses) + len(self.macs) >= MAX_MAC_ADDRS:
            raise OperationError(errno.ENOSPC)
        self._send(self._mac_table(self.macs, addresses), "mac table set failed")

    def _mac_table(self, macs: Sequence[bytes], mcast_addrs: Sequence[bytes]) -> ctrl.Command:
        """Groups may have been added as addresses too, as in the original."""
        every = dict.fromkeys([self.mac, *macs, *mcast_addrs])
        return ctrl.mac_table(
            [address for address in every if not is_group(address)], [address for address in every if is_group(address)]
        )

    def apply_vlan(self, vlan_id: int, on: bool) -> None:
        if not self.agreed.has(F.VIRTIO_NET_F_CTRL_VLAN):
            raise OperationError(errno.ENOTSUP)
        self._send(ctrl.vlan(vlan_id, on), "VLAN filter failed")

    # A device's beginning and end.

    def make_control(self, agreed: Agreement, nb_pairs: int) -> ControlQueue | None:
        """The control queue, which comes after those of all pairs that the device has (virtio 1.2, 5.1.2)."""
        if not agreed.has(F.VIRTIO_NET_F_CTRL_VQ):
            return None
        index = 2 * (nb_pairs if agreed.has(F.VIRTIO_NET_F_MQ) else 1)
        layout = self.transport.ring_layout(index, CONTROL_RING_SIZE, agreed.packed)
        way = self.transport
        return ControlQueue(index, layout, way.serve_control, is_on_bus=way.is_on_bus, uses_iova=way.uses_iova)

    def set_up_control(self) -> None:
        """Together with the other queues."""
        if self._control:
            self._control.reset(self.agreed)
            vq = self._control.virtqueue
            self.transport.setup_control(vq.index, vq.addresses, vq.base, self._control.region)

    def begin_control(self, nb_pairs: int) -> None:
        """The device is live: have it use more than the first pair, and do all that the devices before it were asked
        for. Raises ``DeviceError`` if it will not use the queues."""
        self._restore_mac()
        if self._control is None:
            return
        self._control.virtqueue.arm(self.transport.control_doorbell(self._control.virtqueue.index))
        use = self._use_queues(nb_pairs)
        if use:
            try:
                self._control.exchange(use)
            except DeviceError as error:
                raise DeviceError(f"Multiqueue configured but send command failed: {error}") from error
        self.restore(self._control)

    def _restore_mac(self) -> None:
        """Where there is no command for it; a reset takes it back (5.1.4.2)."""
        by_space = self.agreed.has(F.VIRTIO_NET_F_MAC) and not self.agreed.has(F.VIRTIO_NET_F_CTRL_MAC_ADDR)
        if by_space and self.mac != self.config.mac:
            with suppress(OperationError):  # such a device kept no other one before either
                self.transport.write_mac(self.mac)

    def _use_queues(self, nb_pairs: int) -> ctrl.Command | None:
        """What has more than the first pair used; with RSS, by the same command, what a frame's queue is chosen by."""
        if self.agreed.has(F.VIRTIO_NET_F_RSS):
            return self._rss_command(self.rss, nb_pairs)
        return ctrl.queue_pairs(nb_pairs) if self.agreed.has(F.VIRTIO_NET_F_MQ) else None

    @staticmethod
    def _rss_command(rss: Rss, nb_pairs: int) -> ctrl.Command:
        return ctrl.rss_config(to_hash_types(rss.functions), rss.key, rss.reta, nb_pairs)

    def apply_rss(self, rss: Rss) -> None:
        """Hashing nothing leads every frame to the first queue, as the original has it."""
        if not self.agreed.has(F.VIRTIO_NET_F_RSS):
            raise OperationError(errno.ENOTSUP)
        if len(rss.key) != KEY_SIZE:
            raise OperationError(errno.EINVAL)
        nb_pairs = max(len(self.rx_queues), len(self.tx_queues))
        failed = "Failed to apply new RSS config to the device"
        self._send(self._rss_command(rss, nb_pairs), failed, errno.EINVAL)

    def answer_announcement(self, announce: Callable[[], bool]) -> None:
        """The device wants the link to be announced, and to hear when that was done (virtio 1.2, 5.1.6.5.4)."""
        is_wanted = self.agreed.has(F.VIRTIO_NET_F_GUEST_ANNOUNCE) and LinkStatus.ANNOUNCE in self.config.status
        if not is_wanted or self._control is None:
            return
        if not announce():
            driver_log.warning("port %d: the link could not be announced", self.port_id)
            return
        try:
            self._control.exchange(ctrl.announced())
        except DeviceError as error:
            driver_log.error("port %d: the announcement was not acknowledged: %s", self.port_id, str(error))

    def stop_control(self) -> None:
        """Have the device let go of it."""
        if self._control:
            self._control.virtqueue.disarm()
            self.transport.stop_control(self._control.virtqueue.index)

    def restore(self, control: ControlQueue) -> None:
        """Everything that was asked of the devices before it, and that a device does not do of its own accord."""
        for what, command in self._wishes():
            try:
                control.exchange(command)
            except ControlRefused as error:
                driver_log.error("%s was not restored: %s", what, str(error))

    def _wishes(self) -> list[tuple[str, ctrl.Command]]:
        """Wishes that differ from what a device does after a reset, each with its name."""
        has: Callable[[Feature], bool] = self.agreed.has
        wishes = []
        if has(F.VIRTIO_NET_F_HASH_REPORT) and not has(F.VIRTIO_NET_F_RSS) and self.config.rss:
            key = DEFAULT_KEY[: self.config.rss.max_key_size]
            wishes.append(("the hash", ctrl.hash_config(self.config.rss.hash_types & HASH_TYPES, key)))
        if has(F.VIRTIO_NET_F_CTRL_RX) and self.promiscuous:
            wishes.append(("promiscuous mode", ctrl.promiscuous(True)))
        if has(F.VIRTIO_NET_F_CTRL_RX) and self.all_multicast:
            wishes.append(("all-multicast mode", ctrl.all_multicast(True)))
        if has(F.VIRTIO_NET_F_CTRL_MAC_ADDR) and self.mac != self.config.mac:
            wishes.append(("the MAC address", ctrl.mac_address(self.mac)))
        if MAC_TABLE in self.agreed.features and (self.macs or self.mcast_addrs):
            wishes.append(("the MAC table", self._mac_table(self.macs, self.mcast_addrs)))
        if has(F.VIRTIO_NET_F_CTRL_VLAN):
            wishes += [(f"VLAN {vlan_id}", ctrl.vlan(vlan_id, True)) for vlan_id in sorted(self.vlan_ids)]
        return wishes
