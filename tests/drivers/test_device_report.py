"""Both ends of one virtio device, in one process, and an end by itself."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.leaks import eventually
from fakes.packets import frames, packet, receive, transmit

from pytestpmd.cli.answer import dumps
from pytestpmd.cli.facts import port as facts
from pytestpmd.cli.render import virtio as render
from pytestpmd.drivers.vhost import VhostPort
from pytestpmd.drivers.virtio import VirtioUserPort
from pytestpmd.eal.mempool import Mempool
from pytestpmd.ethdev.port import EthPort, PortConf
from pytestpmd.ethdev.report import DeviceReport

pytestmark = pytest.mark.usefixtures("no_leaks")

MakePort = Callable[[type[Any], str], Any]
SENT = 20


@pytest.fixture
def sock(tmp_path: Path) -> Path:
    return tmp_path / "s"


@pytest.fixture
def make_port(pool: Mempool) -> Iterator[MakePort]:
    """Make ports, started; closed at the end, before the pool is audited."""
    made: list[EthPort] = []

    def make(kind: type[Any], devargs: str) -> Any:
        port = kind(kind.driver_name + "0", devargs, kind.Args.parse(devargs))
        port.port_id = len(made)
        made.append(port)
        port.configure(PortConf(), pool)
        port.start()
        return port

    yield make
    for port in reversed(made):
        port.close()


@pytest.fixture(params=["", ",packed_vq=1", ",queues=2,mrg_rxbuf=0"], ids=["split", "packed", "plain"])
def pair(request: pytest.FixtureRequest, sock: Path, make_port: MakePort) -> tuple[VhostPort, VirtioUserPort]:
    """A back-end and its front-end, joined by a socket, with the link up."""
    back = make_port(VhostPort, f"iface={sock}")
    front = make_port(VirtioUserPort, f"path={sock},queue_size=64{request.param}")
    assert eventually(lambda: back.link().up and front.link().up)
    return back, front


def reports(pair: tuple[VhostPort, VirtioUserPort]) -> tuple[DeviceReport, DeviceReport]:
    back, front = pair
    return back.device_report(), front.device_report()


def agreed(report: DeviceReport) -> set[str]:
    return {row.name for row in report.features if row.agreed and row.offered}


def test_both_ends_tell_of_the_same_agreement(pair: tuple[VhostPort, VirtioUserPort]) -> None:
    back, front = reports(pair)
    # as in the original the back-end does not hear of the control queue, which the front-end serves itself
    assert agreed(back) == agreed(front) - {"VIRTIO_NET_F_CTRL_VQ"}
    assert {row.name for row in back.features} <= {row.name for row in front.features}
    assert [row.agreed for row in back.protocol_features] == [row.agreed for row in front.protocol_features]
    assert all(row.agreed or row.note for report in (back, front) for row in report.features)


def test_both_ends_tell_of_the_same_rings_and_memory(pair: tuple[VhostPort, VirtioUserPort], pool: Mempool) -> None:
    back, front = reports(pair)
    assert back.memory == front.memory
    assert len(front.rings) == 2
    for theirs, ours in zip(back.rings, front.rings, strict=True):
        assert theirs.state == ours.state == "live"
        for name in ("index", "layout", "size", "desc", "avail", "used"):
            assert getattr(theirs, name) == getattr(ours, name)
    assert [ring.queue for ring in back.rings] == ["txq 0", "rxq 0"]
    assert [ring.queue for ring in front.rings] == ["rxq 0", "txq 0"]


def test_both_ends_tell_of_the_same_packets(pair: tuple[VhostPort, VirtioUserPort], pool: Mempool) -> None:
    back, front = pair
    mbufs = [packet(pool, data) for data in frames(SENT)]
    assert transmit(front.tx_queues[0].burst, front.tx_queues[0].handle, mbufs) == SENT
    waiting = front.device_report().rings[1]
    assert (waiting.avail_idx, waiting.counters["outstanding"]) == (SENT, SENT)
    assert waiting.counters["kicks"] + waiting.counters["kicks_suppressed"] == 1
    assert len(receive(back.rx_queues[0].burst, back.rx_queues[0].handle)) == SENT
    taken = back.device_report().rings[1]
    assert taken.used_idx == SENT
    assert taken.counters["calls"] + taken.counters["calls_suppressed"] == 1


def said(report: DeviceReport, mark: str) -> list[str]:
    """The requests of a conversation, without fds, which differ from process to process."""
    lines = [line[2:] for line in report.conversation if line.startswith(mark)]
    return [re.sub(r"fd=\d+", "fd", line) for line in lines]


def test_what_one_end_sent_the_other_received(pair: tuple[VhostPort, VirtioUserPort]) -> None:
    back, front = reports(pair)
    assert said(front, ">") == said(back, "<")
    assert len(said(front, "<")) == len(said(back, ">"))


def test_json_of_a_real_port_parses_and_its_messages_and_rings_are_in_the_text(
    pair: tuple[VhostPort, VirtioUserPort],
) -> None:
    for port in pair:
        shown = json.loads(dumps(facts.virtio(port)))["virtio"]
        text = render.device(port)
        assert all(f"    {line}\n" in text + "\n" for line in shown["conversation"])
        assert all(hex(ring[part]) in text for ring in shown["rings"] for part in ("desc", "avail", "used"))
        assert all(row["name"] in text for row in shown["features"] + shown["protocol_features"])


def test_a_devarg_s_refusal_is_told_by_its_name(make_port: MakePort, sock: Path) -> None:
    make_port(VhostPort, f"iface={sock}")
    front = make_port(VirtioUserPort, f"path={sock},mrg_rxbuf=0")
    text = render.device(front)
    assert re.search(r"VIRTIO_NET_F_MRG_RXBUF +yes +no +no +not wanted: devarg mrg_rxbuf=1 asks for it\n", text)


def test_a_server_that_nobody_came_to_presumes(make_port: MakePort, sock: Path) -> None:
    front = make_port(VirtioUserPort, f"path={sock},server=1")
    shown = front.device_report()
    assert (shown.connection.connected, shown.connection.role) == (False, "server")
    assert shown.connection.note == "none has come yet; what it offers is presumed"
    assert {ring.state for ring in shown.rings} == {"waits for a back-end"}
    assert shown.rings[0].counters["outstanding"] == shown.rings[0].size
    assert (shown.protocol_features, shown.conversation) == ((), ())


def test_a_back_end_that_left_is_told_with_what_was_said(pair: tuple[VhostPort, VirtioUserPort]) -> None:
    back, front = pair
    before = front.device_report()
    back.close()
    assert eventually(lambda: not front.device_report().connection.connected)
    shown = front.device_report()
    assert (shown.connection.role, shown.connection.note) == (
        "client",
        "the back-end closed the connection; what it offers is presumed",
    )
    assert shown.conversation[: len(before.conversation)] == before.conversation
    assert {row.name for row in shown.features if row.agreed} == {row.name for row in before.features if row.agreed}
    assert {ring.state for ring in shown.rings} == {"waits for a back-end"}


def test_a_stopped_port_says_so(pair: tuple[VhostPort, VirtioUserPort]) -> None:
    back, front = pair
    front.stop()
    assert {ring.state for ring in front.device_report().rings} == {"the port is stopped"}
    assert {ring.counters["outstanding"] for ring in front.device_report().rings} == {0}
    assert {ring.state for ring in back.device_report().rings} == {"waits for SET_VRING_KICK"}


def test_a_port_that_comes_and_goes_can_be_looked_at_all_the_while(pair: tuple[VhostPort, VirtioUserPort]) -> None:
    _, front = pair
    enough = threading.Event()

    def come_and_go() -> None:
        while not enough.wait(0.001):
            front.stop()
            time.sleep(0.001)
            front.start()

    mover = threading.Thread(target=come_and_go)
    mover.start()
    looks: list[str] = []

    def look() -> bool:
        assert all(dumps(facts.virtio(port)) for port in pair)
        looks.extend(ring.state for port in pair for ring in port.device_report().rings)
        return len(looks) > 200 and set(looks) >= {"live", "the port is stopped"}

    try:
        assert eventually(look)
    finally:
        enough.set()
        mover.join()
    assert {ring.state for ring in front.device_report().rings} == {"live"}
