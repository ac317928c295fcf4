"""``start``, ``stop`` and what they run: the engine, its bursts, the addresses of the peers."""

from typing import TYPE_CHECKING

from pytestpmd.cli.answer import Answer
from pytestpmd.cli.facts import forward as facts
from pytestpmd.cli.params import ENGINE, INT32, UINT32, parse_mac
from pytestpmd.cli.registry import command, option
from pytestpmd.cli.render import config as render
from pytestpmd.cli.render import interrupt as render_interrupt
from pytestpmd.cli.render.forward import stopped
from pytestpmd.config import MAX_PKT_BURST, LaunchError, Topology
from pytestpmd.errors import ConfigError
from pytestpmd.ethdev.ports import MAX_PORTS

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd
    from pytestpmd.fwd.session import ForwardPlan

OPTION_GROUP = "forwarding"


@command("start [tx_first [(num)]]", "Start packet forwarding, after num (1) bursts of made packets.", num=UINT32)
def start(app: "TestPmd", tx_first: str | None = None, num: int = 1) -> str:
    plan = app.session.start(num if tx_first else 0)
    notes = "".join(f"{note}\n" for note in plan.notes)
    return forwarding(app, plan) + notes + rxtx(app)


def rxtx(app: "TestPmd") -> str:
    """The text of ``show config rxtx``, which ``start`` ends with."""
    return render.rxtx(app.config, list(app.ports), app.session.status_of(app.config.forward.engine))


def forwarding(app: "TestPmd", plan: "ForwardPlan") -> str:
    """The text of ``show config fwd``, which ``start`` begins with."""
    engine = render.with_status(plan.engine, plan.status)
    text = render.forwarding(app.config, engine, plan.nb_ports, plan.lcores)
    return text + render_interrupt.mode(plan.interrupt)


@command("stop", "Stop packet forwarding and display the forward statistics.")
def stop(app: "TestPmd") -> str:
    return stopped(app.session.stop())


@option("--auto-start, -a", "start forwarding on init (always when not interactive)")
def auto_start(app: "TestPmd") -> str:
    app.config.run.auto_start = True
    return "Auto-start selected"


@option("--tx-first", "start forwarding by sending a burst first (not with --interactive)")
def tx_first(app: "TestPmd") -> str:
    app.config.run.tx_first = True
    return "Ports to start sending a burst of packets first"


@command(
    "set fwd (engine) [retry]", "Set the forwarding mode, retrying transmission when the receiver is slow.", "config"
)
def set_fwd(app: "TestPmd", engine: str, retry: str | None = None) -> str:
    from pytestpmd.fwd import ENGINES

    if retry and not ENGINES[engine].has_retry:
        raise ConfigError("Bad arguments")
    app.config.forward.engine = engine
    app.config.forward.retry = retry is not None
    return f"Set {engine} packet forwarding mode{' with retry' if retry else ''}"


@option("--forward-mode=MODE", "forwarding mode at start: io, mac, macswap, ...", words=ENGINE.names)
def forward_mode(app: "TestPmd", engine: str) -> str:
    from pytestpmd.fwd import ENGINES

    if engine not in ENGINES:
        return f"Invalid {engine} packet forwarding mode"
    app.config.forward.engine = engine
    return f"Set {engine} packet forwarding mode"


@command("set burst (num)", "Set the number of packets per burst.", "config")
def set_burst(app: "TestPmd", num: int) -> str:
    if num > MAX_PKT_BURST:
        raise ConfigError(f"nb pkt per burst: {num} > {MAX_PKT_BURST} (maximum packet per burst)  ignored")
    app.config.forward.burst = num
    app.session.follow_settings()
    return f"Number of packets per burst set to {num}"


@option("--burst=N", "number of packets per burst", type=INT32)
def burst(app: "TestPmd", num: int) -> None:
    if num == 0:
        raise ConfigError(f"PMD does not recommend a burst size. Provided value must be between 1 and {MAX_PKT_BURST}")
    if not 0 < num <= MAX_PKT_BURST:
        raise ConfigError(f"burst must be between1 and {MAX_PKT_BURST}")
    app.config.forward.burst = num


@command(
    "set burst tx delay (microseconds) retry (num)",
    "Set the delay and the number of retries of a burst that the port did not take.",
    "config",
    num=UINT32,
)
def set_burst_tx(app: "TestPmd", microseconds: int, num: int) -> None:
    app.config.forward.burst_tx_delay_us = microseconds
    app.config.forward.burst_tx_retry = num


