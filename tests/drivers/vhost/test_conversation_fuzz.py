"""Any conversation at all, with any memory at all behind it, while lcores forward.

What is said is mostly sensible, so that it gets far, and now and then is not. Whatever comes of it for that front-end,
the next one must be served, and every mbuf must be there at the end.
"""

import os
import random
from collections.abc import Callable
from pathlib import Path
from struct import pack

import pytest
from fakes.appliance import Appliance
from fakes.leaks import eventually, open_fds
from fakes.packets import frames
from fakes.vhost_frontend import GUEST, NEED_REPLY, OFFSET, USER, VERSION, FakeFrontend, FrontRing, Gone, R

from pytestpmd.drivers.vhost.device import PROTOCOL_FEATURES

pytestmark = pytest.mark.usefixtures("no_leaks")

MESSAGES = 250
PACKED = 1 << 34
LOG_ALL = 1 << 26
EVERYTHING = int(PROTOCOL_FEATURES)
ANSWERED = {
    R.GET_FEATURES,
    R.GET_PROTOCOL_FEATURES,
    R.GET_QUEUE_NUM,
    R.GET_STATUS,
    R.GET_VRING_BASE,
    R.GET_MAX_MEM_SLOTS,
    R.GET_CONFIG,
    R.GET_INFLIGHT_FD,
    R.SET_LOG_BASE,
}


