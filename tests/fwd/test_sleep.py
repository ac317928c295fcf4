"""Interrupt mode: an lcore that has nothing to do sleeps, and nothing that comes is slept through."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.appliance import Appliance
from fakes.leaks import eventually
from fakes.packets import frame, frames, packet, transmit
from fakes.queues import Eventfd

from pytestpmd._dataplane import lib
from pytestpmd.eal.lcore import LCORES, Lcores
from pytestpmd.errors import NotSupported
from pytestpmd.ethdev.port import RxInterrupt
from pytestpmd.fwd import ENGINES, sleep
from pytestpmd.fwd.sleep import Sleep, interrupts_of
from pytestpmd.fwd.topology import LcoreSpec, StreamSpec

pytestmark = pytest.mark.usefixtures("no_leaks")

MakeWire = Callable[..., Any]
SOON_S = 10.0
#: A sleep that the clock ends within no test's patience: whoever sleeps was not woken.
FOR_EVER_MS = 60_000
LAYOUTS = ["", ",in_order=0", ",packed_vq=1", ",packed_vq=1,in_order=0,mrg_rxbuf=0"]


@pytest.fixture
def deep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a wake ends a sleep."""
    monkeypatch.setattr(sleep, "SLEEP_MS", FOR_EVER_MS)


# The loop.


class Sleeper:
    """An lcore in interrupt mode on one stream between two devices that are played here."""

    def __init__(self, wire: Any) -> None:
        self.wire, self.lcore, self.call = wire, wire.lcore, Eventfd()
        interrupt = RxInterrupt(self.call.fd, wire.left.vq, lib.virtqueue_intr_enable, lib.virtqueue_intr_disable)
        lib.virtqueue_intr_disable(wire.left.vq)
        self.sleep = Sleep([interrupt])
        self.sleep.fill(self.lcore)
        self._thread = threading.Thread(target=lib.fwd_run_interrupt, args=(self.lcore,))
        self._thread.start()

    def is_asleep(self) -> bool:
        return eventually(lambda: self.lcore.asleep)

    def is_done(self) -> bool:
        return not self._thread.is_alive()

    def deliver(self, *data: bytes) -> None:
        """As an honest device does: it calls when it is asked to."""
        device = self.wire.left.device
        for one in data:
            device.deliver(one)
        if device.wants_interrupt(len(data)):
            os.eventfd_write(self.call.fd, 1)

    def close(self) -> None:
        lib.fwd_stop(self.lcore)
        self.sleep.end()
        self._thread.join(SOON_S)
        assert self.is_done()
        self.sleep.close()
        self.call.close()


@pytest.fixture
def make_sleeper(make_wire: MakeWire, deep: None) -> Iterator[Callable[..., Sleeper]]:
    made: list[Sleeper] = []

    def make(engine: str = "io") -> Sleeper:
        made.append(Sleeper(make_wire(engine)))
        return made[-1]

    yield make
    for sleeper in made:
        sleeper.close()


def test_a_probe_wakes_an_lcore_that_sleeps_and_is_timed(make_sleeper: Callable[..., Sleeper]) -> None:
    sleeper = make_sleeper()
    for number in range(1, 6):
        assert sleeper.is_asleep()
        turns, began = sleeper.lcore.turns, time.monotonic_ns()
        assert lib.fwd_probe(sleeper.lcore)
        assert eventually(lambda number=number: sum(sleeper.lcore.wake_bins) == number)
        assert sum(sleeper.lcore.wake_bins[0 : lib.fwd_wake_bin(time.monotonic_ns() - began) + 1]) >= 1
        assert eventually(lambda turns=turns: sleeper.lcore.turns > turns)
    assert sleeper.is_asleep()
    slowest = max(number for number, count in enumerate(sleeper.lcore.wake_bins) if count)
    assert slowest <= lib.fwd_wake_bin(int(SOON_S * 1e9))
    assert (sleeper.lcore.packet_wakes, sleeper.lcore.time_wakes) == (0, 0)
    assert sleeper.lcore.sleep_ns > 0


