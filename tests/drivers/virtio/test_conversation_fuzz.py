"""A back-end that answers what comes to its mind and writes what it likes into rings, while lcores forward.

It is mostly sensible, so that it gets far. Whatever comes of it, the next one must be served, and every mbuf must be
there at the end. PYTESTPMD_FUZZ_ROUNDS makes it last longer than a test run has time for.
"""

import os
import random
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from struct import pack, unpack
from typing import Any

import pytest
from fakes.appliance import Appliance
from fakes.guest import GuestMemory
from fakes.leaks import eventually, open_fds
from fakes.vhost_backend import FEATURES, U64, Answer, Asked, FakeBackend, R, hang_up, message, nack, silence

from pytestpmd.drivers.virtio import VirtioUserPort
from pytestpmd.drivers.virtio.transport.user import VhostUserTransport
from pytestpmd.drivers.virtio_net import Feature, Status

pytestmark = pytest.mark.usefixtures("no_leaks")

ROUNDS = int(os.environ.get("PYTESTPMD_FUZZ_ROUNDS", "12"))
WRITES = 1000
SHORT_S = 0.1
LAYOUTS = {
    "split": "",
    "packed": ",packed_vq=1",
    "vectors": ",mrg_rxbuf=0,in_order=0",
    "packed vectors": ",packed_vq=1,mrg_rxbuf=0,vectorized=1",
}
#: The same in every test run; others when it is to last longer.
FIRST = time.time_ns() if "PYTESTPMD_FUZZ_ROUNDS" in os.environ else 1
EVERYTHING = int(FEATURES | Feature.VIRTIO_F_RING_PACKED | Feature.VIRTIO_F_IN_ORDER)
DRIVER_OK = 0xF


