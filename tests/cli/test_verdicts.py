"""The program's own commands give the verdicts that the original gave (DPDK 26.07, captured through a pty)."""

from types import SimpleNamespace

import pytest

from pytestpmd.cli.console import execute
from pytestpmd.cli.registry import discover

NOT_FOUND = ("foo", "SHOW port info 0", "dump_mempool mb_pool_0", "E-tag set insertion on")
BAD_ARGUMENTS = (
    "set",
    "set burst",
    "set fwd hairpin",
    "set fwd ieee1588",
    "set fwd nosuch",
    "set fwd shared-rxq",
    "set fwd tm",
    "set stat_qmap rx 0 0 1",
    "port",
    "port config all foo 1",
    "port config all rxd 70000",
    "show",
    "show config foo",
    "show port",
    "show port info",
    "show port info abc",
    "start foo",
    "help foo",
)


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        *((line, "Command not found") for line in NOT_FOUND),
        *((line, "Bad arguments") for line in BAD_ARGUMENTS),
        ("", ""),
        ("# comment", ""),
    ],
)
def test_the_verdict_is_the_originals(line: str, verdict: str) -> None:
    assert execute(SimpleNamespace(ports=[]), discover(), line) == verdict
