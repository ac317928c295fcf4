"""What commands talk to, without lcores and without memory: ports that remember what they were told."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from pytestpmd.config import Config
from pytestpmd.errors import NotSupported, TestpmdError
from pytestpmd.ethdev.port import (
    SPEED_UNKNOWN,
    BurstChoice,
    DescLimits,
    DeviceInfo,
    EthPort,
    Link,
    PortConf,
    PortState,
    Queue,
)
from pytestpmd.ethdev.ports import Ports
from pytestpmd.ethdev.stats import QueueCounters, Stats
from pytestpmd.fwd.topology import LcoreSpec, plan

IP_FLOWS = ("", "-frag", "-tcp", "-udp", "-sctp", "-other")
FLOW_TYPES = (
    *(f"{version}{flow}" for version in ("ipv4", "ipv6") for flow in IP_FLOWS),
    *("l2-payload", "ipv6-ex", "ipv6-tcp-ex", "ipv6-udp-ex", "port", "vxlan", "geneve", "nvgre", "mpls"),
)
NULL_INFO = DeviceInfo(
    max_rx_queues=1024,
    max_tx_queues=1024,
    hash_key_size=40,
    reta_size=128,
    flow_types=FLOW_TYPES,
    tx_offload_capa=0xC000,
)
VIRTIO_INFO = DeviceInfo(
    max_rx_queues=1,
    max_tx_queues=1,
    min_rx_bufsize=64,
    max_rx_pktlen=9728,
    max_mac_addrs=64,
    max_mtu=9698,
    rx_offload_capa=0x201D,
    tx_offload_capa=0x800D,
    rx_desc=DescLimits(32768, 32),
    tx_desc=DescLimits(32768, 32),
    rx_ring_size=256,
    tx_ring_size=256,
)


class FakeQueue(Queue):
    """A queue that nothing goes through."""

    def lifetime(self) -> QueueCounters:
        return QueueCounters()


class FakePort(EthPort):
    """A port in the image of net_null; statistics, link and device are what a test puts in."""

    driver_name = "net_null"
    rx_xstats = (("packets", "packets"), ("bytes", "bytes"), ("errors", "errors"))

    def __init__(self, name: str = "net_null0", devargs: str = "") -> None:
        super().__init__(name, devargs)
        self.mac = bytes.fromhex("020000000001")
        self.promiscuous = self.all_multicast = True
        self.device = NULL_INFO
        self.line = Link(up=True)
        self.counted = Stats()
        self.cleared = 0
        self.links: list[bool] = []

    def info(self) -> DeviceInfo:
        return self.device

    def link(self) -> Link:
        return self.line

    def stats(self) -> Stats:
        return self.counted

    def clear_stats(self) -> None:
        self.cleared += 1
        self.counted = Stats()

    def set_promiscuous(self, on: bool) -> None:
        if not on:
            raise NotSupported("Operation not supported")
        self.promiscuous = on

    def set_all_multicast(self, on: bool) -> None:
        if not on:
            raise NotSupported("Operation not supported")
        self.all_multicast = on

    def burst_choices(self) -> tuple[BurstChoice, BurstChoice]:
        others = (("fake_rx_vec", ("vectors agreed (vectorized=1)", "packed rings not agreed (packed_vq=0)")),)
        return BurstChoice("Rx", "fake_rx", "it is there", others), BurstChoice("Tx", "fake_tx", "it is there")

    def setup(self, conf: PortConf, pool: Any) -> None:
        self.rx_queues = [FakeQueue(None, None, None, memory=None) for _ in range(conf.nb_rxq)]
        self.tx_queues = [FakeQueue(None, None, None, memory=None) for _ in range(conf.nb_txq)]

    def bring_up(self) -> None:
        self.line = replace(self.line, up=True)

    def bring_down(self) -> None:
        self.line = replace(self.line, up=False)

    def release(self) -> None:
        pass


class VirtioLikePort(FakePort):
    """A port in the image of net_virtio_user, with one queue pair."""

    driver_name = "net_virtio_user"
    numa_node = -1

    def __init__(self, port_id: int = 0) -> None:
        super().__init__("net_virtio_user0", "path=SOCK")
        self.port_id = port_id
        self.device = VIRTIO_INFO
        self.promiscuous = self.all_multicast = False
        self.configure(PortConf(), None)
        self.line = Link(up=True, speed=SPEED_UNKNOWN, autoneg=True)
        self.private = "  none"

    def private_info(self) -> str:
        return self.private


@dataclass
class FakePlan:
    """What ``start`` would run."""

    engine: str
    nb_ports: int
    lcores: tuple[LcoreSpec, ...]
    warnings: tuple[str, ...] = ()
    status: str = ""
    notes: tuple[str, ...] = ()
    interrupt: dict[int, str] = field(default_factory=dict)


class FakeSession:
    """Forwarding that only remembers whether it runs."""

    def __init__(self, app: "FakeApp") -> None:
        self.app = app
        self.running = False
        self.plan: FakePlan | None = None
        self.tx_first: int | None = None
        self.result: Any = None
        self.ports_cleared: list[int] = []
        self.cleared = 0

    def make_plan(self) -> FakePlan:
        forward = self.app.config.forward
        ports, lcores = forward.portlist[: forward.nb_ports], forward.corelist[: forward.nb_cores]
        queues = self.app.config.queues
        dealt = plan(ports, queues.rxq, queues.txq, lcores, forward.topology)
        return FakePlan(forward.engine, len(ports), dealt.lcores, (dealt.warning,) if dealt.warning else ())

    def status_of(self, engine: str) -> str:
        return ""

    def start(self, tx_first: int = 0) -> FakePlan:
        if self.running:
            raise TestpmdError("Packet forwarding already started")
        self.running, self.tx_first, self.plan = True, tx_first, self.make_plan()
        return self.plan

    def stop(self) -> Any:
        if not self.running:
            raise TestpmdError("Packet forwarding not started")
        self.running = False
        return self.result

    def stats(self) -> Any:
        return self.result

    def clear_stats(self) -> None:
        self.cleared += 1

    def clear_port(self, port_id: int) -> None:
        self.ports_cleared.append(port_id)

    def follow_settings(self) -> None:
        """Packets are not shown here."""


class FakeApp:
    """Two ports of net_null's shape, main lcore 0 and one worker."""

    def __init__(self, nb_ports: int = 2, workers: tuple[int, ...] = (1,)) -> None:
        self.config = Config()
        self.main_lcore, self.worker_lcores = 0, list(workers)
        self.ports = Ports()
        for i in range(nb_ports):
            port = FakePort(f"net_null{i}")
            self.ports.attach(port)
            port.configure(PortConf(), None)
            port.start()
        self.config.forward.corelist = list(workers)
        self.config.forward.portlist, self.config.forward.nb_ports = self.ports.ids(), nb_ports
        self.session = FakeSession(self)
        self.session.plan = self.session.make_plan()
        self.said: list[str] = []
        self.say: Callable[[str], None] = self.said.append
        self.operated: list[tuple[str, list[int]]] = []

    def start_ports(self, ids: list[int]) -> None:
        self.operated.append(("start", ids))

    def stop_ports(self, ids: list[int]) -> None:
        self.operated.append(("stop", ids))

    def close_ports(self, ids: list[int]) -> None:
        self.operated.append(("close", ids))

    def reset_ports(self, ids: list[int]) -> None:
        self.operated.append(("reset", ids))

    def stop_all(self) -> None:
        """Put every port in the state that queue commands need."""
        for port in self.ports:
            port.state = PortState.STOPPED
