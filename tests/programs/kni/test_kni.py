"""pytestpmd-kni as a process: its port is an interface with a wire at the far end, on which the test is the generator.

The port would be a card in the guide; the generator sends to it and counts what comes back.
"""

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from fakes.kni import KNI, PATIENCE_S, Running, row
from fakes.leaks import eventually
from fakes.netns import Station, Wire, interfaces, private_network, station, wire
from fakes.packets import frame, frames

from pytestpmd.eal.netdev import Flag, NetDev
from pytestpmd.programs.kni.sock import address

pytestmark = pytest.mark.usefixtures("no_leaks")

CPUS = sorted(os.sched_getaffinity(0))
#: The guide's -l 0-3, on whatever CPUs this machine lets us have.
LCORES = f"--lcores=(0-3)@({CPUS[0]},{CPUS[-1]})"
GUIDE = ("-p", "0x1", "-P", "--config=(0,1,3)")
#: The last thing that is said before packets move.
READY = "Port 0: interface vEth0, lcore 1 (RX), lcore 3 (TX)"

#: What QEMU is here: it takes a tap's fd, as TUNGETIFF proves it, and sends back what it gets with the addresses
#: exchanged, as a guest with macswap would, until it has had so many.
ECHO = """
import fcntl, os, select, struct, sys
fd, count = int(sys.argv[1]), int(sys.argv[2])
flags = struct.unpack("16sH22x", fcntl.ioctl(fd, 0x800454D2, bytes(40)))[1]
assert flags & 0x4002 == 0x0002, hex(flags)
os.set_blocking(fd, True)
print("guest is there", flush=True)
for _ in range(count):
    data = os.read(fd, 1 << 16)
    os.write(fd, data[6:12] + data[:6] + data[12:])
"""


@pytest.fixture
def generator() -> Iterator[Wire]:
    """The far end of phys0, in a network of its own."""
    with private_network(), wire("phys0") as far_end:
        yield far_end


@pytest.fixture
def run(generator: Wire) -> Iterator[Callable[..., Running]]:
    """Start pytestpmd-kni on the ports that are given, phys0 by default."""
    started: list[Running] = []

    def start(*options: str, ports: tuple[str, ...] = ("net_af_packet0,iface=phys0",)) -> Running:
        vdevs = [f"--vdev={port}" for port in ports]
        started.append(Running([*KNI, LCORES, "-n", "4", "--no-pci", *vdevs, "--", *options]))
        return started[-1]

    yield start
    for one in started:
        one.end()


@pytest.fixture
def kni(run: Callable[..., Running]) -> Iterator[Running]:
    """The guide's command line, with vEth0 brought up by its user."""
    started = run(*GUIDE)
    assert started.says(READY), started.text
    with netdev("vEth0") as interface:
        interface.set_flags(Flag.UP, True)
    assert started.says("KNI: port 0 is started: vEth0 is up")
    yield started
    assert started.end() == 0, started.text
    assert "vEth0" not in interfaces()


class netdev:
    """An interface for as long as a block."""

    def __init__(self, name: str) -> None:
        self._netdev = NetDev.named(name)

    def __enter__(self) -> NetDev:
        return self._netdev

    def __exit__(self, *error: object) -> None:
        self._netdev.close()


def statistics(kni: Running) -> tuple[int, ...]:
    before = kni.text.count("rx_dropped")
    kni.process.send_signal(signal.SIGUSR1)
    assert kni.says("rx_dropped", before + 1)
    assert eventually(lambda: kni.text.rstrip().endswith("=="))
    return row(kni.text)


def test_packets_go_to_the_kernel_and_come_from_there(kni: Running, generator: Wire) -> None:
    with station("vEth0") as kernel:
        generator.send(*frames(200))
        assert kernel.receive(200) == frames(200)
        kernel.send(*frames(100, 1514))
        assert generator.receive(100) == frames(100, 1514)
        assert statistics(kni) == (200, 0, 100, 0)
        kni.process.send_signal(signal.SIGUSR2)
        assert kni.says("Statistics have been reset")
        generator.send(*frames(3))
        assert kernel.receive(3) == frames(3)
        assert statistics(kni) == (3, 0, 0, 0)
    assert kni.end() == 0
    assert row(kni.text) == (3, 0, 0, 0), "and at the end"


