"""Which back-end is at a path, and which arguments go with it."""

import os
import socket
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest
from fakes.vhost_backend import FakeBackend

from pytestpmd.drivers import ProbeError, probe
from pytestpmd.drivers.virtio import backend_type as module
from pytestpmd.drivers.virtio import user_port
from pytestpmd.drivers.virtio.backend_type import BackendType, backend_type, vdpa_major
from pytestpmd.errors import ConfigError, DeviceError

pytestmark = pytest.mark.usefixtures("no_leaks")


@pytest.fixture
def devices(tmp_path: Path) -> Path:
    found = tmp_path / "devices"
    found.write_text("Character devices:\n  1 mem\n 10 misc\n246 vhost-vdpa\n\nBlock devices:\n254 virtblk\n")
    return found


def stand_in(monkeypatch: pytest.MonkeyPatch, mode: int, major: int = 0) -> None:
    """Have every file be one of this kind."""
    found = SimpleNamespace(st_mode=mode, st_rdev=os.makedev(major, 5))
    monkeypatch.setattr(module, "os", SimpleNamespace(stat=lambda path: found, major=os.major))


@pytest.mark.parametrize(("major", "expected"), [(10, BackendType.VHOST_KERNEL), (246, BackendType.VHOST_VDPA)])
def test_a_character_device_is_told_by_its_number(
    monkeypatch: pytest.MonkeyPatch, devices: Path, major: int, expected: BackendType
) -> None:
    stand_in(monkeypatch, stat.S_IFCHR, major)
    assert backend_type("/dev/x", devices) is expected


@pytest.mark.parametrize(
    ("kind", "major"), [(stat.S_IFCHR, 1), (stat.S_IFREG, 0), (stat.S_IFDIR, 0), (stat.S_IFBLK, 10)]
)
def test_what_is_neither_device_nor_socket_is_one_line(
    monkeypatch: pytest.MonkeyPatch, devices: Path, kind: int, major: int
) -> None:
    stand_in(monkeypatch, kind, major)
    with pytest.raises(ConfigError, match=r"^unable to determine backend type for path /dev/x$"):
        backend_type("/dev/x", devices)


def test_a_socket_is_one_whether_it_is_there_or_not(tmp_path: Path) -> None:
    path = tmp_path / "s"
    assert backend_type(str(path)) is BackendType.VHOST_USER
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))
    assert backend_type(str(path)) is BackendType.VHOST_USER
    assert backend_type(str(path / "below")) is BackendType.VHOST_USER


def test_a_path_that_cannot_be_looked_at_is_one_line(tmp_path: Path) -> None:
    path = "/" + "x" * 300
    with pytest.raises(DeviceError, match=rf"^Stat fails: {path} \(File name too long\)$"):
        backend_type(path)


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/dev/vhost-net-that-is-not-there", "modprobe vhost_net makes it"),
        ("/dev/vhost-vdpa-9999", "modprobe vhost_vdpa, and a device by vdpa dev add, make it"),
    ],
)
def test_a_device_that_is_missing_is_not_taken_for_a_socket(path: str, hint: str) -> None:
    with pytest.raises(DeviceError) as refused:
        backend_type(path)
    assert str(refused.value) == f"fail to open {path}, there is no such device ({hint})"


def test_without_vhost_vdpa_no_number_is_its(devices: Path) -> None:
    assert vdpa_major(devices) == 246
    devices.write_text("Character devices:\n 10 misc\n")
    assert vdpa_major(devices) == -1


# Arguments.


def refusal(text: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    with pytest.raises(ProbeError):
        probe(f"net_virtio_user0,{text}")
    return [line for line in capsys.readouterr().err.splitlines() if line.startswith("EAL")]


def test_an_interface_is_the_kernel_s_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with FakeBackend(tmp_path / "s"):
        lines = refusal(f"path={tmp_path / 's'},iface=vk0", capsys)
    assert lines == ["EAL: net_virtio_user0: arg iface applies only to vhost-kernel backend"]


@pytest.mark.parametrize("backend", [BackendType.VHOST_KERNEL, BackendType.VHOST_VDPA])
def test_only_a_socket_can_be_served(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], backend: BackendType
) -> None:
    monkeypatch.setattr(user_port, "backend_type", lambda path: backend)
    assert refusal("path=/dev/x,server=1", capsys) == ["EAL: net_virtio_user0: Server mode only supports vhost-user!"]


@pytest.mark.parametrize("name", ["", "x" * 16, "a/b", "a b", "."])
def test_an_interface_has_a_name_that_the_kernel_takes(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = refusal(f"path=/dev/x,iface={name}", capsys)
    assert line.startswith(f"EAL: net_virtio_user0: invalid value '{name}' for argument 'iface': expected an interface")


def test_a_device_that_forwards_nothing_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert refusal("path=/dev/null", capsys) == [
        "EAL: net_virtio_user0: unable to determine backend type for path /dev/null"
    ]
