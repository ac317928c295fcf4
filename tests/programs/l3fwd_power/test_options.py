"""What the command line asks for: each wrong word is one line, and ends the program."""

from pathlib import Path

import pytest

from pytestpmd.log import REGISTRY
from pytestpmd.programs.l3fwd_power.main import main, registry
from pytestpmd.programs.l3fwd_power.options import REFUSED

PORTS = ("--no-pci", "--vdev=net_null0", "--vdev=net_null1", "--log-level=critical")


@pytest.fixture(autouse=True)
def same_level_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program runs within the tests' process, whose log is as it was when it ends."""
    monkeypatch.setattr(REGISTRY, "global_level", REGISTRY.global_level)


def outcome(capsys: pytest.CaptureFixture[str], line: str, lcores: str = "-l 0") -> tuple[int, list[str]]:
    """The exit status, and what is printed on standard error without EAL's verdict."""
    status = main([*lcores.split(), *PORTS, "--", *line.split()])
    lines = capsys.readouterr().err.splitlines()
    return status, [one for one in lines if one != "EAL: Error - exiting with code: 1"]


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--", "--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Usage: pytestpmd-l3fwd-power [EAL options] -- [options]\n")
    for option in registry().options.values():
        assert f"--{option.name}" in out
    assert "--portmask=MASK, -p" in out
    assert "--promiscuous, -P" in out
    assert main(["--help"]) == 0
    assert "usage: pytestpmd-l3fwd-power <EAL options>" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("-p 0 --config=(0,0,0)", "invalid portmask"),
        ("-p x --config=(0,0,0)", "invalid portmask"),
        ("--config=(0,0,0)", "port 0 is not enabled in port mask"),
        ("", "no port is enabled: -p PORTMASK names those that are to be used"),
        ("-p 1 --config=0,0,0", "invalid config: 0,0,0 is not (port,queue,lcore)[,(port,queue,lcore)]"),
        ("-p 1 --config=(0,0)", "invalid config: (0,0) is not (port,queue,lcore)[,(port,queue,lcore)]"),
        ("-p 1 --config=", "invalid config:  is not (port,queue,lcore)[,(port,queue,lcore)]"),
        ("-p 1 --config=(0,0,1)", "error: lcore 1 is not enabled in lcore mask"),
        ("-p 1 --config=(0,128,0)", "invalid queue number: 128"),
        ("-p 1 --config=(1,0,0)", "port 1 is not enabled in port mask"),
        ("-p 4 --config=(2,0,0)", "port 2 is not present on the board"),
        ("-p ffffffffff --config=(33,0,0)", "port 33 is not enabled in port mask"),
        ("-p 1 --config=(0,0,0),(0,0,0)", "port 0 queue 0 is given to lcore 0 twice"),
        ("-p 1 --config=(0,0,0),(0,2,0)", "port 0 has a queue 2 in --config, but no queue 1"),
        (f"-p 1 --config={','.join(f'(0,{i},0)' for i in range(17))}", "error: too many queues (17) for lcore: 0"),
        ("-p 1 --max-pkt-len=63", "Invalid max packet length: 63: it is 64 to 9600"),
        ("-p 1 --max-pkt-len=9601", "Invalid max packet length: 9601: it is 64 to 9600"),
        ("-p 1 --max-pkt-len=x", "--max-pkt-len: x is not a number"),
        ("-p 1 --lookup=acl", "Invalid lookup option: acl: it is lpm or em"),
        ("-p 1 --no-route=no", "--no-route: no is neither back nor drop"),
        ("-p 1 --eth-dest=1", "Invalid eth-dest: 1 is not PORT,MAC"),
        ("-p 1 --eth-dest=32,02:00:00:00:00:01", "eth-dest: port 32 >= RTE_MAX_ETHPORTS(32)"),
        ("-p 1 --stats-period=0", "Invalid stats-period value"),
        ("-p 1 --pmd-mgmt=monitor", "Invalid PMD power management mode: monitor: only baseline is there"),
        ("-p 1 --pmd-mgmt=baseline --interrupt-only", "interrupt-only mode is mutually exclusive with other modes"),
        ("-p 1 --interrupt-only --pmd-mgmt=baseline", "power mgmt mode is mutually exclusive with other modes"),
        (
            "-p 1 --interrupt-only --config=(0,0,0)",
            "RX interrupt won't enable: lcore 0 would have to poll: port 0 (net_null) has no receive interrupts",
        ),
        ("-p 1 --rule_ipv4=/nowhere", "Cannot open /nowhere: No such file or directory"),
        ("-p 1 --legacy", f"--legacy cannot be had: {REFUSED['--legacy']}"),
        ("-p 1 -u", f"-u cannot be had: {REFUSED['-u']}"),
        ("-p 1 --scale-freq-min=5", f"--scale-freq-min cannot be had: {REFUSED['-u']}"),
        ("-p 1 --high-perf-cores=1", f"--high-perf-cores cannot be had: {REFUSED['--perf-config']}"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(capsys: pytest.CaptureFixture[str], line: str, cause: str) -> None:
    assert outcome(capsys, line) == (1, [cause])


def test_a_queue_has_one_lcore(capsys: pytest.CaptureFixture[str]) -> None:
    line = "-p 1 --config=(0,0,0),(0,0,1)"
    assert outcome(capsys, line, "--lcores 0@0,1@0") == (1, ["port 0 queue 0 is given to lcore 0 and to lcore 1"])


def test_no_option_of_the_originals_that_is_refused_is_one_of_ours() -> None:
    known = registry().options
    assert not {name.removeprefix("--") for name in REFUSED} & set(known)
    assert not {name for name in REFUSED if len(name) == 2} & {f"-{one.short}" for one in known.values()}


def test_an_unknown_option_is_refused_in_getopts_words(capsys: pytest.CaptureFixture[str]) -> None:
    status, lines = outcome(capsys, "-p 1 --foo")
    assert status == 1
    assert lines[0] == "pytestpmd-l3fwd-power: unrecognized option '--foo'"


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("10.0.0.0/8 1\n", "Line 1: should start with leading char R"),
        ("\n# R\n R10.0.0.0/8 1\n", "Line 3: should start with leading char R"),
        ("R10.0.0.0/8\n", "Line 1: parse rules error: 1 words, not 2"),
        ("R10.0.0.0/8 1 2\n", "Line 1: parse rules error: 3 words, not 2"),
        ("R10.0.0.0 1\n", "Line 1: parse rules error: 10.0.0.0 is not an address/length"),
        ("R10.0.0.0/33 1\n", "Line 1: parse rules error: '33' is not a valid netmask"),
        ("R10.0.0/8 1\n", "Line 1: parse rules error: Expected 4 octets in '10.0.0'"),
        ("R10.0.0.0/8 x\n", "Line 1: parse rules error: x is not a number"),
        ("R10.0.0.0/8 32\n", "Line 1: parse rules error: 32 is not between 0 and 31"),
        ("R10.0.0.0/8 1\nR10.1.2.3/8 0\n", "Line 2: there is a rule for the same above"),
        ("R\xff\n", "Line 1: parse rules error: 1 words, not 2"),
        ("# nothing\n", "no rules"),
        ("", "no rules"),
    ],
)
def test_a_file_that_is_no_rules_is_refused_with_the_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, cause: str
) -> None:
    path = tmp_path / "rules"
    path.write_text(text, encoding="latin-1")
    where = f"{path}: {cause}" if cause == "no rules" else f"{path} {cause}"
    assert outcome(capsys, f"-p 1 --rule_ipv4={path}") == (1, [where])


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("R10.0.0.1 10.0.0.2 1 2 17\n", "parse rules error: 5 words, not 6"),
        ("R10.0.0.1 10.0.0.2 1 2 256 0\n", "parse rules error: 256 is not between 0 and 255"),
        ("R10.0.0.1 10.0.0.2 65536 2 17 0\n", "parse rules error: 65536 is not between 0 and 65535"),
        ("R10.0.0.1 ::2 1 2 17 0\n", "parse rules error: Expected 4 octets in '::2'"),
        ("R10.0.0.1 10.0.0.2 1 2 0x11 0\nR10.0.0.1 10.0.0.2 1 2 17 1\n", "there is a rule for the same above"),
    ],
)
def test_a_file_of_flows_too(capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, cause: str) -> None:
    path = tmp_path / "rules"
    path.write_text(text)
    line = f"-p 1 --lookup=em --rule_ipv4={path}"
    assert outcome(capsys, line) == (1, [f"{path} Line {text.count('R')}: {cause}"])
