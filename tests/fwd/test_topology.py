"""The deal of streams to lcores, as testpmd does it."""

import pytest

from pytestpmd.config import Topology
from pytestpmd.fwd.topology import ODD_PORT_WARNING, FwdPlan, plan, tx_port_index


def tuples(dealt: FwdPlan) -> list[tuple[int, list[tuple[int, int, int, int]]]]:
    return [
        (lcore.lcore_id, [(s.rx_port, s.rx_queue, s.tx_port, s.tx_queue) for s in lcore.streams])
        for lcore in dealt.lcores
    ]


@pytest.mark.parametrize(
    ("topology", "nb_ports", "expected"),
    [
        ("paired", 1, [0]),
        ("paired", 2, [1, 0]),
        ("paired", 3, [1, 0, 2]),
        ("paired", 4, [1, 0, 3, 2]),
        ("chained", 1, [0]),
        ("chained", 2, [1, 0]),
        ("chained", 3, [1, 2, 0]),
        ("loop", 3, [0, 1, 2]),
    ],
)
def test_a_topology_sends_each_port_to_one_port(topology: Topology, nb_ports: int, expected: list[int]) -> None:
    assert [tx_port_index(i, nb_ports, topology) for i in range(nb_ports)] == expected


def test_a_topology_pairs_places_in_the_list_not_port_ids() -> None:
    dealt = plan([3, 1], 1, 1, [1])
    assert tuples(dealt) == [(1, [(3, 0, 1, 0), (1, 0, 3, 0)])]


def test_one_queue_gives_one_stream_a_port() -> None:
    assert tuples(plan([0, 1], 1, 1, [1])) == [(1, [(0, 0, 1, 0), (1, 0, 0, 0)])]


@pytest.mark.parametrize(("nb_rxq", "nb_txq"), [(4, 1), (1, 4), (0, 4), (4, 0)])
def test_several_queues_on_one_side_only_leave_queue_0_alone_in_use(nb_rxq: int, nb_txq: int) -> None:
    assert tuples(plan([0, 1], nb_rxq, nb_txq, [1])) == [(1, [(0, 0, 1, 0), (1, 0, 0, 0)])]


def test_ports_turn_faster_than_queues() -> None:
    assert tuples(plan([0, 1], 2, 2, [1])) == [(1, [(0, 0, 1, 0), (1, 0, 0, 0), (0, 1, 1, 1), (1, 1, 0, 1)])]


def test_unequal_queue_counts_use_the_smaller() -> None:
    assert tuples(plan([0], 3, 2, [1], "loop")) == [(1, [(0, 0, 0, 0), (0, 1, 0, 1)])]


@pytest.mark.parametrize(
    ("nb_ports", "nb_queues", "nb_lcores", "counts"),
    [
        (2, 1, 1, [2]),
        (2, 1, 2, [1, 1]),
        (2, 1, 5, [1, 1]),
        (2, 4, 3, [2, 3, 3]),
        (3, 1, 2, [1, 2]),
        (1, 5, 4, [1, 1, 1, 2]),
        (5, 2, 4, [2, 2, 3, 3]),
    ],
)
def test_the_last_lcores_get_what_is_left_over(
    nb_ports: int, nb_queues: int, nb_lcores: int, counts: list[int]
) -> None:
    dealt = plan(range(nb_ports), nb_queues, nb_queues, range(1, nb_lcores + 1))
    assert [len(lcore.streams) for lcore in dealt.lcores] == counts
    assert len(set(dealt.streams)) == nb_ports * nb_queues


def test_lcores_keep_the_order_of_the_core_list() -> None:
    assert [lcore.lcore_id for lcore in plan([0, 1], 1, 1, [5, 2]).lcores] == [5, 2]


def test_an_echoing_engine_answers_where_it_heard_and_queues_turn_faster_than_ports() -> None:
    dealt = plan([0, 1], 2, 2, [1, 2], same_port=True)
    assert tuples(dealt) == [(1, [(0, 0, 0, 0), (0, 1, 0, 1)]), (2, [(1, 0, 1, 0), (1, 1, 1, 1)])]


def test_an_echoing_engine_polls_every_receive_queue_and_sends_on_queues_that_exist() -> None:
    dealt = plan([0], 3, 1, [1, 2], same_port=True)
    assert tuples(dealt) == [(1, [(0, 0, 0, 0), (0, 1, 0, 0), (0, 2, 0, 0)])]


def test_a_stream_s_peer_is_that_of_its_transmit_port() -> None:
    assert [stream.peer_port for stream in plan([0, 1], 1, 1, [1]).streams] == [1, 0]


@pytest.mark.parametrize(
    ("ports", "topology", "same_port", "warns"),
    [
        ([0], "paired", False, True),
        ([0, 1, 2], "paired", False, True),
        ([0, 1], "paired", False, False),
        ([0], "chained", False, False),
        ([0], "loop", False, False),
        ([0], "paired", True, False),
    ],
)
def test_an_odd_port_is_warned_of_only_when_ports_are_paired(
    ports: list[int], topology: Topology, same_port: bool, warns: bool
) -> None:
    assert plan(ports, 1, 1, [1], topology, same_port=same_port).warning == (ODD_PORT_WARNING if warns else None)


@pytest.mark.parametrize(("ports", "lcores"), [([], [1]), ([0, 1], []), ([], [])])
@pytest.mark.parametrize("same_port", [False, True])
def test_nothing_is_dealt_without_ports_or_lcores(ports: list[int], lcores: list[int], same_port: bool) -> None:
    assert plan(ports, 1, 1, lcores, same_port=same_port).lcores == ()
