"""What engines make before ``start`` and give back at ``stop``, on ports of net_null."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fakes.appliance import Appliance
from fakes.leaks import eventually
from transcripts import masked, printed, transcript

from pytestpmd.errors import TestpmdError
from pytestpmd.fwd.noisy import REWRITES

pytestmark = pytest.mark.usefixtures("no_leaks")

Make = Callable[..., Appliance]


@pytest.fixture
def make() -> Iterator[Make]:
    """Programs with two ports of net_null; each must have all of its mbufs again in the end."""
    made: list[Appliance] = []

    def make_appliance(options: str = "", **settings: Any) -> Appliance:
        made.append(Appliance("net_null0", "net_null1", options=options, **settings))
        return made[-1]

    yield make_appliance
    for appliance in made:
        appliance.__exit__(None, None, None)


# noisy.


def test_noisy_is_started_in_the_original_s_words(make: Make) -> None:
    appliance = make("--forward-mode=noisy --noisy-tx-sw-buffer-size=64 --noisy-tx-sw-buffer-flushtime=10")
    assert printed(masked(appliance.run("start"))) == masked(transcript("noisy-fifo64-start"))
    appliance.run("stop")


@pytest.mark.parametrize("mode", sorted(REWRITES))
def test_from_its_first_start_on_noisy_says_what_it_does(make: Make, mode: str) -> None:
    appliance = make(f"--forward-mode=noisy --noisy-forward-mode={mode}")
    assert appliance.run("show config rxtx").startswith("  noisy packet forwarding packets/burst=32")
    started = appliance.run("start")
    assert started.startswith("noisy packet forwarding - ports=2")
    assert f"\n  noisy-{mode} packet forwarding packets/burst=32\n" in started
    assert appliance.run("show config fwd").startswith(f"noisy-{mode} packet forwarding - ports=2")
    appliance.run("stop", "set fwd io")
    assert appliance.run("show config rxtx").startswith("  io packet forwarding packets/burst=32")


@pytest.mark.parametrize("size", [1, 16, 64, 100, 1000])
def test_what_noisy_holds_at_the_end_is_freed_and_counted(make: Make, size: int) -> None:
    """Of any length; the original ends at 100, loses nearly all with 16, and leaks what it holds."""
    appliance = make(f"--forward-mode=noisy --noisy-tx-sw-buffer-size={size}")
    for _ in range(2):
        stats = appliance.forward(0.01, tx_first=0)
        assert appliance.app.pools[0].in_use() == 0
        for receiving, sending in zip(stats.ports, reversed(stats.ports), strict=True):
            assert receiving.rx_packets == sending.tx_packets + sending.tx_dropped
            assert size - 32 < sending.tx_dropped <= size
            assert sending.tx_packets > 0


def test_noisy_lets_packets_go_after_the_time_it_was_given(make: Make) -> None:
    """net_null brings packets in every turn, so that nothing is due while the FIFO is full."""
    appliance = make("--forward-mode=noisy --noisy-tx-sw-buffer-size=1000000 --noisy-tx-sw-buffer-flushtime=1")
    appliance.app.session.start()
    assert eventually(lambda: appliance.packets(1)[1] > 3 * 4096)
    appliance.app.session.stop()


@pytest.mark.parametrize("kind", ["writes", "reads", "reads-writes"])
def test_noisy_uses_memory_of_each_receiving_port(make: Make, kind: str) -> None:
    appliance = make(f"--forward-mode=noisy --noisy-lkup-memory=2 --noisy-lkup-num-{kind}=3")
    stats = appliance.forward(0.01)
    assert all(port.tx_packets > 0 for port in stats.ports)


def test_lookups_without_memory_are_refused_and_nothing_runs(make: Make) -> None:
    """Where the original ends."""
    session = make("--forward-mode=noisy --noisy-lkup-num-reads=1").app.session
    with pytest.raises(TestpmdError, match=r"^--noisy-lkup-memory-size must be > 0 \(it is --noisy-lkup-memory=MB\)$"):
        session.start()
    assert not session.running


def test_memory_that_is_not_there_is_refused(make: Make) -> None:
    session = make("--forward-mode=noisy --noisy-lkup-num-reads=1 --noisy-lkup-memory=100000000").app.session
    with pytest.raises(TestpmdError, match=r"^--noisy-lkup-memory=100000000 for 2 ports: only \d+ MB are free$"):
        session.start()
    assert not session.running


def test_a_fifo_that_cannot_be_had_is_refused(make: Make) -> None:
    session = make(f"--forward-mode=noisy --noisy-tx-sw-buffer-size={2**31 - 1}", workers=1).app.session
    try:
        session.start()
    except TestpmdError as error:
        assert str(error).startswith("Cannot map ")  # noqa: PT017  # whether there is so much is the machine's
    else:
        session.stop()


def test_noisy_that_waits_for_a_time_does_not_sleep(make: Make) -> None:
    appliance = make("--forward-mode=noisy --noisy-tx-sw-buffer-size=8 --noisy-tx-sw-buffer-flushtime=1 --interrupt")
    assert "noisy lets packets go by time" in appliance.run("start")
    appliance.run("stop")


# flowgen.


def test_flowgen_says_how_many_flows_each_port_has(make: Make) -> None:
    appliance = make("--forward-mode=flowgen --flowgen-flows=7")
    before, after = appliance.run("start").split("  number of flows for port 0: 7\n  number of flows for port 1: 7\n")
    assert before.endswith("peer=02:00:00:00:00:00\n\n")
    assert after.startswith("  flowgen packet forwarding packets/burst=32\n  packet len=64 - nb packet segments=1\n")
    assert "number of flows" not in appliance.run("show config fwd")
    appliance.run("stop")


def test_flowgen_goes_on_with_the_flow_it_came_to(make: Make) -> None:
    appliance = make("--forward-mode=flowgen --flowgen-flows=1000000")
    sent = 0
    for _ in range(3):
        appliance.app.session.start()
        stream = appliance.app.session._made.streams[0].ptr  # type: ignore[union-attr]
        sent += appliance.app.session.stop().total.tx_packets
        assert stream.flowgen.next_flow == sent % 1_000_000


def test_flowgen_never_sleeps(make: Make) -> None:
    appliance = make("--forward-mode=flowgen --interrupt")
    assert "flowgen does not wait for packets" in appliance.run("start")
    appliance.run("stop")


def test_flowgen_sends_all_that_it_clones(make: Make) -> None:
    stats = make("--forward-mode=flowgen --flowgen-clones=5").forward(0.01, tx_first=0)
    assert stats.total.tx_dropped == 0
    assert stats.total.tx_packets % 32 == 0


def test_a_flow_s_packets_must_fit_an_mbuf(make: Make) -> None:
    session = make("--forward-mode=flowgen --txpkts=2000,2000").app.session
    with pytest.raises(TestpmdError, match=r"3996 bytes > 2048"):
        session.start()
    assert not session.running


# recycle_mbufs.


def test_recycle_mbufs_says_of_each_stream_that_it_cannot(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    appliance = make("--forward-mode=recycle_mbufs --rxq=2 --txq=2")
    with caplog.at_level(logging.WARNING):
        stats = appliance.forward(0.01)
    assert caplog.messages.count("Failed to get rx queue mbufs recycle info") == 4
    assert stats.total.rx_packets == stats.total.tx_packets - 4 * 32
