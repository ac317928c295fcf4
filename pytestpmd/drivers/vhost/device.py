"""One front-end: its conversation, its memory, its rings.

Every request that ``vhost_user.Backend`` lets through is carried out by one method here, or refused by raising
:class:`DeviceError`, which changes nothing. Which rings are served follows from all that was said: :meth:`sync`.
"""

from collections.abc import Callable, Iterable, Sequence

from pytestpmd.drivers.net_config import NetConfig
from pytestpmd.drivers.rarp import rarp_frame
from pytestpmd.drivers.vhost.config_space import ConfigSpace
from pytestpmd.drivers.vhost.features import in_want
from pytestpmd.drivers.vhost.rings import Ring, VhostQueue
from pytestpmd.drivers.vhost.shared import Shared
from pytestpmd.drivers.virtio_net import Feature, Status
from pytestpmd.errors import DeviceError
from pytestpmd.log import Level, log_type
from pytestpmd.vhost_user import messages as m
from pytestpmd.vhost_user.answer import Answered
from pytestpmd.vhost_user.backend import Backend
from pytestpmd.vhost_user.channel import BackendChannel
from pytestpmd.vhost_user.connection import Connection
from pytestpmd.vhost_user.events import NEED_DATA, ConnectionClosed, Refused, Request
from pytestpmd.vhost_user.memory import MemRegion
from pytestpmd.vhost_user.message import Message
from pytestpmd.vhost_user.stream import close_fds
from pytestpmd.vhost_user.table import Answer, row_of
from pytestpmd.vhost_user.wire import VHOST_F_LOG_ALL, ProtocolFeature, request_name

log = log_type("lib.vhost.config", "VHOST_CONFIG")

#: Carried out in one go; then it is others' turn at the port, however much more there is.
MAX_REQUESTS = 64
PROTOCOL_FEATURES = (
    ProtocolFeature.MQ
    | ProtocolFeature.LOG_SHMFD
    | ProtocolFeature.RARP
    | ProtocolFeature.REPLY_ACK
    | ProtocolFeature.MTU
    | ProtocolFeature.BACKEND_REQ
    | ProtocolFeature.CONFIG
    | ProtocolFeature.INFLIGHT_SHMFD
    | ProtocolFeature.RESET_DEVICE
    | ProtocolFeature.CONFIGURE_MEM_SLOTS
    | ProtocolFeature.STATUS
)


class FrontEndGone(DeviceError):
    """The conversation is over, in good order or not."""


