"""Two programs on one vhost-user socket, the front-end typed at as the original was."""

import re
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest
from e2e.program import Ended, run, spawn, without_logs
from transcripts import masked, session, transcript, typed

#: What two ends agree on is their own affair.
AGREED = re.compile(r"^(guest_features|req_guest_features|use_vec|use_inorder): .*$", re.MULTILINE)


def comparable(text: str) -> str:
    return AGREED.sub(r"\1: N", masked(text))


@pytest.fixture
def socket(tmp_path: Path) -> Path:
    return tmp_path / "vhost.sock"


@pytest.fixture
def vhost(socket: Path) -> Iterator["pexpect.spawn[str]"]:
    """The back-end, forwarding what it gets."""
    program = spawn("-i", "-a", eal=["--file-prefix=vhost", f"--vdev=net_vhost0,iface={socket}"])
    program.expect_exact("testpmd> ")
    yield program
    program.close(force=True)


def virtio(socket: Path, lines: list[str], devargs: str = "", *options: str) -> Ended:
    device = f"--vdev=net_virtio_user0,path={socket}{devargs}"
    return run("-i", *options, eal=["--file-prefix=virtio", device], typed="".join(f"{line}\n" for line in lines))


def test_a_virtio_session_is_the_originals(vhost: "pexpect.spawn[str]", socket: Path) -> None:
    original = session("virtio")
    ended = virtio(socket, typed(original))
    ours = ended.out[ended.out.index("testpmd> ") :].replace(str(socket), "SOCK")
    assert comparable(ours) == comparable(original)
    assert ended.status == 0


def test_a_session_with_a_control_queue_and_two_pairs_is_the_originals(socket: Path) -> None:
    original = session("control")
    back = spawn("-i", "--rxq=2", "--txq=2", eal=["--file-prefix=vhost", f"--vdev=net_vhost0,iface={socket},queues=2"])
    back.expect_exact("testpmd> ")
    devargs = ",cq=1,queues=2,mac=00:11:22:33:44:55,speed=25000"
    ended = virtio(socket, [*typed(original), "quit"], devargs, "--rxq=2", "--txq=2")
    back.close(force=True)
    ours = ended.out[ended.out.index("testpmd> ") :].replace(str(socket), "SOCK")
    assert comparable(ours[: ours.index("testpmd> quit")]) == comparable(original)
    assert "02:11:22:33:44:55" in ours
    assert ended.status == 0


def test_virtio_starts_up_as_the_original_does(vhost: "pexpect.spawn[str]", socket: Path) -> None:
    program = spawn("-i", "--console=plain", eal=["--file-prefix=virtio", f"--vdev=net_virtio_user0,path={socket}"])
    program.expect_exact("testpmd> ")
    shown = without_logs(program.before.replace("\r\n", "\n"))
    program.sendline("quit")
    program.expect(pexpect.EOF)
    assert masked(shown) == masked(transcript("virtio-startup"))


def test_packets_go_round_and_are_counted_alike_on_both_sides(vhost: "pexpect.spawn[str]", socket: Path) -> None:
    program = spawn("-i", "--console=plain", eal=["--file-prefix=virtio", f"--vdev=net_virtio_user0,path={socket}"])
    program.expect_exact("testpmd> ")
    program.sendline("start tx_first")
    program.expect_exact("testpmd> ")
    received = 0
    for _ in range(100):
        program.sendline("show port stats 0")
        program.expect(r"RX-packets: (\d+)")
        received = int(program.match.group(1))
        program.expect_exact("testpmd> ")
        if received > 1000:
            break
    assert received > 1000
    program.sendline("stop")
    program.expect(r"RX-packets: (\d+) +RX-dropped: 0 .*TX-packets: (\d+) +TX-dropped: 0 ")
    sent = int(program.match.group(2))
    program.sendline("quit")
    program.expect(pexpect.EOF)
    vhost.sendline("stop")
    vhost.expect(r"RX-packets: (\d+) ")
    assert int(vhost.match.group(1)) <= sent


def test_a_peer_that_is_not_there_loses_the_device_and_not_the_program(socket: Path) -> None:
    ended = virtio(socket, ["show port summary all", "quit"])
    assert ended.status == 0
    assert "EAL: Failed to probe device net_virtio_user0\n" in ended.err
    assert "Number of available ports: 0\n" in ended.out
