"""The device's end of a control queue, for back-ends that have none: virtio-user carries commands out itself.

The driver in this process put the ring there, but it is read as a device reads one: nothing of it is believed. A chain
that cannot be is given back with nothing written; an index that cannot be ends it all until the next
:meth:`ControlDevice.attach`. Commands of features that were not agreed are refused, as unknown ones are.
"""

from collections.abc import Callable
from struct import unpack_from

from pytestpmd.drivers.virtio.ctrl import CTRL_ERR, CTRL_OK, MAC_BYTES, CtrlCode
from pytestpmd.drivers.virtio.transport.control_ring import (
    INDIRECT,
    NEXT,
    WRITE,
    BadRing,
    Memory,
    PackedRing,
    Piece,
    Ring,
    SplitRing,
)
from pytestpmd.drivers.virtio.virtqueue import RingAddresses
from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.eal.memory import Region
from pytestpmd.errors import DeviceError

#: Longest command that is read, in bytes: what a MAC table of every address that anybody keeps would take.
MAX_COMMAND_BYTES = 64 * 1024
MAX_VLAN_ID = 4095
#: 5.1.6.5.6.4: what precedes the indirection table, and what follows it before the key.
RSS_HEAD, RSS_TAIL = 8, 3


class BadCommand(Exception):
    """A command that is not done: unknown, of the wrong length, or about what there is not."""


