"""What the driver's guide asks for (47.4, 47.6), rule by rule: sizes, headroom, no configuration of a started port."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes.appliance import Appliance
from fakes.layouts import PAIRS, PATHS, RxPath
from fakes.packets import content, frame, free, packet, receive_mbufs, transmit
from fakes.queues import DriverQueue

from pytestpmd._dataplane import lib
from pytestpmd.errors import ConfigError, PortError
from pytestpmd.ethdev.offloads import RxOffload, TxOffload
from pytestpmd.ethdev.port import EthPort, PortConf, PortState

MakeQueue = Callable[..., DriverQueue]
MakePair = Callable[..., tuple[EthPort, EthPort, Appliance]]
USUAL = (64, 65, 127, 128, 255, 256, 511, 512, 1023, 1024, 1280, 1514, 1518)
#: With buffers of 2048 bytes behind the headroom, and the net header in the first.
LONG = (2036, 2037, 2100, 4096, 4148, 9000, 9715, 9716)
LONGEST = PortConf(mtu=9698, rx_offloads=RxOffload.SCATTER, tx_offloads=TxOffload.MULTI_SEGS)


@pytest.fixture
def make(no_leaks: None, tmp_path: Path) -> Iterator[MakePair]:
    """Make a pair: our back-end, our front-end, started and linked."""
    made: list[Appliance] = []

    def make_pair(rings: str = "") -> tuple[EthPort, EthPort, Appliance]:
        sock = tmp_path / f"s{len(made)}"
        virtio, vhost = f"net_virtio_user0,path={sock}{rings}", f"net_vhost0,iface={sock}"
        made.append(Appliance(vhost, virtio))
        assert made[-1].are_up()
        back, front = made[-1].app.ports
        return back, front, made[-1]

    yield make_pair
    for appliance in made:
        appliance.__exit__(None, None, None)


def pass_on(sender: EthPort, receiver: EthPort, data: bytes, pair: Appliance) -> Any:
    """One frame from end to end."""
    split = [2000] * ((len(data) - 1) // 2000)
    tx, rx = sender.tx_queues[0], receiver.rx_queues[0]
    assert transmit(tx.burst, tx.handle, [packet(pair.app.pools[0], data, split=split)]) == 1
    (got,) = receive_mbufs(rx.burst, rx.handle)
    return got


@pytest.mark.parametrize("rings", PAIRS.values(), ids=PAIRS)
def test_frames_of_every_usual_size_pass_both_ways(make: MakePair, rings: str) -> None:
    back, front, pair = make(rings)
    for sender, receiver in ((back, front), (front, back)):
        for length in USUAL:
            got = pass_on(sender, receiver, frame(length, length), pair)
            assert content(got) == frame(length, length)
            free(got)


@pytest.mark.parametrize("rings", [rings for rings in PAIRS.values() if "mrg_rxbuf=0" not in rings])
def test_frames_up_to_9728_bytes_with_their_header_pass_over_mergeable_buffers(make: MakePair, rings: str) -> None:
    back, front, pair = make(rings)
    for port in (front, back):
        port.stop()
    front.configure(LONGEST, pair.app.pools[0])
    for port in (back, front):
        port.start()
    assert pair.are_up()
    assert front.mtu == 9698
    for length in LONG:
        got = pass_on(back, front, frame(length, length), pair)
        assert (content(got), got.nb_segs > 1) == (frame(length, length), length > 2112 - 12)
        free(got)


@pytest.mark.parametrize(
    ("mtu", "verdict"),
    [(9699, "> device max MTU (9698)"), (65535, "> device max MTU (9698)"), (45, "< device min MTU (46)")],
)
def test_an_mtu_that_the_device_cannot_have_is_refused(make: MakePair, mtu: int, verdict: str) -> None:
    _, front, pair = make()
    front.stop()
    before = front.conf
    with pytest.raises(ConfigError) as refusal:
        front.configure(replace(LONGEST, mtu=mtu), pair.app.pools[0])
    assert str(refusal.value) == f"ETHDEV: MTU ({mtu}) {verdict} for port_id 1"
    assert front.conf == before


def test_longer_frames_than_a_device_takes_leave_it_stopped_with_the_reason(make: MakePair) -> None:
    _, front, pair = make()
    pair.app.config.ports.max_pkt_len = 9729
    said = pair.run("port stop 1", "port config 1 rx_offload scatter on", "port start 1")
    assert "ETHDEV: MTU (9699) > device max MTU (9698) for port_id 1\nFail to configure port 1" in said
    assert front.state is PortState.STOPPED


def test_a_started_port_is_not_configured(make: MakePair) -> None:
    """Nor by the console: there it is refused before (``tests/cli/commands``)."""
    _, front, pair = make()
    with pytest.raises(PortError, match="Port 1 must be stopped to allow configuration"):
        front.configure(PortConf(mtu=1400), pair.app.pools[0])
    assert pair.run("port config all rxq 1") == "Please stop all ports first"
    assert pair.run("port config 1 rx_offload scatter on") == "Error: Can't config offload when Port 1 is not stopped"
    assert front.mtu == 1500


@pytest.mark.parametrize("path", PATHS, ids=str)
@pytest.mark.parametrize("hdr_size", [10, 12, 20])
def test_the_headroom_has_room_for_the_header_and_a_tag_in_what_was_received(
    make_virtqueue: MakeQueue, path: RxPath, hdr_size: int
) -> None:
    """47.4: at least the size of the net header; then a frame goes on in the buffer in which it came, as one piece."""
    if path.mergeable and hdr_size == 10:
        hdr_size = 12  # mergeable buffers have num_buffers
    rx = make_virtqueue(path=path, hdr_size=hdr_size)
    tx = make_virtqueue(path=RxPath(path.kind, mergeable=False), hdr_size=hdr_size)
    rx.refill()
    for _ in range(9):
        rx.device.deliver(frame(100), mergeable=path.mergeable)
    mbufs = rx.receive_mbufs()
    for mbuf in mbufs[::2]:
        mbuf.ol_flags, mbuf.vlan_tci = lib.MBUF_F_TX_VLAN, 7
    assert tx.xmit(*mbufs) == 9
    chains = tx.device.take_all()
    assert [len(chain.pieces) for chain in chains] == [1] * 9
    assert {len(tx.device.gather(chain)[1]) for chain in chains} == {100, 104}
    tx.device.complete(chains)