def test_who_is_awake_is_not_probed(make_sleeper: Callable[..., Sleeper], make_wire: MakeWire) -> None:
    assert not lib.fwd_probe(make_wire("io").lcore)
    sleeper = make_sleeper()
    assert sleeper.is_asleep()
    sleeper.sleep.end()  # a wake that is no probe
    assert eventually(lambda: sleeper.lcore.sleeps == 2)
    assert sum(sleeper.lcore.wake_bins) == 0


def test_an_lcore_sleeps_when_nothing_comes_and_turns_no_more(make_sleeper: Callable[..., Sleeper]) -> None:
    sleeper = make_sleeper()
    assert sleeper.is_asleep()
    turns = lib.fwd_turns(sleeper.lcore)
    assert turns >= sleep.IDLE_TURNS
    time.sleep(0.05)
    assert (lib.fwd_turns(sleeper.lcore), sleeper.lcore.sleeps) == (turns, 1)


def test_packets_wake_it_and_are_forwarded_every_time(make_sleeper: Callable[..., Sleeper]) -> None:
    sleeper = make_sleeper()
    for number in range(200):
        assert sleeper.is_asleep()
        sleeper.deliver(frame(number=number))
        assert eventually(lambda: sleeper.wire.right.device.collect() == [frame(number=number)])  # noqa: B023
    assert sleeper.is_asleep()
    assert sleeper.lcore.packet_wakes == 200
    assert sleeper.lcore.time_wakes == 0


def test_packets_at_any_moment_of_falling_asleep_are_not_slept_through(make_sleeper: Callable[..., Sleeper]) -> None:
    """The device looks at the wish only after it has published; whoever comes second must see the other."""
    sleeper = make_sleeper()
    sleeper.lcore.idle_turns = 1
    for number in range(3000):
        sleeper.deliver(frame(number=number))
        assert eventually(sleeper.wire.right.device.collect)
    assert sleeper.lcore.time_wakes == 0


def test_stop_ends_a_sleep(make_sleeper: Callable[..., Sleeper]) -> None:
    sleeper = make_sleeper()
    assert sleeper.is_asleep()
    lib.fwd_stop(sleeper.lcore)
    sleeper.sleep.end()
    assert eventually(sleeper.is_done)


def test_a_wake_before_the_sleep_is_not_lost(make_sleeper: Callable[..., Sleeper]) -> None:
    sleeper = make_sleeper("rxonly")
    for _ in range(500):
        turns = lib.fwd_turns(sleeper.lcore)
        sleeper.sleep.end()
        assert eventually(lambda: lib.fwd_turns(sleeper.lcore) != turns)  # noqa: B023


def test_the_clock_ends_a_sleep_that_nobody_does(make_sleeper: Callable[..., Sleeper]) -> None:
    sleeper = make_sleeper()
    assert sleeper.is_asleep()
    sleeper.lcore.sleep_ms = 1
    sleeper.sleep.end()
    assert eventually(lambda: sleeper.lcore.time_wakes > 10)


def test_cycles_are_counted_while_it_is_awake(make_sleeper: Callable[..., Sleeper]) -> None:
    sleeper = make_sleeper()
    sleeper.lcore.record_cycles = 1
    assert sleeper.is_asleep()
    sleeper.deliver(*frames(8))
    assert eventually(lambda: len(sleeper.wire.right.device.collect()) == 8)
    assert sleeper.is_asleep()
    assert 0 < sleeper.wire.stream.busy_cycles < sleeper.lcore.total_cycles


# Control threads and sleeping lcores.


@pytest.fixture
def pair(tmp_path: Path, deep: None) -> Iterator[Appliance]:
    """Both ends of a socket, forwarding in interrupt mode; one lcore has both."""
    with joined(tmp_path) as made:
        made.app.session.start()
        yield made
        if made.app.session.running:
            made.app.session.stop()