def test_what_the_interfaces_user_changes_is_the_ports_too(kni: Running, generator: Wire) -> None:
    with netdev("vEth0") as interface:
        state = interface.state()
        assert state is not None
        assert state.mac == generator.netdev.state().mac  # type: ignore[union-attr]  # it is there
        interface.set_mtu(1400)
        interface.set_mac(bytes.fromhex("020000000042"))

        def is_carried() -> bool:
            there = generator.netdev.state()
            return there is not None and (there.mtu, there.mac) == (1400, bytes.fromhex("020000000042"))

        assert eventually(is_carried, PATIENCE_S)
        interface.set_mtu(9000)
        assert kni.says("KNI: port 0 does not take an MTU that vEth0 was given: ETHDEV: MTU (9000) > device max MTU")
        assert eventually(lambda: interface.state().mtu == 1400, PATIENCE_S)  # type: ignore[union-attr]


def test_an_interface_that_is_down_stops_the_port_until_it_is_up(kni: Running, generator: Wire) -> None:
    with netdev("vEth0") as interface, station("vEth0") as kernel:
        interface.set_flags(Flag.UP, False)
        assert kni.says("KNI: port 0 is stopped: vEth0 is down")
        generator.send(*frames(5))
        interface.set_flags(Flag.UP, True)
        assert kni.says("KNI: port 0 is started: vEth0 is up", times=2)
        kernel.close()
    with station("vEth0") as kernel:
        generator.send(frame(60, 77))
        assert kernel.receive() == [frame(60, 77)]


def test_another_program_has_the_taps_fd_until_it_ends(kni: Running, generator: Wire) -> None:
    for _ in range(2):
        guest = Running([*KNI, "sock", "vEth0", sys.executable, "-c", ECHO, "{fd}", "100"])
        assert guest.says("guest is there"), guest.text
        generator.send(*frames(100, 200))
        swapped = [one[6:12] + one[:6] + one[12:] for one in frames(100, 200)]
        assert generator.receive(100) == swapped
        assert guest.process.wait(PATIENCE_S) == 0
        guest.end()
        assert kni.says("KNI: vEth0: the other program is gone")
        with station("vEth0") as kernel:
            assert eventually(lambda: _comes_through(generator, kernel))
    assert kni.end() == 0
    rx, rx_dropped, tx, tx_dropped = row(kni.text)
    assert rx >= 202
    assert tx == 200
    assert (rx_dropped, tx_dropped) == (0, 0)


def _comes_through(generator: Wire, kernel: Station) -> bool:
    """What is sent before the interface has been taken back is lost with the other program."""
    generator.send(frame(60, 5))
    try:
        return kernel.receive(within_s=0.5) == [frame(60, 5)]
    except TimeoutError:
        return False


def test_the_fd_is_given_to_one_at_a_time(kni: Running) -> None:
    first = Running([*KNI, "sock", "vEth0", sys.executable, "-c", ECHO, "{fd}", "1"])
    assert first.says("guest is there"), first.text
    second = Running([*KNI, "sock", "vEth0", "true"])
    assert second.process.wait(PATIENCE_S) == 1
    second.end()
    assert second.text == "pytestpmd-kni: vEth0: another program has it\n"
    first.process.kill()
    first.end()
    assert kni.says("KNI: vEth0: the other program is gone")


