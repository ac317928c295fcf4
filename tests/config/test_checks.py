import pytest

from pytestpmd.config import (
    EVENTS,
    Config,
    Facts,
    LaunchError,
    PortLimits,
    check_lcores,
    mtu_of,
    peer_of,
    validate,
)
from pytestpmd.errors import ConfigError

TWO_PORTS = Facts(main_lcore=0, worker_lcores=(1, 2), ports=[PortLimits(0, 1024, 1024), PortLimits(1, 8, 4)])


def test_defaults_are_the_originals() -> None:
    config = Config()
    assert (config.forward.engine, config.forward.burst, config.forward.txpkts) == ("io", 32, [64])
    assert (config.queues.rxq, config.queues.txq, config.queues.rxd, config.queues.tx_offloads) == (1, 1, 0, 0x10000)
    assert (config.pool.mbuf_sizes, config.pool.mbcache, config.pool.total_num_mbufs) == ([2176], 250, None)
    assert set(EVENTS) - config.ports.print_events == {"vf_mbox", "dev_probed", "dev_released"}


def test_nothing_is_shared_between_two_trees() -> None:
    Config().forward.eth_peers[0] = bytes(6)
    assert not Config().forward.eth_peers


def test_everything_forwards_on_one_lcore_unless_asked() -> None:
    config = Config()
    assert validate(config, TWO_PORTS) == []
    forward = config.forward
    assert (forward.corelist, forward.nb_cores, forward.portlist, forward.nb_ports) == ([1, 2], 1, [0, 1], 2)


def test_a_core_mask_uses_all_its_cores_and_says_so() -> None:
    config = Config()
    config.asked.cores = [1, 2]
    assert validate(config, TWO_PORTS) == [
        "previous number of forwarding cores 1 - changed to number of configured cores 2"
    ]
    assert config.forward.nb_cores == 2


def test_fewer_cores_than_the_mask_can_be_asked_for() -> None:
    config = Config()
    config.asked.cores, config.asked.nb_cores = [1, 2], 1
    validate(config, TWO_PORTS)
    assert config.forward.nb_cores == 1


@pytest.mark.parametrize(("asked", "kept"), [([1], [1]), ([7], []), ([1, 7, 0], [1, 0])])
def test_a_port_list_drops_ports_that_are_not_there(asked: list[int], kept: list[int]) -> None:
    config = Config()
    config.asked.ports = asked
    lines = validate(config, TWO_PORTS)
    assert config.forward.portlist == kept
    assert config.forward.nb_ports == len(kept)
    changed = f"previous number of forwarding ports 2 - changed to number of configured ports {len(kept)}"
    assert lines == ([changed] if len(kept) != 2 else [])


@pytest.mark.parametrize("nb_cores", [0, -1, 3])
def test_nb_cores_is_bounded_by_the_lcores(nb_cores: int) -> None:
    config = Config()
    config.asked.nb_cores = nb_cores
    with pytest.raises(LaunchError, match=r"^nb-cores should be > 0 and <= 2$"):
        validate(config, TWO_PORTS)


@pytest.mark.parametrize("nb_ports", [0, 5])
def test_nb_ports_is_bounded_by_the_ports(nb_ports: int) -> None:
    config = Config()
    config.asked.nb_ports = nb_ports
    with pytest.raises(LaunchError, match=f"^Invalid port {nb_ports}$"):
        validate(config, TWO_PORTS)


def test_the_main_lcore_is_no_forwarding_core() -> None:
    config = Config()
    config.asked.cores = [0]
    with pytest.raises(LaunchError, match="coremask is not valid") as caught:
        validate(config, TWO_PORTS)
    assert caught.value.before.startswith(
        "lcore 0 cannot be masked on for running packet forwarding, which is the main"
    )


def test_an_empty_mask_is_no_mask() -> None:
    config = Config()
    config.asked.cores = []
    with pytest.raises(LaunchError, match="coremask is not valid") as caught:
        validate(config, TWO_PORTS)
    assert caught.value.before == "Invalid NULL mask of cores"


def test_an_lcore_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match="lcore 5 not enabled"):
        check_lcores([5], 0, (1, 2))


