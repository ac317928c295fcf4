"""Commands over both layouts, with the device played from the specification: honest, slow, and lying."""

import time
from collections.abc import Callable
from struct import pack

import pytest
from fakes.control import CommandDevice, error, ring_in, silence
from fakes.net_device import Chain
from fakes.queues import Eventfd

from pytestpmd._dataplane import lib
from pytestpmd.drivers.virtio import ctrl, ctrlq
from pytestpmd.drivers.virtio.ctrlq import CONTROL_RING_SIZE, ControlQueue, ControlRefused
from pytestpmd.drivers.virtio.features import Agreement
from pytestpmd.drivers.virtio.vring import ring_layout
from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.eal.doorbell import Doorbell
from pytestpmd.errors import DeviceError, DeviceTimeout

SHORT_S = 0.02


class Pair:
    """A control queue and the device that serves it."""

    def __init__(self, packed: bool, *, event_idx: bool = False, timeout: float = 5.0) -> None:
        self.queue = ControlQueue(2, ring_layout(CONTROL_RING_SIZE, packed=packed), self._serve, timeout)
        self.agreed = Agreement(Feature.VIRTIO_RING_F_EVENT_IDX if event_idx else Feature(0))
        self.looks = 0
        self.begin()

    def begin(self) -> None:
        self.queue.reset(self.agreed)
        vq = self.queue.virtqueue
        self.device = CommandDevice(
            ring_in(self.queue.memory, vq.addresses, vq.packed, event_idx=self.agreed.event_idx)
        )

    def _serve(self) -> None:
        self.looks += 1
        self.device.serve()


