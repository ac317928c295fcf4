"""From one front-end to another through the program: what the first left undone, the second does, or we do."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fakes.appliance import Appliance
from fakes.inet import FRAMES, Unfinished, segments, tcp
from fakes.layouts import PACKED, SPLIT, Kind
from fakes.leaks import eventually
from fakes.net_driver import Receiver, cut, enqueue
from fakes.packets import receive_mbufs
from fakes.queues import DeviceQueue
from fakes.vhost_frontend import BUFFER, FEATURES, HDR_SIZE, FakeFrontend
from fakes.virtio_driver import WRITE, Desc

from pytestpmd._dataplane import lib
from pytestpmd.drivers.vhost.offloads import HEADER_MASK
from pytestpmd.drivers.virtio_net import Feature as F

SENDS = F.VIRTIO_NET_F_CSUM | F.VIRTIO_NET_F_HOST_TSO4 | F.VIRTIO_NET_F_HOST_TSO6
CSUM = F.VIRTIO_NET_F_GUEST_CSUM
TSO = CSUM | F.VIRTIO_NET_F_GUEST_TSO4 | F.VIRTIO_NET_F_GUEST_TSO6
SEGMENT = 1000
SMALL = [sent for sent in FRAMES.values() if len(sent.whole) < 1500]
LONG = [tcp(20000), tcp(9000, is_ipv6=True)]
NO_HEADER = bytes(10)


class Receiving(FakeFrontend):
    """A front-end that tells what its device says of each frame."""

    def post(self, count: int) -> None:
        driver = self.rings[0].driver
        for _ in range(count):
            address = self.alloc(BUFFER)
            self._posted[0, (head := driver.chain([Desc(address, BUFFER, WRITE)]))] = address
            driver.offer(head)

    def frames(self) -> list[tuple[bytes, bytes]]:
        """Headers without num_buffers, and frames, those of several buffers put together (virtio 1.2, 5.1.6.4)."""
        used = self.rings[0].driver.reap()
        parts = [self.memory.read(self._posted.pop((0, each.head)), each.length) for each in used]
        got = []
        while parts:
            first = parts.pop(0)
            more = int.from_bytes(first[10:12], "little") - 1
            got.append((first[:10], first[HDR_SIZE:] + b"".join(parts[:more])))
            del parts[:more]
        return got


@contextmanager
def between(
    folder: Path, agreed: int, *, devargs: str = "", options: str = "", engine: str = "io"
) -> Iterator[tuple[Appliance, FakeFrontend, Receiving]]:
    """The program with a front-end at either side: the second has agreed to these features."""
    one, other = folder / "one", folder / "other"
    devices = (f"net_vhost0,iface={one},tso=1{devargs}", f"net_vhost1,iface={other}")
    with (
        Appliance(*devices, options=f"--forward-mode={engine} {options}") as appliance,
        FakeFrontend(one, features=FEATURES | SENDS, size=256) as sender,
        Receiving(other, features=FEATURES | agreed, size=256) as receiver,
    ):
        sender.start_as_dpdk()
        receiver.start_as_dpdk()
        assert appliance.are_up()
        receiver.post(120)
        appliance.run("start")
        yield appliance, sender, receiver


def offer(front: FakeFrontend, header: bytes, data: bytes) -> None:
    driver, whole = front.rings[1].driver, HDR_SIZE + len(data)
    address = front.alloc(whole)
    front.memory.write(address, header + bytes(2) + data)
    driver.offer(driver.chain([Desc(address, whole)]))


def come(receiver: Receiving, count: int) -> list[tuple[bytes, bytes]]:
    got: list[tuple[bytes, bytes]] = []

    def more() -> bool:
        got.extend(receiver.frames())
        return len(got) >= count

    assert eventually(more)
    return got


@pytest.mark.parametrize("engine", ["io", "mac"])
def test_a_checksum_that_was_left_to_us_is_right_wherever_it_goes(tmp_path: Path, engine: str) -> None:
    """By default nobody behind us has to know of it."""
    with between(tmp_path, 0, engine=engine) as (_, sender, receiver):
        for sent in SMALL:
            offer(sender, sent.header(), sent.partial)
        assert [(head, data[12:]) for head, data in come(receiver, len(SMALL))] == [
            (NO_HEADER, sent.whole[12:]) for sent in SMALL
        ]


@pytest.mark.parametrize(("devargs", "options"), [("", "--rx-offloads=0xc"), (",legacy-ol-flags=1", "")])
@pytest.mark.parametrize("agreed", [0, CSUM])
def test_a_checksum_is_handed_on_to_who_agreed_and_else_completed(
    tmp_path: Path, devargs: str, options: str, agreed: int
) -> None:
    with between(tmp_path, agreed, devargs=devargs, options=options) as (_, sender, receiver):
        for sent in SMALL:
            offer(sender, sent.header(), sent.partial)
        expected = [(sent.header(), sent.partial) if agreed else (NO_HEADER, sent.whole) for sent in SMALL]
        assert come(receiver, len(SMALL)) == expected


@pytest.mark.parametrize(
    ("devargs", "options"), [("", ""), ("", "--rx-offloads=0xc"), (",legacy-ol-flags=1", ""), (",ext-buffer=1", "")]
)
def test_segments_are_handed_on_to_who_agreed(
    no_leaks: None, no_large: None, tmp_path: Path, devargs: str, options: str
) -> None:
    with between(tmp_path, TSO, devargs=devargs, options=options) as (_, sender, receiver):
        for sent in LONG:
            offer(sender, sent.gso_header(SEGMENT), sent.partial)
        assert come(receiver, len(LONG)) == [(sent.gso_header(SEGMENT), sent.partial) for sent in LONG]


@pytest.mark.parametrize("agreed", [0, CSUM])
def test_segments_that_nobody_agreed_to_are_cut(tmp_path: Path, agreed: int) -> None:
    with between(tmp_path, agreed) as (appliance, sender, receiver):
        for sent in LONG:
            offer(sender, sent.gso_header(SEGMENT), sent.partial)
        cut = [each for sent in LONG for each in segments(sent, SEGMENT)]
        expected = [(each.header(), each.partial) if agreed else (NO_HEADER, each.whole) for each in cut]
        assert come(receiver, len(cut)) == expected
        appliance.run("stop")
        stats = appliance.app.ports[1].stats()
        assert (stats.opackets, stats.oerrors) == (len(cut), 0)


# Anything at all.


@pytest.mark.parametrize("kind", [SPLIT, PACKED], ids=str)
@pytest.mark.parametrize("seed", range(4))
def test_any_header_before_any_frame_does_no_harm(
    make_vhost: Callable[..., DeviceQueue], kind: Kind, seed: int
) -> None:
    """Random headers, some nearly right, before frames that are nearly right; what comes is sent on to another."""
    chance = random.Random(seed)
    rx, tx = (make_vhost(kind=kind, room=1 << 20) for _ in range(2))
    receiver = Receiver(tx, is_strict=False, has_agreed=True)
    for _ in range(60):
        receiver.post(1900)
    start = rx._next
    for _ in range(600):
        for queue, mask in ((rx, HEADER_MASK), (tx, 0)):
            offload = queue.vq.offload
            offload.header_mask = mask
            for name in ("csum", "tso4", "tso6", "sw_csum", "legacy", "vlan_strip"):
                setattr(offload, name, chance.randrange(2) if name not in ("sw_csum", "legacy") or mask else 0)
        data, header = mangled(chance)
        rx._next = start
        rx.driver.offer(rx.driver.chain(cut(rx, header + bytes(2) + data, (12,) * chance.randrange(2))))
        mbufs = receive_mbufs(lib.vhost_rx_burst, rx.vq)
        assert all(len(data) - 4 <= m.pkt_len <= len(data) for m in mbufs)
        enqueue(tx, *mbufs)
        rx.driver.reap()
        for used in tx.driver.reap():
            descs = receiver.posted.pop(used.head)
            receiver.posted[(head := tx.driver.chain(descs))] = descs
            tx.driver.offer(head)
    assert rx.pool.in_use() == 0
    assert rx.vq.bad_headers > 0


def mangled(chance: random.Random) -> tuple[bytes, bytes]:
    """A frame and what is said of it, some bytes of either changed."""
    sent: Unfinished = chance.choice([*FRAMES.values(), *LONG])
    data = bytearray(sent.partial)
    header = bytearray(chance.choice([sent.header(), sent.gso_header(SEGMENT), chance.randbytes(10)]))
    for _ in range(chance.choice((0, 0, 1, 5))):
        data[chance.randrange(12, min(80, len(data)))] = chance.randrange(256)
    for _ in range(chance.choice((0, 0, 1, 3))):
        header[chance.randrange(10)] = chance.choice((0, 1, 255, chance.randrange(256)))
    return bytes(data[: chance.choice((len(data), len(data), chance.randrange(1, len(data))))]), bytes(header)
