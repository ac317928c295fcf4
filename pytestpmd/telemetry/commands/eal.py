"""``/eal/params``, ``/eal/lcore/...``: the command line and the lcores."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pytestpmd.errors import ConfigError
from pytestpmd.telemetry.params import number
from pytestpmd.telemetry.registry import Json, telemetry

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd


@telemetry("/eal/params", "EAL's part of the command line, word by word. No parameters")
def eal_params(app: "TestPmd", params: str) -> Json:
    program = Path(sys.argv[0])
    return [program.parent.name if program.name == "__main__.py" else program.name, *app.eal.eal_argv]


@telemetry("/eal/app_params", "The program's own part of the command line, word by word. No parameters")
def app_params(app: "TestPmd", params: str) -> Json:
    return list(app.eal.app_argv)


@telemetry("/eal/lcore/list", "Ids of the lcores. No parameters")
def lcore_list(app: "TestPmd", params: str) -> Json:
    return [lcore.lcore_id for lcore in app.eal.lcores]


@telemetry("/eal/lcore/info", "An lcore's CPUs, and its cycles where they are recorded. Parameters: int lcore_id")
def lcore_info(app: "TestPmd", params: str) -> Json:
    lcore_id, rest = number(params)
    found = next((lcore for lcore in app.eal.lcores if lcore.lcore_id == lcore_id), None)
    if found is None or rest:
        raise ConfigError(f"no lcore: {params}")
    info: dict[str, Json] = {"lcore_id": lcore_id, "socket": 0, "role": "RTE", "cpuset": sorted(found.cpus)}
    cycles = _recorded(app).get(lcore_id)
    if cycles:
        busy, total = cycles
        info |= {"total_cycles": total, "busy_cycles": busy, "usage_ratio": _ratio(busy, total)}
    return info


@telemetry("/eal/lcore/usage", "Cycles of every lcore, where they are recorded. No parameters")
def lcore_usage(app: "TestPmd", params: str) -> Json:
    cycles = _recorded(app)
    return {
        "lcore_ids": list(cycles),
        "total_cycles": [total for _, total in cycles.values()],
        "busy_cycles": [busy for busy, _ in cycles.values()],
        "usage_ratio": [_ratio(busy, total) for busy, total in cycles.values()],
    }


def _recorded(app: "TestPmd") -> dict[int, tuple[int, int]]:
    """Busy cycles and all, by lcore; nothing unless ``--record-core-cycles`` has them counted."""
    return app.session.cycles() if app.config.forward.record_core_cycles else {}


def _ratio(busy: int, total: int) -> str:
    return f"{100 * busy / total if total else 0:.2f}%"
