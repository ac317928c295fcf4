"""DPDK's own client, and DPDK's own answers."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from e2e.program import own_prefix
from fakes.telemetry import Client, LegacyClient
from peers.programs import DPDK_RUNTIME, OUR_CPU, PEER_CPU, Program, Pytestpmd, lcores

from pytestpmd.eal.runtime import runtime_dir

pytestmark = pytest.mark.peer("dpdk-testpmd")

PORTS = ("net_null0", "net_null1")
PEER_PREFIX = "h-telemetry-peer"
#: What telegraf's and collectd's inputs, and DPDK's own exporter, ask a program by default.
ASKED = (
    *("/info", "/ethdev/list", "/ethdev/stats,0", "/ethdev/xstats,0", "/ethdev/link_status,0"),
    *("/ethdev/info,0", "/eal/memzone_info,1"),
    *(
        "/eal/params",
        "/eal/app_params",
        "/eal/heap_list",
        "/eal/heap_info,0",
        "/eal/memzone_list",
        "/eal/memzone_info,1",
    ),
    *("/mempool/list", "/mempool/info,mb_pool_0", "/mempool/info,nope", "/mempool/info", "/ethdev/stats"),
    *("/ethdev/stats,7", "/ethdev/module_eeprom,0", "/ethdev/dump_priv,0", "/rawdev/list", "/cryptodev/list"),
    *("/dmadev/list", "/eventdev/dev_list", "/nope", "/help,/nope"),
)
#: Keys that DPDK 22.11 spells in another way than 26.07, which ours follows.
LATER = {"Head_id": "Heap_id"}
#: What came with later versions.
NEW = {"total_cache_count", "common_pool_count"}


@pytest.fixture(scope="module")
def ours() -> Iterator[tuple[Program, Path]]:
    prefix = own_prefix()
    with Pytestpmd(*PORTS, eal=f"{lcores(OUR_CPU)} {prefix}").ready() as program:
        yield program, runtime_dir(prefix.partition("=")[2])


@pytest.fixture(scope="module")
def theirs() -> Iterator[Path]:
    devices = [f"--vdev={port}" for port in PORTS]
    eal = [lcores(PEER_CPU), "--no-huge", "-m", "256", "--no-pci", f"--file-prefix={PEER_PREFIX}", *devices]
    with Program(
        ["env", "-u", "RUNTIME_DIRECTORY", "dpdk-testpmd", *eal, "--", "-i", "--total-num-mbufs=4096"]
    ) as peer:
        peer.expect("testpmd> ")
        yield DPDK_RUNTIME / PEER_PREFIX
    shutil.rmtree(DPDK_RUNTIME / PEER_PREFIX, ignore_errors=True)


def shape(value: Any) -> Any:
    """What a client relies on: keys, and whether a value is a list, text or a number; no more of lists."""
    if isinstance(value, dict):
        return {LATER.get(key, key): shape(entry) for key, entry in value.items()}
    return type(value).__name__


@pytest.mark.parametrize("request_", ASKED)
def test_an_answer_has_the_keys_of_the_originals(request_: str, ours: tuple[Program, Path], theirs: Path) -> None:
    with Client(ours[1] / "dpdk_telemetry.v2") as us, Client(theirs / "dpdk_telemetry.v2") as them:
        answer, original = shape(us.ask(request_)), shape(them.ask(request_))
    if isinstance(original, dict):
        # 26.07 gives offloads as names and flags in hexadecimal
        changed = {"dev_flags": "str", "rx_offloads": "list", "tx_offloads": "list", "ethdev_rss_hf": "str"}
        original = {key: changed.get(key, kind) for key, kind in original.items()}
        answer = {key: kind for key, kind in answer.items() if key not in NEW}
    assert answer == original


def test_every_command_of_the_originals_libraries_is_there(ours: tuple[Program, Path], theirs: Path) -> None:
    with Client(ours[1] / "dpdk_telemetry.v2") as us, Client(theirs / "dpdk_telemetry.v2") as them:
        known, original = us.ask("/"), them.ask("/")
    missing = {name for name in original if name not in known and re.match(r"/(eal|ethdev|mempool|help|info|$)", name)}
    assert not missing
    assert known == sorted(known)


def test_the_older_protocol_answers_as_the_originals(ours: tuple[Program, Path], theirs: Path, tmp_path: Path) -> None:
    asked: list[tuple[str, Any]] = [
        ("ports_all_stat_values", None),
        ("global_stat_values", None),
        ("ports_stats_values_by_name", {"ports": ["0"], "stats": ["x"]}),
        ("nope", None),
    ]
    with (
        LegacyClient(ours[1] / "telemetry", tmp_path / "a") as us,
        LegacyClient(theirs / "telemetry", tmp_path / "b") as it,
    ):
        for command, data in asked:
            answer, original = us.ask(command, data), it.ask(command, data)
            assert answer["status_code"] == original["status_code"], command
            for port, other in zip(answer["data"] or [], original["data"] or [], strict=True):
                assert port["port"] == other["port"]
                assert [stat["name"] for stat in port["stats"]] == [stat["name"] for stat in other["stats"]]


@pytest.mark.peer("dpdk-telemetry.py")
def test_dpdks_own_client_lists_us_and_asks_us(ours: tuple[Program, Path]) -> None:
    program, directory = ours

    def ask(*words: str, typed: str = "") -> str:
        done = subprocess.run(
            ["dpdk-telemetry.py", *words], input=typed, capture_output=True, text=True, timeout=20, check=True
        )
        return done.stdout

    assert f"{directory.name}\n- dpdk_telemetry.v2  # Connect with" in ask("-l")
    program.run("start")
    program.run("stop")
    said = ask(
        "-f", directory.name, typed="/ethdev/list\n/ethdev/stats,0\n/ethdev/xstats,1\n/help,/info\n/nope\nquit\n"
    )
    answers = [json.loads(line) for line in said.splitlines()]
    names = ["/ethdev/list", "/ethdev/stats", "/ethdev/xstats", "/help", "/nope"]
    assert [next(iter(answer)) for answer in answers if "version" not in answer] == names
    stats = program.stats()
    (told,) = (answer["/ethdev/stats"] for answer in answers if "/ethdev/stats" in answer)
    assert (told["ipackets"], told["opackets"]) == (stats["RX-packets"], stats["TX-packets"])
    assert told["ipackets"] > 0
