"""The tree of knobs: each with its type and its default, written by options and commands, read by all."""

from collections import defaultdict
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Literal

from pytestpmd.ethdev.offloads import Offloads, TxOffload

MAX_PKT_BURST = 512
MAX_SEGMENTS = 255
MAX_CMDLINE_FILES = 16
MIN_TOTAL_MBUFS = 1024
MAX_MBUF_CACHE = 512
MAX_MBUF_SIZES = 8
MAX_RX_SEGMENTS = 8
#: Of the multi-queue modes that may be allowed, as the original numbers them: spreading packets by their hash.
MQ_RX_RSS = 1
DEFAULT_MTU = 1500
#: Flags that packets may be marked with, and letters of a name, with the end that C gives it.
MAX_DYNFS, MAX_DYNF_NAME = 18, 64
#: Ethernet, IPv4 and UDP headers: the shortest frame that txonly can make, in bytes.
MIN_TX_LENGTH = 42

Topology = Literal["paired", "chained", "loop"]
TxSplit = Literal["off", "on", "rand"]

#: Names of the events that ``--print-event`` and ``--mask-event`` know.
EVENTS = (
    "unknown",
    "queue_state",
    "intr_reset",
    "vf_mbox",
    "ipsec",
    "macsec",
    "intr_lsc",
    "intr_rmv",
    "dev_probed",
    "dev_released",
    "flow_aged",
    "err_recovering",
    "recovery_success",
    "recovery_failed",
)
QUIET_EVENTS = frozenset({"vf_mbox", "dev_probed", "dev_released"})


@dataclass
class CsumConfig:
    """What the csum engine does with packets for one transmit port, beyond what the port's offloads say."""

    mac_swap: bool = True
    parse_tunnel: bool = False
    #: Bytes of TCP data in each packet that the port is to make of a longer one; 0 for none.
    tso_segsz: int = 0


@dataclass
class ForwardConfig:
    """What forwarding does and with which lcores and ports; applied by the next ``start``."""

    engine: str = "io"
    retry: bool = False
    burst: int = 32
    burst_tx_delay_us: int = 1
    burst_tx_retry: int = 64
    topology: Topology = "paired"
    txpkts: list[int] = field(default_factory=lambda: [64])
    txsplit: TxSplit = "off"
    #: Source and destination of what txonly sends; host order.
    tx_ip: tuple[int, int] = (int(IPv4Address("198.18.0.1")), int(IPv4Address("198.18.0.2")))
    tx_udp: tuple[int, int] = (9, 9)
    #: Between bursts of txonly and between their packets, in ticks of a port's clock, where one sends by it.
    tx_times: tuple[int, int] = (0, 0)
    flush_rx: bool = True
    verbose: int = 0
    #: Whether lcores sleep while their queues are empty.
    interrupt: bool = False
    record_core_cycles: bool = False
    record_burst_stats: bool = False
    #: By transmitting port; :func:`peer_of` gives the default of the others.
    eth_peers: dict[int, bytes] = field(default_factory=dict)
    #: Tag control information that engines ask a port to insert, by transmitting port.
    tx_vlans: dict[int, int] = field(default_factory=dict)
    txonly_multi_flow: bool = False
    txonly_flows: int = 64
    flowgen_flows: int = 1024
    flowgen_clones: int = 0
    #: UDP ports by which csum knows these tunnels.
    vxlan_gpe_port: int = 4790
    geneve_port: int = 6081
    #: By transmitting port.
    csum: defaultdict[int, CsumConfig] = field(default_factory=lambda: defaultdict(CsumConfig))
    #: Receiving ports whose TCP packets csum merges, and over how many turns; transmitting ports for which it cuts
    #: packets, and the longest frame, in bytes, that it then sends.
    gro_ports: set[int] = field(default_factory=set)
    gro_flush_cycles: int = 1
    gso_ports: set[int] = field(default_factory=set)
    gso_segsz: int = 1514
    #: lcores and ports that may forward, in order, and how many of them do; :func:`settle` fills them.
    corelist: list[int] = field(default_factory=list)
    nb_cores: int = 1
    portlist: list[int] = field(default_factory=list)
    nb_ports: int = 0


@dataclass
class NoisyConfig:
    """The burdens of the noisy engine; sizes in packets and megabytes, times in milliseconds."""

    mode: str = "io"
    buffer_size: int = 0
    flush_ms: int = 0
    memory_mb: int = 0
    writes: int = 0
    reads: int = 0
    reads_writes: int = 0


@dataclass
class MetricsConfig:
    """What is measured beside the counters; by the original's options, which name an lcore that does it, or None."""

    latency_lcore: int | None = None
    bitrate_lcore: int | None = None


@dataclass
class MarkConfig:
    """What packets are marked with as they are sent; by transmitting port."""

    metadata: dict[int, int] = field(default_factory=dict)
    #: Every flag that there is, and those that are set.
    names: list[str] = field(default_factory=list)
    flags: dict[int, set[str]] = field(default_factory=dict)

    def forget(self, port_id: int) -> None:
        """The port is gone: its id may soon be another's."""
        self.metadata.pop(port_id, None)
        self.flags.pop(port_id, None)


