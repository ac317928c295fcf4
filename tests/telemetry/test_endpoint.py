"""The endpoint's server: where it is, and what a client that behaves badly costs."""

import socket
import sys
import urllib.request
from collections.abc import Iterator

import pytest
from fakes.appliance import Appliance
from fakes.leaks import eventually

from pytestpmd.errors import ConfigError
from pytestpmd.telemetry import endpoint as endpoint_module
from pytestpmd.telemetry.endpoint import MAX_CLIENTS, Endpoint

pytest.importorskip("prometheus_client", reason="pip install pytestpmd[metrics]")

PATIENCE_S = 20.0


@pytest.fixture(scope="module")
def appliance() -> Iterator[Appliance]:
    with Appliance("net_null0") as appliance:
        yield appliance


@pytest.fixture
def endpoint(appliance: Appliance, no_leaks: None) -> Iterator[Endpoint]:
    one = Endpoint(appliance.app, 0)
    yield one
    one.close()


def get(port: int, host: str = "127.0.0.1") -> str:
    with urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=PATIENCE_S) as page:
        assert page.status == 200
        return str(page.read().decode())


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), PATIENCE_S)


def is_ipv6_here() -> bool:
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return False
    return True


def test_both_loopback_addresses_have_the_page(endpoint: Endpoint) -> None:
    hosts = ["127.0.0.1", "[::1]"] if is_ipv6_here() else ["127.0.0.1"]
    for host in hosts:
        assert 'pytestpmd_port_packets_total{direction="rx",name="net_null0",port="0"}' in get(endpoint.port, host)


def test_no_other_address_has_it(endpoint: Endpoint) -> None:
    listening = f":{endpoint.port:04X}"
    for table in ("tcp", "tcp6"):
        with open(f"/proc/net/{table}") as lines:
            found = [line.split()[1].split(":")[0] for line in lines if line.split()[1].endswith(listening)]
        assert set(found) <= {"0100007F", "00000000000000000000000001000000"}


def test_a_port_that_is_taken_is_one_clear_line(endpoint: Endpoint, appliance: Appliance) -> None:
    with pytest.raises(ConfigError, match=f"metrics-port {endpoint.port}: Address already in use"):
        Endpoint(appliance.app, endpoint.port)


def test_without_the_library_the_line_says_how_to_get_it(appliance: Appliance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(ConfigError, match=r"pip install pytestpmd\[metrics\]"):
        Endpoint(appliance.app, 0)


def test_clients_that_say_nothing_are_cut_off(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint_module, "CLIENT_S", 0.3)
    silent = [connect(endpoint.port) for _ in range(3 * MAX_CLIENTS)]
    for one in silent:
        assert one.recv(10) == b""
        one.close()
    assert eventually(lambda: "pytestpmd_info" in get(endpoint.port))


@pytest.mark.parametrize(
    "request_", [b"\0" * 1000, b"GET " + b"x" * 100_000, b"GET /metrics HTTP/1.1\r\nA: " + b"x" * 70_000]
)
def test_nonsense_costs_its_own_connection(
    endpoint: Endpoint, request_: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    with connect(endpoint.port) as one:
        try:
            one.sendall(request_ + b"\r\n\r\n")
            while one.recv(10_000):
                pass
        except ConnectionError:
            pass
    assert "pytestpmd_info" in get(endpoint.port)
    assert "Traceback" not in capfd.readouterr().err
