"""From start to stop with lcores at work on ports of net_null."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fakes.appliance import Appliance
from fakes.leaks import eventually

from pytestpmd.errors import ConfigError, TestpmdError
from pytestpmd.fwd import ENGINES

pytestmark = pytest.mark.usefixtures("no_leaks")

Make = Callable[..., Appliance]
LONG_S = 0.02


@pytest.fixture
def make() -> Iterator[Make]:
    """Programs with two (or ``ports``) ports of net_null."""
    made: list[Appliance] = []

    def make_appliance(ports: int = 2, devargs: str = "", **settings: Any) -> Appliance:
        made.append(Appliance(*(f"net_null{i}{devargs}" for i in range(ports)), **settings))
        return made[-1]

    yield make_appliance
    for appliance in made:
        appliance.__exit__(None, None, None)


def lcore_threads() -> list[str]:
    return sorted(thread.name for thread in threading.enumerate() if thread.name.startswith("lcore-worker"))


# Starting and stopping.


def test_what_is_received_is_sent_and_every_packet_is_counted(make: Make) -> None:
    stats = make().forward(LONG_S, tx_first=0)
    assert stats.engine == "io"
    assert [port.port_id for port in stats.ports] == [0, 1]
    first, second = stats.ports
    assert first.rx_packets == second.tx_packets > 0
    assert second.rx_packets == first.tx_packets > 0
    assert stats.total.rx_packets == first.rx_packets + second.rx_packets
    assert stats.total.tx_dropped == stats.total.rx_dropped == 0


def test_an_engine_that_answers_sends_where_it_heard(make: Make) -> None:
    app = make(ports=3).app
    app.config.forward.engine = "icmpecho"
    streams = [stream for lcore in app.session.make_plan().lcores for stream in lcore.streams]
    assert [(stream.rx_port, stream.tx_port) for stream in streams] == [(0, 0), (1, 1), (2, 2)]


def test_lcores_run_between_start_and_stop_and_no_longer(make: Make) -> None:
    appliance = make(workers=2, options="--rxq=2 --txq=2")
    session = appliance.app.session
    assert lcore_threads() == []
    session.start()
    assert session.running
    assert lcore_threads() == ["lcore-worker-1", "lcore-worker-2"]
    session.stop()
    assert not session.running
    assert lcore_threads() == []


def test_a_start_is_at_work_when_it_returns(make: Make) -> None:
    session = make().app.session
    for _ in range(5):
        session.start()
        assert session.stop().total.rx_packets > 0


def test_a_second_start_and_a_second_stop_are_refused(make: Make) -> None:
    session = make().app.session
    with pytest.raises(TestpmdError, match=r"^Packet forwarding not started$"):
        session.stop()
    session.start()
    with pytest.raises(TestpmdError, match=r"^Packet forwarding already started$"):
        session.start()
    session.stop()


def test_ports_must_be_started(make: Make) -> None:
    appliance = make(3)
    appliance.app.stop_ports([2])
    with pytest.raises(TestpmdError, match=r"^Not all ports were started$"):
        appliance.app.session.start()
    assert not appliance.app.session.running


@pytest.mark.parametrize(
    ("engine", "rxq", "txq", "tx_first", "line"),
    [
        ("io", 0, 1, 0, "Either rxq or txq are 0, cannot use io fwd mode"),
        ("macswap", 1, 0, 0, "Either rxq or txq are 0, cannot use macswap fwd mode"),
        ("rxonly", 0, 1, 0, "rxq are 0, cannot use rxonly fwd mode"),
        ("txonly", 1, 0, 0, "txq are 0, cannot use txonly fwd mode"),
        ("rxonly", 1, 0, 1, "txq are 0, cannot use txonly fwd mode"),
    ],
)
def test_an_engine_needs_the_queues_that_it_uses(
    make: Make, engine: str, rxq: int, txq: int, tx_first: int, line: str
) -> None:
    session = make(options=f"--forward-mode={engine} --rxq={rxq} --txq={txq}").app.session
    with pytest.raises(TestpmdError, match=f"^{line}$"):
        session.start(tx_first)
    assert not session.running


@pytest.mark.parametrize(("engine", "rxq", "txq"), [("rxonly", 1, 0), ("txonly", 0, 1)])
def test_an_engine_needs_no_queues_that_it_does_not_use(make: Make, engine: str, rxq: int, txq: int) -> None:
    stats = make(options=f"--forward-mode={engine} --rxq={rxq} --txq={txq}").forward(LONG_S, tx_first=0)
    assert bool(stats.total.rx_packets) == bool(rxq)
    assert bool(stats.total.tx_packets) == bool(txq)


@pytest.mark.parametrize("engine", sorted(ENGINES))
def test_every_engine_keeps_its_packets_together(make: Make, engine: str) -> None:
    """What an engine leaves behind would be missed at the audit."""
    appliance = make(options=f"--forward-mode={engine}")
    for _ in range(3):
        stats = appliance.forward(LONG_S / 2)
        assert stats.total.rx_packets + stats.total.tx_packets > 0
        assert appliance.app.pools[0].in_use() == 0


# tx_first.


@pytest.mark.parametrize("bursts", [1, 7, 100])
def test_tx_first_sends_so_many_bursts_of_each_stream(make: Make, bursts: int) -> None:
    """On ports that receive nothing, that is all that is ever sent."""
    appliance = make(devargs=",no-rx=1", options="--rxq=2 --txq=2")
    stats = appliance.forward(0, tx_first=bursts)
    assert [port.tx_packets for port in stats.ports] == [2 * 32 * bursts] * 2
    assert stats.total.rx_packets == 0


def test_without_tx_first_nothing_is_sent_that_was_not_received(make: Make) -> None:
    assert make(devargs=",no-rx=1").forward(LONG_S, tx_first=0).total.tx_packets == 0


# What must be right before txonly may send.


@pytest.mark.parametrize(("engine", "tx_first"), [("txonly", 0), ("io", 1)])
def test_segments_that_no_mbuf_can_hold_are_refused(make: Make, engine: str, tx_first: int) -> None:
    appliance = make(options=f"--forward-mode={engine}")
    appliance.run("set txpkts 2100,64")
    with pytest.raises(ConfigError, match=r"^Tx segment of 2100 bytes > 2048"):
        appliance.app.session.start(tx_first)
    assert not appliance.app.session.running
    appliance.run("set txpkts 2048,64")
    assert appliance.forward(LONG_S, tx_first).total.tx_packets > 0


def test_mbufs_that_cannot_hold_the_headers_send_nothing(make: Make) -> None:
    appliance = make(devargs=",size=16", options="--mbuf-size=160 --forward-mode=txonly")
    with pytest.raises(ConfigError, match=r"^Tx segment of 64 bytes > 32"):
        appliance.app.session.start()


def test_packets_longer_than_ip_can_say_are_no_reason_to_fail(make: Make) -> None:
    appliance = make()
    appliance.run("set txpkts " + ",".join(["2000"] * 40))
    assert appliance.forward(LONG_S, tx_first=2).total.tx_packets > 0


# Who forwards what.


@pytest.mark.parametrize(
    ("topology", "ports", "sends_to"),
    [
        ("paired", 2, [1, 0]),
        ("paired", 3, [1, 0, 2]),
        ("paired", 4, [1, 0, 3, 2]),
        ("chained", 3, [1, 2, 0]),
        ("loop", 3, [0, 1, 2]),
        ("paired", 1, [0]),
        ("chained", 1, [0]),
    ],
)
def test_ports_feed_each_other_as_the_topology_says(make: Make, topology: str, ports: int, sends_to: list[int]) -> None:
    appliance = make(ports, options=f"--port-topology={topology}")
    stats = appliance.forward(LONG_S, tx_first=0)
    for rx, tx in enumerate(sends_to):
        assert stats.ports[rx].rx_packets == stats.ports[tx].tx_packets > 0


def test_only_the_ports_of_the_list_forward(make: Make) -> None:
    appliance = make(4)
    appliance.run("set portlist 3,1")
    stats = appliance.forward(LONG_S)
    assert [port.port_id for port in stats.ports] == [3, 1]
    assert all(port.rx_packets for port in stats.ports)
    assert appliance.packets(0) == appliance.packets(2) == (0, 0)


def test_no_port_and_no_packet_is_no_error(make: Make) -> None:
    appliance = make()
    appliance.run("set nbport 0")
    stats = appliance.forward(0)
    assert stats.ports == ()
    assert stats.total.rx_packets == 0


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_queues_are_dealt_to_as_many_lcores_as_there_are(make: Make, workers: int) -> None:
    appliance = make(workers=workers, options="--rxq=4 --txq=4")
    plan = appliance.app.session.start()
    assert len(plan.lcores) == workers
    assert sum(len(lcore.streams) for lcore in plan.lcores) == 8
    goal = [queue.lifetime().packets for port in appliance.app.ports for queue in port.rx_queues]
    assert eventually(
        lambda: all(
            queue.lifetime().packets > before
            for queue, before in zip(
                [queue for port in appliance.app.ports for queue in port.rx_queues], goal, strict=True
            )
        )
    )
    stats = appliance.app.session.stop()
    assert len(stats.streams) == 8, "more streams than ports: each is told of"


# Ports that forward are not pulled from under an lcore.


@pytest.mark.parametrize("change", ["set nbport 1", "set portlist 0", "set portmask 1", "set default"])
@pytest.mark.parametrize("deed", ["port stop 1", "port close 1", "port stop all", "port close all"])
def test_a_port_that_lcores_poll_stays_whatever_the_next_start_will_do(make: Make, change: str, deed: str) -> None:
    appliance = make()
    appliance.app.session.start()
    appliance.run(change)
    assert "Please remove port 1 from forwarding configuration." in appliance.run(deed)
    assert appliance.app.ports[1].state.value == "started"
    appliance.app.session.stop()


def test_a_port_that_does_not_forward_may_stop_meanwhile(make: Make) -> None:
    appliance = make(3)
    appliance.run("set portlist 0,1", "start")
    assert "Please remove" not in appliance.run("port stop 2")
    assert "Please remove" not in appliance.run("port close 2")
    assert appliance.flows()
    appliance.app.session.stop()


# Counting.


def test_bad_checksums_are_those_of_the_port_that_received_them(make: Make) -> None:
    appliance = make(options="--forward-mode=csum")
    session = appliance.app.session
    appliance.forward(0)
    assert session._made
    for stream in session._made.streams:
        stream.ptr.rx_bad_ip_csum, stream.ptr.rx_bad_l4_csum = 3 + stream.spec.rx_port, 5
    assert [(port.bad_ip_csum, port.bad_l4_csum) for port in session.stats().ports] == [(3, 5), (4, 5)]
    session.clear_stats()
    assert not any(port.bad_ip_csum or port.bad_l4_csum for port in session.stats().ports)


def test_counts_begin_at_start_and_at_clear(make: Make) -> None:
    appliance = make(devargs=",no-rx=1")
    session = appliance.app.session
    appliance.forward(0, tx_first=3)
    assert appliance.forward(0, tx_first=1).total.tx_packets == 64
    session.clear_stats()
    assert session.stats().total.tx_packets == 0
    assert appliance.packets(0)[1] == 32 * 4, "the port's own counters go on"


def test_counts_stay_when_ports_are_configured_anew(make: Make) -> None:
    appliance = make(devargs=",no-rx=1")
    appliance.forward(0, tx_first=2)
    appliance.run("port stop all", "port config all rxq 2", "port config all txq 2", "port start all")
    assert appliance.app.session.stats().total.tx_packets == 2 * 64
    assert appliance.forward(0, tx_first=1).total.tx_packets == 2 * 64


def test_counts_of_a_port_that_was_closed_are_not_told(make: Make) -> None:
    appliance = make()
    appliance.forward(LONG_S)
    appliance.run("port stop 1", "port close 1")
    assert [port.port_id for port in appliance.app.session.stats().ports] == [0]


def test_statistics_are_told_at_once_while_lcores_forward_flat_out(make: Make) -> None:
    appliance = make(workers=2, options="--rxq=2 --txq=2")
    session = appliance.app.session
    session.start()
    took = []
    for _ in range(20):
        began = time.monotonic()
        session.stats()
        took.append(time.monotonic() - began)
    session.stop()
    assert sorted(took)[10] < 0.05


def test_mac_writes_what_the_peer_list_says(make: Make) -> None:
    appliance = make(options="--forward-mode=mac --eth-peer=1,02:11:22:33:44:55")
    plan = appliance.app.session.start()
    appliance.app.session.stop()
    assert plan.engine == "mac"
    made = appliance.app.session._made
    assert made
    assert {bytes(stream.ptr.peer_mac) for stream in made.streams if stream.spec.tx_port == 1} == {
        bytes.fromhex("021122334455")
    }


def test_an_lcore_runs_where_it_was_put(make: Make) -> None:
    appliance = make()
    appliance.app.session.start()
    (thread,) = (thread for thread in threading.enumerate() if thread.name == "lcore-worker-1")
    assert thread.native_id
    assert os.sched_getaffinity(thread.native_id) == set(appliance.app.cpus_of(1))
    appliance.app.session.stop()


def test_leaving_the_program_stops_the_lcores(make: Make) -> None:
    appliance = make()
    appliance.app.session.start()
    appliance.app.release()
    assert lcore_threads() == []
    assert appliance.app.pools[0].in_use() == 0