@dataclass
class QueueConfig:
    """Queues of every port. A threshold of None is the driver's own; most drivers only show them."""

    rxq: int = 1
    txq: int = 1
    rxd: int = 0
    txd: int = 0
    rxfreet: int | None = None
    txfreet: int | None = None
    rxpt: int | None = None
    rxht: int | None = None
    rxwt: int | None = None
    txpt: int | None = None
    txht: int | None = None
    txwt: int | None = None
    txrst: int | None = None
    rx_offloads: int = 0
    tx_offloads: int = int(TxOffload.MBUF_FAST_FREE)
    #: Of the ports for which commands have changed them; :func:`offloads_of` gives those of the others.
    port_offloads: dict[int, Offloads] = field(default_factory=dict)
    #: Of single queues, by port, kind (rxq or txq) and number: descriptors asked for; told to start by command only.
    ring_sizes: dict[tuple[int, str, int], int] = field(default_factory=dict)
    deferred: set[tuple[int, str, int]] = field(default_factory=set)
    rx_drop_en: bool = False
    max_lro_pkt_size: int = 0
    rx_mq_mode: int = 7
    rss: bool | None = None
    rss_functions: set[str] = field(default_factory=lambda: {"ip"})

    def forget(self, port_id: int) -> None:
        """The port is gone: its id may soon be another's."""
        self.port_offloads.pop(port_id, None)
        self.ring_sizes = {key: size for key, size in self.ring_sizes.items() if key[0] != port_id}
        self.deferred = {key for key in self.deferred if key[0] != port_id}


@dataclass
class RxSplitConfig:
    """Into which segments a NIC would split received packets: so many, by length and offset, or after headers."""

    segments: int = 0
    lengths: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    multi_rx_mempool: bool = False


@dataclass
class FlowConfig:
    """What flow commands leave behind: queues that were asked for and tunnels, by port; headers by index."""

    queues: dict[int, int] = field(default_factory=dict)
    tunnels: defaultdict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    raw_encap: dict[int, bytes] = field(default_factory=dict)
    raw_decap: dict[int, bytes] = field(default_factory=dict)
    ipv6_ext_push: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    ipv6_ext_remove: dict[int, int] = field(default_factory=dict)
    sample_actions: dict[int, list[str]] = field(default_factory=dict)

    def forget(self, port_id: int) -> None:
        """Drop what is of a port that goes; another may come with its number."""
        self.queues.pop(port_id, None)
        self.tunnels.pop(port_id, None)


@dataclass
class DcbConfig:
    """Which traffic classes would forward, as a mask, and the cores of each; no port here has classes."""

    fwd_tc_mask: int = 0xFF
    fwd_tc_cores: int = 1


@dataclass
class PoolConfig:
    """Mbuf pools: one for each size, in bytes of data room."""

    mbuf_sizes: list[int] = field(default_factory=lambda: [2176])
    total_num_mbufs: int | None = None
    mbcache: int = 250
    allocation: str = "native"
    socket_num: int | None = None
    iova_contig: bool = True


@dataclass
class PortsConfig:
    """How ports are brought up and watched."""

    max_pkt_len: int | None = None
    #: Of the ports for which a command has changed it, in bytes.
    mtus: dict[int, int] = field(default_factory=dict)
    no_link_check: bool = False
    disable_device_start: bool = False
    lsc_interrupt: bool = True
    rmv_interrupt: bool = True
    flow_isolate_all: bool = False
    print_events: set[str] = field(default_factory=lambda: set(EVENTS) - QUIET_EVENTS)
    xstats_display: list[str] = field(default_factory=list)
    xstats_hide_zero: bool = False
    xstats_show_state: bool = False
    numa: bool = True
    #: NUMA nodes asked for, by port.
    port_numa: dict[int, int] = field(default_factory=dict)


@dataclass
class RunConfig:
    """How the program runs: with a prompt or without."""

    interactive: bool = False
    auto_start: bool = False
    tx_first: bool = False
    stats_period: int = 0
    #: Files of commands, and whether each command is echoed.
    cmdline_files: list[tuple[str, bool]] = field(default_factory=list)
    console: str = "auto"
    #: How long, in seconds, and how many packets a run without a prompt forwards; 0 is no bound.
    duration_s: float = 0.0
    packets: int = 0
    #: Whether standard output is JSON and nothing else, and whether the first error of a script ends it.
    json: bool = False
    fail_fast: bool = False
    dashboard: bool = False
    mlockall: bool = False
    num_procs: int = 1
    proc_id: int = 0
    #: Where Prometheus asks; 0 for any port, None for nowhere.
    metrics_port: int | None = None


@dataclass
class AskedConfig:
    """Lcores and ports that options asked for, before it is known which there are; None is all (one lcore)."""

    cores: list[int] | None = None
    nb_cores: int | None = None
    ports: list[int] | None = None
    nb_ports: int | None = None


@dataclass
class Config:
    """The whole tree."""

    forward: ForwardConfig = field(default_factory=ForwardConfig)
    noisy: NoisyConfig = field(default_factory=NoisyConfig)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    marks: MarkConfig = field(default_factory=MarkConfig)
    queues: QueueConfig = field(default_factory=QueueConfig)
    flow: FlowConfig = field(default_factory=FlowConfig)
    dcb: DcbConfig = field(default_factory=DcbConfig)
    rx_split: RxSplitConfig = field(default_factory=RxSplitConfig)
    pool: PoolConfig = field(default_factory=PoolConfig)
    ports: PortsConfig = field(default_factory=PortsConfig)
    run: RunConfig = field(default_factory=RunConfig)
    asked: AskedConfig = field(default_factory=AskedConfig)
