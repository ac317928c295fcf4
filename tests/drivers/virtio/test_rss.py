"""Receive queues chosen by hash, where the device can: table, key and types as the device is told of them."""

from collections.abc import Callable, Iterator
from struct import pack_into, unpack_from
from typing import Any

import pytest
from fakes.control import ControlledTransport, error

from pytestpmd.drivers.virtio.known_config import RssLimits
from pytestpmd.drivers.virtio.port import VirtioPort
from pytestpmd.drivers.virtio.rss import (
    DEFAULT_KEY,
    HASH_TYPES,
    RETA_SIZE,
    flow_types,
    is_enough,
    to_functions,
    to_hash_types,
)
from pytestpmd.drivers.virtio.wanted import CONTROL_FEATURES, DEFAULT_FEATURES
from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.eal.mempool import Mempool
from pytestpmd.errors import ConfigError, NotSupported, OperationError, TestpmdError
from pytestpmd.ethdev.offloads import RxOffload
from pytestpmd.ethdev.port import PortConf
from pytestpmd.ethdev.rss import RSS_TYPES, RssDisabled

F = Feature
WANTED = DEFAULT_FEATURES | CONTROL_FEATURES | F.VIRTIO_NET_F_MQ
RSS, REPORT = F.VIRTIO_NET_F_RSS, F.VIRTIO_NET_F_HASH_REPORT
IP, TCP, UDP = (RSS_TYPES[name] for name in ("ip", "tcp", "udp"))
KEY = bytes(range(40))
MQ = 4


class Port(VirtioPort):
    """A virtio port of no bus at all."""

    driver_name = "net_virtio_test"
    transport: ControlledTransport


Make = Callable[..., Port]


@pytest.fixture
def make(no_leaks: None, pool: Mempool) -> Iterator[Make]:
    """Make ports, started; the pool must be whole at the end."""
    made: list[Port] = []

    def make_port(offered: int = WANTED | RSS, *, rss: int = IP, **conf: Any) -> Port:
        transport = ControlledTransport(offered)
        port = Port("net_virtio_test0", "", transport, WANTED, 64)
        transport.port = port
        made.append(port)
        port.port_id = 0
        port.configure(PortConf(rss_functions=rss, **({"nb_rxq": 4, "nb_txq": 4} | conf)), pool)
        port.start()
        return port

    yield make_port
    for port in made:
        port.close()


def told(command: bytes) -> tuple[int, int, tuple[int, ...], int, bytes]:
    """Hash types, queue for what is not classified, table, pairs and key of a MQ_RSS_CONFIG (5.1.6.5.7.1)."""
    assert command[:2] == bytes([MQ, 1])
    types, mask, default = unpack_from("<IHH", command, 2)
    table = unpack_from(f"<{mask + 1}H", command, 10)
    pairs, length = unpack_from("<HB", command, 10 + 2 * (mask + 1))
    key = command[13 + 2 * (mask + 1) :]
    assert len(key) == length
    return types, default, table, pairs, key


# Names and bits.


@pytest.mark.parametrize(
    ("hash_type", "names"),
    [
        (1 << 0, {"ipv4", "ipv4-frag", "ipv4-other"}),
        (1 << 1, {"ipv4-tcp"}),
        (1 << 2, {"ipv4-udp"}),
        (1 << 3, {"ipv6", "ipv6-frag", "ipv6-other"}),
        (1 << 4, {"ipv6-tcp"}),
        (1 << 5, {"ipv6-udp"}),
        (1 << 6, {"ipv6-ex"}),
        (1 << 7, {"ipv6-tcp-ex"}),
        (1 << 8, {"ipv6-udp-ex"}),
    ],
)
def test_each_hash_type_serves_its_functions(hash_type: int, names: set[str]) -> None:
    functions = sum(RSS_TYPES[name] for name in names)
    assert to_functions(hash_type) == functions
    assert to_hash_types(functions) == hash_type
    assert all(to_hash_types(RSS_TYPES[name]) == hash_type for name in names)


def test_groups_are_the_types_of_their_kind() -> None:
    assert (to_hash_types(IP), to_hash_types(TCP), to_hash_types(UDP)) == (0x49, 0x92, 0x124)
    assert to_hash_types(RSS_TYPES["all"]) == HASH_TYPES
    assert to_hash_types(RSS_TYPES["sctp"]) == 0
    assert to_functions(0xFFFFFFFF) == IP | TCP | UDP


@pytest.mark.parametrize(
    ("limits", "enough"),
    [
        (None, False),
        (RssLimits(40, 128, 1), True),
        (RssLimits(255, 65535, 0xFFFFFFFF), True),
        (RssLimits(39, 128, 1), False),
        (RssLimits(40, 127, 1), False),
        (RssLimits(40, 128, 0), False),
        (RssLimits(40, 128, 1 << 9), False),
    ],
)
def test_a_device_must_have_room_for_the_key_and_the_table(limits: RssLimits | None, enough: bool) -> None:
    assert is_enough(limits) is enough
    assert bool(flow_types(limits)) is enough


# The port.


def test_the_table_leads_to_the_queues_in_turn_and_the_pairs_are_used_by_the_same_command(make: Make) -> None:
    port = make(nb_rxq=3, nb_txq=4)
    (command,) = [command for command in port.transport.commands if command[0] == MQ]
    types, default, table, pairs, key = told(command)
    assert (types, default, pairs, key) == (0x49, 0, 4, DEFAULT_KEY)
    assert table == tuple(i % 3 for i in range(RETA_SIZE))


