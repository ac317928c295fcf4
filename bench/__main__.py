"""``make bench``: throughput path by path, against dpdk-testpmd where it is installed, then the program on its own."""

import argparse
import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from bench import answers, appliance, engines, interrupt, router
from bench.floor import Floor, floor
from bench.loopback import PATHS, Load, measure

OURS = str(Path(sys.executable).with_name("pytestpmd"))


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="windows for each pair (5)")
    parser.add_argument("--seconds", type=float, default=0.3, help="length of a window (0.3)")
    parser.add_argument("--size", type=int, action="append", help="bytes of a frame (64 and 1518); repeatable")
    parser.add_argument("--queue-size", type=int, default=256, help="entries of a ring (256)")
    parser.add_argument("--path", action="append", choices=[path.name for path in PATHS], help="only this; repeatable")
    parser.add_argument("--program", action="append", default=[], metavar="NAME=PATH", help="another program")
    parser.add_argument("--pair", action="append", metavar="BACKEND/FRONTEND", help="repeatable; all there are")
    parser.add_argument("--patience", type=float, default=3, help="seconds a window may wait for silence (3)")
    parser.add_argument(
        "--part", choices=["pairs", "alone", "interrupt", "router", "engines", "answers"], help="only one of them"
    )
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


def pairs_of(args: argparse.Namespace) -> dict[str, tuple[str, str]]:
    """Back-end and front-end of each pair; the last pair is what the others are set against."""
    known = programs(args.program)
    names = args.pair or [f"{back}/{front}" for back in known for front in known]
    return {name: (known[name.partition("/")[0]], known[name.partition("/")[2]]) for name in names}


def compare(args: argparse.Namespace, load: Load, cpus: Sequence[int], ground: Floor) -> None:
    """The pairs, path by path, and the floor under them."""
    pairs = pairs_of(args)
    names = list(pairs)
    first, base, others = names[0], names[-1], names[:-1]
    print(
        f"{load.frame_size}-byte frames, {load.queue_size}-entry rings. Back-end/front-end, Mpps that come back: median"
        f" [least-most] of {load.rounds} windows of {load.window_s:g} s, in turn (~N: N of them while others ran);"
        f" the floor: what the caches allow without a protocol, and the share of it that {first} reaches"
    )
    show("path", *names, *(f"{name} to {base}" for name in others), "floor", "share of the floor")
    for path in PATHS:
        if path.name not in (args.path or path.name):
            continue
        under = ground.measure(load)
        got = measure(pairs, path, load, cpus)
        ratios = [got[name].over(got[base]) if {name, base} <= got.keys() else "-" for name in others]
        share = f"{got[first].median / under.median:.2f}" if first in got else "-"
        show(path.name, *(got.get(name, "-") for name in names), *ratios, under, share)
    print()


def alone(load: Load, cpus: Sequence[int]) -> None:
    """Ours by itself."""
    first, second = cpus
    usual = appliance.look_at(OURS, first, [second], load)
    full = appliance.look_at(OURS, first, cpus, load)
    print(f"Ours alone: the built-in pair, default mbufs, {load.frame_size}-byte frames")
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


def routing(load: Load, cpus: Sequence[int]) -> None:
    """Engines that route, and the router as a program."""
    print("\nRouting: what one lcore does with packets that come and go at no cost, Mpps")
    for name, series in router.engines(load, cpus).items():
        show(name, series, f"{1000 / series.median:.1f} ns a packet")
    print("The router: its share of a CPU while idle, a packet's way there and back; what it says itself")
    for name, options in (("lcores sleep", ""), ("lcores poll", "--pmd-mgmt=baseline")):
        slept = router.look_at(options, cpus)
        show(name, f"{100 * slept.outside.idle_cpu:.2f} % of a CPU", slept.outside.round_trips)
        show("", json.dumps(slept.inside))


def between_nothing(args: argparse.Namespace, load: Load, cpus: Sequence[int]) -> None:
    """Engines, program by program."""
    known = programs(args.program)
    print(
        f"\nEngines between ports of net_null, Mpps of both together: {load.rounds} windows of {load.window_s:g} s,"
        " in turn"
    )
    show("engine", *known, *(f"ours to {name}" for name in known if name != "ours"))
    for row in engines.ROWS:
        got = engines.measure(known, row, load, cpus)
        show(row.name, *got.values(), *(got["ours"].over(got[name]) for name in got if name != "ours"))


def answering(args: argparse.Namespace, cpus: Sequence[int]) -> None:
    """The console, program by program."""
    known = programs(args.program)
    print("\nHow soon a line is answered: median, 99 % within, most")
    show("", *known)
    for case in answers.CASES:
        got = answers.measure(known, case, cpus)
        show(case.name, *(answers.summary(times) for times in got.values()))
    taken = answers.of_file(known, cpus)
    show(f"a file of {answers.FILE_LINES} lines", *(f"{seconds:.1f} s" for seconds in taken.values()))


def main() -> int:
    """Measure and print."""
    args = arguments()
    cpus = sorted(os.sched_getaffinity(0))[:2]
    if len(cpus) < 2:
        print("bench: two CPUs are needed, one for each end", file=sys.stderr)
        return 1
    loads = [Load(args.rounds, args.seconds, size, args.queue_size, args.patience) for size in args.size or (64, 1518)]
    if args.part in (None, "pairs"):
        with floor(cpus) as ground:
            for load in loads:
                compare(args, load, cpus, ground)
    if args.part in (None, "alone"):
        alone(loads[0], cpus)
    if args.part in (None, "interrupt"):
        sleeping(loads[0], cpus)
    if args.part in (None, "router"):
        routing(loads[0], cpus)
    if args.part in (None, "engines"):
        between_nothing(args, loads[0], cpus)
    if args.part in (None, "answers"):
        answering(args, cpus)
    return 0


if __name__ == "__main__":
    sys.exit(main())
