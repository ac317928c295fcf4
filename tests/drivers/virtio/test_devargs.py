"""What net_virtio_user takes after its name, and what is said to the rest."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes.vhost_backend import FakeBackend

from pytestpmd.drivers import ProbeError, probe
from pytestpmd.drivers.virtio import VirtioUserPort
from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.eal.devargs import DevargsError
from pytestpmd.ethdev.port import SPEED_UNKNOWN

pytestmark = pytest.mark.usefixtures("no_leaks")

F = Feature
Args = VirtioUserPort.Args
SPEEDS = (10000, 20000, 25000, 40000, 50000, 56000, 100000, 200000, 400000, 800000)


def test_defaults_are_dpdk_s() -> None:
    args = Args.parse("path=/tmp/s")
    assert (args.path, args.mac) == (Path("/tmp/s"), None)
    assert (args.queue_size, args.queues) == (256, 1)
    assert (args.mrg_rxbuf, args.in_order, args.server) == (True, True, False)
    assert args.speed == SPEED_UNKNOWN


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("mac=02:00:00:00:00:07", "mac", bytes.fromhex("020000000007")),
        ("queue_size=1024", "queue_size", 1024),
        ("queue_size=0x40", "queue_size", 64),
        ("queues=16", "queues", 16),
        ("mrg_rxbuf=0", "mrg_rxbuf", False),
        ("in_order=0", "in_order", False),
        ("server=1", "server", True),
        *((f"speed={speed}", "speed", speed) for speed in SPEEDS),
    ],
)
def test_arguments_are_read(text: str, field: str, value: Any) -> None:
    assert getattr(Args.parse(f"path=/tmp/s,{text}"), field) == value


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", r"^arg path is mandatory for virtio_user$"),
        ("queues=1", r"^arg path is mandatory for virtio_user$"),
        ("path=", r"^invalid value '' for argument 'path': expected a path$"),
        ("path", r"^argument 'path' needs a value: path=\.\.\.$"),
        ("path=/tmp/s,foo=1", r"^unknown argument 'foo'; known: path, "),
        ("path=/tmp/s,foo", r"^unknown argument 'foo'; known: path, "),
        ("path=/tmp/s,path=/tmp/t", r"^argument 'path' is given more than once$"),
        ("path=/tmp/s,queues=1,queues=1", r"^argument 'queues' is given more than once$"),
        ("path=/tmp/s,queues=0", r"^invalid value '0' for argument 'queues': expected an integer from 1 to 16$"),
        ("path=/tmp/s,queues=17", r"^invalid value '17' for argument 'queues'"),
        ("path=/tmp/s,queues=two", r"^invalid value 'two' for argument 'queues'"),
        ("path=/tmp/s,queues=-1", r"^invalid value '-1' for argument 'queues'"),
        ("path=/tmp/s,queue_size=1", r"^invalid value '1' for argument 'queue_size'"),
        ("path=/tmp/s,queue_size=65536", r"^invalid value '65536' for argument 'queue_size'"),
        ("path=/tmp/s,speed=12345", r"^invalid value '12345' for argument 'speed': expected one of 10000, 20000, "),
        ("path=/tmp/s,speed=4294967295", r"^invalid value '4294967295' for argument 'speed'"),
        ("path=/tmp/s,mac=02:00", r"^invalid value '02:00' for argument 'mac': expected an Ethernet address"),
        ("path=/tmp/s,mac=", r"^invalid value '' for argument 'mac'"),
        ("path=/tmp/s,mrg_rxbuf=2", r"^invalid value '2' for argument 'mrg_rxbuf': expected one of 0, 1$"),
        ("path=/tmp/s,server=yes", r"^invalid value 'yes' for argument 'server'"),
    ],
)
def test_what_cannot_be_is_one_clear_line(text: str, line: str) -> None:
    with pytest.raises(DevargsError, match=line) as refused:
        Args.parse(text, owner="virtio_user")
    assert "\n" not in str(refused.value)


@pytest.fixture
def wanted(tmp_path: Path) -> Callable[[str], VirtioUserPort]:
    """The port that a device string makes with an honest back-end, closed again."""

    def make(text: str) -> VirtioUserPort:
        path = tmp_path / "s"
        path.unlink(missing_ok=True)
        with FakeBackend(path):
            port = probe(f"net_virtio_user0,path={path}{text}")
            port.close()
        assert isinstance(port, VirtioUserPort)
        return port

    return make


def test_arguments_decide_what_is_wanted_of_the_device(wanted: Callable[[str], VirtioUserPort]) -> None:
    assert F.VIRTIO_NET_F_MRG_RXBUF in wanted("").wanted
    assert F.VIRTIO_NET_F_MRG_RXBUF not in wanted(",mrg_rxbuf=0").wanted
    assert F.VIRTIO_NET_F_MAC not in wanted("").wanted
    assert F.VIRTIO_NET_F_MAC in wanted(",mac=02:00:00:00:00:01").wanted
    assert F.VIRTIO_NET_F_MQ not in wanted("").wanted
    assert F.VIRTIO_NET_F_MQ in wanted(",queues=2").wanted


def test_an_address_that_is_given_is_the_port_s(wanted: Callable[[str], VirtioUserPort]) -> None:
    assert wanted(",mac=02:00:00:00:0a:01").mac == bytes.fromhex("020000000a01")


def test_without_an_address_the_port_makes_up_a_local_unicast_one(wanted: Callable[[str], VirtioUserPort]) -> None:
    first, second = wanted("").mac, wanted("").mac
    assert first != second
    assert first[0] & 3 == 2


def test_a_speed_is_told_of_a_link_that_is_up(wanted: Callable[[str], VirtioUserPort]) -> None:
    assert wanted(",speed=25000").link().speed == 0
    assert wanted(",speed=25000")._speed == 25000


@pytest.mark.parametrize("size", [3, 100, 255, 32767])
def test_a_split_ring_that_is_no_power_of_two_loses_the_device(
    tmp_path: Path, size: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with FakeBackend(tmp_path / "s"), pytest.raises(ProbeError, match=r"^Failed to probe device net_virtio_user0$"):
        probe(f"net_virtio_user0,path={tmp_path / 's'},queue_size={size}")
    assert "split virtqueue size is not power of 2" in capsys.readouterr().err


@pytest.mark.parametrize("size", [2, 4, 32, 32768])
def test_every_power_of_two_is_a_ring_size(wanted: Callable[[str], VirtioUserPort], size: int) -> None:
    assert wanted(f",queue_size={size}").info().rx_ring_size == size