class VhostDevice:
    """The device that one front-end talks to; lives as long as its connection."""

    def __init__(self, path: str, connection: Connection, features: Feature, nb_pairs: int) -> None:
        self.path = path
        self.rings = [Ring(i) for i in range(2 * nb_pairs)]
        self.mtu: int | None = None
        self.on_queue_state: Callable[[], None] = lambda: None
        self._nb_pairs = nb_pairs
        self._machine = Backend(int(features), PROTOCOL_FEATURES, len(self.rings))
        self._channel = BackendChannel(connection, self._machine)
        self._shared = Shared(path, self.rings, lambda: self.features)
        self._space = ConfigSpace()
        self._logs_writes = False
        self._features_ok = True
        #: To be received as soon as there is a queue for it.
        self._announcement = b""
        self._status = Status.RESET
        self._queues: Sequence[VhostQueue | None] = [None] * len(self.rings)
        self._handlers: dict[type[Message], Callable[[Message], Answered]] = {
            m.GetFeatures: lambda _: self._machine.offered_features,
            m.GetProtocolFeatures: lambda _: int(self._machine.offered_protocol_features),
            m.GetQueueNum: lambda _: self._nb_pairs,
            m.GetStatus: self._get_status,
            m.SetFeatures: self._set_features,
            m.SetStatus: self._set_status,
            m.NetSetMtu: self._set_mtu,
            m.SetVringNum: self._set_num,
            m.SetVringBase: self._set_base,
            m.SetVringAddr: self._set_addr,
            m.SetVringKick: self._set_kick,
            m.SetVringCall: self._set_call,
            m.SetVringErr: self._set_err,
            m.SetVringEnable: self._set_enable,
            m.GetVringBase: self._get_base,
            m.SetOwner: lambda _: 0,
            m.SetProtocolFeatures: lambda _: 0,
            m.ResetOwner: self._reset_owner,
            m.ResetDevice: self._reset_device,
            m.SendRarp: self._send_rarp,
            **self._space.handlers,
            **self._shared.handlers,
        }

    def fileno(self) -> int:
        """Readable when the front-end has said something."""
        return self._channel.connection.fileno()

    @property
    def peer_is_gone(self) -> bool:
        """Whether the front-end has hung up."""
        return self._channel.connection.peer_is_gone()

    @property
    def features(self) -> int:
        """What was agreed; 0 before."""
        return self._machine.features

    @property
    def protocol_features(self) -> ProtocolFeature:
        """What was agreed of the protocol."""
        return self._machine.protocol_features

    @property
    def regions(self) -> tuple[MemRegion, ...]:
        """The front-end's memory as it describes it."""
        return self._machine.regions

    @property
    def exchange(self) -> Iterable[str]:
        """The last lines of the conversation."""
        return self._channel.exchange

    @property
    def is_served(self) -> bool:
        """Whether any of its rings moves packets."""
        return any(ring.queue and not ring.discards for ring in self.rings)

    # The conversation.

    def handle(self) -> bool:
        """Carry out what was said; whether there may be more. Raises :class:`DeviceError` when it is over.

        It returns at once when the device comes to be served or is so no longer, so that none of these goes untold.
        """
        was_served = self.is_served
        for _ in range(MAX_REQUESTS):
            event = self._channel.next_event()
            if event is NEED_DATA:
                return self._channel.has_unsent
            if isinstance(event, ConnectionClosed):
                raise FrontEndGone("vhost peer closed")
            if isinstance(event, Refused):
                self._refused(event.name)
                log.limited((self.path, event.name), Level.ERROR, "(%s) %s", self.path, event.describe())
            if isinstance(event, Request):
                self._carry_out(event)
            if self.is_served != was_served:
                break
        return True

    def _carry_out(self, request: Request) -> None:
        message = request.message
        log.debug("(%s) read message %s", self.path, message.describe())
        try:
            value = self._handler(request)(message)
            self.sync()  # before the answer: who has it may rely on the rings being served
        except DeviceError as error:
            self._refused(message.name)
            log.limited((self.path, message.name), Level.ERROR, "(%s) %s: %s", self.path, message.name, error)
            self._channel.ack(False)
            return
        if row_of(message).answer is not Answer.ACK:
            self._reply(value)
            return
        self._channel.ack()
        self._log_agreement(message)

    def _reply(self, value: Answered) -> None:
        try:
            self._channel.reply(value)
        finally:
            if isinstance(value, Message):
                close_fds(value.fds)

    def _refused(self, name: str) -> None:
        if name == request_name(m.SetFeatures.request):
            self._features_ok = False

    def _handler(self, request: Request) -> Callable[[Message], Answered]:
        handler = self._handlers.get(type(request.message))
        if handler is None:
            request.close_fds()
            raise DeviceError("not supported")
        return handler

    def _log_agreement(self, message: Message) -> None:
        if isinstance(message, m.SetFeatures):
            log.info("(%s) negotiated Virtio features: 0x%x", self.path, message.features)
        if isinstance(message, m.SetProtocolFeatures):
            log.info("(%s) negotiated Vhost-user protocol features: 0x%x", self.path, message.features)

    def _set_features(self, message: Message) -> int:
        """Whether writes are logged may change while rings are served; nothing else may."""
        assert isinstance(message, m.SetFeatures)
        if lacking := in_want(message.features):
            raise DeviceError(f"{lacking.name} without what it needs")
        logs = bool(message.features & VHOST_F_LOG_ALL)
        if logs != self._logs_writes:
            self._shared.detach_rings()
        self._logs_writes, self._features_ok = logs, True
        return 0

    def _get_status(self, message: Message) -> int:
        """A ring that was given up works again only when it is started anew (virtio 1.2, 2.1.2)."""
        is_broken = any(ring.fault for ring in self.rings)
        return int(self._status | (Status.NEEDS_RESET if is_broken else 0))

    def _set_status(self, message: Message) -> int:
        assert isinstance(message, m.SetStatus)
        self._status = Status(message.status)
        if not self._features_ok:  # who reads it back learns that they were refused (virtio 1.2, 3.1.1, step 6)
            self._status &= ~Status.FEATURES_OK
        if self._status == Status.RESET:
            for ring in self.rings:
                ring.detach()
        return 0

    def _reset_owner(self, message: Message) -> int:
        for ring in self.rings:
            ring.stop()
        return 0

    def _reset_device(self, message: Message) -> int:
        """Everything from the beginning but the memory, which QEMU does not hand over again."""
        for ring in self.rings:
            ring.reset()
        self._status, self.mtu = Status.RESET, None
        return 0

    def _send_rarp(self, message: Message) -> int:
        """The guest has come here by migration: who is behind us shall learn it."""
        assert isinstance(message, m.SendRarp)
        self._announcement = rarp_frame(message.mac)
        return 0

    def _announce(self) -> None:
        ring = self.rings[1]
        if self._announcement and ring.queue:
            ring.queue.announce(self._announcement)
            self._announcement = b""

    def _set_mtu(self, message: Message) -> int:
        assert isinstance(message, m.NetSetMtu)
        self.mtu = message.mtu
        return 0

    def set_config(self, config: NetConfig) -> None:
        """What the configuration space says from now on, but for what the front-end has written to it."""
        self._space.set(config)

    @property
    def config(self) -> NetConfig:
        """The configuration space as the front-end reads it."""
        return self._space.config

    def shared_report(self) -> dict[str, int]:
        """What the front-end shares besides its rings' eventfds, in numbers."""
        return self._shared.report(is_logged=self._logs_writes)

    # Rings.

    def _set_num(self, message: Message) -> int:
        assert isinstance(message, m.SetVringNum)
        packed = self.features & Feature.VIRTIO_F_RING_PACKED
        if not packed and message.size & (message.size - 1):
            raise DeviceError(f"ring {message.ring}: {message.size} descriptors are no power of two")
        self.rings[message.ring].size = message.size
        return 0

    def _set_base(self, message: Message) -> int:
        assert isinstance(message, m.SetVringBase)
        self.rings[message.ring].base = message.index & 0xFFFF
        return 0

    def _set_addr(self, message: Message) -> int:
        assert isinstance(message, m.SetVringAddr)
        ring = self.rings[message.ring]
        if ring.queue and self._shared.memory:
            ring.find(message, self._shared.memory, self.features)
        ring.detach()
        ring.is_homeless = False
        ring.address = message
        return 0

    def _set_kick(self, message: Message) -> int:
        assert isinstance(message, m.SetVringKick)
        self.rings[message.ring].set_kick(message.fd)
        return 0

    def _set_call(self, message: Message) -> int:
        assert isinstance(message, m.SetVringCall)
        self.rings[message.ring].set_call(message.fd)
        return 0

    def _set_err(self, message: Message) -> int:
        assert isinstance(message, m.SetVringErr)
        self.rings[message.ring].set_err(message.fd)
        return 0

    def _set_enable(self, message: Message) -> int:
        assert isinstance(message, m.SetVringEnable)
        ring = self.rings[message.ring]
        changed = ring.enabled != bool(message.enable)
        ring.enabled = bool(message.enable)
        if changed:
            self.on_queue_state()
        return 0

    def _get_base(self, message: Message) -> int:
        assert isinstance(message, m.GetVringBase)
        base = self.rings[message.ring].stop()
        # of a packed ring both ends are told, the used one in the upper half
        return base | base << 16 if self.features & Feature.VIRTIO_F_RING_PACKED else base

    # Serving.

    def serve(self, queues: Sequence[VhostQueue | None]) -> None:
        """The data plane's queues, by ring index; None where there is none (any more)."""
        self._queues = queues
        self.sync()

    def sync(self) -> None:
        """Attach the rings that should be served, detach those that should not.

        Raises :class:`DeviceError` for a ring that cannot be served: it then counts as not started, and holds up none
        of the others.
        """
        failure: DeviceError | None = None
        memory, dirty_log = self._shared.memory, self._shared.log if self._logs_writes else None
        for ring, queue in zip(self.rings, self._queues, strict=True):
            lacks = self.lacks(ring)
            # started but disabled: what the driver transmits is used up, and nobody gets it
            discards = lacks == "SET_VRING_ENABLE" and ring.is_transmit
            wanted = queue if not lacks or discards else None
            if ring.queue is not wanted or ring.discards != discards:
                ring.detach()
            if ring.queue is None and wanted is not None and memory:
                try:
                    ring.attach(wanted, memory, self.features, dirty_log, self._shared.inflight, discards=discards)
                except DeviceError as error:
                    ring.stop()
                    failure = failure or error
        self._announce()
        if failure:
            raise failure

    def catch_up(self) -> None:
        """Every now and then: rings that a back-end before us left with chains in hand are done with those."""
        for ring in self.rings:
            ring.catch_up()

    def lacks(self, ring: Ring) -> str:
        """What the front-end has still to say before a ring is served; "" when it is through with it.

        A ring starts enabled without PROTOCOL_FEATURES only.
        """
        has_enable = self.features & Feature.VHOST_USER_F_PROTOCOL_FEATURES
        tells_status = self.protocol_features & ProtocolFeature.STATUS
        if not self._shared.memory:
            return "SET_MEM_TABLE"
        if ring.is_homeless:
            return "ADD_MEM_REG"
        if ring.lacks:
            return ring.lacks
        if tells_status and not self._status & Status.DRIVER_OK:
            return "DRIVER_OK"
        return "SET_VRING_ENABLE" if has_enable and not ring.enabled else ""

    @property
    def memory_is_dead(self) -> bool:
        """Whether a file of the front-end's shrank under us."""
        return self._shared.is_dead

    def close(self) -> None:
        """End the conversation and let go of everything."""
        for ring in self.rings:
            ring.close()
        self._shared.close()
        self._space.close()
        self._channel.close()
