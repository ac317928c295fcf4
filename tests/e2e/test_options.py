"""Launch options at the real program: what is wrong is said in the original's words, and the program ends with 1."""

import re
from pathlib import Path

import pytest
from e2e.program import Ended, run
from transcripts import masked, transcript

EXITING = "EAL: Error - exiting with code: 1"
CLOSED = "Port 0 is closed\nPort 1 is closed\n"

#: Options, the lines on standard error before the verdict, and the verdict.
REFUSED = [
    (["--nb-cores=0"], [], "nb-cores should be > 0 and <= 1"),
    (["--nb-cores=9"], [], "nb-cores should be > 0 and <= 1"),
    (["--nb-ports=5"], [], "Invalid port 5"),
    (["--burst=513"], [], "burst must be between1 and 512"),
    (["--rxd=0"], [], "rxd(0) invalid - must be > 0"),
    (["--rxq=0", "--txq=0"], [], "Either rx or tx queues should be non-zero"),
    (
        ["--rxq=9999"],
        ["Fail: input rxq (9999) can't be greater than max_rx_queues (1024) of port 0"],
        "rxq 9999 invalid - must be >= 0 && <= 1024",
    ),
    (
        ["--coremask=0x1"],
        [
            "lcore 0 cannot be masked on for running packet forwarding, which is the main lcore and reserved for "
            "command line parsing only"
        ],
        "coremask is not valid",
    ),
    (["--mbcache=600"], [], "mbcache must be >= 0 and <= 512"),
    (["--print-event=foo"], ["Invalid event: foo"], "invalid print-event argument"),
    (["--tx-first"], [], "--tx-first cannot be used on interactive mode."),
]


@pytest.mark.parametrize(("options", "before", "verdict"), REFUSED, ids=[" ".join(row[0]) for row in REFUSED])
def test_options_that_cannot_be_close_the_ports_and_end_with_1(
    options: list[str], before: list[str], verdict: str
) -> None:
    ended = run("-i", *options)
    assert ended.status == 1
    assert ended.out.startswith("Interactive-mode selected\n")
    assert ended.out.endswith(CLOSED)
    assert ended.err.splitlines()[-len(before) - 2 :] == [*before, EXITING, verdict]


@pytest.mark.parametrize(
    ("word", "complaint"),
    [
        ("--foo", "pytestpmd: unrecognized option '--foo'"),
        ("--rx=1", "pytestpmd: option '--rx' is ambiguous; possibilities:"),
        ("--interactive=1", "pytestpmd: option '--interactive' doesn't allow an argument"),
        ("--burst", "pytestpmd: option '--burst' requires an argument"),
    ],
)
def test_a_word_that_is_no_option_ends_with_1_and_no_traceback(word: str, complaint: str) -> None:
    ended = run("-i", word)
    assert ended.status == 1
    assert ended.err.startswith(complaint)
    assert ended.err.endswith("Command line is incomplete or incorrect\n")
    assert "Traceback" not in ended.text


def test_a_stray_word_is_refused() -> None:
    assert "Invalid parameter: foo" in run("-i", "foo").err


def prompt_of(ended: Ended) -> str:
    return ended.text[: ended.text.index("testpmd> ")]


def test_a_port_list_without_ports_still_gives_a_prompt() -> None:
    ended = run("-i", "--portlist=7", typed="quit\n")
    assert ended.status == 0
    assert "previous number of forwarding ports 2 - changed to number of configured ports 0\n" in ended.out


def test_an_odd_port_is_warned_of_before_ports_are_configured() -> None:
    ended = run("-i", "--portlist=0", typed="quit\n")
    assert re.search(
        r"configured ports 1\n\nWarning! port-topology=paired and odd forward ports number, the last port will pair "
        r"with itself\.\n\nConfiguring Port 0",
        ended.out,
    )


def test_ports_that_cannot_start_still_give_a_prompt() -> None:
    ended = run("-i", "--rx-offloads=0x1", typed="quit\n")
    assert ended.status == 0
    assert re.search(
        r"Configuring Port 0 .*\n.*VLAN_STRIP\nFail to configure port 0\nStart ports failed\ntestpmd> ", ended.out
    )


