"""Pairs of programs, back-end and front-end on one vhost-user socket, measured in turn.

A machine drifts: other guests, clocks, caches. So all pairs are started once and left idle, and then short windows go
round them, A B A B. What slows one down slows its neighbour too, and the ratio of two medians stays. A window waits for
other programs to be silent, and is measured again when they were not.
"""

import re
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.console import Console, NoPrompt
from bench.quiet import MOST_OTHERS, Watch, Window, quietest

EAL = "--no-pci --no-huge -m 512 --no-telemetry --no-shconf"
APP = "-i --nb-cores=1 --no-mlockall --total-num-mbufs=16384"
#: DPDK leaves a folder behind here for every --file-prefix.
DPDK_RUNTIME = Path("/var/run/dpdk")
RX_PACKETS = re.compile(r"RX-packets:\s*(\d+)")
#: What must come before a window counts, in seconds.
RUN_UP_S = 0.1


@dataclass(frozen=True)
class DriverPath:
    """A way through the virtio driver: what makes the front-end take it."""

    name: str
    devargs: str
    app: str = ""
    eal: str = ""


#: One row is one path: devargs of net_virtio_user, then its testpmd and its EAL options.
PATHS = (
    DriverPath("split mergeable", "mrg_rxbuf=1,in_order=0"),
    DriverPath("split regular", "mrg_rxbuf=0,in_order=0", "--tx-offloads=0x8000"),
    DriverPath("split in-order mergeable", "mrg_rxbuf=1,in_order=1"),
    DriverPath("split vector", "mrg_rxbuf=0,in_order=0,vectorized=1", "--tx-offloads=0x0"),
    DriverPath("packed mergeable", "packed_vq=1,mrg_rxbuf=1,in_order=0"),
    DriverPath("packed in-order", "packed_vq=1,mrg_rxbuf=0,in_order=1", "--tx-offloads=0x8000"),
    DriverPath(
        "packed vector",
        "packed_vq=1,mrg_rxbuf=0,in_order=1,vectorized=1",
        "--tx-offloads=0x0",
        "--force-max-simd-bitwidth=512",
    ),
)


@dataclass(frozen=True)
class Load:
    """What is sent round, and how it is measured."""

    rounds: int = 9
    window_s: float = 0.4
    frame_size: int = 64
    queue_size: int = 256
    #: How long a window may wait for silence, in seconds.
    patience_s: float = 3.0


@dataclass(frozen=True)
class Series:
    """One figure, measured several times; ``disturbed`` of them while others ran."""

    values: Sequence[float]
    disturbed: int = 0

    @classmethod
    def of(cls, windows: Sequence[Window]) -> "Series":
        return cls([one.value for one in windows], sum(one.others > MOST_OTHERS for one in windows))

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def __str__(self) -> str:
        noise = f" ~{self.disturbed}" if self.disturbed else ""
        return f"{self.median:.2f} [{min(self.values):.2f}-{max(self.values):.2f}]{noise}"

    def over(self, other: "Series") -> "Ratio":
        """This against another that was measured in the same rounds."""
        by_round = [mine / its for mine, its in zip(self.values, other.values, strict=True)]
        return Ratio(self.median / other.median, min(by_round), max(by_round))


@dataclass(frozen=True)
class Ratio:
    """Of two medians; and the least and the most that any one round showed."""

    of_medians: float
    least: float
    most: float

    def __str__(self) -> str:
        return f"x{self.of_medians:.2f} [{self.least:.2f}-{self.most:.2f}]"


def rx_packets(console: Console, ports: Iterable[int] = (0,)) -> int:
    """Packets that ports have received, by ``show port stats``."""
    answers = [console.run(f"show port stats {port_id}") for port_id in ports]
    return sum(int(RX_PACKETS.findall(answer)[0]) for answer in answers)


def rate(console: Console, window_s: float, watch: Callable[[], Watch], ports: Sequence[int] = (0,)) -> Window:
    """What ports receive in one window, in millions of packets per second, while forwarding runs."""
    time.sleep(RUN_UP_S)
    watching = watch()
    began, before = time.monotonic(), rx_packets(console, ports)
    time.sleep(window_s)
    ended, after = time.monotonic(), rx_packets(console, ports)
    return Window((after - before) / (ended - began) / 1e6, watching.others())


class Pair:
    """A back-end and a front-end, connected, one CPU each, idle between windows."""

    def __init__(self, backend: str, frontend: str, path: DriverPath, load: Load, cpus: Sequence[int]) -> None:
        self._stack = ExitStack()
        with ExitStack() as undo:
            folder = undo.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))
            sock, tag = f"{folder}/s", Path(folder).name
            for prefix in (f"{tag}b", f"{tag}f"):
                undo.callback(shutil.rmtree, DPDK_RUNTIME / prefix, ignore_errors=True)
            device = f"--vdev=net_vhost0,iface={sock},queues=1"
            self._back = undo.enter_context(Console(command(backend, cpus[0], f"{tag}b", device, APP)))
            device = (
                f"--vdev=net_virtio_user0,path={sock},mac=00:11:22:33:44:10,queue_size={load.queue_size},"
                f"{path.devargs} {path.eal}"
            )
            app = f"{APP} {path.app}"
            self._front = undo.enter_context(Console(command(frontend, cpus[1], f"{tag}f", device, app)))
            self._back.run(f"set txpkts {load.frame_size}")
            self._watch = partial(Watch, cpus, (self._back.pid, self._front.pid))
            self._stack = undo.pop_all()

    def window(self, window_s: float) -> Window:
        """Forward for a while: millions of packets per second that come back to the back-end."""
        self._front.run("start")
        self._back.run("start tx_first 32")
        window = rate(self._back, window_s, self._watch)
        self._back.run("stop")
        self._front.run("stop")
        return window

    def close(self) -> None:
        """End both programs."""
        self._stack.close()


def command(program: str, cpu: int, prefix: str, devices: str, app: str) -> list[str]:
    """A command line with main lcore and worker on one CPU."""
    words = f"{EAL} --lcores=0@{cpu},1@{cpu} --file-prefix={prefix} {devices} -- {app}"
    return [program, *words.split()]


def measure(
    pairs: Mapping[str, tuple[str, str]], path: DriverPath, load: Load, cpus: Sequence[int]
) -> dict[str, Series]:
    """Each pair's windows, taken in turn; a pair that does not start is told of and left out."""
    with ExitStack() as stack:
        running: dict[str, Pair] = {}
        for name, (backend, frontend) in pairs.items():
            try:
                running[name] = Pair(backend, frontend, path, load, cpus)
            except NoPrompt as error:
                print(f"{path.name}: {name} does not start: {error}")
                continue
            stack.callback(running[name].close)
        rounds = [
            {
                name: quietest(partial(pair.window, load.window_s), cpus, load.patience_s)
                for name, pair in running.items()
            }
            for _ in range(load.rounds)
        ]
    return {name: Series.of([one[name] for one in rounds]) for name in running}