@command("set verbose (level)", "Set the level of packet dumps: 1 received, 2 sent, 3 both.", "config")
def set_verbose(app: "TestPmd", level: int) -> str:
    before, app.config.forward.verbose = app.config.forward.verbose, level
    app.session.follow_settings()
    return f"Change verbose level from {before} to {level}"


@command("set flush_rx (on|off)", "Set whether start first empties the receive queues.", "config")
def set_flush_rx(app: "TestPmd", mode: str) -> None:
    app.config.forward.flush_rx = mode == "on"


@option("--no-flush-rx", "do not empty the receive queues before forwarding")
def no_flush_rx(app: "TestPmd") -> None:
    app.config.forward.flush_rx = False


@option(
    "--interrupt",
    "have lcores sleep while there are no packets, where ports have receive interrupts",
    value="on",
    ours=True,
)
@command(
    "set interrupt (on|off)",
    "Set whether lcores sleep while there are no packets, from the next start on.",
    "config",
)
def set_interrupt(app: "TestPmd", mode: str) -> None:
    app.config.forward.interrupt = mode == "on"


@command("show fwd interrupt", "Show which lcores sleep, how often, and what woke them.", "display")
def show_fwd_interrupt(app: "TestPmd") -> Answer:
    interrupt, sleeps = app.session.plan.interrupt if app.session.plan else {}, app.session.sleeps()
    return Answer(render_interrupt.counts(interrupt, sleeps), lambda: facts.interrupt(interrupt, sleeps))


@option("--record-core-cycles", "measure the CPU cycles that forwarding takes", value="on")
@command("set record-core-cycles (on|off)", "Set whether CPU cycles per packet are measured.", "config")
def set_record_core_cycles(app: "TestPmd", mode: str) -> None:
    app.config.forward.record_core_cycles = mode == "on"
    app.session.follow_settings()


@option("--record-burst-stats", "count received and sent bursts by size", value="on")
@command("set record-burst-stats (on|off)", "Set whether bursts are counted by size.", "config")
def set_record_burst_stats(app: "TestPmd", mode: str) -> None:
    app.config.forward.record_burst_stats = mode == "on"
    app.session.follow_settings()


@option(
    "--port-topology=TOPOLOGY",
    "how receive ports find their transmit port: paired (default), chained or loop",
    words=("paired", "chained", "loop"),
)
def port_topology(app: "TestPmd", topology: str) -> None:
    known: dict[str, Topology] = {"paired": "paired", "chained": "chained", "loop": "loop"}
    if topology not in known:
        raise ConfigError(f"port-topology {topology} invalid - must be: paired, chained or loop")
    app.config.forward.topology = known[topology]


@command("set eth-peer (port_id) (peer_addr)", "Set the address of the peer of a port.", "config")
def set_eth_peer(app: "TestPmd", port_id: int, peer_addr: str) -> None:
    if port_id not in app.ports:
        raise ConfigError(f"Error: Invalid port number {port_id}")
    try:
        app.config.forward.eth_peers[port_id] = parse_mac(peer_addr)
    except ValueError:
        raise ConfigError(f"Error: Invalid ethernet address: {peer_addr}") from None


@option("--eth-peer=PORT,MAC", "address of the peer of a port, which mac, txonly and csum send to")
def eth_peer(app: "TestPmd", text: str) -> None:
    port, comma, address = text.partition(",")
    if not comma or not port.isdecimal():
        raise ConfigError(f"Invalid eth-peer: {text}")
    if int(port) >= MAX_PORTS:
        raise ConfigError(f"eth-peer: port {int(port)} >= RTE_MAX_ETHPORTS({MAX_PORTS})")
    try:
        app.config.forward.eth_peers[int(port)] = parse_mac(address)
    except ValueError:
        raise ConfigError(f"Invalid ethernet address: {address}") from None


@option("--eth-peers-configfile=FILE", "file with the addresses of the peers, one a line, from port 0 on")
def eth_peers_configfile(app: "TestPmd", path: str) -> None:
    try:
        with open(path, encoding="ascii", errors="replace") as lines:
            addresses = [line.strip() for line, _ in zip(lines, range(MAX_PORTS), strict=False)]
    except OSError as error:
        raise LaunchError("Cannot open logfile", f"Failed to open eth config file\n: {error.strerror}") from None
    for port_id, address in enumerate(addresses):
        try:
            app.config.forward.eth_peers[port_id] = parse_mac(address)
        except ValueError:
            raise LaunchError("Cannot open logfile", f"Bad MAC address format on line {port_id + 1}") from None
