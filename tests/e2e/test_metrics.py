"""The endpoint of the real program."""

import re
import urllib.request

import pytest
from e2e.program import run, spawn

pytest.importorskip("prometheus_client", reason="pip install pytestpmd[metrics]")

PROMPT = "testpmd> "
RECEIVED = re.compile(r'^pytestpmd_port_packets_total{direction="rx".*port="0"} (.+)$', re.MULTILINE)


def test_prometheus_finds_what_the_console_shows() -> None:
    child = spawn("-i", "--metrics-port=0")
    child.expect(r"Metrics at (http://127\.0\.0\.1:\d+/metrics)\r\n")
    assert isinstance(child.match, re.Match)
    address = child.match[1]
    child.expect_exact(PROMPT)
    for line in ("start", "stop", "show port stats 0"):
        child.sendline(line)
        child.expect_exact(PROMPT)
    shown = re.search(r"RX-packets: (\d+)", str(child.before))
    with urllib.request.urlopen(address, timeout=20) as page:
        told = RECEIVED.search(page.read().decode())
    assert shown
    assert told
    assert float(told[1]) == int(shown[1]) > 0
    child.sendline("quit")
    assert child.wait() == 0


@pytest.mark.parametrize("port", ["-1", "65536", "x", "", "80.5"])
def test_a_port_that_is_none_ends_the_program_with_a_line(port: str) -> None:
    ended = run("-i", f"--metrics-port={port}", typed="quit\n")
    assert ended.status == 1
    assert f"metrics-port {port} invalid - must be >= 0 && <= 65535" in ended.err