def test_who_connects_and_says_nothing_or_much_stops_nothing(kni: Running, generator: Wire) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as talker:
        talker.connect(address("vEth0"))
        talker.sendall(bytes(5000))
        _, fds, _, _ = socket.recv_fds(talker, 10, 1)
        assert select.select([fds[0]], [], [], 0)[0] in ([], [fds[0]])
        os.close(fds[0])
    assert kni.says("KNI: vEth0: the other program is gone")
    with station("vEth0") as kernel:
        generator.send(frame())
        assert kernel.receive() == [frame()]


def test_a_sock_of_nobody_is_one_line(generator: Wire) -> None:
    done = subprocess.run([*KNI, "sock", "vEth9", "true"], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "pytestpmd-kni: no pytestpmd-kni gives vEth9 away: [Errno 111] Connection refused\n"
    done = subprocess.run([*KNI, "sock"], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr.startswith("Usage: pytestpmd-kni sock INTERFACE COMMAND")) == (1, True)


def test_two_ports_have_two_interfaces_and_one_that_is_deleted_harms_no_other(
    run: Callable[..., Running], generator: Wire
) -> None:
    with wire("phys1") as second:
        kni = run(
            *("-p", "0x3", "--interrupt", "--config=(0,1,3),(1,0,2)"),
            ports=("net_af_packet0,iface=phys0", "net_af_packet1,iface=phys1"),
        )
        assert kni.says("Port 1: interface vEth1, lcore 0 (RX), lcore 2 (TX)"), kni.text
        for name in ("vEth0", "vEth1"):
            with netdev(name) as interface:
                interface.set_flags(Flag.UP, True)
        second.close()
        assert kni.says("EAL: net_af_packet1: the interface phys1 is gone; port 1 has no link")
        with station("vEth0") as kernel:
            generator.send(*frames(10))
            assert kernel.receive(10) == frames(10)
        assert kni.end() == 0


def test_the_carrier_follows_the_ports_link(run: Callable[..., Running], generator: Wire) -> None:
    kni = run(*GUIDE, "-m")
    assert kni.says(READY), kni.text
    with netdev("vEth0") as interface:
        interface.set_flags(Flag.UP, True)

        def carrier() -> bool:
            state = interface.state()
            return state is not None and state.has_link

        assert eventually(carrier, PATIENCE_S)
        generator.netdev.set_flags(Flag.UP, False)
        assert eventually(lambda: not carrier(), PATIENCE_S)
        generator.netdev.set_flags(Flag.UP, True)
        assert eventually(carrier, PATIENCE_S)
    assert kni.end() == 0


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("-P", "--config=(0,1,3)"), "No port is asked for: -p PORTMASK names them, as in -p 0x1"),
        (("-p", "0x2", "--config=(1,1,3)"), "The port mask asks for port 1, but there are 1 ports"),
        (("-p", "zz", "--config=(0,1,3)"), "zz"),
        (("-p", "1", "--config=(0,1,9)"), "Lcore 9, for tx of port 0, is none of those that -l gives"),
        (("-p", "1", "--config=0,1,3"), "Invalid config parameters: '0,1,3' is not"),
        (("-p", "1", "--confg"), "unrecognized option '--confg'"),
    ],
)
def test_what_cannot_be_ends_the_program_with_a_line(
    run: Callable[..., Running], options: tuple[str, ...], line: str
) -> None:
    kni = run(*options)
    assert kni.process.wait(PATIENCE_S) == 1
    assert kni.says(line), kni.text
    assert "Traceback" not in kni.text


def test_a_name_that_is_taken_ends_the_program_with_a_line(run: Callable[..., Running]) -> None:
    with wire("vEth0"):
        kni = run(*GUIDE)
        assert kni.process.wait(PATIENCE_S) == 1
        assert kni.says("vEth0: an interface of this name is there already"), kni.text
    assert "Traceback" not in kni.text


def test_help_tells_of_the_options() -> None:
    done = subprocess.run([*KNI, "--help"], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0
    assert "Usage: pytestpmd-kni [EAL options] -- [kni options]" in done.stdout
    for option in ("--portmask", "--promisc", "--monitor-link", "--config", "--interrupt"):
        assert option in done.stdout
