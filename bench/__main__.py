"""``make bench``: throughput path by path, against dpdk-testpmd where it is installed, then the program on its own."""

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from bench import appliance, interrupt
from bench.loopback import PATHS, Load, measure

OURS = str(Path(sys.executable).with_name("pytestpmd"))


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="windows for each pair (9)")
    parser.add_argument("--seconds", type=float, default=0.4, help="length of a window (0.4)")
    parser.add_argument("--size", type=int, default=64, help="bytes of a frame (64)")
    parser.add_argument("--queue-size", type=int, default=256, help="entries of a ring (256)")
    parser.add_argument("--path", action="append", choices=[path.name for path in PATHS], help="only this; repeatable")
    parser.add_argument("--program", action="append", default=[], metavar="NAME=PATH", help="another program")
    parser.add_argument("--pair", action="append", metavar="BACKEND/FRONTEND", help="ours/ours, dpdk/dpdk; repeatable")
    parser.add_argument("--patience", type=float, default=3, help="seconds a window may wait for silence (3)")
    parser.add_argument("--part", choices=["pairs", "alone", "interrupt"], help="only one of the three")
    return parser.parse_args()


def programs(more: Sequence[str]) -> dict[str, str]:
    """The programs that can be measured, by name."""
    known = {"ours": OURS}
    if dpdk := shutil.which("dpdk-testpmd"):
        known["dpdk"] = dpdk
    else:
        print("dpdk-testpmd is not installed (make peers): only ours is measured.")
    return known | dict(word.split("=", 1) for word in more)


def show(name: str, *cells: object) -> None:
    """One row."""
    print(f"{name:24}" + "".join(f"  {cell!s:26}" for cell in cells).rstrip(), flush=True)


def compare(args: argparse.Namespace, load: Load, cpus: Sequence[int]) -> None:
    """The pairs, path by path; the last pair is what the others are set against."""
    known = programs(args.program)
    names = args.pair or [f"{name}/{name}" for name in known]
    pairs = {name: (known[name.partition("/")[0]], known[name.partition("/")[2]]) for name in names}
    base = names[-1]
    print(
        f"Back-end/front-end, Mpps that come back: median [least-most] of {load.rounds} windows of {load.window_s:g} s,"
        f" in turn (~N: N of them while others ran); {load.frame_size}-byte frames, {load.queue_size}-entry rings"
    )
    show("path", *names, *(f"{name} to {base}" for name in names[:-1]))
    for path in PATHS:
        if path.name not in (args.path or path.name):
            continue
        got = measure(pairs, path, load, cpus)
        ratios = [got[name].over(got[base]) for name in names[:-1] if name in got and base in got]
        show(path.name, *(got.get(name, "-") for name in names), *ratios)


def alone(load: Load, cpus: Sequence[int]) -> None:
    """Ours by itself."""
    first, second = cpus
    usual = appliance.look_at(OURS, first, [second], load)
    full = appliance.look_at(OURS, first, cpus, load)
    print(f"\nOurs alone: the built-in pair, default mbufs, {load.frame_size}-byte frames")
    show("one lcore forwards", f"{usual.forwards_mpps} Mpps, both ports together")
    show("VmRSS while it does", f"{usual.rss_mb:.0f} MB")
    show(appliance.QUESTION, f"{usual.answers}, console on a CPU of its own")
    show("", f"{full.answers}, every CPU forwards, the console's too")
    show("launch to prompt", f"{appliance.startup_s(OURS)} s, no terminal to ask")
    show("", f"{appliance.startup_s(OURS, term='xterm')} s, a terminal that does not answer")


def sleeping(load: Load, cpus: Sequence[int]) -> None:
    """Interrupt mode against polling."""
    print(
        "\nOurs in interrupt mode: the program's share of a CPU while idle, a packet's way there and back, under load"
    )
    for name, options in (("lcores sleep", "--interrupt"), ("lcores poll", "")):
        mode = interrupt.look_at(OURS, options, cpus)
        show(name, f"{100 * mode.idle_cpu:.2f} % of a CPU", mode.round_trips)
    show("throughput", f"{interrupt.under_load(OURS, load, cpus)} of polling")


def main() -> int:
    """Measure and print."""
    args = arguments()
    cpus = sorted(os.sched_getaffinity(0))[:2]
    if len(cpus) < 2:
        print("bench: two CPUs are needed, one for each end", file=sys.stderr)
        return 1
    load = Load(args.rounds, args.seconds, args.size, args.queue_size, args.patience)
    if args.part in (None, "pairs"):
        compare(args, load, cpus)
    if args.part in (None, "alone"):
        alone(load, cpus)
    if args.part in (None, "interrupt"):
        sleeping(load, cpus)
    return 0


if __name__ == "__main__":
    sys.exit(main())
