"""Packets that go round between two testpmds, and must not get lost on the way."""

from peers.programs import Testpmd, eventually

SOME_PACKETS = 2000
#: More than a ring's indices count before they begin again.
MANY_PACKETS = 70_000
#: What is under way at any time: fewer packets than the shortest ring holds, so that none must be dropped.
BURSTS = 4
PACKETS = ("RX-packets", "TX-packets")
BYTES = ("RX-bytes", "TX-bytes")
LOST = ("RX-missed", "RX-errors", "RX-nombuf", "TX-errors")


def wait_for_link(*programs: Testpmd) -> None:
    """Both ends see each other."""
    for program in programs:
        eventually(program.is_up, "the link is up")


def feed(program: Testpmd, packets: int = SOME_PACKETS) -> None:
    """Have a program send a few bursts, which then go round."""
    program.run(f"start tx_first {BURSTS}")
    eventually(lambda: program.stats()["RX-packets"] > packets, "packets go round")


def call_home(program: Testpmd) -> None:
    """Have all that a program sent come back to it, and stop there."""
    program.run("stop")
    program.run("set fwd rxonly")
    program.run("start")
    eventually(lambda: program.stats()["RX-packets"] == program.stats()["TX-packets"], "all that was sent came back")
    program.run("stop")


def go_round(first: Testpmd, other: Testpmd, packets: int = SOME_PACKETS) -> None:
    """``first`` sends a few bursts, and both forward what they get for a while; each counts what the other does.

    Afterwards the rings are empty again.
    """
    for program in (first, other):
        program.run("set fwd io")
        program.run("clear port stats all")
    other.run("start")
    feed(first, packets)
    call_home(first)
    other.run("stop")
    counted, there = first.stats(), other.stats()
    assert len({stats[name] for stats in (counted, there) for name in PACKETS}) == 1
    assert len({stats[name] for stats in (counted, there) for name in BYTES}) == 1
    assert not any(stats[name] for stats in (counted, there) for name in LOST)


def go_round_both_ways(one: Testpmd, other: Testpmd, packets: int = SOME_PACKETS) -> None:
    """Each end is the one that begins, once."""
    wait_for_link(one, other)
    go_round(one, other, packets)
    go_round(other, one, packets)
