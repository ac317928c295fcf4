"""The tap behind vhost-net: a real interface in a network of the test's own."""

import errno
import fcntl
import os
import socket
import struct
from collections.abc import Callable, Iterator

import pytest
from fakes.netns import interfaces, private_network, station
from fakes.packets import frame

from pytestpmd.drivers.tap import device
from pytestpmd.drivers.virtio.transport.kernel import TAP_FEATURES
from pytestpmd.drivers.virtio.transport.tap import Tap
from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.eal.netdev import Flag, NetDev
from pytestpmd.errors import DeviceError

pytestmark = pytest.mark.usefixtures("own_network", "no_leaks")

F = Feature
TUNGETVNETHDRSZ, TUNGETSNDBUF = 0x800454D7, 0x800454D3
MAC = bytes.fromhex("020000000042")
Make = Callable[..., Tap]


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[Tap] = []

    def make_tap(name: str = "vk0", nb_pairs: int = 1) -> Tap:
        made.append(Tap(name, nb_pairs))
        return made[-1]

    yield make_tap
    for tap in made:
        tap.close()


@pytest.fixture
def persistent() -> Iterator[Callable[[str, int], None]]:
    """Make interfaces as ``ip tuntap add`` does; they are deleted at the end."""
    names: list[str] = []

    def make_interface(name: str, flags: int) -> None:
        fd = device.open_tun()
        device.set_interface(fd, name, flags)
        device.set_persistent(fd, True)
        os.close(fd)
        names.append(name)

    yield make_interface
    for name in names:
        fd = device.open_tun()
        for flags in (device.IFF_MULTI_QUEUE, 0):
            try:
                device.set_interface(fd, name, flags)
            except OSError:
                continue
            device.set_persistent(fd, False)
            break
        os.close(fd)


def number(fd: int, request: int) -> int:
    value: int = struct.unpack("i", fcntl.ioctl(fd, request, bytes(4)))[0]
    return value


def bring_up(name: str) -> None:
    netdev = NetDev.named(name)
    netdev.set_flags(Flag.UP, True)
    netdev.close()


def test_the_interface_lives_as_long_as_the_tap(make: Make) -> None:
    tap = make()
    assert "vk0" in interfaces()
    assert tap.is_there
    tap.close()
    assert "vk0" not in interfaces()
    assert not tap.is_there


def test_the_kernel_names_it_when_nobody_else_does(make: Make) -> None:
    first, second = make("tap%d"), make("tap%d")
    assert (first.name, second.name) == ("tap0", "tap1")


@pytest.mark.parametrize("hdr_size", [10, 12])
def test_frames_have_the_header_that_is_asked_for(make: Make, hdr_size: int) -> None:
    tap = make(nb_pairs=2)
    tap.begin(hdr_size, F(0))
    bring_up("vk0")
    assert number(tap.fd(0), TUNGETVNETHDRSZ) == hdr_size
    with station("vk0") as user:
        user.send(frame(100))
        assert os.read(tap.fd(0), 2048)[hdr_size:] == frame(100)
        os.write(tap.fd(0), bytes(hdr_size) + frame(80))
        assert user.receive() == [frame(80)]


def test_every_offload_that_can_be_agreed_is_taken(make: Make) -> None:
    tap = make()
    tap.begin(12, TAP_FEATURES)
    tap.begin(12, F.VIRTIO_NET_F_GUEST_TSO4)  # which means nothing without GUEST_CSUM, and is not asked for


def test_as_much_may_wait_as_vhost_bounds_itself(make: Make) -> None:
    tap = make(nb_pairs=2)
    tap.begin(12, F(0))
    tap.attach(1, True)
    assert [number(tap.fd(pair), TUNGETSNDBUF) for pair in (0, 1)] == [0x7FFFFFFF] * 2


def test_a_pair_takes_part_when_it_is_attached(make: Make) -> None:
    tap = make(nb_pairs=3)
    for pair, on in ((1, True), (1, True), (2, True), (1, False), (1, False), (1, True)):
        tap.attach(pair, on)
        with pytest.raises(OSError, match="Invalid argument"):  # which is how the kernel says that it is so already
            device.attach(tap.fd(pair), on)


