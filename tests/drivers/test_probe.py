"""Device strings to ports: which driver, and what becomes of those that cannot be."""

import errno
import os
from pathlib import Path

import pytest
from fakes.vhost_backend import FakeBackend, R, hang_up

from pytestpmd import drivers
from pytestpmd.drivers import DRIVERS, NoSuchDriver, ProbeError, discover, driver, probe
from pytestpmd.drivers.null import NullPort
from pytestpmd.drivers.vhost import VhostPort
from pytestpmd.drivers.virtio import VirtioUserPort
from pytestpmd.ethdev.port import EthPort

pytestmark = pytest.mark.usefixtures("no_leaks")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("net_null0", NullPort),
        ("net_null", NullPort),
        ("net_null17", NullPort),
        ("eth_null0", NullPort),
        ("net_vhost0,iface={sock}", VhostPort),
        ("eth_vhost3,iface={sock}", VhostPort),
        ("net_virtio_user0,path={sock},server=1", VirtioUserPort),
        ("virtio_user12,path={sock},server=1", VirtioUserPort),
    ],
)
def test_a_name_with_any_number_finds_its_driver(tmp_path: Path, name: str, kind: type[EthPort]) -> None:
    port = probe(name.format(sock=tmp_path / "s"))
    assert type(port) is kind
    assert port.name == name.partition(",")[0]
    assert port.devargs == name.format(sock=tmp_path / "s").partition(",")[2]
    port.close()


@pytest.mark.parametrize(
    "name", ["", "net_foo0", "net_nul0", "net_null0x", "net_null_0", "Net_null0", "0net_null", "net_"]
)
def test_a_name_that_no_driver_knows_is_said_in_the_original_s_words(name: str) -> None:
    with pytest.raises(NoSuchDriver) as unknown:
        probe(f"{name},size=64")
    assert str(unknown.value) == f'failed to parse device "{name}"'
    assert unknown.value.name == name


@pytest.mark.parametrize(
    ("device", "line"),
    [
        ("net_null0,foo=1", "EAL: net_null0: unknown argument 'foo'; known: size, copy, no-rx"),
        (
            "net_null0,size=0",
            "EAL: net_null0: invalid value '0' for argument 'size': expected an integer from 1 to 65535",
        ),
        ("net_null0,copy=1,no-rx=1", "EAL: net_null0: copy and no-rx do not go together"),
        ("net_virtio_user0", "EAL: net_virtio_user0: arg path is mandatory for virtio_user"),
        (
            "net_virtio_user0,path=/nonexistent/s",
            "EAL: net_virtio_user0: Cannot connect to /nonexistent/s: No such file or directory",
        ),
        ("net_vhost0", "EAL: net_vhost0: arg iface is mandatory for vhost"),
        (
            "net_vhost0,iface=/nonexistent/s",
            "EAL: net_vhost0: Cannot listen at /nonexistent/s: No such file or directory",
        ),
        (
            "net_vhost0,iface=/tmp/s,queues=0",
            "EAL: net_vhost0: invalid value '0' for argument 'queues': expected an integer from 1 to 128",
        ),
        (
            "net_vhost0,iface=/tmp/" + "x" * 110,
            "EAL: net_vhost0: Socket path is longer than 107 bytes: /tmp/" + "x" * 110,
        ),
        (
            "net_vhost0,client=1,iface=/tmp/" + "x" * 110,
            "EAL: net_vhost0: Socket path is longer than 107 bytes: /tmp/" + "x" * 110,
        ),
    ],
)
def test_a_device_that_cannot_be_is_one_line_and_one_verdict(
    device: str, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ProbeError, match=rf"^Failed to probe device {device.partition(',')[0]}$"):
        probe(device)
    assert capsys.readouterr().err.splitlines() == [line]


def test_a_back_end_that_hangs_up_while_the_port_is_made_leaves_nothing_behind(tmp_path: Path) -> None:
    with FakeBackend(tmp_path / "s") as backend:
        backend.answers[R.GET_QUEUE_NUM] = hang_up
        with pytest.raises(ProbeError):
            probe(f"net_virtio_user0,path={tmp_path / 's'}")


def test_a_process_out_of_file_descriptors_loses_the_device_with_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fresh = [os.eventfd(0) for _ in range(3)]

    def three_left(*_: int) -> int:
        if not fresh:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return fresh.pop()

    monkeypatch.setattr(os, "eventfd", three_left)
    with pytest.raises(ProbeError):
        probe(f"net_virtio_user0,path={tmp_path / 's'},server=1")
    assert capsys.readouterr().err.splitlines() == [
        "EAL: net_virtio_user0: no eventfd for queue 1: Too many open files"
    ]


def test_two_drivers_cannot_have_one_name() -> None:
    discover()
    with pytest.raises(ValueError, match="two drivers are named net_null"):

        @driver("net_null")
        class Impostor(NullPort):
            pass

    assert DRIVERS["net_null"] is NullPort


def test_every_driver_is_found_by_walking_the_folder() -> None:
    discover()
    folders = {path.parent.name for path in Path(drivers.__file__).parent.glob("*/__init__.py")}
    assert {cls.__module__.split(".")[2] for cls in DRIVERS.values()} == folders  # type: ignore[attr-defined]


def test_two_devices_cannot_have_one_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ProbeError, match="net_null0"):
        probe("net_null0", ["net_null0"])
    assert capsys.readouterr().err == "EAL: net_null0: there is a device of this name already\n"
    probe("net_null1", ["net_null0"]).close()
