"""The control queue that virtio-user serves itself: what it does, what it refuses, and rings that cannot be."""

import random
from collections.abc import Callable
from struct import pack, pack_into
from typing import Any

import pytest
from fakes.guest import view_of

from pytestpmd.drivers.virtio import ctrl
from pytestpmd.drivers.virtio.ctrl import Command, CtrlCode
from pytestpmd.drivers.virtio.ctrlq import CONTROL_RING_SIZE, ControlQueue, ControlRefused
from pytestpmd.drivers.virtio.features import Agreement
from pytestpmd.drivers.virtio.transport.control_device import ControlDevice
from pytestpmd.drivers.virtio.transport.control_ring import BadRing
from pytestpmd.drivers.virtio.vring import ring_layout
from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.errors import DeviceError

F = Feature
ALL = (
    F.VIRTIO_NET_F_CTRL_VQ
    | F.VIRTIO_NET_F_CTRL_RX
    | F.VIRTIO_NET_F_CTRL_VLAN
    | F.VIRTIO_NET_F_CTRL_MAC_ADDR
    | F.VIRTIO_NET_F_MQ
    | F.VIRTIO_NET_F_RSS
    | F.VIRTIO_NET_F_HASH_REPORT
    | F.VIRTIO_NET_F_GUEST_ANNOUNCE
)
NB_PAIRS = 4
NEXT, WRITE, INDIRECT = 1, 2, 4
AVAIL = 1 << 7
MAC, GROUP = bytes.fromhex("021122334455"), bytes.fromhex("01005e000001")


class Pair:
    """The device, and our driver's queue at it; rings are also written by hand."""

    def __init__(self, packed: bool, features: Feature = ALL) -> None:
        self.features = features | (F.VIRTIO_F_RING_PACKED if packed else F(0))
        self.packed = packed
        self.used_pairs: list[int] = []
        self.refuse_pairs = False
        self.device = ControlDevice(NB_PAIRS, self._use)
        self.queue = ControlQueue(2 * NB_PAIRS, ring_layout(CONTROL_RING_SIZE, packed=packed), self.device.serve)
        self.addresses = self.queue.virtqueue.addresses
        self.view = view_of(self.queue.memory)[1]
        self.begin()

    def begin(self) -> None:
        self.queue.reset(Agreement(self.features))
        self.device.attach(self.addresses, self.queue.region, self.features)

    def _use(self, count: int) -> None:
        if self.refuse_pairs:
            raise DeviceError("there is no back-end")
        self.used_pairs.append(count)

    # By hand.

    def at(self, address: int) -> int:
        return address - self.queue.memory.address

    def write(self, address: int, data: bytes) -> None:
        self.view[self.at(address) : self.at(address) + len(data)] = data

    @property
    def room(self) -> int:
        """An address with some space behind it: the driver's place for commands."""
        return int(self.queue.memory.address + self.queue.memory.size - 512)

    def offer(self, *descs: tuple[int, int, int, int]) -> None:
        """Descriptors 0, 1, ... as (address, length, flags, next or id), the chain at 0 made available."""
        for i, (address, length, flags, last) in enumerate(descs):
            place = self.at(self.addresses.desc) + 16 * i
            if self.packed:
                pack_into("<QIHH", self.view, place, address, length, last, flags | AVAIL)
            else:
                pack_into("<QIHH", self.view, place, address, length, flags, last)
        if not self.packed:
            pack_into("<HHH", self.view, self.at(self.addresses.avail), 0, 1, 0)

    def used(self) -> tuple[int, int, int]:
        """How many were used, the id and the length of the first."""
        if self.packed:
            fields = self.view[self.at(self.addresses.desc) :][:16].cast("H")
            return int(bool(fields[7] & 1 << 15)), fields[6], fields[4] | fields[5] << 16
        fields = self.view[self.at(self.addresses.used) :][:12].cast("H")
        return fields[1], fields[2], fields[4]


