"""net_virtio_user over /dev/vhost-net: the guest's kernel at the other end of a tap."""

import re
from collections.abc import Iterator

import pytest
from guest.machine import PYTESTPMD, Machine
from guest.program import GuestProgram
from peers.programs import eventually

EAL = "--lcores=0@0,1@1 --no-pci --log-level=pmd.net.virtio.*:info"
PORTS = "".join(f" --vdev net_virtio_user{i},path=/dev/vhost-net,iface=vk{i},queues=2" for i in range(2))
MANY = range(2, 34)
#: A sender in one network, a receiver in the other: what was sent is what came.
STREAM = """\
import hashlib, os, socket, sys, threading
data = os.urandom(1 << 20) * 8
listener = socket.create_server(("10.9.2.2", 5001)) if sys.argv[1] == "receive" else None
if listener:
    print("listens", flush=True)
    there, _ = listener.accept()
    digest, count = hashlib.sha256(), 0
    while piece := there.recv(1 << 16):
        digest.update(piece)
        count += len(piece)
    print(count, digest.hexdigest())
else:
    with socket.create_connection(("10.9.2.2", 5001), timeout=40) as there:
        there.sendall(data)
    print(len(data), hashlib.sha256(data).hexdigest())
"""


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with Machine() as machine:
        machine.modprobe("vhost_net", "tun")
        machine.sh("sysctl -qw net.ipv6.conf.default.disable_ipv6=1")
        yield machine


@pytest.fixture(scope="module")
def ours(machine: Machine) -> Iterator[GuestProgram]:
    """Two ports that answer pings, each with its interface, which is up."""
    with machine.pytestpmd(f"{EAL}{PORTS} -- -i --total-num-mbufs=8192 --rxq=2 --txq=2").ready() as program:
        for i in range(2):
            address(machine, i)
        program.run("set fwd icmpecho")
        program.run("start")
        yield program
        assert program.quit() == 0
        assert machine.run("ls -d /sys/class/net/vk*").status != 0


def address(machine: Machine, i: int) -> None:
    machine.sh(f"ip addr add 10.9.{i}.1/24 dev vk{i}; ip link set vk{i} up")


def answers(machine: Machine, i: int) -> bool:
    """Whether the port of that interface answers; three pings, of which none may be lost."""
    return "3 packets received" in machine.run(f"busybox ping -c 3 -w 20 10.9.{i}.2").output


def test_the_back_end_is_told_by_its_path(ours: GuestProgram) -> None:
    assert "Backend type detected: VHOST_NET" in ours.banner
    assert "Port 0: " in ours.banner


@pytest.mark.parametrize("port", [0, 1])
def test_a_ping_is_answered_through_the_interface(machine: Machine, ours: GuestProgram, port: int) -> None:
    assert answers(machine, port)


def test_rings_and_interface_are_shown(ours: GuestProgram) -> None:
    shown = ours.run("show port 0 virtio")
    assert "vhost-net at /dev/vhost-net, connected: interface vk0" in shown
    assert "VIRTIO_NET_F_MRG_RXBUF       yes      yes     yes" in shown


def test_the_interface_has_the_port_s_address_and_as_many_queues(machine: Machine, ours: GuestProgram) -> None:
    assert machine.sh("cat /sys/class/net/vk0/address").strip().upper() in ours.run("show port 0 macs") + ours.banner
    assert machine.sh("ls -d /sys/class/net/vk0/queues/rx-* | wc -l").strip() == "2"


def test_flows_come_in_by_both_queues(machine: Machine, ours: GuestProgram) -> None:
    targets = " ".join(f"10.9.0.{i}" for i in MANY)
    machine.sh(f"for ip in {targets}; do busybox ping -c 2 -w 20 $ip >/dev/null & done; wait")
    counts = ours.xstats(0)
    assert counts["rx_q0_good_packets"] > 0
    assert counts["rx_q1_good_packets"] > 0
    assert counts["rx_good_packets"] >= 2 * len(MANY)


def test_a_port_goes_on_after_stop_and_start(machine: Machine, ours: GuestProgram) -> None:
    ours.run("stop")
    ours.run("port stop 0")
    assert "0 packets received" in machine.run("busybox ping -c 1 -w 2 10.9.0.2").output
    ours.run("port start 0")
    ours.run("start")
    assert answers(machine, 0)


def test_the_interface_is_the_link(machine: Machine, ours: GuestProgram) -> None:
    for state, shown in (("down", "down"), ("up", "up")):
        machine.sh(f"ip link set vk0 {state}")
        ours.expect("Port 0: link state change event")
        ours.run("")
        assert f"Link status: {shown}" in ours.run("show port info 0")
    assert answers(machine, 0)


