"""Every option does what the original's does, and refuses what it refuses in its words."""

from operator import attrgetter
from typing import Any

import pytest
from fakes.app import FakeApp
from fakes.console import REGISTRY, answer, launch

from pytestpmd.config import EVENTS, LaunchError
from pytestpmd.errors import TestpmdError

SET = [
    ("-i", "run.interactive", True),
    ("-a", "run.auto_start", True),
    ("--tx-first", "run.tx_first", True),
    ("--stats-period=3", "run.stats_period", 3),
    ("--console=plain", "run.console", "plain"),
    ("--dashboard", "run.dashboard", True),
    ("--num-procs=2", "run.num_procs", 2),
    ("--proc-id=1", "run.proc_id", 1),
    ("--mlockall", "run.mlockall", True),
    ("--no-mlockall", "run.mlockall", False),
    ("--forward-mode=mac", "forward.engine", "mac"),
    ("--burst=64", "forward.burst", 64),
    ("--port-topology=chained", "forward.topology", "chained"),
    ("--no-flush-rx", "forward.flush_rx", False),
    ("--record-core-cycles", "forward.record_core_cycles", True),
    ("--interrupt", "forward.interrupt", True),
    ("--record-burst-stats", "forward.record_burst_stats", True),
    ("--eth-peer=3,00:11:22:33:44:55", "forward.eth_peers", {3: bytes.fromhex("001122334455")}),
    ("--txpkts=64,64", "forward.txpkts", [64, 64]),
    ("--tx-ip=10.0.0.1,10.0.0.2", "forward.tx_ip", (0x0A000001, 0x0A000002)),
    ("--tx-udp=7", "forward.tx_udp", (7, 7)),
    ("--tx-udp=7,8", "forward.tx_udp", (7, 8)),
    ("--txonly-multi-flow", "forward.txonly_multi_flow", True),
    ("--txonly-flows=9", "forward.txonly_flows", 9),
    ("--latencystats=1", "metrics.latency_lcore", 1),
    ("--bitrate-stats=2", "metrics.bitrate_lcore", 2),
    ("--flowgen-flows=9", "forward.flowgen_flows", 9),
    ("--flowgen-clones=2", "forward.flowgen_clones", 2),
    ("--nb-cores=2", "asked.nb_cores", 2),
    ("--nb-ports=1", "asked.nb_ports", 1),
    ("--coremask=0x6", "asked.cores", [1, 2]),
    ("--portmask=3", "asked.ports", [0, 1]),
    ("--portlist=0,2-3", "asked.ports", [0, 2, 3]),
    ("--rxq=2", "queues.rxq", 2),
    ("--txq=0", "queues.txq", 0),
    ("--rxd=512", "queues.rxd", 512),
    ("--txd=512", "queues.txd", 512),
    *((f"--{name}=4", f"queues.{name}", 4) for name in ("rxfreet", "rxpt", "rxht", "rxwt")),
    *((f"--{name}=4", f"queues.{name}", 4) for name in ("txfreet", "txpt", "txht", "txwt", "txrst")),
    ("--rx-offloads=0x2000", "queues.rx_offloads", 0x2000),
    ("--tx-offloads=8000", "queues.tx_offloads", 0x8000),
    ("--disable-crc-strip", "queues.rx_offloads", 1 << 16),
    ("--enable-lro", "queues.rx_offloads", 0x10),
    ("--enable-scatter", "queues.rx_offloads", 0x2000),
    ("--enable-rx-cksum", "queues.rx_offloads", 0xE),
    ("--enable-rx-timestamp", "queues.rx_offloads", 1 << 14),
    ("--enable-hw-vlan", "queues.rx_offloads", 0x621),
    ("--enable-hw-vlan-filter", "queues.rx_offloads", 0x200),
    ("--enable-hw-vlan-strip", "queues.rx_offloads", 0x1),
    ("--enable-hw-vlan-extend", "queues.rx_offloads", 0x400),
    ("--enable-hw-qinq-strip", "queues.rx_offloads", 0x20),
    ("--enable-drop-en", "queues.rx_drop_en", True),
    ("--max-lro-pkt-size=9000", "queues.max_lro_pkt_size", 9000),
    ("--rx-mq-mode=0x3", "queues.rx_mq_mode", 3),
    ("--disable-rss", "queues.rss", False),
    ("--enable-rss", "queues.rss", True),
    ("--rss-ip", "queues.rss_functions", {"ip"}),
    ("--rss-udp", "queues.rss_functions", {"ip", "udp"}),
    ("--mbuf-size=2048,1024", "pool.mbuf_sizes", [2048, 1024]),
    ("--total-num-mbufs=4096", "pool.total_num_mbufs", 4096),
    ("--mbcache=0", "pool.mbcache", 0),
    ("--mp-alloc=anon", "pool.allocation", "anon"),
    ("--mp-anon", "pool.allocation", "anon"),
    ("--no-iova-contig", "pool.iova_contig", False),
    ("--socket-num=0", "pool.socket_num", 0),
    ("--max-pkt-len=9000", "ports.max_pkt_len", 9000),
    ("--disable-link-check", "ports.no_link_check", True),
    ("--disable-device-start", "ports.disable_device_start", True),
    ("--no-lsc-interrupt", "ports.lsc_interrupt", False),
    ("--no-rmv-interrupt", "ports.rmv_interrupt", False),
    ("--rmv-interrupt", "ports.rmv_interrupt", True),
    ("--flow-isolate-all", "ports.flow_isolate_all", True),
    ("--numa", "ports.numa", True),
    ("--no-numa", "ports.numa", False),
    ("--port-numa-config=(0,0),(1,0)", "ports.port_numa", {0: 0, 1: 0}),
    ("--vxlan-gpe-port=1", "forward.vxlan_gpe_port", 1),
    ("--geneve-parsed-port=2", "forward.geneve_port", 2),
    ("--print-event=all", "ports.print_events", set(EVENTS)),
    ("--mask-event=all", "ports.print_events", set()),
    ("--display-xstats=a,b", "ports.xstats_display", ["a", "b"]),
    ("--noisy-forward-mode=mac", "noisy.mode", "mac"),
    ("--noisy-tx-sw-buffer-size=64", "noisy.buffer_size", 64),
    ("--noisy-tx-sw-buffer-flushtime=5", "noisy.flush_ms", 5),
    ("--noisy-lkup-memory=1", "noisy.memory_mb", 1),
    ("--noisy-lkup-num-writes=1", "noisy.writes", 1),
    ("--noisy-lkup-num-reads=1", "noisy.reads", 1),
    ("--noisy-lkup-num-reads-writes=1", "noisy.reads_writes", 1),
    ("--metrics-port=9099", "run.metrics_port", 9099),
    ("--rxoffs=0,64", "rx_split.offsets", [0, 64]),
    ("--rxpkts=64,128", "rx_split.lengths", [64, 128]),
    ("--duration=2.5", "run.duration_s", 2.5),
    ("--packets=10000000000", "run.packets", 10**10),
    ("--json", "run.json", True),
    ("--fail-fast", "run.fail_fast", True),
    ("--rxhdrs=eth,ipv4-udp", "rx_split.headers", ["eth", "ipv4-udp"]),
    ("--multi-rx-mempool", "rx_split.multi_rx_mempool", True),
]