@pytest.fixture(params=[False, True], ids=["split", "packed"])
def packed(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def pair(packed: bool) -> Pair:
    return Pair(packed)


def rss(
    table: list[int], *, mask: int | None = None, pairs: int = 2, key: bytes = bytes(40), default: int = 0
) -> bytes:
    """The data of MQ_RSS_CONFIG (5.1.6.5.7.1)."""
    mask = len(table) - 1 if mask is None else mask
    return pack("<IHH", 0x3F, mask, default) + pack(f"<{len(table)}H", *table) + pack("<HB", pairs, 40) + bytes(40)


# What it does.


def test_promiscuous_and_all_multicast_are_noted(pair: Pair) -> None:
    pair.queue.exchange(ctrl.promiscuous(True))
    pair.queue.exchange(ctrl.all_multicast(True))
    assert (pair.device.promiscuous, pair.device.all_multicast) == (True, True)
    pair.queue.exchange(ctrl.promiscuous(False))
    assert (pair.device.promiscuous, pair.device.all_multicast) == (False, True)


def test_addresses_and_vlans_are_noted(pair: Pair) -> None:
    pair.queue.exchange(ctrl.mac_address(MAC))
    pair.queue.exchange(ctrl.mac_table([MAC], [GROUP]))
    pair.queue.exchange(ctrl.vlan(10, True))
    pair.queue.exchange(ctrl.vlan(4095, True))
    pair.queue.exchange(ctrl.vlan(10, False))
    assert (pair.device.mac, pair.device.mac_tables) == (MAC, ((MAC,), (GROUP,)))
    assert pair.device.vlan_ids == {4095}


@pytest.mark.parametrize("count", [1, 2, NB_PAIRS])
def test_pairs_are_used_as_many_as_asked_for(pair: Pair, count: int) -> None:
    pair.queue.exchange(ctrl.queue_pairs(count))
    assert pair.used_pairs == [count]


def test_a_good_rss_table_uses_its_pairs(pair: Pair) -> None:
    pair.queue.exchange(Command(CtrlCode.MQ_RSS_CONFIG, (rss([i % NB_PAIRS for i in range(128)]),)))
    assert pair.used_pairs == [2]


def test_a_new_driver_finds_nothing_of_the_last_one_s(pair: Pair) -> None:
    pair.queue.exchange(ctrl.promiscuous(True))
    pair.queue.exchange(ctrl.vlan(10, True))
    pair.begin()
    assert not pair.device.promiscuous
    assert not pair.device.vlan_ids


# What it refuses.


@pytest.mark.parametrize(
    "data",
    [
        "", "00", "0000", "0002", "00ff01", "000001ff", "0001", "ff00", "0400", "040000", "04000000", "04000500",
        "0400ffff", "0400010000", "040100", "0402", "0101", "01010211223344", "010102112233445566", "0100", "010000",
        "010000000000", "01000000000001000000", "0100ffffffff00000000", "0100abaaaa2a00000000", "0200", "02000a",
        "02000010", "0200ffff", "02000a0000", "030000", "0301", "0500",
    ],
)  # fmt: skip
def test_commands_of_the_wrong_length_or_about_what_there_is_not_are_refused(pair: Pair, data: str) -> None:
    """CVE-2014-0150 among them: a table of so many addresses that their bytes wrap 32 bits."""
    raw = bytes.fromhex(data)
    pair.write(pair.room, raw + b"\xee")
    ack = pair.room + 256
    pair.offer((pair.room, len(raw), NEXT, 1), (ack, 1, WRITE, 1))
    pair.device.serve()
    assert pair.used()[0] == 1
    assert pair.view[pair.at(ack)] == 1
    assert not pair.used_pairs


@pytest.mark.parametrize(
    "data",
    [
        rss([NB_PAIRS]),
        rss([0] * 127 + [0xFFFF]),
        rss([0], default=NB_PAIRS),
        rss([0] * 3),
        rss([0] * 128, mask=0xFFFF),
        rss([0] * 128, mask=0x7F00),
        rss([0] * 128)[:-1],
        rss([0] * 128) + b"\0",
        rss([0], pairs=0),
        rss([0], pairs=NB_PAIRS + 1),
        rss([0])[:7],
        b"",
    ],
    ids=range(12),
)
def test_an_rss_table_of_queues_that_are_not_there_is_refused(pair: Pair, data: bytes) -> None:
    """CVE-2024-6505: every queue number in control data is compared."""
    with pytest.raises(ControlRefused):
        pair.queue.exchange(Command(CtrlCode.MQ_RSS_CONFIG, (data,)))
    assert not pair.used_pairs


@pytest.mark.parametrize(
    ("feature", "command"),
    [
        (F.VIRTIO_NET_F_CTRL_RX, ctrl.promiscuous(True)),
        (F.VIRTIO_NET_F_CTRL_RX, ctrl.mac_table([], [])),
        (F.VIRTIO_NET_F_CTRL_MAC_ADDR, ctrl.mac_address(MAC)),
        (F.VIRTIO_NET_F_CTRL_VLAN, ctrl.vlan(1, True)),
        (F.VIRTIO_NET_F_GUEST_ANNOUNCE, ctrl.announced()),
        (F.VIRTIO_NET_F_MQ, ctrl.queue_pairs(1)),
        (F.VIRTIO_NET_F_RSS, Command(CtrlCode.MQ_RSS_CONFIG, (rss([0]),))),
        (F.VIRTIO_NET_F_HASH_REPORT, Command(CtrlCode.MQ_HASH_CONFIG, (pack("<I4HB", 1, 0, 0, 0, 0, 0),))),
    ],
    ids=lambda value: value.code.name if isinstance(value, Command) else "",
)
def test_what_was_not_agreed_is_refused(packed: bool, feature: Feature, command: Command) -> None:
    Pair(packed).queue.exchange(command)
    with pytest.raises(ControlRefused):
        Pair(packed, ALL & ~feature).queue.exchange(command)


def test_pairs_that_cannot_be_used_are_a_refusal(pair: Pair) -> None:
    pair.refuse_pairs = True
    with pytest.raises(ControlRefused):
        pair.queue.exchange(ctrl.queue_pairs(2))


# Rings that cannot be.


def chains() -> list[tuple[str, Callable[[Pair], list[tuple[int, int, int, int]]]]]:
    """Chains that no driver may offer; the ack's place is 256 behind the command's."""
    outside = 0x1000
    return [
        ("nothing to write", lambda p: [(p.room, 2, 0, 0)]),
        ("no room for the ack", lambda p: [(p.room, 3, NEXT, 1), (p.room + 256, 0, WRITE, 0)]),
        ("command outside", lambda p: [(outside, 3, NEXT, 1), (p.room + 256, 1, WRITE, 0)]),
        ("command over the end", lambda p: [(p.room, 4096, NEXT, 1), (p.room + 256, 1, WRITE, 0)]),
        ("command of 4 GiB", lambda p: [(p.room, 0xFFFFFFFF, NEXT, 1), (p.room + 256, 1, WRITE, 0)]),
        ("address at the top", lambda p: [(2**64 - 1, 3, NEXT, 1), (p.room + 256, 1, WRITE, 0)]),
        ("ack outside", lambda p: [(p.room, 3, NEXT, 1), (outside, 1, WRITE, 0)]),
        ("written first", lambda p: [(p.room + 256, 1, WRITE | NEXT, 1), (p.room, 3, 0, 0)]),
        ("indirect", lambda p: [(p.room, 32, INDIRECT, 0)]),
        ("indirect inside", lambda p: [(p.room, 16, INDIRECT | NEXT, 1), (p.room + 256, 1, WRITE, 0)]),
        ("indirect ack", lambda p: [(p.room, 3, NEXT, 1), (p.room + 256, 1, WRITE | INDIRECT, 0)]),
    ]


@pytest.mark.parametrize("chain", [chain for _, chain in chains()], ids=[name for name, _ in chains()])
def test_a_chain_that_cannot_be_is_used_up_with_nothing_written(pair: Pair, chain: Any) -> None:
    pair.write(pair.room, bytes([0, 0, 1]))
    pair.view[pair.at(pair.room + 256)] = 0x5A
    pair.offer(*chain(pair))
    pair.device.serve()
    count, _, length = pair.used()
    assert (count, length) == (1, 0)
    assert pair.view[pair.at(pair.room + 256)] == 0x5A
    assert not pair.device.promiscuous


@pytest.mark.parametrize("following", [0, 1, 0xFFFF, 64])
def test_a_split_chain_that_goes_round_or_out_of_the_ring_ends(following: int) -> None:
    pair = Pair(packed=False)
    pair.offer((pair.room, 1, NEXT, 1), (pair.room, 1, NEXT, following))
    pair.device.serve()
    assert pair.used() == (1, 0, 0)


def test_a_packed_chain_of_all_places_ends() -> None:
    pair = Pair(packed=True)
    pair.offer(*[(pair.room, 1, NEXT, 7)] * 64)
    pair.device.serve()
    assert pair.used() == (1, 7, 0)


@pytest.mark.parametrize(("index", "head"), [(65, 0), (0x8000, 0), (1, 64), (1, 0xFFFF)])
def test_an_available_ring_that_cannot_be_ends_it_until_the_next_driver(index: int, head: int) -> None:
    pair = Pair(packed=False)
    pack_into("<HHH", pair.view, pair.at(pair.addresses.avail), 0, index, head)
    with pytest.raises(BadRing):
        pair.device.serve()
    pair.device.serve()
    assert pair.used()[0] == 0
    pair.begin()
    pair.queue.exchange(ctrl.promiscuous(True))


def test_any_ring_at_all_is_survived(packed: bool) -> None:
    """Random bytes where descriptors and indices are: the device ends, or goes on, but stays within its memory."""
    rng = random.Random(3)
    pair = Pair(packed)
    endings = 0
    for _ in range(400):
        pair.begin()
        for start, length in ((pair.addresses.desc, 16 * 8), (pair.addresses.avail, 16)):
            data = bytearray(rng.randbytes(length))
            for i in range(0, length, 16):
                if rng.random() < 0.8:
                    pack_into("<Q", data, i, pair.room + rng.randrange(-8, 300))
                    pack_into("<I", data, i + 8, rng.choice([0, 1, 2, 3, 300]))
            pair.write(start, bytes(data))
        try:
            pair.device.serve()
        except BadRing:
            endings += 1
    assert packed or endings > 20
    pair.begin()
    pair.queue.exchange(ctrl.promiscuous(True))
    assert pair.device.promiscuous
