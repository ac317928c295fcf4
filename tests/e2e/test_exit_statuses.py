"""Every start that fails says why, in one line that stands last or before the original's own verdict, and ends with the
original's exit status; no traceback, and nothing left behind. In this process: it is quick."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.program import CPUS, FEW_MBUFS, with_prefix

from pytestpmd.cli.main import main
from pytestpmd.eal.memory import limit_bus_memory

LCORES = f"--lcores=0@{CPUS[0]},1@{CPUS[-1]}"
NULL = "--vdev=net_null0"

#: EAL's part, the program's, the exit status, and a line that says what was wrong.
FAILING = [
    ("--foo", "", 234, "ARGPARSE: unknown argument --foo!"),
    ("--vdev", "", 234, "ARGPARSE: argument --vdev doesn't have value!"),
    ("-n 4 -n 4", "", 234, "ARGPARSE: argument -n should not occur multiple times!"),
    ("--no-pci=1 --no-huge", "", 234, "ARGPARSE: argument --no-pci should not take value!"),
    ("-m 1 --socket-mem=1", "", 1, "EAL: Options 'memory-size' and 'numa-mem' can't be used at the same time"),
    ("-n 0", "", 1, "EAL: invalid memory channel parameter"),
    ("--log-level=loud", "", 1, "EAL: Invalid log level: loud"),
    ("--log-color=red", "", 1, "EAL: invalid log-color parameter"),
    ("--syslog=foo", "", 1, "EAL: invalid syslog parameter"),
    ("--iova-mode=x", "", 1, "EAL: invalid iova mode parameter 'x'"),
    ("--main-lcore=9", "", 1, "EAL: Error: Main lcore is not enabled for DPDK"),
    ("--file-prefix=a/b", "", 1, "EAL: Invalid file prefix parameter"),
    ("--proc-type=secondary", "", 1, "EAL: Cannot init config"),
    ("-S 1 --vdev=net_null0", "", 1, "No cores defined for forwarding"),
    ("--vdev=net_foo0", "", 1, 'EAL: failed to parse device "net_foo0"'),
    (f"{NULL} --mbuf-pool-ops-name=foo", "-i", 1, "MBUF: error setting mempool handler"),
    (f"{NULL} --numa-limit=1", "-i", 1, "Creation of mbuf pool for socket 0 failed: Cannot allocate memory"),
    (NULL, "--foo", 1, "pytestpmd: unrecognized option '--foo'"),
    (NULL, "--rx", 1, "Invalid option: --rx"),
    (NULL, "-i foo", 1, "Invalid parameter: foo"),
    (NULL, "-i --burst", 1, "pytestpmd: option '--burst' requires an argument"),
    (NULL, "--burst=513", 1, "burst must be between1 and 512"),
    (NULL, "--burst=x", 1, "--burst: x is not a number"),
    (NULL, "--nb-cores=9", 1, "nb-cores should be > 0 and <= 1"),
    (NULL, "--nb-ports=5", 1, "Invalid port 5"),
    (NULL, "--coremask=0x1", 1, "coremask is not valid"),
    (NULL, "--portmask=zz", 1, "Invalid fwd port mask"),
    (NULL, "--rxq=0 --txq=0", 1, "Either rx or tx queues should be non-zero"),
    (NULL, "--rxfreet=64 --rxd=32", 1, "rxd must be > rx_free_thresh(64)"),
    (NULL, "--mbuf-size=a", 1, "character a is not a decimal digit"),
    (NULL, "--txpkts=a", 1, "bad txpkts"),
    (NULL, "--hairpinq=1", 1, "Fail: input hairpin (1) can't be greater than max_hairpin_queues (0) of port 0"),
    (NULL, "--hairpin-map=1", 1, "invalid hairpin map"),
    (NULL, "--disable-rss --enable-rss", 1, "Invalid option combination, disable-rss and enable-rss"),
    (NULL, "--num-procs=2 --proc-id=2", 1, "The multi-process option 'proc-id(2)' should be less than 'num-procs(2)'"),
    (NULL, "--eth-peers-configfile=/nonexistent", 1, "Cannot open logfile"),
    (NULL, "-i --tx-first", 1, "--tx-first cannot be used on interactive mode."),
    (NULL, "--rx-offloads=0x1", 1, "Start ports failed"),
    (NULL, "--flow-isolate-all", 1, "Failed to apply isolated mode on port 0"),
    (NULL, "--rxpkts=64,64", 1, "ETHDEV: No Rx segmentation offload configured"),
    ("--vdev=net_null0,foo=1", "--rxq=1 --nb-ports=1", 1, "Invalid port 1"),
]


@pytest.fixture(autouse=True)
def unchanged() -> Iterator[None]:
    """A program leaves the signals as it found them, and what it set for the process is undone."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    yield
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    limit_bus_memory(None)


@pytest.mark.parametrize(("eal", "own", "status", "line"), FAILING, ids=[f"{row[0]} -- {row[1]}" for row in FAILING])
def test_a_start_that_fails_says_why_and_how(
    eal: str, own: str, status: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    application = ["--", FEW_MBUFS, *own.split()] if own else []
    assert main([LCORES, *with_prefix(eal.split()), *application]) == status
    out, err = capsys.readouterr()
    assert line in (out + err).splitlines()
    assert "Traceback" not in out + err
    assert ("EAL: Error - exiting with code: 1" in err.splitlines()) is (status == 1)


def test_nothing_is_left_of_a_start_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_leaks: None, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    assert main([LCORES, "--no-pci", NULL, "--", FEW_MBUFS, "--burst=513"]) == 1
    assert list((tmp_path / "dpdk").iterdir()) == []
    capsys.readouterr()


@pytest.mark.parametrize(("words", "begin"), [("--version", "pytestpmd "), ("-v", "pytestpmd "), ("-h", "usage: ")])
def test_who_only_asks_gets_an_answer_and_0(words: str, begin: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words.split()) == 0
    assert capsys.readouterr().out.startswith(begin)