def test_what_the_device_can_hash_is_told(make: Make) -> None:
    info = make().info()
    assert (info.hash_key_size, info.reta_size) == (40, 128)
    assert info.flow_types[:4] == ("ipv4", "ipv4-frag", "ipv4-tcp", "ipv4-udp")
    plain = make(WANTED, rss=0).info()
    assert (plain.hash_key_size, plain.reta_size, plain.flow_types) == (0, 0, ())


def test_without_the_wish_nothing_is_agreed_or_told(make: Make) -> None:
    port = make(rss=0)
    assert not port.agreed.has(RSS)
    assert port.transport.commands[0] == bytes([MQ, 0, 4, 0])
    with pytest.raises(RssDisabled):
        port.set_rss_hash(IP)


@pytest.mark.parametrize("offered", [WANTED, (WANTED | RSS) & ~F.VIRTIO_NET_F_CTRL_VQ])
def test_a_wish_that_the_device_cannot_meet_is_refused_in_the_original_s_words(make: Make, offered: int) -> None:
    with pytest.raises(NotSupported, match=r"^RSS support requested but not supported by the device$"):
        make(offered, nb_rxq=1, nb_txq=1)


def test_functions_that_the_device_has_not_are_refused(make: Make) -> None:
    with pytest.raises(NotSupported, match="does not hash sctp"):
        make(rss=RSS_TYPES["sctp"])


def test_there_is_nothing_to_choose_without_a_queue(make: Make) -> None:
    with pytest.raises(ConfigError, match="no Rx queues"):
        make(nb_rxq=0)


def test_functions_key_and_table_change_while_the_port_runs(make: Make) -> None:
    port = make()
    port.transport.told.clear()
    port.set_rss_hash(TCP)
    port.set_rss_hash(UDP, KEY)
    port.set_rss_reta({0: 3, 127: 0, 64: 1}, 4)
    first, second, third = map(told, port.transport.commands)
    assert (first[0], first[4]) == (0x92, DEFAULT_KEY)
    assert (second[0], second[4]) == (0x124, KEY)
    assert (third[2][0], third[2][127], third[2][64], third[2][1]) == (3, 0, 1, 1)
    assert third[4] == KEY


@pytest.mark.parametrize("queue", [4, 16, 65535])
def test_the_table_leads_to_no_queue_that_is_not_there(make: Make, queue: int) -> None:
    port = make()
    port.transport.told.clear()
    with pytest.raises(OperationError, match=r"^Invalid argument$"):
        port.set_rss_reta({0: queue}, 4)
    assert not port.transport.commands


def test_a_key_of_another_length_is_refused(make: Make) -> None:
    port = make()
    port.transport.told.clear()
    with pytest.raises(OperationError, match=r"^Invalid argument$"):
        port.set_rss_hash(IP, bytes(52))
    assert not port.transport.commands


def test_what_the_device_refuses_changes_nothing(make: Make) -> None:
    port = make()
    before = port.rss
    assert port.transport.device
    port.transport.device.respond = error
    for change in (lambda: port.set_rss_hash(TCP), lambda: port.set_rss_reta({0: 1}, 4)):
        with pytest.raises(OperationError):
            change()
    assert port.rss == before


def test_the_next_device_is_told_the_same(make: Make) -> None:
    port = make()
    port.set_rss_hash(UDP, KEY)
    port.set_rss_reta({5: 2}, 4)
    port.transport.go()
    port.transport.told.clear()
    port.transport.come()
    types, _, table, pairs, key = told(port.transport.commands[0])
    assert (types, table[5], pairs, key) == (0x124, 2, 4, KEY)


def test_another_number_of_queues_deals_the_table_anew_and_the_same_keeps_it(make: Make, pool: Mempool) -> None:
    port = make()
    port.set_rss_reta({0: 3}, 4)
    port.stop()
    port.configure(PortConf(nb_rxq=4, nb_txq=4, rss_functions=IP), pool)
    assert port.rss.reta[0] == 3
    port.configure(PortConf(nb_rxq=2, nb_txq=2, rss_functions=IP), pool)
    assert port.rss.reta == (0, 1) * 64


def test_a_device_that_will_not_hash_is_given_up(make: Make, pool: Mempool) -> None:
    port = make()
    port.stop()
    port.transport.respond = error
    with pytest.raises(TestpmdError, match="Multiqueue configured but send command failed: the device refused MQ_RSS"):
        port.start()
    assert pool.in_use() == 0


# The hash's report.


def test_a_reported_hash_makes_the_header_twenty_bytes(make: Make) -> None:
    port = make(WANTED | RSS | REPORT, rx_offloads=RxOffload.RSS_HASH)
    assert port.agreed.has(REPORT)
    assert port.agreed.hdr_size == 20
    assert "vtnet_hdr_size: 20" in port.private_info()


def test_a_hash_may_be_reported_without_choosing_queues_by_it(make: Make) -> None:
    port = make(WANTED | REPORT, rss=0, rx_offloads=RxOffload.RSS_HASH)
    commands = [command for command in port.transport.commands if command[:2] == bytes([MQ, 2])]
    assert commands == [bytes([MQ, 2]) + (0x1FF).to_bytes(4, "little") + bytes(8) + bytes([40]) + DEFAULT_KEY]


def test_limits_below_ours_make_no_hash(make: Make) -> None:
    transport = ControlledTransport(WANTED | RSS)
    config = bytearray(transport.config)
    pack_into("<B", config, 17, 39)
    transport.config = bytes(config)
    port = Port("net_virtio_test0", "", transport, WANTED, 64)
    assert port.info().flow_types == ()
    port.close()
