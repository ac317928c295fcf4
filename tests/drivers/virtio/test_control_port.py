"""What a port asks of its device by the control queue, and asks again of every device that comes after."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fakes.control import ControlledTransport, error, silence
from fakes.guest import GuestMemory, view_of
from fakes.log import Logged
from fakes.net_device import NetDevice
from fakes.packed_device import PackedDevice
from fakes.packets import frames, packet, transmit
from fakes.transport import default_config
from fakes.virtio_device import SplitDevice

from pytestpmd._dataplane import lib
from pytestpmd.drivers.virtio import ctrlq
from pytestpmd.drivers.virtio.port import VirtioPort
from pytestpmd.drivers.virtio.wanted import CONTROL_FEATURES, DEFAULT_FEATURES
from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.eal.mempool import Mempool
from pytestpmd.errors import DeviceError, NotSupported, OperationError, TestpmdError
from pytestpmd.ethdev.port import SPEED_UNKNOWN, PortConf, PortState
from pytestpmd.ethdev.report import ControlReport

F = Feature
WANTED = DEFAULT_FEATURES | CONTROL_FEATURES | F.VIRTIO_NET_F_MQ
PACKED = F.VIRTIO_F_RING_PACKED
RX, MAC, VLAN, ANNOUNCE, MQ = range(5)
OWN, A, B = (bytes.fromhex(f"0211223344{i:02x}") for i in (0x55, 0x56, 0x57))
GROUP = bytes.fromhex("01005e000001")


class Port(VirtioPort):
    """A virtio port of no bus at all."""

    driver_name = "net_virtio_test"
    transport: ControlledTransport


Make = Callable[..., Port]


@pytest.fixture(params=[False, True], ids=["split", "packed"])
def packed(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def make(no_leaks: None, pool: Mempool, packed: bool) -> Iterator[Make]:
    """Make ports, started unless told otherwise; the pool must be whole at the end."""
    made: list[Port] = []

    def make_port(
        offered: int = WANTED, *, wanted: Feature = WANTED, start: bool = True, nb_pairs: int = 4, **conf: Any
    ) -> Port:
        layout = PACKED if packed else F(0)
        transport = ControlledTransport(offered | layout, nb_pairs)
        port = Port("net_virtio_test0", "", transport, wanted | layout, 64)
        transport.port = port
        made.append(port)
        port.port_id, port.mac = 0, OWN
        port.configure(PortConf(**conf), pool)
        if start:
            port.start()
            transport.told.clear()
        return port

    yield make_port
    for port in made:
        port.close()


# Setting up.


def test_the_control_queue_comes_after_those_of_every_pair_that_the_device_has(make: Make) -> None:
    """5.1.2: after those of one pair where MQ was not agreed, even if there are more."""
    assert make(nb_pairs=3).transport.control_index == 6
    assert make(WANTED & ~F.VIRTIO_NET_F_MQ, nb_pairs=3).transport.control_index == 2


def test_without_the_feature_there_is_none(make: Make) -> None:
    port = make(WANTED & ~F.VIRTIO_NET_F_CTRL_VQ, start=False)
    port.start()
    assert not port.transport.steps("control")
    assert port._control is None


def test_its_memory_is_shared_with_a_device_that_serves_it(make: Make) -> None:
    port = make()
    assert port._control
    assert port._control.memory.address in [region.address for region in port.transport.regions]


def test_queues_are_set_up_before_they_are_used_and_the_device_is_live_before_it_gets_commands(make: Make) -> None:
    port = make(start=False, nb_rxq=3, nb_txq=3)
    port.start()
    steps = [step[0] for step in port.transport.told]
    assert steps.index("command") > max(i for i, step in enumerate(steps) if step in ("setup", "enable", "control"))
    assert steps.index("command") > max(i for i, step in enumerate(steps) if step == "status")


@pytest.mark.parametrize(("nb_rxq", "nb_txq"), [(1, 1), (2, 2), (1, 3), (4, 2)])
def test_as_many_pairs_are_asked_for_as_there_are_queues_one_way(make: Make, nb_rxq: int, nb_txq: int) -> None:
    port = make(start=False, nb_rxq=nb_rxq, nb_txq=nb_txq)
    port.start()
    assert port.transport.commands[0] == bytes([MQ, 0, max(nb_rxq, nb_txq), 0])


def test_pairs_beyond_the_first_are_not_kicked_before_the_command(make: Make) -> None:
    """5.1.6.5.5: until then a device has only the first."""
    port = make(start=False, nb_rxq=3, nb_txq=3)
    early: list[int] = []
    port.transport.hooks["command"] = lambda: early.extend(port.transport.notifications(i) for i in range(2, 6))
    port.start()
    assert early
    assert not any(early)
    assert port.transport.notifications(4) == 1


def test_more_pairs_than_the_device_has_are_refused_before_it_hears_of_them(make: Make, pool: Mempool) -> None:
    port = make(start=False, nb_pairs=2)
    with pytest.raises(TestpmdError, match=r"nb_rx_queues=3 > 2"):
        port.configure(PortConf(nb_rxq=3, nb_txq=3), pool)
    assert not port.transport.told


def test_without_mq_no_pairs_are_asked_for(make: Make) -> None:
    port = make(WANTED & ~F.VIRTIO_NET_F_MQ, start=False)
    port.start()
    assert not [command for command in port.transport.commands if command[0] == MQ]


@pytest.mark.parametrize("respond", [error, silence])
def test_a_device_that_will_not_use_the_queues_is_given_up(
    make: Make, pool: Mempool, monkeypatch: pytest.MonkeyPatch, respond: Any
) -> None:
    monkeypatch.setattr(ctrlq, "ANSWER_S", 0.02)
    port = make(start=False, nb_rxq=2, nb_txq=2)
    port.transport.respond = respond
    with pytest.raises(DeviceError, match="Multiqueue configured but send command failed"):
        port.start()
    assert port.state is PortState.STOPPED
    assert not port.transport.connected
    assert pool.in_use() == 0


# What is asked of a port.


def test_modes_are_told_at_once(make: Make) -> None:
    port = make()
    port.set_promiscuous(True)
    port.set_all_multicast(True)
    port.set_promiscuous(False)
    assert port.transport.commands == [b"\0\0\1", b"\0\1\1", b"\0\0\0"]
    assert (port.promiscuous, port.all_multicast) == (False, True)


@pytest.mark.parametrize("missing", [F.VIRTIO_NET_F_CTRL_RX, F.VIRTIO_NET_F_CTRL_VQ])
def test_without_rx_control_modes_are_not_supported_and_nothing_is_sent(make: Make, missing: Feature) -> None:
    port = make(WANTED & ~missing)
    for change in (port.set_promiscuous, port.set_all_multicast):
        with pytest.raises(NotSupported, match=r"^Operation not supported$"):
            change(True)
    assert not port.transport.commands
    assert (port.promiscuous, port.all_multicast) == (False, False)


def test_what_the_device_refuses_does_not_change_the_port(make: Make, logged: Logged) -> None:
    port = make()
    assert port.transport.device
    port.transport.device.respond = error
    with pytest.raises(OperationError, match=r"^Resource temporarily unavailable$"):
        port.set_promiscuous(True)
    with pytest.raises(OperationError):
        port.add_mac(A)
    with pytest.raises(OperationError):
        port.set_mac(A)
    with pytest.raises(OperationError):
        port.set_vlan(10, True)
    assert (port.promiscuous, port.mac, port.macs, port.vlan_ids) == (False, OWN, [], set())
    assert "Failed to enable promisc: the device refused RX_PROMISC" in logged


def test_a_device_that_does_not_answer_is_waited_for_once(
    make: Make, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    monkeypatch.setattr(ctrlq, "ANSWER_S", 0.02)
    port = make()
    assert port.transport.device
    port.transport.device.respond = silence
    for _ in range(3):
        with pytest.raises(OperationError):
            port.set_promiscuous(True)
    assert port.transport.commands == [b"\0\0\1"]
    assert "the control queue is broken: the device did not answer a command within 0.02 s" in logged
    port.stop()
    port.start()
    port.set_promiscuous(True)
    assert port.promiscuous


def test_the_own_address_goes_by_command(make: Make) -> None:
    port = make()
    port.set_mac(A)
    assert port.transport.commands == [bytes([MAC, 1]) + A]
    assert port.mac == A


def test_without_the_command_the_address_is_kept_where_it_is_ours_to_keep(make: Make) -> None:
    port = make(WANTED & ~F.VIRTIO_NET_F_CTRL_MAC_ADDR)
    port.set_mac(A)
    assert port.mac == A
    assert not port.transport.commands
    with pytest.raises(OperationError, match=r"^Operation not supported$"):
        make(WANTED & ~F.VIRTIO_NET_F_CTRL_MAC_ADDR & ~F.VIRTIO_NET_F_MAC).set_mac(A)


def test_without_the_command_the_address_goes_into_the_space_and_does_so_again_after_a_reset(make: Make) -> None:
    port = make(WANTED & ~F.VIRTIO_NET_F_CTRL_MAC_ADDR)
    port.set_mac(A)
    assert port.transport.addresses[-1] == A
    port.transport.addresses.clear()
    port.stop()
    port.start()
    assert port.transport.addresses == [A]


def _table(unicast: list[bytes], multicast: list[bytes]) -> bytes:
    return b"".join([bytes([MAC, 0]), *(bytes([len(t), 0, 0, 0]) + b"".join(t) for t in (unicast, multicast))])


def test_addresses_are_told_as_a_whole_table_unicast_first(make: Make) -> None:
    port = make()
    port.add_mac(A)
    port.add_mac(GROUP)
    port.add_mac(B)
    port.remove_mac(A)
    assert port.transport.commands == [
        _table([OWN, A], []),
        _table([OWN, A], [GROUP]),
        _table([OWN, A, B], [GROUP]),
        _table([OWN, B], [GROUP]),
    ]


def test_groups_have_the_other_table(make: Make) -> None:
    port = make()
    port.add_mac(A)
    port.set_mcast_addrs([GROUP])
    port.set_mcast_addrs([])
    assert port.transport.commands[1:] == [_table([OWN, A], [GROUP]), _table([OWN, A], [])]
    assert port.mcast_addrs == []


def test_there_are_64_addresses_and_no_more(make: Make) -> None:
    port = make()
    for i in range(63):
        port.add_mac(bytes([2, 0, 0, 0, 1, i]))
    with pytest.raises(OperationError, match=r"^No space left on device$"):
        port.add_mac(A)
    with pytest.raises(OperationError, match=r"^No space left on device$"):
        port.set_mcast_addrs([GROUP])
    assert port.transport.commands[-1][2:6] == bytes([64, 0, 0, 0])
    assert len(port.transport.commands) == 63


@pytest.mark.parametrize("missing", [F.VIRTIO_NET_F_CTRL_MAC_ADDR, F.VIRTIO_NET_F_CTRL_RX])
def test_without_the_features_there_is_no_address_table(make: Make, missing: Feature) -> None:
    """As the original refuses; and 5.1.6.5.2 wants CTRL_RX for it."""
    port = make(WANTED & ~missing)
    with pytest.raises(OperationError, match=r"^Operation not permitted$"):
        port.add_mac(A)
    with pytest.raises(OperationError, match=r"^Operation not supported$"):
        port.set_mcast_addrs([GROUP])
    assert not [command for command in port.transport.commands if command[:2] == bytes([MAC, 0])]


def test_vlan_ids_are_told_one_by_one(make: Make) -> None:
    port = make()
    port.set_vlan(10, True)
    port.set_vlan(4095, True)
    port.set_vlan(10, False)
    assert port.transport.commands == [b"\2\0\x0a\0", b"\2\0\xff\x0f", b"\2\1\x0a\0"]
    assert port.vlan_ids == {4095}


@pytest.mark.parametrize("vlan_id", [-1, 4096, 65536])
def test_a_vlan_id_that_cannot_be_is_not_told(make: Make, vlan_id: int) -> None:
    port = make()
    with pytest.raises(OperationError, match=r"^Invalid argument$"):
        port.set_vlan(vlan_id, True)
    assert not port.transport.commands


# The devices after it.


def _ask_everything(port: Port) -> None:
    port.set_promiscuous(True)
    port.set_all_multicast(True)
    port.set_mac(A)
    port.add_mac(B)
    port.set_mcast_addrs([GROUP])
    port.set_vlan(10, True)
    port.set_vlan(20, True)


EVERYTHING = [
    b"\0\0\1",
    b"\0\1\1",
    bytes([MAC, 1]) + A,
    _table([A, B], [GROUP]),
    b"\2\0\x0a\0",
    b"\2\0\x14\0",
]


def test_the_next_device_is_told_everything(make: Make) -> None:
    port = make(nb_rxq=2, nb_txq=2)
    _ask_everything(port)
    port.transport.go()
    port.transport.told.clear()
    port.transport.come()
    assert port.transport.commands == [b"\4\0\2\0", *EVERYTHING]


def test_a_stopped_port_tells_its_wishes_when_it_starts(make: Make) -> None:
    port = make(start=False)
    _ask_everything(port)
    assert not port.transport.commands
    port.start()
    assert port.transport.commands == [b"\4\0\1\0", *EVERYTHING]
    port.stop()
    port.transport.told.clear()
    port.start()
    assert port.transport.commands == [b"\4\0\1\0", *EVERYTHING]


def test_what_the_next_device_refuses_is_logged_and_the_port_goes_on(make: Make, logged: Logged) -> None:
    port = make(WANTED & ~F.VIRTIO_NET_F_MQ)
    _ask_everything(port)
    port.transport.go()
    port.transport.respond = error
    port.transport.come()
    assert port.link().up
    assert "promiscuous mode was not restored: the device refused RX_PROMISC" in logged
    assert "VLAN 20 was not restored: the device refused VLAN_ADD" in logged


def test_an_address_that_the_device_has_anyway_is_not_told(make: Make) -> None:
    """5.1.6.5.2."""
    port = make()
    port.transport.config = OWN + port.transport.config[6:]
    port.stop()
    port.transport.told.clear()
    port.start()
    assert port.transport.commands == [b"\4\0\1\0"]


def test_a_port_without_a_device_keeps_its_wishes(make: Make) -> None:
    port = make()
    port.transport.go()
    port.transport.told.clear()
    _ask_everything(port)
    assert not port.transport.commands
    port.transport.come()
    assert port.transport.commands == [b"\4\0\1\0", *EVERYTHING]


# The configuration space.


def test_a_device_of_fewer_pairs_than_are_used_is_given_up(make: Make) -> None:
    port = make(nb_rxq=3, nb_txq=3)
    port.transport.go()
    port.transport.config = default_config(2)
    port.transport.come()
    assert not port.transport.connected
    assert ("drop", "the back-end is of no use: the device has only 2 of 3 queue pairs") in port.transport.told


@pytest.mark.parametrize("pairs", [0, 0x8001])
def test_a_device_that_says_impossible_things_makes_no_port(make: Make, pairs: int) -> None:
    transport = ControlledTransport(WANTED)
    transport.config = default_config(pairs)
    with pytest.raises(DeviceError, match=f"the device says that it has {pairs} queue pairs"):
        Port("net_virtio_test0", "", transport, WANTED, 64)
    transport.close()


@pytest.mark.parametrize(("pairs", "most"), [(1, 1), (4, 4), (16, 16), (17, 16), (0x8000, 16)])
def test_a_port_has_sixteen_pairs_at_most(pairs: int, most: int) -> None:
    transport = ControlledTransport(WANTED)
    transport.config = default_config(pairs)
    port = Port("net_virtio_test0", "", transport, WANTED, 64)
    assert port.info().max_rx_queues == port.info().max_tx_queues == most
    port.close()


@pytest.mark.parametrize(
    ("mtu", "agreed", "most"), [(67, False, 9698), (68, True, 68), (9000, True, 9000), (65535, True, 9698)]
)
def test_an_mtu_below_68_is_not_agreed_to(mtu: int, agreed: bool, most: int) -> None:
    transport = ControlledTransport(WANTED)
    transport.config = transport.config[:10] + mtu.to_bytes(2, "little") + transport.config[12:]
    port = Port("net_virtio_test0", "", transport, WANTED, 64)
    assert port.agreed.has(F.VIRTIO_NET_F_MTU) is agreed
    assert port.info().max_mtu == most
    port.close()


@pytest.mark.parametrize("mtu", [68, 1400, 2000])
def test_an_mtu_is_set_while_the_port_runs_and_told_at_the_next_start(make: Make, mtu: int) -> None:
    port = make()
    port.set_mtu(mtu)
    assert (port.mtu, port.conf and port.conf.mtu) == (mtu, mtu)
    assert f"max_rx_pkt_len: {mtu + 30}" in port.private_info()
    port.stop()
    port.start()
    assert port.transport.steps("mtu") == [[mtu]]


@pytest.mark.parametrize(
    ("mtu", "lines"),
    [
        (60, ["virtio_mtu_set(): MTU should be between 68 and 9000"]),
        (
            8999,
            [
                "virtio_check_scatter_on_all_rx_queues(): MTU check for RxQ 0 failed: "
                "Rx scatter is disabled and RxQ mbuf pool object size is too small",
                "virtio_mtu_set(): MTU vs Rx scatter and Rx buffers check failed",
            ],
        ),
    ],
)
def test_an_mtu_without_room_is_refused_in_the_original_s_words(
    make: Make, logged: Logged, mtu: int, lines: list[str]
) -> None:
    port = make()
    with pytest.raises(OperationError, match=r"^Invalid argument$"):
        port.set_mtu(mtu)
    assert all(line in logged for line in lines)
    assert port.mtu == 1500


def _say(port: Port, status: int, speed: int = 10_000) -> None:
    config = port.transport.config
    port.transport.config = (
        config[:6] + status.to_bytes(2, "little") + config[8:12] + speed.to_bytes(4, "little") + config[16:]
    )
    port.transport.on_config()


def test_the_link_is_what_the_device_says(make: Make) -> None:
    port = make()
    changes: list[bool] = []
    port.on_link_change = lambda port: changes.append(port.link().up)
    for status in (1, 0, 0, 2, 1):
        _say(port, status)
    assert changes == [False, True]


def test_without_the_status_the_link_is_up(make: Make) -> None:
    port = make(WANTED & ~F.VIRTIO_NET_F_STATUS)
    _say(port, 0)
    assert port.link().up


def test_the_speed_is_the_device_s_where_no_devarg_gives_one(make: Make) -> None:
    speed_duplex = F.VIRTIO_NET_F_SPEED_DUPLEX
    port = make(WANTED | speed_duplex, wanted=WANTED | speed_duplex)
    assert (port.link().speed, port.link().full_duplex) == (10_000, True)
    _say(port, 1, 40_000)
    assert port.link().speed == 40_000
    _say(port, 1, 0xFFFFFFFE)
    assert port.link().speed == SPEED_UNKNOWN
    port._speed = 25_000
    assert port.link().speed == 25_000


def test_a_configuration_that_never_stands_still_ends_the_device(make: Make) -> None:
    port = make()

    class Restless:
        def __eq__(self, other: object) -> bool:
            return False

    port.transport.generation = Restless()  # type: ignore[assignment]
    port.transport.on_config()
    assert not port.link().up
    assert not port.transport.connected


def test_the_report_has_the_commands_and_the_configuration(make: Make) -> None:
    port = make(nb_rxq=2, nb_txq=2)
    port.set_promiscuous(True)
    report = port.device_report()
    assert report
    assert report.control == ControlReport(8, 3, 0, "", report.control.commands if report.control else ())
    assert report.control.commands[0] == "MQ_VQ_PAIRS_SET 0200: ok"
    assert report.control.commands[-1] == "RX_PROMISC 01: ok"
    assert (report.config["max_virtqueue_pairs"], report.config["mtu"]) == (4, 9000)


# Announcements.

ANNOUNCED = bytes([ANNOUNCE, 0])


def tx_device(port: Port, pool: Mempool) -> NetDevice:
    """The device's end of the first transmit queue."""
    ring = port.transport.rings[1]
    memory = GuestMemory([*map(view_of, port._virtqueues.memory), view_of(pool.arena)])
    kind = PackedDevice if port.agreed.packed else SplitDevice
    return kind(memory, ring.desc, ring.avail, ring.used, ring.size)