def test_ports_that_cannot_start_end_a_run_without_a_prompt() -> None:
    ended = run("--rx-offloads=0x1")
    assert ended.status == 1
    assert ended.err.endswith(f"{EXITING}\nStart ports failed\n")


def test_ports_can_be_left_stopped() -> None:
    ended = run("-i", "--disable-device-start", typed="start\nquit\n")
    assert "Configuring Port" not in ended.out
    assert "testpmd> start\nNot all ports were started\n" in ended.out


def test_links_are_told_where_no_interrupt_will_tell_of_them() -> None:
    ended = run("-i", "--no-lsc-interrupt", typed="quit\n")
    assert "Checking link statuses...\nPort 0 Link up at 10 Gbps FDX Fixed None\nPort 1 Link up" in ended.out


def test_mbuf_sizes_make_a_pool_each() -> None:
    ended = run("-i", "--mbuf-size=2048,1024", typed="quit\n")
    assert "testpmd: create a new mbuf pool <mb_pool_0_1>: n=4096, size=1024, socket=0\n" in ended.err
    assert "testpmd: Warning: multiple mbuf sizes specified but scattered Rx not enabled" in ended.text


def test_commands_of_a_file_run_before_the_prompt(tmp_path: Path) -> None:
    file = tmp_path / "cf.txt"
    file.write_text("show port summary all\nset fwd mac\n")
    ended = run("-i", f"--cmdline-file={file}", typed="show config rxtx\nquit\n")
    text = ended.out[ended.out.index("Done\n") + 5 :]
    shown = masked(text[: text.index("testpmd> ")])
    assert shown == (
        f"[cf.txt] show port summary all\n{masked(transcript('show-port-summary-all'))}"
        "[cf.txt] set fwd mac\nSet mac packet forwarding mode\n[cf.txt] <End-Of-File>\n"
    )
    assert "  mac packet forwarding packets/burst=32\n" in text


def test_a_file_that_is_not_there_is_told_and_passed_over() -> None:
    ended = run("-i", "--cmdline-file=/nonexistent", typed="quit\n")
    assert ended.status == 0
    assert (
        "Failed to open file /nonexistent: No such file or directory\n"
        "Failed to process cmdline file: /nonexistent\ntestpmd> " in ended.out
    )


def test_one_lcore_is_too_few() -> None:
    ended = run("-i", eal=[*("--vdev=net_null0", "--vdev=net_null1"), "--main-lcore=0"], typed="quit\n")
    assert ended.status == 0
    alone = run("-i", eal=["--vdev=net_null0"], lcores="--lcores=0", typed="quit\n")
    assert alone.status == 1
    assert alone.err.endswith(f"{EXITING}\nNo cores defined for forwarding\nCheck the core mask argument\n")


def test_a_driver_that_nobody_knows_ends_the_program() -> None:
    ended = run("-i", eal=["--vdev=net_foo0"])
    assert ended.status == 1
    assert ended.err.splitlines()[-4:] == [
        'EAL: failed to parse device "net_foo0"',
        "EAL: Unable to parse device 'net_foo0'",
        EXITING,
        "Cannot init EAL: No such device",
    ]


def test_a_device_with_a_bad_argument_is_the_only_one_lost() -> None:
    ended = run("-i", eal=["--vdev=net_null0,foo=1", "--vdev=net_null1"], typed="show port summary all\nquit\n")
    assert ended.status == 0
    assert "EAL: Failed to probe device net_null0\nEAL: Bus (vdev) probe failed.\n" in ended.err
    assert "Number of available ports: 1\n" in ended.out
    assert re.search(r"^0 .* net_null1 ", ended.out, re.MULTILINE)


@pytest.mark.parametrize("eal", [["--help"], []])
def test_help_ends_with_0(eal: list[str]) -> None:
    ended = run(*([] if eal else ["--help"]), eal=eal)
    assert ended.status == 0
    assert "--port-topology" in ended.out
