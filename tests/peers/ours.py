"""Our program in this process: typed at like any other, and open to an audit when it has ended."""

import re
from types import TracebackType
from typing import Self

from fakes.appliance import WIDEST
from fakes.packets import audit
from peers.programs import OUR_CPU, Testpmd, lcores

from pytestpmd.app import TestPmd
from pytestpmd.cli import argv, console
from pytestpmd.cli.launch import probe
from pytestpmd.cli.main import prepare
from pytestpmd.cli.registry import discover
from pytestpmd.config import Config
from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.eal import args


class Ours(Testpmd):
    """From the command line to the prompt; leaving it closes every port, and every mbuf must then be free."""

    def __init__(self, *vdevs: str, options: str = "-i") -> None:
        self._registry = discover()
        devices = [f"--vdev={vdev}" for vdev in vdevs]
        app = f"--total-num-mbufs=4096 {options}"
        words = args.collate([lcores(OUR_CPU), "--no-pci", WIDEST, *devices, "--", *app.split()])
        self.said: list[str] = []
        self.app = TestPmd(Config(), args.interpret(words), self.said.append)
        try:
            probe(self.app)
            prepare(self.app, argv.parse_options(self._registry, words.app_argv))
            assert "Start ports failed" not in self.said, self.said
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

    def run(self, line: str) -> str:
        return console.execute(self.app, self._registry, line)

    def agreed(self, feature: Feature) -> bool:
        """Whether ``show port info 0`` tells that a feature is in force."""
        found = re.search(r"^(?:guest_)?features: (0x[0-9a-f]+)$", self.run("show port info 0"), re.MULTILINE)
        assert found
        return feature in Feature(int(found[1], 16))