def test_the_link_is_announced_when_the_device_wants_it_and_the_device_hears_of_it(make: Make, pool: Mempool) -> None:
    port = make()
    device = tx_device(port, pool)
    _say(port, 1)
    assert not port.transport.commands
    _say(port, 3)
    (frame,) = device.collect()
    assert frame[:14] == b"\xff" * 6 + OWN + b"\x80\x35"
    assert OWN in frame[14:]
    assert port.transport.commands == [ANNOUNCED]
    assert port.tx_queues[0].counters().packets == 1
    assert port.link().up


def test_without_the_feature_nothing_is_announced(make: Make, pool: Mempool) -> None:
    port = make(WANTED & ~F.VIRTIO_NET_F_GUEST_ANNOUNCE)
    device = tx_device(port, pool)
    _say(port, 3)
    assert not device.collect()
    assert not port.transport.commands


def test_what_could_not_be_announced_is_not_acknowledged(make: Make, pool: Mempool, logged: Logged) -> None:
    port = make()
    tx = port.tx_queues[0]
    assert transmit(tx.burst, tx.handle, [packet(pool, data) for data in frames(64)]) == 64
    in_use = pool.in_use()
    _say(port, 3)
    assert not port.transport.commands
    assert pool.in_use() == in_use
    assert "the link could not be announced" in logged


def test_a_broken_queue_announces_nothing(make: Make, pool: Mempool) -> None:
    port = make()
    vq = port._virtqueues[1]
    vq.ptr.fault = lib.VRING_BAD_ID
    _say(port, 3)
    assert vq.ptr.fault == lib.VRING_BAD_ID
    assert not port.transport.commands