def test_address_and_mtu_are_set(make: Make) -> None:
    tap = make()
    tap.set_mac(MAC)
    tap.set_mtu(1400)
    netdev = NetDev.named("vk0")
    state = netdev.state()
    netdev.close()
    assert state is not None
    assert (state.mac, state.mtu) == (MAC, 1400)


@pytest.mark.parametrize("mac", [bytes(6), b"\x01" + bytes(5)])
def test_an_address_that_no_interface_has_is_one_line(make: Make, mac: bytes) -> None:
    with pytest.raises(DeviceError, match=rf"^interface vk0: it does not take the address {mac.hex(':')}: "):
        make().set_mac(mac)


def test_an_mtu_that_no_interface_has_is_one_line(make: Make) -> None:
    with pytest.raises(DeviceError, match=r"^interface vk0: it does not take an MTU of 10: Invalid argument$"):
        make().set_mtu(10)


def test_whether_it_is_up_is_its_user_s_to_say(make: Make) -> None:
    tap = make()
    assert not tap.is_up
    bring_up("vk0")
    assert tap.is_up


def test_one_that_is_deleted_is_gone(make: Make) -> None:
    tap = make(nb_pairs=2)
    delete("vk0")
    assert not tap.is_there
    make()


def delete(name: str) -> None:
    """RTM_DELLINK."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as netlink:
        netlink.bind((0, 0))
        index = socket.if_nametoindex(name)
        netlink.send(struct.pack("=IHHII BxHiII", 32, 17, 5, 1, 0, 0, 0, index, 0, 0))
        code = struct.unpack_from("=i", netlink.recv(4096), 16)[0]
        assert code == 0, os.strerror(-code)


def test_one_that_was_moved_to_another_network_goes_on(make: Make) -> None:
    tap = make()
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    with private_network():
        other = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        move("vk0", other)
        assert "vk0" not in interfaces()
        assert tap.is_there
        assert tap.is_up
        tap.set_mac(MAC)
        tap.set_mtu(1400)
        tap.begin(12, F(0))
    finally:
        os.close(other)
        os.close(here)


def move(name: str, namespace: int) -> None:
    """RTM_NEWLINK with IFLA_NET_NS_FD."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as netlink:
        netlink.bind((0, 0))
        index = socket.if_nametoindex(name)
        netlink.send(struct.pack("=IHHII BxHiII HHi", 40, 16, 5, 1, 0, 0, 0, index, 0, 0, 8, 28, namespace))
        code = struct.unpack_from("=i", netlink.recv(4096), 16)[0]
        assert code == 0, os.strerror(-code)


# One that is there already.


@pytest.mark.parametrize(("flags", "nb_pairs"), [(device.IFF_MULTI_QUEUE, 2), (0, 1)])
def test_one_that_was_made_for_somebody_is_taken_and_stays(
    make: Make, persistent: Callable[[str, int], None], flags: int, nb_pairs: int
) -> None:
    persistent("vk0", flags)
    tap = make(nb_pairs=nb_pairs)
    tap.begin(12, F(0))
    assert tap.has_queues is bool(flags)
    tap.close()
    assert "vk0" in interfaces()


def test_one_without_several_queues_serves_no_two_pairs(make: Make, persistent: Callable[[str, int], None]) -> None:
    persistent("vk0", 0)
    with pytest.raises(DeviceError, match=r"^tap vk0 does not support multi queue$"):
        make(nb_pairs=2)


@pytest.mark.parametrize("nb_pairs", [1, 2])
def test_one_that_somebody_uses_is_not_taken(make: Make, nb_pairs: int) -> None:
    first = make(nb_pairs=nb_pairs)
    with pytest.raises(DeviceError, match=r"^vk0: the interface is there already, and in use$"):
        make(nb_pairs=nb_pairs)
    assert first.is_there


def test_one_that_is_no_tap_is_not_taken(make: Make) -> None:
    with pytest.raises(DeviceError, match=r"^lo: "):
        make("lo")


def test_without_permission_it_is_one_line(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(fd: int, name: str, flags: int) -> str:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(device, "set_interface", denied)
    with pytest.raises(DeviceError, match=r"^vk0: no permission: to make a tap interface takes CAP_NET_ADMIN$"):
        make()