class ControlDevice:
    """What commands do here: ``use_pairs`` is told how many pairs of queues the driver wants to use.

    There is no filter behind it that could leave frames out, so promiscuous mode, addresses and VLAN ids are noted and
    that is all there is to do.
    """

    def __init__(self, nb_pairs: int, use_pairs: Callable[[int], None]) -> None:
        self.nb_pairs = nb_pairs
        self._use_pairs = use_pairs
        self._features = Feature(0)
        self._ring: Ring | None = None
        self.promiscuous = self.all_multicast = False
        self.mac = b""
        self.mac_tables: tuple[tuple[bytes, ...], tuple[bytes, ...]] = ((), ())
        self.vlan_ids: set[int] = set()

    def attach(self, ring: RingAddresses, region: Region, features: Feature) -> None:
        """The driver set the queue up; the device begins as after a reset."""
        memory = Memory(region)
        self._features = features
        self._ring = (PackedRing if Feature.VIRTIO_F_RING_PACKED in features else SplitRing)(memory, ring)
        self.promiscuous = self.all_multicast = False
        self.mac, self.mac_tables, self.vlan_ids = b"", ((), ()), set()

    def detach(self) -> None:
        """The driver took the queue back."""
        self._ring = None

    def serve(self) -> None:
        """Carry out the commands that wait. :class:`BadRing` ends it; what a command needs may raise its own error."""
        ring = self._ring  # another thread may take it away
        try:
            while ring and (chain := ring.next_chain()) is not None:
                ring.use(self._answer(ring.memory, chain))
        except BadRing:
            self.detach()
            raise

    def _answer(self, memory: Memory, chain: list[Piece]) -> int:
        """Do what a chain asks for and write the ack; how many bytes were written."""
        *read, ack = chain
        if not _is_command(chain):
            return 0
        try:
            data = b"".join(bytes(memory.piece(piece.address, piece.length)) for piece in read)
            place = memory.piece(ack.address, 1)
        except BadRing:
            return 0
        try:
            self._carry_out(data)
            place[0] = CTRL_OK
        except (BadCommand, DeviceError):
            place[0] = CTRL_ERR
        return 1

    def _carry_out(self, data: bytes) -> None:
        if len(data) < 2:
            raise BadCommand
        try:
            code = CtrlCode(data[0] << 8 | data[1])
        except ValueError:
            raise BadCommand from None
        needed, do = self._commands()[code]
        if not needed & self._features:
            raise BadCommand
        do(data[2:])

    def _commands(self) -> dict[CtrlCode, tuple[Feature, Callable[[bytes], None]]]:
        """What each does, and the feature that it belongs to (5.1.6.5)."""
        F = Feature
        return {
            CtrlCode.RX_PROMISC: (F.VIRTIO_NET_F_CTRL_RX, self._set_promiscuous),
            CtrlCode.RX_ALLMULTI: (F.VIRTIO_NET_F_CTRL_RX, self._set_all_multicast),
            CtrlCode.MAC_TABLE_SET: (F.VIRTIO_NET_F_CTRL_RX, self._set_mac_tables),
            CtrlCode.MAC_ADDR_SET: (F.VIRTIO_NET_F_CTRL_MAC_ADDR, self._set_mac),
            CtrlCode.VLAN_ADD: (F.VIRTIO_NET_F_CTRL_VLAN, self._add_vlan),
            CtrlCode.VLAN_DEL: (F.VIRTIO_NET_F_CTRL_VLAN, self._remove_vlan),
            CtrlCode.ANNOUNCE_ACK: (F.VIRTIO_NET_F_GUEST_ANNOUNCE, self._announced),
            CtrlCode.MQ_VQ_PAIRS_SET: (F.VIRTIO_NET_F_MQ, self._set_pairs),
            CtrlCode.MQ_RSS_CONFIG: (F.VIRTIO_NET_F_RSS, self._set_rss),
            CtrlCode.MQ_HASH_CONFIG: (F.VIRTIO_NET_F_HASH_REPORT, self._set_hash),
        }

    def _set_promiscuous(self, data: bytes) -> None:
        self.promiscuous = bool(_exactly(data, 1)[0])

    def _set_all_multicast(self, data: bytes) -> None:
        self.all_multicast = bool(_exactly(data, 1)[0])

    def _set_mac(self, data: bytes) -> None:
        self.mac = _exactly(data, MAC_BYTES)

    def _set_mac_tables(self, data: bytes) -> None:
        unicast, rest = _mac_table(data)
        multicast, rest = _mac_table(rest)
        _exactly(rest, 0)
        self.mac_tables = unicast, multicast

    def _add_vlan(self, data: bytes) -> None:
        self.vlan_ids.add(_vlan_id(data))

    def _remove_vlan(self, data: bytes) -> None:
        self.vlan_ids.discard(_vlan_id(data))

    def _announced(self, data: bytes) -> None:
        _exactly(data, 0)

    def _set_pairs(self, data: bytes) -> None:
        self._use(unpack_from("<H", _exactly(data, 2))[0])

    def _use(self, pairs: int) -> None:
        if not 1 <= pairs <= self.nb_pairs:
            raise BadCommand
        self._use_pairs(pairs)

    def _set_rss(self, data: bytes) -> None:
        """A table whose entries are queues that there are, and as many pairs as are sent on (5.1.6.5.7)."""
        if len(data) < RSS_HEAD:
            raise BadCommand
        _, mask, unclassified = unpack_from("<IHH", data)
        entries = mask + 1
        if entries & mask or len(data) < RSS_HEAD + 2 * entries + RSS_TAIL:
            raise BadCommand
        table = unpack_from(f"<{entries}H", data, RSS_HEAD)
        pairs, key_length = unpack_from("<HB", data, RSS_HEAD + 2 * entries)
        _exactly(data, RSS_HEAD + 2 * entries + RSS_TAIL + key_length)
        if any(queue >= self.nb_pairs for queue in (unclassified, *table)):
            raise BadCommand
        self._use(pairs)

    def _set_hash(self, data: bytes) -> None:
        """Hash types, eight reserved bytes, and a key with its length in front (5.1.6.5.6.4)."""
        if len(data) < 13:
            raise BadCommand
        _exactly(data, 13 + data[12])


def _is_command(chain: list[Piece]) -> bool:
    """Some descriptors to be read and one to be written, as long as a command may be, the chain's end in sight."""
    *read, ack = chain or [Piece(0, 0, NEXT)]
    return (
        not any(piece.flags & (WRITE | INDIRECT) for piece in read)
        and ack.flags & (WRITE | NEXT | INDIRECT) == WRITE
        and ack.length >= 1
        and sum(piece.length for piece in read) <= MAX_COMMAND_BYTES
    )


def _exactly(data: bytes, length: int) -> bytes:
    if len(data) != length:
        raise BadCommand
    return data


def _mac_table(data: bytes) -> tuple[tuple[bytes, ...], bytes]:
    """The addresses of a table, and what follows it; its count is compared before anything is multiplied with it."""
    if len(data) < 4:
        raise BadCommand
    (count,) = unpack_from("<I", data)
    if count > (len(data) - 4) // MAC_BYTES:
        raise BadCommand
    end = 4 + count * MAC_BYTES
    return tuple(data[at : at + MAC_BYTES] for at in range(4, end, MAC_BYTES)), data[end:]


def _vlan_id(data: bytes) -> int:
    vlan_id: int = unpack_from("<H", _exactly(data, 2))[0]
    if vlan_id > MAX_VLAN_ID:
        raise BadCommand
    return vlan_id