class Chatterbox:
    """A front-end that says what comes to its mind."""

    def __init__(self, front: FakeFrontend, seed: int) -> None:
        self.front = front
        self.random = random.Random(seed)
        self.topics: list[tuple[int, Callable[[], None]]] = [
            (8, self.ring_number),
            (6, self.place),
            (6, self.eventfd),
            (5, self.memory),
            (4, self.agree),
            (4, self.status),
            (3, self.ask),
            (6, self.write),
            (4, self.start),
            (3, self.slot),
            (3, self.log),
            (3, self.area),
            (2, self.config),
            (1, self.announce),
            (1, self.anything),
        ]

    def chat(self) -> None:
        topics = [topic for _, topic in self.topics]
        self.random.choices(topics, [weight for weight, _ in self.topics])[0]()

    # Choices.

    def mostly(self, sensible: int, *others: int) -> int:
        return sensible if self.random.random() < 0.8 else self.random.choice(others)

    def ring(self) -> FrontRing:
        return self.random.choice(self.front.rings)

    def say(self, number: int, payload: bytes = b"", fds: tuple[int, ...] = ()) -> None:
        flags = VERSION | (NEED_REPLY if self.random.random() < 0.9 else 0)
        self.front.send(number, payload, fds, flags)
        if flags & NEED_REPLY or number in ANSWERED:
            self.front.answer(number)

    # Topics.

    def ring_number(self) -> None:
        index = self.mostly(self.ring().index, 2, 255, 0x10000)
        number, values = self.random.choice(
            [
                (R.SET_VRING_NUM, (64, 0, 1, 3, 128, 32768, 65536)),
                (R.SET_VRING_BASE, (0, 1, 0x8000, 0xFFFF, 0xFFFFFFFF)),
                (R.SET_VRING_ENABLE, (1, 0, 2)),
                (R.GET_VRING_BASE, (0, 7)),
            ]
        )
        self.say(number, pack("=II", index, self.mostly(*values)))

    def place(self) -> None:
        ring = self.ring()
        driver = ring.driver
        at = {}
        for name in ("desc", "avail", "used"):
            here = self.front.user(getattr(driver, name))
            end = USER + self.front.room
            at[name] = self.mostly(here, here + 16, here + 1, end - 64, end - 16, USER - 64, 0, (1 << 64) - 64, GUEST)
        self.say(R.SET_VRING_ADDR, self.front.vring_addr(ring, **at))

    def eventfd(self) -> None:
        ring = self.ring()
        number = self.random.choice([R.SET_VRING_KICK, R.SET_VRING_CALL, R.SET_VRING_ERR])
        if self.random.random() < 0.2:
            self.say(number, pack("=Q", ring.index | 0x100))
        else:
            self.say(number, pack("=Q", ring.index), (self.mostly(ring.call, self.front.file),))

    def memory(self) -> None:
        front, regions = self.front, []
        for i in range(self.mostly(1, 2, 3)):
            size = self.mostly(front.room, front.room // 2, 1, 0, front.room + 4096, 1 << 50, (1 << 64) - 1)
            offset = self.mostly(OFFSET, 0, 1, 4096, (1 << 63) - front.room - 1, 1 << 62)
            at = i * (2 << 20) * self.mostly(1, 0)
            regions.append(pack("=QQQQ", GUEST + at, size, USER + at + self.mostly(0, 8, 4096), offset))
        self.say(R.SET_MEM_TABLE, pack("=II", len(regions), 0) + b"".join(regions), (front.file,) * len(regions))

    def agree(self) -> None:
        features = self.mostly(self.front.features, 0, 1 << 30, self.front.features | PACKED, 1 << 63)
        protocol = self.mostly(self.front.protocol, 0, 1, 1 << 40)
        number, value = self.random.choice([(R.SET_FEATURES, features), (R.SET_PROTOCOL_FEATURES, protocol)])
        self.say(number, pack("=Q", value))

    def status(self) -> None:
        self.say(R.SET_STATUS, pack("=Q", self.mostly(0xF, 0, 3, 0xB, 0xFF, 0x100)))

    def ask(self) -> None:
        self.front.ask(self.random.choice([R.GET_FEATURES, R.GET_PROTOCOL_FEATURES, R.GET_QUEUE_NUM, R.GET_STATUS]))

    def anything(self) -> None:
        number, size = self.random.randrange(50), self.random.choice([0, 8, 8, 8, 16, 40])
        self.say(number, self.random.randbytes(size), (self.front.file,) * self.random.randrange(3))

    def start(self) -> None:
        """What brings rings to life."""
        front = self.front
        front.set_features()
        front.set_mem_table()
        for ring in front.rings:
            front.describe_ring(ring)
            front.set_kick(ring)
            front.enable(ring)
        front.set_status(0xF)
        front.sync()

    def slot(self) -> None:
        """A region comes or goes, the front-end's own among them."""
        front = self.front
        at = self.random.choice([(GUEST, front.room, USER, OFFSET), (0x1000, 4096, 0x5000, 0)])
        at = tuple(self.mostly(each, 0, 1, 1 << 40, (1 << 64) - 4096) for each in at)
        number = self.random.choice([R.ADD_MEM_REG, R.REM_MEM_REG, R.GET_MAX_MEM_SLOTS])
        fds = (front.file,) if number == R.ADD_MEM_REG else ()
        self.say(number, b"" if number == R.GET_MAX_MEM_SLOTS else pack("=QQQQQ", 0, *at), fds)

    def log(self) -> None:
        """A log, for whatever it may be good; its file is that of the memory."""
        front = self.front
        self.say(R.SET_LOG_BASE, pack("=QQ", self.mostly(4096, 1, 0, 1 << 63), self.mostly(0, 77)), (front.file,))
        front.features ^= LOG_ALL
        self.say(R.SET_FEATURES, pack("=Q", front.features))
        ring = self.ring()
        self.say(R.SET_VRING_ADDR, front.vring_addr(ring, flags=1, log=self.mostly(ring.driver.used, 0, (1 << 64) - 4)))

    def area(self) -> None:
        """One that is asked for, or one that lies in the memory, where anybody writes."""
        size = self.mostly(64, 1, 0, 128, 65535)
        payload = pack(
            "=QQHHI", self.mostly(1 << 14, 0, 64), self.mostly(OFFSET, 0, 3), self.mostly(2, 0, 1, 3), size, 0
        )
        if self.random.random() < 0.5:
            self.say(R.SET_INFLIGHT_FD, payload, (self.front.file,))
        else:
            self.say(R.GET_INFLIGHT_FD, payload)

    def config(self) -> None:
        size = self.mostly(17, 0, 6, 250)
        number = self.random.choice([R.GET_CONFIG, R.SET_CONFIG])
        self.say(number, pack("=III", self.mostly(0, 6, 1 << 31), size, self.mostly(0, 1, 2)) + bytes(size))

    def announce(self) -> None:
        mac = self.random.choice([bytes(6), bytes.fromhex("525400123456")])
        self.say(R.SEND_RARP, mac + bytes(2))
        self.say(self.random.choice([R.RESET_DEVICE, R.GET_STATUS]))

    def write(self) -> None:
        """Into the rings, and what they refer to."""
        front, ring = self.front, self.ring()
        driver = ring.driver
        deeds = [
            lambda: driver.publish(self.random.randrange(65536)),
            lambda: front.memory.write(driver.desc, self.random.randbytes(64)),
            lambda: front.memory.write(driver.avail + 4, self.random.randbytes(32)),
            lambda: front.memory.put_u16(driver.used + 2, self.random.randrange(65536)),
            lambda: driver.publish(front.memory.u16(driver.used + 2) + self.random.randrange(8)),
        ]
        self.random.choice(deeds)()
        if self.random.random() < 0.02:
            os.ftruncate(front.file, OFFSET)
            os.ftruncate(front.file, OFFSET + front.room)


@pytest.mark.parametrize("seed", range(6))
def test_any_conversation_is_survived(sock: Path, seed: int) -> None:
    with Appliance(f"net_vhost0,iface={sock}", "net_null0") as appliance:
        appliance.run("start")
        before = len(open_fds())
        said = 0
        while said < MESSAGES:
            with FakeFrontend(sock, room=1 << 18, protocol=EVERYTHING) as front:
                talker = Chatterbox(front, seed * 1000 + said)
                try:
                    front.agree_on_protocol()
                    while said < MESSAGES:
                        said += 1
                        talker.chat()
                except Gone:
                    continue
        assert eventually(lambda: len(open_fds()) == before)
        with FakeFrontend(sock) as front:
            front.start_as_dpdk()
            front.post_buffers(count=16)
            front.transmit(*frames(16))
            assert eventually(lambda: all(ring.driver.used_idx == ring.driver.avail_idx for ring in front.rings))
