"""The page pytestpmd-l3fwd-power(1)."""

from pytestpmd.cli import roff
from pytestpmd.cli.man import own_options
from pytestpmd.programs.l3fwd_power import rules
from pytestpmd.programs.l3fwd_power.main import registry
from pytestpmd.programs.l3fwd_power.options import PROGRAM, REFUSED

NAME = PROGRAM.name

DESCRIPTION = """\
pytestpmd-l3fwd-power routes IPv4 and IPv6 between ports. Each lcore polls the receive queues that --config gives it,
and sends to every port on a queue of its own (lcores share queues, under a lock, where a port has fewer). Once all of
its queues have been empty for some time it enables their interrupts and sleeps until one of them wakes it. It takes
the command line of DPDK's example l3fwd-power, in whose interrupt-only mode it is.

Packets are routed by the longest prefix of their destination, or with --lookup=em by exact match of destination,
source, protocol and, for TCP and UDP, ports; of fragments the ports count as 0. A packet that goes on has its time to
live decremented and its checksum adjusted, and leaves from the address of its port to 02:00:00:00:00:NN, NN being the
port, or to the address given by --eth-dest. What has no route goes back to the port it came from, as in the original,
or is dropped (--no-route=drop). Whatever is neither IPv4 nor IPv6, whose header is wrong or cut short (RFC 1812,
5.2.2), or whose time to live ends is dropped and counted. Nobody is told by ICMP, and no address is resolved.

An lcore with a queue that has no interrupt polls; with --interrupt-only the program refuses to begin then.
"""

RULES = """\
A file of rules replaces the built-in ones of its family. Empty lines and lines that begin with # are skipped; the
others begin with R. For the longest prefix: R10.0.0.0/8 1, a network and the port to leave by. For the exact match:
R10.0.0.2 10.0.0.1 53 9 0x11 1, which is destination, source, their ports, the protocol, and the port to leave by.
Rules for ports that are not enabled are left out.
"""

REPORT = """\
At the end, and every --stats-period seconds, it prints for each lcore what was received, sent and dropped, and why;
what its thread had of a CPU; how often it slept, how much of the time, and what woke it; and how long waking takes.

That is measured by probes: twice a second each lcore that sleeps is woken by an eventfd among those that it waits
for, as a packet's interrupt would wake it. The time is from just before the write to that eventfd to the end of the
wait, by one monotonic clock, in bins of an eighth. How long a device takes to raise its interrupt is not in it.
"""

EXIT_STATUS = "0 after SIGINT, SIGTERM or SIGHUP; above 0 when the program could not begin."


def page() -> str:
    """Its text."""
    return roff.page(
        NAME,
        1,
        "a router that sleeps when there is nothing to do, in the role of DPDK's l3fwd-power",
        [
            roff.section("SYNOPSIS", [rf".B {roff.text(NAME)}", r"[\fIEAL options\fR] \fB\-\-\fR [\fIoptions\fR]"]),
            roff.section("DESCRIPTION", roff.paragraphs(DESCRIPTION)),
            roff.section("EAL OPTIONS", roff.paragraphs("Those of pytestpmd(1), and the devices are the same.")),
            own_options(registry()),
            roff.section("RULES", [*roff.paragraphs(RULES), *roff.items(_built_in())]),
            roff.section("REPORT", roff.paragraphs(REPORT)),
            roff.section("NOT THERE", roff.items(_refused())),
            roff.section("EXAMPLE", [*roff.paragraphs("One port, one queue, polled by lcore 1:"), *_example()]),
            roff.section("EXIT STATUS", roff.paragraphs(EXIT_STATUS)),
            roff.section("SEE ALSO", [".BR pytestpmd (1)"]),
        ],
    )


def _refused() -> list[tuple[str, str]]:
    """Options of the original that cannot be had, by the reason."""
    reasons = dict.fromkeys(REFUSED.values())
    return [(", ".join(name for name in REFUSED if REFUSED[name] == why), f"{why}.") for why in reasons]


def _built_in() -> list[tuple[str, str]]:
    """The rules without files."""
    routes = [str(route) for version in (4, 6) for route in rules.default_routes(version)]
    flows = [str(flow) for version in (4, 6) for flow in rules.default_flows(version)]
    return [("Built in for lpm", "; ".join(routes)), ("Built in for em", "; ".join(flows))]


def _example() -> list[str]:
    line = f'{NAME} -l 0-1 -- -p 1 -P --config="(0,0,1)" --no-numa --parse-ptype'
    return [".nf", roff.text(line), ".fi"]
