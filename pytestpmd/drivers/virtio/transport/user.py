"""net_virtio_user over vhost-user: the driver's process is the front-end, its memory the guest's.

The rings' addresses serve as guest and as user addresses alike. As a client it connects at probe, and every
second again once its back-end has left; as a server it listens and takes back-ends as they come, one at a time.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Sequence

from pytestpmd.drivers.net_config import DUPLEX_FULL, LINK_UP, NetConfig
from pytestpmd.drivers.virtio.known_config import MAX_MTU, PAIRS_AT
from pytestpmd.drivers.virtio.report import protocol
from pytestpmd.drivers.virtio.transport import TransportReport
from pytestpmd.drivers.virtio.transport.device_config import DeviceConfig
from pytestpmd.drivers.virtio.transport.eventfds import FLAGS
from pytestpmd.drivers.virtio.transport.served import ServedTransport
from pytestpmd.drivers.virtio.virtqueue import RingAddresses
from pytestpmd.drivers.virtio_net import Feature, Status
from pytestpmd.eal.control import ControlThread
from pytestpmd.eal.memory import Region
from pytestpmd.errors import DeviceError, StatusError
from pytestpmd.ethdev.link import SPEED_UNKNOWN
from pytestpmd.ethdev.report import ConnectionReport
from pytestpmd.log import Level, log_type
from pytestpmd.vhost_user import messages as m
from pytestpmd.vhost_user.channel import FrontendChannel
from pytestpmd.vhost_user.connection import TIMEOUT, Connection, Listener, connect, listen
from pytestpmd.vhost_user.wire import ProtocolFeature

log = log_type("pmd.net.virtio.driver", "VIRTIO_DRIVER")

WANTED_PROTOCOL = ProtocolFeature.MQ | ProtocolFeature.REPLY_ACK | ProtocolFeature.STATUS | ProtocolFeature.MTU
#: What the back-end is not asked about: the front-end answers for these itself, as it has the configuration space.
OWN_FEATURES = Feature.VIRTIO_NET_F_MAC | Feature.VIRTIO_NET_F_STATUS | Feature.VIRTIO_NET_F_CTRL_VQ
#: What the control queue offers, be the back-end's own view of it what it may: there is nothing that filters frames.
CONTROL_FEATURES = Feature.VIRTIO_NET_F_CTRL_RX
#: What nobody can use who has no configuration space that changes: back-ends offer it for their front-end's sake.
UNUSABLE = Feature.VIRTIO_NET_F_GUEST_ANNOUNCE | Feature.VIRTIO_NET_F_RSS | Feature.VIRTIO_NET_F_HASH_REPORT
#: What a server takes for offered before a back-end has come: what back-ends have in common. The driver adapts to the
#: one that comes. (DPDK's does not start before one has come, and tells a later one of what is left.)
PRESUMED = (
    Feature.VIRTIO_NET_F_MRG_RXBUF
    | Feature.VIRTIO_F_VERSION_1
    | Feature.VIRTIO_RING_F_INDIRECT_DESC
    | Feature.VIRTIO_F_RING_PACKED
    | Feature.VIRTIO_NET_F_MQ
    | Feature.VHOST_USER_F_PROTOCOL_FEATURES
    # asked for with an offload alone: one that was configured is then in want of a back-end that has it
    | Feature.VIRTIO_NET_F_CSUM
    | Feature.VIRTIO_NET_F_HOST_TSO4
    | Feature.VIRTIO_NET_F_HOST_TSO6
    | Feature.VIRTIO_NET_F_GUEST_CSUM
    | Feature.VIRTIO_NET_F_GUEST_TSO4
    | Feature.VIRTIO_NET_F_GUEST_TSO6
)
#: What the transport itself takes of the features, and the driver knows nothing of.
PROTOCOL_BIT = Feature.VHOST_USER_F_PROTOCOL_FEATURES
RECONNECT_S = 1.0
FEATURES_SET = Status.ACKNOWLEDGE | Status.DRIVER | Status.FEATURES_OK
SAID = Status.FEATURES_OK | Status.FAILED


class VhostUserTransport(ServedTransport):
    """A vhost-user back-end behind a Unix socket; ``nb_pairs`` queue pairs at most are spoken of.

    An answer may take ``timeout`` seconds.
    """

    def __init__(
        self,
        path: str,
        nb_pairs: int,
        *,
        server: bool = False,
        timeout: float = TIMEOUT,
        mac: bytes = bytes(6),
        speed: int = SPEED_UNKNOWN,
    ) -> None:
        super().__init__(nb_pairs)
        self.path = path
        self._mac, self._speed = mac, speed
        self._timeout = timeout
        self.on_change = self.on_tick = self.on_error = self.on_config = lambda: None
        self._status = Status.RESET
        self._next_attempt = 0.0
        #: Held while the channel is used or replaced; never while the driver is called back.
        self._lock = threading.RLock()
        self._channel: FrontendChannel | None = None
        self._listener: Listener | None = None
        #: What was said, even when it is over, and how the last conversation ended.
        self._exchange: deque[str] = deque()
        self._ended = ""
        #: By which the back-end tells of a broken ring. It is never read, because whoever shares it can make us wait:
        #: one that was written is closed, and the next start has another.
        self._error_fd = -1
        self._nb_offered = 0
        self._control = ControlThread("virtio-user", self._tick)
        self._config = DeviceConfig(path, self._control, self._config_changed)
        try:
            self._events.reserve(2 * nb_pairs)
            if server:
                self._listener = listen(path)
                self._control.watch(self._listener.fileno(), self._accept)
            else:
                self._open(connect(path, timeout))
                self._watch_peer()
        except (DeviceError, OSError):
            self._events.close()
            self._control.stop()
            raise
        self._control.start()

    def _tick(self) -> None:
        if self._listener is None and self._channel is None and time.monotonic() >= self._next_attempt:
            self._look_for_back_end()
        self.on_tick()

    def _look_for_back_end(self) -> None:
        """As a client whose back-end left: perhaps it is back."""
        self._next_attempt = time.monotonic() + RECONNECT_S
        try:
            is_new = self._open_if_gone(timeout=0)
        except DeviceError as error:
            log.debug("(%s) %s", self.path, error)
            return
        if is_new:
            self.on_change()

    # The connection.

    def _open(self, connection: Connection) -> None:
        """Greet a back-end, and learn what it offers (the order is DPDK's)."""
        channel = FrontendChannel(connection, self._timeout)
        self._exchange = channel.exchange
        try:
            channel.call(m.SetOwner())
            if channel.call(m.GetFeatures()) & Feature.VHOST_USER_F_PROTOCOL_FEATURES:
                offered = ProtocolFeature(channel.call(m.GetProtocolFeatures()))
                wanted = WANTED_PROTOCOL | self._config.wanted(offered)
                channel.call(m.SetProtocolFeatures(int(offered & wanted)))
                self._config.open(channel)
        except DeviceError:
            self._config.close()
            channel.close()
            raise
        self._channel, self._status, self._nb_offered = channel, Status.RESET, 0
        self.generation += 1

    def _watch_peer(self) -> None:
        assert self._channel is not None
        self._control.watch(self._channel.connection.fileno(), self._peer_spoke)

    def _accept(self) -> None:
        assert self._listener is not None
        connection = self._listener.accept()
        if connection is None:
            return
        with self._lock:
            is_free = self._channel is None or self._peer_is_gone()
        if is_free:
            self._peer_spoke()  # if it has not been noticed yet
        else:
            log.limited((self.path, "second"), Level.WARNING, "(%s) a second back-end is turned away", self.path)
            connection.close()
            return
        try:
            with self._lock:
                self._open(connection)
                self._watch_peer()
        except DeviceError as error:
            self._ended = why = f"the back-end that came is no good: {error}"
            log.limited((self.path, "greeting"), Level.ERROR, "(%s) %s", self.path, why)
            return
        self.on_change()

    def _peer_is_gone(self) -> bool:
        channel = self._channel
        return channel is not None and channel.connection.peer_is_gone()

    def _peer_spoke(self) -> None:
        """A back-end says nothing of its own accord: it left, or it breaks the rules."""
        with self._lock:
            channel = self._channel
            if channel is None or not channel.connection.wait_readable(0):
                return  # what woke us was an answer, and has been taken
            left = channel.connection.peer_is_gone()
            why = "the back-end closed the connection" if left else "the back-end spoke without being asked"
            self._forget(why)
        log.limited((self.path, "gone"), Level.NOTICE, "(%s) %s", self.path, why)
        self.on_change()

    def drop(self, why: str) -> None:
        """End the conversation; a server waits for the next back-end."""
        with self._lock:
            self._forget(why)
        log.limited((self.path, "dropped"), Level.ERROR, "(%s) %s", self.path, why)

    def _forget(self, why: str) -> None:
        if self._channel:
            self._control.unwatch(self._channel.connection.fileno())
            self._channel.close()
        self._config.close()
        self._close_error_fd()
        self._channel, self._ended = None, why
        self._next_attempt = time.monotonic() + RECONNECT_S

    def reconnect(self) -> None:
        self._open_if_gone(self._timeout)

    def _open_if_gone(self, timeout: float) -> bool:
        """As a client, connect unless somebody else has done so; whether we have."""
        with self._lock:
            if self._channel is not None or self._listener is not None:
                return False
            self._open(connect(self.path, timeout))
            self._watch_peer()
            return True

    def _call(self, message: m.Message, *, needs_reply: bool | None = None) -> int:
        with self._lock:
            if self._channel is None:
                raise DeviceError("there is no back-end")
            return self._channel.call(message, needs_reply=needs_reply)

    def _watched_error_fd(self) -> int:
        if self._error_fd < 0:
            self._error_fd = os.eventfd(0, FLAGS)
            self._control.watch(self._error_fd, self._back_end_erred)
        return self._error_fd

    def _back_end_erred(self) -> None:
        with self._lock:
            self._close_error_fd()
        log.limited((self.path, "error"), Level.ERROR, "(%s) the back-end tells of a broken ring", self.path)
        self.on_error()

    def _close_error_fd(self) -> None:
        if self._error_fd >= 0:
            self._control.unwatch(self._error_fd)
            os.close(self._error_fd)
        self._error_fd = -1

    # Another thread may end the conversation at any moment: look at the channel once.

    @property
    def _protocol(self) -> ProtocolFeature:
        channel = self._channel
        return channel.machine.protocol_features if channel else ProtocolFeature(0)

    @property
    def _offered(self) -> Feature:
        channel = self._channel
        return Feature(channel.machine.offered_features if channel else 0)

    def _config_changed(self) -> None:
        try:
            with self._lock:
                if self._channel is None:
                    return
                self._config.read(self._channel)
        except DeviceError as error:
            if self._peer_is_gone():
                return  # which is told in its own words
            self.drop(f"the configuration space cannot be read: {error}")
            self.on_change()
            return
        self.on_config()

    # What the driver asks.

    @property
    def connected(self) -> bool:
        return self._channel is not None

    def features(self) -> Feature:
        channel = self._channel
        offered = PRESUMED if channel is None else Feature(channel.machine.offered_features) & ~UNUSABLE
        offered |= OWN_FEATURES | CONTROL_FEATURES
        return offered if self._protocol & ProtocolFeature.MTU else offered & ~Feature.VIRTIO_NET_F_MTU

    def max_queue_pairs(self) -> int:
        """Each back-end is asked once."""
        if self._channel is None:
            return self._nb_pairs
        if not self._protocol & ProtocolFeature.MQ:
            return 1
        if not self._nb_offered:
            self._nb_offered = max(1, self._call(m.GetQueueNum()))
        return min(self._nb_pairs, self._nb_offered)

    @property
    def _is_carried(self) -> bool:
        """Whether there is a link beyond the back-end, as far as that says."""
        config = self._config.current
        return config is None or Feature.VIRTIO_NET_F_STATUS not in self._offered or config.is_up

    def read_config(self, offset: int, size: int) -> bytes:
        """Ours; of the back-end it has the number of queue pairs, which is asked for when it is read, and the link."""
        pairs = self.max_queue_pairs() if offset < PAIRS_AT + 2 and offset + size > PAIRS_AT else 0
        status = LINK_UP if self.connected and self._is_carried else 0
        space = NetConfig(self._mac, status, pairs, MAX_MTU, self._speed, DUPLEX_FULL)
        return space.encode()[offset : offset + size]

    def set_status(self, status: Status) -> None:
        """Steps before FEATURES_OK are not said: back-ends need not know them, and DPDK's driver keeps them too."""
        unsaid = status == self._status or not (status == Status.RESET or status & SAID)
        if unsaid or not self._protocol & ProtocolFeature.STATUS:
            return
        self._status = status
        # who is given up on is not waited for
        self._call(m.SetStatus(int(status)), needs_reply=False if status & Status.FAILED else None)
        if status == FEATURES_SET:
            self._check_features_ok()

    def _check_features_ok(self) -> None:
        """virtio 1.2, 3.1.1, step 6."""
        status = self._read_status()
        if status & Status.NEEDS_RESET:
            raise StatusError("the back-end needs a reset")
        if not status & Status.FEATURES_OK:
            raise StatusError("the back-end does not accept the features")

    def _read_status(self) -> Status:
        return Status(self._call(m.GetStatus()) & 0xFF)

    def needs_reset(self) -> bool:
        return bool(self._protocol & ProtocolFeature.STATUS and self._read_status() & Status.NEEDS_RESET)

    def set_features(self, features: Feature) -> None:
        self._agree(features)
        own = OWN_FEATURES & ~Feature.VIRTIO_NET_F_STATUS if self._config.current else OWN_FEATURES
        wire = features & self._offered & ~own | (self._offered & Feature.VHOST_USER_F_PROTOCOL_FEATURES)
        log.info("virtio_user_dev_set_features(): (%s) set features: 0x%x", self.path, features & ~OWN_FEATURES)
        self._call(m.SetFeatures(int(wire)))

    def set_mtu(self, mtu: int) -> None:
        self._call(m.NetSetMtu(mtu))

    def share_memory(self, regions: Sequence[Region]) -> None:
        table = tuple(m.MemRegion(r.address, r.size, r.address, r.offset, r.fd) for r in regions)
        self._call(m.SetMemTable(table))

    def setup_queue(self, index: int, ring: RingAddresses, base: int) -> None:
        self._call(m.SetVringCall(index, self._events.call(index)))
        self._call(m.SetVringErr(index, self._watched_error_fd()))
        self._call(m.SetVringNum(index, ring.size))
        self._call(m.SetVringBase(index, base))
        self._call(m.SetVringAddr(index, 0, ring.desc, ring.used, ring.avail, 0))
        self._call(m.SetVringKick(index, self._events.kick(index)))

    def _enable(self, index: int, on: bool) -> None:
        if self._offered & Feature.VHOST_USER_F_PROTOCOL_FEATURES:
            self._call(m.SetVringEnable(index, int(on)))

    def stop_queue(self, index: int) -> None:
        self._call(m.GetVringBase(index))

    def report(self) -> TransportReport:
        """Without the lock, which whoever waits for a slow back-end holds: of a channel that may just be ending."""
        channel, role, said = self._channel, "server" if self._listener else "client", tuple(self._exchange.copy())
        if channel is None:
            note = f"{self._ended or 'none has come yet'}; what it offers is presumed"
            connection = ConnectionReport(False, role, self.path, note)
            return TransportReport(connection, PRESUMED, self.features(), PROTOCOL_BIT, conversation=said)
        machine = channel.machine
        offered = machine.offered_protocol_features
        rows = protocol(offered, WANTED_PROTOCOL | self._config.wanted(offered), machine.protocol_features)
        connection = ConnectionReport(True, role, self.path)
        return TransportReport(connection, self._offered, self.features(), PROTOCOL_BIT, rows, said)

    def close(self) -> None:
        self._control.stop()
        self.control.detach()
        with self._lock:
            if self._channel:
                self._channel.close()
            self._channel = None
            self._config.close()
            self._close_error_fd()
        if self._listener:
            self._listener.close()
        self._events.close()