@pytest.mark.parametrize(("word", "knob", "value"), SET)
def test_an_option_sets_its_knob(word: str, knob: str, value: Any) -> None:
    app = FakeApp()
    launch(app, word)
    assert attrgetter(knob)(app.config) == value


def test_no_option_is_missing_from_the_table() -> None:
    tested = {word.lstrip("-").partition("=")[0] for word, _, _ in SET}
    elsewhere = {option.name for option in REGISTRY.options.values() if option.why_unused} | {
        "interactive",
        "auto-start",
        "eth-peers-configfile",
        "cmdline-file",
        "cmdline-file-noecho",
    }
    assert set(REGISTRY.options) == (tested - {"i", "a"}) | elsewhere


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("--burst=0", "PMD does not recommend a burst size. Provided value must be between 1 and 512"),
        ("--hairpinq=-1", "txq -1 invalid - must be >= 0 && <= 0"),
        ("--hairpin-mode=zz", "hairpin mode invalid"),
        ("--hairpin-map=1:2:3", "invalid hairpin map"),
        ("--rxoffs=", "bad rxoffs"),
        ("--rxpkts=a", "bad rxpkts"),
        ("--mbuf-size=a", "bad mbuf-size"),
        ("--mbuf-size=0,2048", "bad mbuf-size"),
        ("--txpkts=,", "bad txpkts"),
        ("--rxhdrs=", "bad rxpkts"),
        ("--rxhdrs=eth,foo", "Unsupported protocol: foo"),
        ("--burst=513", "burst must be between1 and 512"),
        ("--coremask=zz", "Invalid fwd core mask"),
        ("--portmask=zz", "Invalid fwd port mask"),
        ("--portlist=a", "Invalid fwd port list"),
        ("--eth-peer=0,zz", "Invalid ethernet address: zz"),
        ("--eth-peer=0", "Invalid eth-peer: 0"),
        ("--eth-peer=32,00:11:22:33:44:55", "eth-peer: port 32 >= RTE_MAX_ETHPORTS(32)"),
        ("--flowgen-flows=0", "flows must be >= 1"),
        ("--latencystats=-1", "invalid lcore id -1 for latencystats must be >= 0"),
        ("--bitrate-stats=-1", "invalid lcore id -1 for bitrate stats must be >= 0"),
        ("--flowgen-clones=-1", "clones must be >= 0 and <= current burst"),
        ("--max-pkt-len=10", "Invalid max-pkt-len=10 - should be > 64"),
        ("--mbcache=600", "mbcache must be >= 0 and <= 512"),
        ("--mbuf-size=70000", "mbuf-size should be < 65536"),
        ("--mbuf-size=1,1,1,1,1,1,1,1,1", "bad mbuf-size"),
        ("--mp-alloc=foo", "mp-alloc foo invalid - must be: native, anon, xmem or xmemhuge"),
        ("--noisy-forward-mode=foo", "noisy-forward-mode foo invalid, must be a valid noisy-forward-mode value"),
        ("--noisy-lkup-memory=-1", "noisy-lkup-memory must be >= 0"),
        ("--port-topology=foo", "port-topology foo invalid - must be: paired, chained or loop"),
        ("--print-event=foo", "invalid print-event argument"),
        ("--mask-event=foo", "invalid mask-event argument"),
        ("--port-numa-config=0,0", "invalid port-numa configuration"),
        ("--port-numa-config=(0,7)", "invalid port-numa configuration"),
        ("--ring-numa-config=(0,4,0)", "invalid ring-numa configuration"),
        ("--rx-mq-mode=0x9", "rx-mq-mode must be >= 0 and <= 7"),
        ("--rx-offloads=foo", "rx-offloads must be >= 0"),
        ("--rxd=0", "rxd(0) invalid - must be > 0"),
        ("--txd=0", "txd must be in > 0"),
        ("--rxq=-1", "rxq -1 invalid - must be >= 0"),
        ("--rxfreet=-1", "rxfreet must be >= 0"),
        ("--socket-num=7", "Invalid socket id"),
        ("--stats-period=0", "Invalid stats-period value"),
        ("--stats-period=65535", "Invalid stats-period value"),
        ("--total-num-mbufs=1024", "total-num-mbufs should be > 1024"),
        ("--tx-ip=1.2.3", "Invalid tx-ip: 1.2.3"),
        ("--tx-ip=1.2.3,1.2.3.4", "Invalid source IP address: 1.2.3"),
        ("--tx-ip=1.2.3.4,x", "Invalid destination IP address: x"),
        ("--tx-udp=70000", "Invalid UDP port: 70000"),
        ("--tx-udp=7,", "Invalid destination UDP port: "),
        ("--txonly-flows=65", "txonly-flows must be >= 1 and <= 64"),
        ("--vxlan-gpe-port=-1", "vxlan-gpe-port must be >= 0"),
        ("--console=foo", "console foo invalid - must be: auto, plain or rich"),
    ],
)
def test_a_value_that_cannot_be_ends_the_program(word: str, text: str) -> None:
    with pytest.raises(TestpmdError) as caught:
        launch(FakeApp(), word)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("words", "before"),
    [
        (["--print-event=foo"], "Invalid event: foo"),
        (["--socket-num=7"], "Invalid socket id, options are: 0"),
        (["--mbuf-size=1,1,1,1,1,1,1,1,1"], "Number of mbuf-size = 9 > 8 (maximum items)"),
    ],
)
def test_some_verdicts_come_after_a_line_that_says_why(words: list[str], before: str) -> None:
    with pytest.raises(LaunchError) as caught:
        launch(FakeApp(), *words)
    assert caught.value.before == before