def joined(
    folder: Path, virtio: str = "", options: str = "--interrupt", workers: int = 1, queues: int = 1
) -> Appliance:
    made = Appliance(
        f"net_vhost0,iface={folder}/s,queues={queues}",
        f"net_virtio_user0,path={folder}/s,queues={queues}{virtio}",
        options=f"--rxq={queues} --txq={queues} {options}",
        workers=workers,
    )
    assert made.are_joined()
    return made


def is_asleep(appliance: Appliance) -> bool:
    return eventually(lambda: all(counts.asleep for counts in appliance.app.session.sleeps().values()))


def test_quiesce_does_not_wait_for_a_sleeper(pair: Appliance) -> None:
    for _ in range(100):
        assert is_asleep(pair)
        began = time.monotonic()
        LCORES.quiesce()
        assert time.monotonic() - began < SOON_S


def test_a_sleeper_is_not_taken_for_stuck(pair: Appliance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytestpmd.eal.lcore.STUCK_S", 0.01)
    assert is_asleep(pair)
    before = pair.app.session.sleeps()
    time.sleep(0.3)  # the control threads look three times
    assert pair.app.session.sleeps() == before


def test_stop_and_start_do_not_wait_for_a_sleeper(pair: Appliance) -> None:
    for _ in range(5):
        assert is_asleep(pair)
        began = time.monotonic()
        pair.app.session.stop()
        pair.app.session.start()
        assert time.monotonic() - began < SOON_S


def test_a_front_end_that_goes_does_not_wait_for_a_sleeper(pair: Appliance) -> None:
    vhost, virtio = pair.app.ports
    assert is_asleep(pair)
    virtio.transport.drop("the test says so")  # type: ignore[attr-defined]
    virtio._device_changed()  # type: ignore[attr-defined]
    assert eventually(lambda: not vhost.link().up)
    assert pair.are_up()
    assert is_asleep(pair)
    pair.run("stop", "start tx_first")
    assert pair.flows()


# Whole ports.


@pytest.mark.parametrize("layout", LAYOUTS)
def test_single_packets_wake_both_kinds_of_port(tmp_path: Path, deep: None, layout: str) -> None:
    """rxonly at one end and the test at the other; then the other way round."""
    for sender, receiver in ((0, 1), (1, 0)):
        with joined(tmp_path, layout, f"--interrupt --forward-mode=rxonly --portlist={receiver}") as pair:
            pair.app.session.start()
            tx, pool = pair.app.ports[sender].tx_queues[0], pair.app.pools[0]
            for number in range(100):
                assert is_asleep(pair)
                assert transmit(tx.burst, tx.handle, [packet(pool, frame(number=number))]) == 1
                assert eventually(lambda: pair.packets(receiver)[0] == number + 1)  # noqa: B023
            assert is_asleep(pair)
            (counts,) = pair.app.session.sleeps().values()
            assert counts.by_packets >= 100
            assert counts.by_time == 0
            pair.app.session.stop()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_two_sleepers_pass_packets_on_to_each_other(tmp_path: Path, deep: None, layout: str) -> None:
    """An lcore for each end, io in a loop: a few packets go round, and each hop may find the other asleep."""
    with joined(tmp_path, layout, "--interrupt --port-topology=loop", workers=2) as pair:
        assert len(pair.app.session.start().lcores) == 2
        assert is_asleep(pair)
        tx, pool = pair.app.ports[0].tx_queues[0], pair.app.pools[0]
        assert transmit(tx.burst, tx.handle, [packet(pool, frame())]) == 1
        assert pair.flows(5000)
        assert all(counts.by_time == 0 for counts in pair.app.session.sleeps().values())
        pair.app.session.stop()


def test_every_queue_of_an_lcore_wakes_it(tmp_path: Path, deep: None) -> None:
    with joined(tmp_path, options="--interrupt --forward-mode=rxonly", queues=4) as pair:
        pair.app.session.start()
        pool = pair.app.pools[0]
        queues = [queue for port in pair.app.ports for queue in port.tx_queues]
        for received, queue in enumerate(queues):
            assert is_asleep(pair)
            assert transmit(queue.burst, queue.handle, [packet(pool, frame())]) == 1
            assert eventually(lambda: pair.packets(0)[0] + pair.packets(1)[0] == received + 1)  # noqa: B023
        pair.app.session.stop()


def test_a_sleeper_costs_next_to_nothing(tmp_path: Path) -> None:
    """Less than a twentieth of a core under any load of the machine's; bench measures it."""
    with joined(tmp_path) as pair:
        pair.app.session.start()
        assert is_asleep(pair)
        (thread,) = (thread for thread in threading.enumerate() if thread.name == "lcore-worker-1")
        before, began = cpu_s(thread), time.monotonic()
        time.sleep(0.5)
        assert cpu_s(thread) - before < (time.monotonic() - began) / 20
        pair.app.session.stop()


def cpu_s(thread: threading.Thread) -> float:
    """What a thread has run for."""
    words = Path(f"/proc/self/task/{thread.native_id}/schedstat").read_text().split()
    return int(words[0]) / 1e9


# Who polls all the same.


def test_a_port_without_receive_interrupts_keeps_its_lcore_polling_and_one_line_says_so() -> None:
    with Appliance("net_null0", "net_null1", options="--interrupt") as null:
        said = null.run("start")
        assert "Interrupt mode: lcore 1 keeps polling: port 0 (net_null) has no receive interrupts\n" in said
        assert null.flows()
        assert null.run("show fwd interrupt") == "lcore 1 polls: port 0 (net_null) has no receive interrupts"
        null.run("stop")


def test_each_lcore_sleeps_or_polls_by_its_own_ports(tmp_path: Path) -> None:
    with Appliance(
        f"net_vhost0,iface={tmp_path}/s", "net_null0,no-rx=1", options="--interrupt --port-topology=loop", workers=2
    ) as mixed:
        said = mixed.run("start")
        assert "Interrupt mode: lcore 1 sleeps while there are no packets\n" in said
        assert "Interrupt mode: lcore 2 keeps polling: port 1 (net_null) has no receive interrupts\n" in said
        assert is_asleep(mixed)
        assert mixed.run("show fwd interrupt").startswith("lcore 1 is asleep: slept ")
        mixed.run("stop")


def test_an_engine_that_only_sends_does_not_wait_for_packets(tmp_path: Path) -> None:
    with Appliance(f"net_vhost0,iface={tmp_path}/s") as one:
        lcore = LcoreSpec(1, (StreamSpec(0, 0, 0, 0),))
        with pytest.raises(NotSupported, match=r"^txonly does not wait for packets$"):
            interrupts_of(lcore, ENGINES["txonly"], {0: one.app.ports[0]})
        assert len(interrupts_of(lcore, ENGINES["io"], {0: one.app.ports[0]})) == 1


def test_the_mode_is_changed_from_one_start_to_the_next(tmp_path: Path) -> None:
    with joined(tmp_path, options="") as pair:
        assert "Interrupt mode" not in pair.run("start")
        assert pair.run("show fwd interrupt") == "All lcores poll: forwarding was not started in interrupt mode"
        pair.run("set interrupt on")
        assert pair.app.session.sleeps() == {}
        pair.run("stop")
        assert "Interrupt mode: lcore 1 sleeps" in pair.run("start")
        assert "Interrupt mode: lcore 1 sleeps" in pair.run("show config fwd")
        assert is_asleep(pair)
        pair.run("set interrupt off", "stop")
        assert "Interrupt mode" not in pair.run("start")
        pair.run("stop")


def test_tx_first_goes_before_the_sleep(tmp_path: Path, deep: None) -> None:
    with joined(tmp_path) as pair:
        pair.app.session.start(tx_first=2)
        assert pair.flows(1000)
        pair.app.session.stop()


# Lcores, whatever runs on them.


def test_lcores_that_are_woken_are_those_that_run(pair: Appliance) -> None:
    own = Lcores()
    own.wake()
    assert is_asleep(pair)
    before = pair.app.session.sleeps()[1].sleeps
    LCORES.wake()
    assert eventually(lambda: pair.app.session.sleeps()[1].sleeps > before)
