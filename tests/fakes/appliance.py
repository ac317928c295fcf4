"""The program in this process, without its console: ports, pools and lcores that forward."""

import os
import time
from types import TracebackType
from typing import Self

from fakes.leaks import eventually
from fakes.packets import audit

from pytestpmd.app import TestPmd
from pytestpmd.cli import argv, console
from pytestpmd.cli.launch import probe
from pytestpmd.cli.main import prepare
from pytestpmd.cli.registry import discover
from pytestpmd.config import Config
from pytestpmd.eal import args
from pytestpmd.fwd.stats import ForwardStats

CPUS = sorted(os.sched_getaffinity(0))
REGISTRY = discover()
#: Packed rings have vectors at this width only.
WIDEST = "--force-max-simd-bitwidth=512"


def lcores(workers: int) -> str:
    """Main lcore 0, and workers from 1 on, dealt to the CPUs from the last one down."""
    return ",".join([f"0@{CPUS[0]}", *(f"{i}@{CPUS[-1 - i % len(CPUS)]}" for i in range(1, workers + 1))])


class Appliance:
    """From the command line to started ports; leaving it gives everything back, and every mbuf must then be free."""

    def __init__(self, *vdevs: str, options: str = "", workers: int = 1) -> None:
        devices = [f"--vdev={vdev}" for vdev in vdevs]
        application = f"-i --total-num-mbufs=4096 --mbcache=64 --nb-cores={workers} {options}"
        words = args.collate(
            [
                f"--lcores={lcores(workers)}",
                "--no-pci",
                "--force-max-simd-bitwidth=512",
                *devices,
                "--",
                *application.split(),
            ]
        )
        self.said: list[str] = []
        self.app = TestPmd(Config(), args.interpret(words), self.said.append)
        try:
            probe(self.app)
            prepare(self.app, argv.parse_options(REGISTRY, words.app_argv))
        except BaseException:
            self.app.release()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.app.release()
        if error is None:
            for pool in self.app.pools:
                audit(pool)

    def run(self, *lines: str) -> str:
        """Type these; what the last one printed, by return and on the way."""
        for line in lines:
            before = len(self.said)
            answer = console.execute(self.app, REGISTRY, line)
        return "\n".join([*self.said[before:], answer] if answer else self.said[before:])

    def packets(self, port_id: int) -> tuple[int, int]:
        """Received and sent by a port so far."""
        stats = self.app.ports[port_id].lifetime_stats()
        return stats.ipackets, stats.opackets

    def flows(self, packets: int = 200) -> bool:
        """Whether every forwarding port receives so many packets more."""
        ports = [self.app.ports[port_id] for port_id in self.app.fwd_ports()]
        goals = [port.lifetime_stats().ipackets + packets for port in ports]
        return eventually(
            lambda: all(port.lifetime_stats().ipackets >= goal for port, goal in zip(ports, goals, strict=True))
        )

    def forward(self, seconds: float = 0.05, tx_first: int = 1) -> ForwardStats:
        """Start, run for a while, stop."""
        self.app.session.start(tx_first)
        time.sleep(seconds)
        return self.app.session.stop()

    def are_up(self) -> bool:
        """Wait until every link is up."""
        return eventually(lambda: all(port.link().up for port in self.app.ports))

    def are_joined(self) -> bool:
        """Of a back-end and a front-end on one socket: wait until both are up, and until the queues that both have
        carry packets: those of pairs beyond the first come a moment later, by a command."""
        back, front = sorted(self.app.ports, key=lambda port: port.driver_name)
        ways = (front.rx_queues, back.tx_queues), (front.tx_queues, back.rx_queues)
        needed = {2 * i + way for way, ends in enumerate(ways) for i in range(min(map(len, ends)))}

        def live() -> set[int]:
            report = back.device_report()
            return {ring.index for ring in report.rings if ring.state == "live"} if report else set()

        return self.are_up() and eventually(lambda: needed <= live())


__all__ = ["Appliance", "lcores"]