def woken(ours: GuestProgram) -> int:
    """How often packets have ended a sleep of lcore 1's."""
    found = re.search(r"woken (\d+) times by packets", ours.run("show fwd interrupt"))
    assert found
    return int(found[1])


@pytest.mark.parametrize("port", [0, 1])
def test_who_sleeps_is_woken_by_a_ping(machine: Machine, ours: GuestProgram, port: int) -> None:
    ours.run("stop")
    ours.run("set interrupt on")
    assert "Interrupt mode: lcore 1 sleeps" in ours.run("start")
    eventually(lambda: "is asleep" in ours.run("show fwd interrupt"), "it sleeps")
    before = woken(ours)
    assert answers(machine, port)
    assert woken(ours) > before
    eventually(lambda: "is asleep" in ours.run("show fwd interrupt"), "it sleeps again")
    ours.run("stop")
    ours.run("set interrupt off")
    ours.run("start")


def test_an_interface_that_is_in_use_is_not_taken(machine: Machine, ours: GuestProgram) -> None:
    said = ours.run("port attach net_virtio_user7,path=/dev/vhost-net,iface=vk0,queues=2")
    assert "net_virtio_user7: vk0: the interface is there already, and in use" in said
    assert answers(machine, 0)


def test_an_interface_that_is_deleted_while_forwarding_costs_one_line_and_one_link(
    machine: Machine, ours: GuestProgram
) -> None:
    machine.sh("ip link del vk1")
    ours.expect("(/dev/vhost-net) the interface vk1 is gone")
    ours.expect("Port 1: link state change event")
    ours.run("")
    assert "Link status: down" in ours.run("show port info 1")
    assert answers(machine, 0)
    ours.run("stop")
    ours.run("port stop 1")
    ours.run("port start 1")
    address(machine, 1)
    ours.run("start")
    assert answers(machine, 1)


def test_a_user_without_the_right_is_told_so(machine: Machine, ours: GuestProgram) -> None:
    device = "--vdev net_virtio_user0,path=/dev/vhost-net"
    command = f"{PYTESTPMD} --no-pci --lcores=0@0,1@1 {device} -- --total-num-mbufs=2048 </dev/null"
    output = machine.run(f"HOME=/tmp XDG_RUNTIME_DIR=/tmp setpriv --reuid=65534 --clear-groups {command}").output
    line = "fail to open /dev/vhost-net, Permission denied (its user needs the right to read and write it)"
    assert [each for each in output.splitlines() if "vhost-net" in each] == [f"EAL: net_virtio_user0: {line}"]


def test_a_stream_goes_through_in_segments_longer_than_a_frame(machine: Machine, ours: GuestProgram) -> None:
    """Checksums and segmentation are left undone on both taps; each interface is in a network of its own."""
    ours.run("stop")
    ports = PORTS.replace("=vk", "=vt")
    offloads = "--rx-offloads=0x201c --tx-offloads=0x802c"  # checksums, LRO, scatter; checksums, TSO, segments
    machine.sh("ip netns add a; ip netns add b")
    with machine.pytestpmd(
        f"{EAL} --file-prefix=stream{ports} -- -i --total-num-mbufs=8192 --rxq=2 --txq=2 {offloads}"
    ).ready() as program:
        for i, network in enumerate("ab"):
            inside = f"ip netns exec {network}"
            machine.sh(
                f"ip link set vt{i} netns {network}; {inside} sysctl -qw net.ipv6.conf.vt{i}.disable_ipv6=1\n"
                f"{inside} ip addr add 10.9.2.{i + 1}/24 dev vt{i}; {inside} ip link set vt{i} up"
            )
            mac = machine.sh(f"{inside} cat /sys/class/net/vt{i}/address").strip()
            program.run(f"set eth-peer {i} {mac}")
        program.run("port stop all")
        for line in ("tcp hw {}", "udp hw {}", "mac-swap off {}"):
            for i in range(2):
                program.run(f"csum {line.format(i)}" if "swap" in line else f"csum set {line.format(i)}")
        for i in range(2):
            program.run(f"tso set 1400 {i}")
        program.run("port start all")
        program.run("set fwd csum")
        program.run("start")
        machine.sh(f"cat >/run/stream.py <<'EOF'\n{STREAM}EOF")
        with machine.program("ip netns exec b python3 /run/stream.py receive; echo received") as receiver:
            receiver.expect("listens")
            sent = machine.sh("ip netns exec a python3 /run/stream.py send").strip()
            receiver.expect("received")
            assert sent in receiver.said
        eventually(lambda: program.xstats(1)["tx_good_packets"] > 0, "packets on the other port")
        counts = program.xstats(0) | {"sent": program.xstats(1)["tx_good_packets"]}
        assert counts["rx_good_packets"] < (8 << 20) / 1460 / 2, "segments came in, not frames"
        assert counts["rx_good_bytes"] > 8 << 20
        assert program.quit() == 0
