"""The application behind the router: the ports asked for, with the queues, the memory and the routes they need."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

from pytestpmd.app import TestPmd
from pytestpmd.cli import console
from pytestpmd.config import Config
from pytestpmd.eal.args import EalArgs
from pytestpmd.errors import ConfigError
from pytestpmd.ethdev.port import EthPort, PortConf, PortState
from pytestpmd.fwd.l3fwd import FLOW, LPM, Router, RouterConf
from pytestpmd.fwd.routes import FlowRoute, Route, RouteTable
from pytestpmd.log import log_type
from pytestpmd.programs.l3fwd_power import rules
from pytestpmd.programs.l3fwd_power.settings import Plan, Settings, make_plan

L3FWD_POWER = log_type("l3fwd.power", "L3FWD_POWER")
#: For the number of mbufs: descriptors of a queue, mbufs that an lcore keeps at hand, and the least there are.
DESCRIPTORS, CACHED, LEAST_MBUFS = 1024, 256, 8192

R = TypeVar("R", Route, FlowRoute)


class RouterApp(TestPmd):
    """The application's parts without its console, and a router in the place of its forwarding session."""

    plan: Plan
    router: Router

    def __init__(self, args: EalArgs) -> None:
        super().__init__(Config(), args, console.say)
        self.settings = Settings()
        # lcores may be within the queues of a port whose device is gone: it stays, with its link down
        self.config.ports.rmv_interrupt = False
        #: By lcore: why it does not sleep, or "".
        self.polls: dict[int, str] = {}

    def enabled(self) -> list[EthPort]:
        """The ports that ``-p`` names."""
        return [port for port in self.ports if self.settings.enables(port.port_id)]

    def bring_up(self) -> None:
        """Check what was asked for, make routes and pool, start the ports, and make the router."""
        most = {port.port_id: (port.info().max_rx_queues, port.info().max_tx_queues) for port in self.ports}
        lcores = [lcore.lcore_id for lcore in self.eal.lcores]
        self.plan = make_plan(self.settings, lcores, most, self.main_lcore)
        table = self._table()
        self._size(self.plan)
        self.create_pools()
        self._start_enabled()
        peers = {port.port_id: self.settings.peer(port.port_id) for port in self.enabled()}
        conf = RouterConf(
            FLOW if self.settings.lookup == "em" else LPM,
            table,
            self.plan.queues,
            peers,
            send_back=self.settings.no_route == "back",
            idle_turns=None if self.settings.mode == "baseline" else max(1, self.settings.max_empty_polls),
        )
        self.router = Router(conf, self.enabled(), self.pools[0], self.cpus_of)
        if self.settings.mode == "interrupt-only":
            self._check_interrupts()

    def _check_interrupts(self) -> None:
        """Each queue must have one."""
        for lcore_id, why in self.router.who_polls().items():
            if why:
                raise ConfigError(f"RX interrupt won't enable: lcore {lcore_id} would have to poll: {why}")

    def _table(self) -> RouteTable:
        """The routes to enabled ports, each named."""
        settings = self.settings
        files = {4: settings.rule_ipv4, 6: settings.rule_ipv6}
        if settings.lookup == "em":
            flows = [flow for version, path in files.items() for flow in rules.flows(version, path)]
            return RouteTable(flows=self._usable("EM", flows))
        routes = [route for version, path in files.items() for route in rules.routes(version, path)]
        return RouteTable(self._usable("LPM", routes))

    def _usable(self, method: str, found: Iterable[R]) -> list[R]:
        """Those to ports that are there and enabled."""
        used = [one for one in found if one.port in self.ports and self.settings.enables(one.port)]
        for one in used:
            self.say(f"{method}: Adding route {one}")
        return used

    def _size(self, plan: Plan) -> None:
        """How long frames are, how many queues there are, and so how many mbufs."""
        self.config.ports.max_pkt_len = self.settings.max_pkt_len
        self.config.queues.rxq = max(plan.nb_rxq.values())
        queues = sum(plan.nb_rxq.values()) + sum(plan.nb_txq.values())
        cached = len(plan.queues) * (CACHED + 32 * len(plan.nb_rxq))
        self.config.pool.total_num_mbufs = max(LEAST_MBUFS, queues * DESCRIPTORS + cached)
        self.config.pool.mbcache = CACHED

    def port_conf(self, port: EthPort) -> PortConf:
        asked = super().port_conf(port)
        return replace(asked, nb_rxq=self.plan.nb_rxq[port.port_id], nb_txq=self.plan.nb_txq[port.port_id])

    def _start_enabled(self) -> None:
        for port in self.ports:
            if not self.settings.enables(port.port_id):
                self.say(f"Skipping disabled port {port.port_id}")
        ids = [port.port_id for port in self.enabled()]
        if not self.start_ports(ids) or any(port.state is not PortState.STARTED for port in self.enabled()):
            raise ConfigError("Start ports failed")
        if self.settings.promiscuous:
            self.enable_promiscuous(self.enabled())

    @contextmanager
    def routing(self) -> Iterator[Router]:
        """Routing, on lcores of its own, for a ``with`` block."""
        for port in self.enabled():
            port.on_bursts_change = self.router.follow_bursts
            self.router.follow_bursts(port)  # what has changed since the router was made
        try:
            self.polls = self.router.start()
            self._tell()
            yield self.router
        finally:
            self.router.stop()

    def _tell(self) -> None:
        for lcore_id, queues in self.plan.queues.items():
            L3FWD_POWER.info("entering main interrupt loop on lcore %d", lcore_id)
            for port_id, queue_id in queues:
                L3FWD_POWER.info(" -- lcoreid=%d portid=%d rxqueueid=%d", lcore_id, port_id, queue_id)
            if self.polls[lcore_id] and self.settings.mode != "baseline":
                L3FWD_POWER.warning("RX interrupt won't enable: lcore %d polls: %s", lcore_id, self.polls[lcore_id])
