"""What ``assert`` can speak of: the data of the show commands under short names, looked up when they are named."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pytestpmd.cli.facts import forward, port, run
from pytestpmd.ethdev.port import EthPort
from pytestpmd.ethdev.stats import Rates, Stats

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd


class Names(Mapping[str, Any]):
    """``port`` by port id, ``total`` of all ports, ``fwd`` of forwarding, ``running``, and the number of ``ports``."""

    def __init__(self, app: "TestPmd") -> None:
        self._make: Mapping[str, Callable[[], Any]] = {
            "port": lambda: {each.port_id: of_port(app, each) for each in app.ports},
            "total": lambda: of_all(app),
            "fwd": lambda: forward.stats(app.session.stats()),
            "running": lambda: app.session.running,
            "ports": lambda: len(app.ports),
        }
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = self._make[name]()
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._make)

    def __len__(self) -> int:
        return len(self._make)


def of_port(app: "TestPmd", each: EthPort) -> Mapping[str, Any]:
    """All of a port: what ``show port info|stats|xstats`` say, and what was lost as in the result of a run."""
    stats = each.stats()
    return {
        **port.identity(each),
        **port.info(each),
        **counts(stats),
        **run.totals(stats, run.dropped(app, each.port_id)),
        **port.xstats(each),
    }


def of_all(app: "TestPmd") -> Mapping[str, Any]:
    """The counts of all ports together."""
    stats = sum((each.stats() for each in app.ports), Stats())
    return {**counts(stats), **run.totals(stats, app.session.balance().dropped)}


def counts(stats: Stats) -> Mapping[str, Any]:
    """Those of ``show port stats``, without its rates, which are since the last look."""
    return {name: count for name, count in port.stats(stats, Rates()).items() if name not in asdict(Rates())}