@pytest.fixture(params=[False, True], ids=["split", "packed"])
def packed(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.mark.parametrize("event_idx", [False, True])
def test_commands_arrive_one_after_the_other_for_many_laps(packed: bool, event_idx: bool) -> None:
    pair = Pair(packed, event_idx=event_idx)
    sent = []
    for i in range(3 * CONTROL_RING_SIZE):
        command = [ctrl.queue_pairs(i), ctrl.promiscuous(bool(i % 2)), ctrl.announced(), ctrl.mac_table([], [])][i % 4]
        pair.queue.exchange(command)
        sent.append(b"".join(command.pieces))
    assert pair.device.commands == sent
    report = pair.queue.report()
    assert (report.sent, report.refused, report.broken) == (len(sent), 0, "")


def test_each_part_is_a_descriptor_of_its_own(packed: bool) -> None:
    """5.1.6.5: devices from before VERSION_1 know commands in no other form."""
    pair = Pair(packed)
    for command in (ctrl.announced(), ctrl.vlan(1, True), ctrl.mac_table([bytes(6)], [])):
        pair.queue.exchange(command)
    assert pair.device.pieces == [(2,), (2, 2), (2, 10, 4)]


def test_split_indices_wrap() -> None:
    pair = Pair(packed=False)
    for _ in range(70_000):
        pair.queue.exchange(ctrl.announced())
    assert pair.queue.virtqueue.ptr.avail_idx == 70_000 & 0xFFFF


def test_the_longest_command_goes_through(packed: bool) -> None:
    pair = Pair(packed)
    table = [pack(">HI", 0x0200, i) for i in range(64)]
    pair.queue.exchange(ctrl.mac_table(table, []))
    assert pair.device.commands == [b"\1\0" + pack("<I", 64) + b"".join(table) + bytes(4)]


def test_the_device_is_kicked_for_each_command_unless_it_asks_not_to_be(packed: bool) -> None:
    pair = Pair(packed)
    kick = Eventfd()
    pair.queue.virtqueue.arm(Doorbell.eventfd(kick.fd))
    kick.count()
    pair.queue.exchange(ctrl.announced())
    assert kick.count() == 1
    pair.device.ring.suppress_kicks(True)
    pair.queue.exchange(ctrl.announced())
    assert kick.count() == 0
    kick.close()


def test_a_refusal_is_one_and_the_next_command_is_heard(packed: bool) -> None:
    pair = Pair(packed)
    pair.device.respond = error
    with pytest.raises(ControlRefused, match=r"^the device refused MQ_VQ_PAIRS_SET$"):
        pair.queue.exchange(ctrl.queue_pairs(9))
    pair.device.respond = lambda device, chain: device.answer(chain, 0)
    pair.queue.exchange(ctrl.queue_pairs(1))
    report = pair.queue.report()
    assert (report.sent, report.refused) == (2, 1)
    assert report.commands == ("MQ_VQ_PAIRS_SET 0900: refused", "MQ_VQ_PAIRS_SET 0100: ok")


def test_an_ack_that_was_not_written_is_a_refusal(packed: bool) -> None:
    pair = Pair(packed)

    def use_only(device: CommandDevice, chain: Chain) -> None:
        device.ring.use(chain, 0)
        device.ring.publish()

    pair.device.respond = use_only
    with pytest.raises(ControlRefused):
        pair.queue.exchange(ctrl.announced())


@pytest.mark.parametrize("ack", [1, 2, 0x80, 0xFF])
def test_whatever_is_not_ok_is_a_refusal(packed: bool, ack: int) -> None:
    pair = Pair(packed)
    pair.device.respond = lambda device, chain: device.answer(chain, ack)
    with pytest.raises(ControlRefused):
        pair.queue.exchange(ctrl.announced())


def test_a_late_answer_is_waited_for(packed: bool) -> None:
    pair = Pair(packed)
    waiting: list[Chain] = []

    def answer_at_the_fifth_look(device: CommandDevice, chain: Chain) -> None:
        waiting.append(chain)

    pair.device.respond = answer_at_the_fifth_look
    serve = pair.device.serve

    def slow() -> None:
        serve()
        if pair.looks == 5:
            pair.device.answer(waiting.pop(), 0)

    pair.device.serve = slow  # type: ignore[method-assign]
    pair.queue.exchange(ctrl.announced())
    assert pair.looks == 5


def test_an_answer_that_came_while_we_did_not_run_counts(packed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Pair(packed)
    waiting: list[Chain] = []
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    pair.device.respond = lambda device, chain: waiting.append(chain)
    serve = pair.device.serve

    def after_a_pause() -> None:
        serve()
        if pair.looks == 2:
            pair.device.answer(waiting.pop(), 0)
        now[0] += 100

    pair.device.serve = after_a_pause  # type: ignore[method-assign]
    pair.queue.exchange(ctrl.announced())
    assert pair.looks == 2


def test_a_device_on_the_bus_has_more_time_and_it_ends_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctrlq, "ANSWER_S", 0.01)
    monkeypatch.setattr(ctrlq, "BUS_ANSWER_S", SHORT_S)
    queue = ControlQueue(2, ring_layout(CONTROL_RING_SIZE, packed=False), lambda: None, is_on_bus=True)
    queue.reset(Agreement(Feature(0)))
    with pytest.raises(DeviceTimeout, match=r"within 0.02 s"):
        queue.exchange(ctrl.announced())


def test_silence_ends_at_the_deadline_and_breaks_the_queue_until_it_is_made_anew(packed: bool) -> None:
    pair = Pair(packed, timeout=SHORT_S)
    pair.device.respond = silence
    began = time.monotonic()
    with pytest.raises(DeviceTimeout, match=r"did not answer a command within 0.02 s"):
        pair.queue.exchange(ctrl.announced())
    assert time.monotonic() - began < 5
    with pytest.raises(DeviceError, match=r"^the control queue is broken: the device did not answer"):
        pair.queue.exchange(ctrl.announced())
    assert len(pair.device.commands) == 1, "nothing more is asked of it"
    pair.begin()
    pair.queue.exchange(ctrl.announced())
    assert pair.queue.report().broken == ""


def _wrong_id(device: CommandDevice, chain: Chain) -> None:
    device.ring.lie((chain.head + 1) % CONTROL_RING_SIZE, 1)


def _id_beyond_the_ring(device: CommandDevice, chain: Chain) -> None:
    device.ring.lie(0xFFFF, 1)


def _too_long(device: CommandDevice, chain: Chain) -> None:
    device.answer(chain, 0, 2)


def _far_too_long(device: CommandDevice, chain: Chain) -> None:
    device.answer(chain, 0, 0xFFFFFFFF)


LIES: list[tuple[Callable[[CommandDevice, Chain], None], int]] = [
    (_wrong_id, lib.VRING_BAD_ID),
    (_id_beyond_the_ring, lib.VRING_BAD_ID),
    (_too_long, lib.VRING_BAD_LENGTH),
    (_far_too_long, lib.VRING_BAD_LENGTH),
]


@pytest.mark.parametrize(("lie", "fault"), LIES, ids=lambda value: getattr(value, "__name__", ""))
def test_a_lie_breaks_the_queue_at_once(packed: bool, lie: Callable[[CommandDevice, Chain], None], fault: int) -> None:
    pair = Pair(packed)
    pair.device.respond = lie
    began = time.monotonic()
    with pytest.raises(DeviceError) as refused:
        pair.queue.exchange(ctrl.announced())
    assert not isinstance(refused.value, ControlRefused)
    assert time.monotonic() - began < 4
    assert pair.queue.virtqueue.ptr.fault == fault
    pair.begin()
    pair.queue.exchange(ctrl.announced())


@pytest.mark.parametrize("ahead", [2, 3, CONTROL_RING_SIZE, 0x8000, 0xFFFF])
def test_a_used_index_that_runs_ahead_breaks_the_queue(ahead: int) -> None:
    pair = Pair(packed=False)
    addresses = pair.queue.virtqueue.addresses

    def run_ahead(device: CommandDevice, chain: Chain) -> None:
        device.memory.put_u16(addresses.used + 2, ahead)

    pair.device.respond = run_ahead
    with pytest.raises(DeviceError, match=r"moved used.idx further"):
        pair.queue.exchange(ctrl.announced())


def test_what_the_device_writes_into_descriptors_is_not_read_back(packed: bool) -> None:
    pair = Pair(packed)

    def scribble(device: CommandDevice, chain: Chain) -> None:
        device.ring.scribble()
        device.answer(chain, 0)

    pair.device.respond = scribble
    for _ in range(CONTROL_RING_SIZE):
        pair.queue.exchange(ctrl.announced())