class Babbler(FakeBackend):
    """Its answers are wrong now and then; its memory is not."""

    def __init__(self, path: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.is_honest = self.random.random() < 0.6
        features = EVERYTHING
        if self.random.random() < 0.3:
            features = features & self.random.getrandbits(64) | self.random.getrandbits(64) & self.random.getrandbits(
                64
            )
        super().__init__(path, connects=True, features=features)

    def _answer(self, asked: Asked) -> bytes | None:
        if self.is_honest or self.random.random() < 0.95:
            return super()._answer(asked)
        return self.random.choice(self.wrong())(asked)

    def wrong(self) -> list[Answer]:
        """Answers that no honest back-end gives."""
        any_number = self.random.getrandbits(64)
        return [
            nack,
            hang_up,
            silence,
            lambda asked: message(asked.number, U64.pack(any_number)),
            lambda asked: message(asked.number, pack("=II", any_number & 3, any_number >> 32)),
            lambda asked: message(asked.number, bytes(any_number % 40)),
            lambda asked: message(any_number % 50, U64.pack(0)),
            lambda asked: self.random.randbytes(any_number % 64 + 1),
            lambda asked: message(asked.number, U64.pack(0))[: any_number % 20],
            self.with_fds,
        ]

    def with_fds(self, asked: Asked) -> None:
        """An honest answer, and files that nobody wants."""
        files = [os.memfd_create("gift", os.MFD_CLOEXEC) for _ in range(self.random.randrange(1, 9))]
        assert self._conn
        socket.send_fds(self._conn, [super()._answer(asked) or b"?"], files)
        for fd in files:
            os.close(fd)

    def rings(self) -> dict[int, dict[str, int]]:
        """Where the rings are that were described, by index."""
        found = {}
        for asked in [asked for asked in self.asked if asked.number == R.SET_VRING_ADDR]:
            ring, _, desc, used, avail, _ = unpack("=IIQQQQ", asked.payload)
            found[ring] = {"desc": desc, "used": used, "avail": avail}
        return found

    def babble(self) -> None:
        memory = self.memory()
        for _ in range(WRITES):
            self.scribble(memory)

    def scribble(self, memory: GuestMemory) -> None:
        """Into a ring, mostly where a device writes; or tell of it by an eventfd."""
        index, ring = self.random.choice(list(self.rings().items()))
        self.random.choice(
            [self.use, self.use, self.use, self.write_split, self.write_packed, self.write_any, self.tell]
        )(memory, index, ring)

    def number(self) -> int:
        return self.random.choice([0, 1, 2, 64, 65, self.random.getrandbits(16)])

    def use(self, memory: GuestMemory, _index: int, ring: dict[str, int]) -> None:
        """Move the used index of a split ring, or mark a packed descriptor."""
        at, slot = ring["used"] + 2, self.random.randrange(64)
        memory.put_u16(at, memory.u16(at) + self.random.randrange(4) & 0xFFFF)
        memory.put_u16(ring["desc"] + 14 + 16 * slot, self.random.choice([0x8080, 0x8082, 0, self.number()]))

    def write_split(self, memory: GuestMemory, _index: int, ring: dict[str, int]) -> None:
        """A used element, mostly one that might be; or what is not to be believed."""
        element = ring["used"] + 4 + 8 * self.random.randrange(64)
        memory.put_u32(element, self.random.randrange(70))
        memory.put_u32(element + 4, self.random.choice([60, 100, 2000, 2200, self.random.getrandbits(32)]))
        if self.random.random() < 0.1:
            memory.put_u16(ring["used"] + self.random.choice([0, 2]), self.number())

    def write_packed(self, memory: GuestMemory, _index: int, ring: dict[str, int]) -> None:
        """A packed descriptor's id and length."""
        slot = ring["desc"] + 16 * self.random.randrange(64)
        memory.put_u32(slot + 8, self.random.randrange(2200))
        memory.put_u16(slot + 12, self.random.randrange(70))

    def write_any(self, memory: GuestMemory, _index: int, ring: dict[str, int]) -> None:
        """Anything in what is the driver's."""
        memory.write(ring["desc"] + self.random.randrange(1000), self.random.randbytes(16))
        memory.write(ring["avail"] + self.random.randrange(100), self.random.randbytes(4))

    def tell(self, _memory: GuestMemory, index: int, _ring: dict[str, int]) -> None:
        """An eventfd that is the front-end's as well: written, full, or made to block."""
        if self.random.random() < 0.1:
            self.status ^= Status.NEEDS_RESET
        number = self.random.choice([R.SET_VRING_CALL, R.SET_VRING_KICK, R.SET_VRING_ERR])
        fd = self.last(number, index).fds[0]
        os.set_blocking(fd, False)
        try:
            os.eventfd_write(fd, self.random.choice([1, 1, 1, (1 << 64) - 2]))
        except BlockingIOError:
            os.set_blocking(fd, bool(self.random.randrange(2)))


@pytest.fixture
def appliance(sock: Path, layout: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Appliance]:
    """A port that is babbled at, with packets to send."""

    class Impatient(VhostUserTransport):
        def __init__(self, *args: Any, **settings: Any) -> None:
            super().__init__(*args, **settings, timeout=SHORT_S)

    monkeypatch.setattr("pytestpmd.drivers.virtio.user_port.VhostUserTransport", Impatient)
    monkeypatch.setattr("pytestpmd.drivers.virtio.status.RESET_INTERVAL_S", 0.01)
    ends = f"net_virtio_user0,path={sock},server=1,queues=2,queue_size=64{layout}", "net_null0"
    with Appliance(*ends, options="--rxq=2 --txq=2 --disable-link-check") as made:
        made.run("start")
        yield made


@pytest.fixture
def sock(tmp_path: Path) -> Path:
    return tmp_path / "s"


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_any_back_end_is_survived(appliance: Appliance, sock: Path, layout: str) -> None:
    is_served(appliance, sock)
    before, served = len(open_fds()), 0
    for turn in range(FIRST, FIRST + ROUNDS):
        print(f"seed {turn}")
        with Babbler(sock, turn) as backend:
            eventually(lambda: backend.status & Status.DRIVER_OK or backend.is_over, 3 * SHORT_S)
            if backend.status & Status.DRIVER_OK and "SET_VRING_ADDR" in backend.names:
                served += 1
                backend.babble()
    assert served
    assert eventually(lambda: len(open_fds()) <= before)
    is_served(appliance, sock)


def is_served(appliance: Appliance, sock: Path) -> None:
    """An honest back-end finds everything in order."""
    port = appliance.app.ports[0]
    assert isinstance(port, VirtioUserPort)
    with FakeBackend(sock, connects=True, features=EVERYTHING) as honest:
        assert eventually(lambda: honest.status == DRIVER_OK and port.link().up)
        assert not any(vq.ptr.fault for vq in port._virtqueues)
    assert eventually(lambda: not port.link().up)