@pytest.mark.parametrize(
    ("kind", "count", "most", "device"), [("rxq", 9, 8, "rx"), ("txq", 5, 4, "tx"), ("rxq", 9999, 8, "rx")]
)
def test_queues_are_bounded_by_the_poorest_port(kind: str, count: int, most: int, device: str) -> None:
    config = Config()
    setattr(config.queues, kind, count)
    with pytest.raises(LaunchError) as caught:
        validate(config, TWO_PORTS)
    assert str(caught.value) == f"{kind} {count} invalid - must be >= 0 && <= {most}"
    assert caught.value.before == (
        f"Fail: input {kind} ({count}) can't be greater than max_{device}_queues ({most}) of port 1"
    )


def test_no_queues_at_all_cannot_be() -> None:
    config = Config()
    config.queues.rxq = config.queues.txq = 0
    with pytest.raises(LaunchError, match="Either rx or tx queues should be non-zero"):
        validate(config, TWO_PORTS)


def test_more_receive_than_transmit_queues_are_warned_of() -> None:
    config = Config()
    config.queues.rxq = 2
    assert validate(config, TWO_PORTS) == [
        "Warning: nb_rxq=2 enables RSS configuration, but nb_txq=1 will prevent to fully test it."
    ]


def test_tx_first_needs_no_prompt_and_no_link_interrupt() -> None:
    config = Config()
    config.run.tx_first = True
    assert validate(config, TWO_PORTS) == ["Warning: lsc_interrupt needs to be off when using tx_first. Disabling."]
    assert not config.ports.lsc_interrupt
    config.run.interactive = True
    with pytest.raises(LaunchError, match=r"^--tx-first cannot be used on interactive mode\.$"):
        validate(config, TWO_PORTS)


def test_a_process_is_one_of_its_kind() -> None:
    config = Config()
    config.run.num_procs = config.run.proc_id = 2
    with pytest.raises(LaunchError, match=r"'proc-id\(2\)' should be less than 'num-procs\(2\)'"):
        validate(config, TWO_PORTS)


def test_long_packets_and_small_mbufs_are_warned_of() -> None:
    config = Config()
    config.ports.max_pkt_len = 9000
    too_long = "testpmd: Warning: max-pkt-len (9000) is greater than mbuf size (2176) without"
    assert validate(config, TWO_PORTS) == [
        f"{too_long} scattered Rx enabled",
        f"{too_long} multi-segment Tx enabled",
    ]
    config.queues.rx_offloads, config.queues.tx_offloads = 0x2000, 0x8000
    assert validate(config, TWO_PORTS) == []


def test_several_mbuf_sizes_need_scattered_rx_and_that_multi_segment_tx() -> None:
    config = Config()
    config.pool.mbuf_sizes = [2048, 1024]
    assert validate(config, TWO_PORTS) == [
        "testpmd: Warning: multiple mbuf sizes specified but scattered Rx not enabled"
    ]
    config.queues.rx_offloads = 0x2000
    assert validate(config, TWO_PORTS)[0].endswith("but TX multi-segment support not enabled.")


def test_peers_have_an_address_of_their_own_until_set() -> None:
    config = Config()
    config.forward.eth_peers[1] = bytes.fromhex("001122334455")
    assert peer_of(config.forward, 3) == bytes.fromhex("020000000003")
    assert peer_of(config.forward, 1) == bytes.fromhex("001122334455")


@pytest.mark.parametrize(
    ("max_pkt_len", "overhead", "mtu"), [(None, 18, 1500), (1518, 18, 1500), (9000, 18, 8982), (9728, 30, 9698)]
)
def test_mtu_is_the_frame_without_its_overhead(max_pkt_len: int | None, overhead: int, mtu: int) -> None:
    config = Config()
    config.ports.max_pkt_len = max_pkt_len
    assert mtu_of(config.ports, 0, overhead, 65535) == mtu


def test_without_a_wish_the_mtu_is_the_device_s_where_that_is_less_and_a_command_has_the_last_word() -> None:
    ports = Config().ports
    assert mtu_of(ports, 0, 18, 1400) == 1400
    ports.max_pkt_len, ports.mtus = 1518, {1: 2000}
    assert (mtu_of(ports, 0, 18, 1400), mtu_of(ports, 1, 18, 1400)) == (1500, 2000)