def test_lengths_that_cannot_be_are_said_and_the_default_stays() -> None:
    app = FakeApp()
    assert launch(app, "--txpkts=0") == ["total packet length=0 < 42 - give up"]
    assert app.config.forward.txpkts == [64]


def test_rss_is_not_both_on_and_off() -> None:
    with pytest.raises(TestpmdError, match="Invalid option combination, disable-rss and enable-rss"):
        launch(FakeApp(), "--enable-rss", "--disable-rss")


def test_options_that_the_original_announces_are_announced() -> None:
    assert launch(FakeApp(), "-i", "-a", "--tx-first", "--cmdline-file=f", "--cmdline-file-noecho=g") == [
        "Interactive-mode selected",
        "Auto-start selected",
        "Ports to start sending a burst of packets first",
        "CLI commands to be read from f",
        "CLI commands to be read from g",
    ]


def test_files_of_commands_remember_whether_to_echo_and_there_are_at_most_16() -> None:
    app = FakeApp()
    launch(app, "--cmdline-file=f", "--cmdline-file-noecho=g")
    assert app.config.run.cmdline_files == [("f", True), ("g", False)]
    with pytest.raises(TestpmdError, match="Too many cmdline files"):
        launch(app, *["--cmdline-file=f"] * 15)


def test_an_event_can_be_masked_and_printed_again() -> None:
    app = FakeApp()
    launch(app, "--mask-event=intr_lsc")
    assert "intr_lsc" not in app.config.ports.print_events
    launch(app, "--print-event=intr_lsc")
    assert "intr_lsc" in app.config.ports.print_events


def test_offloads_of_several_options_add_up() -> None:
    app = FakeApp()
    launch(app, "--enable-scatter", "--enable-lro")
    assert app.config.queues.rx_offloads == 0x2010


def test_flows_of_txonly_are_an_option_and_a_command() -> None:
    app = FakeApp()
    assert answer(app, "set txonly-flows 65") == "txonly-flows must be >= 1 and <= 64"
    assert answer(app, "set txonly-flows 0") == "txonly-flows must be >= 1 and <= 64"
    assert answer(app, "set txonly-flows 3") == ""
    assert app.config.forward.txonly_flows == 3
