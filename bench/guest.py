"""``make bench-guest``: ours against dpdk-testpmd in one guest, on NICs that QEMU emulates.

Each program has two NICs of its own that a hub of QEMU's joins, so that the frames which ``start tx_first`` sends go
round for as long as it forwards. Both are up all the time, and one at a time forwards: in turn, window after window, so
that whatever else the machine does meets both. A guest without hardware support is slow, so only the ratio means
anything.
"""

import argparse
import re
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from guest.machine import Machine, Nic
from guest.program import GuestProgram
from guest.wires import Wire

RECEIVED = re.compile(r"RX-packets: (\d+)")
#: By name: what the NICs are told.
FORMS = {
    "split mergeable": "disable-legacy=on",
    "packed mergeable": "disable-legacy=on,packed=on",
    "split": "disable-legacy=on,mrg_rxbuf=off",
    "legacy mergeable": "disable-modern=on",
}
#: Forwarding goes on for so long before a window begins; in seconds.
WARM_S = 0.3
SLOTS = (3, 4, 5, 6)
LCORES = "--lcores '0@0,1@1'"


@dataclass(frozen=True)
class Hub(Wire):
    """What is sent into one of its ports comes out of the others."""

    number: int

    def arguments(self, name: str) -> Sequence[str]:
        return ["-netdev", f"hubport,id={name},hubid={self.number}"]


@dataclass
class Side:
    """A program, and what it forwarded in each window, in packets per second."""

    program: GuestProgram
    rates: list[float] = field(default_factory=list)

    def window(self, bursts: int, seconds: float) -> None:
        """Forward for a while."""
        self.program.run(f"start tx_first {bursts}")
        time.sleep(WARM_S)
        begun, before = self._count()
        time.sleep(seconds)
        ended, after = self._count()
        self.program.run("stop")
        self.rates.append((after - before) / (ended - begun))

    def _count(self) -> tuple[float, int]:
        asked = time.monotonic()
        text = self.program.run("show port stats all")
        return (asked + time.monotonic()) / 2, sum(map(int, RECEIVED.findall(text)))

    @property
    def typical(self) -> float:
        return statistics.median(self.rates)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bench.guest", description=__doc__)
    parser.add_argument("--form", action="append", choices=FORMS, help="only this; repeatable")
    parser.add_argument("--rounds", type=int, default=7, help="windows of each program (7)")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a window (2)")
    parser.add_argument("--bursts", type=int, default=4, help="bursts of 32 frames that go round from each port (4)")
    return parser.parse_args()


def measure(form: str, args: argparse.Namespace) -> tuple[Side, Side]:
    """Ours and DPDK's in one guest."""
    nics = [Nic(slot, Hub(number // 2), FORMS[form]) for number, slot in enumerate(SLOTS)]
    with Machine(*nics, hugepages=300) as machine:
        machine.modprobe("uio_pci_generic")
        machine.bind_all([nic.address for nic in nics], "uio_pci_generic")
        ours, theirs = (" ".join(f"-a {nic.address}" for nic in pair) for pair in (nics[:2], nics[2:]))
        app = "-- -i --total-num-mbufs=4096"
        with (
            machine.pytestpmd(f"{LCORES} {ours} {app}") as our_program,
            machine.dpdk_testpmd(f"{LCORES} {theirs} -m 128 --file-prefix=other {app}") as their_program,
        ):
            sides = Side(our_program), Side(their_program)
            for side in sides:
                side.program.ready()
            for number in range(args.rounds):
                for side in sides if number % 2 else sides[::-1]:
                    side.window(args.bursts, args.seconds)
    return sides


def main() -> None:
    """One row for each form."""
    args = arguments()
    print(f"{'thousand packets/s':24}{'ours':>10}{'dpdk':>10}{'ours/dpdk':>12}  (in each window)")
    for form in args.form or FORMS:
        ours, dpdk = measure(form, args)
        ratios = [one / other for one, other in zip(ours.rates, dpdk.rates, strict=True)]
        shown = " ".join(f"{ratio:.2f}" for ratio in ratios)
        ratio = statistics.median(ratios)
        print(f"{form:24}{ours.typical / 1e3:10.1f}{dpdk.typical / 1e3:10.1f}{ratio:12.2f}  ({shown})", flush=True)


if __name__ == "__main__":
    main()
